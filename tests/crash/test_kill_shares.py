"""SIGKILL with messages out at members of a share group: of a queue, and of a topic."""

from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from confluent_kafka import AcknowledgeType, Message, Producer, ShareConsumer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from tests.peers.anymq import AnymqServer

SECONDS = 60
POLLS_MAX = 600  # of a tenth of a second
COUNT = 300
KILLS = 2
NAME, GROUP = "work", "workers"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AnymqServer]:
    server = AnymqServer(tmp_path)
    server.start()
    yield server
    server.stop()


def declare_queue(server: AnymqServer) -> None:
    parameters = pika.ConnectionParameters("127.0.0.1", server.amqp_port)
    with pika.BlockingConnection(parameters) as connection:
        connection.channel().queue_declare(NAME, durable=True)


def begin_at_the_beginning(server: AnymqServer) -> None:
    entry = ConfigEntry(
        "share.auto.offset.reset", "earliest", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.GROUP, GROUP, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(SECONDS)


def joined(server: AnymqServer) -> ShareConsumer:
    consumer = ShareConsumer(
        {
            "bootstrap.servers": server.bootstrap,
            "group.id": GROUP,
            "share.acknowledgement.mode": "explicit",
            "max.poll.records": 100,
        }
    )
    consumer.subscribe([NAME])
    return consumer


def polled(consumer: ShareConsumer) -> list[Message]:
    """Something, at least."""
    for _ in range(POLLS_MAX):
        if found := [one for one in consumer.poll(0.1) if one.error() is None]:
            return found
    raise AssertionError("nothing comes")


def accepted(consumer: ShareConsumer, messages: list[Message]) -> list[int]:
    """Return what is settled for good, because the broker has said so."""
    for message in messages:
        consumer.acknowledge(message, AcknowledgeType.ACCEPT)
    assert set(consumer.commit_sync(SECONDS).values()) <= {None}
    return [int(message.value() or b"") for message in messages]


@pytest.mark.timeout(240)  # it starts three processes, perhaps on a busy machine
@pytest.mark.parametrize("make", [declare_queue, begin_at_the_beginning], ids=["queue", "topic"])
def test_what_was_accepted_is_settled_and_the_rest_comes_again(
    server: AnymqServer, make: object
) -> None:
    """Nothing is lost, and nothing comes twice whose acceptance was confirmed."""
    assert callable(make)
    make(server)
    producer = Producer({"bootstrap.servers": server.bootstrap})
    for number in range(COUNT):
        producer.produce(NAME, b"%d" % number)
        if number % 20 == 0:  # batches are handed out as a whole
            assert producer.flush(SECONDS) == 0
    assert producer.flush(SECONDS) == 0
    done: list[int] = []
    lost: list[ShareConsumer] = []
    for _ in range(KILLS):
        consumer = joined(server)
        lost.append(consumer)
        done += accepted(consumer, polled(consumer))
        assert len(done) < COUNT
        polled(consumer)  # out with it when the broker dies
        server.kill()
        server.start()
    consumer = joined(server)
    while len(done) < COUNT:
        done += accepted(consumer, polled(consumer))
    assert sorted(done) == list(range(COUNT))
    for each in (*lost, consumer):
        each.close()
