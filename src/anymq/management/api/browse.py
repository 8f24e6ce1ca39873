"""Browse: messages of queues, streams and topics, looked at where they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from anymq.core.browsing.filters import time_of
from anymq.core.browsing.places import position_of, text_of
from anymq.core.browsing.queue_source import QueueSource
from anymq.core.browsing.source import Source
from anymq.core.browsing.stream_source import StreamSource
from anymq.core.errors import Unsupported
from anymq.core.queues.delivery import Seen
from anymq.core.queues.queue import Queue
from anymq.core.rights.permit import READ
from anymq.core.streams import stream_names
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.stream import Stream
from anymq.management.api import routes
from anymq.management.api.call import Call
from anymq.management.api.faults import Fault, bad_request, not_found
from anymq.management.api.listing import Pieces
from anymq.management.api.rows import AUTO, BASE64, seen_row
from anymq.management.http import JSON, Answer, Response, encode

ROUTES = routes.Routes()

COUNT = 50
COUNT_MAX = 1000
ANSWER_BYTES_MAX = 16 * 1024 * 1024  # of bodies in one answer, about
TRUNCATE_MAX = 16 * 1024 * 1024


@ROUTES.get("/queues/:vhost/:queue/messages")
def messages_of_queue(call: Call) -> Answer:
    """Show messages of a queue or stream without taking them (`position`, `time`, `count`…)."""
    name = call.names["queue"]
    call.vhost.queue(name)
    return _browsed(call, source_of_queue(call, call.names["vhost"], name))


@ROUTES.get("/topics/:topic/partitions/:partition/messages")
def messages_of_partition(call: Call) -> Answer:
    """Show messages of a partition, from an offset or a time on."""
    partition = _number("partition", call.names["partition"], 1 << 31)
    return _browsed(call, source_of_topic(call, call.names["topic"], partition))


def source_of_queue(call: Call, vhost: str, name: str) -> Source:
    """Return what is in a queue that this caller may read."""
    found = call.vhost_named(vhost).queue(name)
    call.caller.permit(vhost).queue(READ, name)
    return _opened(call, found)


def source_of_topic(call: Call, name: str, partition: int | None) -> Source:
    """Return what is in a topic that this caller may read."""
    check_topic(call, name)
    topic = call.broker.topics.get(name)
    if topic is None:
        raise not_found("topic_not_found")
    return StreamSource(topic, call.broker.forms, partition)


def check_topic(call: Call, name: str) -> None:
    """Refuse who may not read the stream that a topic is."""
    vhost, stream = stream_names.stream_of(name)
    call.vhost_named(vhost)
    call.caller.permit(vhost).queue(READ, stream)


def _opened(call: Call, queue: AnyQueue) -> Source:
    if isinstance(queue, Stream):
        alone = 0 if len(queue.topic.partitions) == 1 else None
        return StreamSource(queue.topic, call.broker.forms, alone)
    if not isinstance(queue, Queue):
        raise Unsupported(f"messages of a {queue.kind} cannot be looked at")
    return QueueSource(queue)


@dataclass(frozen=True, slots=True)
class Shown:
    """How messages are to be shown."""

    truncate: int | None
    encoding: str

    @classmethod
    def of(cls, said: Mapping[str, Any], truncate: int | None = None) -> "Shown":
        """Return what a query or a body asks for."""
        encoding = said.get("encoding", AUTO)
        if encoding not in (AUTO, BASE64):
            raise bad_request(["unsupported_encoding", encoding])
        if "truncate" in said:
            truncate = _number("truncate", said["truncate"], TRUNCATE_MAX)
        return cls(truncate, encoding)

    def row(self, seen: Seen, source: Source, size: int | None = None) -> dict[str, Any]:
        """Show one."""
        return seen_row(
            seen,
            consumed=source.consumed,
            truncate=self.truncate,
            encoding=self.encoding,
            size=size,
        )


def count_of(said: Mapping[str, Any], count: int = COUNT, most: int = COUNT_MAX) -> int:
    """Return how many are asked for."""
    return min(max(_number("count", said.get("count", count), 1 << 62), 1), most)


def _number(name: str, said: object, most: int) -> int:
    if isinstance(said, str) and said.isascii() and said.isdigit() and len(said) < 20:
        said = int(said)
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said <= most:
        raise bad_request(f"{name} is a number up to {most}")
    return said


def _browsed(call: Call, source: Source) -> Answer:
    query = call.query
    count, shown = count_of(query), Shown.of(query)
    last = call.flag("last")
    if "time" in query:
        source.since(time_of(query["time"]))
    elif last:
        source.newest(count)
    said = query.get("position", query.get("offset"))
    start = source.first if said is None else position_of(said)
    earliest = time_of(query["time"]) if "time" in query else None
    pieces = _pieces(source, _Wish(start, count, earliest, last), shown)
    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces)


@dataclass(frozen=True, slots=True)
class _Wish:
    start: int
    count: int
    earliest: int | None
    last: bool


class _Page:
    """What was found so far."""

    def __init__(self, wish: _Wish) -> None:
        self.found: list[Seen] = []
        self._wish = wish
        self._size = 0

    @property
    def full(self) -> bool:
        """Is it enough? Who wants the newest ones must see all."""
        wish = self._wish
        enough = len(self.found) >= wish.count or self._size >= ANSWER_BYTES_MAX
        return enough and not wish.last

    def add(self, seen: Seen) -> None:
        """Here is one more."""
        wish = self._wish
        if wish.earliest is not None and seen.message.timestamp_ms < wish.earliest:
            return
        self.found.append(seen)
        self._size += len(seen.message.body)
        if wish.last and (len(self.found) > 2 * wish.count or self._size > 2 * ANSWER_BYTES_MAX):
            self.trim()

    def trim(self) -> None:
        """Keep the newest ones."""
        self.found.sort(key=lambda seen: seen.message.timestamp_ms)
        while len(self.found) > self._wish.count or self._size > ANSWER_BYTES_MAX:
            self._size -= len(self.found.pop(0).message.body)


def _pieces(source: Source, wish: _Wish, shown: Shown) -> Pieces[Response | None]:
    """Look at one piece after another, with others in between."""
    page = _Page(wish)
    at: int | None = wish.start
    while at is not None and not page.full:
        piece = source.look(at)
        if piece is None:
            if page.found:
                break
            raise _unreadable()
        at = piece.next
        for seen in source.told(piece.found):
            if page.full:
                at = seen.position
                break
            page.add(seen)
        yield b""
    if wish.last:
        page.trim()
    rows = [shown.row(seen, source) for seen in page.found]
    yield encode({"messages": rows, "next": None if at is None else text_of(at)})
    return None


def _unreadable() -> Fault:
    return Fault(
        HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "messages cannot be read now; try again"
    )
