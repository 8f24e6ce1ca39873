"""Group commit, and what it promises when the disk does not play along."""

import errno
from collections.abc import Callable

import pytest
from tests.unit.storage.batches import make_batch, with_header
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

from anymq.storage.commit import SYNC_EACH_MAX
from anymq.storage.errors import LogFailed, StorageError, TooManyFiles
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

COMMIT = LogConfig()
OS = LogConfig(durability=Durability.OS)
INTERVAL = LogConfig(durability=Durability.INTERVAL)


@pytest.fixture
def files() -> SimFiles:
    return SimFiles()


@pytest.fixture
def store(files: SimFiles) -> LogStore:
    return open_store(files)


def calls(files: SimFiles, action: Callable[[], object]) -> list[str]:
    """Return the system calls that `action` makes."""
    made: list[str] = []
    files.on_syscall = lambda op, path: made.append(op)
    action()
    files.on_syscall = None
    return made


def test_one_write_for_many_appends(files: SimFiles, store: LogStore) -> None:
    log = store.create(20, OS)
    write(store, log)
    for _ in range(50):
        append(log)
    assert calls(files, lambda: turn(store)) == ["pwritev"]


def test_a_sync_for_each_of_a_few_and_one_for_many(files: SimFiles, store: LogStore) -> None:
    logs = [store.create(20 + i, COMMIT) for i in range(SYNC_EACH_MAX + 1)]
    for log in logs:
        write(store, log)
    for log in logs[1:]:
        append(log)
    made = calls(files, lambda: turn(store))
    assert made == ["pwritev"] * SYNC_EACH_MAX + ["sync"] * SYNC_EACH_MAX
    for log in logs:
        append(log)
    assert calls(files, lambda: turn(store))[-2:] == ["pwritev", "sync_all"]


def test_where_a_log_leads_queues_are_safe_before_topics(files: SimFiles, store: LogStore) -> None:
    """Found by test_bank_images.py: a power cut took a queue's message and not the topic's."""
    topic, queue, notes = (
        store.create(20 + i, config)
        for i, config in enumerate((COMMIT, LogConfig(thinned=True), LogConfig(leads=True)))
    )
    for log in (topic, queue, notes):
        append(log)
    turn(store)
    for log in (topic, queue, notes):
        append(log)
    told: list[tuple[str, str]] = []
    files.on_syscall = lambda op, path: told.append((op, path.split("/")[1]))
    turn(store)
    files.on_syscall = None
    assert told == [(op, log) for log in ("22", "21", "20") for op in ("pwritev", "sync")]


def test_a_new_file_is_named_durably(files: SimFiles, store: LogStore) -> None:
    append(store.create(20, COMMIT))
    made = calls(files, lambda: turn(store))
    assert made == ["make_dir", "open", "pwritev", "sync", "sync_dir", "sync_dir"]


def test_the_old_segment_is_durable_before_the_new_one_begins(
    files: SimFiles, store: LogStore
) -> None:
    """So a torn end can only be in the last file."""
    log = store.create(20, LogConfig(segment_bytes=150))
    write(store, log)
    append(log)
    append(log)
    assert calls(files, lambda: turn(store)) == [
        "pwritev", "sync", "open", "pwritev", "sync", "sync_dir",
    ]  # fmt: skip


def test_nothing_to_wait_for_without_syncs(store: LogStore) -> None:
    append(store.create(20, OS))
    work = store.begin_commit()
    assert work is not None
    assert not work.blocks
    append(store.create(21, COMMIT))
    do(work)
    work = store.begin_commit()
    assert work is not None
    assert work.blocks


