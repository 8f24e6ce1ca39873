"""The stream of events: what changes, for pages and whoever else watches."""

from http import HTTPStatus

import msgspec

from anymq.management.api import routes
from anymq.management.api.call import Call, done
from anymq.management.api.event_rows import read_wish
from anymq.management.api.event_stream import TOPICS, Wish
from anymq.management.api.faults import bad_request, no_object
from anymq.management.http import Answer, Response

ROUTES = routes.Routes()
EVENTS = "text/event-stream"
INTERVAL_MS = range(500, 60_001)
INTERVAL_MS_DEFAULT = 1000


@ROUTES.get("/events")
def events(call: Call) -> Answer:
    """A stream of events: numbers once a second, and what changes."""
    wanted = call.query.get("topics") or ",".join(TOPICS)
    topics = tuple(dict.fromkeys(one for one in wanted.split(",") if one))
    if not set(topics) <= set(TOPICS):
        raise bad_request(f"topics are some of {', '.join(TOPICS)}")
    stream = call.site.events.open(call, Wish(topics, _interval_s(call)))
    if rows := call.query.get("rows"):
        stream.shown = read_wish(_decoded(rows))
    headers = (("X-Accel-Buffering", "no"),)  # proxies are to pass it on at once
    return Response(HTTPStatus.OK, b"", EVENTS, headers, stream=stream)


@ROUTES.put("/events/:stream")
def put_rows(call: Call) -> Answer:
    """Say which rows a stream is to tell of from now on."""
    stream = call.site.events.streams.get(call.names["stream"])
    if stream is None or stream.call.caller.name != call.caller.name:
        raise no_object()
    call.need("rows")
    stream.show(read_wish(call.body["rows"]))
    return done()


def _interval_s(call: Call) -> float:
    said = call.query.get("interval_ms", str(INTERVAL_MS_DEFAULT))
    if not said.isdecimal() or len(said) > 6 or int(said) not in INTERVAL_MS:
        raise bad_request(f"interval_ms is from {INTERVAL_MS[0]} to {INTERVAL_MS[-1]}")
    return int(said) / 1000


def _decoded(rows: str) -> object:
    try:
        return msgspec.json.decode(rows)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        raise bad_request("not_json") from None
