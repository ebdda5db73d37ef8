"""State machines for tests: how long they run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def examples(count: int, steps: int) -> settings:
    """So many runs of so many steps, each as slow as it likes."""
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
