"""World: simulated time. What is due at the same moment happens in an order of chance."""

import heapq
from collections.abc import Callable
from itertools import count
from random import Random

START_SECONDS = 1_700_000_000.0
EVENTS_MAX = 400_000  # a world that goes round in circles


class World:
    """What happens when. All chance comes from its `rng`."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.now = 0.0
        self._wall_offset = 0.0
        self._events: list[tuple[float, float, int, Callable[[], None]]] = []
        self._order = count()
        self._happened = 0

    # A clock for brokers

    def wall_ms(self) -> int:
        """Return the time of day: it jumps."""
        return int((START_SECONDS + self.now + self._wall_offset) * 1000)

    def monotonic(self) -> float:
        """Return the time to wait by: it does not."""
        return START_SECONDS + self.now

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock."""
        self._wall_offset += seconds

    # What is to happen

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Have it happen then."""
        due = self.now + max(seconds, 0.0)
        heapq.heappush(self._events, (due, self.rng.random(), next(self._order), act))

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        """Let it happen, until that time or until it is done."""
        while self._events and self._events[0][0] <= until and not done():
            self._happened += 1
            assert self._happened < EVENTS_MAX, "it does not end"
            self.now, _, _, act = heapq.heappop(self._events)
            act()
        self.now = max(self.now, until) if not done() else self.now

    # Chance

    def chance(self, share: float) -> bool:
        """Throw a coin."""
        return self.rng.random() < share

    def between(self, least: float, most: float) -> float:
        """Choose a number of seconds; short ones are as likely as long ones."""
        return float(least * (most / least) ** self.rng.random())
