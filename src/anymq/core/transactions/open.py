"""Open: what is in memory of a half message; its body stays on the disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from sys import intern

from anymq.core.queues.witness import Places
from anymq.core.transactions.fates import Fate, Outcome
from anymq.core.transactions.half import Half

Then = Callable[[Exception | None], None]


@dataclass(slots=True, eq=False)
class Open:
    """A half message that is not done with."""

    position: int  # in the log of halves: its id
    group: str
    topic: str
    partition: int
    transaction_id: str
    user: str
    size: int
    since_ms: int  # since 1970
    immune_ms: int  # -1: as the settings say
    due_ms: int = 0  # when to do something about it next
    checks: int = 0
    outcome: Outcome = Outcome.OPEN
    busy: bool = False  # it is on its way, and nothing is to be done about it
    tries: int = 0  # that failed
    has_it: Places = field(default_factory=list)  # where it got before something went wrong
    told: list[Then] = field(default_factory=list)  # those who wait to hear of its end

    @classmethod
    def of(cls, position: int, half: Half) -> "Open":
        """Return what must be known of one."""
        return cls(
            position=position,
            group=intern(half.group),
            topic=intern(half.topic),
            partition=half.partition,
            transaction_id=half.transaction_id,
            user=intern(half.user),
            size=len(half.record.value or b""),
            since_ms=half.record.timestamp,
            immune_ms=half.immune_ms,
        )

    def restore(self, fate: Fate) -> None:
        """This was decided, or asked, before a restart."""
        self.outcome, self.checks = fate.outcome, fate.checks
        self.has_it = list(fate.coming.places)
