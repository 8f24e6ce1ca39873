"""RocketMQ's C++ client, in PyPI's `rocketmq`: what producers and consumers rely on."""

import pytest
from confluent_kafka import Consumer

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.client import Sent
from tests.conformance.rocketmq.conftest import Connect

# The library takes bodies as strings of C: no zeros.
BODIES = {"text": b"caf\xc3\xa9", "binary": bytes(range(1, 256)) * 4, "big": b"x" * 100_000}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_message_comes_as_it_went(connect: Connect, name: str, body: bytes) -> None:
    """The big one is compressed by its sender, and comes to its reader as it was."""
    client = connect()
    client.produce()
    sent = client.send(name, body, tags="a", keys="k1", properties={"color": "blue"})
    client.consume(f"G-{name}", name)
    message = client.message()
    assert (message.topic, message.body) == (name, body)
    assert (message.tags, message.keys, message.color) == ("a", "k1", "blue")
    assert isinstance(sent, Sent)
    assert (sent.status, sent.offset) == ("OK", message.offset)
    assert message.reconsumed == 0
    assert 0 < message.born <= message.stored + 60_000


@pytest.mark.parametrize("how", ["sync", "async", "oneway"])
def test_each_way_to_send(connect: Connect, name: str, how: str) -> None:
    client = connect()
    client.produce()
    client.send(name, b"first")  # so that the topic is there: consumers look every 30 seconds
    client.consume(f"G-{name}", name)
    assert client.message().body == b"first"
    for number in range(10):
        client.send(name, b"%d" % number, how)
    assert sorted(one.body for one in client.messages(10)) == [b"%d" % n for n in range(10)]


def test_a_batch_stays_together(connect: Connect, name: str) -> None:
    client = connect()
    client.produce()
    bodies = [b"one", b"two", b"three"]
    assert client.send_batch(name, bodies).status == "OK"
    client.consume(f"G-{name}", name)
    came = client.messages(3)
    assert sorted(one.body for one in came) == sorted(bodies)
    assert len({one.queue for one in came}) == 1
    assert sorted(one.offset for one in came) == [0, 1, 2]


@pytest.mark.parametrize("how", ["ordered", "oneway ordered"])
def test_messages_of_one_order_keep_it(connect: Connect, name: str, how: str) -> None:
    """Two senders' orders: each goes to one queue, and comes out of it as it went in."""
    client = connect()
    client.produce()
    for number in range(20):
        client.send(name, b"%d" % number, how if number > 1 else "ordered", by=number % 2)
    client.consume(f"G-{name}", name, orderly=True)
    came = client.messages(20)
    for parity in (0, 1):
        numbers = [int(one.body) for one in came if int(one.body) % 2 == parity]
        assert numbers == sorted(numbers)
        assert len({one.queue for one in came if int(one.body) % 2 == parity}) == 1


def test_a_consumer_gets_the_tags_it_asks_for(connect: Connect, name: str) -> None:
    client = connect()
    client.produce()
    for number in range(9):
        client.send(name, b"%d" % number, tags="abc"[number % 3])
    client.consume(f"G-{name}", name, "a || b")
    came = client.messages(6)
    assert {one.tags for one in came} == {"a", "b"}
    assert sorted(int(one.body) for one in came) == [0, 1, 3, 4, 6, 7]


def test_a_group_goes_on_where_it_was(connect: Connect, name: str) -> None:
    """Who leaves says how far it is; who comes next in the group gets what is after that."""
    first = connect()
    first.produce()
    first.send(name, b"before")
    first.consume(f"G-{name}", name)
    assert first.message().body == b"before"
    first.close()
    second = connect()
    second.produce()
    second.send(name, b"after")
    second.consume(f"G-{name}", name)
    assert second.message().body == b"after"


def test_each_group_gets_everything(connect: Connect, name: str) -> None:
    one, other = connect(), connect()
    one.produce()
    one.send(name, b"news")
    one.consume(f"G1-{name}", name)
    other.consume(f"G2-{name}", name)
    assert one.message().body == b"news"
    assert other.message().body == b"news"


def test_pulling_is_reading(connect: Connect, name: str) -> None:
    client = connect()
    client.produce()
    for number in range(3):
        client.send(name, b"%d" % number)
    came = client.pull(f"G-{name}", name)
    assert sorted(one.body for one in came) == [b"0", b"1", b"2"]


def test_kafka_reads_what_was_sent(connect: Connect, broker: EmbeddedBroker, name: str) -> None:
    """Keys are keys, properties are headers."""
    client = connect()
    client.produce()
    client.send(name, b"for all", keys="k", properties={"color": "blue"})
    consumer = Consumer(
        {"bootstrap.servers": broker.kafka, "group.id": name, "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([name])
    message = consumer.poll(30)
    assert message is not None
    assert (message.key(), message.value()) == (b"k", b"for all")
    assert dict(message.headers() or [])["color"] == b"blue"
    consumer.close()
