"""How a store ends decides what the next start believes."""

from dataclasses import replace
from random import Random

import pytest
from tests.unit.storage.stores import (
    SMALL,
    append,
    fill,
    kill,
    open_store,
    read_all,
    tick,
    write,
)

from anymq.storage import store as store_module
from anymq.storage.errors import DiskFull, LogUnknown
from anymq.storage.log import Durability
from anymq.testing.simfs import SimFiles


def test_a_start_that_failed_says_nothing_of_logs_it_never_opened() -> None:
    """Else the next one would believe what held two lives ago, and lose what was written since."""
    files = SimFiles()
    store = open_store(files)
    fill(store, store.create(20, SMALL), 3)
    store.close()
    store = open_store(files)
    log = store.open_log(20, SMALL)
    offset = write(store, log, b"acknowledged")
    kill(store)
    open_store(files).close()  # it failed before it came to this log
    log = open_store(files).open_log(20, SMALL)
    assert log.end == offset + 1
    assert (offset, b"acknowledged") in read_all(log)


def test_a_clean_end_of_a_clean_start_goes_on_for_logs_it_never_opened() -> None:
    files = SimFiles()
    store = open_store(files)
    fill(store, store.create(20, SMALL), 3)
    store.close()
    open_store(files).close()
    store = open_store(files)
    assert len(read_all(store.open_log(20, SMALL))) == 3
    tick(store)
    assert store.reports == []


@pytest.mark.parametrize("before", [Durability.OS, Durability.INTERVAL])
@pytest.mark.parametrize("batches", [1, 15])
def test_what_is_acknowledged_after_a_switch_to_commit_survives(
    before: Durability, batches: int
) -> None:
    """What was written before it, with a weaker promise, may be a hole in front of it."""
    for seed in range(40):
        files = SimFiles()
        store = open_store(files)
        log = store.create(20, replace(SMALL, durability=before))
        fill(store, log, batches)
        log.config = replace(SMALL, durability=Durability.COMMIT)
        offset = write(store, log, b"acknowledged")
        store = open_store(files.crash(Random(seed)))
        log = store.open_log(20, SMALL)
        assert (offset, b"acknowledged") in read_all(log)


def test_a_log_that_nobody_came_to_know_is_no_fault_of_the_disk() -> None:
    """A full disk kept its definition out: a report would have somebody replace the disk."""
    store = open_store(SimFiles())
    log = store.create(20, SMALL)
    store.abandon(20, DiskFull("no space left on it"))
    assert isinstance(log.failed, LogUnknown)
    assert str(log.failed) == "no space left on it"
    assert store.reports == []


@pytest.mark.parametrize("is_written", [False, True])
def test_after_a_clean_end_what_is_appended_may_be_on_its_way_when_it_is_read(
    monkeypatch: pytest.MonkeyPatch, is_written: bool
) -> None:
    """The file is opened for the first time, and not as long yet as it is to be: no damage."""
    monkeypatch.setattr(store_module, "INDEX_WORTH_BYTES", 1)  # else it is opened to make one
    files = SimFiles()
    store = open_store(files)
    fill(store, store.create(20, SMALL), 5)
    store.close()
    store = open_store(files)
    log = store.open_log(20, SMALL)
    append(log, b"after")
    commit = store.begin_commit()
    assert commit is not None
    if is_written:
        commit.run()
    append(log, b"and after")
    assert [offset for offset, _ in read_all(log)] == list(range(5))
    assert not log.damaged
