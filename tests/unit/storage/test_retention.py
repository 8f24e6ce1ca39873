"""What goes, and what never does."""

import errno
from dataclasses import replace

import pytest
from tests.unit.storage.stores import (
    SMALL,
    append,
    fill,
    open_store,
    outcome,
    read_all,
    tick,
    turn,
    write,
)

from anymq.storage.errors import DiskFull
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

BY_TIME = replace(SMALL, retention_ms=5000)
BY_SIZE = replace(SMALL, retention_bytes=2500)


@pytest.fixture
def files() -> SimFiles:
    return SimFiles()


@pytest.fixture
def store(files: SimFiles) -> LogStore:
    return open_store(files)


def log_files(files: SimFiles) -> list[str]:
    return [path for path in files.paths() if path.endswith((".log", ".index"))]


def make(store: LogStore, config: LogConfig, batches: int = 40) -> Log:
    """Records at 1000, 1001, …"""
    log = store.create(20, config)
    fill(store, log, batches)
    tick(store, 1000)
    return log


def test_by_time(files: SimFiles, store: LogStore) -> None:
    log = make(store, BY_TIME)
    first, second = log.segments[0], log.segments[1]
    tick(store, first.newest + 5000)
    assert log.start == 0
    tick(store, first.newest + 5001)
    assert log.start == second.base
    assert [base for base, _ in read_all(log)] == list(range(second.base, 40))
    assert first.path not in log_files(files)
    assert first.index_path not in log_files(files)


def test_all_of_it(files: SimFiles, store: LogStore) -> None:
    """Also the active segment goes; the end stays where it was, through a crash too."""
    log = make(store, BY_TIME)
    tick(store, 1_000_000)
    assert (log.start, log.end, read_all(log)) == (40, 40, [])
    assert len(log_files(files)) == 1
    again = open_store(files.killed()).open_log(20, BY_TIME)
    assert (again.start, again.end) == (40, 40)
    assert write(store, log) == 40


def test_not_what_is_not_written(store: LogStore) -> None:
    log = make(store, BY_TIME)
    append(log, timestamp=1)
    tick(store, 1_000_000)
    assert log.segments[0].end == 41


def test_by_size(store: LogStore) -> None:
    log = make(store, BY_SIZE)
    tick(store)
    assert 2500 <= log.size_bytes() < 2500 + SMALL.segment_bytes
    assert log.segments[0].base == log.start


def test_by_size_never_the_active_segment(store: LogStore) -> None:
    log = make(store, replace(SMALL, retention_bytes=0))
    tick(store)
    assert len(log.segments) == 1
    assert log.size_bytes() > 0


def test_compacted_logs_are_kept(store: LogStore) -> None:
    log = make(store, replace(BY_TIME, delete=False))
    tick(store, 1_000_000)
    assert log.start == 0


def test_deleted_records(files: SimFiles, store: LogStore) -> None:
    log = make(store, SMALL)
    log.delete_before(log.segments[2].base + 1)
    tick(store)
    assert len([path for path in log_files(files) if path.endswith(".log")]) == len(log.segments)
    assert log.start == log.segments[0].base + 1
    log.delete_before(40)
    tick(store)
    assert log.size_bytes() == 0
    assert open_store(files.killed()).open_log(20, SMALL).start == 40


def test_without_timestamps_by_arrival(store: LogStore) -> None:
    log = store.create(20, BY_TIME)
    tick(store, 10_000)
    write(store, log, timestamp=-1)
    tick(store, 15_000)
    assert log.start == 0
    tick(store, 15_001)
    assert log.start == 1


def test_readers_keep_the_file_they_have(store: LogStore) -> None:
    log = make(store, BY_TIME)
    part = log.read(0, 500)
    tick(store, 1_000_000)
    assert part is not None
    assert len(part.read()) == 500


def test_the_state_survives_the_records(files: SimFiles, store: LogStore) -> None:
    """A producer goes on after everything it wrote has expired."""
    log = store.create(20, BY_TIME)
    log.state_source = lambda: b"producers"
    fill(store, log, 5)
    tick(store, 1_000_000)
    assert log.start == 5
    assert open_store(files.killed()).open_log(20, BY_TIME).saved_state() == (5, b"producers")


def test_one_work_at_a_time(store: LogStore) -> None:
    log = make(store, BY_TIME)
    first = store.maintenance(1_000_000)
    second = store.maintenance(1_000_001)
    for work in [*first, *second]:
        work.run()
    for work in [*second, *first]:
        work.done()
    assert read_all(log) == []


def test_many_logs_take_turns(store: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anymq.storage.upkeep.LOGS_PER_TICK", 10)
    logs = [store.create(20 + i, BY_TIME) for i in range(25)]
    for log in logs:
        append(log, timestamp=1)
    commit = store.begin_commit()
    assert commit is not None
    commit.run()
    commit.done()
    for _ in range(3):
        tick(store, 1_000_000)
    assert all(log.start == 1 for log in logs)


def test_all_of_it_while_the_disk_is_full(files: SimFiles, store: LogStore) -> None:
    """The file that retention made, to say where the log ends, is not for the commit to remove."""
    log = make(store, replace(BY_TIME, durability=Durability.COMMIT), 5)
    works = store.maintenance(1_000_000)
    for work in works:
        work.run()
    append(log)
    told = outcome(log, 5)
    full = files.fault("pwritev", errno.ENOSPC, when=lambda path: path.endswith(".log"))
    turn(store)
    for work in works:
        work.done()
    assert full.hits == 1
    assert [type(error) for error in told] == [DiskFull]
    assert open_store(files.killed()).open_log(20, BY_TIME).end == 5
    tick(store, 1_000_000)
    assert write(store, log) == 5
