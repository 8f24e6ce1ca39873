"""Streams as AMQP clients see them, which are topics to Kafka's."""

from collections.abc import Sequence
from typing import Any

import pytest
from tests.unit.core.world import NOW_MS, Restart, append, make_batch, read
from tests.unit.protocols.amqp.dialog import Client, Content, World

from anymq.core.errors import Conflict
from anymq.core.message import Properties
from anymq.protocols.amqp import fields
from anymq.protocols.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicNack,
    BasicReject,
    ChannelClose,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionClose,
    ExchangeDeclare,
    ExchangeDeclareOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
)
from anymq.storage.records import Record

STREAM = {"x-queue-type": "stream"}
S = "queue 's' in vhost '/'"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> Client:
    return world.client()


def declare(client: Client, name: str = "s", **arguments: Any) -> Client:
    said = {**STREAM, **{"x-" + key.replace("_", "-"): value for key, value in arguments.items()}}
    client >> QueueDeclare(name, False, True, False, False, False, said)
    return client << QueueDeclareOk(name, 0, 0)


def consume(client: Client, offset: object = "first", count: int = 100, **more: Any) -> Client:
    arguments = {"x-stream-offset": offset}
    arguments.update({"x-" + key.replace("_", "-"): value for key, value in more.items()})
    client.prefetch(count)
    client >> BasicConsume("s", "c", False, False, False, False, arguments)
    return client << BasicConsumeOk("c")


def contents(client: Client) -> list[Content]:
    found = []
    while not client.silent:
        found.append(client.content())
    return found


def offsets(found: Sequence[Content]) -> list[int]:
    return [content.said.headers["x-stream-offset"] for content in found]


def bodies(found: Sequence[Content]) -> list[bytes]:
    return [content.body for content in found]


def produce(world: World, *values: bytes, key: bytes | None = None, topic: str = "s") -> None:
    """What a Kafka producer does."""
    append(world.broker.topic(topic).partition(0), make_batch(*values, key=key))


def records(world: World, topic: str = "s") -> Sequence[Record]:
    """What a Kafka consumer gets."""
    world.settle()
    return read(world.broker.topic(topic).partition(0))


def refused(client: Client, method: Method) -> str:
    """Say something; return why not."""
    client >> method
    answer = client.hear()
    assert isinstance(answer, ChannelClose | ConnectionClose)
    return answer.reply_text


def test_a_stream_is_read_and_read_again(world: World, client: Client) -> None:
    """Reading takes nothing away."""
    declare(client).publish("s", b"a", b"b", b"c")
    for _ in range(2):
        reader = world.client()
        consume(reader)
        found = contents(reader)
        assert bodies(found) == [b"a", b"b", b"c"]
        assert offsets(found) == [0, 1, 2]
        assert type(found[0].said.headers["x-stream-offset"]) is fields.Int64


def test_what_is_published_later_comes_when_it_is_there(client: Client) -> None:
    consume(declare(client))
    assert client.silent
    client.publish("s", b"a")
    assert client.delivered() == [b"a"]


