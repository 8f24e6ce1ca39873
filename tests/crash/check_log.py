"""Does the history of a partitioned log hold together? Anomalies are named as Jepsen does.

A history is what the clients saw: every message sent with what became of it, every batch read, and
one full read of each partition at the end. Values are unique, so a value says who it is.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

Place = tuple[str, int]  # topic, partition
Read = tuple[int, str]  # offset, value


class Outcome(Enum):
    """What the sender heard."""

    OK = "acknowledged"
    FAILED = "refused, and not written for certain"
    UNKNOWN = "no answer: it may be there or not"


@dataclass(frozen=True, slots=True)
class Sent:
    """One message; `number` counts what this sender sent to this place, in order."""

    sender: str
    place: Place
    value: str
    number: int
    outcome: Outcome
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Polled:
    """What one reader got in one go, in the order it got it."""

    reader: str
    place: Place
    messages: Sequence[Read]


@dataclass(frozen=True, slots=True)
class Final:
    """Everything in a partition, read when all is calm again."""

    place: Place
    messages: Sequence[Read]


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that must not be."""

    kind: str
    place: Place
    what: object


class History:
    """What was seen, indexed for the questions below."""

    def __init__(self, sent: Iterable[Sent], polls: Sequence[Polled], finals: Sequence[Final]):
        self.sent = {(each.place, each.value): each for each in sent}
        self.polls, self.finals = polls, finals
        self.final_values = {each.place: {v for _, v in each.messages} for each in finals}
        self.reads: Sequence[Polled | Final] = [*polls, *finals]
        self.seen = {(each.place, value) for each in self.reads for _, value in each.messages}

    def sightings(self) -> Iterator[tuple[Place, int, str]]:
        """Everyone's word on which value is at which offset."""
        for (place, value), sent in self.sent.items():
            if sent.outcome is Outcome.OK and sent.offset is not None:
                yield place, sent.offset, value
        for each in self.reads:
            for offset, value in each.messages:
                yield each.place, offset, value


def check(history: History, once: Iterable[str] = ()) -> list[Anomaly]:
    """All that is wrong. Topics in `once` have idempotent senders only: no value comes twice."""
    return [
        *inconsistent_offsets(history),
        *duplicates(history, frozenset(once)),
        *phantoms(history),
        *lost(history),
        *disordered_polls(history),
        *disordered_sends(history),
        *disordered_finals(history),
    ]


def judged(history: History, once: Iterable[str] = ()) -> str:
    """AssertionError with the first of the anomalies, or what there was."""
    outcomes = Counter(each.outcome.name for each in history.sent.values())
    stored = sum(len(each.messages) for each in history.finals)
    summary = f"sent {dict(outcomes)}, stored {stored}"
    anomalies = check(history, once)
    assert not anomalies, f"{summary}; {len(anomalies)} anomalies, first {anomalies[:10]}"
    return summary


def inconsistent_offsets(history: History) -> Iterator[Anomaly]:
    """One offset, two values."""
    at: dict[tuple[Place, int], str] = {}
    for place, offset, value in history.sightings():
        if (other := at.setdefault((place, offset), value)) != value:
            yield Anomaly("inconsistent-offsets", place, (offset, other, value))


def duplicates(history: History, once: frozenset[str]) -> Iterator[Anomaly]:
    """One value, two offsets."""
    where: dict[tuple[Place, str], int] = {}
    for place, offset, value in history.sightings():
        if place[0] in once and (other := where.setdefault((place, value), offset)) != offset:
            yield Anomaly("duplicate", place, (value, other, offset))


def phantoms(history: History) -> Iterator[Anomaly]:
    """Read, but never sent, or refused."""
    for place, value in history.seen:
        sent = history.sent.get((place, value))
        if sent is None:
            yield Anomaly("phantom", place, value)
        elif sent.outcome is Outcome.FAILED:
            yield Anomaly("aborted-read", place, value)


def lost(history: History) -> Iterator[Anomaly]:
    """Acknowledged, or read by anybody, and gone at the end."""
    for (place, value), sent in history.sent.items():
        if place not in history.final_values or value in history.final_values[place]:
            continue
        if sent.outcome is Outcome.OK:
            yield Anomaly("lost-write", place, (value, sent.offset))
        elif (place, value) in history.seen:
            yield Anomaly("lost-read-write", place, value)


def disordered_polls(history: History) -> Iterator[Anomaly]:
    """A reader went backwards without having asked to."""
    last: dict[tuple[str, Place], int] = defaultdict(lambda: -1)
    for poll in history.polls:
        for offset, _ in poll.messages:
            before = last[poll.reader, poll.place]
            if offset <= before:
                yield Anomaly("nonmonotonic-poll", poll.place, (poll.reader, before, offset))
            last[poll.reader, poll.place] = offset


def disordered_sends(history: History) -> Iterator[Anomaly]:
    """What a sender sent later stands earlier."""
    lines: dict[tuple[str, Place], list[tuple[int, int]]] = defaultdict(list)
    for sent in history.sent.values():
        if sent.outcome is Outcome.OK and sent.offset is not None:
            lines[sent.sender, sent.place].append((sent.number, sent.offset))
    for (sender, place), line in lines.items():
        for (_, before), (number, after) in pairwise(sorted(line)):
            if after <= before:
                yield Anomaly("nonmonotonic-send", place, (sender, number, before, after))


def disordered_finals(history: History) -> Iterator[Anomaly]:
    """The log itself goes backwards."""
    for final in history.finals:
        for (before, _), (after, _) in pairwise(final.messages):
            if after <= before:
                yield Anomaly("final-order", final.place, (before, after))
