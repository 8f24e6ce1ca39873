"""The same rights, whatever a user speaks."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
import pika
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from anymq.testing import EmbeddedBroker
from tests.conformance.across.refusing import stomp_error
from tests.conformance.mqtt.client import SECONDS
from tests.peers.http_api import ask

PASSWORD = "a secret"
FORBIDDEN, NOT_AUTHORIZED = 403, 0x87


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    settings = {"mqtt": {"port": 0}, "stomp": {"port": 0}}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


@pytest.fixture(scope="module")
def users(broker: EmbeddedBroker) -> Callable[[str, str, str], str]:
    """Make users, each with what it may write and read."""

    def make(name: str, write: str, read: str) -> str:
        port = broker.ports["management"]
        ask(port, "PUT", f"users/{name}", {"password": PASSWORD, "tags": ""})
        rights = {"configure": "", "write": write, "read": read}
        ask(port, "PUT", f"permissions/%2F/{name}", rights)
        return name

    return make


def amqp_reads(broker: EmbeddedBroker, user: str) -> bool:
    return amqp_may(
        broker,
        user,
        lambda channel: channel.basic_consume(
            "rights", print, arguments={"x-stream-offset": "first"}
        ),
    )


def amqp_writes(broker: EmbeddedBroker, user: str) -> bool:
    return amqp_may(broker, user, lambda channel: channel.basic_publish("amq.topic", "rights", b""))


def amqp_may(broker: EmbeddedBroker, user: str, do: Callable[[BlockingChannel], object]) -> bool:
    url = broker.amqp_url.replace("guest:guest", f"{user}:a%20secret")
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_qos(prefetch_count=1)
        try:
            do(channel)
        except ChannelClosedByBroker as refused:
            return bool(refused.reply_code != FORBIDDEN)
        return True


def stomp_reads(broker: EmbeddedBroker, user: str) -> bool:
    headers = {"x-stream-offset": "first", "prefetch-count": "1", "receipt": "r"}
    place = "/amq/queue/rights"
    return stomp_may(broker, user, lambda one: one.subscribe(place, "1", "client", headers))


def stomp_writes(broker: EmbeddedBroker, user: str) -> bool:
    return stomp_may(broker, user, lambda one: one.send("/topic/rights", b"", receipt="r"))


def stomp_may(broker: EmbeddedBroker, user: str, do: Callable[[Any], object]) -> bool:
    return stomp_error(broker, do, user, PASSWORD) is None


def mqtt_writes(broker: EmbeddedBroker, user: str) -> bool:
    heard: list[Any] = []
    told = threading.Event()

    def on_publish(_client: object, _data: object, _mid: int, reason: Any, _says: object) -> None:
        heard.append(reason.value)
        told.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set(user, PASSWORD)
    client.on_publish = on_publish
    client.connect("127.0.0.1", broker.ports["mqtt"])
    client.publish("rights", b"", 1)
    client.loop_start()
    assert told.wait(SECONDS)
    client.disconnect()
    client.loop_stop()
    assert heard[0] in (0, NOT_AUTHORIZED)
    return bool(heard[0] == 0)


def login(user: str) -> dict[str, str]:
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": PASSWORD,
    }


def kafka_reads(broker: EmbeddedBroker, user: str) -> bool:
    config: Any = {"bootstrap.servers": broker.kafka, "group.id": "right", **login(user)}
    consumer = Consumer(config)
    consumer.assign([TopicPartition("rights", 0, 0)])
    message = consumer.poll(SECONDS)
    consumer.close()
    assert message is not None
    return allowed(message.error())


def kafka_writes(broker: EmbeddedBroker, user: str) -> bool:
    heard: list[KafkaError | None] = []
    config: Any = {"bootstrap.servers": broker.kafka, **login(user)}
    producer = Producer(config)
    producer.produce("rights", b"", on_delivery=lambda error, _: heard.append(error))
    assert producer.flush(SECONDS) == 0
    return allowed(heard[0])


def allowed(error: KafkaError | None) -> bool:
    assert error is None or error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    return error is None


@pytest.mark.parametrize("reads", [amqp_reads, stomp_reads, kafka_reads])
def test_one_right_to_read(
    broker: EmbeddedBroker,
    channel: BlockingChannel,
    users: Callable[[str, str, str], str],
    reads: Callable[[EmbeddedBroker, str], bool],
) -> None:
    """Of a topic, which is a stream, by its name. Kafka asks for its group, `right`, too."""
    channel.queue_declare("rights", durable=True, arguments={"x-queue-type": "stream"})
    channel.basic_publish("", "rights", b"something to read")
    assert reads(broker, users("reader", "", "^rights?$"))
    assert not reads(broker, users("no-reader", ".*", "^right$"))


@pytest.mark.parametrize(
    ("writes", "where"),
    [
        (amqp_writes, "amq\\.topic"),
        (mqtt_writes, "amq\\.topic"),
        (stomp_writes, "amq\\.topic"),
        (kafka_writes, "rights"),
    ],
)
def test_the_right_to_write(
    broker: EmbeddedBroker,
    channel: BlockingChannel,
    users: Callable[[str, str, str], str],
    writes: Callable[[EmbeddedBroker, str], bool],
    where: str,
) -> None:
    """To the exchange of all addresses; Kafka's producers need the topic alone."""
    channel.queue_declare("rights", durable=True, arguments={"x-queue-type": "stream"})
    assert writes(broker, users("writer", f"^{where}$", ""))
    assert not writes(broker, users("no-writer", "^other$", ".*"))
