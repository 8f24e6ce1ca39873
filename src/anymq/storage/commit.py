"""Group commit: everything that was appended meanwhile, one write per log, then one sync for all.

`begin_commit` prepares a Commit on the broker's thread, `run` writes and syncs (the only part that
blocks), `done` tells each log what became of its part. A part is all or nothing.

Logs that lead are on the disk before any other of the same commit: a crash may leave what they say
of a record and take the record, never the reverse. Then queues are before topics: who finds by such
a log that a record has come to its topic brings it to those who listen there no second time.
"""

from collections.abc import Sequence
from typing import Protocol

from typing_extensions import override

from anymq.storage import doubt
from anymq.storage.backlog import Backlog
from anymq.storage.errors import DiskFull, LogFailed, StorageError, TooManyFiles
from anymq.storage.files import Buffer, File, Files, write_all
from anymq.storage.handles import out_of_handles
from anymq.storage.reserve import NO_SPACE
from anymq.storage.segment import Segment
from anymq.storage.small_files import replace_whole
from anymq.storage.work import Work

# Measured (benchmarks/micro/log_append.py): from two files on, one syncfs beats an fdatasync each,
# at four twice; but it also waits for what others write to this file system.
SYNC_EACH_MAX = 4


class Write:
    """What goes to the end of one segment, and how the segment was before.

    `size` is how long the file will be, set when the commit takes it.
    """

    __slots__ = ("buffers", "created", "end", "file", "newest", "position", "segment", "size")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.position = self.size = segment.size
        self.end = segment.end
        self.newest = segment.newest
        self.buffers: list[Buffer] = []
        self.file: File | None = None  # None: `run` opens it
        self.created = False

    def undo(self) -> None:
        """Forget what was appended. On the broker's thread."""
        self.segment.cut(self.position, self.end, self.newest)


class Committable(Protocol):
    """What a commit needs of a log."""

    @property
    def goes_first(self) -> bool:
        """Is it written before the others? Queues are."""

    def take(self) -> "Part | None":
        """Hand over what was appended; None when there is nothing."""

    def finish(self, part: "Part") -> None:
        """The part is written, and synced if it was to be; or `part.error` says why not."""


class Part:
    """One log's part of one commit. `run` owns it until `done`."""

    __slots__ = (
        "directory",
        "end",
        "epochs",
        "error",
        "leads",
        "log",
        "named_directory",
        "new_directory",
        "sync",
        "writes",
    )

    def __init__(self, log: Committable, directory: str, writes: list[Write], end: int) -> None:
        self.log = log
        self.directory = directory
        self.writes = writes
        self.end = end
        self.sync = True
        self.leads = False
        self.new_directory = False
        self.named_directory = True  # its name would survive a power cut
        self.epochs: bytes | None = None  # the new content of that file
        self.error: StorageError | None = None

    def write(self, files: Files) -> None:
        """Write everything, or leave everything as it was and set `error`."""
        try:
            if self.new_directory:
                files.make_dir(self.directory)
            if self.epochs is not None:
                replace_whole(files, f"{self.directory}/epochs", "epochs", self.epochs)
            for write in self.writes:
                self._write(files, write)
        except OSError as error:
            self.error = _error_of_write(error)
            self._take_back(files)

    def _write(self, files: Files, write: Write) -> None:
        if write.file is None:
            path, new = write.segment.path, not write.segment.on_disk
            # Retention and compaction make it, too, so that something says where the log ends:
            # then it must stay, whatever becomes of this write.
            write.created = new and not files.exists(path)
            write.file = files.open(path, create=new)
        write_all(write.file, write.buffers, write.position)
        if self.sync and write is not self.writes[-1]:
            # A torn end can only be in the last file: what is torn elsewhere is damage.
            self._sync(files, write)

    def _take_back(self, files: Files) -> None:
        """Cut what was written, durably: a crash must not bring it back beside what comes next.

        The last goes first, and stays gone before the one before it goes: a crash, or an error,
        must not leave a hole.
        """
        try:
            for write in reversed(self.writes):
                if write.created:
                    files.unlink(write.segment.path)
                    files.sync_dir(self.directory)
                elif write.file is not None:
                    write.file.truncate(write.position)
                    write.file.sync()
        except OSError as error:
            doubt.note(files)
            self.error = LogFailed(f"{self.directory}: {error}")

    def sync_files(self, files: Files) -> None:
        """Sync the last file; the others are synced already."""
        try:
            self._sync(files, self.writes[-1])
        except OSError as error:
            doubt.note(files)
            self.error = LogFailed(f"{self.directory}: {error}")

    def _sync(self, files: Files, write: Write) -> None:
        assert write.file is not None
        write.file.sync()
        if not write.segment.named:
            files.sync_dir(self.directory)
        if not self.named_directory:
            files.sync_dir("logs")


class Commit(Work):
    """The parts of all logs that had something to write."""

    def __init__(self, files: Files, parts: Sequence[Part], backlog: Backlog) -> None:
        self._files = files
        self._backlog = backlog
        self._parts = parts
        self.size = sum(write.size - write.position for p in parts for write in p.writes)

    @property
    def blocks(self) -> bool:
        """Is there something to wait for? Without, `run` may be called where one is."""
        return any(part.sync for part in self._parts)

    @override
    def run(self) -> None:
        leading = [part for part in self._parts if part.leads]
        if not leading:
            self._keep(self._parts)
            return
        followers = [part for part in self._parts if not part.leads]
        self._keep(leading)
        self._keep([part for part in followers if part.log.goes_first])
        self._keep([part for part in followers if not part.log.goes_first])

    def _keep(self, parts: Sequence[Part]) -> None:
        for part in parts:
            part.write(self._files)
        to_sync = [part for part in parts if part.sync and part.error is None]
        if len(to_sync) > SYNC_EACH_MAX:
            self._sync_all(to_sync)
        else:
            for part in to_sync:
                part.sync_files(self._files)

    def _sync_all(self, parts: list[Part]) -> None:
        try:
            self._files.sync_all()
        except OSError as error:
            doubt.note(self._files)
            for part in parts:
                part.error = LogFailed(f"{part.directory}: {error}")

    @override
    def done(self) -> None:
        for part in self._parts:
            part.log.finish(part)
        self._backlog.shrink(self.size)


def _error_of_write(error: OSError) -> StorageError:
    if error.errno in NO_SPACE:
        return DiskFull("no space left on the disk")
    if out_of_handles(error):
        return TooManyFiles("no file descriptor is free")
    return LogFailed(str(error))
