"""While memory is short, whoever publishes waits, by each protocol; nothing is lost of it."""

from collections.abc import Iterator
from queue import Queue
from typing import Any

import paho.mqtt.client as paho
import pika
import pytest
import stomp
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from anymq.testing import EmbeddedBroker
from tests.conformance.across.workers import MOMENT, until
from tests.conformance.mqtt.client import SECONDS
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


def set_limit(broker: EmbeddedBroker, share: float) -> None:
    """Say how much of the machine's memory is too much."""
    body = {"memory_high_watermark": {"relative": share}}
    status, _ = ask(broker.ports["management"], "PUT", "watermarks", body)
    assert status == 204


def is_short(broker: EmbeddedBroker) -> bool:
    """Is there an alarm?"""
    return ask(broker.ports["management"], "GET", "health/checks/alarms")[0] != 200


def test_an_alarm_holds_publishers_and_loses_nothing(broker: EmbeddedBroker) -> None:
    """By AMQP the client is told so; by MQTT and STOMP it is what they are not told."""
    amqp, mqtt, by_stomp = AmqpPublisher(broker), MqttPublisher(broker), StompPublisher(broker)
    counting = AmqpPublisher(broker)  # publishes nothing, so it is not held
    try:
        amqp.publish()
        mqtt.publish().wait_for_publish(SECONDS)
        by_stomp.publish()
        by_stomp.receipts.get(timeout=SECONDS)
        until(lambda: counting.count() == 3, amqp.step)

        set_limit(broker, 0)
        until(lambda: is_short(broker), amqp.step)
        told = mqtt.publish()
        by_stomp.publish()
        amqp.publish()
        until(lambda: amqp.heard == ["blocked"], amqp.step)
        assert (told.is_published(), by_stomp.receipts.qsize()) == (False, 0)
        assert counting.count() <= 4  # the one by which AMQP's client heard of it may be there

        set_limit(broker, 0.9)
        until(lambda: amqp.heard == ["blocked", "free"], amqp.step)
        told.wait_for_publish(SECONDS)
        assert told.is_published()
        assert by_stomp.receipts.get(timeout=SECONDS) == "r"
        until(lambda: counting.count() == 6, amqp.step)
    finally:
        mqtt.close()
        by_stomp.client.disconnect()
        counting.connection.close()
        amqp.connection.close()
