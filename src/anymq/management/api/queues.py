"""Queues and streams."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from anymq.core.policies.policy import NOTHING, Applied
from anymq.core.queues.arguments import CLASSIC, QUORUM
from anymq.core.queues.queue import Queue
from anymq.core.rights.permit import CONFIGURE, READ
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.stream import Stream
from anymq.management.api import applied, checks, numbers, routes
from anymq.management.api.call import (
    LENGTHS_OF,
    MESSAGES_OF,
    Call,
    Then,
    created,
    done,
    when_safe,
)
from anymq.management.api.connections import consumer_row, owner_row
from anymq.management.api.exchanges import known_vhost
from anymq.management.api.values import from_json, to_json
from anymq.management.http import Answer

ROUTES = routes.Routes()


@ROUTES.get("/queues")
def queues(call: Call) -> Answer:
    """All queues and streams."""
    every = [vhost.queues[name] for vhost in call.vhosts for name in sorted(vhost.queues)]
    slim = call.flag("disable_stats")
    totals = call.flag("enable_queue_totals")

    def make(queue: AnyQueue) -> dict[str, Any]:
        if not slim:
            return row(call, queue)
        return {**_declared(call, queue), **(_messages(queue) if totals else {})}

    return call.listed(every, make, lambda queue: queue.name, cheap_columns(call))


@ROUTES.get("/queues/detailed")
def queues_detailed(call: Call) -> Answer:
    """All queues and streams, with all there is to say."""
    every = [vhost.queues[name] for vhost in call.vhosts for name in sorted(vhost.queues)]
    return call.listed(
        every, partial(detailed, call), lambda queue: queue.name, cheap_columns(call)
    )


@ROUTES.get("/queues/:vhost")
def queues_of_vhost(call: Call) -> Answer:
    """The queues and streams of a virtual host."""
    return queues(call)


@ROUTES.get("/queues/:vhost/:queue")
def queue(call: Call) -> Answer:
    """One queue, with its consumers."""
    one = call.queue
    consumers = [consumer_row(call, each) for each in subscriptions(one)]
    more = {"consumer_details": consumers, "incoming": [], "deliveries": []}
    return call.shown({**detailed(call, one), **more})


@ROUTES.put("/queues/:vhost/:queue")
def put_queue(call: Call) -> Answer:
    """Declare a queue or stream."""
    vhost = known_vhost(call)
    name = call.names["queue"]
    arguments = from_json(call.table("arguments"))
    checks.declare_queue(call.permit, name, arguments)

    def begin(then: Then) -> None:
        vhost.declare_queue(
            name,
            durable=call.boolean("durable"),
            auto_delete=call.boolean("auto_delete"),
            arguments=arguments,
            then=then,
        )

    return when_safe(begin, done if name in vhost.queues else created)


@ROUTES.delete("/queues/:vhost/:queue")
def delete_queue(call: Call) -> Answer:
    """Unmake a queue; `if-empty=true`, `if-unused=true`: only then."""
    vhost, name = call.vhost, call.queue.name
    call.permit.queue(CONFIGURE, name)
    if_empty, if_unused = call.flag("if-empty"), call.flag("if-unused")

    def begin(then: Then) -> None:
        vhost.delete_queue(name, if_empty=if_empty, if_unused=if_unused, then=then)

    return when_safe(begin, done)


@ROUTES.delete("/queues/:vhost/:queue/contents")
def purge_queue(call: Call) -> Answer:
    """Drop all messages that wait."""
    name = call.queue.name
    call.permit.queue(READ, name)
    call.vhost.queue(name).purge()
    return done()


def subscriptions(one: AnyQueue) -> list[Any]:
    """Return the consumers of a queue."""
    return list(one.consumers) if isinstance(one, Queue) else list(getattr(one, "readers", ()))


def row(call: Call, one: AnyQueue) -> dict[str, Any]:
    """Return what lists say about a queue."""
    said = _declared(call, one)
    said |= {
        "consumers": one.consumer_count,
        "internal": False,
        "internal_owner": False,
        "memory": 0,
        "effective_policy_definition": _applied(call, one).definition,
        **applied.names_if_any(_applied(call, one)),
        **_lengths(call, one),
    }
    if (stats := _message_stats(call, one)) is not None:
        said["message_stats"] = stats
    if isinstance(one, Queue):
        said["message_bytes_ready"] = one.ready_bytes
    return said


def _lengths(call: Call, one: AnyQueue) -> dict[str, Any]:
    return call.rated(one, _messages(one), numbers.of_queue(one), LENGTHS_OF)


def _message_stats(call: Call, one: AnyQueue) -> dict[str, Any] | None:
    """Return what happened so far; None: nothing."""
    names: Sequence[str] = numbers.STREAM_STATS
    if isinstance(one, Queue):
        names, counts = numbers.QUEUE_STATS, numbers.queue_stats(one)
    elif isinstance(one, Stream):
        counts = numbers.stream_stats(one)
    else:
        return None
    if not any(counts):
        return None
    return call.rated(
        one, dict(zip(names, counts, strict=True)), numbers.of_queue(one), MESSAGES_OF
    )


def cheap_columns(call: Call) -> Mapping[str, Callable[[AnyQueue], Any]]:
    """Return what can be told of a queue without its row."""
    told: dict[str, Callable[[AnyQueue], Any]] = {
        each: attrgetter(each) for each in ("name", "durable", "auto_delete")
    }
    for index, each in enumerate(numbers.LENGTHS):
        told[each] = lambda one, index=index: numbers.lengths(one)[index]  # type: ignore[misc]
        told[each + "_details"] = lambda one, key=each + "_details": _lengths(call, one)[key]  # type: ignore[misc]
    return told | {
        "vhost": lambda one: one.vhost_name,
        "type": lambda one: one.kind,
        "exclusive": lambda one: one.owner is not None,
        "consumers": lambda one: one.consumer_count,
        "state": lambda _: "running",
        "message_stats": partial(_message_stats, call),
    }


def detailed(call: Call, one: AnyQueue) -> dict[str, Any]:
    """Return what there is to say about one queue."""
    said = {**row(call, one), **applied.names(_applied(call, one))}
    if isinstance(one, Queue):
        active = one.consumers.active
        said["single_active_consumer_tag"] = None if active is None else active.tag
        if one.kind == CLASSIC:
            alone = subscriptions(one)[:1] if one.consumers.exclusive else []
            said["exclusive_consumer_tag"] = alone[0].tag if alone else None
    if one.owner is not None:
        said["owner_pid_details"] = owner_row(one.owner)
    return said


def _applied(call: Call, one: AnyQueue) -> Applied:
    return call.broker.policies.applied(one.vhost_name, one.kind, one.name)


def _declared(call: Call, one: AnyQueue) -> dict[str, Any]:
    node = call.site.node
    said: dict[str, Any] = {
        "name": one.name,
        "vhost": one.vhost_name,
        "type": one.kind,
        "durable": one.durable,
        "auto_delete": one.auto_delete,
        "exclusive": one.owner is not None,
        "arguments": {"x-queue-type": one.kind, **to_json(one.arguments)},
        "state": "running",
        "node": node,
    }
    if (policies := _applied(call, one)) is not NOTHING:
        said |= applied.names_if_any(policies)
        said["effective_policy_definition"] = policies.definition
    if one.kind == QUORUM:
        said["delivery_limit"] = _limit(one)
    if one.kind != CLASSIC:
        said |= {"leader": node, "members": [node], "online": [node]}
    return said


def _limit(one: AnyQueue) -> int | str:
    limit = one.settings.delivery_limit if isinstance(one, Queue) else None
    return "unlimited" if limit is None else limit


def _messages(one: AnyQueue) -> dict[str, int]:
    return dict(zip(numbers.LENGTHS, numbers.lengths(one), strict=True))
