"""Backlog: what was appended and is not written yet. It is in memory, so it has a limit.

A producer may be faster than the disk for as long as it likes: when too much waits to be written,
whoever listens to producers stops reading from them, and goes on when half of it is written.
"""

from collections.abc import Callable

MIB = 1024 * 1024
BACKLOG_BYTES_MAX = 64 * MIB


class Backlog:
    """How much it is, and who waits until it is less. On the broker's thread only."""

    __slots__ = ("_waiting", "limit", "size")

    def __init__(self, limit: int = BACKLOG_BYTES_MAX) -> None:
        self.size = 0
        self.limit = limit
        self._waiting: dict[Callable[[], None], None] = {}

    def admits(self, wake: Callable[[], None]) -> bool:
        """May more be taken? If not, `wake` is called when it may."""
        if self.size < self.limit:
            return True
        self._waiting[wake] = None
        return False

    def shrink(self, size: int) -> None:
        """So much was written, or given up."""
        self.size -= size
        if self._waiting and self.size <= self.limit // 2:
            waiting, self._waiting = self._waiting, {}
            for wake in waiting:
                wake()
