"""What is promised to all who publish and read, whatever they speak: order, refusals, delay."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import paho.mqtt.client as paho
import pika
import pytest
from confluent_kafka import KafkaError, Producer
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError
from rocketmq.exceptions import ProducerSendSyncFailed

from anymq.testing import EmbeddedBroker
from tests.conformance.across.refusing import stomp_error
from tests.conformance.across.rocketmq_speaker import RocketMq
from tests.conformance.across.speakers import Amqp, AmqpStream, Kafka, Mqtt, Speaker, Spoken, Stomp
from tests.conformance.mqtt.client import SECONDS

WRITERS: tuple[type[Speaker], ...] = (Kafka, Amqp, Mqtt, Stomp, RocketMq)
READERS: tuple[type[Speaker], ...] = (Kafka, Amqp, AmqpStream, Mqtt, Stomp, RocketMq)
BODY = {Kafka: "value", Amqp: "body", AmqpStream: "body", Mqtt: "payload", Stomp: "body"}
BODY[RocketMq] = "body"
QUOTA_EXCEEDED = 0x97


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    settings = {name: {"port": 0} for name in ("mqtt", "stomp", "rocketmq")}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


# Order


def test_all_read_in_the_order_in_which_all_wrote(
    broker: EmbeddedBroker, channel: BlockingChannel
) -> None:
    """Each waits until its message is taken, then it is the next one's turn."""
    address = "order.of.all"
    channel.queue_declare(address, durable=True, arguments={"x-queue-type": "stream"})
    speakers = {kind: kind(broker, [address]) for kind in READERS}
    expected = []
    try:
        for number in range(10):
            for kind in WRITERS:
                expected.append(f"{kind.__name__} {number}".encode())
                speakers[kind].write(address, Spoken({BODY[kind]: expected[-1]}))
                speakers[kind].flush()
        heard = {kind: read(speakers[kind], len(expected)) for kind in READERS}
    finally:
        for speaker in speakers.values():
            speaker.close()
    assert heard == dict.fromkeys(READERS, expected)


def read(speaker: Speaker, count: int) -> list[bytes]:
    """Return so many bodies."""
    found: list[bytes] = []
    for _, said in speaker.read():
        found.append(said.own[BODY[type(speaker)]])
        if len(found) == count:
            break
    return found


# Refusals


def amqp_refusal(broker: EmbeddedBroker, queue: str) -> object:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        with pytest.raises(NackError) as refused:
            channel.basic_publish("", queue, b"too much")
        return type(refused.value)


def mqtt_refusal(broker: EmbeddedBroker, queue: str) -> object:
    heard: list[Any] = []
    told = threading.Event()

    def on_publish(_client: object, _data: object, _mid: int, reason: Any, _says: object) -> None:
        heard.append(reason.value)
        told.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_connect = lambda *_: told.set()
    client.on_publish = on_publish
    client.connect("127.0.0.1", broker.ports["mqtt"])
    client.loop_start()
    assert told.wait(SECONDS)
    told.clear()
    client.publish(f"$queue/{queue}", b"too much", 1)
    assert told.wait(SECONDS)
    client.disconnect()
    client.loop_stop()
    return heard[0]


def stomp_refusal(broker: EmbeddedBroker, queue: str) -> object:
    return stomp_error(
        broker, lambda client: client.send(f"/amq/queue/{queue}", b"too much", receipt="r")
    )


def kafka_refusal(broker: EmbeddedBroker, queue: str) -> object:
    heard: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": broker.kafka})
    producer.produce(queue, b"too much", on_delivery=lambda error, _: heard.append(error))
    assert producer.flush(SECONDS) == 0
    assert heard[0] is not None
    return heard[0].code()


def rocketmq_refusal(broker: EmbeddedBroker, queue: str) -> object:
    """The client tells no code, but why."""
    speaker = RocketMq(broker, [])
    with pytest.raises(ProducerSendSyncFailed) as refused:
        speaker.write_to(queue, b"too much")
    speaker.close()
    return str(refused.value)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (amqp_refusal, NackError),
        (mqtt_refusal, QUOTA_EXCEEDED),
        (stomp_refusal, str),
        (kafka_refusal, KafkaError.POLICY_VIOLATION),
        (rocketmq_refusal, str),
    ],
)
def test_a_full_queue_says_no_to_whoever_publishes(
    broker: EmbeddedBroker,
    channel: BlockingChannel,
    refusal: Callable[[EmbeddedBroker, str], object],
    words: object,
) -> None:
    """In the words of each; and what is in it stays."""
    queue = f"full-{refusal.__name__}"
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(queue, durable=True, arguments=limits)
    channel.basic_publish("", queue, b"the first")
    said = refusal(broker, queue)
    assert isinstance(said, str) if words is str else said == words
    assert channel.queue_declare(queue, passive=True).method.message_count == 1


# Delay

LISTENERS: tuple[type[Speaker], ...] = (Amqp, Mqtt, Stomp)
SOON_MS, MUCH_LATER_MS = "100", "3600000"


@pytest.mark.parametrize("writer", LISTENERS)
def test_a_delay_by_each_is_a_delay_for_all(broker: EmbeddedBroker, writer: type[Speaker]) -> None:
    """What is delayed by an hour is not there when what came after it is."""
    address = f"delay.{writer.__name__.lower()}"
    readers = {kind: kind(broker, [address]) for kind in LISTENERS}
    try:
        for body, delay in ((b"much later", MUCH_LATER_MS), (b"soon", SOON_MS)):
            readers[writer].write(address, Spoken({BODY[writer]: body}, [("x-delay", delay)]))
        readers[writer].write(address, Spoken({BODY[writer]: b"now"}))
        heard = {kind: set(read(reader, 2)) for kind, reader in readers.items()}
    finally:
        for reader in readers.values():
            reader.close()
    assert heard == {kind: {b"now", b"soon"} for kind in readers}
