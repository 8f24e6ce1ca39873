"""What outlives a restart: sessions, what is in flight for QoS 2, retained messages.

Keys: `s/<vhost>/<client>` a session · `i/<vhost>/<client>/<number>` came, and is not released ·
`o/<vhost>/<client>/<number>` arrived, and is not complete: its position · `r/<vhost>/<topic>`
retained. Names are percent-quoted. On disk: another meaning needs another key.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from struct import Struct
from urllib.parse import quote, unquote

import msgspec

from anymq.core.catalog import DefinitionStore
from anymq.storage.log import LogConfig

LOG_ID = 5  # see "Names of clients never become paths" in ARCHITECTURE.md
SEGMENT_BYTES = 16 * 1024 * 1024
LOG_CONFIG = LogConfig(
    segment_bytes=SEGMENT_BYTES, delete=False, compact=True, delete_retention_ms=0
)
SESSION, CAME, ARRIVED, RETAINED = "s", "i", "o", "r"

Then = Callable[[Exception | None], None]

_HEAD = Struct(">QI")  # of a retained message: when it came, size of its properties
_POSITION = Struct(">Q")


class SubscriptionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One filter of a session."""

    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    number: int = 0  # the subscription identifier


class SessionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session. `expires_ms` is since 1970; 0: its client is there."""

    user: str
    expiry_s: int
    expires_ms: int = 0
    subscriptions: dict[str, SubscriptionRecord] = {}


@dataclass(slots=True)
class InFlight:
    """What a session has half done: numbers of what came, and of what arrived with positions."""

    came: set[int]
    arrived: dict[int, int]


class RetainedMessage(msgspec.Struct, frozen=True):
    """A message that waits for subscribers, by its topic."""

    properties: bytes
    body: bytes
    timestamp_ms: int

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.properties) + len(self.body)


Place = tuple[str, str]  # virtual host, and client or topic

_encode = msgspec.json.Encoder().encode
_SESSION = msgspec.json.Decoder(SessionRecord)


class Kept:
    """Reads it once, at the start; writes what changes."""

    def __init__(self, store: DefinitionStore) -> None:
        self._store = store

    def sessions(self) -> Iterator[tuple[Place, SessionRecord]]:
        """Yield all sessions."""
        for names, value in self._all(SESSION):
            yield (names[0], names[1]), _SESSION.decode(value)

    def in_flight(self) -> Mapping[Place, InFlight]:
        """Return what sessions had half done."""
        found: dict[Place, InFlight] = {}
        for kind in (CAME, ARRIVED):
            for (vhost, client, number), value in self._all(kind):
                one = found.setdefault((vhost, client), InFlight(set(), {}))
                if kind == CAME:
                    one.came.add(int(number))
                else:
                    one.arrived[int(number)] = _POSITION.unpack(value)[0]
        return found

    def retained(self) -> Iterator[tuple[Place, RetainedMessage]]:
        """Yield all retained messages."""
        for names, value in self._all(RETAINED):
            timestamp_ms, size = _HEAD.unpack_from(value)
            at = _HEAD.size
            message = RetainedMessage(value[at : at + size], value[at + size :], timestamp_ms)
            yield (names[0], names[1]), message

    def put_session(self, place: Place, record: SessionRecord, then: Then) -> None:
        """There is this session."""
        self._store.put({_key(SESSION, *place): _encode(record)}, then)

    def forget(self, place: Place, came: set[int], arrived: Mapping[int, int]) -> None:
        """A session is over."""
        gone = [_key(SESSION, *place)]
        gone += [_key(CAME, *place, str(number)) for number in came]
        gone += [_key(ARRIVED, *place, str(number)) for number in arrived]
        self._store.put(dict.fromkeys(gone), ignore)

    def put_came(self, place: Place, number: int, *, there: bool, then: Then) -> None:
        """A message of QoS 2 came, or was released."""
        self._store.put({_key(CAME, *place, str(number)): b"" if there else None}, then)

    def put_arrived(self, place: Place, number: int, position: int | None, then: Then) -> None:
        """A message of QoS 2 arrived at the client; None: and that is complete."""
        value = None if position is None else _POSITION.pack(position)
        self._store.put({_key(ARRIVED, *place, str(number)): value}, then)

    def put_retained(self, place: Place, message: RetainedMessage | None, then: Then) -> None:
        """This is retained for a topic; None: nothing."""
        value = None
        if message is not None:
            head = _HEAD.pack(message.timestamp_ms, len(message.properties))
            value = head + message.properties + message.body
        self._store.put({_key(RETAINED, *place): value}, then)

    def _all(self, kind: str) -> Iterator[tuple[list[str], bytes]]:
        for key, value in self._store.load().items():
            if key.startswith(f"{kind}/"):
                yield [unquote(part) for part in key.split("/")[1:]], value


def ignore(error: Exception | None) -> None:
    """Do nothing when it is durable: whoever asked does not wait for it."""


def _key(*names: str) -> str:
    return "/".join(quote(name, safe="") for name in names)
