"""Slow consumers: who is behind, of every protocol, the worst first."""

from collections.abc import Iterator, Sequence
from typing import Any

from anymq.core.streams.group_calls import State
from anymq.management.api import groups, routes
from anymq.management.api.call import Call, number_of
from anymq.management.api.connections import all_channels, channel_name
from anymq.management.api.faults import bad_request
from anymq.management.api.totals import waiting
from anymq.management.http import Answer
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.consuming import Consumer

ROUTES = routes.Routes()
MIN_SECONDS = 60
MIN_LAG = 1000
FOUND_MAX = 10_000
UNACKED_LOOKED_AT = 10_000  # of a channel

Row = dict[str, Any]


@ROUTES.get("/slow-consumers")
def slow_consumers(call: Call) -> Answer:
    """Consumers and groups that are behind; `min_seconds`, `min_lag`: what counts as that."""
    seconds, lag = _number(call, "min_seconds", MIN_SECONDS), _number(call, "min_lag", MIN_LAG)
    found = [*_consumers(call, seconds), *_groups(call, lag)][:FOUND_MAX]
    found.sort(key=_badness, reverse=True)
    return call.listed(found, lambda one: one, lambda one: str(one.get("queue", one.get("group"))))


def _number(call: Call, name: str, default: int) -> int:
    number = number_of(call.query.get(name, str(default)))
    if number is None:
        raise bad_request(f"{name} is a number")
    return number


def _badness(one: Row) -> tuple[float, float]:
    """Old messages before much lag; of these, the oldest and the most."""
    if one["kind"] == "group":
        return 0, one["lag"]
    return one["oldest_unacked_seconds"], one["waiting"]


def _consumers(call: Call, seconds: int) -> Iterator[Row]:
    for channel in all_channels(call):
        if len(channel.unacked):
            oldest = channel.unacked.oldest(UNACKED_LOOKED_AT)
            for consumer in channel.consumers.values():
                age = _age(call, channel, oldest.get(consumer))
                if why := _why(consumer, age, seconds):
                    yield _consumer_row(call, channel, consumer, age, why)


def _age(call: Call, channel: Channel, tag: int | None) -> int:
    """Return for how many seconds this one is out, at least."""
    since = None if tag is None else channel.ages.since(tag)
    return 0 if since is None else max(0, call.broker.now_ms() - since) // 1000


def _why(consumer: Consumer, age: int, seconds: int) -> Sequence[str]:
    full = consumer.prefetch and consumer.out >= consumer.prefetch and waiting(consumer.queue)
    old = consumer.out and age >= seconds
    return [*(["old"] if old else []), *(["full"] if full else [])]


def _consumer_row(
    call: Call, channel: Channel, consumer: Consumer, age: int, why: Sequence[str]
) -> Row:
    queue, name, subscription = consumer.queue, channel_name(channel), consumer.subscription
    delivered = {"deliver": 0 if subscription is None else subscription.delivered}
    rates = call.site.rates.with_rates(subscription or consumer, delivered)
    return {
        "kind": "consumer",
        "vhost": queue.vhost_name,
        "queue": queue.name,
        "consumer_tag": consumer.tag,
        "user": channel.wire.user,
        "connection": name.rpartition(" (")[0],
        "channel": name,
        "prefetch": consumer.prefetch,
        "unacked": consumer.out,
        "oldest_unacked_seconds": age,
        "waiting": waiting(queue),
        "deliver_rate": rates["deliver_details"]["rate"],
        "why": why,
    }


def _groups(call: Call, least: int) -> Iterator[Row]:
    for name in groups.visible(call):
        one = groups.row(call, name)
        if one["lag"] < max(1, least):
            continue
        rate = one["lag_details"]["rate"]
        why = ["lag", *(["growing"] if rate > 0 else [])]
        yield {
            "kind": "group",
            "group": name,
            "state": one["state"],
            "members": one["member_count"],
            "lag": one["lag"],
            "lag_rate": rate,
            "topics": one["topics"],
            "why": [*why, *(["nobody"] if one["state"] == State.EMPTY.value else [])],
        }
