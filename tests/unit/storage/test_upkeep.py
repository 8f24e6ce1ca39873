"""Slow work: bounded, alone on its log, and not stopped by a log that cannot be worked on."""

import errno
from dataclasses import replace

import pytest
from tests.unit.storage.stores import SMALL, do, fill, open_store, outcome, read_all, tick, write

from anymq.storage import sealing
from anymq.storage.errors import CorruptBatch
from anymq.storage.log import LogConfig
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


@pytest.fixture
def files() -> SimFiles:
    return SimFiles()


def test_few_segments_are_sealed_at_once(files: SimFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sealing holds its files open."""
    monkeypatch.setattr(sealing, "SEGMENTS_MAX", 3)
    store = open_store(files)
    log = store.create(20, SMALL)
    fill(store, log, 75)
    for sealed in (3, 6, 7, 7):
        tick(store)
        assert sum(segment.sealed for segment in log.segments) == sealed


def test_everything_is_sealed_at_the_end(files: SimFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SEGMENTS_MAX", 3)
    store = open_store(files)
    fill(store, store.create(20, SMALL), 75)
    store.close()
    assert len([path for path in files.paths() if path.endswith(".index")]) == 7


def test_without_descriptors_it_waits(files: SimFiles) -> None:
    store = open_store(files)
    log = store.create(20, SMALL)
    fill(store, log, 25)
    store._disk.handles.clear()
    files.handles_max = 1  # the lock has it
    tick(store)
    assert not any(segment.sealed for segment in log.segments)
    files.handles_max = 100
    tick(store)
    assert log.segments[0].sealed
    assert len(read_all(log)) == 25


def test_a_failing_log_does_not_stop_the_others(files: SimFiles) -> None:
    store = open_store(files)
    logs = [store.create(20 + i, SMALL) for i in range(2)]
    for log in logs:
        fill(store, log, 25)
    files.fault("sync", errno.EIO, when=lambda path: path.startswith("logs/20/"), times=9)
    tick(store)
    assert logs[0].failed is not None
    assert logs[1].segments[0].sealed
    told = outcome(logs[1], write(store, logs[1]))
    assert told == [None]


def test_a_repair_that_cannot_be_done_is_told_once(files: SimFiles) -> None:
    store = open_store(files)
    log = store.create(20, LogConfig(segment_bytes=1000))
    fill(store, log, 25)
    store.close()
    path = "logs/20/00000000000000000000.log"
    files.put(path, files.content(path)[:-1] + b"?")
    store = open_store(files)
    log = store.open_log(20, SMALL)
    with pytest.raises(CorruptBatch):
        log.read(0, 10_000)
    files.fault("pwritev", errno.EIO)
    for _ in range(3):
        tick(store)
    assert len(store.reports) == 1
    assert len(read_all(log, 10)) == 15, "what is not damaged can be read"


def test_the_same_report_is_not_made_twice(files: SimFiles) -> None:
    store = open_store(files)
    files.fault("pwritev", errno.ENOSPC, when=lambda path: "checkpoint" in path, times=2)
    do(store.checkpoint())
    do(store.checkpoint())
    assert len(store.reports) == 1


def test_what_is_durable_has_no_hole(files: SimFiles) -> None:
    """A segment that could not be sealed yet is not durable because a later one is."""
    store = open_store(files)
    log = store.create(20, SMALL)
    fill(store, log, 35)
    first = log.segments[0]
    first.pin(store._disk.handles)  # somebody is at work on it
    tick(store)
    assert log.segments[1].sealed
    assert log.durable.end == 0
    first.pinned = None
    tick(store)
    assert log.durable.end == log.segments[2].end


def test_an_owner_without_its_state_does_not_stop_the_log(files: SimFiles) -> None:
    """It reads the log to make it, and that may be damaged."""

    def unreadable() -> bytes:
        raise CorruptBatch("what I need")

    store = open_store(files)
    log = store.create(20, SMALL)
    log.state_source = unreadable
    fill(store, log, 25)
    tick(store)
    store.close()
    assert open_store(files).open_log(20, SMALL).saved_state() is None


def test_a_log_is_deleted_without_reading_it(files: SimFiles) -> None:
    """A disk that cannot be read, or no free descriptor, must not keep a topic from going."""
    store = open_store(files)
    fill(store, store.create(20, SMALL), 25)
    store.close()
    store = open_store(files)
    log = store.open_log(20, SMALL)
    files.handles_max = 1  # the lock has it
    removal = store.delete(20)
    assert log.failed is not None
    files.handles_max = 100
    do(removal)
    assert not [path for path in files.paths() if path.startswith("logs/20")]


def test_a_clock_that_is_set_back_does_not_stop_it(files: SimFiles) -> None:
    """A machine that starts with a wrong year and learns the right one later."""
    store = LogStore.open(files, disk_free_min=0, retention_check_ms=300_000)
    log = store.create(20, replace(SMALL, retention_bytes=0))
    wrong, right = 2_000_000_000_000, 1_700_000_000_000
    fill(store, log, 25)
    tick(store, wrong)
    tick(store, wrong + 1000)
    before = files.content("checkpoint")
    tick(store, right)
    assert files.content("checkpoint") != before
    assert len(log.segments) > 1
    tick(store, right + 300_000)
    assert len(log.segments) == 1
