"""Turn: the queues that changed, dealt with together at the end of what a session did.

What one read of a socket brought goes to its queues first; then each of them deals once, and each
log is written once.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

PASSES_MAX = 8  # dead letters go from queue to queue; then others have their turn


class Pumped(Protocol):
    """What a turn takes care of: a queue."""

    scheduled: bool

    def pump(self) -> bool:
        """Deal; say whether there is more that could be done at once."""

    def flush(self) -> None:
        """Hand to the disk what must go there."""


def nobody() -> None:
    """Nobody is told."""


class Turn:
    """Queues that changed. Sessions end their work with `run`; others only add.

    `on_work` is called when there is something to do and nobody said that he will: it has `run`
    called soon, on the broker's thread. `finish` comes after all queues: what was settled goes to
    its journal.
    """

    def __init__(
        self, on_work: Callable[[], None] = nobody, finish: Callable[[], None] = nobody
    ) -> None:
        self.on_work = on_work
        self.finish = finish
        # Who is told of a bug in a queue; without, it is raised. The session that ends its work
        # here has nothing to do with it: its connection is not to be closed for that.
        self.on_bug: Callable[[Exception], None] | None = None
        self.attended = False  # somebody who will call `run` is at work
        self._changed: list[Pumped] = []
        self._running = False

    def add(self, queue: Pumped) -> None:
        """Have this queue deal when the turn ends."""
        if queue.scheduled:
            return
        queue.scheduled = True
        self._changed.append(queue)
        if len(self._changed) == 1 and not (self._running or self.attended):
            self.on_work()

    def run(self) -> None:
        """Let every queue that changed deal, and what that changes; then write their logs."""
        self.attended = False
        if self._running or not self._changed:
            return
        self._running = True
        touched: dict[Pumped, None] = {}
        unfinished: list[Pumped] = []
        try:
            for _ in range(PASSES_MAX):
                self._pass(touched, unfinished)
                if not self._changed:
                    break
        finally:
            self._running = False
            self._flush(touched)
            self.finish()
            self._go_on(unfinished)

    def _flush(self, touched: Iterable[Pumped]) -> None:
        for queue in touched:
            try:
                queue.flush()
            except Exception as bug:
                self._note(bug)

    def _note(self, bug: Exception) -> None:
        if self.on_bug is None:
            raise bug
        self.on_bug(bug)

    def _pass(self, touched: dict[Pumped, None], unfinished: list[Pumped]) -> None:
        changed, self._changed = self._changed, []
        try:
            while changed:
                queue = changed.pop()
                queue.scheduled = False
                touched[queue] = None
                try:
                    if queue.pump():
                        unfinished.append(queue)
                except Exception as bug:
                    self._note(bug)
        finally:
            self._changed += changed  # a bug in one of them does not stop the others

    def _go_on(self, unfinished: list[Pumped]) -> None:
        for queue in unfinished:
            if not queue.scheduled:
                queue.scheduled = True
                self._changed.append(queue)
        if self._changed:
            self.on_work()
