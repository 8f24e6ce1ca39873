"""Unpacked: batches that readers are in the middle of, unpacked once for all who read there."""

from collections import OrderedDict

from anymq.config.units import MIB
from anymq.storage.batch import BatchHeader

BYTES_MAX = 64 * MIB  # of all together; whoever finds his batch gone unpacks it again
BATCH_BYTES = 600  # about: what one takes beside its records

Batch = tuple[BatchHeader, bytes]


class Unpacked:
    """The batches used last, by log and base offset."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self.size = 0
        self._bytes_max = bytes_max
        self._batches: OrderedDict[tuple[int, int], Batch] = OrderedDict()

    def find(self, log_id: int, base_offset: int) -> Batch | None:
        """Return a batch, if it is still there."""
        batch = self._batches.get((log_id, base_offset))
        if batch is not None:
            self._batches.move_to_end((log_id, base_offset))
        return batch

    def keep(self, log_id: int, batch: Batch) -> None:
        """Keep a batch, as long as there is room: one alone may be larger than that."""
        place = (log_id, batch[0].base_offset)
        if self._batches.get(place) is batch:
            return
        self._forget(self._batches.pop(place, None))
        self._batches[place] = batch
        self.size += _size(batch)
        while self.size > self._bytes_max and len(self._batches) > 1:
            self._forget(self._batches.popitem(last=False)[1])

    def clear(self) -> None:
        """Nobody reads any more."""
        self._batches.clear()
        self.size = 0

    def _forget(self, batch: Batch | None) -> None:
        if batch is not None:
            self.size -= _size(batch)


def _size(batch: Batch) -> int:
    return len(batch[1]) + BATCH_BYTES
