"""Reader: the records of one partition, one after another, for those who cannot take batches.

It holds one batch, unpacked, however many records of it are asked for at a time.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from anymq.config.units import KIB
from anymq.core.streams.partition import Partition
from anymq.observability.log import Log as Lines
from anymq.storage import records
from anymq.storage.batch import CONTROL, LOG_APPEND_TIME, BatchHeader, check
from anymq.storage.errors import CorruptBatch, OffsetOutOfRange, StorageError

BATCHES_SKIPPED_MAX = (
    100  # at once, of those that hold nothing for us: the caller has a turn to end
)
RESTING_BYTES_MAX = 256 * KIB  # what each of thousands of readers may hold that wait

log = Lines(__name__)


class Found(NamedTuple):
    """One record, as it is written: whoever needs its headers reads them."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: bytes


class Reader:
    """Reads a partition from an offset on, up to what readers may see."""

    __slots__ = ("_items", "_of_batch", "offset", "partition")

    def __init__(self, partition: Partition, offset: int) -> None:
        self.partition = partition
        self.offset = offset  # of the next record, or where there may be one
        self._items: Iterator[records.Slice] | None = None
        self._of_batch: tuple[BatchHeader, bytes] | None = None

    @property
    def at_end(self) -> bool:
        """Is there nothing to read before `visible_end` moves?"""
        return self._items is None and self.offset >= self.partition.visible_end

    def read(self, count: int, bytes_max: int, take: Callable[[Found], bool]) -> int:
        """Hand over the next ones until `take` has said yes `count` times; return how often it did.

        Fewer: the end was reached, or it was enough for once (`at_end` tells which). At least one,
        if there is one: `bytes_max` is looked at after each.
        """
        taken = skipped = 0
        while taken < count and bytes_max > 0 and skipped < BATCHES_SKIPPED_MAX:
            if self._items is None and not self._open():
                break
            taken_here, size = self._take_of_batch(count - taken, bytes_max, take)
            taken += taken_here
            bytes_max -= size
            skipped += not taken_here
        return taken

    def rest(self) -> None:
        """Nothing will be asked for a while: a large batch is unpacked again when it is."""
        if self._of_batch is not None and len(self._of_batch[1]) > RESTING_BYTES_MAX:
            self._items = self._of_batch = None

    def _take_of_batch(
        self, count: int, bytes_max: int, take: Callable[[Found], bool]
    ) -> tuple[int, int]:
        """Hand over records of the open batch; return how many were taken, and what all weighed."""
        assert self._of_batch is not None
        assert self._items is not None
        header, body = self._of_batch
        appended = header.attributes & LOG_APPEND_TIME
        taken = size = 0
        try:
            for delta, time_delta, key, start, value_start, end in self._items:
                offset = header.base_offset + delta
                if offset < self.offset:
                    continue
                self.offset = offset + 1
                value, written = records.split_of(body, value_start, end)
                time = header.max_timestamp if appended else header.base_timestamp + time_delta
                size += end - start
                taken += take(Found(offset, time, key, value, written))
                if taken >= count or size >= bytes_max:
                    return taken, size
        except CorruptBatch as error:  # its sender made it so: the log's checksum is right
            self._report(error)
        self._close(header.next_offset)
        return taken, size

    def _open(self) -> bool:
        """Unpack the batch at `offset`; False when there is none to be had now."""
        try:
            data = self._next_batch()
            if data is None:
                return False
            header = check(data)
        except StorageError as error:
            # The log puts damage aside at its next tick; then there is something further on.
            self._report(error)
            return False
        try:
            body = b"" if header.attributes & CONTROL else records.body_of(data, header)
        except CorruptBatch as error:
            self._report(error)
            body = b""
        if body:
            self._of_batch, self._items = (header, body), records.slices(body, header)
        else:
            self._close(header.next_offset)
        return bool(body) or self._open_next()

    def _open_next(self) -> bool:
        """The one after a batch that is empty; those are rare, and never many in a row."""
        return self.offset < self.partition.visible_end and self._open()

    def _next_batch(self) -> bytes | None:
        partition = self.partition
        self.offset = max(self.offset, partition.start)
        if self.offset >= partition.visible_end:
            return None
        try:
            found = partition.read(self.offset, 1)
        except OffsetOutOfRange:  # retention was quicker
            return None
        return found.read() if found is not None else None

    def _close(self, next_offset: int) -> None:
        self._items = self._of_batch = None
        self.offset = max(self.offset, next_offset)

    def _report(self, error: Exception) -> None:
        partition = self.partition
        log.warning(
            "records cannot be read",
            topic=partition.topic_name,
            partition=partition.index,
            offset=self.offset,
            error=str(error),
        )
