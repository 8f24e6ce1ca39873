"""ReadableLog: the half of a log that readers use, and what it knows of its files."""

from collections.abc import Callable
from dataclasses import dataclass, field

from anymq.storage import epochs as epoch_files
from anymq.storage import reading, state
from anymq.storage.batch import BatchHeader
from anymq.storage.disk import Disk
from anymq.storage.epochs import Epochs
from anymq.storage.errors import OffsetOutOfRange, StorageError
from anymq.storage.found import Found
from anymq.storage.handles import error_of_read
from anymq.storage.index import NO_TIMESTAMP
from anymq.storage.log_config import LogConfig
from anymq.storage.segment import EpochAt, Segment
from anymq.storage.small_files import Damaged, read_whole

_HEADERS_MAX = 1000
_MARKS_MAX = 8
_GOING_ON_MAX = 64  # readers who are remembered


@dataclass(slots=True)
class Contents:
    """What is on disk of a log, or was found there."""

    segments: list[Segment]
    start: int = 0
    end: int = 0
    epochs: Epochs | None = None  # None: read when needed
    empty_state_at: int = -1  # the owner had no state there, and it is in no file
    rolled: list[Segment] = field(default_factory=list)  # to seal


class ReadableLog:
    """Batches `start`..`visible_end`. On the broker's thread only."""

    def __init__(self, log_id: int, config: LogConfig, disk: Disk, contents: Contents) -> None:
        self.id = log_id
        self.config = config
        self.directory = directory_of(log_id)
        self.segments = contents.segments or [self._new_segment(contents.end)]
        self.active = self.segments[-1]
        self.start = contents.start  # the first offset that is kept
        self.visible_end = contents.end
        self.opened_end = contents.end
        self.empty_state_at = contents.empty_state_at
        self.state_source: Callable[[], bytes] | None = None  # the owner's state at `end`
        # To seal, with the owner's state at the end of each.
        self.rolled: list[tuple[Segment, bytes | None]] = [(s, None) for s in contents.rolled]
        self.damaged: list[Segment] = []  # to repair
        self._disk = disk
        self._leaders = contents.epochs
        self._marks: dict[int, reading.Place] = {}
        self._going_on: dict[int, reading.Place] = {}
        self._in_directory = any(segment.on_disk for segment in self.segments)
        self._named_directory = self._in_directory  # its name would survive a power cut

    def _new_segment(self, base: int) -> Segment:
        return Segment(self.directory, base, self.config.index_interval_bytes)

    def read(self, offset: int, bytes_max: int, *, at_least_one: bool = True) -> Found | None:
        """Return where whole batches from the one that holds `offset` are; None when none visible.

        The last one may be cut by `bytes_max`, as Kafka's clients expect; the first never is when
        `at_least_one`. OffsetOutOfRange when `offset` is not within start..visible_end;
        CorruptBatch when it is damaged: the next tick puts that aside, and reading goes on.
        """
        if not self.start <= offset <= self.visible_end:
            raise OffsetOutOfRange(f"{offset} is not in {self.start}..{self.visible_end}")
        if offset == self.visible_end:
            return None
        try:
            place = self._place(offset)
            if place is None:
                return None
            return reading.range_at(place, bytes_max, at_least_one, self._disk, self.epoch_at)
        except reading.DamageFound as found:
            self.note_damage(found.segment)
            raise

    def _place(self, offset: int) -> reading.Place | None:
        place = self._marks.get(offset) or self._going_on.pop(offset, None)
        if place is not None and place[1] < place[0].visible_size:
            return place
        return reading.locate(self.segments, offset, self._disk)

    def goes_on(self, offset: int, found: Found, done: int) -> None:
        """Remember where the batch with `offset` begins: `done` bytes after where `found` does.

        Who reads on from there need not look for it.
        """
        self._going_on[offset] = (found.segment, found.position + done)
        if len(self._going_on) > _GOING_ON_MAX:
            del self._going_on[next(iter(self._going_on))]

    def _forget_places(self) -> None:
        """Segments went, or hold something else now."""
        self._marks.clear()
        self._going_on.clear()

    def _mark(self, end: int) -> None:
        """Remember where a reader who has caught up will go on."""
        segment = self.active
        if segment.base < end:
            self._marks[end] = (segment, segment.visible_size)
            if len(self._marks) > _MARKS_MAX:
                del self._marks[next(iter(self._marks))]

    def note_damage(self, segment: Segment) -> None:
        """This one is to be repaired at the next tick."""
        if segment not in self.damaged:
            self.damaged.append(segment)

    def headers(self, offset: int) -> list[BatchHeader]:
        """Return the headers of the batches from `offset` on (bounded; call again to go on)."""
        return self._headers(offset, self.epoch_at)

    def _headers(self, offset: int, epoch_at: EpochAt | None) -> list[BatchHeader]:
        try:
            place = self._place(offset) if offset < self.visible_end else None
            return reading.headers(place, self._disk, _HEADERS_MAX, epoch_at) if place else []
        except reading.DamageFound as found:
            self.note_damage(found.segment)
            raise

    def offset_at(self, timestamp_ms: int) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the first record not older than this; None when all are."""
        try:
            for place, header in reading.first_since(self.segments, timestamp_ms, self._disk):
                start = self.start
                if header.next_offset > start and (
                    found := reading.first_in(place, header, timestamp_ms, start, self._disk)
                ):
                    return found
        except reading.DamageFound as damage:
            self.note_damage(damage.segment)
            raise
        return None

    def newest_timestamp(self) -> tuple[int, int] | None:
        """Return (offset, timestamp) of the record with the greatest timestamp."""
        newest = reading.newest(self.segments, self._disk)
        return self.offset_at(newest) if newest != NO_TIMESTAMP else None

    def size_bytes(self) -> int:
        """Return how much disk it takes."""
        return sum(segment.visible_size for segment in self.segments)

    def state(self) -> bytes | None:
        """Ask the owner for its state; None when it has none, or cannot read what it needs."""
        try:
            return self.state_source() if self.state_source is not None else None
        except StorageError:
            return None

    def saved_state(self) -> tuple[int, bytes] | None:
        """Return the newest state that was kept and is not above `visible_end`, and its offset.

        `headers` from there on has the rest.
        """
        end = self.visible_end
        for segment, content in reversed(self.rolled):
            if content is not None and segment.end <= end:
                return segment.end, content
        empty = (self.empty_state_at, b"") if self.empty_state_at >= 0 else None
        there = self._in_directory or self.opened_end > 0  # all of it may have been deleted
        if not there or (empty and self.active.base <= self.empty_state_at):
            return empty  # nothing was sealed since
        kept = state.newest(self._disk.files, self.directory, end)
        return empty if empty and (kept is None or kept[0] < empty[0]) else kept

    @property
    def epochs(self) -> Epochs:
        """The leader epochs, read when first needed."""
        if self._leaders is None:
            self._leaders = self._read_epochs()
        return self._leaders

    def _read_epochs(self) -> Epochs:
        try:
            content = read_whole(self._disk.files, f"{self.directory}/epochs", "epochs")
            return epoch_files.decode(content) if content is not None else Epochs()
        except Damaged:
            self._disk.report(f"log {self.id}: the epochs file was damaged, made again")
            return self._epochs_of_batches()
        except OSError as error:
            raise error_of_read(self.directory, error) from error

    def _epochs_of_batches(self) -> Epochs:
        epochs = Epochs()
        offset = self.start
        while found := self._headers(offset, None):
            for header in found:
                epochs.note(header.leader_epoch, header.base_offset)
            offset = found[-1].next_offset
        epochs.changed = True
        return epochs

    def epoch_at(self, offset: int) -> int:
        """Return the leader epoch of the record at `offset`."""
        return self.epochs.at(offset)

    def epoch_end(self, leader_epoch: int) -> tuple[int, int]:
        """Return (epoch, end offset) for OffsetForLeaderEpoch; (-1, -1) when unknown."""
        return self.epochs.end_of(leader_epoch, self.visible_end)


def directory_of(log_id: int) -> str:
    """Return where a log's files are."""
    return f"logs/{log_id}"
