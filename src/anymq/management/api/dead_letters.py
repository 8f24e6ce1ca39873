"""Dead letters: which there are, by why and where they died, so that they can be sent back."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from anymq.core.browsing.given_up import HEADER as GIVEN_UP
from anymq.core.browsing.given_up import given_up, is_grave
from anymq.core.browsing.places import text_of
from anymq.core.browsing.queue_source import QueueSource
from anymq.core.browsing.source import Source
from anymq.core.browsing.stream_source import StreamSource
from anymq.core.message import Message
from anymq.core.queues.deadletters import deaths_of
from anymq.core.queues.queue import Queue
from anymq.core.rights.permit import READ
from anymq.core.routing.exchange import Exchange
from anymq.core.vhosts.stream import Stream
from anymq.core.vhosts.vhost import VirtualHost
from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.management.api.listing import Pieces
from anymq.management.http import JSON, Answer, Response, encode

ROUTES = routes.Routes()

EXAMINED_MAX = 100_000  # messages in one answer
GROUPS_MAX = 1000
KEYS_MAX = 10  # of a group that are shown
QUEUES_MAX = 1000
HEADER = b"x-death"
GIVEN_UP_REASON = "delivery_limit"  # as queues say it

Key = tuple[str, str, str]


@ROUTES.get("/dead-letters")
def everywhere(call: Call) -> Answer:
    """Count the dead letters of all virtual hosts, by why and where they died."""
    return _answer(call, [one for vhost in call.vhosts for one in _graves(call, vhost)])


@ROUTES.get("/dead-letters/:vhost")
def in_vhost(call: Call) -> Answer:
    """Count the dead letters of a virtual host, or of one queue or topic there (`queue`)."""
    vhost, name = call.vhost, call.query.get("queue")
    if name is None:
        return _answer(call, list(_graves(call, vhost)))
    call.permit.queue(READ, name)
    queue = vhost.queue(name)
    known = isinstance(queue, Queue | Stream)
    return _answer(call, [queue] if known else [])  # type: ignore[list-item]


def _answer(call: Call, places: list[Queue | Stream]) -> Answer:
    graves = (_grave(call, one) for one in places[:QUEUES_MAX])
    pieces = _pieces(graves, whole=len(places) <= QUEUES_MAX)
    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces)


def _grave(call: Call, place: Queue | Stream) -> "_Grave":
    named = {"vhost": place.vhost_name, "queue": place.name}
    if isinstance(place, Stream):
        source = StreamSource(place.topic, call.broker.forms, None)
        return _Grave(named, source, GIVEN_UP.encode(), _given_up_of)
    return _Grave(named, QueueSource(place), HEADER, _death_of)


def _graves(call: Call, vhost: VirtualHost) -> Iterator[Queue | Stream]:
    """Yield where dead letters are, as far as the caller may read them.

    Those are the queues to which dead-letter exchanges lead, and the topics of what RocketMQ's
    groups gave up.
    """
    permit = call.caller.permit(vhost.name)
    found: dict[str, None] = {}
    seen: set[str] = set()  # the same for all queues: often they share one
    for queue in vhost.queues.values():
        if isinstance(queue, Queue) and queue.settings.dead_letter_exchange is not None:
            key = queue.settings.dead_letter_routing_key
            _follow(vhost, queue.settings.dead_letter_exchange, key, found, seen)
    for name in found:
        grave = vhost.queues.get(name)
        if isinstance(grave, Queue) and grave.owner is None and permit.may(READ, name):
            yield grave
    for queue in list(vhost.queues.values()):
        if isinstance(queue, Stream) and is_grave(queue.name) and permit.may(READ, queue.name):
            yield queue


def _follow(
    vhost: VirtualHost, exchange: str, key: str | None, found: dict[str, None], seen: set[str]
) -> None:
    """Note all queues that may get something by this exchange, unless it was `seen`."""
    if not exchange:
        if key is not None:
            found[key] = None
        return
    work = [] if exchange in seen else [vhost.exchanges.get(exchange)]
    seen.add(exchange)
    while work:
        at = work.pop()
        for binding in at.bindings.values() if at is not None else ():
            place = binding.destination
            if not isinstance(place, Exchange):
                found[place.name] = None
            elif place.name not in seen:
                seen.add(place.name)
                work.append(place)


@dataclass(frozen=True, slots=True)
class _Grave:
    """Where dead letters are, among others: those have the marker, and say why they died."""

    place: Mapping[str, str]
    source: Source
    marker: bytes
    death_of: "Callable[[Message], _Death | None]"

    def may_hold(self, data: bytes) -> bool:
        """May there be some in these messages?"""
        return self.marker in data

    def filter_of(self, key: Key) -> Mapping[str, Any]:
        """Return what finds those that died so."""
        reason, queue, exchange = key
        if reason == GIVEN_UP_REASON and isinstance(self.source, StreamSource):
            return {"headers": [{"name": GIVEN_UP, "op": "=", "value": queue}]}
        return {"death": {"reason": reason, "queue": queue, "exchange": exchange}}


class _Death(NamedTuple):
    """Why a message died, and where it was addressed to."""

    key: Key
    routing_keys: object


def _death_of(message: Message) -> _Death | None:
    deaths = deaths_of(message)
    if not deaths:
        return None
    last = deaths[0]
    key = str(last.get("reason")), str(last.get("queue")), str(last.get("exchange"))
    return _Death(key, last.get("routing-keys"))


def _given_up_of(message: Message) -> _Death | None:
    origin = given_up(message)
    return origin and _Death((GIVEN_UP_REASON, origin.topic, ""), [origin.topic])


@dataclass(slots=True)
class _Group:
    """Dead letters of one kind in one queue."""

    first_position: int
    count: int = 0
    size: int = 0
    oldest: int = 1 << 62
    newest: int = 0
    keys: dict[str, None] = field(default_factory=dict)

    def add(self, message: Message, keys: object) -> None:
        """Here is one more."""
        self.count += 1
        self.size += len(message.body)
        self.oldest = min(self.oldest, message.timestamp_ms)
        self.newest = max(self.newest, message.timestamp_ms)
        if isinstance(keys, list) and keys and len(self.keys) < KEYS_MAX:
            self.keys[str(keys[0])] = None


def _pieces(graves: Iterable[_Grave], *, whole: bool) -> Pieces[Response | None]:
    groups: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    left = EXAMINED_MAX
    for grave in graves:
        source, examined = grave.source, 0
        found: dict[Key, _Group] = {}
        at: int | None = source.first
        while at is not None and left > 0:
            piece = source.look(at, grave.may_hold)
            if piece is None:
                break
            for position, message in piece.found:
                _note(found, position, message, grave.death_of(message))
            at = piece.next
            examined += piece.examined
            left -= piece.examined
            yield b""
        whole = whole and at is None
        groups += [_row(grave, key, group) for key, group in found.items()]
        rows.append({**grave.place, "messages": source.total, "examined": examined})
    groups.sort(key=lambda row: -row["count"])
    yield encode({"groups": groups, "queues": rows, "complete": whole})
    return None


def _note(found: dict[Key, _Group], position: int, message: Message, death: _Death | None) -> None:
    if death is None or (death.key not in found and len(found) >= GROUPS_MAX):
        return
    found.setdefault(death.key, _Group(position)).add(message, death.routing_keys)


def _row(grave: _Grave, key: Key, group: _Group) -> dict[str, Any]:
    reason, queue, exchange = key
    return {
        **grave.place,
        "reason": reason,
        "origin_queue": queue,
        "origin_exchange": exchange,
        "routing_keys": list(group.keys),
        "count": group.count,
        "bytes": group.size,
        "oldest": group.oldest,
        "newest": group.newest,
        "first_position": text_of(group.first_position),
        "filter": grave.filter_of(key),
    }
