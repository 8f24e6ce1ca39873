"""Changes: what was made, changed and unmade lately, for whoever watches.

It is a memory of the last so many, by number: who asks in time misses nothing, who comes late is
told how much. Noting one costs next to nothing, whether anybody watches or not.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

KEPT_MAX = 4096

CREATED = "created"
CHANGED = "changed"
DELETED = "deleted"


class Change(NamedTuple):
    """One of them. What the names are depends on the kind."""

    kind: str
    action: str
    names: tuple[str, ...]


class Changes:
    """The last of them. `count` is how many there ever were."""

    def __init__(self) -> None:
        self.count = 0
        # Who acts in this moment, as whoever hears of it knows him; None: the broker itself.
        self.actor: object | None = None
        self.on_note: Callable[[Change], None] | None = None
        self._kept: deque[Change] = deque(maxlen=KEPT_MAX)

    def note(self, kind: str, action: str, *names: str) -> None:
        """This happened just now."""
        self.count += 1
        change = Change(kind, action, names)
        self._kept.append(change)
        if self.on_note is not None:
            self.on_note(change)

    def since(self, count: int, most: int) -> tuple[list[Change], int, int]:
        """Return what came after the first `count`: at most so many; how many are lost; up to which
        number that is.
        """
        first = self.count - len(self._kept)
        lost = max(0, first - count)
        begin = max(0, count - first)
        some = list(islice(self._kept, begin, begin + most))
        return some, lost, first + begin + len(some)
