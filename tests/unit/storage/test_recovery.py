"""After a restart: everything acknowledged is there, and little was read to find out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from tests.unit.storage.batches import make_batch, with_header
from tests.unit.storage.stores import (
    SMALL,
    append,
    do,
    fill,
    kill,
    open_store,
    read_all,
    tick,
    turn,
    write,
)

from anymq.storage.errors import DirectoryInUse, StorageError, UnknownVersion
from anymq.storage.files import File
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.os_files import OsFiles
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

FIRST = "logs/20/00000000000000000000"


@pytest.fixture
def files() -> SimFiles:
    return SimFiles()


@pytest.fixture
def store(files: SimFiles) -> LogStore:
    return open_store(files)


@pytest.fixture
def log(store: LogStore) -> Log:
    return store.create(20, SMALL)


def reopened(files: SimFiles, config: LogConfig = SMALL) -> Log:
    """Log 20 in a store that was just opened on these files."""
    return open_store(files).open_log(20, config)


def all_bases(log: Log) -> list[int]:
    return [base for base, _ in read_all(log)]


def last_file(files: SimFiles) -> str:
    return max(path for path in files.paths() if path.endswith(".log"))


def watch(files: SimFiles) -> list[str]:
    """Return a list that gets the paths of what is opened."""
    opened: list[str] = []
    files.fault("open", when=lambda path: bool(opened.append(path)))  # type: ignore[func-returns-value]
    return opened


class TestClean:
    """After a clean end there is nothing to find out."""

    def test_no_log_is_opened(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 30)
        start, segments = log.start, [(s.base, s.end, s.size) for s in log.segments]
        store.close()
        opened = watch(files)
        again = reopened(files)
        assert not [path for path in opened if path.startswith("logs/")]
        assert (again.start, again.end, again.visible_end) == (start, 30, 30)
        assert [(s.base, s.end, s.size) for s in again.segments] == segments
        assert all_bases(again) == list(range(30))

    def test_goes_on_in_the_same_segment(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 3)
        store.close()
        again = open_store(files)
        log = again.open_log(20, SMALL)
        fill(again, log, 3)
        assert len(log.segments) == 1
        assert all_bases(log) == list(range(6))

    def test_start_is_kept(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 30)
        log.delete_before(17)
        store.close()
        assert reopened(files).start == 17

    def test_a_crash_right_after_the_start_is_a_crash(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 5)
        store.close()
        again = open_store(files)
        fill(again, again.open_log(20, SMALL), 5)
        assert all_bases(reopened(files.killed())) == list(range(10))

    def test_logs_nobody_opens_are_not_forgotten(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 5)
        store.close()
        again = open_store(files)
        assert again.orphans() == [20]
        assert again.ids() == [20]
        tick(again)
        again.close()
        assert all_bases(reopened(files)) == list(range(5))

    def test_a_file_that_became_shorter_is_damage(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 5)
        store.close()
        files.put(last_file(files), files.content(last_file(files))[:-10])
        again = open_store(files)
        log = again.open_log(20, SMALL)
        assert write(again, log) == 5, "offsets are never given twice"
        with pytest.raises(StorageError):
            log.read(0, 1000)
        tick(again)
        assert all_bases(log) == [0, 1, 2, 3, 5]
        assert again.reports

    def test_what_somebody_added_is_not_ours(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 5)
        store.close()
        files.put(last_file(files), files.content(last_file(files)) + make_batch())
        again = open_store(files)
        log = again.open_log(20, SMALL)
        write(again, log)
        tick(again)
        assert all_bases(log) == list(range(6))

    def test_ten_thousand_logs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ready at once: after a clean stop nobody looks at a log before it is used."""
        store = open_store(tmp_path)
        logs = [store.create(100 + i, SMALL) for i in range(10_000)]
        for log in logs[::100]:
            append(log)
        turn(store)
        store.close()
        opened: list[str] = []
        really = OsFiles.open

        def noted(files: OsFiles, path: str, *, create: bool = False) -> File:
            opened.append(path)
            return really(files, path, create=create)

        monkeypatch.setattr(OsFiles, "open", noted)
        again = open_store(tmp_path)
        for i in range(10_000):
            again.open_log(100 + i, SMALL)
        assert opened
        assert [path for path in opened if path.startswith("logs/")] == []
        assert sum(log.end for log in again.logs.values()) == 100
        again.close()


