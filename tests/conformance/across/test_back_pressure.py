"""While memory is short, whoever publishes waits, by each protocol; nothing is lost of it."""

from collections.abc import Iterator
from queue import Queue
from typing import Any

import paho.mqtt.client as paho
import pika
import pytest
import stomp
from confluent_kafka import Producer
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from anymq.testing import EmbeddedBroker
from tests.conformance.across.workers import MOMENT, until
from tests.peers.http_api import ask

QUEUE = "short"


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    """One of its own: an alarm is everybody's."""
    with EmbeddedBroker(settings={"mqtt": {"port": 0}, "stomp": {"port": 0}}) as running:
        yield running


class AmqpPublisher:
    """pika; hears of connection.blocked."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
        self.channel = self.connection.channel()
        self.channel.queue_declare(QUEUE, durable=True)
        self.heard: list[str] = []
        self.connection.add_on_connection_blocked_callback(lambda *_: self.heard.append("blocked"))
        self.connection.add_on_connection_unblocked_callback(lambda *_: self.heard.append("free"))

    def publish(self) -> None:
        """Publish, and wait for nothing."""
        self.channel.basic_publish("", QUEUE, b"by AMQP")

    def count(self) -> int:
        """Return how many messages there are."""
        return int(self.channel.queue_declare(QUEUE, passive=True).method.message_count)

    def step(self) -> None:
        """Hear what there is."""
        self.connection.process_data_events(MOMENT)


class MqttPublisher:
    """paho."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, client_id="short"
        )
        self.client.connect("127.0.0.1", broker.ports["mqtt"])
        self.client.loop_start()

    def publish(self) -> paho.MQTTMessageInfo:
        """Publish, and wait for nothing."""
        return self.client.publish(f"$queue/{QUEUE}", b"by MQTT", 1)

    def close(self) -> None:
        """Go."""
        self.client.disconnect()
        self.client.loop_stop()


class StompPublisher(stomp.ConnectionListener):  # type: ignore[misc]
    """stomp.py."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.receipts: Queue[str] = Queue()
        self.client = stomp.Connection12([("127.0.0.1", broker.ports["stomp"])])
        self.client.set_listener("", self)
        self.client.connect("guest", "guest", wait=True)

    def on_receipt(self, frame: Any) -> None:
        """stomp.py tells."""
        self.receipts.put(frame.headers["receipt-id"])

    def publish(self) -> None:
        """Publish, and wait for nothing."""
        self.client.send(f"/amq/queue/{QUEUE}", "by STOMP", receipt="r")


class KafkaPublisher:
    """librdkafka, to a topic."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._producer = Producer({"bootstrap.servers": broker.kafka, "linger.ms": 0})
        self.delivered: list[bool] = []

    def publish(self) -> None:
        """Publish, and wait for nothing."""
        self._producer.produce(
            f"{QUEUE}-topic",
            b"by Kafka",
            on_delivery=lambda error, _: self.delivered.append(error is None),
        )

    def step(self) -> None:
        """Hear what there is."""
        self._producer.poll(MOMENT)


def set_limit(broker: EmbeddedBroker, share: float) -> None:
    """Say how much of the machine's memory is too much."""
    body = {"memory_high_watermark": {"relative": share}}
    status, _ = ask(broker.ports["management"], "PUT", "watermarks", body)
    assert status == 204


def is_short(broker: EmbeddedBroker) -> bool:
    """Is there an alarm?"""
    return ask(broker.ports["management"], "GET", "health/checks/alarms")[0] != 200


class Everybody:
    """A publisher of each protocol, and one that only counts: it publishes nothing, so it may."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.amqp, self.counting = AmqpPublisher(broker), AmqpPublisher(broker)
        self.mqtt, self.stomp = MqttPublisher(broker), StompPublisher(broker)
        self.kafka = KafkaPublisher(broker)
        self.told: paho.MQTTMessageInfo | None = None

    def publish(self) -> None:
        """Each publishes one message."""
        self.told = self.mqtt.publish()
        self.stomp.publish()
        self.kafka.publish()
        self.amqp.publish()

    def step(self) -> None:
        """Hear what there is."""
        self.amqp.step()
        self.kafka.step()

    @property
    def confirmed(self) -> tuple[bool, int, int]:
        """Of the last one by MQTT, of all by STOMP and Kafka."""
        assert self.told is not None
        receipts, deliveries = self.stomp.receipts.qsize(), len(self.kafka.delivered)
        return self.told.is_published(), receipts, deliveries

    def close(self) -> None:
        """Go."""
        self.mqtt.close()
        self.stomp.client.disconnect()
        self.counting.connection.close()
        self.amqp.connection.close()


@pytest.fixture
def everybody(broker: EmbeddedBroker) -> Iterator[Everybody]:
    """All of them."""
    all_of_them = Everybody(broker)
    yield all_of_them
    all_of_them.close()


def test_an_alarm_holds_publishers_and_loses_nothing(
    broker: EmbeddedBroker, everybody: Everybody
) -> None:
    """By AMQP the client is told so; the others are read no further."""
    amqp, count, step = everybody.amqp, everybody.counting.count, everybody.step
    everybody.publish()
    until(lambda: (*everybody.confirmed, count()) == (True, 1, 1, 3), step)

    set_limit(broker, 0)
    until(lambda: is_short(broker), step)
    everybody.publish()
    until(lambda: amqp.heard == ["blocked"], step)
    assert everybody.confirmed == (False, 1, 1)
    assert count() <= 4  # the one by which AMQP's client heard of it may be there

    set_limit(broker, 0.9)
    until(lambda: amqp.heard == ["blocked", "free"], step)
    until(lambda: (*everybody.confirmed, count()) == (True, 2, 2, 6), step)
    assert everybody.kafka.delivered == [True, True]
