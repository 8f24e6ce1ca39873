"""Halves: the log of half messages. No topic: nobody can read it by any protocol.

What was decided is settled in the journal of all lines, and thinning takes it out of the log.
"""

from collections.abc import Iterator

from anymq.core.queues import stored
from anymq.core.queues.delayed import batches
from anymq.core.queues.settlement import Settlement
from anymq.core.transactions import half
from anymq.core.transactions.half import Half
from anymq.core.transactions.open import Open
from anymq.storage.errors import OffsetOutOfRange
from anymq.storage.log import Log, LogConfig, Runs
from anymq.storage.log_config import MIB

LOG_ID = 7  # see "Names of clients never become paths" in ARCHITECTURE.md
LOG_CONFIG = LogConfig(
    delete=False, thinned=True, segment_bytes=16 * MIB, index_interval_bytes=1024
)
_RESTORE_BYTES = 1 * MIB
_READ_BYTES = 4096


class Halves:
    """On the broker's thread only."""

    def __init__(self, log: Log, settlement: Settlement) -> None:
        self.log = log
        self._settlement = settlement
        log.needed = self._needed
        log.needed_count = self._needed_count

    def restore(self, end: int) -> list[Open]:
        """Return what waits. CorruptBatch; may then be called again.

        `end`: what is known of others is below; they are never used again, though the disk may
        have lost some.
        """
        log, settled = self.log, self._settlement.settled
        settled.add_range(0, log.start)
        end = max(settled.end, end)
        if end > log.end:
            log.append(*stored.encode_gap(end - log.end), 0)
        found = [one for one in self._all() if one.position not in settled]
        self._settle_missing({one.position for one in found})
        return found

    def _all(self) -> Iterator[Open]:
        log, offset = self.log, self.log.start
        while (piece := log.read(offset, _RESTORE_BYTES)) is not None:
            for header, batch in batches(piece.read()):
                if header.record_count:
                    yield from (Open.of(*one) for one in half.read(batch) if one[0] >= offset)
                offset = header.next_offset

    def _settle_missing(self, there: set[int]) -> None:
        """What is neither here nor settled was thinned away, or lost: it never comes back."""
        runs = self._settlement.settled.unsettled_runs(0, self.log.end)
        lost = [at for run in runs for at in range(*run) if at not in there]
        if lost:
            self.settle(lost)

    def add(self, one: Half) -> int:
        """Append one; return its position. StorageError."""
        return self.log.append(*one.encode(), 0)

    def find(self, position: int) -> Half | None:
        """Return one, whole; None when it is not there any more. StorageError."""
        try:
            found = self.log.read(position, _READ_BYTES)
        except OffsetOutOfRange:
            return None
        there = () if found is None else half.read(found.read())
        return next((one for at, one in there if at == position), None)

    def settle(self, positions: list[int]) -> None:
        """These were decided."""
        self._settlement.settle(positions, self.log.visible_end, 0)

    def _needed(self, first: int, end: int) -> Runs:
        return self._settlement.settled.unsettled_runs(first, end)

    def _needed_count(self, first: int, end: int) -> int:
        return end - first - self._settlement.settled.count(first, end)
