"""Resting: messages of a quorum queue that came back, and are not dealt again for a while.

RabbitMQ's delayed retry: each time a message comes back its rest is longer. Rests are in memory:
after a restart everything can be had at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count

from anymq.core.alarm import Alarm


class Resting:
    """Of one queue. They stay taken from its line."""

    __slots__ = ("_alarm", "_heap", "_order", "size")

    def __init__(self, alarm: Alarm) -> None:
        self.size = 0
        self._alarm = alarm  # wakes the queue
        self._heap: list[tuple[int, int, Sequence[int], bool]] = []
        self._order = count()

    def add(self, positions: Sequence[int], due_ms: int, *, failed: bool) -> None:
        """These rest until then; `failed`: somebody did not manage them."""
        heappush(self._heap, (due_ms, next(self._order), positions, failed))
        self.size += len(positions)
        self._alarm.by(due_ms)

    def rested(self, now_ms: int) -> Iterator[tuple[Sequence[int], bool]]:
        """Yield those whose rest is over, and whether they had failed."""
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            _, _, positions, failed = heappop(heap)
            self.size -= len(positions)
            yield positions, failed
        if heap:
            self._alarm.by(heap[0][0])

    def clear(self) -> list[int]:
        """Return all of them: they rest no more."""
        positions = [one for _, _, some, _ in self._heap for one in some]
        self._heap.clear()
        self.size = 0
        self._alarm.cancel()
        return positions


def by_count(positions: Iterable[int], counts: Iterable[int]) -> dict[int, list[int]]:
    """Return positions by how often they failed: each count has its own rest."""
    found: dict[int, list[int]] = {}
    for position, times in zip(positions, counts, strict=True):
        found.setdefault(max(times, 1), []).append(position)
    return found
