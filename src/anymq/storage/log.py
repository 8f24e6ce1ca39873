"""Log: record batches in order, each record with an offset. The only storage there is.

Two ends: `end` is where the next record will go; `visible_end` is how far everything is as durable
as the log's setting promises. Readers never see beyond `visible_end`, and nobody is told "done"
before it has passed their record. In a cluster it will be min(synced, replicated): nothing above
this line changes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from typing_extensions import override

from anymq.observability.log import Log as Lines
from anymq.storage import batch as batches
from anymq.storage.batch import BatchHeader
from anymq.storage.commit import Committable, Part, Write
from anymq.storage.disk import Disk
from anymq.storage.errors import (
    CorruptBatch,
    DiskFull,
    LogDeleted,
    LogFailed,
    LogUnknown,
    OffsetOutOfRange,
    StorageError,
    TooManyFiles,
)
from anymq.storage.files import Buffer
from anymq.storage.handles import error_of_read
from anymq.storage.log_config import Durability, LogConfig
from anymq.storage.readable import Contents, ReadableLog, directory_of
from anymq.storage.segment import Segment
from anymq.storage.work import Work

__all__ = ["Contents", "Durability", "Log", "LogConfig", "Mark", "Runs", "Then", "directory_of"]

INTERNAL_IDS = 16  # ids below are our own journals: deletes write to them, so they go on when full
_PREFIX_BYTES = 16
Then = Callable[[StorageError | None], None]
Runs = Sequence[tuple[int, int]]  # offsets first..end, in order

log = Lines(__name__)


class Mark(NamedTuple):
    """A point that would survive a power cut."""

    end: int
    base: int  # of the segment it is in
    position: int


class Log(ReadableLog, Committable):
    """One log. On the broker's thread only, but for what `Work.run` says."""

    def __init__(self, log_id: int, config: LogConfig, disk: Disk, contents: Contents) -> None:
        super().__init__(log_id, config, disk, contents)
        self.end = contents.end  # the offset the next record gets
        self.durable = Mark(contents.end, self.active.base, self.active.size)
        self.failed: StorageError | None = None  # set: takes no more writes
        self.on_visible: Callable[[], None] | None = None  # called when visible_end has moved
        self.on_rollback: Callable[[], None] | None = None  # called when appends were lost
        # Of a thinned log, which offsets within first..end are still needed, and how many are: see
        # thinning.py. What is not goes for good.
        self.needed: Callable[[int, int], Runs] | None = None
        self.needed_count: Callable[[int, int], int] | None = None  # without: counted
        self.retention_due: int | None = None  # when to look again for what is too old
        self.unremoved: Callable[[], Work] | None = None  # segments let go of, still on the disk
        self._writes: list[Write] = []
        self._waiters: list[tuple[int, Then]] = []  # a deque would take 760 bytes of each log

    # Appending

    def append(self, batch: Buffer, header: BatchHeader, leader_epoch: int) -> int:
        """Add a checked batch; return the base offset it gets. StorageError when it cannot be.

        `batch` must stay unchanged until it is written: bytes, or a view of what nobody reuses.
        It is in no file yet: the commit of this turn writes it. The owner's state must not count
        this batch before append has returned: the segment may roll before it.
        """
        if self.failed is not None or self._disk.space.full:
            self._refuse()
        size = header.length + batches.LENGTH_END
        active = self.active
        if active.size + size > self.config.segment_bytes and active.size:
            active = self.roll()
        base = self.end
        epochs = self.epochs
        write = self._writing(active)
        if leader_epoch != epochs.last:
            leader_epoch = max(leader_epoch, epochs.last)  # it never goes back
            epochs.note(leader_epoch, base)
        write.buffers.append(batches.prefix(base, header.length, leader_epoch))
        write.buffers.append(memoryview(batch)[_PREFIX_BYTES:])
        self._disk.backlog.size += size
        self.end = end = base + header.last_offset_delta + 1
        write.segment.add(base, end, size, header.max_timestamp)
        return base

    def check_alive(self) -> None:
        """Raise what made it stop."""
        if self.failed is not None:
            raise type(self.failed)(*self.failed.args)

    def _refuse(self) -> None:
        self.check_alive()
        if self.id >= INTERNAL_IDS or self.config.thinned:  # messages, whatever the id
            raise DiskFull("the disk is full")

    def _writing(self, active: Segment) -> Write:
        """Return the write that goes to the active segment; begin one if need be."""
        writes = self._writes
        if writes and writes[-1].segment is active:
            return writes[-1]
        if active.index is None:
            active = self._reopened(active)
        if not writes:
            self._disk.mark_dirty(self)
        if not active.opened_ms:
            active.opened_ms = self._disk.now_ms
        write = Write(active)
        writes.append(write)
        return write

    def _reopened(self, active: Segment) -> Segment:
        """Append to a segment of an earlier life, if it is still what was left."""
        try:
            active.rows(self._disk.files, self._disk.handles)
        except CorruptBatch:
            self.note_damage(active)
            return self.roll()
        except OSError as error:
            raise error_of_read(active.path, error) from error
        return active

    def roll(self) -> Segment:
        """Begin a new segment, unless this one is empty; the next tick seals the old one."""
        if not self.active.size:  # two would be one file
            return self.active
        self.rolled.append((self.active, self.state()))
        self.active = self._new_segment(self.end)
        self.segments.append(self.active)
        return self.active

    def when_durable(self, offset: int, then: Then) -> None:
        """Call `then(None)` once the record at `offset` is visible, or with what went wrong."""
        if offset < self.visible_end:
            then(None)
        elif self.failed is not None:
            then(self.failed)
        else:
            self._waiters.append((offset, then))

    # Committing: see commit.py

    @property
    @override
    def goes_first(self) -> bool:
        return self.config.thinned

    @override
    def take(self) -> Part | None:
        writes, self._writes = self._writes, []
        if not writes:
            return None
        part = Part(self, self.directory, writes, self.end)
        part.sync = self.config.durability is Durability.COMMIT
        part.leads = self.config.leads
        part.new_directory = not self._in_directory
        part.named_directory = self._named_directory
        if self.epochs.changed:
            part.epochs = self.epochs.encode()
        for write in writes:
            write.size = write.segment.size
            write.file = self._disk.handles.find(write.segment.path)
        return part

    @override
    def finish(self, part: Part) -> None:
        if self.failed is not None:
            self._too_late()
            return
        if part.error is not None:
            self._lose(part.writes, part.error)
            return
        for write in part.writes:
            self._written(write, part.sync)
        self._in_directory = True
        if part.epochs is not None:
            self.epochs.changed = self.epochs.encode() != part.epochs
        if part.sync:
            self._synced_part(part)
        self._show(part.end)

    def _synced_part(self, part: Part) -> None:
        self._named_directory = True
        first, last = part.writes[0], part.writes[-1]
        # Where the setting was another one before, older segments may not be synced: see `sealed`.
        if self.durable.end == self.visible_end or self.durable.base >= first.segment.base:
            self.durable = Mark(part.end, last.segment.base, last.size)

    def _too_late(self) -> None:
        """It failed or was deleted while the commit ran: who waited knows."""
        if isinstance(self.failed, LogDeleted):
            self._disk.doomed.append(self.directory)

    def _written(self, write: Write, synced: bool) -> None:
        segment = write.segment
        segment.visible_size = write.size
        segment.on_disk = True
        segment.named = segment.named or synced
        assert write.file is not None
        self._disk.handles.put(segment.path, write.file)

    def _show(self, end: int) -> None:
        """Let everything before `end` be read, and tell who waits."""
        self.visible_end = end
        self._mark(end)
        waiters = self._waiters
        if waiters:
            count = next((at for at, one in enumerate(waiters) if one[0] >= end), len(waiters))
            self._waiters = waiters[count:]
            del waiters[count:]
        for _, then in waiters:
            _tell(then, None)
        if self.on_visible is not None:
            self.on_visible()

    def _lose(self, writes: list[Write], error: StorageError) -> None:
        """Take back everything that is not visible, and tell who waits."""
        if isinstance(error, DiskFull):
            self._disk.space.ran_out()
        elif isinstance(error, TooManyFiles):
            self._disk.handles.shrink()
        else:
            self.failed = error
            self._report(error)
        given_up = sum(write.segment.size - write.position for write in self._writes)
        for write in reversed([*writes, *self._writes]):
            write.undo()
        self._writes = []
        self._go_back()
        waiters, self._waiters = self._waiters, []
        if self.on_rollback is not None:
            self.on_rollback()
        self._disk.backlog.shrink(given_up)
        for _, then in waiters:
            _tell(then, error)

    def _report(self, error: StorageError) -> None:
        if isinstance(error, LogFailed) and not isinstance(error, LogUnknown):
            self._disk.report(f"log {self.id} takes no more writes until a restart: {error}")

    def _go_back(self) -> None:
        """Make `visible_end` the end again."""
        self.end = self.visible_end
        segments = self.segments
        while len(segments) > 1 and segments[-1].base > self.end:
            segments.pop()
        self.active = segments[-1]
        self.rolled = [item for item in self.rolled if item[0] in segments[:-1]]
        if self._leaders is not None:  # else nothing was noted
            self._leaders.cut(self.end)
        self._forget_places()

    def fail(self, error: LogFailed | LogDeleted) -> None:
        """Stop taking writes: a sync failed outside a commit, or the log is gone."""
        self._lose([], error)

    # Syncing and sealing: see syncing.py, sealing.py

    @property
    def visible_mark(self) -> Mark:
        """The place of `visible_end`."""
        segment = next(s for s in reversed(self.segments) if s.base <= self.visible_end)
        return Mark(self.visible_end, segment.base, segment.visible_size)

    @property
    def unsynced(self) -> list[Segment]:
        """The segments with something written that is not durable."""
        if self.failed is not None or self.durable.end == self.visible_end:
            return []
        return [
            segment
            for segment in self.segments
            if segment.base >= self.durable.base and segment.visible_size
        ]

    def synced(self, mark: Mark) -> None:
        """Everything up to `mark` is durable."""
        if self.failed is None:
            self._named_directory = True
            self.durable = max(self.durable, mark)

    def sealed(self, segment: Segment) -> None:
        """This segment is durable as a whole; the log is, up to the first that is not."""
        segment.sealed = segment.named = True
        self._disk.used(segment)
        for one in self.segments:
            if one.base >= self.durable.base:
                if not one.sealed:
                    break
                self.synced(Mark(one.end, one.base, one.size))

    def delete_before(self, offset: int) -> None:
        """Raise `start`. The owner keeps this durably; segments below it go at the next tick."""
        if offset > self.visible_end:
            raise OffsetOutOfRange(f"{offset} is above {self.visible_end}")
        self.start = max(self.start, offset)

    # For compaction, thinning and repair

    def drop_oldest(self, count: int) -> list[Segment]:
        """Let go of the oldest segments; their files are for the caller to remove."""
        dropped, self.segments = self.segments[:count], self.segments[count:]
        self.start = max(self.start, self.segments[0].base)
        self.rolled = [item for item in self.rolled if item[0] not in dropped]
        self._forget_places()
        return dropped

    def replace_segments(self, old: Sequence[Segment], new: Sequence[Segment]) -> None:
        """Put what a SegmentWriter made in the place of neighbours. In `Work.done`."""
        first = self.segments.index(old[0])
        self.segments[first : first + len(old)] = new
        self._forget_places()
        self.damaged = [segment for segment in self.damaged if segment not in old]
        self.rolled = [item for item in self.rolled if item[0] not in old]
        for segment in old:
            self._disk.handles.drop(segment.path)


def _tell(then: Then, error: StorageError | None) -> None:
    """A bug of one who waited must not keep the news from the others."""
    try:
        then(error)
    except Exception:
        log.exception("an answer that waited for the disk failed")
