"""What outlives a restart: sessions, what is in flight for QoS 2, retained messages.

Keys: `s/<vhost>/<client>` a session · `u/<vhost>/<client>/<part>` its subscriptions, in parts, so
that one more of very many costs little · `i/<vhost>/<client>/<number>` came, and is not released,
see Coming · `o/<vhost>/<client>/<number>` arrived, and is not complete: its position ·
`r/<vhost>/<topic>` retained · `w/<vhost>/<client>` the will of a session. Names are
percent-quoted. On disk: another meaning needs another key.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from urllib.parse import quote, unquote
from zlib import crc32

import msgspec

from anymq.core.catalog import DefinitionStore
from anymq.core.queues.coming import Coming, Stage
from anymq.core.queues.witness import Places
from anymq.storage.log import LogConfig

LOG_ID = 5  # see "Names of clients never become paths" in ARCHITECTURE.md
SEGMENT_BYTES = 16 * 1024 * 1024
LOG_CONFIG = LogConfig(
    segment_bytes=SEGMENT_BYTES,
    delete=False,
    compact=True,
    delete_retention_ms=0,
    leads=True,  # where messages of QoS 2 go is there before they are
)
Then = Callable[[Exception | None], None]

SESSION, PART, CAME, ARRIVED, RETAINED, WILL = "s", "u", "i", "o", "r", "w"
PARTS = 64  # of the subscriptions of one session: on disk

_HEAD = Struct(">QI")  # of a retained message: when it came, size of its properties
_POSITION = Struct(">Q")


class SubscriptionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One filter of a session."""

    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    number: int = 0  # the subscription identifier


class SessionRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A session. `expires_ms` is since 1970; 0: its client is there.

    Its subscriptions are where PART is; what an older version wrote here is moved there.
    """

    user: str
    expiry_s: int
    expires_ms: int = 0
    subscriptions: dict[str, SubscriptionRecord] = {}


class WillRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A will, whose it is, and when it is due, since 1970; 0: its client is there."""

    user: str
    host: str
    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: bytes  # as MQTT 5 writes them
    due_ms: int = 0

    def due(self, due_ms: int) -> "WillRecord":
        """Return it for then."""
        return msgspec.structs.replace(self, due_ms=due_ms)


@dataclass(slots=True)
class InFlight:
    """What a session has half done, by numbers.

    What comes, and who waits to hear that it came; what came, and is not released; what is, and the
    disk does not know; what a crash interrupted, and the places that have it. What arrived, and its
    position; what of that is complete, though a restart may find it in the queue; what is on the
    disk of all that, or on its way.
    """

    coming: dict[int, list[Then]] = field(default_factory=dict)
    came: set[int] = field(default_factory=set)
    released: set[int] = field(default_factory=set)
    begun: dict[int, Places] = field(default_factory=dict)
    arrived: dict[int, int] = field(default_factory=dict)
    complete: dict[int, int] = field(default_factory=dict)
    written: dict[int, int] = field(default_factory=dict)


class RetainedMessage:
    """A message that waits for subscribers, by its topic. It is in memory once: as it is kept."""

    __slots__ = ("value",)

    def __init__(self, value: bytes) -> None:
        self.value = value

    @classmethod
    def of(cls, properties: bytes, body: bytes, timestamp_ms: int) -> "RetainedMessage":
        """Return it of what it is made of."""
        return cls(_HEAD.pack(timestamp_ms, len(properties)) + properties + body)

    @property
    def timestamp_ms(self) -> int:
        """When it came."""
        timestamp_ms: int = _HEAD.unpack_from(self.value)[0]
        return timestamp_ms

    @property
    def properties(self) -> bytes:
        """What it says beside its body."""
        return self.value[_HEAD.size : self._body_at]

    @property
    def body(self) -> bytes:
        """Its payload."""
        return self.value[self._body_at :]

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.value) - _HEAD.size

    @property
    def _body_at(self) -> int:
        size: int = _HEAD.unpack_from(self.value)[1]
        return _HEAD.size + size


Place = tuple[str, str]  # virtual host, and client or topic

_encode = msgspec.json.Encoder().encode
_SESSION = msgspec.json.Decoder(SessionRecord)
_WILL = msgspec.json.Decoder(WillRecord)
_SUBSCRIPTIONS = msgspec.json.Decoder(dict[str, SubscriptionRecord])

# Filters, and what is said of them now; None: there is no such subscription any more.
Subscriptions = Mapping[str, SubscriptionRecord | None]


