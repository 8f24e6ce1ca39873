"""Traces: what happened to which message. Paths of named traces are those of RabbitMQ's plugin."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from anymq.core.tracing.events import NO_POSITION, Event
from anymq.core.tracing.following import Question, find
from anymq.core.tracing.trace import EVENTS_MAX, EVERYTHING, PAYLOAD_BYTES_MAX, Trace, Wanted
from anymq.core.vhosts.vhost import VirtualHost
from anymq.management.api import routes
from anymq.management.api.call import Call, created, done, number_of
from anymq.management.api.faults import bad_request, no_object
from anymq.management.api.messages import said, shown_payload
from anymq.management.http import Answer

ROUTES = routes.Routes()

SHOWN, SHOWN_MAX = 500, 5000  # events in one answer
NAME_MAX = 255
TEXTS = ("message_id", "correlation_id", "routing_key", "queue", "user", "event")
DEFAULTS = Wanted()
# Events that are equal in these are one event.
_SAME = ("vhost", "time", "event", "trace_id", "queue", "position", "connection", "channel")


@ROUTES.get("/traces", routes.ADMINISTRATOR)
def traces(call: Call) -> Answer:
    """All traces that are on."""
    return call.listed(list(_all(call)), _row, lambda one: one[1].name)


@ROUTES.get("/traces/:vhost", routes.ADMINISTRATOR)
def traces_of_vhost(call: Call) -> Answer:
    """The traces of a virtual host."""
    return traces(call)


@ROUTES.get("/traces/:vhost/:name", routes.ADMINISTRATOR)
def trace(call: Call) -> Answer:
    """One trace: what it asks for, how much it has seen."""
    return call.shown(_row((call.vhost, _find(call))))


@ROUTES.put("/traces/:vhost/:name", routes.ADMINISTRATOR)
def put_trace(call: Call) -> Answer:
    """Trace: what fits `pattern`, of `user`; keep so many `events`. Ends with the process."""
    name = call.names["name"]
    if not 1 <= len(name) <= NAME_MAX:
        raise bad_request(f"a name has 1 to {NAME_MAX} characters")
    wanted = Wanted(
        pattern=call.text("pattern", EVERYTHING) or EVERYTHING,
        events=_number(call, "events", DEFAULTS.events, EVENTS_MAX),
        payload_bytes=_number(call, "max_payload_bytes", DEFAULTS.payload_bytes, PAYLOAD_BYTES_MAX),
        user=call.text("user"),
    )
    answer = done() if name in call.vhost.tracing.traces else created()
    call.vhost.tracing.begin(name, wanted)
    return answer


@ROUTES.delete("/traces/:vhost/:name", routes.ADMINISTRATOR)
def delete_trace(call: Call) -> Answer:
    """End a trace, and forget what it has seen."""
    call.vhost.tracing.end(_find(call).name)
    return done()


@ROUTES.get("/trace/messages", routes.ADMINISTRATOR)
def messages(call: Call) -> Answer:
    """What happened to messages, by `message_id`, `trace_id`, `queue`, `from` and others."""
    count = _query_number(call, "count", SHOWN, SHOWN_MAX)
    vhosts = [call.vhost_named(call.query["vhost"])] if "vhost" in call.query else call.vhosts
    name = call.query.get("trace")
    question = _question(call)
    rows: list[dict[str, Any]] = []
    for vhost in vhosts:
        for one in vhost.tracing.traces.values():
            if name is None or one.name == name:
                found = find(one, question, count)
                rows += [
                    {**_shown(event), "vhost": vhost.name, "trace": one.name} for event in found
                ]
    rows.sort(key=lambda row: row["time"])
    on = any(vhost.tracing.traces for vhost in vhosts)
    return call.shown({"tracing": on, "events": _told_once(rows)[-count:]})


def _all(call: Call) -> Iterator[tuple[VirtualHost, Trace]]:
    for vhost in call.vhosts:
        for one in vhost.tracing.traces.values():
            yield vhost, one


def _find(call: Call) -> Trace:
    found = call.vhost.tracing.traces.get(call.names["name"])
    if found is None:
        raise no_object()
    return found


def _row(one: tuple[VirtualHost, Trace]) -> dict[str, Any]:
    vhost, trace = one
    return {
        "vhost": vhost.name,
        "name": trace.name,
        "format": "json",
        "pattern": trace.wanted.pattern,
        "max_payload_bytes": trace.wanted.payload_bytes,
        "events": trace.wanted.events,
        "user": trace.wanted.user,
        "seen": trace.seen,
        "kept": len(trace),
        "bytes": trace.bytes,
    }


def _question(call: Call) -> Question:
    query = call.query
    named = {name: query[name] for name in TEXTS if name in query}
    try:
        which = bytes.fromhex(query.get("trace_id", ""))
    except ValueError:
        raise bad_request("trace_id is hexadecimal") from None
    question = Question(
        fingerprint=which,
        since_ms=_query_number(call, "from", 0, 1 << 53),
        until_ms=_query_number(call, "until", 0, 1 << 53),
        **named,
    )
    return replace(question, exchange=query["exchange"]) if "exchange" in query else question


def _shown(event: Event) -> dict[str, Any]:
    message, who = event.message, event.who
    row: dict[str, Any] = {
        "time": event.time_ms,
        "event": event.event,
        "protocol": who.protocol or "broker",
        "connection": who.connection,
        "channel": who.channel,
        "user": who.user,
        "exchange": event.exchange,
        "routing_key": event.routing_key,
        "queue": event.queues[0] if len(event.queues) == 1 else "",
        "queues": list(event.queues),
        "partition": event.partition,
        "position": None if event.position == NO_POSITION else str(event.position),
        "trace_id": event.fingerprint.hex(),
        "becomes": event.becomes.hex(),
        "message_id": event.message_id,
        "correlation_id": event.correlation_id,
        "reason": event.reason,
        "redelivered": event.redelivered,
        "no_ack": event.no_ack,
        "payload_bytes": event.payload_bytes,
        "payload": None,
        "payload_encoding": None,
        "properties": None,
    }
    if message is not None:
        row["payload"], row["payload_encoding"] = shown_payload(message.body, "auto")
        row["properties"] = said(message)
    return row


def _told_once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what another trace has seen, too."""
    first: dict[tuple[Any, ...], str] = {}
    kept: list[dict[str, Any]] = []
    for row in rows:
        key = tuple(row[name] for name in _SAME)
        if first.setdefault(key, row["trace"]) == row["trace"]:
            kept.append(row)
    return kept


def _number(call: Call, key: str, default: int, most: int) -> int:
    value = call.body.get(key, default)
    if isinstance(value, str):
        value = number_of(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise bad_request(f"{key} is a number from 0 to {most}")
    return value


def _query_number(call: Call, key: str, default: int, most: int) -> int:
    text = call.query.get(key, str(default))
    value = number_of(text)
    if value is None or value > most:
        raise bad_request(f"{key} is a number from 0 to {most}")
    return value
