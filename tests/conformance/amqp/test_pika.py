"""pika, the Python client that RabbitMQ's tutorials use: each feature as its users write it."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import (
    ChannelClosedByBroker,
    NackError,
    ProbableAuthenticationError,
    UnroutableError,
)

PERSISTENT = pika.BasicProperties(delivery_mode=2)


@pytest.fixture
def connection(amqp: int) -> Iterator[BlockingConnection]:
    connection = BlockingConnection(pika.ConnectionParameters("127.0.0.1", amqp))
    yield connection
    if connection.is_open:
        connection.close()


@pytest.fixture
def channel(connection: BlockingConnection) -> BlockingChannel:
    return connection.channel()


@pytest.fixture
def queue(channel: BlockingChannel, name: str) -> str:
    channel.queue_declare(name, exclusive=True)
    return name


def bodies(channel: BlockingChannel, queue: str, count: int) -> list[bytes | None]:
    """The next so many, acknowledged."""
    found: list[bytes | None] = []
    for method, _, body in channel.consume(queue, inactivity_timeout=30):
        assert method is not None, f"only {found} came"
        channel.basic_ack(method.delivery_tag)
        found.append(body)
        if len(found) == count:
            break
    channel.cancel()
    return found


def test_hello_world(channel: BlockingChannel, queue: str) -> None:
    channel.basic_publish("", queue, b"Hello World!")
    assert bodies(channel, queue, 1) == [b"Hello World!"]


def test_a_durable_queue_keeps_its_order(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name, durable=True)
    channel.confirm_delivery()
    for number in range(100):
        channel.basic_publish("", name, str(number).encode(), PERSISTENT)
    assert bodies(channel, name, 100) == [str(number).encode() for number in range(100)]
    channel.queue_delete(name)


def test_work_is_shared_by_prefetch(connection: BlockingConnection, queue: str) -> None:
    workers = [connection.channel() for _ in range(2)]
    done: list[list[bytes]] = [[], []]
    for worker, mine in zip(workers, done, strict=True):
        worker.basic_qos(prefetch_count=1)

        def work(ch: BlockingChannel, method: Any, _: Any, body: bytes, mine: Any = mine) -> None:
            mine.append(body)
            ch.basic_ack(method.delivery_tag)

        worker.basic_consume(queue, work)
    for number in range(10):
        workers[0].basic_publish("", queue, str(number).encode())
    while sum(map(len, done)) < 10:
        connection.process_data_events(1)
    assert all(done)


def test_topics(channel: BlockingChannel, queue: str, name: str) -> None:
    channel.exchange_declare(name, "topic", auto_delete=True)
    channel.queue_bind(queue, name, "kern.*")
    channel.queue_bind(queue, name, "*.critical")
    for key in ("kern.info", "auth.critical", "auth.info", "kern.critical"):
        channel.basic_publish(name, key, key.encode())
    assert bodies(channel, queue, 3) == [b"kern.info", b"auth.critical", b"kern.critical"]


def test_nobody_wants_it(channel: BlockingChannel) -> None:
    channel.confirm_delivery()
    with pytest.raises(UnroutableError):
        channel.basic_publish("", "nowhere", b"x", mandatory=True)


def test_a_full_queue_refuses(channel: BlockingChannel, name: str) -> None:
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    channel.queue_declare(name, exclusive=True, arguments=arguments)
    channel.confirm_delivery()
    channel.basic_publish("", name, b"fits")
    with pytest.raises(NackError):
        channel.basic_publish("", name, b"does not")


def test_dead_letters_carry_their_history(channel: BlockingChannel, queue: str, name: str) -> None:
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
    channel.queue_declare(f"{name}-work", exclusive=True, arguments=arguments)
    channel.basic_publish("", f"{name}-work", b"bad")
    (method, _, _) = next(iter(channel.consume(f"{name}-work", inactivity_timeout=30)))
    assert method is not None
    channel.basic_reject(method.delivery_tag, requeue=False)
    channel.cancel()
    _, properties, body = next(iter(channel.consume(queue, inactivity_timeout=30)))
    channel.cancel()
    assert body == b"bad"
    assert properties is not None
    assert properties.headers is not None
    (death,) = properties.headers["x-death"]
    assert (death["reason"], death["queue"], death["count"]) == ("rejected", f"{name}-work", 1)


def test_direct_reply_to(connection: BlockingConnection, queue: str) -> None:
    asker, server = connection.channel(), connection.channel()
    answers: list[bytes] = []
    asker.basic_consume(
        "amq.rabbitmq.reply-to", lambda *said: answers.append(said[3]), auto_ack=True
    )
    properties = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to")
    asker.basic_publish("", queue, b"2", properties)
    for _, asked, body in server.consume(queue, auto_ack=True, inactivity_timeout=30):
        assert asked is not None
        assert body is not None
        assert asked.reply_to is not None
        server.basic_publish("", asked.reply_to, body * 2)
        break
    while not answers:
        connection.process_data_events(1)
    assert answers == [b"22"]


def test_a_transaction(channel: BlockingChannel, queue: str) -> None:
    channel.tx_select()
    channel.basic_publish("", queue, b"forgotten")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"kept")
    assert channel.basic_get(queue) == (None, None, None)
    channel.tx_commit()
    assert channel.basic_get(queue, auto_ack=True)[2] == b"kept"


def test_a_stream_is_read_again_and_again(connection: BlockingConnection, name: str) -> None:
    channel = connection.channel()
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "stream"})
    channel.confirm_delivery()
    for number in range(3):
        channel.basic_publish("", name, str(number).encode())
    for _ in range(2):
        reader = connection.channel()
        reader.basic_qos(prefetch_count=10)
        found: list[bytes | None] = []
        first = {"x-stream-offset": "first"}
        for method, _, body in reader.consume(name, arguments=first, inactivity_timeout=30):
            assert method is not None, f"only {found} came"
            found.append(body)
            if len(found) == 3:
                break
        assert found == [b"0", b"1", b"2"]
        reader.close()
    channel.queue_delete(name)


def test_a_queue_that_is_not_there(channel: BlockingChannel, name: str) -> None:
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.queue_declare(name, passive=True)
    assert refused.value.reply_code == 404
    assert refused.value.reply_text == f"NOT_FOUND - no queue '{name}' in vhost '/'"


def test_a_wrong_password(amqp: int) -> None:
    login = pika.PlainCredentials("guest", "wrong")
    with pytest.raises(ProbableAuthenticationError, match="403"):
        BlockingConnection(pika.ConnectionParameters("127.0.0.1", amqp, credentials=login))


def test_a_large_message(channel: BlockingChannel, queue: str) -> None:
    body = bytes(range(256)) * 20000
    channel.basic_publish("", queue, body)
    assert bodies(channel, queue, 1) == [body]
