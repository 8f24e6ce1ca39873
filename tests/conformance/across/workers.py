"""Consumers of one queue that take a message at a time: one class for each protocol."""

import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NamedTuple

import paho.mqtt.client as paho
import pika
import stomp
from confluent_kafka import AcknowledgeType, ShareConsumer
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from typing_extensions import override

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.grpc.client import PythonClient

SECONDS = 20.0
MOMENT = 0.05  # of waiting for the next message, before another worker has its turn
STEPS_MAX = 2_000  # a generous end, where something is awaited


class Work(NamedTuple):
    """What came."""

    body: bytes
    again: bool  # somebody had it before


class Worker(ABC):
    """Works on a queue. What it has taken and not settled goes to others when it is lost."""

    marks = True  # does it hear that somebody had a message before?
    returns = True  # comes what it had back at once when it is lost?

    def __init__(self, broker: EmbeddedBroker, queue: str) -> None:
        self.got: list[Work] = []
        self.start(broker, queue)

    @abstractmethod
    def start(self, broker: EmbeddedBroker, queue: str) -> None:
        """Connect and consume."""

    @abstractmethod
    def step(self) -> None:
        """Take what there is; wait a moment for it."""

    @abstractmethod
    def settle(self) -> None:
        """Settle all that was taken."""

    @abstractmethod
    def lose(self) -> None:
        """Go, and settle nothing."""

    def take(self) -> Work:
        """Return the next one."""
        count = len(self.got)
        until(lambda: len(self.got) > count, self.step)
        return self.got[count]


def until(condition: Callable[[], bool], step: Callable[[], None]) -> None:
    """Step until it is so."""
    for _ in range(STEPS_MAX):
        if condition():
            return
        step()
    raise AssertionError("it never came")


class AmqpWorker(Worker):
    """pika."""

    @override
    def start(self, broker: EmbeddedBroker, queue: str) -> None:
        self._connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
        self._channel = self._connection.channel()
        self._channel.basic_qos(prefetch_count=1)
        self._tags: list[int] = []
        self._channel.basic_consume(queue, self._on_message)

    def _on_message(self, _channel: object, method: Any, _properties: object, body: bytes) -> None:
        self._tags.append(method.delivery_tag)
        self.got.append(Work(body, method.redelivered))

    @override
    def step(self) -> None:
        self._connection.process_data_events(MOMENT)

    @override
    def settle(self) -> None:
        while self._tags:
            self._channel.basic_ack(self._tags.pop())

    @override
    def lose(self) -> None:
        self._connection.close()


class StompWorker(Worker):
    """stomp.py."""

    @override
    def start(self, broker: EmbeddedBroker, queue: str) -> None:
        address = ("127.0.0.1", broker.ports["stomp"])
        self._connection = stomp.Connection12([address], auto_decode=False)
        self._frames: Queue[Any] = Queue()
        self._ids: list[str] = []
        self._connection.set_listener("worker", self)
        self._connection.connect("guest", "guest", wait=True)
        headers = {"prefetch-count": "1"}
        place = f"/amq/queue/{queue}"
        self._connection.subscribe(place, "worker", "client-individual", headers)

    def on_message(self, frame: Any) -> None:
        """stomp.py tells."""
        self._frames.put(frame)

    @override
    def step(self) -> None:
        with suppress(Empty):
            frame = self._frames.get(timeout=MOMENT)
            self._ids.append(frame.headers["ack"])
            self.got.append(Work(frame.body, frame.headers["redelivered"] == "true"))

    @override
    def settle(self) -> None:
        while self._ids:
            self._connection.ack(self._ids.pop())

    @override
    def lose(self) -> None:
        self._connection.disconnect()


class MqttWorker(Worker):
    """paho, subscribed to the queue by its name. DUP speaks of what this client itself got."""

    marks = False

    @override
    def start(self, broker: EmbeddedBroker, queue: str) -> None:
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"worker-{id(self)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            manual_ack=True,
        )
        self._messages: Queue[paho.MQTTMessage] = Queue()
        self._granted: Queue[object] = Queue()
        self._taken: list[paho.MQTTMessage] = []
        self._client.on_message = lambda _c, _u, message: self._messages.put(message)
        self._client.on_subscribe = lambda *_: self._granted.put(None)
        self._client.on_connect = self._on_connect
        self._queue = queue
        says = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        says.ReceiveMaximum = 1
        self._client.connect("127.0.0.1", broker.ports["mqtt"], properties=says)
        self._client.loop_start()
        self._granted.get(timeout=SECONDS)

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe(f"$queue/{self._queue}", 1)

    @override
    def step(self) -> None:
        with suppress(Empty):
            message = self._messages.get(timeout=MOMENT)
            self._taken.append(message)
            self.got.append(Work(bytes(message.payload), bool(message.dup)))

    @override
    def settle(self) -> None:
        while self._taken:
            message = self._taken.pop()
            self._client.ack(message.mid, message.qos)

    @override
    def lose(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class ShareWorker(Worker):
    """librdkafka, alone in a share group."""

    @override
    def start(self, broker: EmbeddedBroker, queue: str) -> None:
        self._consumer = ShareConsumer(
            {
                "bootstrap.servers": broker.kafka,
                "group.id": f"workers-{id(self)}",
                "share.acknowledgement.mode": "explicit",
                "max.poll.records": 1,
            }
        )
        self._consumer.subscribe([queue])
        self._taken: list[Any] = []

    @override
    def step(self) -> None:
        if self._taken:  # it would have to say first what becomes of these
            return
        for message in self._consumer.poll(MOMENT):
            if message.error() is None:
                self._taken.append(message)
                again = (message.delivery_count() or 0) > 1
                self.got.append(Work(message.value() or b"", again))

    @override
    def settle(self) -> None:
        while self._taken:
            self._consumer.acknowledge(self._taken.pop(), AcknowledgeType.ACCEPT)
        assert set(self._consumer.commit_sync(SECONDS).values()) <= {None}

    @override
    def lose(self) -> None:
        self._consumer.close()


class PopWorker(Worker):
    """RocketMQ's SimpleConsumer: PyPI's `rocketmq-python-client`, in a process of its own.

    What it was lent and is lost comes back when its time is up, not when it leaves.
    """

    returns = False

    @override
    def start(self, broker: EmbeddedBroker, queue: str) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="pop-worker-")
        endpoints = f"127.0.0.1:{broker.ports['rocketmq_grpc']}"
        self._client = PythonClient(endpoints, Path(self._home.name))
        self._client.ask("borrow", group=f"workers-{id(self)}", topic=queue, wait=1)
        self._taken: list[str] = []

    @override
    def step(self) -> None:
        for message in self._client.receive(1, 60):
            self._taken.append(message["id"])
            self.got.append(Work(message["body"], message["attempt"] > 1))

    @override
    def settle(self) -> None:
        while self._taken:
            self._client.ask("ack", id=self._taken.pop())

    @override
    def lose(self) -> None:
        self._client.close()
        self._home.cleanup()


WORKERS: tuple[type[Worker], ...] = (AmqpWorker, StompWorker, MqttWorker, ShareWorker, PopWorker)
