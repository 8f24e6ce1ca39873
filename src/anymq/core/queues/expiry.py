"""Expiry: when a message is too old, and when a queue is."""

from collections.abc import Callable

from anymq.core.message import Message
from anymq.core.steady import Steady
from anymq.core.timers import Timer


def due_ms(message: Message, ttl_ms: int | None) -> int | None:
    """Return when it expires: by its own time or the queue's, whichever is shorter."""
    own_ms = message.traits.expiration_ms
    if own_ms is None:
        return None if ttl_ms is None else message.timestamp_ms + ttl_ms
    return message.timestamp_ms + (own_ms if ttl_ms is None else min(own_ms, ttl_ms))


class Alarm:
    """A timer that is set again and again: only an earlier time costs more than a comparison."""

    def __init__(self, steady: Steady, callback: Callable[[], None]) -> None:
        self._steady = steady
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
        self._timer = self._steady.at(self._due_ms, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self._due_ms > self._set_ms:
            self._arm()
        else:
            self._callback()
