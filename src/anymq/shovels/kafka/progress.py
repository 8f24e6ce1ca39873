"""Progress: how far one partition is read, and how far that is safe elsewhere."""

from collections import deque


class Progress:
    """What is committed is never beyond the first record that is not done."""

    __slots__ = ("_committed", "_done", "_flight", "position")

    def __init__(self, position: int) -> None:
        self.position = position  # the next record to be read
        self._committed = position
        self._flight: deque[int] = deque()  # read, and perhaps not done
        self._done: set[int] = set()  # of those: not the first

    @property
    def in_flight(self) -> int:
        """How many are read and not done."""
        return len(self._flight) - len(self._done)

    def came(self, offset: int) -> None:
        """This one was read."""
        self._flight.append(offset)
        self.position = offset + 1

    def pass_to(self, offset: int) -> None:
        """There is nothing more to read before this."""
        self.position = max(self.position, offset)

    def done(self, offset: int) -> None:
        """This one is safe."""
        self._done.add(offset)
        while self._flight and self._flight[0] in self._done:
            self._done.discard(self._flight.popleft())

    @property
    def has_news(self) -> bool:
        """Is there more to commit than was?"""
        return self._safe > self._committed

    def to_commit(self) -> int:
        """Return what to commit; it counts as committed then."""
        self._committed = self._safe
        return self._committed

    @property
    def _safe(self) -> int:
        return self._flight[0] if self._flight else self.position
