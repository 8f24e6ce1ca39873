"""What waits to be written is counted exactly, whatever becomes of it."""

import errno

import pytest

from anymq.storage.backlog import Backlog
from anymq.storage.batch import check
from anymq.storage.errors import StorageError
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record, build
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


def append(log: Log) -> int:
    batch = build([Record(bytes(1000))])
    log.append(batch, check(batch), 0)
    return len(batch)


def commit(store: LogStore) -> None:
    work = store.begin_commit()
    assert work is not None
    work.run()
    work.done()


def test_who_waits_is_woken_when_half_is_written() -> None:
    woken: list[int] = []
    backlog = Backlog(100)
    assert backlog.admits(lambda: woken.append(1))
    backlog.size = 100
    assert not backlog.admits(lambda: woken.append(2))
    backlog.shrink(49)
    assert woken == []
    backlog.shrink(1)
    assert woken == [2]
    backlog.shrink(50)
    assert woken == [2]


@pytest.mark.parametrize("fault", [None, errno.ENOSPC, errno.EIO, errno.EMFILE])
def test_it_is_empty_when_nothing_waits(fault: int | None) -> None:
    """Written or refused, during a commit and before it."""
    files = SimFiles()
    store = LogStore.open(files, disk_free_min=0)
    log = store.create(20, LogConfig(segment_bytes=3000))
    sizes = [append(log) for _ in range(5)]
    assert store.backlog.size == sum(sizes)
    if fault is not None:
        files.fault("pwritev", fault, when=lambda path: "logs/20" in path)
    work = store.begin_commit()
    assert work is not None
    append(log)
    work.run()
    assert store.backlog.size == 6 * sizes[0]
    work.done()
    assert store.backlog.size == (0 if fault else sizes[0])
    if fault is None:
        commit(store)
        assert store.backlog.size == 0


def test_a_deleted_log_leaves_nothing() -> None:
    store = LogStore.open(SimFiles(), disk_free_min=0)
    log = store.create(20, LogConfig())
    append(log)
    work = store.begin_commit()
    assert work is not None
    append(log)
    waited: list[StorageError | None] = []
    log.when_durable(1, waited.append)
    store.delete(20)
    assert waited != [None]
    work.run()
    work.done()
    assert store.backlog.size == 0
