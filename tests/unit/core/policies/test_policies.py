"""Policies: which one holds for what, what both together say, and that it holds live."""

from typing import Any

import pytest
from tests.unit.core.vhosts.conversations import bodies, publish
from tests.unit.core.world import Restart, Told, World

from anymq.core.broker import Broker
from anymq.core.errors import Invalid, PreconditionFailed
from anymq.core.policies.policy import merged
from anymq.core.queues.queue import Queue
from anymq.core.queues.queue_settings import QueueSettings
from anymq.core.routing.exchange import Exchange
from anymq.core.streams.errors import PolicyViolation
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.amqp.fields import Int64


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def broker(world: World) -> Broker:
    return world.broker


@pytest.fixture
def vhost(broker: Broker) -> VirtualHost:
    return broker.vhost("/")


def put(
    broker: Broker,
    name: str,
    pattern: str,
    *,
    operator: bool = False,
    priority: float = 0,
    apply_to: str = "all",
    **definition: Any,
) -> None:
    said = {
        "pattern": pattern,
        "priority": priority,
        "apply-to": apply_to,
        "definition": {key.replace("_", "-"): value for key, value in definition.items()},
    }
    broker.policies.put("/", name, said, operator=operator)
    broker.turn.run()


def settings(vhost: VirtualHost, name: str) -> QueueSettings:
    queue = vhost.queue(name)
    assert isinstance(queue, Queue)
    return queue.settings


# Which one holds


def test_the_highest_priority_holds_and_no_other(broker: Broker, vhost: VirtualHost) -> None:
    put(broker, "low", "^q", max_length=1, message_ttl=5)
    put(broker, "high", "q", priority=2.5, max_length=9)
    vhost.declare_queue("q")

    assert settings(vhost, "q").max_length == 9
    assert settings(vhost, "q").message_ttl_ms is None


def test_a_pattern_is_looked_for_anywhere_and_an_empty_one_is_found_everywhere(
    broker: Broker, vhost: VirtualHost
) -> None:
    put(broker, "p", "b+$", max_length=1)
    for name in ("abb", "abc"):
        vhost.declare_queue(name)
    assert [settings(vhost, name).max_length for name in ("abb", "abc")] == [1, None]

    put(broker, "p", "", max_length=2)
    assert [settings(vhost, name).max_length for name in ("abb", "abc")] == [2, 2]


@pytest.mark.parametrize(
    ("apply_to", "followers"),
    [
        ("all", ["classic", "quorum", "stream", "x"]),
        ("queues", ["classic", "quorum", "stream"]),
        ("classic_queues", ["classic"]),
        ("quorum_queues", ["quorum"]),
        ("streams", ["stream"]),
        ("exchanges", ["x"]),
    ],
)
def test_it_applies_to_what_it_says(
    broker: Broker, vhost: VirtualHost, apply_to: str, followers: list[str]
) -> None:
    for kind in ("classic", "quorum", "stream"):
        vhost.declare_queue(kind, durable=True, arguments={"x-queue-type": kind})
    put(broker, "p", "", apply_to=apply_to, max_length_bytes=5)

    found = [kind for kind in ("classic", "quorum", "stream") if applied(broker, kind, kind)]
    assert found + ["x"] * applied(broker, "exchanges", "x") == followers


def applied(broker: Broker, kind: str, name: str) -> bool:
    return broker.policies.applied("/", kind, name).policy is not None


def test_what_a_kind_cannot_follow_it_does_not_follow_at_all(
    broker: Broker, vhost: VirtualHost
) -> None:
    """RabbitMQ tries the next one then: a stream does not get half of a queue's policy."""
    put(broker, "queues", "", priority=1, message_ttl=5, max_length_bytes=7)
    put(broker, "rest", "", max_length_bytes=9)

    names = {
        kind: broker.policies.applied("/", kind, "n").policy
        for kind in ("classic", "quorum", "stream")
    }
    found = {kind: one.name for kind, one in names.items() if one is not None}
    assert found == {"classic": "queues", "quorum": "queues", "stream": "rest"}


# What both together say


@pytest.mark.parametrize(
    ("key", "user", "operator", "both"),
    [
        ("max-length", 5, 3, 3),
        ("max-length", 3, 5, 3),
        ("message-ttl", 3, 5, 3),
        ("expires", 9, 5, 5),
        ("delivery-limit", -1, 5, 5),
        ("delivery-limit", 3, -1, 3),
        ("delivery-limit", 3, 5, 3),
        ("overflow", "reject-publish", "drop-head", "drop-head"),
        ("target-group-size", 3, 5, 5),
    ],
)
def test_of_two_limits_the_stricter_one_counts(
    key: str, user: object, operator: object, both: object
) -> None:
    assert merged({key: user, "a": 1}, {key: operator, "b": 2}) == {key: both, "a": 1, "b": 2}


