"""After a sync that failed: what a later life finds, and builds upon, is on the disk."""

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from tests.unit.storage.stores import append, do, kill, open_store, outcome, read_all, turn, write

from anymq.storage import doubt
from anymq.storage.commit import SYNC_EACH_MAX
from anymq.storage.errors import LogFailed
from anymq.storage.files import Files
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

COMMIT = LogConfig()
INTERVAL = LogConfig(durability=Durability.INTERVAL)
BEGUN = [b"kept", b"in doubt"]


def fail_a_commit(files: SimFiles, store: LogStore, log: Log) -> None:
    write(store, log, BEGUN[0])
    told = outcome(log, append(log, BEGUN[1]))
    files.fault("sync", errno.EIO)
    turn(store)
    assert isinstance(told[0], LogFailed)


def fail_a_commit_of_many(files: SimFiles, store: LogStore, log: Log) -> None:
    write(store, log, BEGUN[0])
    append(log, BEGUN[1])
    for number in range(SYNC_EACH_MAX):
        append(store.create(30 + number, COMMIT))
    files.fault("sync_all", errno.EIO)
    turn(store)


def fail_to_take_back(files: SimFiles, store: LogStore, log: Log) -> None:
    write(store, log, BEGUN[0])
    append(log, BEGUN[1])
    files.fault("sync", errno.EIO)
    files.fault("truncate", errno.EIO)
    turn(store)


def fail_a_later_sync(files: SimFiles, store: LogStore, log: Log) -> None:
    log.config = INTERVAL
    for payload in BEGUN:
        write(store, log, payload)
    files.fault("sync", errno.EIO)
    do(store.begin_sync())


WAYS = [fail_a_commit, fail_a_commit_of_many, fail_to_take_back, fail_a_later_sync]


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("fail", WAYS)
def test_a_power_cut_in_the_next_life_takes_nothing(
    fail: Callable[[SimFiles, LogStore, Log], None], killed: bool
) -> None:
    """The kernel takes the pages for clean: no later sync writes them."""
    files = SimFiles()
    store = open_store(files)
    fail(files, store, store.create(20, COMMIT))
    files.faults.clear()
    if killed:
        files = files.killed()
    else:
        store.close()
    store = open_store(files)
    log = store.open_log(20, COMMIT)
    found = [payload for _, payload in read_all(log)]
    assert found == BEGUN
    write(store, log, b"acknowledged")
    assert not doubt.is_noted(files)
    for seed in range(30):
        again = open_store(files.crash(Random(seed))).open_log(20, COMMIT)
        assert [payload for _, payload in read_all(again)] == [*found, b"acknowledged"]


def test_it_is_noted_until_all_is_written_once_more() -> None:
    """Who dies before has it to do again."""
    files = SimFiles()
    store = open_store(files)
    fail_a_commit(files, store, store.create(20, COMMIT))
    files = files.killed()
    open_store(files).open_log(20, COMMIT)
    files = files.killed()
    assert doubt.is_noted(files)
    store = open_store(files)
    write(store, store.open_log(20, COMMIT))
    assert not doubt.is_noted(files)


def test_without_an_error_nothing_is_written_twice(tmp_path: Path) -> None:
    files: Files = OsFiles(tmp_path)
    store = open_store(files)
    write(store, store.create(20, COMMIT))
    assert not doubt.is_noted(files)
    doubt.note(files)
    doubt.note(files)
    assert doubt.is_noted(files)
    kill(store)
    store = open_store(OsFiles(tmp_path))
    write(store, store.open_log(20, COMMIT))
    assert not doubt.is_noted(files)
    store.close()