class TestFailures:
    """After an error nobody is told that it went well, and nothing pretends it did."""

    @pytest.fixture
    def log(self, store: LogStore) -> Log:
        log = store.create(20, COMMIT)
        write(store, log, b"kept")
        return log

    @pytest.mark.parametrize(
        ("op", "error"),
        [("pwritev", errno.EIO), ("sync", errno.EIO), ("sync", errno.ENOSPC)],
    )
    def test_fail_stop(
        self, files: SimFiles, store: LogStore, log: Log, op: str, error: int
    ) -> None:
        told, rolled_back = outcome(log, append(log, b"lost")), []
        log.on_rollback = lambda: rolled_back.append(log.end)
        files.fault(op, error)
        turn(store)
        assert isinstance(told[0], LogFailed)
        assert isinstance(log.failed, LogFailed)
        assert rolled_back == [1]
        with pytest.raises(LogFailed):
            append(log)
        assert isinstance(outcome(log, 1)[0], LogFailed)
        assert [payload for _, payload in read_all(log)] == [b"kept"], "reading goes on"
        tick(store)
        assert store.begin_commit() is None

    def test_a_failed_syncfs_fails_all_that_wait_for_it(
        self, files: SimFiles, store: LogStore
    ) -> None:
        logs = [store.create(30 + i, COMMIT) for i in range(SYNC_EACH_MAX + 1)]
        told = [outcome(log, append(log)) for log in logs]
        files.fault("sync_all", errno.EIO)
        turn(store)
        assert all(isinstance(one[0], LogFailed) for one in told)

    def test_the_others_go_on(self, files: SimFiles, store: LogStore, log: Log) -> None:
        other = store.create(21, COMMIT)
        append(log)
        told = outcome(other, append(other))
        files.fault("pwritev", errno.EIO, when=lambda path: path.startswith("logs/20/"))
        turn(store)
        assert told == [None]

    def test_what_was_found_after_a_failure_was_not_promised(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        append(log, b"unknown")
        files.fault("sync", errno.EIO)
        turn(store)
        store.close()
        again = open_store(files.killed()).open_log(20, COMMIT)
        assert [payload for _, payload in read_all(again)] in ([b"kept"], [b"kept", b"unknown"])

    def test_no_descriptor(self, files: SimFiles, store: LogStore, log: Log) -> None:
        new = store.create(21, COMMIT)
        told = outcome(new, append(new, b"refused"))
        files.fault("open", errno.EMFILE)
        turn(store)
        assert isinstance(told[0], TooManyFiles)
        assert new.failed is None
        write(store, new, b"taken")
        assert read_all(new) == [(0, b"taken")]

    def test_rolled_back_over_a_new_segment(self, files: SimFiles, store: LogStore) -> None:
        log = store.create(21, LogConfig(segment_bytes=150))
        write(store, log, b"kept")
        told = [outcome(log, append(log, b"%d" % i)) for i in range(5)]
        files.fault("pwritev", errno.ENOSPC, skip=2)
        turn(store)
        assert all(isinstance(one[0], StorageError) for one in told)
        assert (log.end, len(log.segments)) == (1, 1)
        names = [path for path in files.paths() if path.endswith(".log") and "/21/" in path]
        assert names == ["logs/21/00000000000000000000.log"]
        tick(store)
        fill(store, log, 5)
        assert [base for base, _ in read_all(log)] == list(range(6))
        again = open_store(files.killed()).open_log(21, COMMIT)
        assert read_all(again) == read_all(log)

    def test_an_epoch_of_lost_records_is_forgotten(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        log.append(*with_header(make_batch()), 8)
        files.fault("pwritev", errno.ENOSPC, when=lambda path: path.endswith(".log"))
        turn(store)
        tick(store)
        write(store, log)
        assert log.epoch_end(9) == (0, 2)
        again = open_store(files.killed()).open_log(20, COMMIT)
        assert again.epoch_end(9) == (0, 2)


class TestInterval:
    """Visible once written; durable once synced."""

    def test_synced_later(self, files: SimFiles, store: LogStore) -> None:
        log = store.create(20, INTERVAL)
        write(store, log)
        assert (log.visible_end, log.durable.end) == (1, 0)
        work = store.begin_sync()
        append(log)
        turn(store)
        do(work)
        assert log.durable.end == 1
        do(store.begin_sync())
        assert log.durable.end == 2
        assert store.begin_sync() is None

    def test_many_at_once(self, files: SimFiles, store: LogStore) -> None:
        logs = [store.create(20 + i, INTERVAL) for i in range(SYNC_EACH_MAX + 1)]
        for log in logs:
            write(store, log)
        assert calls(files, lambda: do(store.begin_sync())) == ["sync_all"]
        assert all(log.durable.end == 1 for log in logs)

    @pytest.mark.parametrize("count", [1, SYNC_EACH_MAX + 1])
    def test_a_failed_sync_stops_the_log(
        self, files: SimFiles, store: LogStore, count: int
    ) -> None:
        logs = [store.create(20 + i, INTERVAL) for i in range(count)]
        for log in logs:
            write(store, log, b"kept")
        files.fault("sync", errno.EIO)
        files.fault("sync_all", errno.EIO)
        work = store.begin_sync()
        told = outcome(logs[0], append(logs[0]))
        do(work)
        assert isinstance(told[0], LogFailed)
        assert all(log.failed is not None for log in logs)
        assert len(read_all(logs[0])) == 1

    def test_not_for_other_modes(self, store: LogStore) -> None:
        write(store, store.create(20, OS))
        assert store.begin_sync() is None


def test_a_failed_seal_stops_the_log(files: SimFiles, store: LogStore) -> None:
    log = store.create(20, SMALL)
    fill(store, log, 12)
    files.fault("sync", errno.EIO)
    tick(store)
    assert isinstance(log.failed, LogFailed)