def test_the_operators_policy_limits_the_arguments_too(broker: Broker, vhost: VirtualHost) -> None:
    put(broker, "p", "", operator=True, max_length=3)
    vhost.declare_queue("q", arguments={"x-max-length": Int64(5)})
    vhost.declare_queue("r", arguments={"x-max-length": Int64(2)})

    assert [settings(vhost, name).max_length for name in "qr"] == [3, 2]


# Live


def test_it_holds_for_what_is_there_and_ends_with_it(broker: Broker, vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    for body in (b"1", b"2", b"3"):
        publish(vhost, "", "q", body)
    put(broker, "p", "^q$", max_length=2)
    assert bodies(vhost, "q") == [b"2", b"3"]

    broker.policies.delete("/", "p")
    broker.turn.run()
    publish(vhost, "", "q", b"4")
    assert bodies(vhost, "q") == [b"2", b"3", b"4"]


def test_dead_letters_follow_it(broker: Broker, vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    vhost.declare_queue("dead")
    put(broker, "p", "^q$", max_length=1, dead_letter_exchange="", dead_letter_routing_key="dead")
    publish(vhost, "", "q", b"1")
    publish(vhost, "", "q", b"2")
    broker.turn.run()

    assert (bodies(vhost, "q"), bodies(vhost, "dead")) == ([b"2"], [b"1"])


def test_an_exchange_gets_an_alternate_one_and_loses_it(broker: Broker, vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "direct")
    vhost.declare_queue("q")
    vhost.bind("amq.fanout", "q")
    assert not publish(vhost, "x", "nobody")

    put(broker, "p", "^x$", apply_to="exchanges", alternate_exchange="amq.fanout")
    assert publish(vhost, "x", "nobody")

    broker.policies.delete("/", "p")
    broker.turn.run()
    assert not publish(vhost, "x", "nobody")


def test_an_exchange_keeps_what_it_was_declared_with(broker: Broker, vhost: VirtualHost) -> None:
    put(broker, "p", "", apply_to="exchanges", alternate_exchange="amq.fanout")
    said = {"alternate-exchange": "amq.direct"}
    x: Exchange = vhost.declare_exchange("x", "direct", arguments=said)
    assert (x.alternate, vhost.declare_exchange("y", "direct").alternate) == (
        "amq.direct",
        "amq.fanout",
    )


def test_a_stream_keeps_as_much_as_its_policy_says(broker: Broker, vhost: VirtualHost) -> None:
    vhost.declare_queue("s", durable=True, arguments={"x-queue-type": "stream", "x-max-age": "1h"})
    put(broker, "p", "^s$", apply_to="streams", max_age="2h", max_length_bytes=5000)

    log = broker.topic("s").config.log
    assert (log.retention_ms, log.retention_bytes) == (7_200_000, 5000)
    assert vhost.queue("s").arguments["x-max-age"] == "1h"

    broker.policies.delete("/", "p")
    broker.turn.run()
    log = broker.topic("s").config.log
    assert (log.retention_ms, log.retention_bytes) == (3_600_000, -1)


def test_a_topic_of_kafka_is_a_stream_and_follows(broker: Broker) -> None:
    put(broker, "p", "^t$", max_length_bytes=5000)
    topic = broker.create_topic("t", 2, {"retention.bytes": "7"})

    assert topic.config.value("retention.bytes") == "5000"
    assert topic.config.overrides == {"retention.bytes": "7"}
    broker.policies.delete("/", "p")
    broker.turn.run()
    assert topic.config.value("retention.bytes") == "7"


def test_many_queues_follow_in_several_turns(broker: Broker, vhost: VirtualHost) -> None:
    """Nobody waits while 10,000 queues are changed; new ones follow at once."""
    for number in range(1200):
        vhost.declare_queue(f"q{number}")
    put(broker, "p", "^q", max_length=1)
    vhost.declare_queue("q-new")
    followed = [settings(vhost, f"q{number}").max_length for number in range(1200)]
    assert None in followed
    assert settings(vhost, "q-new").max_length == 1

    for _ in range(2):
        broker.turn.run()
    assert {settings(vhost, f"q{number}").max_length for number in range(1200)} == {1}


# Kept


@pytest.mark.parametrize("how", list(Restart))
def test_a_restart_finds_policies_and_limits(world: World, how: Restart) -> None:
    told = Told()
    vhost = world.broker.vhost("/")
    vhost.declare_queue("q", durable=True)
    vhost.declare_exchange("x", "direct", durable=True)
    vhost.declare_queue("s", durable=True, arguments={"x-queue-type": "stream"})
    put(world.broker, "p", "^q", max_length=2)
    put(world.broker, "o", "^q", operator=True, max_length=1)
    put(world.broker, "x", "^x", alternate_exchange="amq.fanout", apply_to="exchanges")
    put(world.broker, "s", "^s", max_age="1D")
    world.broker.policies.put_limit("/", "max-queues", 2)
    world.broker.presence.limits.put("guest", {"max-channels": 3})
    world.broker.policies.parameters.put_global("g", {"a": [1, None]}, told)
    world.commit()
    assert told.ok

    broker = world.restart(how)
    vhost = broker.vhost("/")
    assert settings(vhost, "q").max_length == 1
    assert vhost.exchange("x").alternate == "amq.fanout"
    assert broker.topic("s").config.log.retention_ms == 86_400_000
    assert vhost.rules.queues_max == 2
    assert broker.presence.limits.of("guest") == {"max-channels": 3}
    assert broker.policies.parameters.globals == {"g": {"a": [1, None]}}


def test_what_the_disk_did_not_keep_does_not_hold(world: World) -> None:
    vhost = world.broker.vhost("/")
    vhost.declare_queue("q")
    world.commit()
    put(world.broker, "p", "^q", max_length=1)
    assert settings(vhost, "q").max_length == 1

    world.lose()
    world.broker.turn.run()
    assert settings(vhost, "q").max_length is None
    assert world.broker.policies.list() == []


def test_they_go_with_their_virtual_host(world: World) -> None:
    broker = world.broker
    broker.create_vhost("v")
    said = {"pattern": "", "definition": {"max-length": 1}}
    broker.policies.put("v", "p", said)
    broker.policies.put_limit("v", "max-queues", 0)
    broker.delete_vhost("v")
    world.commit()

    vhost = broker.create_vhost("v")
    vhost.declare_queue("q")
    assert settings(vhost, "q").max_length is None
    assert broker.policies.list() == []


# Limits


def test_no_more_queues_than_their_virtual_host_may_have(
    broker: Broker, vhost: VirtualHost
) -> None:
    vhost.declare_queue("q")
    broker.policies.put_limit("/", "max-queues", 1)
    vhost.declare_queue("q")  # there already
    with pytest.raises(PreconditionFailed) as refused:
        vhost.declare_queue("r")
    assert str(refused.value) == (
        "cannot declare queue 'r': queue limit in vhost '/' (1) is reached"
    )

    broker.policies.put_limit("/", "max-queues", -1)
    vhost.declare_queue("r")


def test_topics_count_among_the_queues(broker: Broker, vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    broker.policies.put_limit("/", "max-queues", 2)
    broker.create_topic("t")
    with pytest.raises(PolicyViolation, match=r"queue limit in vhost '/' \(2\) is reached"):
        broker.create_topic("u")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"definition": {}}, "no policy provided"),
        ({"definition": {"foo": {"a": [1, "b", True]}}}, "[{<<\"foo\">>,#{<<\"a\">> => [1,<<\"b\">>,true]}}] are not recognised policy settings"),  # noqa: E501
        ({"definition": {"message-ttl": "a"}}, '<<"a">> is not a valid message TTL'),
        ({"definition": {"max-length": 1.5}}, "1.5 is not a valid maximum length"),
        ({"definition": {"max-length": True}}, "true is not a valid maximum length"),
        ({"definition": {"queue-version": 3}}, "3 is not a valid queue-version value"),
        ({"definition": {"max-age": "7x"}}, '<<"7x">> is not a valid max age'),
        ({"definition": {"delayed-retry-type": "all"}}, "delayed-retry-min is required when delayed-retry-type is all"),  # noqa: E501
        ({"priority": "a"}, 'priority should be a number, actually was <<"a">>'),
        ({"pattern": 1}, "pattern should be a binary but was 1"),
        ({"apply-to": "x"}, "apply-to 'x' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_rabbitmqs_words(
    broker: Broker, said: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Invalid) as refused:
        broker.policies.put("/", "p", {"pattern": "", "definition": {"expires": 5}, **said})

    assert str(refused.value) == f"Validation failed\n\n{reason}\n"


def test_an_operator_says_limits_only(broker: Broker) -> None:
    with pytest.raises(Invalid, match="not recognised policy settings"):
        put(broker, "p", "", operator=True, dead_letter_exchange="x")
