"""Reader: the records of one partition, one after another, for those who cannot take batches.

Batches are read some at a time: who waits for each answer sends small ones. Where it stops within
one, it shares that with others who are there, see `Unpacked`.
"""

from collections.abc import Callable

from anymq.config.units import KIB, MIB
from anymq.core.streams.partition import RECORD_BYTES_MAX, Partition
from anymq.core.streams.unpacked import Batch, Unpacked
from anymq.observability.log import Log as Lines
from anymq.storage import records
from anymq.storage.batch import CONTROL, LOG_APPEND_TIME, BatchHeader, check, size_at
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.files import Buffer
from anymq.storage.found import Found
from anymq.storage.records import BEGINNING

BATCHES_SKIPPED_MAX = (
    100  # at once, of those that hold nothing for us: the caller has a turn to end
)
# Unpacking is our work, and a bomb is cheap to send: so much is honest, more is left out.
RATIO_MAX = 32
AHEAD_BYTES_MAX = 64 * KIB  # read at once; a batch that is larger comes alone
MARGIN_BYTES = 32  # by which the next records may be larger than those before them

log = Lines(__name__)


# Told of one record: offset, time, key, value, and its headers as they are written, which whoever
# needs them reads. Says whether it was wanted.
Take = Callable[[int, int, bytes | None, bytes | None, bytes], bool]
# Takes whole batches at once, as far as it knows what they are: of such bytes, from a place on, and
# records from an offset on; so many, and about so many bytes of them. It says how many it took, how
# many bytes it came by, and from which place and offset on the rest is for `Take`.
TakeRun = Callable[[bytes, int, int, int, int], tuple[int, int, int, int]]


