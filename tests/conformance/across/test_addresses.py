"""A topic and the address of its name are one place: nobody binds or configures anything."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import paho.mqtt.client as paho
import pika
import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from pika.adapters.blocking_connection import BlockingChannel

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import SECONDS, Client, client

STREAM = {"x-queue-type": "stream"}


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    settings = {"mqtt": {"port": 0, "mailbox_messages_max": 100}}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """The first level of addresses that nobody else uses."""
    plain = "".join(char if char.isalnum() else "-" for char in request.node.name)
    return plain.removeprefix("test-")[:60].strip("-")


@pytest.fixture
def topic(broker: EmbeddedBroker, name: str) -> str:
    """The topic `<name>.t`, which is MQTT's `<name>/t`."""
    return made(broker, f"{name}.t")


def made(broker: EmbeddedBroker, topic: str) -> str:
    """Make a topic, as Kafka's tools do."""
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    admin.create_topics([NewTopic(topic, 1)])[topic].result(SECONDS)
    return topic


def produce(broker: EmbeddedBroker, topic: str, *values: bytes, **said: Any) -> None:
    """By librdkafka, in one batch."""
    keys = {"key": said.pop("key", None), "headers": said.pop("headers", [])}
    producer = Producer({"bootstrap.servers": broker.kafka, "linger.ms": 20, **said})
    for value in values:
        producer.produce(topic, value, **keys)
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


def taken(channel: BlockingChannel, queue: str, count: int) -> list[Any]:
    """Take so many messages of a queue."""
    found: list[Any] = []
    for delivered, says, body in channel.consume(queue, auto_ack=True, inactivity_timeout=SECONDS):
        assert delivered is not None, f"{len(found)} of {count}"
        found.append((delivered, says, body))
        if len(found) == count:
            break
    channel.cancel()
    return found


def heard(reader: Client, count: int) -> list[tuple[str, bytes]]:
    """Return what an MQTT client gets next."""
    return [(one.topic, bytes(one.payload)) for one in (reader.next() for _ in range(count))]


def put(broker: EmbeddedBroker, path: str, body: object) -> None:
    """By the HTTP API, as an administrator."""
    request = Request(f"{broker.management}/api/{path}", json.dumps(body).encode(), method="PUT")
    request.add_header("Authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
    with urlopen(request, timeout=SECONDS) as answer:
        assert answer.status in (201, 204)


def test_mqtt_to_kafka(broker: EmbeddedBroker, topic: str, name: str) -> None:
    with client(name, broker.ports["mqtt"]) as writer:
        for qos in (0, 1, 2):
            writer.publish(f"{name}/t", b"%d" % qos, qos)
    found = fetched(broker, topic, 3)
    assert [one.value() for one in found] == [b"0", b"1", b"2"]
    assert {one.key() for one in found} == {topic.encode()}


def test_amqp_to_kafka(broker: EmbeddedBroker, topic: str, channel: BlockingChannel) -> None:
    """Mandatory: the topic is where it goes."""
    channel.basic_publish("amq.topic", topic, b"by AMQP", mandatory=True)
    assert [one.value() for one in fetched(broker, topic, 1)] == [b"by AMQP"]


@pytest.mark.parametrize("filter_", ["{}/t", "{}/+", "{}/#"], ids=["name", "level", "rest"])
def test_kafka_to_mqtt(broker: EmbeddedBroker, topic: str, name: str, filter_: str) -> None:
    with client(name, broker.ports["mqtt"]) as reader:
        reader.subscribe(filter_.format(name), 2)
        produce(broker, topic, b"1", b"", key=b"room 7", headers=[("unit", b"K")])
        message, properties = reader.next_with_properties()
        assert (message.topic, message.payload, message.qos) == (f"{name}/t", b"1", 1)
        assert {("unit", "K"), ("x-key", "room 7")} <= set(properties.UserProperty)
        assert reader.next().payload == b""


def test_kafka_to_amqp(
    broker: EmbeddedBroker, topic: str, name: str, channel: BlockingChannel
) -> None:
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "amq.topic", f"{name}.#")
    produce(broker, topic, b"by Kafka", key=b"k", headers=[("content-type", b"text/plain")])
    ((delivered, says, body),) = taken(channel, queue, 1)
    assert (delivered.exchange, delivered.routing_key, body) == ("amq.topic", topic, b"by Kafka")
    assert (says.content_type, says.headers) == ("text/plain", {"x-key": "k"})


