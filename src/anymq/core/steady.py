"""Steady: time since 1970 that never jumps while we run, and what is to be done at such a time.

Messages expire by it: setting the computer's clock neither kills a queue nor keeps it for ever.
"""

from collections.abc import Callable

from anymq.core.clock import Clock
from anymq.core.timers import Timer, Timers


class Steady:
    """The wall clock as it was at the start, and the monotonic one since."""

    def __init__(self, clock: Clock, timers: Timers) -> None:
        self._monotonic = clock.monotonic
        self._zero_ms = clock.wall_ms() - clock.monotonic() * 1000
        self._timers = timers

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""
        return int(self._zero_ms + self._monotonic() * 1000)

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        """Call `callback` once `now_ms()` is `due_ms`, or more."""
        # Half a millisecond more: rounded down, `now_ms` must have reached it.
        return self._timers.at((due_ms - self._zero_ms) / 1000 + 0.0005, callback)