def test_acknowledgements_are_credit(client: Client) -> None:
    """However they say it: ack, nack and reject move on; nothing comes back."""
    declare(client).publish("s", *(b"%d" % number for number in range(8)))
    consume(client, count=2)
    assert client.delivered() == [b"0", b"1"]
    client >> BasicAck(1, False)
    assert client.delivered() == [b"2"]
    client >> BasicNack(2, False, True) >> BasicReject(3, True)
    assert client.delivered() == [b"3", b"4"]
    client >> BasicAck(0, True)
    assert client.delivered() == [b"5", b"6"]


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("first", [0, 1, 2, 3]),
        ("last", [2, 3]),  # the last batch
        ("next", []),
        (None, []),
        (fields.Int64(3), [3]),
        (1, [1, 2, 3]),
        (0, [0, 1, 2, 3]),
        (fields.Timestamp(NOW_MS // 1000 + 60), [2, 3]),
        (fields.Timestamp(NOW_MS // 1000 - 60), [0, 1, 2, 3]),
        (fields.Timestamp(NOW_MS // 1000 + 3600), []),
        ("1m", [2, 3]),
        ("1D", [0, 1, 2, 3]),
    ],
)
def test_where_a_consumer_begins(
    world: World, client: Client, offset: object, expected: list[int]
) -> None:
    declare(client).publish("s", b"0", b"1")
    world.settle()
    world.clock.now_ms += 90_000
    client.publish("s", b"2", b"3")
    world.settle()
    consume(client, offset)
    assert offsets(contents(client)) == expected


def test_an_offset_that_is_still_to_come(client: Client) -> None:
    declare(client).publish("s", b"0")
    consume(client, 2)
    assert client.silent
    client.publish("s", b"1", b"2", b"3")
    assert offsets(contents(client)) == [2, 3]


def test_properties_come_back_as_they_were(client: Client) -> None:
    properties = Properties(
        headers={"a": fields.Int16(5), "b": {"c": [True, None]}},
        content_type="text/plain",
        content_encoding="gzip",
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        timestamp=7,
    )
    declare(client).publish("s", b"x", properties=properties)
    declare(client, "plain")
    client.publish("s", b"y", properties=Properties())
    consume(client)
    one, two = contents(client)
    assert one.said == properties.with_headers(**{"x-stream-offset": 0})
    assert type(one.said.headers["a"]) is fields.Int16
    assert two.said == Properties(headers={"x-stream-offset": 1}, delivery_mode=1)
    assert (one.method.exchange, one.method.routing_key) == ("", "s")


def test_from_stream_to_stream_the_offset_is_that_of_the_last_one(client: Client) -> None:
    declare(client).publish(
        "s", b"-", properties=Properties(headers={"x-stream-offset": 77, "a": 1})
    )
    consume(client)
    (content,) = contents(client)
    assert content.said.headers == {"x-stream-offset": 0, "a": 1}


def test_what_kafka_wrote_amqp_reads(world: World, client: Client) -> None:
    world.broker.create_topic("s", 1)
    world.settle()
    produce(world, b"1", b"2", key=b"customer-7")
    produce(world, b"3")
    world.settle()
    client >> QueueDeclare("s", True, False, False, False, False, {})
    client << QueueDeclareOk("s", 3, 0)
    consume(client)
    found = contents(client)
    assert bodies(found) == [b"1", b"2", b"3"]
    assert [one.method.routing_key for one in found] == ["customer-7", "customer-7", "s"]
    assert found[0].said == Properties(
        headers={"x-stream-offset": 0}, delivery_mode=2, timestamp=NOW_MS // 1000
    )


def test_what_amqp_wrote_kafka_reads(world: World, client: Client) -> None:
    declare(client)
    client >> ExchangeDeclare("events", "topic", False, True, False, False, False, {})
    client << ExchangeDeclareOk()
    client >> QueueBind("s", "events", "order.*", False, {})
    client << QueueBindOk()
    properties = Properties(content_type="application/json", headers={"n": 5})
    client.publish("order.created", b"{}", exchange="events", properties=properties)
    client.publish("order.too.long", b"-", exchange="events")
    (record,) = records(world)
    assert (record.key, record.value) == (b"order.created", b"{}")
    seen = dict(record.headers)
    assert seen[b"content-type"] == b"application/json"
    assert seen[b"n"] == b"5"


def test_a_topic_of_several_partitions_is_shared_out_by_key(world: World, client: Client) -> None:
    """As a Kafka producer would: what has the same key stays in order."""
    topic = world.broker.create_topic("s", 3)
    world.settle()
    client >> QueueBind("s", "amq.topic", "#", False, {})
    client << QueueBindOk()
    for number in range(30):
        client.publish(f"k{number % 10}", b"%d" % number, exchange="amq.topic")
    world.settle()
    by_partition = [read(partition) for partition in topic.partitions]
    assert all(by_partition)
    for found in by_partition:
        for key in {record.key for record in found}:
            mine = [int(one.value or b"") for one in found if one.key == key]
            assert mine == sorted(mine)
            assert len(mine) == 3
    consume(client)
    assert sorted(map(int, client.delivered())) == list(range(30))


def test_confirms_wait_for_the_disk(world: World, client: Client) -> None:
    declare(client)
    client >> ConfirmSelect(False)
    client << ConfirmSelectOk()
    client.publish("s", b"a", b"b")
    assert not client.frames()
    client << BasicAck(2, True)


def test_what_is_too_large_is_nacked(world: World, client: Client) -> None:
    """The topic's own limit; everything else in the run is kept."""
    world.broker.create_topic("s", 1, {"max.message.bytes": "1000"})
    world.settle()
    client >> ConfirmSelect(False)
    client << ConfirmSelectOk()
    client.publish("s", b"a", bytes(2000), b"b")
    refusals = [one for one in (client.hear(), client.hear()) if isinstance(one, BasicNack)]
    assert [one.delivery_tag for one in refusals] == [2]
    assert [record.value for record in records(world)] == [b"a", b"b"]


def test_a_filter(client: Client) -> None:
    declare(client)
    for value in ("eu", "us", None, "eu"):
        headers = {} if value is None else {"x-stream-filter-value": value}
        client.publish("s", str(value).encode(), properties=Properties(headers=headers))
    consume(client, stream_filter="eu")
    found = contents(client)
    assert offsets(found) == [0, 3]
    client >> BasicCancel("c", False)
    client << BasicCancelOk("c")
    consume(client, stream_filter=["us"], stream_match_unfiltered=True)
    assert bodies(contents(client)) == [b"us", b"None"]


@pytest.mark.parametrize(
    ("consumer", "prefetch", "text"),
    [
        ({}, 0, f"PRECONDITION_FAILED - consumer prefetch count is not set for stream {S}"),
        (
            {"x-stream-offset": "soon"},
            1,
            f"PRECONDITION_FAILED - invalid arg 'x-stream-offset' for {S}: "
            '{invalid_stream_offset_arg,{longstr,<<"soon">>}}',
        ),
        (
            {"x-priority": 5},
            1,
            f"PRECONDITION_FAILED - invalid arg 'x-priority' for {S} "
            "of queue type rabbit_stream_queue",
        ),
    ],
)
def test_what_no_consumer_of_a_stream_can_have(
    client: Client, consumer: dict[str, object], prefetch: int, text: str
) -> None:
    declare(client).prefetch(prefetch)
    assert refused(client, BasicConsume("s", "c", False, False, False, False, consumer)) == text


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (
            BasicConsume("s", "c", False, True, False, False, {}),
            f"NOT_IMPLEMENTED - automatic acknowledgement not supported by stream {S}",
        ),
        (BasicGet("s", False), f"NOT_IMPLEMENTED - basic.get not supported by stream queues {S}"),
        (
            QueuePurge("s", False),
            f"NOT_IMPLEMENTED - queue.purge not supported by stream queues {S}",
        ),
    ],
)
def test_what_no_stream_does(client: Client, method: Method, text: str) -> None:
    declare(client).prefetch(5)
    assert refused(client, method) == text


@pytest.mark.parametrize(
    ("durable", "exclusive", "auto_delete", "arguments", "text"),
    [
        (False, False, False, {}, f"invalid property 'non-durable' for {S}"),
        (True, True, False, {}, f"invalid property 'exclusive-owner' for {S}"),
        (True, False, True, {}, f"invalid property 'auto-delete' for {S}"),
        (
            True,
            False,
            False,
            {"x-max-age": "soon"},
            f"invalid arg 'x-max-age' for {S}: invalid_max_age",
        ),
        (
            True,
            False,
            False,
            {"x-message-ttl": 5},
            f"invalid arg 'x-message-ttl' for {S} of queue type rabbit_stream_queue",
        ),
        (
            True,
            False,
            False,
            {"x-stream-max-segment-size-bytes": fields.Int64(3_000_000_001)},
            "Exceeded max value for x-stream-max-segment-size-bytes",
        ),
        (
            True,
            False,
            False,
            {"x-stream-filter-size-bytes": 5},
            "Invalid value for x-stream-filter-size-bytes",
        ),
    ],
)
def test_what_no_stream_can_be(
    client: Client,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    arguments: dict[str, object],
    text: str,
) -> None:
    said = {**STREAM, **arguments}
    method = QueueDeclare("s", False, durable, exclusive, auto_delete, False, said)
    assert refused(client, method) == f"PRECONDITION_FAILED - {text}"


def test_a_stream_needs_a_name(client: Client) -> None:
    method = QueueDeclare("", False, True, False, False, False, STREAM)
    assert refused(client, method) == (
        "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_stream_queue"
    )


def test_arguments_are_the_topics_config(world: World, client: Client) -> None:
    declare(
        client,
        max_length_bytes=fields.Int64(5_000_000_000),
        max_age="36h",
        stream_max_segment_size_bytes=100_000,
    )
    config = world.broker.topic("s").config
    assert config.value("retention.bytes") == "5000000000"
    assert config.value("retention.ms") == str(36 * 3_600_000)
    assert config.value("segment.bytes") == "100000"


def test_nothing_goes_unless_that_is_said(world: World, client: Client) -> None:
    """A topic keeps a week by default, a stream everything."""
    declare(client)
    config = world.broker.topic("s").config
    assert config.value("retention.ms") == config.value("retention.bytes") == "-1"


def test_declared_again(client: Client) -> None:
    declare(client, max_age="1D")
    declare(client, max_age="24h")
    method = QueueDeclare("s", False, True, False, False, False, {**STREAM, "x-max-age": "2D"})
    assert refused(client, method) == (
        f"PRECONDITION_FAILED - inequivalent arg 'x-max-age' for {S}: "
        "received '2D' but current is '1D'"
    )


def test_declared_again_without_what_was_said(client: Client) -> None:
    declare(client, max_length_bytes=1000)
    method = QueueDeclare("s", False, True, False, False, False, STREAM)
    assert refused(client, method) == (
        f"PRECONDITION_FAILED - inequivalent arg 'x-max-length-bytes' for {S}: "
        "received none but current is the value '1000' of type 'signedint'"
    )


def test_a_kafka_topic_is_declared_as_a_stream_whatever_it_keeps(
    world: World, client: Client
) -> None:
    """Nobody said in AMQP's words how it is to be."""
    world.broker.create_topic("s", 1, {"retention.ms": "3600000"})
    world.settle()
    declare(client)
    declare(client, max_age="1h")
    method = QueueDeclare("s", False, True, False, False, False, {**STREAM, "x-max-age": "2h"})
    assert "inequivalent arg 'x-max-age'" in refused(client, method)


def test_a_topic_is_no_queue(world: World, client: Client) -> None:
    world.broker.create_topic("s", 1)
    world.settle()
    method = QueueDeclare("s", False, True, False, False, False, {})
    assert refused(client, method) == (
        f"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for {S}: "
        "received none but current is the value 'stream' of type 'longstr'"
    )


def test_deleted_it_is_gone_for_everybody(world: World, client: Client) -> None:
    declare(client).publish("s", b"a")
    world.settle()
    reader = world.client()
    consume(reader, "next")
    client >> QueueDelete("s", False, False, False)
    client << QueueDeleteOk(0)
    assert "s" not in world.broker.topics
    reader << BasicCancel("c", True)
    declare(client)


def test_a_kafka_client_deletes_it(world: World, client: Client) -> None:
    """Consumers are told, and the bindings to it go."""
    declare(client)
    client >> QueueBind("s", "amq.fanout", "", False, {})
    client << QueueBindOk()
    consume(client, "next")
    world.broker.delete_topic("s")
    client << BasicCancel("c", True)
    assert not world.broker.vhost("/").exchange("amq.fanout").bindings


def test_a_stream_survives_with_its_bindings(world: World, client: Client) -> None:
    declare(client, max_age="1D").publish("s", b"a")
    client >> QueueBind("s", "amq.fanout", "", False, {})
    client << QueueBindOk()
    world.settle()
    broker = world.restart(Restart.KILLED)
    stream = broker.vhost("/").queue("s")
    assert (stream.kind, stream.ready, stream.arguments["x-max-age"]) == ("stream", 1, "1D")
    assert broker.vhost("/").exchange("amq.fanout").bindings


def test_many_consumers_each_at_their_own_place(world: World, client: Client) -> None:
    declare(client).publish("s", *(b"%d" % number for number in range(3000)))
    world.settle()
    readers = [world.client() for _ in range(3)]
    for number, reader in enumerate(readers):
        consume(reader, number * 1000, count=60_000)
    for number, reader in enumerate(readers):
        assert len(reader.delivered()) == 3000 - number * 1000


def test_partitions_that_come_later_are_read_too(world: World, client: Client) -> None:
    topic = world.broker.create_topic("s", 1)
    world.settle()
    consume(client, "next")
    world.broker.add_partitions("s", 2)
    world.settle()
    append(topic.partition(1), make_batch(b"new"))
    assert client.delivered() == [b"new"]


def test_who_does_not_listen_costs_the_topic_nothing(world: World, client: Client) -> None:
    """Nobody of another protocol listening, nothing is opened: the pure Kafka path."""
    consume(declare(client))
    partition = world.broker.topic("s").partition(0)
    assert partition._waiters
    client >> BasicCancel("c", False)
    client << BasicCancelOk("c")
    assert not partition._waiters


def test_other_virtual_hosts_have_streams_of_their_own(world: World, client: Client) -> None:
    declare(client)
    vhost = world.broker.create_vhost("shop")
    vhost.declare_queue("s", durable=True, arguments=STREAM)
    world.settle()
    assert set(world.broker.topics) == {"s", "anymq--shop--s"}
    assert vhost.queue("s").name == "s"
    broker = world.restart(Restart.CLEAN)
    assert broker.vhost("shop").queue("s").kind == "stream"
    broker.delete_vhost("shop")
    assert set(broker.topics) == {"s"}


def test_a_queue_is_no_topic(world: World, client: Client) -> None:
    """They share their names: a Kafka client cannot take one that a queue has."""
    client.declare("s")
    with pytest.raises(Conflict):
        world.broker.create_topic("s", 1)
    with pytest.raises(Conflict):
        world.broker.auto_create_topic("s")


def test_a_full_disk_is_a_nack(world: World, client: Client) -> None:
    declare(client)
    client >> ConfirmSelect(False)
    client << ConfirmSelectOk()
    client.publish("s", b"a")
    world.lose(path="logs/")
    refusal = client.hear()
    assert isinstance(refusal, BasicNack)
    assert refusal.delivery_tag == 1
    assert records(world) == []


def test_changed_while_it_lives(world: World, client: Client) -> None:
    """By the management, or by Kafka's tools: it is one configuration."""
    declare(client, max_age="1D")
    vhost = world.broker.vhost("/")
    vhost.change_queue("s", {**STREAM, "x-max-age": "2D"})
    assert world.broker.topic("s").config.value("retention.ms") == str(2 * 86_400_000)
    world.broker.alter_topic_config("s", {"retention.ms": "3600000"})
    assert vhost.queue("s").arguments == {**STREAM, "x-max-age": "1h"}
