"""Rounds: what is due at the end of a round of the loop, in one go and in its order.

Queues deal with what came, the disk writes what they have for it, answers leave: a round of the
loop for each of these costs a sender who waits for every answer a tenth of his time.

When answers have left, we look for the next requests a little longer before the process lies down:
to be woken takes an idle processor longer than most clients take to ask again. Where clients do
take longer, we look ever more seldom: it takes processor time only where it helps. Linux does the
same for its guests (`halt_poll_ns`).
"""

import os
import time
from asyncio import AbstractEventLoop
from collections.abc import Callable

SELDOM_MAX = 1023  # rounds without a look, when it was in vain again and again

Act = Callable[[], None]


class Rounds:
    """The rounds of one loop. A bug in one act is told to the loop; the others are done."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        awake_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.loop = loop
        self.helped = False  # a thread works for us: it needs the processor more than we do
        self._turns: list[Act] = []
        self._commits: list[Act] = []
        self._flushes: list[Act] = []
        self._scheduled = False
        self._clock = clock
        # On one processor it would keep the clients from asking.
        self._awake_seconds = awake_seconds if (os.cpu_count() or 1) > 1 else 0.0
        self._looking = False
        self._until = 0.0
        self._seldom = 0  # how many rounds go without a look after the next one in vain
        self._without = 0  # rounds to go without

    def turn(self, act: Act) -> None:
        """When the round ends, have queues deal."""
        self._turns.append(act)
        self._wake()

    def commit(self, act: Act) -> None:
        """Thereafter, write to the disk."""
        self._commits.append(act)
        self._wake()

    def flush(self, act: Act) -> None:
        """At last, send."""
        self._flushes.append(act)
        self._wake()

    def _wake(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._end)

    def _end(self) -> None:
        acts, self._turns = self._turns, []
        self._do(acts)
        acts, self._commits = self._commits, []
        self._do(acts)
        acts, self._flushes = self._flushes, []
        self._do(acts)
        self._scheduled = False
        if self._turns or self._commits or self._flushes:
            self._wake()
        elif acts and self._awake_seconds and not (self._looking or self.helped):
            self._begin_to_look()

    def _do(self, acts: list[Act]) -> None:
        for act in acts:
            try:
                act()
            except Exception as bug:
                said = {"message": f"a bug at the end of a round: {bug!r}", "exception": bug}
                self.loop.call_exception_handler(said)

    def _begin_to_look(self) -> None:
        if self._without:
            self._without -= 1
            return
        self._looking = True
        self._until = self._clock() + self._awake_seconds
        self.loop.call_soon(self._look)

    def _look(self) -> None:
        """The loop has asked the system what came, and did not wait for it."""
        if self._scheduled:
            self._looking = False
            self._seldom = 0
        elif self.helped:
            self._looking = False
        elif self._clock() < self._until:
            self.loop.call_soon(self._look)
        else:
            self._looking = False
            self._without = self._seldom = min(2 * self._seldom + 1, SELDOM_MAX)
