"""Queues for oneself: two members of a group never both think that a queue is theirs."""

import pytest
from tests.unit.core.world import TestClock

from anymq.core.streams.queue_locks import QueueLocks

GROUP = "readers"
QUEUES = [("T", 0), ("T", 1), ("T", 2)]


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def locks(clock: TestClock) -> QueueLocks:
    return QueueLocks(clock)


def test_a_queue_is_one_members(locks: QueueLocks) -> None:
    """Who asks for all gets what is free."""
    assert locks.lock(GROUP, "ada", QUEUES[:2]) == QUEUES[:2]
    assert locks.lock(GROUP, "bob", QUEUES) == QUEUES[2:]
    assert locks.lock(GROUP, "ada", QUEUES) == QUEUES[:2]
    assert locks.holder(GROUP, QUEUES[2]) == "bob"


def test_groups_do_not_know_each_other(locks: QueueLocks) -> None:
    locks.lock(GROUP, "ada", QUEUES)
    assert locks.lock("others", "bob", QUEUES) == QUEUES


def test_only_the_holder_unlocks(locks: QueueLocks) -> None:
    locks.lock(GROUP, "ada", QUEUES)
    locks.unlock(GROUP, "bob", QUEUES)
    assert locks.lock(GROUP, "bob", QUEUES) == []
    locks.unlock(GROUP, "ada", QUEUES[:1])
    assert locks.lock(GROUP, "bob", QUEUES) == QUEUES[:1]


def test_a_lock_that_is_not_renewed_runs_out(locks: QueueLocks, clock: TestClock) -> None:
    """Not before: who lost his connection may still work on what he has."""
    locks.lock(GROUP, "ada", QUEUES)
    clock.now_ms += 50_000
    locks.lock(GROUP, "ada", QUEUES[:1])
    clock.now_ms += 9_999
    assert locks.lock(GROUP, "bob", QUEUES) == []
    clock.now_ms += 1
    assert locks.lock(GROUP, "bob", QUEUES) == QUEUES[1:]
    assert locks.holder(GROUP, QUEUES[0]) == "ada"


def test_what_has_run_out_is_forgotten(locks: QueueLocks, clock: TestClock) -> None:
    """Groups come and go; their locks take no memory."""
    locks.lock(GROUP, "ada", QUEUES)
    clock.now_ms += 60_000
    assert locks.holder(GROUP, QUEUES[0]) is None
    locks.maintenance()
    assert locks._by_group == {}