class TestTornTail:
    """What was not promised and is not whole goes; nothing else does."""

    def test_zeros_are_cut(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 3)
        whole = files.content(last_file(files))
        files.put(last_file(files), whole + bytes(500))
        image = files.killed()
        again = open_store(image)
        assert all_bases(again.open_log(20, SMALL)) == [0, 1, 2]
        assert image.content(last_file(image)) == whole
        assert again.reports == []

    def test_anything_else_is_kept_aside(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 3)
        whole = files.content(last_file(files))
        files.put(last_file(files), whole[:-7])
        image = files.killed()
        again = open_store(image)
        assert all_bases(again.open_log(20, SMALL)) == [0, 1]
        [kept] = [path for path in image.paths() if path.endswith(".quarantine")]
        assert image.content(kept) == whole[200 - 1 : -7] or whole.endswith(
            image.content(kept) + whole[-7:]
        )
        assert kept in again.reports[0]

    def test_recovering_twice(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 25)
        files.put(last_file(files), files.content(last_file(files))[:-7] + b"?" * 100)
        once = files.killed()
        first = read_all(reopened(once))
        again = once.killed()
        assert read_all(reopened(again)) == first
        assert [p for p in again.paths() if "quarantine" in p] == [
            p for p in once.paths() if "quarantine" in p
        ]

    def test_a_wrong_base_offset_is_found(self, files: SimFiles, store: LogStore, log: Log) -> None:
        """No checksum covers it."""
        fill(store, log, 3)
        data = bytearray(files.content(last_file(files)))
        data[len(data) // 3 * 2 + 7] ^= 4
        files.put(last_file(files), bytes(data))
        assert all_bases(reopened(files.killed())) == [0, 1]


class TestLittleIsRead:
    """A checkpoint, or the index of a sealed segment, vouches for what is before."""

    def test_only_the_tail(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 100)
        tick(store)
        do(store.checkpoint())
        fill(store, log, 2)
        image = files.killed()
        opened = watch(image)
        again = reopened(image)
        assert len([path for path in opened if path.endswith(".log")]) <= 3
        assert all_bases(again) == list(range(102))

    def test_indexes_vouch_without_a_checkpoint(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 100)
        tick(store)
        image = files.killed()
        image.unlink("checkpoint")
        again = reopened(image)
        checked = sum(s.checked_to - s.checked_from for s in again.segments)
        assert checked <= SMALL.segment_bytes
        assert all_bases(again) == list(range(100))

    @pytest.mark.parametrize("damage", [b"", b"nonsense", None])
    def test_indexes_are_made_again(
        self, files: SimFiles, store: LogStore, log: Log, damage: bytes | None
    ) -> None:
        fill(store, log, 100)
        tick(store)
        image = files.killed()
        for path in image.paths():
            if path.endswith(".index"):
                image.unlink(path) if damage is None else image.put(path, damage)
        again = open_store(image)
        log = again.open_log(20, SMALL)
        assert all_bases(log) == list(range(100))
        assert again.reports == []

    def test_an_index_longer_than_its_log_is_not_believed(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 100)
        tick(store)
        image = files.killed()
        image.unlink("checkpoint")
        image.put(FIRST + ".log", image.content(FIRST + ".log")[:-50])
        again = open_store(image)
        log = again.open_log(20, SMALL)
        lost = len(log.segments[0:1]) and log.segments[0].end
        assert all_bases(log) == [i for i in range(100) if i != lost]
        assert again.reports

    @pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda d: d + d])
    def test_a_damaged_checkpoint(
        self,
        files: SimFiles,
        store: LogStore,
        log: Log,
        damage: Callable[[bytes], bytes],
    ) -> None:
        fill(store, log, 40)
        store.close()
        files.put("checkpoint", damage(files.content("checkpoint")))
        again = open_store(files)
        assert all_bases(again.open_log(20, SMALL)) == list(range(40))
        assert "checkpoint" in again.reports[0]

    def test_an_older_checkpoint(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 15)
        do(store.checkpoint())
        old = files.content("checkpoint")
        fill(store, log, 40)
        do(store.checkpoint())
        tick(store)
        image = files.killed()
        image.put("checkpoint", old)
        assert all_bases(reopened(image)) == list(range(55))

    def test_a_checkpoint_of_a_log_that_has_lost_files(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        """Offsets that were promised are never given again, whatever is gone."""
        fill(store, log, 40)
        store.close()
        for path in files.paths():
            if path.endswith(".log"):
                files.unlink(path)
        files.unlink("clean")
        again = open_store(files)
        log = again.open_log(20, SMALL)
        assert (log.end, read_all(log)) == (40, [])
        assert write(again, log) == 40
        assert "lost" in again.reports[-1]

    def test_a_missing_segment_is_reported(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        fill(store, log, 40)
        tick(store)
        do(store.checkpoint())
        image = files.killed()
        gone = log.segments[1]
        image.unlink(gone.path)
        again = open_store(image)
        log = again.open_log(20, SMALL)
        expected = [i for i in range(40) if not gone.base <= i < gone.end]
        assert all_bases(log) == expected
        assert "missing" in again.reports[0]


class TestState:
    """What the owner derived is read again, not made again."""

    @pytest.fixture
    def log(self, log: Log) -> Log:
        log.state_source = lambda: b"as of %d" % log.end
        return log

    def test_after_a_clean_end(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 25)
        store.close()
        assert reopened(files).saved_state() == (25, b"as of 25")

    def test_after_a_crash(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 25)
        tick(store)
        base = log.active.base
        assert reopened(files.killed()).saved_state() == (base, b"as of %d" % base)

    def test_a_damaged_one_is_skipped(self, files: SimFiles, store: LogStore, log: Log) -> None:
        fill(store, log, 25)
        tick(store)
        image = files.killed()
        states = [path for path in image.paths() if path.endswith(".state")]
        image.put(states[-1], image.content(states[-1])[:-1])
        saved = reopened(image).saved_state()
        assert saved is not None
        assert states[0].endswith(f"{saved[0]:020d}.state")

    def test_one_from_beyond_the_end_is_forgotten(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        """Other records will get these offsets."""
        fill(store, log, 5)
        image = files.killed()
        image.put(f"logs/20/{9:020d}.state", b"of records that were lost")
        assert reopened(image).saved_state() is None
        assert not [path for path in image.paths() if path.endswith(".state")]

    def test_an_empty_one_takes_no_file(self, files: SimFiles, store: LogStore, log: Log) -> None:
        log.state_source = lambda: b""
        fill(store, log, 5)
        store.close()
        assert not [path for path in files.paths() if path.endswith(".state")]
        again = open_store(files)
        log = again.open_log(20, SMALL)
        assert log.saved_state() == (5, b"")
        again.close()
        assert reopened(files).saved_state() == (5, b"")

    def test_an_empty_one_of_the_start_is_not_the_newest_for_ever(
        self, files: SimFiles, store: LogStore, log: Log
    ) -> None:
        """Who lost appends to a full disk must not read everything since the start again."""
        log.state_source = lambda: b""
        fill(store, log, 5)
        store.close()
        again = open_store(files)
        log = again.open_log(20, SMALL)
        log.state_source = lambda: b"as of %d" % log.end
        fill(again, log, 25)
        tick(again)
        assert log.saved_state() == (log.active.base, b"as of %d" % log.active.base)

    def test_before_it_is_in_a_file(self, store: LogStore, log: Log) -> None:
        fill(store, log, 12)
        assert log.saved_state() == (log.active.base, b"as of %d" % log.active.base)


class TestEpochs:
    """They survive, and are made again when they must be."""

    def write_epochs(self, store: LogStore, log: Log) -> None:
        for epoch in (0, 3, 3, 7):
            log.append(*with_header(make_batch()), epoch)
            turn(store)

    def ends(self, log: Log) -> list[tuple[int, int]]:
        return [log.epoch_end(epoch) for epoch in (0, 3, 7)]

    def test_after_a_restart(self, files: SimFiles, store: LogStore, log: Log) -> None:
        self.write_epochs(store, log)
        expected = [(0, 1), (3, 3), (7, 4)]
        assert self.ends(log) == expected
        killed = files.killed()
        assert self.ends(reopened(killed)) == expected
        lost = files.killed()
        lost.unlink("logs/20/epochs")
        assert self.ends(reopened(lost)) == expected
        store.close()
        assert self.ends(reopened(files)) == expected

    def test_damaged(self, files: SimFiles, store: LogStore, log: Log) -> None:
        self.write_epochs(store, log)
        store.close()
        files.put("logs/20/epochs", b"?")
        again = open_store(files)
        assert self.ends(again.open_log(20, SMALL)) == [(0, 1), (3, 3), (7, 4)]
        assert "epochs" in again.reports[0]


class TestDirectory:
    """One process, one version."""

    def test_in_use(self, files: SimFiles, store: LogStore) -> None:
        with pytest.raises(DirectoryInUse):
            open_store(files)
        store.close()
        open_store(files).close()

    @pytest.mark.parametrize("content", [b"anymq version 1 00000000\n2\n", b"2\n", b""])
    def test_unknown_version(self, files: SimFiles, store: LogStore, content: bytes) -> None:
        store.close()
        files.put("VERSION", content)
        with pytest.raises(UnknownVersion):
            open_store(files)
        with pytest.raises(UnknownVersion):
            open_store(files)  # and the lock was given back

    def test_logs_without_a_version(self, files: SimFiles) -> None:
        files.put("logs/20/x", b"")
        with pytest.raises(UnknownVersion):
            open_store(files)

    def test_orphans_are_kept(self, files: SimFiles, store: LogStore, log: Log) -> None:
        write(store, log)
        image = files.killed()
        again = open_store(image)
        assert again.orphans() == [20]
        with pytest.raises(StorageError):
            again.create(20, SMALL)
        tick(again)
        again.close()
        assert all_bases(reopened(image)) == [0]

    def test_half_removed_logs_go(self, files: SimFiles, store: LogStore) -> None:
        files.put("logs/7.deleted/x", b"x")
        image = files.killed()
        tick(open_store(image))
        assert not [path for path in image.paths() if "deleted" in path]


def test_on_a_real_disk(tmp_path: Path) -> None:
    config = replace(SMALL, durability=Durability.COMMIT)
    store = open_store(tmp_path)
    fill(store, store.create(20, config), 50)
    kill(store)
    store = open_store(OsFiles(tmp_path))
    log = store.open_log(20, config)
    assert all_bases(log) == list(range(50))
    fill(store, log, 50)
    tick(store)
    store.close()
    store = open_store(tmp_path)
    assert all_bases(store.open_log(20, config)) == list(range(100))
    store.close()


def test_a_directory_made_without_syncs_is_named_before_it_is_promised(
    files: SimFiles, store: LogStore, log: Log
) -> None:
    """The log was in `os` mode, then somebody asked for more."""
    write(store, log)
    log.config = replace(SMALL, durability=Durability.COMMIT)
    write(store, log)
    for seed in range(20):
        assert all_bases(reopened(files.crash(Random(seed)))) == [0, 1]


def test_what_was_sealed_survives_a_power_cut(files: SimFiles, store: LogStore, log: Log) -> None:
    fill(store, log, 15)
    tick(store)
    end = log.durable.end
    assert end == log.active.base
    for seed in range(20):
        assert all_bases(reopened(files.crash(Random(seed))))[:end] == list(range(end))


def test_a_stricter_setting_does_not_vouch_for_the_past(
    files: SimFiles, store: LogStore, log: Log
) -> None:
    fill(store, log, 15)
    log.config = replace(SMALL, durability=Durability.COMMIT)
    fill(store, log, 2)
    assert log.durable.end == 0
    tick(store)
    assert log.durable.end == log.segments[0].end
