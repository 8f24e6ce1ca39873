"""Timers: what is due when. Whoever owns the clock asks `next_due` and calls `run`."""

import heapq
from collections.abc import Callable
from itertools import count

SWEEP_MIN = 1000


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
    """A heap of timers; cancelled ones are dropped when they surface or outnumber the rest.

    A fetch that may wait for minutes and is answered at once leaves one behind.
    """

    def __init__(self, on_earlier: Callable[[], None] = lambda: None) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._sweep_at = SWEEP_MIN
        self._on_earlier = on_earlier

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, due: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` at `due`, in seconds of the monotonic clock."""
        timer = Timer(due, callback)
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        earlier = not self._heap or due < self._heap[0][0]
        heapq.heappush(self._heap, (due, next(self._order), timer))
        if earlier:
            self._on_earlier()
        return timer

    def _sweep(self) -> None:
        self._heap = [entry for entry in self._heap if entry[2].pending]
        heapq.heapify(self._heap)
        self._sweep_at = max(SWEEP_MIN, 2 * len(self._heap))

    def next_due(self) -> float | None:
        """Return when `run` has something to do; None when nothing waits."""
        while self._heap and not self._heap[0][2].pending:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Do everything that is due."""
        while (due := self.next_due()) is not None and due <= now:
            heapq.heappop(self._heap)[2].fire()


class Deadline:
    """A timer that is put off again and again, as heartbeats do: that costs one comparison.

    The timer underneath keeps its old time and, when it fires early, looks how far it was put off.
    """

    __slots__ = ("_callback", "_due", "_timer", "_timers")

    def __init__(self, timers: Timers, callback: Callable[[], None]) -> None:
        self._timers = timers
        self._callback = callback
        self._timer: Timer | None = None
        self._due = 0.0

    def set(self, due: float) -> None:
        """Call back at `due`, and no longer when it was due before."""
        self._due = due
        timer = self._timer
        if timer is not None and timer.pending and timer.due <= due:
            return
        self.cancel()
        self._timer = self._timers.at(due, self._fire)

    def cancel(self) -> None:
        """Do not call back, until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.due < self._due:
            self._timer = self._timers.at(self._due, self._fire)
        else:
            self._callback()
