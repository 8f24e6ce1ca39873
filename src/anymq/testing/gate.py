"""A gate whose helper threads work when told, so that a test decides what happens meanwhile."""

from collections import deque
from collections.abc import Callable

from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.security.passwords import Proved
from anymq.testing.kafka import HandClock


class SlowGate(Gate):
    """Looks at a password in `work`, not before."""

    def __init__(self, clock: HandClock | None = None) -> None:
        self.clock = clock or HandClock()
        self.waiting: deque[tuple[Callable[[], Proved], Callable[[Proved], None]]] = deque()
        super().__init__(
            Attempts(self.clock.monotonic), lambda work, then: self.waiting.append((work, then))
        )

    def work(self) -> int:
        """Do what waits; return how much that was."""
        done = 0
        while self.waiting:
            job, then = self.waiting.popleft()
            then(job())
            done += 1
        return done
