"""Reader: the records of one partition, one after another, for those who cannot take batches.

It is within one batch, which it shares with others who are there, see `Unpacked`.
"""

from collections.abc import Callable

from anymq.config.units import MIB
from anymq.core.streams.partition import Partition
from anymq.core.streams.unpacked import Batch, Unpacked
from anymq.observability.log import Log as Lines
from anymq.storage import records
from anymq.storage.batch import CONTROL, LOG_APPEND_TIME, BatchHeader, check
from anymq.storage.errors import CorruptBatch, StorageError

BATCHES_SKIPPED_MAX = (
    100  # at once, of those that hold nothing for us: the caller has a turn to end
)
# Unpacking is our work, and a bomb is cheap to send: so much is honest, more is left out.
RATIO_MAX = 32

log = Lines(__name__)

_BEGINNING = (0, 0, -1)


# Told of one record: offset, time, key, value, and its headers as they are written, which whoever
# needs them reads. Says whether it was wanted.
Take = Callable[[int, int, bytes | None, bytes | None, bytes], bool]


class Reader:
    """Reads a partition from an offset on, up to what readers may see."""

    __slots__ = ("_after", "_base", "_unpacked", "offset", "partition")

    def __init__(self, partition: Partition, offset: int, unpacked: Unpacked) -> None:
        self.partition = partition
        self.offset = offset  # of the next record, or where there may be one
        self._unpacked = unpacked
        self._base = -1  # of the batch that it is in the middle of
        self._after = _BEGINNING  # how far in that

    @property
    def at_end(self) -> bool:
        """Is there nothing to read before `visible_end` moves?"""
        return self.offset >= self.partition.visible_end

    def read(self, count: int, bytes_max: int, take: Take) -> int:
        """Hand over the next ones until `take` has said yes `count` times; return how often it did.

        Fewer: the end was reached, or it was enough for once (`at_end` tells which). At least one,
        if there is one: `bytes_max` is looked at after each.
        """
        taken = skipped = 0
        while taken < count and bytes_max > 0 and skipped < BATCHES_SKIPPED_MAX:
            batch = self._batch()
            if batch is None:
                break
            taken_here, size = self._take_of_batch(batch, count - taken, bytes_max, take)
            taken += taken_here
            bytes_max -= size
            skipped += not taken_here
        return taken

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
                    return taken, size
        except CorruptBatch as error:  # its sender made it so: the log's checksum is right
            self._report(error)
        self._leave(header)
        return taken, size

    def _batch(self) -> Batch | None:
        """Return the batch at `offset`; None when there is none to be had now."""
        partition = self.partition
        if self.offset < partition.start:  # retention was quicker
            self.offset, self._base, self._after = partition.start, -1, _BEGINNING
        if self.offset >= partition.visible_end:
            return None
        base = self._base if self._base >= 0 else self.offset
        if (batch := self._unpacked.find(partition.log.id, base)) is not None:
            return batch
        self._base, self._after = -1, _BEGINNING  # it is walked from its start again
        return self._unpack()

    def _unpack(self) -> Batch | None:
        try:
            found = self.partition.read(self.offset, 1)
            if found is None:
                return None
            data = found.read()
            header = check(data)
        except StorageError as error:
            # The log puts damage aside at its next tick; then there is something further on.
            self._report(error)
            return None
        batch = (header, self._body(data, header))
        self._unpacked.keep(self.partition.log.id, batch)
        return batch

    def _body(self, data: bytes, header: BatchHeader) -> bytes:
        """Unpack it; as if it were empty, if that is impossible or nothing for us."""
        if header.attributes & CONTROL:
            return b""
        try:
            return records.body_of(data, header, bytes_max=RATIO_MAX * max(len(data), MIB))
        except CorruptBatch as error:
            self._report(error)
            return b""

    def _leave(self, header: BatchHeader) -> None:
        self._base, self._after = -1, _BEGINNING
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
