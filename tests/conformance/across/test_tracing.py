"""What happened to message X, whatever protocol its clients speak."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pika
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from pika.adapters.blocking_connection import BlockingChannel

from anymq.testing import EmbeddedBroker
from tests.peers.http_api import ask

SECONDS = 20


@pytest.fixture
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


def begin(broker: EmbeddedBroker, **wanted: object) -> None:
    status, _ = ask(broker.ports["management"], "PUT", "traces/%2F/all", wanted)
    assert status == 201


def events(broker: EmbeddedBroker, **question: object) -> list[dict[str, Any]]:
    path = f"trace/messages?{urlencode(question)}"
    status, said = ask(broker.ports["management"], "GET", path)
    assert status == 200
    found: list[dict[str, Any]] = said["events"]
    return found


def story(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["event"], ",".join(one["queues"])) for one in found]


def get(channel: BlockingChannel, queue: str) -> int:
    method, _, _ = channel.basic_get(queue)
    assert method is not None
    return int(method.delivery_tag)


def test_from_its_publisher_to_the_dead_letters(
    broker: EmbeddedBroker, channel: BlockingChannel
) -> None:
    begin(broker)
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("jobs", arguments=dead)
    channel.queue_declare("dead")
    for name in ("m-1", "m-2"):
        channel.basic_publish("", "jobs", b"body", pika.BasicProperties(message_id=name))
    channel.basic_nack(get(channel, "jobs"))
    channel.basic_reject(get(channel, "jobs"), requeue=False)
    channel.basic_ack(get(channel, "jobs"))
    channel.basic_ack(get(channel, "dead"))
    channel.connection.process_data_events(0)
    channel.queue_declare("jobs", passive=True)  # answered after the acks

    first, second = events(broker, message_id="m-1"), events(broker, message_id="m-2")

    assert story(first) == [
        ("published", "jobs"),
        ("delivered", "jobs"),
        ("requeued", "jobs"),
        ("delivered", "jobs"),
        ("rejected", "jobs"),
        ("dead-lettered", "jobs"),
        ("published", "dead"),
        ("delivered", "dead"),
        ("acknowledged", "dead"),
    ]
    assert story(second) == [
        ("published", "jobs"),
        ("delivered", "jobs"),
        ("acknowledged", "jobs"),
    ]
    published = first[0]
    assert (published["protocol"], published["user"]) == ("amqp", "guest")
    assert published["properties"]["message_id"] == "m-1"
    assert published["payload"] == "body"
    assert first[3]["redelivered"]
    assert first[5]["reason"] == "rejected"
    assert story(events(broker, trace_id=first[0]["trace_id"])) == story(first)


def test_what_went_nowhere_and_what_was_too_much(
    broker: EmbeddedBroker, channel: BlockingChannel
) -> None:
    begin(broker)
    channel.queue_declare("short", arguments={"x-max-length": 1})
    channel.basic_publish("", "nobody", b"lost")
    for body in (b"old", b"new"):
        channel.basic_publish("", "short", body)

    assert story(events(broker, event="unroutable")) == [("unroutable", "")]
    (dropped,) = events(broker, event="dropped")
    assert (dropped["payload"], dropped["reason"]) == ("old", "maxlen")


def test_of_kafka_and_across(broker: EmbeddedBroker, channel: BlockingChannel) -> None:
    channel.queue_declare("orders", durable=True, arguments={"x-queue-type": "stream"})
    begin(broker)
    channel.basic_publish("", "orders", b"by AMQP", pika.BasicProperties(message_id="a"))
    producer = Producer({"bootstrap.servers": broker.kafka})
    producer.produce("orders", b"by Kafka", key=b"k", headers={"message-id": "b"})
    assert producer.flush(SECONDS) == 0
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "nobody"})
    consumer.assign([TopicPartition("orders", 0, 0)])
    assert len(consumer.consume(2, SECONDS)) == 2
    consumer.close()
    arguments = {"x-stream-offset": "first"}
    for method, _, body in channel.consume("orders", arguments=arguments):
        channel.basic_ack(method.delivery_tag)
        if body == b"by Kafka":
            break

    for name, publisher in (("a", "amqp"), ("b", "kafka")):
        found = events(broker, message_id=name)
        told = [(one["event"], one["protocol"]) for one in found]
        assert told[0] == ("published", publisher)
        assert ("delivered", "kafka") in told
        assert ("delivered", "amqp") in told
        assert {one["trace_id"] for one in found} == {found[0]["trace_id"]}


def test_only_what_was_asked_for_is_kept(broker: EmbeddedBroker, channel: BlockingChannel) -> None:
    begin(broker, pattern="deliver.wanted", events=3, max_payload_bytes=2)
    for queue in ("wanted", "other"):
        channel.queue_declare(queue)
        for number in range(5):
            channel.basic_publish("", queue, b"body %d" % number)
            get(channel, queue)

    found = events(broker)

    assert story(found) == [("delivered", "wanted")] * 3
    assert [one["payload"] for one in found] == ["bo"] * 3
    status, trace = ask(broker.ports["management"], "GET", "traces/%2F/all")
    assert (status, trace["kept"], trace["seen"]) == (200, 3, 5)


def test_it_ends(broker: EmbeddedBroker, channel: BlockingChannel) -> None:
    begin(broker)
    channel.queue_declare("jobs")
    channel.basic_publish("", "jobs", b"seen")
    assert ask(broker.ports["management"], "DELETE", "traces/%2F/all")[0] == 204
    channel.basic_publish("", "jobs", b"not seen")

    assert events(broker) == []
    assert ask(broker.ports["management"], "DELETE", "traces/%2F/all")[0] == 404
    vhost = ask(broker.ports["management"], "GET", "vhosts/%2F")[1]
    assert vhost["tracing"] is False