class Kept:
    """Reads it once, at the start; writes what changes."""

    def __init__(self, store: DefinitionStore) -> None:
        self._store = store

    def sessions(self) -> Iterator[tuple[Place, SessionRecord]]:
        """Yield all sessions, with their subscriptions."""
        subscribed: dict[Place, dict[str, SubscriptionRecord]] = {}
        for (vhost, client, _), value in self._all(PART):
            subscribed.setdefault((vhost, client), {}).update(_SUBSCRIPTIONS.decode(value))
        for names, value in self._all(SESSION):
            place, record = (names[0], names[1]), _SESSION.decode(value)
            if record.subscriptions:
                self.put_session(place, record, ignore, record.subscriptions)
            there = {**record.subscriptions, **subscribed.pop(place, {})}
            yield place, msgspec.structs.replace(record, subscriptions=there)

    def in_flight(self, has: Callable[[int, int], bool]) -> dict[Place, InFlight]:
        """Return what sessions had half done. `has`: is a message where it was to go?"""
        found: dict[Place, InFlight] = {}
        for (vhost, client, number), value in self._all(CAME):
            one = found.setdefault((vhost, client), InFlight())
            self._restore_coming((vhost, client), int(number), Coming.decode(value), one, has)
        for (vhost, client, number), value in self._all(ARRIVED):
            one = found.setdefault((vhost, client), InFlight())
            position = _POSITION.unpack(value)[0]
            one.arrived[int(number)] = one.written[int(number)] = position
        return found

    def _restore_coming(
        self,
        place: Place,
        number: int,
        said: Coming,
        one: InFlight,
        has: Callable[[int, int], bool],
    ) -> None:
        """Find out how far it came, and write that down: others will get these positions."""
        found = said.found(has)
        if found is None or found.stage is Stage.BEGUN:
            if found is not None:
                one.begun[number] = found.places
        else:
            one.came.add(number)
        if found != said:
            self.put_came(place, number, found, ignore)

    def retained(self) -> Iterator[tuple[Place, RetainedMessage]]:
        """Yield all retained messages."""
        for names, value in self._all(RETAINED):
            yield (names[0], names[1]), RetainedMessage(value)

    def put_session(
        self, place: Place, record: SessionRecord, then: Then, changed: Subscriptions
    ) -> None:
        """There is this session; of its subscriptions, these are new, other ones, or gone."""
        record = msgspec.structs.replace(record, subscriptions={})
        changes: dict[str, bytes | None] = {_key(SESSION, *place): _encode(record)}
        parts: dict[str, dict[str, SubscriptionRecord]] = {}
        for name, subscription in changed.items():
            key = _key(PART, *place, str(crc32(name.encode()) % PARTS))
            if key not in parts:
                parts[key] = _SUBSCRIPTIONS.decode(self._store.value(key) or b"{}")
            if subscription is None:
                parts[key].pop(name, None)
            else:
                parts[key][name] = subscription
        changes.update((key, _encode(part) if part else None) for key, part in parts.items())
        self._store.put(changes, then)

    def forget(self, place: Place, half_done: InFlight) -> None:
        """A session is over."""
        parts = [_key(PART, *place, str(part)) for part in range(PARTS)]
        gone = [_key(SESSION, *place)]
        gone += [key for key in parts if self._store.value(key) is not None]
        numbers = (*half_done.coming, *half_done.came, *half_done.released, *half_done.begun)
        gone += [_key(CAME, *place, str(number)) for number in numbers]
        gone += [_key(ARRIVED, *place, str(number)) for number in half_done.written]
        self._store.put(dict.fromkeys(gone), ignore)

    def put_came(self, place: Place, number: int, coming: Coming | None, then: Then) -> None:
        """A message of QoS 2 comes; None: it was released."""
        value = None if coming is None else coming.encode()
        self._store.put({_key(CAME, *place, str(number)): value}, then)

    def put_arrived(self, place: Place, number: int, position: int, then: Then) -> None:
        """A message of QoS 2 arrived at the client."""
        self._store.put({_key(ARRIVED, *place, str(number)): _POSITION.pack(position)}, then)

    def forget_arrived(self, place: Place, numbers: Collection[int], then: Then) -> None:
        """These are complete, and a restart would not send them again."""
        self._store.put(dict.fromkeys(_key(ARRIVED, *place, str(one)) for one in numbers), then)

    def wills(self) -> Iterator[tuple[Place, WillRecord]]:
        """Yield all wills."""
        for names, value in self._all(WILL):
            yield (names[0], names[1]), _WILL.decode(value)

    def put_will(self, place: Place, record: WillRecord | None) -> None:
        """A session has this will; None: none any more."""
        value = None if record is None else _encode(record)
        self._store.put({_key(WILL, *place): value}, ignore)

    def put_retained(self, place: Place, message: RetainedMessage | None, then: Then) -> None:
        """This is retained for a topic; None: nothing."""
        value = None if message is None else message.value
        self._store.put({_key(RETAINED, *place): value}, then)

    def _all(self, kind: str) -> Iterator[tuple[list[str], bytes]]:
        for key, value in self._store.load().items():
            if key.startswith(f"{kind}/"):
                yield [unquote(part) for part in key.split("/")[1:]], value


def ignore(error: Exception | None) -> None:
    """Do nothing when it is durable: whoever asked does not wait for it."""


def _key(*names: str) -> str:
    return "/".join(quote(name, safe="") for name in names)
