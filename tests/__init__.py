"""The tests.

Property tests try the same examples each time, so that a run says what the one before it said;
``HYPOTHESIS_PROFILE=search pytest`` looks for others, and for longer.
"""

import os

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the example.
settings.register_profile(
    "tests",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile(
    "search", settings.get_profile("tests"), derandomize=False, max_examples=2_000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))
