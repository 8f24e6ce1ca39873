"""Selectors of AMQP consumers, which only we have."""

from collections.abc import Iterator, Mapping

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import ChannelClosedByBroker

from tests.peers.choose import PEER

pytestmark = pytest.mark.skipif(PEER != "anymq", reason="RabbitMQ has none for AMQP 0-9-1")


@pytest.fixture
def channel(amqp: int) -> Iterator[BlockingChannel]:
    with BlockingConnection(pika.ConnectionParameters("127.0.0.1", amqp)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def publish(channel: BlockingChannel, queue: str, body: str, **headers: object) -> None:
    channel.basic_publish("", queue, body.encode(), pika.BasicProperties(headers=headers))


def bodies(channel: BlockingChannel, queue: str, count: int, selector: str) -> list[str]:
    found: list[str] = []
    arguments: Mapping[str, object] = {"x-selector": selector}
    if queue.endswith("stream"):
        arguments = {**arguments, "x-stream-offset": "first"}
    channel.basic_qos(prefetch_count=10)
    for method, _, body in channel.consume(queue, inactivity_timeout=20, arguments=arguments):
        assert method is not None, f"only {found} came"
        channel.basic_ack(method.delivery_tag)
        found.append(body.decode())
        if len(found) == count:
            break
    channel.cancel()
    return found


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_each_gets_what_it_asked_for(channel: BlockingChannel, name: str, kind: str) -> None:
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": kind})
    for body, region, total in (("a", "EU", 50), ("b", "US", 500), ("c", "EU", 500)):
        publish(channel, name, body, region=region, total=total)
    assert bodies(channel, name, 1, "region = 'EU' AND total > 100") == ["c"]
    assert bodies(channel, name, 2, "total > 10") == ["a", "b"]


def test_of_a_stream_too(channel: BlockingChannel, name: str) -> None:
    name = f"{name}-stream"
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "stream"})
    for number in range(10):
        publish(channel, name, str(number), number=number)
    assert bodies(channel, name, 3, "number BETWEEN 3 AND 5") == ["3", "4", "5"]


def test_a_queue_that_lets_only_some_in(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name, durable=True, arguments={"x-selector": "color LIKE 'r%'"})
    publish(channel, name, "blue", color="blue")
    publish(channel, name, "red", color="red")
    method, _, body = channel.basic_get(name, auto_ack=True)
    assert (method.message_count, body) == (0, b"red")


def test_a_condition_that_is_none(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name, exclusive=True)
    with pytest.raises(ChannelClosedByBroker, match="x-selector") as refused:
        channel.basic_consume(name, lambda *_: None, arguments={"x-selector": "color ="})
    assert refused.value.reply_code == 406
