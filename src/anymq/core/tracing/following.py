"""Following: what happened to one message, out of all that happened.

Some events name a message by what it is, others only by its place in a queue, and a dead letter is
another message than it was. So whoever asks for one is shown what leads from one to the other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anymq.core.tracing.events import DELIVERED, NO_POSITION, Event

ROUNDS_MAX = 20  # from queue to queue, by dead letters

Place = tuple[str, int | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which messages are meant: those to which all of this applies."""

    message_id: str = ""
    correlation_id: str = ""
    fingerprint: bytes = b""
    exchange: str | None = None
    routing_key: str = ""
    queue: str = ""
    user: str = ""
    event: str = ""
    since_ms: int = 0
    until_ms: int = 0  # 0: now

    @property
    def names_messages(self) -> bool:
        """Is it about single messages, whose way is to be followed?"""
        return bool(self.message_id or self.correlation_id or self.fingerprint)

    def fits(self, event: Event) -> bool:
        """Does it mean this one?"""
        return (
            self.since_ms <= event.time_ms
            and (not self.until_ms or event.time_ms <= self.until_ms)
            and (self.exchange is None or self.exchange == event.exchange)
            and all(not wanted or wanted == has for wanted, has in self._pairs(event))
            and (not self.queue or self.queue in event.queues)
        )

    def _pairs(self, event: Event) -> tuple[tuple[object, object], ...]:
        return (
            (self.message_id, event.message_id),
            (self.correlation_id, event.correlation_id),
            (self.fingerprint, event.fingerprint),
            (self.routing_key, event.routing_key),
            (self.user, event.who.user),
            (self.event, event.event),
        )


def find(events: Iterable[Event], question: Question, count: int) -> list[Event]:
    """Return the last events that are meant, the oldest first."""
    every = list(events)
    found = [event for event in every if question.fits(event)]
    if question.names_messages:
        found = _followed(every, found)
    return found[-count:]


def _followed(every: Sequence[Event], found: Sequence[Event]) -> list[Event]:
    """Return all that happened to the messages of these events."""
    names = {event.fingerprint for event in found if event.fingerprint}
    for _ in range(ROUNDS_MAX):
        more = {event.becomes for event in every if event.fingerprint in names} - names - {b""}
        more |= {event.fingerprint for event in every if event.becomes in names} - names
        if not more:
            break
        names |= more
    return _with_their_ends(every, names)


def _with_their_ends(every: Sequence[Event], names: set[bytes]) -> list[Event]:
    """Return the events of these messages, and what became of them at their places."""
    places: set[Place] = set()
    kept: list[Event] = []
    for event in every:  # in time: a place may be another message's later
        place = _place(event)
        if event.fingerprint:
            if event.fingerprint in names:
                kept.append(event)
                if event.event == DELIVERED:
                    places.add(place)
            else:
                places.discard(place)
        elif place in places:
            kept.append(event)
    return kept


def _place(event: Event) -> Place:
    queue = event.queues[0] if event.queues else ""
    return (queue, event.partition, event.position if event.position != NO_POSITION else -1)
