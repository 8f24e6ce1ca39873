"""The metadata store of a single node."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.world import TestClock, Told, do

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.cluster.meta.store import ABSENT, CompareFailed, Entry
from anymq.storage.errors import DiskFull
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles


class Disk:
    """A log in a directory that does what it is told, when it is told."""

    def __init__(self) -> None:
        self.files = SimFiles()
        self.store = LogStore.open(self.files, disk_free_min=0)

    def open(self) -> EmbeddedStore:
        return EmbeddedStore(self.store.open_log(LOG_ID, LOG_CONFIG), TestClock())

    def commit(self) -> None:
        while (commit := self.store.begin_commit()) is not None:
            do(commit)

    def lose(self) -> None:
        fault = self.files.fault("pwritev", errno.ENOSPC, times=1_000_000)
        self.commit()
        self.files.faults.remove(fault)
        do(*self.store.maintenance(0))

    def again(self) -> EmbeddedStore:
        """The process is killed, and started again."""
        self.files = self.files.killed()
        self.store = LogStore.open(self.files, disk_free_min=0)
        return self.open()


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def store(disk: Disk) -> EmbeddedStore:
    return disk.open()


def revision(store: EmbeddedStore, key: str) -> int:
    entry = store.get(key)
    return ABSENT if entry is None else entry.revision


def test_what_was_put_is_there_after_a_restart(store: EmbeddedStore, disk: Disk) -> None:
    told = Told()
    store.put({"a": b"1", "b": b"2"}, told)
    store.put({"a": None, "c": b""}, told)
    disk.commit()
    assert told.answers == [None, None]
    assert disk.again().load() == {"b": b"2", "c": b""}


def test_the_answer_waits_for_the_disk(store: EmbeddedStore, disk: Disk) -> None:
    store.put({"a": b"1"}, told := Told())
    assert told.waits
    assert store.load() == {"a": b"1"}
    assert disk.again().load() == {}


def test_who_compares_first_wins(store: EmbeddedStore, disk: Disk) -> None:
    first, second, third = Told(), Told(), Told()
    store.txn({"leader": ABSENT}, {"leader": b"1"}, first)
    store.txn({"leader": ABSENT}, {"leader": b"2"}, second)
    assert isinstance(second.error, CompareFailed)
    store.txn({"leader": revision(store, "leader")}, {"leader": b"3"}, third)
    disk.commit()
    assert first.ok
    assert third.ok
    assert store.load() == {"leader": b"3"}


def test_revisions_grow_and_survive(store: EmbeddedStore, disk: Disk) -> None:
    store.put({"a": b"1"}, Told())
    store.put({"a": b"2", "b": b"1"}, Told())
    disk.commit()
    before = {key: revision(store, key) for key in ("a", "b")}
    reopened = disk.again()
    assert {key: revision(reopened, key) for key in ("a", "b")} == before
    reopened.put({"a": b"3"}, Told())
    assert revision(reopened, "a") > max(before.values())


def test_what_the_disk_does_not_keep_is_undone(store: EmbeddedStore, disk: Disk) -> None:
    store.put({"a": b"1"}, Told())
    disk.commit()
    first, second = Told(), Told()
    store.put({"a": b"2", "b": b"2"}, first)
    store.put({"a": None}, second)
    disk.lose()
    assert isinstance(first.error, DiskFull)
    assert isinstance(second.error, DiskFull)
    assert store.load() == {"a": b"1"}


def test_a_watcher_sees_every_change_below_its_prefix(store: EmbeddedStore) -> None:
    seen: list[tuple[str, bytes | None]] = []

    def watcher(key: str, entry: Entry | None) -> None:
        seen.append((key, None if entry is None else entry.value))

    stop = store.watch("topics/", watcher)
    store.put({"topics/a": b"1", "users/a": b"2"}, Told())
    store.put({"topics/a": None}, Told())
    stop()
    store.put({"topics/b": b"1"}, Told())
    assert seen == [("topics/a", b"1"), ("topics/a", None)]


def test_a_lease_ends_with_who_holds_it(store: EmbeddedStore, disk: Disk) -> None:
    """Revoked, or when the process is no more."""
    lease, other = store.lease(10), store.lease(10)
    store.txn({}, {"nodes/1": b"x"}, Told(), lease)
    store.txn({}, {"nodes/2": b"x"}, Told(), other)
    store.put({"kept": b"x"}, Told())
    lease.keep_alive()
    lease.revoke()
    assert set(store.load()) == {"nodes/2", "kept"}
    disk.commit()
    assert set(disk.again().load()) == {"kept"}


def test_a_range(store: EmbeddedStore) -> None:
    store.put({"topics/a": b"1", "topics/b": b"2", "users/a": b"3"}, Told())
    assert set(store.range("topics/")) == {"topics/a", "topics/b"}


def test_nothing_to_change_is_done_at_once(store: EmbeddedStore) -> None:
    store.put({}, told := Told())
    assert told.ok


KEYS = st.sampled_from(["a", "b", "c", "d"])
PUTS = st.lists(
    st.tuples(
        st.dictionaries(KEYS, st.none() | st.binary(max_size=3), min_size=1, max_size=3),
        st.sampled_from(["wait", "commit", "lose", "restart"]),
    ),
    max_size=20,
)


@given(PUTS)
def test_it_is_a_dictionary_that_survives(
    puts: list[tuple[dict[str, bytes | None], str]],
) -> None:
    """After anything: what was answered is there, what was refused is not, all or nothing."""
    disk = Disk()
    store = disk.open()
    durable: dict[str, bytes] = {}
    seen: dict[str, bytes] = {}
    for changes, then in puts:
        store.put(changes, Told())
        seen = {**seen, **{key: value for key, value in changes.items() if value is not None}}
        seen = {key: value for key, value in seen.items() if changes.get(key, b"") is not None}
        if then == "commit":
            disk.commit()
            durable = dict(seen)
        elif then == "lose":
            disk.lose()
            seen = dict(durable)
        elif then == "restart":
            store = disk.again()
            seen = dict(durable)
        assert store.load() == seen
