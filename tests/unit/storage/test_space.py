"""A full disk: appends are refused while there is still room for what must go on."""

import errno
from dataclasses import replace

import pytest
from tests.unit.storage.stores import (
    SMALL,
    append,
    do,
    fill,
    open_store,
    outcome,
    read_all,
    tick,
    turn,
    write,
)

from anymq.storage.errors import DiskFull
from anymq.storage.log import LogConfig
from anymq.storage.reserve import RESERVE
from anymq.storage.space import MIB, Space
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


def test_looks_again_after_a_part_of_what_was_left() -> None:
    files = SimFiles(capacity=100 * MIB)
    space = Space(files, 20 * MIB)
    space.wrote(1)
    files.capacity = 10 * MIB
    space.wrote(19 * MIB)
    assert not space.full
    space.wrote(MIB)
    assert space.full
    files.capacity = 30 * MIB
    space.check()
    assert not space.full


def test_refused_below_the_reserve_and_again_taken() -> None:
    files = SimFiles(capacity=10 * MIB)
    store = LogStore.open(files, disk_free_min=9 * MIB)
    log, journal = store.create(20, LogConfig()), store.create(1, LogConfig())
    append(log)
    turn(store)
    files.capacity = 5 * MIB
    tick(store)
    assert store.full
    with pytest.raises(DiskFull):
        append(log)
    write(store, journal)
    assert journal.visible_end == 1, "deleting a topic must work on a full disk"
    assert len(read_all(log)) == 1
    files.capacity = 10 * MIB
    tick(store)
    write(store, log)
    assert log.visible_end == 2


def test_a_write_without_space_is_taken_back() -> None:
    """Producers are told, consumers see nothing of it, and the log goes on later."""
    files = SimFiles()
    store = LogStore.open(files, disk_free_min=0)
    log = store.create(20, LogConfig())
    rolled_back = []
    log.on_rollback = lambda: rolled_back.append(log.end)
    write(store, log, b"kept")
    files.fault("pwritev", errno.ENOSPC, short=30)
    files.fault("pwritev", errno.ENOSPC)
    lost = outcome(log, append(log, b"lost"))
    work = store.begin_commit()
    later = outcome(log, append(log, b"appended meanwhile"))
    do(work)
    assert isinstance(lost[0], DiskFull)
    assert isinstance(later[0], DiskFull)
    assert (log.end, rolled_back) == (1, [1])
    with pytest.raises(DiskFull):
        append(log)
    tick(store)
    assert append(log, b"again") == 1
    turn(store)
    assert [payload for _, payload in read_all(log)] == [b"kept", b"again"]
    assert log.failed is None


def test_who_watches_hears_at_once() -> None:
    """Publishers are told to wait instead of being refused again and again."""
    files = SimFiles()
    store = LogStore.open(files, disk_free_min=0)
    log = store.create(20, LogConfig())
    heard: list[bool] = []
    store.watch_space(lambda: heard.append(store.full))
    write(store, log)
    assert heard == []
    files.fault("pwritev", errno.ENOSPC)
    lost = outcome(log, append(log, b"lost"))
    turn(store)
    assert isinstance(lost[0], DiskFull)
    assert heard == [True]
    tick(store)
    assert heard == [True, False]


def test_nothing_is_left_and_what_may_go_goes() -> None:
    """Whoever else fills the disk to its last byte: saying what goes takes room, too."""
    files = SimFiles(capacity=20 * MIB)
    store = LogStore.open(files, disk_free_min=MIB)
    log = store.create(20, replace(SMALL, retention_ms=5000))
    fill(store, log, 40)
    tick(store, 1000)
    files.capacity = files.capacity - files.free_bytes()
    there = [segment.path for segment in log.segments]
    tick(store, 1_000_000)
    assert not set(there) & set(files.paths())
    assert files.free_bytes() > 0
    assert store.reports == []
    again = LogStore.open(files.killed(), disk_free_min=MIB)
    assert again.open_log(20, LogConfig()).start == log.start
    assert again.reports == []


def test_what_could_not_go_goes_later() -> None:
    files = SimFiles()
    store = open_store(files)
    log = store.create(20, replace(SMALL, retention_ms=5000))
    fill(store, log, 40)
    tick(store, 1000)
    first = log.segments[0].path
    files.fault("pwritev", errno.ENOSPC)
    tick(store, 1_000_000)
    assert first in files.paths()
    assert "not removed yet" in store.reports[0]
    tick(store, 1_000_001)
    assert first not in files.paths()


def test_the_reserve_is_made_anew() -> None:
    files = SimFiles(capacity=20 * MIB)
    store = LogStore.open(files, disk_free_min=MIB)
    tick(store)
    assert RESERVE in files.paths()
    store._disk.reserve.give_up()
    files.capacity = MIB
    tick(store)
    assert RESERVE not in files.paths()
    files.capacity = 20 * MIB
    tick(store)
    assert RESERVE in files.paths()
