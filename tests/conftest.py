"""What all tests share."""

import os

import pytest
from hypothesis import HealthCheck, settings

# How much longer than usual: ./dev soak sets it.
EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))

# A machine that is busy with something else must not fail a test: the time-out of pytest is enough.
settings.register_profile(
    "anymq",
    deadline=None,
    max_examples=100 * EFFORT,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("anymq")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests of a group share what must not be busy twice: say so when they are torn apart."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    for item in session.items:
        for mark in item.iter_markers("xdist_group"):
            if f"@{mark.args[0]}" not in item.nodeid:
                raise pytest.UsageError(
                    "pytest-xdist does not group tests: see requirements/dev.in"
                )