class Reader:
    """Reads a partition from an offset on, up to what readers may see."""

    # fmt: off
    __slots__ = (
        "_after", "_ahead", "_at", "_base", "_first", "_found", "_unpacked", "_window", "offset",
        "partition",
    )
    # fmt: on

    def __init__(self, partition: Partition, offset: int, unpacked: Unpacked) -> None:
        self.partition = partition
        self.offset = offset  # of the next record, or where there may be one
        self._unpacked = unpacked
        self._base = -1  # of the batch that it is in the middle of
        self._after = BEGINNING  # how far in that
        self._ahead = b""  # what was read of the log, within `read` only: readers live long
        self._at = 0  # where in that the next batch begins
        self._found: Found | None = None  # where that was
        self._first = offset  # what it was read for
        self._window = 0  # how many bytes to read at once

    @property
    def at_end(self) -> bool:
        """Is there nothing to read before `visible_end` moves?"""
        return self.offset >= self.partition.visible_end

    def read(self, count: int, bytes_max: int, take: Take, take_run: TakeRun | None = None) -> int:
        """Hand over the next ones until `take` has said yes `count` times; return how often it did.

        Fewer: the end was reached, or it was enough for once (`at_end` tells which). At least one,
        if there is one: `bytes_max` is looked at after each. `take_run`: who is asked first.
        """
        taken = skipped = 0
        self._window = min(count * self.partition.record_bytes, bytes_max, AHEAD_BYTES_MAX)
        try:
            while taken < count and bytes_max > 0 and skipped < BATCHES_SKIPPED_MAX:
                here = self.offset
                taken_here = size = 0
                if take_run is not None:
                    taken_here, size = self._take_run(count - taken, bytes_max, take_run)
                if self.offset == here:
                    batch = self._batch()
                    if batch is None:
                        break
                    taken_here, size = self._take_of_batch(batch, count - taken, bytes_max, take)
                taken += taken_here
                bytes_max -= size
                skipped += not taken_here
            self._note()
        finally:
            self._ahead, self._at, self._found = b"", 0, None
        return taken

    def _note(self) -> None:
        """For who reads on: where that is, and how much to read at once."""
        found, count = self._found, self.offset - self._first
        if found is None or count <= 0:
            return
        if self._base < 0:
            self.partition.log.goes_on(self.offset, found, self._at)
        used = self._at + size_at(self._ahead, self._at)  # a batch too many rather than too few
        self.partition.record_bytes = min(used // count + MARGIN_BYTES, RECORD_BYTES_MAX)

    def _take_run(self, count: int, bytes_max: int, take_run: TakeRun) -> tuple[int, int]:
        """Have all taken that can be at once; what is wrong comes up when there is no more."""
        partition = self.partition
        if self._base >= 0 or not partition.start <= self.offset < partition.visible_end:
            return 0, 0
        try:
            if not size_at(self._ahead, self._at):
                self._read_ahead()
        except StorageError:
            return 0, 0
        at, offset = self._at, self.offset
        taken, size, self._at, self.offset = take_run(self._ahead, at, offset, count, bytes_max)
        return taken, size

    def _take_of_batch(
        self, batch: Batch, count: int, bytes_max: int, take: Take
    ) -> tuple[int, int]:
        """Hand over records of a batch; return how many were taken, and what all weighed."""
        header, body = batch
        if not body:
            self._leave(header)
            return 0, 0
        appended = header.attributes & LOG_APPEND_TIME
        taken = size = 0
        _, done, _ = self._after
        try:
            for delta, time_delta, key, start, value_start, end in records.slices(
                body, header, self._after
            ):
                done += 1
                offset = header.base_offset + delta
                if offset < self.offset:
                    continue
                self.offset = offset + 1
                value, written = records.split_of(body, value_start, end)
                time = header.max_timestamp if appended else header.base_timestamp + time_delta
                size += end - start
                taken += take(offset, time, key, value, written)
                if (taken >= count or size >= bytes_max) and self.offset < header.next_offset:
                    self._base, self._after = header.base_offset, (end, done, delta)
                    self._unpacked.keep(self.partition.log.id, batch)
                    return taken, size
        except CorruptBatch as error:  # its sender made it so: the log's checksum is right
            self._report(error)
        self._leave(header)
        return taken, size

    def _batch(self) -> Batch | None:
        """Return the batch at `offset`; None when there is none to be had now."""
        partition = self.partition
        if self.offset < partition.start:  # retention was quicker
            self.offset, self._base, self._after = partition.start, -1, BEGINNING
            self._take_up(None)
        if self.offset >= partition.visible_end:
            return None
        if self._ahead:
            return self._unpack()
        base = self._base if self._base >= 0 else self.offset
        if (batch := self._unpacked.find(partition.log.id, base)) is not None:
            return batch
        self._base, self._after = -1, BEGINNING  # it is walked from its start again
        return self._unpack()

    def _unpack(self) -> Batch | None:
        try:
            data = self._next_ahead() or self._read_next()
            if not data:
                return None
            header = check(data)
        except StorageError as error:
            # The log puts damage aside at its next tick; then there is something further on.
            self._take_up(None)
            self._report(error)
            return None
        if not header.compression and len(data) <= AHEAD_BYTES_MAX:
            return header, self._body(data, header)
        log_id = self.partition.log.id
        batch = self._unpacked.find(log_id, header.base_offset)
        if batch is None:
            batch = (header, self._body(data, header))
            self._unpacked.keep(log_id, batch)
        return batch

    def _next_ahead(self) -> memoryview:
        """Return the next batch of what was read; nothing when that does not hold all of it."""
        at = self._at
        self._at = end = at + size_at(self._ahead, at)
        return memoryview(self._ahead)[at:end]

    def _read_next(self) -> memoryview:
        """Read on; return the batch at `offset`, or what there is instead."""
        self._read_ahead()
        return self._next_ahead() or memoryview(self._ahead)

    def _read_ahead(self) -> None:
        """Read some batches from `offset` on."""
        partition = self.partition
        self._at = 0
        try:
            found = partition.read(self.offset, self._window, at_least_one=False)
            self._take_up(found)
            if found is None or size_at(self._ahead, 0):
                return
        except StorageError:  # it may be further on, and must not take away what is before it
            self._window = 1
        self._take_up(partition.read(self.offset, self._window))  # a batch that is larger

    def _take_up(self, found: Found | None) -> None:
        self._found, self._first = found, self.offset
        self._ahead = b"" if found is None else found.read()

    def _body(self, data: Buffer, header: BatchHeader) -> bytes:
        """Unpack it; as if it were empty, if that is impossible or nothing for us."""
        if header.attributes & CONTROL:
            return b""
        try:
            return records.body_of(data, header, bytes_max=RATIO_MAX * max(len(data), MIB))
        except CorruptBatch as error:
            self._report(error)
            return b""

    def _leave(self, header: BatchHeader) -> None:
        self._base, self._after = -1, BEGINNING
        self.offset = max(self.offset, header.next_offset)

    def _report(self, error: Exception) -> None:
        partition = self.partition
        log.warning(
            "records cannot be read",
            topic=partition.topic_name,
            partition=partition.index,
            offset=self.offset,
            error=str(error),
        )
