"""LogStore: all logs of one data directory."""

from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace
from typing_extensions import override

from anymq.storage import checkpoint, directory, doubt, recovery, restart, state
from anymq.storage.backlog import BACKLOG_BYTES_MAX, Backlog
from anymq.storage.checkpoint import Entries
from anymq.storage.commit import Commit, Committable
from anymq.storage.disk import Disk
from anymq.storage.errors import CorruptBatch, LogDeleted, LogUnknown, StorageError
from anymq.storage.files import File, Files
from anymq.storage.handles import HANDLES_MAX
from anymq.storage.log import Contents, Durability, Log, LogConfig, directory_of
from anymq.storage.repair import repairs
from anymq.storage.sealing import seal_of
from anymq.storage.small_files import Damaged
from anymq.storage.space import DISK_FREE_MIN
from anymq.storage.syncing import Sync
from anymq.storage.upkeep import Upkeep
from anymq.storage.work import Work

CHECKPOINT_MS = 30_000
INDEX_WORTH_BYTES = 1024 * 1024  # below, an index is made faster than a file is opened


T = TypeVar("T")


class LogStore:
    """One data directory, held by a lock. On the broker's thread only."""

    def __init__(self, disk: Disk, lock: File, entries: Entries, clean: bool) -> None:
        self._disk = disk
        self._lock = lock
        self._entries = entries  # of logs nobody has opened yet
        self._clean = clean
        self._on_disk = _ids(disk.files)
        self._checkpoint_due = 0
        self._checkpoint_running = False
        self.logs: dict[int, Log] = {}
        self._upkeep = Upkeep(disk)

    @classmethod
    def open(
        cls,
        files: Files,
        *,
        on_dirty: Callable[[], None] | None = None,
        handles_max: int = HANDLES_MAX,
        disk_free_min: int = DISK_FREE_MIN,
        retention_check_ms: int = 0,
        backlog_max: int = BACKLOG_BYTES_MAX,
    ) -> "LogStore":
        """Take the directory. DirectoryInUse, UnknownVersion."""
        lock = directory.take(files)
        disk = Disk(
            files,
            handles_max=handles_max,
            free_min=disk_free_min,
            retention_check_ms=retention_check_ms,
        )
        disk.backlog.limit = backlog_max
        if on_dirty is not None:
            disk.on_dirty = on_dirty
        entries, clean = _take_checkpoint(disk)
        disk.in_doubt = doubt.is_noted(files)
        clean = clean and not disk.in_doubt
        if not clean:
            files.sync_all()  # what we find must be durable before anybody sees it
        disk.doomed += directory.half_removed(files)
        return cls(disk, lock, entries, clean)

    @property
    def reports(self) -> list[str]:
        """Damage that was put aside, and what is not ours: for people."""
        return self._disk.reports

    @property
    def full(self) -> bool:
        """Are appends refused until there is space?"""
        return self._disk.space.full

    @property
    def backlog(self) -> Backlog:
        """What waits to be written."""
        return self._disk.backlog

    def watch_space(self, changed: Callable[[], None]) -> None:
        """Call `changed` when `full` is another than before."""
        self._disk.space.on_change = changed

    def check_space(self) -> None:
        """Look whether appends must be refused, or need not be any more."""
        self._disk.space.check()

    def give_handles(self) -> bool:
        """Close log files that are only kept open; say whether there were any."""
        return self._disk.handles.shrink()

    def keep_free(self, size: int) -> None:
        """Refuse appends from now on while less than this is free."""
        self._disk.space.free_min = size
        self.check_space()

    def free_bytes(self) -> int:
        """Return how much space the disk has."""
        return self._disk.files.free_bytes()

    # Logs

    def ids(self) -> list[int]:
        """Return the logs that are on disk, or will be after their first append."""
        return sorted(self._on_disk)

    def create(self, log_id: int, config: LogConfig) -> Log:
        """Return a new log. Nothing is made on disk until the first append."""
        if log_id in self._on_disk or log_id in self.logs:
            raise StorageError(f"there is a log {log_id} already")
        self._entries.pop(log_id, None)
        return self._added(Log(log_id, config, self._disk, Contents([])))

    def open_log(self, log_id: int, config: LogConfig) -> Log:
        """Return a log, with what is on disk of it, if anything is."""
        assert log_id not in self.logs
        entry = self._entries.pop(log_id, None)
        if entry is not None and self._clean and entry.clean:
            contents = restart.as_left(log_id, config, entry)
        elif log_id in self._on_disk or entry is not None:
            contents = recovery.recover(self._disk, log_id, config, entry)
        else:
            contents = Contents([])
        return self._added(Log(log_id, config, self._disk, contents))

    def read_whole(self, log: Log, read: Callable[[], T]) -> T:
        """Return what `read` makes of a log at the start; what is damaged in it is put aside first.

        One flipped bit in what the broker keeps for itself must not keep all of it from starting.
        """
        while True:
            try:
                return read()
            except CorruptBatch:
                works = repairs(log, self._disk)
                if not works:
                    raise
                for work in works:
                    self._run(work)

    def _added(self, log: Log) -> Log:
        self.logs[log.id] = log
        self._on_disk.add(log.id)
        return log

    def delete(self, log_id: int) -> Work:
        """Forget the log; the work removes its files. Harmless when it is not there."""
        self._on_disk.discard(log_id)
        self._entries.pop(log_id, None)
        self._upkeep.forget(log_id)
        log = self.logs.pop(log_id, None)
        if log is not None:
            log.fail(LogDeleted(f"log {log_id} was deleted"))
            for segment in log.segments:
                self._disk.handles.drop(segment.path)
        return directory.Removal(self._disk, [directory_of(log_id)])

    def abandon(self, log_id: int, why: Exception) -> None:
        """Let go of a log: who waits for it hears why. What is on disk of it stays, an orphan."""
        self._upkeep.forget(log_id)
        log = self.logs.pop(log_id, None)
        if log is not None:
            log.fail(LogUnknown(str(why)))
            if not any(segment.on_disk for segment in log.segments):
                self._on_disk.discard(log_id)

    def end_of(self, log_id: int) -> int | None:
        """Return where the next record of a log goes; None when nobody has opened such a log."""
        log = self.logs.get(log_id)
        return None if log is None else log.end

    def orphans(self) -> list[int]:
        """Return the logs on disk that nobody has opened. They are never deleted."""
        return sorted(self._on_disk - self.logs.keys())

    # Work

    def begin_commit(self) -> Commit | None:
        """Return the work of writing and syncing what was appended; None when nothing was."""
        disk = self._disk
        if disk.in_doubt:  # all logs are open, and what was found in them was written once more
            disk.in_doubt = False
            doubt.forget(disk.files)
        logs, disk.dirty = disk.dirty, []
        # Queues before topics: who listens to a topic has what is in it, whenever we are killed.
        logs.sort(key=_goes_last)
        parts = [part for log in logs if (part := log.take()) is not None]
        if not parts:
            return None
        commit = Commit(disk.files, parts, disk.backlog)
        disk.space.wrote(commit.size)
        return commit

    def begin_sync(self) -> Work | None:
        """Return the work of syncing the logs in interval mode; None when all are synced."""
        interval = Durability.INTERVAL
        sync = Sync(
            self._disk, (log for log in self.logs.values() if log.config.durability is interval)
        )
        return None if sync.empty else sync

    def maintenance(self, now_ms: int) -> list[Work]:
        """Return what is to be done now and then; call it about once a second."""
        disk = self._disk
        disk.now_ms = now_ms
        disk.space.check()
        works = self._upkeep.works(self.logs, now_ms)
        if disk.doomed:
            doomed, disk.doomed = disk.doomed, []
            works.append(directory.Removal(disk, doomed))
        if disk.space.free_min and disk.reserve.missing(disk.space.spare):
            works.append(disk.reserve.make())
        works += self._checkpoint_if_due(now_ms)
        return works

    # The checkpoint

    def _checkpoint_if_due(self, now_ms: int) -> list[Work]:
        not_yet = now_ms < self._checkpoint_due <= now_ms + CHECKPOINT_MS  # else it was set back
        if not_yet or self._checkpoint_running:
            return []
        self._checkpoint_due = now_ms + CHECKPOINT_MS
        return [self.checkpoint()]

    def checkpoint(self) -> Work:
        """Return the work of noting what is durable, so that a restart need not look at it."""
        entries = dict(self._entries)
        for log in self.logs.values():
            entries[log.id] = restart.entry_of(log)
        return _Checkpoint(self, checkpoint.encode(entries))

    def interrupt(self) -> None:
        """The end is near: slow work that can stop where it is does so. Any thread."""
        self._disk.stopping = True

    def close(self) -> None:
        """Write and sync everything, and let go of the directory. No work may be under way."""
        while (commit := self.begin_commit()) is not None:
            commit.run()
            commit.done()
        self._run(Sync(self._disk, self.logs.values()))
        while not (seal := seal_of(self._disk, self.logs.values())).empty:
            self._run(seal)
        try:
            self._write_last_checkpoint()
        except OSError as error:
            self._disk.report(f"no checkpoint: {error}")
        self._disk.handles.clear()
        self._lock.close()

    def _run(self, work: Work) -> None:
        work.run()
        work.done()

    def _write_last_checkpoint(self) -> None:
        entries = dict(self._entries)
        if not self._clean:  # what is said of a log that nobody opened may be of an earlier life
            entries = {log_id: replace(one, clean=False) for log_id, one in entries.items()}
        for log in self.logs.values():
            empty_state_at = self._leave_beside(log)
            entries[log.id] = restart.entry_of(log, clean=True, empty_state_at=empty_state_at)
        checkpoint.write(self._disk.files, checkpoint.encode(entries), clean=True)

    def _leave_beside(self, log: Log) -> int:
        """Keep index and state of a log for the next start; return where there is no state."""
        files, active = self._disk.files, log.active
        if log.end == log.opened_end:
            return log.empty_state_at
        if active.index is not None and active.size >= INDEX_WORTH_BYTES:
            active.write_index(files, active.index)
        content = log.state()
        if content:
            state.write(files, log.directory, log.end, content)
        return log.end if content == b"" else -1


class _Checkpoint(Work):
    """Writes the checkpoint file."""

    def __init__(self, store: LogStore, content: bytes) -> None:
        self._store = store
        self._content = content
        self._error: OSError | None = None
        store._checkpoint_running = True

    @override
    def run(self) -> None:
        try:
            checkpoint.write(self._store._disk.files, self._content)
        except OSError as error:
            self._error = error

    @override
    def done(self) -> None:
        self._store._checkpoint_running = False
        if self._error is not None:
            self._store._disk.report(f"no checkpoint: {self._error}")


def _goes_last(log: Committable) -> bool:
    return not log.goes_first


def _ids(files: Files) -> set[int]:
    return {int(name) for name in files.list(directory.LOGS) if name.isdecimal()}


def _take_checkpoint(disk: Disk) -> tuple[Entries, bool]:
    try:
        return checkpoint.take(disk.files)
    except Damaged:
        disk.report("the checkpoint is damaged or missing: every log is looked at")
        return {}, False
