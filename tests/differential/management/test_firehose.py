"""The firehose: the same conversation told about by RabbitMQ and by us."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from tests.peers.http_api import ask
from tests.peers.maven import PeerUnavailable
from tests.peers.process import free_ports
from tests.peers.rabbitmq import RabbitmqServer

from anymq.testing import EmbeddedBroker

SECONDS = 20
FIREHOSE = "amq.rabbitmq.trace"
# Other ports, another name of the node.
OTHERWISE = ("connection", "node")

Told = tuple[str, dict[str, Any], bytes]


def trace_of(port: int) -> list[Told]:
    """What the firehose says of a little conversation: key, headers, body; in their order."""
    connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))
    channel, listener = connection.channel(), connection.channel()
    told = str(listener.queue_declare("", exclusive=True).method.queue)
    listener.queue_bind(told, FIREHOSE, "#")
    channel.confirm_delivery()
    channel.queue_declare("q", exclusive=True)
    channel.queue_bind("q", "amq.topic", "a.*")
    full = pika.BasicProperties(
        content_type="text/plain",
        headers={"x": 1, "CC": ["a.c"]},
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        message_id="m",
        timestamp=1_700_000_000,
        type="t",
        app_id="app",
    )
    channel.basic_publish("amq.topic", "a.b", b"one", full)
    channel.basic_publish("", "q", b"two")
    channel.basic_publish("amq.fanout", "nowhere", b"three")
    for _ in range(2):
        method, _properties, _body = channel.basic_get("q")
        assert method is not None
        channel.basic_nack(method.delivery_tag)
    next(channel.consume("q", inactivity_timeout=SECONDS))
    found: list[Told] = []
    while len(found) < 3 + 2 + 2:
        method, properties, body = next(listener.consume(told, inactivity_timeout=SECONDS))
        assert method is not None, f"it says no more than {found}"
        headers = dict(properties.headers)
        found.append((method.routing_key, headers, body))
    connection.close()
    return found


def turn_on(port: int) -> None:
    status, _ = ask(port, "PUT", "vhosts/%2F", {"tracing": True})
    assert status == 204


@pytest.fixture(scope="module")
def ours() -> Iterator[int]:
    with EmbeddedBroker() as broker:
        turn_on(broker.ports["management"])
        yield broker.ports["amqp"]


@pytest.fixture(scope="module")
def theirs() -> Iterator[int]:
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = {"management.tcp.port": str(port), "management.tcp.ip": "127.0.0.1"}
        server = RabbitmqServer(Path(folder), settings, plugins=("rabbitmq_management",))
        try:
            server.start()
        except PeerUnavailable as reason:
            pytest.skip(str(reason))
        try:
            turn_on(port)
            yield server.port
        finally:
            server.stop()


def test_it_says_the_same(ours: int, theirs: int) -> None:
    said, expected = trace_of(ours), trace_of(theirs)
    assert list(map(plain, said)) == list(map(plain, expected))


def plain(told: Told) -> Told:
    key, headers, body = told
    return key, {name: value for name, value in headers.items() if name not in OTHERWISE}, body
