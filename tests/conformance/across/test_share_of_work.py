"""Share groups of Kafka and workers of AMQP at one queue: each message is one worker's, once."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from confluent_kafka import AcknowledgeType, Consumer, Message, Producer, ShareConsumer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from pika.adapters.blocking_connection import BlockingChannel
from typing_extensions import override

from anymq.testing import EmbeddedBroker
from tests.peers.kafka import java_command
from tests.peers.maven import PeerUnavailable

SECONDS = 40
POLLS_MAX = 400  # of a tenth of a second: a generous end, where something is awaited
JAVA = ("-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR")
CONSOLE = "org.apache.kafka.tools.consumer.ConsoleShareConsumer"


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
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
    return str(request.node.name).replace("_", "-").replace("[", ".").replace("]", "")[:60]


def share_consumer(broker: EmbeddedBroker, group: str, topic: str, **more: Any) -> ShareConsumer:
    """By librdkafka; each message is acknowledged by itself."""
    consumer = ShareConsumer(
        {
            "bootstrap.servers": broker.kafka,
            "group.id": group,
            "share.acknowledgement.mode": "explicit",
            **more,
        }
    )
    consumer.subscribe([topic])
    return consumer


def polled(consumer: ShareConsumer, count: int) -> list[Message]:
    """So many messages at least; those of the last batch are not acknowledged yet."""
    found: list[Message] = []
    for _ in range(POLLS_MAX):
        batch = [message for message in consumer.poll(0.1) if message.error() is None]
        found += batch
        if len(found) >= count:
            return found
        accept(consumer, batch)
    raise AssertionError(f"only {len(found)} of {count} came")


def accept(consumer: ShareConsumer, messages: list[Message]) -> None:
    for message in messages:
        consumer.acknowledge(message, AcknowledgeType.ACCEPT)


def committed(consumer: ShareConsumer) -> None:
    """What was acknowledged is safe."""
    assert set(consumer.commit_sync(SECONDS).values()) <= {None}


def until(condition: Callable[[], bool], why: str) -> None:
    """Ask again and again, with a generous end."""
    waited = threading.Event()
    for _ in range(POLLS_MAX):
        if condition():
            return
        waited.wait(0.1)
    raise AssertionError(why)


def waiting(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def consumers(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.consumer_count)


class AmqpWorker(threading.Thread):
    """Works on a queue by AMQP, one message at a time."""

    def __init__(self, broker: EmbeddedBroker, queue: str) -> None:
        super().__init__(daemon=True)
        self.bodies: list[bytes] = []
        self._url = broker.amqp_url
        self._queue = queue
        self._ends = threading.Event()

    @override
    def run(self) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=1)
            for method, _, body in channel.consume(self._queue, inactivity_timeout=0.1):
                if method is not None:
                    self.bodies.append(body)
                    channel.basic_ack(method.delivery_tag)
                if self._ends.is_set():
                    return

    def end(self) -> None:
        self._ends.set()
        self.join(SECONDS)
        assert not self.is_alive()


class ShareWorker(threading.Thread):
    """Works on a queue or topic as a member of a share group, by librdkafka."""

    def __init__(self, broker: EmbeddedBroker, group: str, topic: str) -> None:
        super().__init__(daemon=True)
        self.bodies: list[bytes | None] = []
        self._consumer = share_consumer(broker, group, topic)
        self._ends = threading.Event()

    @override
    def run(self) -> None:
        while not self._ends.is_set():
            batch = [one for one in self._consumer.poll(0.1) if one.error() is None]
            self.bodies += [one.value() for one in batch]
            accept(self._consumer, batch)
            if batch:
                committed(self._consumer)
        self._consumer.close()

    def end(self) -> None:
        self._ends.set()
        self.join(SECONDS)
        assert not self.is_alive()


class JavaWorker(threading.Thread):
    """Works on a queue as a member of a share group: Kafka's own Java client, by its console."""

    def __init__(self, broker: EmbeddedBroker, group: str, topic: str) -> None:
        super().__init__(daemon=True)
        self.bodies: list[bytes] = []
        argv = ("--bootstrap-server", broker.kafka, "--topic", topic, "--group", group)
        try:
            command = java_command(CONSOLE, *argv, flags=JAVA)
        except PeerUnavailable as missing:
            pytest.skip(str(missing))
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )

    @override
    def run(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as printed:
            for line in printed:
                self.bodies.append(line.rstrip(b"\n"))

    def end(self) -> None:
        """As a signal ends it: it settles what it has printed."""
        self._process.terminate()
        self._process.wait(SECONDS)
        self.join(SECONDS)


@pytest.mark.parametrize("kind", [ShareWorker, JavaWorker], ids=["librdkafka", "java"])
def test_a_share_consumer_and_an_amqp_worker_see_each_message_once(
    broker: EmbeddedBroker,
    channel: BlockingChannel,
    name: str,
    kind: type[ShareWorker] | type[JavaWorker],
) -> None:
    """The promise: one queue, workers of two protocols, and no message is anybody's twice."""
    channel.queue_declare(name, durable=True)
    workers = [kind(broker, f"group-of-{name}", name), AmqpWorker(broker, name)]
    sent: list[bytes] = []
    try:
        for worker in workers:
            worker.start()
        until(lambda: consumers(channel, name) == 2, "they do not come")
        while len(sent) < 300 or (not all(one.bodies for one in workers) and len(sent) < 20_000):
            sent.append(b"%d" % len(sent))
            channel.basic_publish("", name, sent[-1], pika.BasicProperties(delivery_mode=2))
        until(lambda: waiting(channel, name) == 0, "something is left")
        until(lambda: sum(len(one.bodies) for one in workers) >= len(sent), "something is missing")
    finally:
        for worker in workers:
            worker.end()
    seen = [body or b"" for worker in workers for body in worker.bodies]
    assert sorted(seen) == sorted(sent)
    assert all(worker.bodies for worker in workers)
    assert waiting(channel, name) == 0


def test_what_a_share_consumer_says_of_each_message(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str
) -> None:
    """Accepted: gone. Released: again, to anybody. Rejected: to the dead letters."""
    dead = f"{name}-dead"
    channel.queue_declare(dead, durable=True)
    route = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", **route})
    for body in (b"good", b"later", b"bad"):
        properties = pika.BasicProperties(
            content_type="text/plain", headers={"n": 1}, delivery_mode=2
        )
        channel.basic_publish("", name, body, properties)
    consumer = share_consumer(broker, f"group-of-{name}", name)

    good, later, bad = polled(consumer, 3)
    assert [one.value() for one in (good, later, bad)] == [b"good", b"later", b"bad"]
    assert [one.offset() for one in (good, later, bad)] == [0, 1, 2]
    assert dict(good.headers() or [])["content-type"] == b"text/plain"
    assert good.delivery_count() == 1
    consumer.acknowledge(good, AcknowledgeType.ACCEPT)
    consumer.acknowledge(later, AcknowledgeType.RELEASE)
    consumer.acknowledge(bad, AcknowledgeType.REJECT)
    committed(consumer)
    (again,) = polled(consumer, 1)
    assert (again.value(), again.offset(), again.delivery_count()) == (b"later", 1, 2)
    consumer.acknowledge(again, AcknowledgeType.RELEASE)
    committed(consumer)
    consumer.close()

    until(lambda: waiting(channel, name) == 1, "it did not come back")
    method, properties, body = channel.basic_get(name)
    assert (method.redelivered, body) == (True, b"later")
    assert properties.headers["x-delivery-count"] == 2
    channel.basic_ack(method.delivery_tag)
    _, properties, body = channel.basic_get(dead)
    assert (body, properties.headers["x-first-death-reason"]) == (b"bad", "rejected")


def test_what_a_lost_share_consumer_had_goes_to_others(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str
) -> None:
    """Its connection is all that it takes to have something."""
    channel.queue_declare(name, durable=True)
    for number in range(10):
        channel.basic_publish("", name, b"%d" % number)
    consumer = share_consumer(broker, f"group-of-{name}", name)
    taken = polled(consumer, 10)
    assert waiting(channel, name) == 0
    accept(consumer, taken[:5])
    for message in taken[5:]:
        consumer.acknowledge(message, AcknowledgeType.RELEASE)
    consumer.close()
    until(lambda: waiting(channel, name) == 5, "they did not come back")
    found = [channel.basic_get(name, auto_ack=True)[2] for _ in range(5)]
    assert found == [b"%d" % number for number in range(5, 10)]


def earliest(broker: EmbeddedBroker, group: str) -> None:
    """Let a group begin at the beginning of topics."""
    resource = ConfigResource(
        ResourceType.GROUP,
        group,
        incremental_configs=[
            ConfigEntry(
                "share.auto.offset.reset",
                "earliest",
                incremental_operation=AlterConfigOpType.SET,
            )
        ],
    )
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(SECONDS)


def produce(broker: EmbeddedBroker, topic: str, bodies: list[bytes], **more: Any) -> None:
    producer = Producer({"bootstrap.servers": broker.kafka, **more})
    for body in bodies:
        producer.produce(topic, body)
    assert producer.flush(SECONDS) == 0


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_two_members_share_the_messages_of_a_topic(
    broker: EmbeddedBroker, name: str, compression: str
) -> None:
    """More members than partitions: that is what share groups are for."""
    group = f"group-of-{name}"
    earliest(broker, group)
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(SECONDS)
    sent = [b"%d" % number for number in range(3000)]
    produce(broker, name, sent, **{"compression.type": compression})
    workers = [ShareWorker(broker, group, name) for _ in range(2)]
    try:
        for worker in workers:
            worker.start()
        until(lambda: sum(len(one.bodies) for one in workers) >= len(sent), "some are missing")
    finally:
        for worker in workers:
            worker.end()
    assert sorted(body or b"" for one in workers for body in one.bodies) == sorted(sent)


def test_a_topic_is_read_on_after_a_restart(name: str) -> None:
    """What was accepted is settled for good; the rest comes, and what came back comes first."""
    group = f"group-of-{name}"
    with EmbeddedBroker() as own:
        earliest(own, group)
        produce(own, name, [b"%d" % number for number in range(10)])
        consumer = share_consumer(own, group, name)
        taken = polled(consumer, 10)
        for message in taken:
            even = int(message.value() or b"") % 2 == 0
            consumer.acknowledge(
                message, AcknowledgeType.ACCEPT if even else AcknowledgeType.RELEASE
            )
        committed(consumer)
        consumer.close()
        own.restart()
        consumer = share_consumer(own, group, name)
        again = polled(consumer, 5)
        assert [one.value() for one in again] == [b"1", b"3", b"5", b"7", b"9"]
        assert {one.delivery_count() for one in again} == {2}
        accept(consumer, again)
        committed(consumer)
        consumer.close()


def test_a_kafka_producer_writes_to_a_queue(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str
) -> None:
    """A queue is a topic of one partition: no configuration but its name."""
    channel.queue_declare(name, durable=True)
    producer = Producer({"bootstrap.servers": broker.kafka, "enable.idempotence": True})
    for number in range(50):
        producer.produce(name, b"%d" % number, key=b"k", headers={"tenant": "blue"})
    assert producer.flush(SECONDS) == 0
    assert waiting(channel, name) == 50
    method, properties, body = channel.basic_get(name, auto_ack=True)
    assert (method.routing_key, body) == (name, b"0")
    assert properties.headers == {"tenant": "blue", "x-key": "k"}
    consumer = share_consumer(broker, f"group-of-{name}", name)
    found = polled(consumer, 49)
    assert [one.value() for one in found] == [b"%d" % number for number in range(1, 50)]
    assert (found[0].key(), found[0].headers()) == (b"k", [("tenant", b"blue")])
    accept(consumer, found)
    committed(consumer)
    consumer.close()
    assert waiting(channel, name) == 0


def test_a_kafka_consumer_looks_at_a_queue_and_takes_nothing(
    broker: EmbeddedBroker, channel: BlockingChannel, name: str
) -> None:
    channel.queue_declare(name, durable=True)
    for number in range(20):
        channel.basic_publish("", name, b"%d" % number)
    consumer = Consumer(
        {
            "bootstrap.servers": broker.kafka,
            "group.id": f"lookers-at-{name}",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([name])
    found = consumer.consume(20, SECONDS)
    assert [(one.error(), one.offset(), one.value()) for one in found] == [
        (None, number, b"%d" % number) for number in range(20)
    ]
    consumer.commit(asynchronous=False)
    consumer.close()
    assert waiting(channel, name) == 20
