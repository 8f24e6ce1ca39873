"""Clients of each protocol that write and read all that a message can say, by its names there.

What a client reads it can hand on: `Spoken` is in its own words, as is what it writes.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, Queue
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote

import amqp as py_amqp
import stomp
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from typing_extensions import override

from anymq.protocols.across import Protocol
from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import Client

SECONDS = 10.0
BIG = 4 << 20
AMQP_PROPERTIES = (
    *("content_type", "content_encoding", "delivery_mode", "priority", "correlation_id"),
    *("reply_to", "expiration", "message_id", "timestamp", "type", "user_id", "app_id"),
)
MQTT_PROPERTIES = (
    *("Content Type", "Correlation Data", "Response Topic", "Message Expiry Interval"),
    "Payload Format Indicator",
)
TO_EXCHANGE = "/exchanges/"
# What a MESSAGE says that no SEND does.
STOMP_OF_BROKER = ("destination", "message-id", "subscription", "redelivered", "content-length")


@dataclass
class Spoken:
    """A message as a client has it: its parts and properties, and its headers in their order."""

    own: dict[str, Any] = field(default_factory=dict)
    headers: list[tuple[str, Any]] = field(default_factory=list)

    def all(self, name: str) -> list[Any]:
        """Return all values of a header."""
        return [value for said, value in self.headers if said == name]


class Speaker(ABC):
    """A client that writes to addresses, and hears all that is published there."""

    protocol: Protocol

    @abstractmethod
    def __init__(self, broker: EmbeddedBroker, addresses: list[str]) -> None:
        """Connect, and listen."""

    @abstractmethod
    def write(self, address: str, said: Spoken) -> None:
        """Publish; what the broker has not taken for good may be waited for in `flush`."""

    def write_to(self, queue: str, body: bytes) -> None:
        """Put a message into a queue."""
        raise NotImplementedError

    def answer(self, request: Spoken, body: bytes) -> None:
        """Answer a request as servers of this protocol do."""
        raise NotImplementedError

    def flush(self) -> None:  # noqa: B027 - most clients wait after each message
        """Wait until all that was written is with the broker for good."""

    @abstractmethod
    def read(self) -> Iterator[tuple[str, Spoken]]:
        """Yield what comes, with its address, until nothing has come for a long time."""

    @abstractmethod
    def close(self) -> None:
        """Go."""


class Kafka(Speaker):
    """librdkafka. An address is a topic."""

    protocol = Protocol.KAFKA

    def __init__(self, broker: EmbeddedBroker, addresses: list[str]) -> None:
        self._producer = Producer(
            {"bootstrap.servers": broker.kafka, "message.max.bytes": BIG, "linger.ms": 0}
        )
        self._refused: list[KafkaError] = []
        self._consumer = Consumer({"bootstrap.servers": broker.kafka, "group.id": "across"})
        self._consumer.assign([TopicPartition(address, 0, 0) for address in addresses])

    @override
    def write(self, address: str, said: Spoken) -> None:
        own = {"key": None, "value": b"", "timestamp": 0, **said.own}
        own.pop("topic", None)
        self._producer.produce(address, headers=said.headers, on_delivery=self._delivered, **own)

    @override
    def write_to(self, queue: str, body: bytes) -> None:
        self.write(queue, Spoken({"value": body}))
        self.flush()

    @override
    def answer(self, request: Spoken, body: bytes) -> None:
        (topic,), (correlation,) = request.all("reply-to"), request.all("correlation-id")
        place = unquote(topic.decode().removeprefix(f"{TO_EXCHANGE}amq.topic/"))
        self.write(place, Spoken({"value": body}, [("correlation-id", correlation)]))
        self.flush()

    def _delivered(self, error: KafkaError | None, _message: object) -> None:
        if error is not None:
            self._refused.append(error)

    @override
    def flush(self) -> None:
        assert self._producer.flush(SECONDS) == 0
        assert self._refused == []

    @override
    def read(self) -> Iterator[tuple[str, Spoken]]:
        while (message := self._consumer.poll(SECONDS)) is not None:
            assert message.error() is None, message.error()
            own = {
                "topic": message.topic(),
                "value": message.value(),
                "timestamp": message.timestamp()[1],
            }
            if message.key() is not None:
                own["key"] = message.key()
            yield str(message.topic()), Spoken(own, [*(message.headers() or [])])

    @override
    def close(self) -> None:
        self._consumer.close()


class Amqp(Speaker):
    """py-amqp, which knows all types of headers, with a queue that is bound to all addresses."""

    protocol = Protocol.AMQP
    consuming: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, broker: EmbeddedBroker, addresses: list[str]) -> None:
        host = f"127.0.0.1:{broker.ports['amqp']}"
        self._connection = py_amqp.Connection(host, confirm_publish=True)
        self._connection.connect()
        self.channel = self._connection.channel()
        self.channel.basic_qos(0, 20, False)
        self._got: Queue[py_amqp.Message] = Queue()
        for name in self._places(addresses):
            self.channel.basic_consume(
                name, consumer_tag=name, callback=self._on_message, arguments=dict(self.consuming)
            )

    def _places(self, addresses: list[str]) -> list[str]:
        if not addresses:
            return []
        name = str(self.channel.queue_declare("", exclusive=True).queue)
        for address in addresses:
            self.channel.queue_bind(name, "amq.topic", address)
        return [name]

    def declare_stream(self, name: str) -> None:
        """Make a topic."""
        arguments = {"x-queue-type": "stream"}
        self.channel.queue_declare(name, durable=True, auto_delete=False, arguments=arguments)

    def _on_message(self, message: py_amqp.Message) -> None:
        self._got.put(message)
        self.channel.basic_ack(message.delivery_tag)

    @override
    def write(self, address: str, said: Spoken) -> None:
        self._publish("amq.topic", address, said)

    @override
    def write_to(self, queue: str, body: bytes) -> None:
        self._publish("", queue, Spoken({"body": body}))

    @override
    def answer(self, request: Spoken, body: bytes) -> None:
        exchange, key = "", request.own["reply_to"]
        if key.startswith(TO_EXCHANGE):  # as RabbitMQ's clients of MQTT and AMQP 1.0 are answered
            exchange, _, key = map(unquote, key[len(TO_EXCHANGE) :].partition("/"))
        said = Spoken({"body": body, "correlation_id": request.own["correlation_id"]})
        self._publish(exchange, key, said)

    def _publish(self, exchange: str, key: str, said: Spoken) -> None:
        own = {name: value for name, value in said.own.items() if name in AMQP_PROPERTIES}
        body, headers = said.own.get("body", b""), dict(said.headers)
        message = py_amqp.Message(body, application_headers=headers, **own)
        self.channel.basic_publish(message, exchange, key, timeout=SECONDS)

    @override
    def read(self) -> Iterator[tuple[str, Spoken]]:
        while True:
            if self._got.empty():
                try:
                    self._connection.drain_events(SECONDS)
                except TimeoutError:
                    return
            while not self._got.empty():
                yield self._spoken(self._got.get())

    def _spoken(self, message: py_amqp.Message) -> tuple[str, Spoken]:
        said = dict(message.properties)
        headers = said.pop("application_headers", {})
        address = self._address_of(message)
        own = {**said, "body": body_of(message), "routing_key": address}
        return address, Spoken(own, [*headers.items()])

    def _address_of(self, message: py_amqp.Message) -> str:
        return str(message.delivery_info["routing_key"])

    @override
    def close(self) -> None:
        self._connection.close()


def body_of(message: py_amqp.Message) -> bytes:
    """Return what py-amqp makes text of where it can."""
    return message.body.encode() if isinstance(message.body, str) else bytes(message.body)


class AmqpStream(Amqp):
    """pika, that reads the topics themselves: streams."""

    consuming = MappingProxyType({"x-stream-offset": "first"})

    @override
    def _places(self, addresses: list[str]) -> list[str]:
        return addresses

    @override
    def _address_of(self, message: py_amqp.Message) -> str:
        return str(message.delivery_info["consumer_tag"])

    @override
    def _spoken(self, message: py_amqp.Message) -> tuple[str, Spoken]:
        """Return it with its key: that is the routing key here, where a Kafka client wrote it."""
        address, said = super()._spoken(message)
        key = message.delivery_info["routing_key"]
        if not key.startswith("across.") and not said.all("x-key"):
            said.headers.append(("x-key", key))
        return address, said


class Mqtt(Speaker):
    """paho. Its topics have / where addresses have a dot."""

    protocol = Protocol.MQTT

    def __init__(self, broker: EmbeddedBroker, addresses: list[str]) -> None:
        self._client = Client(f"across-{id(self)}", 5)
        self._client.connect(broker.ports["mqtt"])
        for address in addresses:
            self._client.subscribe(address.replace(".", "/"), 1)

    @override
    def write(self, address: str, said: Spoken) -> None:
        self._publish(address.replace(".", "/"), said)

    @override
    def write_to(self, queue: str, body: bytes) -> None:
        self._publish(f"$queue/{queue}", Spoken({"payload": body}))

    @override
    def answer(self, request: Spoken, body: bytes) -> None:
        correlation = request.own["Correlation Data"]
        said = Spoken({"payload": body, "Correlation Data": correlation})
        self._publish(request.own["Response Topic"], said)

    def _publish(self, topic: str, said: Spoken) -> None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        for name in MQTT_PROPERTIES:
            if name in said.own:
                setattr(properties, name.replace(" ", ""), said.own[name])
        if said.headers:
            properties.UserProperty = said.headers
        body, qos = said.own.get("payload", b""), said.own.get("qos", 1)
        self._client.publish(topic, body, qos, properties=properties)

    @override
    def read(self) -> Iterator[tuple[str, Spoken]]:
        with suppress(Empty):
            while True:
                message, told = self._client.next_with_properties()
                own = {"topic": message.topic, "payload": message.payload, "qos": message.qos}
                for name in MQTT_PROPERTIES:
                    if (value := getattr(told, name.replace(" ", ""), None)) is not None:
                        own[name] = value
                headers = list(getattr(told, "UserProperty", []))
                yield message.topic.replace("/", "."), Spoken(own, headers)

    @override
    def close(self) -> None:
        self._client.close()


class Stomp(Speaker):
    """stomp.py, version 1.2."""

    protocol = Protocol.STOMP

    def __init__(self, broker: EmbeddedBroker, addresses: list[str]) -> None:
        self._connection = stomp.Connection12(
            [("127.0.0.1", broker.ports["stomp"])], auto_decode=False, auto_content_length=True
        )
        self._got: Queue[Any] = Queue()
        self._receipts: Queue[str] = Queue()
        self._connection.set_listener("across", self)
        self._connection.connect("guest", "guest", wait=True)
        self._sent = 0
        for number, address in enumerate(addresses):
            self._confirmed(self._connection.subscribe, f"/topic/{address}", str(number))

    def on_message(self, frame: Any) -> None:
        """stomp.py tells: a MESSAGE."""
        self._got.put(frame)

    def on_receipt(self, frame: Any) -> None:
        """stomp.py tells: a RECEIPT."""
        self._receipts.put(frame.headers["receipt-id"])

    def _confirmed(self, call: Callable[..., Any], *said: Any, **more: Any) -> None:
        self._sent += 1
        call(*said, receipt=f"r{self._sent}", **more)
        assert self._receipts.get(timeout=SECONDS) == f"r{self._sent}"

    @override
    def write(self, address: str, said: Spoken) -> None:
        self._send(f"/topic/{address}", said)

    @override
    def write_to(self, queue: str, body: bytes) -> None:
        self._send(f"/amq/queue/{queue}", Spoken({"body": body}))

    @override
    def answer(self, request: Spoken, body: bytes) -> None:
        (place,), (correlation,) = request.all("reply-to"), request.all("correlation-id")
        self._send(place, Spoken({"body": body}, [("correlation-id", correlation)]))

    def _send(self, destination: str, said: Spoken) -> None:
        headers = {name: value for name, value in said.headers if name not in STOMP_OF_BROKER}
        body = said.own.get("body", b"")
        self._confirmed(self._connection.send, destination, body, headers=headers)

    @override
    def read(self) -> Iterator[tuple[str, Spoken]]:
        with suppress(Empty):
            while True:
                frame = self._got.get(timeout=SECONDS)
                destination = frame.headers["destination"]
                own = {"body": frame.body or b"", "destination": destination}
                address = destination.removeprefix("/topic/")
                yield address, Spoken(own, list(frame.headers.items()))

    @override
    def close(self) -> None:
        self._connection.disconnect()
