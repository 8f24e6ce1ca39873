"""What members of share groups ask and hear, and how far they may go."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, Protocol

from anymq.config.units import SECOND_MS
from anymq.core.errors import Conflict, Invalid, NotFound, Refused

EARLIEST, LATEST, BY_DURATION = "earliest", "latest", "by_duration:"


class UnknownMember(NotFound):
    """The group has no such member: it was silent for too long, or we were started again."""


class FencedMember(Refused):
    """A member of this name has gone on to a later epoch."""


class GroupFull(Refused):
    """It has as many members as it may have, or there are as many groups."""


class GroupNotFound(NotFound):
    """No share group of this name; perhaps one of another kind."""


class GroupInUse(Conflict):
    """It has members, and may not be changed under their hands."""


class NotHeld(Refused):
    """Who settles a message must have it: its time was up, or it was settled before."""


class Answer(IntEnum):
    """What becomes of a message. The numbers are Kafka's."""

    GAP = 0  # there is none at this offset
    ACCEPT = 1
    RELEASE = 2
    REJECT = 3
    RENEW = 4


class Settled(NamedTuple):
    """Answers for a run of offsets: one for all of them, or one for each."""

    first: int
    last: int
    answers: Sequence[int]

    def each(self, count_max: int) -> list[tuple[int, int]]:
        """Return every offset with its answer; a run that lies about its length costs nothing."""
        count = self.last - self.first + 1
        if count < 1 or len(self.answers) not in (1, count):
            raise Invalid("as many answers as offsets, or one for all")
        if count > count_max:
            raise NotHeld("more offsets than this member has")
        try:
            answers = [Answer(one) for one in self.answers]
        except ValueError:
            raise Invalid("an answer that nobody knows") from None
        offsets = range(self.first, self.last + 1)
        if len(answers) == 1:
            answers *= count
        return list(zip(offsets, answers, strict=True))


def by_answers(said: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Return the offsets by what is to become of them; refuse two answers for one."""
    found: dict[int, list[int]] = {}
    for offset, answer in said:
        found.setdefault(answer, []).append(offset)
    if len(said) != len(dict(said)):
        raise NotHeld("two answers for one offset")
    return found


class Acquired(NamedTuple):
    """A run of offsets, each handed out for the so-many-eth time."""

    first: int
    last: int
    deliveries: int


def runs_of(offsets: Sequence[int], deliveries: Sequence[int]) -> list[Acquired]:
    """Return ascending offsets, each with its count, as runs of neighbours with the same count."""
    found: list[Acquired] = []
    first = last = times = -1
    for offset, each in zip(offsets, deliveries, strict=True):
        if offset != last + 1 or each != times:
            if last >= 0:
                found.append(Acquired(first, last, times))
            first, times = offset, each
        last = offset
    if last >= 0:
        found.append(Acquired(first, last, times))
    return found


class Taken(NamedTuple):
    """Messages handed out: whole batches, and which offsets in them are the member's."""

    batches: Sequence[bytes]
    acquired: Sequence[Acquired]
    size: int
    records: int


class Wish(NamedTuple):
    """What a member would like to have of one place now."""

    records_max: int
    bytes_max: int
    strict: bool = False  # not one record more; else a batch is taken as a whole


class Place(Protocol):
    """What one member has of one partition or queue."""

    def ask(self, wish: Wish) -> Taken | None:
        """Take what is there; None: there is nothing, and `on_more` is called when there may be."""

    def stop(self) -> None:
        """Nobody waits any more."""

    def settle(self, answers: Sequence[Settled]) -> None:
        """Be done with these, or give them back: all of them or, when refused, none."""

    def close(self) -> None:
        """The member is gone: all that it has goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSettings:
    """The limits of a group: those of the broker, where nothing else was set for it."""

    heartbeat_interval_ms: int = 5 * SECOND_MS
    session_timeout_ms: int = 45 * SECOND_MS
    lock_ms: int = 30 * SECOND_MS  # so long a member may keep a message
    deliveries_max: int = 5  # then it is given up, at topics; queues have their own rules
    locks_max: int = 2000  # that are out of one partition at once
    members_max: int = 200
    groups_max: int = 10_000
    topics_max: int = 10_000  # that one member may subscribe to
    reset: str = LATEST  # where a group begins in a topic that is new to it
