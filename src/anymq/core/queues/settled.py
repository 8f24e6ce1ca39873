"""STUB (real one follows): Settled: which positions are done with."""

from collections.abc import Iterable, Sequence


class Settled:
    """A set of positions: all below `low`, and some above."""

    def __init__(self, low: int = 0) -> None:
        self.low = low
        self._above: set[int] = set()

    def add(self, positions: Iterable[int]) -> None:
        """These are settled; in any order, and harmless when they were."""
        self._above.update(p for p in positions if p >= self.low)
        while self.low in self._above:
            self._above.remove(self.low)
            self.low += 1

    def add_range(self, first: int, end: int) -> None:
        """Everything from `first` to before `end` is settled."""
        self.add(range(first, end))

    def __contains__(self, position: int) -> bool:
        return position < self.low or position in self._above

    def next_unsettled(self, at: int) -> int:
        """Return the first position from `at` on that is not settled."""
        while at in self:
            at += 1
        return at

    def count(self, first: int, end: int) -> int:
        """Return how many from `first` to before `end` are settled."""
        return sum(p in self for p in range(first, end))

    def unsettled_runs(self, first: int, end: int) -> Sequence[tuple[int, int]]:
        """Return the runs (first, end) of what is not settled: a snapshot, for any thread."""
        return [(p, p + 1) for p in range(first, end) if p not in self]
