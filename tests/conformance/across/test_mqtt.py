"""What MQTT clients say, clients of AMQP and Kafka read, and the reverse."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from confluent_kafka import Consumer, TopicPartition
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pika.adapters.blocking_connection import BlockingChannel

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import SECONDS, client

BODIES = [b"", b"text", bytes(range(256)), b"x" * (1 << 20)]


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings={"mqtt": {"port": 0}}) as running:
        yield running


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


def properties() -> Any:
    """Return properties of a message, to be set."""
    return Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]


def taken(channel: BlockingChannel, queue: str, count: int) -> list[Any]:
    """Return so many messages of a queue."""
    found: list[Any] = []
    for delivered, says, body in channel.consume(queue, auto_ack=True, inactivity_timeout=SECONDS):
        assert delivered is not None, f"{len(found)} of {count}"
        found.append((delivered, says, body))
        if len(found) == count:
            channel.cancel()
            break
    return found


def test_mqtt_to_amqp(broker: EmbeddedBroker, channel: BlockingChannel) -> None:
    """A queue that is bound to amq.topic."""
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "amq.topic", "sensors.*")
    says = properties()
    says.ContentType, says.UserProperty = "text/plain", [("unit", "K")]
    says.CorrelationData, says.MessageExpiryInterval = b"7", 60
    with client("to-amqp", broker.ports["mqtt"]) as writer:
        for body in BODIES:
            writer.publish("sensors/1", body, 1, properties=says)
    found = taken(channel, queue, len(BODIES))
    assert [body for _, _, body in found] == BODIES
    delivered, told, _ = found[0]
    assert delivered.routing_key == "sensors.1"
    assert told.content_type == "text/plain"
    assert told.headers["unit"] == "K"
    assert told.correlation_id == "7"
    assert told.expiration == "60000"
    assert told.delivery_mode == 2


def test_amqp_to_mqtt(broker: EmbeddedBroker, channel: BlockingChannel) -> None:
    """What is published to amq.topic; persistent is QoS 1."""
    with client("from-amqp", broker.ports["mqtt"]) as reader:
        reader.subscribe("orders/+/new", 2)
        for mode in (1, 2):
            says = pika.BasicProperties(
                headers={"n": 5, "unit": "K"}, delivery_mode=mode, content_type="text/plain"
            )
            for body in BODIES:
                channel.basic_publish("amq.topic", "orders.7.new", body, says)
        both = [reader.next_with_properties() for _ in range(2 * len(BODIES))]
    found = [message for message, _ in both]
    first = both[0][1]
    assert [message.payload for message in found] == 2 * BODIES
    assert [message.qos for message in found] == [0] * 4 + [1] * 4
    assert found[0].topic == "orders/7/new"
    assert first.ContentType == "text/plain"
    assert first.UserProperty == [("n", "5"), ("unit", "K")]


def test_a_request_of_amqp_answered_by_mqtt(
    broker: EmbeddedBroker, channel: BlockingChannel
) -> None:
    """The queue that AMQP names is a response topic of MQTT."""
    answers = channel.queue_declare("", exclusive=True).method.queue
    with client("server", broker.ports["mqtt"]) as server:
        server.subscribe("rpc/ask", 1)
        says = pika.BasicProperties(reply_to=answers, correlation_id="42", delivery_mode=2)
        channel.basic_publish("amq.topic", "rpc.ask", b"ping", says)
        _, request = server.next_with_properties()
        answer = properties()
        answer.CorrelationData = request.CorrelationData
        server.publish(request.ResponseTopic, b"pong", 1, properties=answer)
    ((_, told, body),) = taken(channel, answers, 1)
    assert (told.correlation_id, body) == ("42", b"pong")


@pytest.mark.parametrize("way", ["$queue", "bound"])
def test_mqtt_to_kafka(broker: EmbeddedBroker, channel: BlockingChannel, way: str) -> None:
    """Into a topic by its name, or one that is bound to amq.topic as a stream."""
    topic = f"readings-{way.strip('$')}"
    channel.queue_declare(topic, durable=True, arguments={"x-queue-type": "stream"})
    channel.queue_bind(topic, "amq.topic", "site.#")
    says = properties()
    says.UserProperty = [("unit", "K"), ("unit", "C")]
    target = f"$queue/{topic}" if way == "$queue" else "site/1/t"
    with client(f"to-kafka-{way}", broker.ports["mqtt"]) as writer:
        for body in BODIES:
            writer.publish(target, body, 1, properties=says)
    consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "nobody"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found = consumer.consume(len(BODIES), SECONDS)
    consumer.close()
    assert [message.value() or b"" for message in found] == BODIES
    headers: Any = found[0].headers()
    assert [value for name, value in headers if name == "unit"] == [b"K", b"C"]
    assert found[0].key() == (None if way == "$queue" else b"site.1.t")
