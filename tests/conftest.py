"""What all tests share."""

import logging
import os
from collections.abc import Generator

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
    # The same examples for the same test: a change is not refused for what it has not touched. The
    # soak, which has time, draws others.
    derandomize=EFFORT == 1,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("anymq")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Whatever a test has the broker log, the next one finds as it was."""
    root, named = logging.getLogger(), logging.root.manager.loggerDict
    handlers, least = root.handlers[:], root.level
    levels = {
        logger: logger.level for logger in named.values() if isinstance(logger, logging.Logger)
    }
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        root.setLevel(least)
        for logger in list(named.values()):
            if isinstance(logger, logging.Logger) and logger.level != levels.get(logger, 0):
                logger.setLevel(levels.get(logger, logging.NOTSET))


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
