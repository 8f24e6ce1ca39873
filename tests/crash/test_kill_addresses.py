"""SIGKILL while Kafka's producers write to a topic, and others listen at its address."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pika
import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.peers.anymq import AnymqServer

KILLS = 2
EACH = 600  # records before a kill, most of them under way
SECONDS = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AnymqServer]:
    server = AnymqServer(tmp_path, {"storage.durability": "commit"})
    server.start()
    yield server
    server.stop()


def subscribed(server: AnymqServer) -> None:
    """A durable queue listens at the address of the topic `a.t`."""
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    admin.create_topics([NewTopic("a.t", 1)])["a.t"].result(SECONDS)
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", server.amqp_port)) as link:
        channel = link.channel()
        channel.queue_declare("q", durable=True)
        channel.queue_bind("q", "amq.topic", "a.#")


def in_topic(server: AnymqServer) -> set[int]:
    """Return what a Kafka consumer finds."""
    consumer = Consumer(
        {"bootstrap.servers": server.bootstrap, "group.id": "g", "enable.partition.eof": True}
    )
    found: set[int] = set()
    consumer.assign([TopicPartition("a.t", 0, 0)])
    while (message := consumer.poll(SECONDS)) is not None:
        error, value = message.error(), message.value()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF
            break
        assert value is not None
        found.add(int(value))
    consumer.close()
    return found


def in_queue(server: AnymqServer) -> set[int]:
    """Take all that waits in the queue."""
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", server.amqp_port)) as link:
        channel = link.channel()
        left = channel.queue_declare("q", passive=True).method.message_count
        taken = islice(channel.consume("q", auto_ack=True), left)
        return {int(body) for _, _, body in taken if body is not None}


def test_who_listens_has_what_is_in_the_topic(server: AnymqServer) -> None:
    subscribed(server)
    acknowledged: set[int] = set()

    def told(error: KafkaError | None, message: Message) -> None:
        value = message.value()
        if error is None and value is not None:
            acknowledged.add(int(value))

    producer = Producer(
        {
            "bootstrap.servers": server.bootstrap,
            "enable.idempotence": True,
            "batch.num.messages": 10,
            "linger.ms": 0,
            "reconnect.backoff.max.ms": 200,
        }
    )
    for kill in range(KILLS):
        for number in range(kill * EACH, (kill + 1) * EACH):
            producer.produce("a.t", b"%d" % number, on_delivery=told)
        while len(acknowledged) < kill * EACH + EACH // 2:
            producer.poll(0.01)
        server.kill()
        server.start()
    assert producer.flush(SECONDS) == 0
    there, heard = in_topic(server), in_queue(server)
    assert acknowledged == there == set(range(KILLS * EACH))
    assert there <= heard
