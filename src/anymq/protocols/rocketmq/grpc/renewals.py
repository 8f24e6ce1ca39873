"""Renewals: messages whose time is extended while their consumer is there and busy with them.

A push consumer does not say how long it needs (`auto_renew`). If it leaves, or takes hours, its
messages come again.
"""

from collections.abc import Callable
from typing import NamedTuple

from anymq.core.clock import Clock
from anymq.core.timers import Timer, Timers

RENEWED_MAX = 20_000  # messages of one client; more are not extended
LONGEST_S = 3 * 3600.0
AHEAD_S = 15.0  # before the time is up
# Each time for longer than the last: a consumer that took long needs longer.
STEPS_MS = (60_000, 180_000, 300_000, 600_000, 1_800_000, 3_600_000)


class Renewed(NamedTuple):
    """A message that is out."""

    group: str
    topic: str
    handle: str  # as it is now
    since: float
    times: int


# Extends a message by so many milliseconds; told the new handle, or nothing when it is not out.
Extend = Callable[[Renewed, int, Callable[[str | None], None]], None]


class Renewals:
    """Those of one client."""

    def __init__(self, clock: Clock, timers: Timers, extend: Extend) -> None:
        self._clock = clock
        self._timers = timers
        self._extend = extend
        self._out: dict[str, tuple[Renewed, Timer]] = {}  # by the handle that the client has

    def __len__(self) -> int:
        return len(self._out)

    def add(self, group: str, topic: str, handle: str, ms: int) -> None:
        """The client has this one, for so long."""
        if len(self._out) < RENEWED_MAX:
            renewed = Renewed(group, topic, handle, self._clock.monotonic(), 0)
            self._keep(handle, renewed, ms)

    def end(self, handle: str) -> str:
        """The client is done with it, or says itself how long it needs; return the handle as is."""
        found = self._out.pop(handle, None)
        if found is None:
            return handle
        found[1].cancel()
        return found[0].handle

    def close(self) -> None:
        """The client is gone: none of its messages is extended any more."""
        for _, timer in self._out.values():
            timer.cancel()
        self._out.clear()

    def _keep(self, key: str, renewed: Renewed, ms: int) -> None:
        due = self._clock.monotonic() + max(ms / 1000 - AHEAD_S, ms / 2000)
        timer = self._timers.at(due, lambda: self._due(key))
        self._out[key] = (renewed, timer)

    def _due(self, key: str) -> None:
        renewed, timer = self._out[key]
        if self._clock.monotonic() - renewed.since > LONGEST_S:
            del self._out[key]
            return
        ms = STEPS_MS[min(renewed.times, len(STEPS_MS) - 1)]

        def extended(handle: str | None) -> None:
            found = self._out.get(key)
            if found is None or found[1] is not timer:
                return  # it is done with meanwhile
            if handle is None:
                del self._out[key]
            else:
                self._keep(key, renewed._replace(handle=handle, times=renewed.times + 1), ms)

        self._extend(renewed, ms, extended)
