"""Alarm: one time at which something is to be looked at, which changes all the while."""

from collections.abc import Callable
from typing import Protocol

from anymq.core.timers import Timer


class Clock(Protocol):
    """Time that does not jump, and what is to be done at such a time."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970."""

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        """Call `callback` then."""


class Alarm:
    """A timer that is set again and again: only an earlier time costs more than a comparison."""

    __slots__ = ("_callback", "_clock", "_due_ms", "_set_ms", "_timer")

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._timer: Timer | None = None
        self._set_ms = 0  # when the timer fires
        self._due_ms = 0  # when it is due: later, if it was put off

    def at(self, due_ms: int) -> None:
        """Call back then, and not before."""
        self._due_ms = due_ms
        if self._timer is None or due_ms < self._set_ms:
            self._arm()

    def by(self, due_ms: int) -> None:
        """Call back then at the latest: not later than it was to be before."""
        if self._timer is None or due_ms < self._due_ms:
            self.at(due_ms)

    def cancel(self) -> None:
        """Do not call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        self.cancel()
        self._set_ms = self._due_ms
        self._timer = self._clock.at(self._due_ms, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._due_ms > self._set_ms:
            self._arm()
        else:
            self._callback()