def test_to_a_stream_of_amqp_to_mqtt(
    broker: EmbeddedBroker, name: str, channel: BlockingChannel
) -> None:
    channel.queue_declare(f"{name}.s", durable=True, arguments=STREAM)
    with client(name, broker.ports["mqtt"]) as reader:
        reader.subscribe(f"{name}/#", 1)
        channel.basic_publish("", f"{name}.s", b"1")
        produce(broker, f"{name}.s", b"2")
        assert heard(reader, 2) == [(f"{name}/s", b"1"), (f"{name}/s", b"2")]


def test_everybody_gets_everything_once(
    broker: EmbeddedBroker, topic: str, name: str, channel: BlockingChannel
) -> None:
    """Three who write, three who read, bindings that overlap: each message once, in one order."""
    queue = channel.queue_declare("", exclusive=True).method.queue
    for key in ("#", f"{name}.*", topic):
        channel.queue_bind(queue, "amq.topic", key)
    channel.queue_bind(topic, "amq.topic", f"{name}.#")
    with client(name, broker.ports["mqtt"]) as one:
        one.subscribe(f"{name}/#", 1)
        one.subscribe(f"{name}/t", 1)
        for number in range(3):
            one.publish(f"{name}/t", b"mqtt-%d" % number, 1)
            channel.basic_publish("amq.topic", topic, b"amqp-%d" % number)
            produce(broker, topic, b"kafka-%d" % number)
        expected = [
            f"{who}-{number}".encode() for number in range(3) for who in ("mqtt", "amqp", "kafka")
        ]
        assert [one.value() for one in fetched(broker, topic, 9)] == expected
        assert [body for _, body in heard(one, 9)] == expected
        assert [body for *_, body in taken(channel, queue, 9)] == expected
        one.publish(f"{name}/end", b"end")
        assert one.next().payload == b"end"


@pytest.mark.parametrize(
    "said",
    [
        {"acks": 0},
        {"compression.type": "lz4"},
        {"compression.type": "zstd", "enable.idempotence": True},
    ],
    ids=["acks 0", "lz4", "idempotent"],
)
def test_however_a_producer_sends(
    broker: EmbeddedBroker, topic: str, name: str, said: dict[str, Any]
) -> None:
    with client(name, broker.ports["mqtt"]) as reader:
        reader.subscribe(f"{name}/t", 1)
        values = [b"%04d" % number for number in range(90)]
        produce(broker, topic, *values, **said)
        assert [body for _, body in heard(reader, 90)] == values


def test_who_was_away_has_it_when_he_comes_back(
    broker: EmbeddedBroker, topic: str, name: str
) -> None:
    """And where it is too much for his mailbox, the producer does not notice: the oldest go."""
    away = Client(name, paho.MQTTv311, clean_session=False)
    away.connect(broker.ports["mqtt"])
    away.subscribe(f"{name}/t", 1)
    away.close()
    produce(broker, topic, *[b"%d" % number for number in range(150)])
    assert len(fetched(broker, topic, 150)) == 150
    back = Client(name, paho.MQTTv311, clean_session=False)
    assert back.connect(broker.ports["mqtt"])
    try:
        assert [body for _, body in heard(back, 100)] == [b"%d" % n for n in range(50, 150)]
    finally:
        back.close()


