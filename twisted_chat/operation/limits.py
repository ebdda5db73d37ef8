"""What the operating system lets one process have."""

from __future__ import annotations

import resource

SPARE_FILES = 64
"""Descriptors beside those of logged-in connections: half for files, half for whoever is yet to log
in, and be it to hear that there is no room."""

ENOUGH = 1_048_576
"""Descriptors that are taken where the system sets no bound."""


def raise_descriptor_limit() -> int:
    """Let the process have as many connections as the system allows; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > ENOUGH:
        hard = max(soft, ENOUGH)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    return max(1, hard - SPARE_FILES)
