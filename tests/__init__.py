"""The tests."""

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the example.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("tests")
