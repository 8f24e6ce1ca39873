"""Totals: what happened in all queues since the start, for the metrics. Queues go, this stays."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Protocol


class Counted(Protocol):
    """What `Queue` counts by itself."""

    kind: str
    published: int
    acknowledged: int
    returned: int
    delivered: int
    delivered_no_ack: int
    got: int
    got_no_ack: int
    got_nothing: int


@dataclass(slots=True)
class Counts:
    """What several queues counted together."""

    published: int = 0
    acknowledged: int = 0
    returned: int = 0
    delivered: int = 0
    delivered_no_ack: int = 0
    got: int = 0
    got_no_ack: int = 0
    got_nothing: int = 0

    def add(self, one: "Counted | Counts") -> None:
        """Count what one of them, or others, counted."""
        self.published += one.published
        self.acknowledged += one.acknowledged
        self.returned += one.returned
        self.delivered += one.delivered
        self.delivered_no_ack += one.delivered_no_ack
        self.got += one.got
        self.got_no_ack += one.got_no_ack
        self.got_nothing += one.got_nothing

    @property
    def pushed_for_ack(self) -> int:
        """How many went to consumers that acknowledge."""
        return self.delivered - self.got - self.got_no_ack - self.delivered_no_ack


@dataclass(slots=True)
class Totals:
    """`gone`: of queues that are no more, by kind; `departed` and `dead_lettered` of all."""

    gone: "defaultdict[str, Counts]" = field(default_factory=lambda: defaultdict(Counts))
    departed: "Counter[str]" = field(default_factory=Counter)  # by reason
    dead_lettered: int = 0

    def add(self, queue: Counted) -> None:
        """Remember what a queue counted: it ends."""
        self.gone[queue.kind].add(queue)
