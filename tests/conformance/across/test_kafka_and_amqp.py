"""A stream is a topic: AMQP and Kafka clients exchange messages by nothing but a name."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as KafkaPartition
from kafka.admin import KafkaAdminClient, NewTopic
from pika.adapters.blocking_connection import BlockingChannel

from anymq.testing import EmbeddedBroker

SECONDS = 20
STREAM = {"x-queue-type": "stream"}


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=50)
    yield channel
    connection.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).replace("_", "-")[:60]


def produce(broker: EmbeddedBroker, topic: str, *values: str, **more: Any) -> None:
    """By librdkafka."""
    producer = Producer({"bootstrap.servers": broker.kafka})
    for value in values:
        producer.produce(topic, value, **more)
    assert producer.flush(SECONDS) == 0


def fetched(broker: EmbeddedBroker, topic: str, count: int) -> list[Message]:
    """By librdkafka, from the beginning."""
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "nobody"})
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found = consumer.consume(count, SECONDS)
        assert [message.error() for message in found] == [None] * count
        return found
    finally:
        consumer.close()


def consumed(
    channel: BlockingChannel, queue: str, count: int, offset: object = "first"
) -> list[tuple[Any, pika.BasicProperties, bytes]]:
    """By pika, each acknowledged."""
    found: list[tuple[Any, pika.BasicProperties, bytes]] = []
    arguments = {"x-stream-offset": offset}
    for method, properties, body in channel.consume(
        queue, arguments=arguments, inactivity_timeout=SECONDS
    ):
        assert method is not None, f"only {len(found)} of {count} came"
        found.append((method, properties, body))
        channel.basic_ack(method.delivery_tag)
        if len(found) == count:
            break
    channel.cancel()
    return found


def test_from_amqp_to_kafka(broker: EmbeddedBroker, channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name, durable=True, arguments=STREAM)
    properties = pika.BasicProperties(
        content_type="application/json", correlation_id="c-1", headers={"tenant": "blue", "try": 2}
    )
    channel.basic_publish("", name, b'{"order": 1}', properties)

    (message,) = fetched(broker, name, 1)

    assert message.value() == b'{"order": 1}'
    assert message.key() is None
    seen = dict(message.headers() or [])
    assert seen.pop("anymq")
    assert seen == {
        "content-type": b"application/json",
        "correlation-id": b"c-1",
        "tenant": b"blue",
        "try": b"2",
    }


def test_from_kafka_to_amqp(broker: EmbeddedBroker, channel: BlockingChannel, name: str) -> None:
    """The topic is there first; nobody declares anything."""
    headers = {"content-type": b"text/plain", "tenant": b"blue"}
    produce(broker, name, "a", "b", key="customer-7", headers=headers)

    assert channel.queue_declare(name, passive=True).method.message_count == 2
    first, second = consumed(channel, name, 2)

    assert (first[2], second[2]) == (b"a", b"b")
    assert first[0].routing_key == "customer-7"
    assert first[1].content_type == "text/plain"
    assert first[1].headers == {"tenant": "blue", "x-stream-offset": 0}
    assert second[1].headers["x-stream-offset"] == 1


def test_back_and_forth_in_one_log(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str
) -> None:
    """The order is that of the log, whoever wrote."""
    channel.queue_declare(name, durable=True, arguments=STREAM)
    for number in range(3):
        channel.basic_publish("", name, f"amqp-{number}".encode())
        produce(broker, name, f"kafka-{number}")
    expected = [f"{who}-{number}".encode() for number in range(3) for who in ("amqp", "kafka")]
    assert [body for _, _, body in consumed(channel, name, 6)] == expected
    assert [message.value() for message in fetched(broker, name, 6)] == expected
    assert [body for _, _, body in consumed(channel, name, 2, offset=4)] == expected[4:]


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
def test_batches_that_a_kafka_client_compressed(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str, compression: str
) -> None:
    topic = name.replace("[", "-").replace("]", "")
    producer = Producer(
        {"bootstrap.servers": broker.kafka, "compression.type": compression, "linger.ms": 50}
    )
    expected = [b"%04d" % number * 20 for number in range(500)]
    for value in expected:
        producer.produce(topic, value)
    assert producer.flush(SECONDS) == 0
    found = consumed(channel, topic, 500)
    assert [body for _, _, body in found] == expected


def test_through_an_exchange_bound_to_a_topic(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str
) -> None:
    """A Kafka client made the topic; what is routed to it has the routing key as its key."""
    admin = KafkaAdminClient(bootstrap_servers=broker.kafka)
    admin.create_topics([NewTopic(name, 1, 1)])
    admin.close()
    exchange = f"{name}-events"
    channel.exchange_declare(exchange, "topic", durable=True)
    channel.queue_bind(name, exchange, "order.*")
    channel.basic_publish(exchange, "order.created", b"1")
    channel.basic_publish(exchange, "payment.made", b"2")
    channel.basic_publish(exchange, "order.paid", b"3", pika.BasicProperties(type="paid"))

    consumer = KafkaConsumer(bootstrap_servers=broker.kafka, consumer_timeout_ms=SECONDS * 1000)
    consumer.assign([KafkaPartition(name, 0)])
    consumer.seek_to_beginning()
    records = [next(consumer), next(consumer)]
    consumer.close()
    assert [(record.key, record.value) for record in records] == [
        (b"order.created", b"1"),
        (b"order.paid", b"3"),
    ]
    producer = KafkaProducer(bootstrap_servers=broker.kafka)
    producer.send(name, b"4", key=b"order.shipped").get(SECONDS)
    producer.close()

    found = consumed(channel, name, 3)
    assert [(method.exchange, method.routing_key, body) for method, _, body in found] == [
        (exchange, "order.created", b"1"),
        (exchange, "order.paid", b"3"),
        ("", "order.shipped", b"4"),
    ]
    assert found[1][1].type == "paid"


def test_it_is_there_after_a_restart(broker: EmbeddedBroker, name: str) -> None:
    """Of a broker of its own: clients of the other tests must not notice."""
    with EmbeddedBroker() as own:
        with pika.BlockingConnection(pika.URLParameters(own.amqp_url)) as connection:
            channel = connection.channel()
            channel.queue_declare(name, durable=True, arguments={**STREAM, "x-max-age": "1D"})
            channel.queue_bind(name, "amq.topic", "a.*")
            channel.confirm_delivery()
            channel.basic_publish("amq.topic", "a.b", b"1")
        own.restart()
        with pika.BlockingConnection(pika.URLParameters(own.amqp_url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=10)
            channel.queue_declare(name, durable=True, arguments={**STREAM, "x-max-age": "1D"})
            channel.basic_publish("amq.topic", "a.c", b"2")
            assert [body for _, _, body in consumed(channel, name, 2)] == [b"1", b"2"]
