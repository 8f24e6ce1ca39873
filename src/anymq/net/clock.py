"""The real clock, and the timers' alarm on the loop."""

import time
from asyncio import AbstractEventLoop, TimerHandle

from anymq.core.timers import Timers
from anymq.observability.log import Log

log = Log("anymq.net")


class SystemClock:
    """What the machine says the time is."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Return seconds that only go forward."""
        return time.monotonic()


class Alarm:
    """Runs timers when they are due. The loop is woken for the earliest one only."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.timers = Timers(on_earlier=self._set)
        self._loop = loop
        self._handle: TimerHandle | None = None

    def stop(self) -> None:
        """Fire no more."""
        if self._handle is not None:
            self._handle.cancel()

    def _set(self) -> None:
        due = self.timers.next_due()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if due is not None:
            delay = max(0.0, due - time.monotonic())
            self._handle = self._loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._handle = None
        try:
            self.timers.run(time.monotonic())
        except Exception:
            # Its own business is not done; that of all the others goes on.
            log.exception("a timer failed")
        self._set()
