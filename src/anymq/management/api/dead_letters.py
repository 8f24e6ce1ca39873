"""Dead letters: which there are, by why and where they died, so that they can be sent back."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from anymq.core.browsing.places import text_of
from anymq.core.browsing.queue_source import QueueSource
from anymq.core.message import Message
from anymq.core.queues.deadletters import deaths_of
from anymq.core.queues.queue import Queue
from anymq.core.rights.permit import READ
from anymq.core.routing.exchange import Exchange
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

Key = tuple[str, str, str]


@ROUTES.get("/dead-letters")
def everywhere(call: Call) -> Answer:
    """Count the dead letters of all virtual hosts, by why and where they died."""
    return _answer(call, [one for vhost in call.vhosts for one in _graves(call, vhost)])


@ROUTES.get("/dead-letters/:vhost")
def in_vhost(call: Call) -> Answer:
    """Count the dead letters of a virtual host, or of one queue there (`queue`)."""
    vhost, name = call.vhost, call.query.get("queue")
    if name is None:
        return _answer(call, list(_graves(call, vhost)))
    call.permit.queue(READ, name)
    queue = vhost.queue(name)
    return _answer(call, [queue] if isinstance(queue, Queue) else [])


def _answer(call: Call, queues: list[Queue]) -> Answer:
    pieces = _pieces(queues[:QUEUES_MAX], whole=len(queues) <= QUEUES_MAX)
    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces)


def _graves(call: Call, vhost: VirtualHost) -> Iterator[Queue]:
    """Yield the queues to which dead-letter exchanges lead, and which the caller may read."""
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


def _pieces(queues: list[Queue], *, whole: bool) -> Pieces[Response | None]:
    groups: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    left = EXAMINED_MAX
    for queue in queues:
        source, examined = QueueSource(queue), 0
        found: dict[Key, _Group] = {}
        at: int | None = source.first
        while at is not None and left > 0:
            piece = source.look(at, lambda data: HEADER in data)
            if piece is None:
                break
            for position, message in piece.found:
                _note(found, position, message)
            at = piece.next
            examined += piece.examined
            left -= piece.examined
            yield b""
        whole = whole and at is None
        place = {"vhost": queue.vhost_name, "queue": queue.name}
        groups += [_row(place, key, group) for key, group in found.items()]
        rows.append({**place, "messages": source.total, "examined": examined})
    groups.sort(key=lambda row: -row["count"])
    yield encode({"groups": groups, "queues": rows, "complete": whole})
    return None


def _note(found: dict[Key, _Group], position: int, message: Message) -> None:
    deaths = deaths_of(message)
    if not deaths:
        return
    last = deaths[0]
    key = str(last.get("reason")), str(last.get("queue")), str(last.get("exchange"))
    if key not in found and len(found) >= GROUPS_MAX:
        return
    found.setdefault(key, _Group(position)).add(message, last.get("routing-keys"))


def _row(place: Mapping[str, str], key: Key, group: _Group) -> dict[str, Any]:
    reason, queue, exchange = key
    return {
        **place,
        "reason": reason,
        "origin_queue": queue,
        "origin_exchange": exchange,
        "routing_keys": list(group.keys),
        "count": group.count,
        "bytes": group.size,
        "oldest": group.oldest,
        "newest": group.newest,
        "first_position": text_of(group.first_position),
        "filter": {"death": {"reason": reason, "queue": queue, "exchange": exchange}},
    }
