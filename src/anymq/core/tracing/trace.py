"""Trace: the last events that somebody asked for, under a name."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from anymq.core.routing.trie import Trie
from anymq.core.taps import Origin
from anymq.core.tracing.events import Event

EVENTS_MAX = 100_000  # that a trace may remember
PAYLOAD_BYTES_MAX = 1024 * 1024  # of one message
MEMORY_BYTES_MAX = 32 * 1024 * 1024  # of what one trace remembers
EVENT_BYTES = 600  # about: what an event takes besides what came from a client
EVERYTHING = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a trace is to see, and how much of it.

    `pattern` is one for the keys of the firehose: `publish.EXCHANGE` and `deliver.QUEUE`.
    """

    pattern: str = EVERYTHING
    events: int = 10_000
    payload_bytes: int = 1024
    user: str = ""  # whose; "": everybody's


class Trace:
    """What was asked for, and what came."""

    def __init__(self, name: str, wanted: Wanted) -> None:
        self.name = name
        self.wanted = wanted
        self.seen = 0
        self.bytes = 0
        self.on_event: Callable[[Event], None] | None = None  # whoever writes it to a file
        self._events: deque[Event] = deque()
        self._pattern: Trie[str] = Trie()
        self._pattern.add(wanted.pattern, name)

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def wants(self, keys: Sequence[str], who: Origin) -> bool:
        """Does it want what has one of these keys, and this one did?"""
        wanted = self.wanted
        if wanted.user and who.user and who.user != wanted.user:
            return False
        return wanted.pattern == EVERYTHING or any(self._matches(key) for key in keys)

    def _matches(self, key: str) -> bool:
        return next(self._pattern.match(key), None) is not None

    def add(self, event: Event) -> None:
        """Remember an event; the oldest are forgotten for it."""
        events = self._events
        events.append(event)
        self.seen += 1
        self.bytes += _size(event)
        while len(events) > self.wanted.events or self.bytes > MEMORY_BYTES_MAX:
            self.bytes -= _size(events.popleft())
        if self.on_event is not None:
            self.on_event(event)


def _size(event: Event) -> int:
    message = event.message
    held = 0 if message is None else len(message.body) + len(message.properties)
    return EVENT_BYTES + held + len(event.message_id) + len(event.correlation_id)
