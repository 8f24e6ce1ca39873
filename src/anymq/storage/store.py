"""LogStore: all logs of one data directory."""

from collections.abc import Callable

from anymq.storage import directory, recovery
from anymq.storage.commit import Commit
from anymq.storage.disk import Disk
from anymq.storage.files import File, Files
from anymq.storage.handles import HANDLES_MAX
from anymq.storage.log import Contents, Log, LogConfig
from anymq.storage.space import DISK_FREE_MIN
from anymq.storage.work import Work


class LogStore:
    """One data directory, held by a lock."""

    def __init__(self, disk: Disk, lock: File) -> None:
        self._disk = disk
        self._lock = lock
        self.logs: dict[int, Log] = {}

    @classmethod
    def open(
        cls,
        files: Files,
        *,
        on_dirty: Callable[[], None] | None = None,
        handles_max: int = HANDLES_MAX,
        disk_free_min: int = DISK_FREE_MIN,
    ) -> "LogStore":
        """Take the directory. DirectoryInUse, UnknownVersion."""
        lock = directory.take(files)
        disk = Disk(files, handles_max=handles_max, free_min=disk_free_min)
        if on_dirty is not None:
            disk.on_dirty = on_dirty
        return cls(disk, lock)

    @property
    def reports(self) -> list[str]:
        """Damage that was put aside, and what is not ours: for people."""
        return self._disk.reports

    def create(self, log_id: int, config: LogConfig) -> Log:
        """Return a new log. Nothing is made on disk until the first append."""
        assert log_id not in self.logs
        return self._added(Log(log_id, config, self._disk, Contents([])))

    def open_log(self, log_id: int, config: LogConfig) -> Log:
        """Return a log, with what is on disk of it, if anything is."""
        contents = recovery.recover(self._disk, log_id, config)
        return self._added(Log(log_id, config, self._disk, contents))

    def _added(self, log: Log) -> Log:
        self.logs[log.id] = log
        return log

    def begin_commit(self) -> Commit | None:
        """Return the work of writing and syncing what was appended; None when nothing was."""
        disk = self._disk
        logs, disk.dirty = disk.dirty, []
        parts = [part for log in logs if (part := log.take()) is not None]
        if not parts:
            return None
        commit = Commit(disk.files, parts)
        disk.space.wrote(commit.size)
        return commit

    def begin_sync(self) -> Work | None:
        """Return the work of syncing the logs in interval mode; None when all are synced."""
        return None

    def maintenance(self, now_ms: int) -> list[Work]:
        """Return what is to be done now and then."""
        self._disk.now_ms = now_ms
        return []

    def close(self) -> None:
        """Write and sync everything, and let go of the directory."""
        while (commit := self.begin_commit()) is not None:
            commit.run()
            commit.done()
        self._disk.files.sync_all()
        self._disk.handles.clear()
        self._lock.close()
