"""Totals: what happened in all queues since the start, for the metrics. Queues go, this stays."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol


class Counted(Protocol):
    """What `Queue` counts by itself."""

    published: int
    acknowledged: int
    returned: int


@dataclass(slots=True)
class Totals:
    """Of queues that are no more; `departed` and `dead_lettered` of all."""

    published: int = 0
    acknowledged: int = 0
    returned: int = 0
    departed: "Counter[str]" = field(default_factory=Counter)  # by reason
    dead_lettered: int = 0

    def add(self, queue: Counted) -> None:
        """Remember what a queue counted: it ends, or is to be summed up."""
        self.published += queue.published
        self.acknowledged += queue.acknowledged
        self.returned += queue.returned
