"""Timers: what is due when. Whoever owns the clock asks `next_due` and calls `run`."""

import heapq
from collections.abc import Callable
from itertools import count


class Timer:
    """One thing to do later; `cancel` is free and may come at any time."""

    __slots__ = ("_callback", "due")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Never do it."""
        self._callback = None

    @property
    def pending(self) -> bool:
        """Is it still to be done?"""
        return self._callback is not None

    def fire(self) -> None:
        """Do it, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """A heap of timers; cancelled ones are dropped when they surface or outnumber the rest."""

    def __init__(self, on_earlier: Callable[[], None] = lambda: None) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._on_earlier = on_earlier

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, due: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` at `due`, in seconds of the monotonic clock."""
        timer = Timer(due, callback)
        earlier = not self._heap or due < self._heap[0][0]
        heapq.heappush(self._heap, (due, next(self._order), timer))
        if earlier:
            self._on_earlier()
        return timer

    def next_due(self) -> float | None:
        """Return when `run` has something to do; None when nothing waits."""
        while self._heap and not self._heap[0][2].pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Do everything that is due."""
        while (due := self.next_due()) is not None and due <= now:
            heapq.heappop(self._heap)[2].fire()
