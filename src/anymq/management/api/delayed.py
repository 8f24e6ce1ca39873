"""Delayed: messages that come later; seen, cancelled, or sent on at once."""

from typing import Any

from anymq.core.queues.delays import Waiting
from anymq.core.rights.permit import EXCHANGE, QUEUE, READ, WRITE
from anymq.core.streams.stream_names import stream_of
from anymq.management.api import routes
from anymq.management.api.browse import Shown, count_of
from anymq.management.api.call import Call, done
from anymq.management.api.faults import bad_request, no_object
from anymq.management.api.rows import message_row
from anymq.management.http import Answer, json

ROUTES = routes.Routes()

PAGE = 100  # read at once
LOOKED_AT_MAX = 1000  # of all virtual hosts, in one answer
ANSWER_BYTES_MAX = 16 * 1024 * 1024  # of bodies, about
DEFAULT_EXCHANGE = "amq.default"


@ROUTES.get("/delayed/:vhost")
def show_delayed(call: Call) -> Answer:
    """List the messages of a virtual host that come later (`count`, `after`)."""
    vhost, permit = call.vhost, call.permit
    count, shown = count_of(call.query), Shown.of(call.query)
    after, rows, size = call.query.get("after", ""), list[Any](), 0
    following: str | None = after
    looked_at = 0
    while following is not None and looked_at < LOOKED_AT_MAX and len(rows) < count:
        page = _page(call, following)
        looked_at += len(page)
        following = page[-1].id if len(page) == PAGE else None
        for one in page:
            if one.vhost_name != vhost.name or not permit.may(READ, *_place_of(one)):
                continue
            rows.append(_row(one, shown))
            size += len(one.message.body)
            if len(rows) == count or size > ANSWER_BYTES_MAX:
                return _shown(call, rows, one.id)
    return _shown(call, rows, following)


def _shown(call: Call, rows: list[Any], following: str | None) -> Answer:
    total = call.broker.delayed_count
    return json({"messages": rows, "next": following, "total": total})


def _page(call: Call, after: str) -> list[Waiting]:
    try:
        return call.broker.delays.page(PAGE, after=after)
    except ValueError:
        raise bad_request("after is the id of a message") from None


def _row(one: Waiting, shown: Shown) -> dict[str, Any]:
    said = message_row(one.message, truncate=shown.truncate, encoding=shown.encoding)
    row = {"id": one.id, "due": one.due_ms, "timestamp": one.message.timestamp_ms, **said}
    return row if one.topic is None else {**row, "topic": one.topic, "partition": one.partition}


def _place_of(one: Waiting) -> tuple[str, str]:
    """Return where it goes, as rights are asked: an exchange, or a topic."""
    if one.topic is not None:
        return stream_of(one.topic)[1], QUEUE
    return one.message.envelope.exchange or DEFAULT_EXCHANGE, EXCHANGE


@ROUTES.delete("/delayed/:vhost/:id")
def cancel_delayed(call: Call) -> Answer:
    """Take a delayed message away."""
    if not call.broker.delays.cancel(_found(call).id):
        raise no_object()
    return done()


@ROUTES.post("/delayed/:vhost/:id/release")
def release_delayed(call: Call) -> Answer:
    """Send a delayed message on at once."""
    if not call.broker.delays.hasten(_found(call).id):
        raise no_object()
    return done()


def _found(call: Call) -> Waiting:
    """Return the one that is meant, which this caller may see and change."""
    vhost = call.vhost
    try:
        found = call.broker.delays.find(call.names["id"])
    except ValueError:
        raise no_object() from None
    if found is None or found.vhost_name != vhost.name:
        raise no_object()
    for right in (READ, WRITE):
        name, kind = _place_of(found)
        call.permit.check(right, kind, name)
    return found