def test_a_shared_subscription_shares_a_topic(
    broker: EmbeddedBroker, topic: str, name: str
) -> None:
    with (
        client(f"{name}-1", broker.ports["mqtt"]) as one,
        client(f"{name}-2", broker.ports["mqtt"]) as other,
    ):
        for reader in (one, other):
            reader.subscribe(f"$share/g/{name}/t", 1)
        produce(broker, topic, *[b"%d" % number for number in range(20)])
        for reader in (one, other):  # what comes behind all of it
            reader.subscribe(f"{name}/end", 0)
        found = sorted(
            int(body) for reader in (one, other) for body in until_end(broker, reader, name)
        )
        assert found == list(range(20))


def until_end(broker: EmbeddedBroker, reader: Client, name: str) -> list[bytes]:
    """Return what a client got so far."""
    with client(f"{name}-3", broker.ports["mqtt"]) as writer:
        writer.publish(f"{name}/end", b"end", 1)
    found = []
    while (message := reader.next()).payload != b"end":
        found.append(bytes(message.payload))
    return found


def test_a_topic_is_made_where_somebody_first_publishes(broker: EmbeddedBroker, name: str) -> None:
    put(broker, f"parameters/capture/%2F/{name}", {"value": {"pattern": f"{name}.#"}})
    with client(name, broker.ports["mqtt"]) as writer:
        writer.publish(f"{name}/a", b"1", 1)
        writer.publish(f"{name}/a", b"2", 1)
    assert [one.value() for one in fetched(broker, f"{name}.a", 2)] == [b"1", b"2"]


def test_a_virtual_host_keeps_them_apart(name: str) -> None:
    with EmbeddedBroker(settings={"mqtt": {"port": 0}}) as broker:
        topic = made(broker, f"{name}.t")
        put(broker, "vhosts/%2F", {"topic_addresses": False})
        with client(name, broker.ports["mqtt"]) as reader:
            reader.subscribe(f"{name}/#", 1)
            produce(broker, topic, b"by Kafka")
            reader.publish(f"{name}/t", b"by MQTT", 1)
            assert heard(reader, 1) == [(f"{name}/t", b"by MQTT")]
        assert [one.value() for one in fetched(broker, topic, 1)] == [b"by Kafka"]


def test_whose_right_it_is(name: str) -> None:
    """A producer needs its topic, nothing more; a subscriber what `amq.topic` lets him read."""
    settings: dict[str, dict[str, object]] = {
        "mqtt": {"port": 0},
        "kafka": {"require_login": True},
        "users": {"guest": "guest"},
    }
    with EmbeddedBroker(settings=settings) as broker:
        for user, rights in {
            "producer": {"configure": "", "write": f"^{name}", "read": ""},
            "device": {"configure": "^mqtt-", "write": "^mqtt-", "read": "^(mqtt-|amq.topic$)"},
        }.items():
            put(broker, f"users/{user}", {"password": "secret", "tags": ""})
            put(broker, f"permissions/%2F/{user}", rights)
        topics = {"exchange": "amq.topic", "write": "^$", "read": rf"^{name}\.device\."}
        put(broker, "topic-permissions/%2F/device", topics)
        put(broker, f"queues/%2F/{name}.device.t", {"durable": True, "arguments": STREAM})
        login = {
            "security.protocol": "sasl_plaintext",
            "sasl.mechanism": "PLAIN",
            "sasl.username": "producer",
            "sasl.password": "secret",
        }
        device = Client(name, paho.MQTTv5)
        device.client.username_pw_set("device", "secret")
        device.connect(broker.ports["mqtt"])
        try:
            for filter_, code in {f"{name}/device/t": 1, f"{name}/#": 0x87}.items():
                device.client.subscribe(filter_, 1)
                assert device.granted.get(timeout=SECONDS) == [code]
            produce(broker, f"{name}.device.t", b"1", **login)
            assert heard(device, 1) == [(f"{name}/device/t", b"1")]
        finally:
            device.close()
