"""stomp.py: what a client of STOMP relies on, in each version."""

from collections.abc import Callable
from pathlib import Path

import amqp as py_amqp
import pytest
from confluent_kafka import Producer

from anymq.testing import EmbeddedBroker
from tests.conformance.stomp.client import CONNECTIONS, Client
from tests.peers.security import Security

Connect = Callable[..., Client]
VERSIONS = pytest.mark.parametrize("version", CONNECTIONS)
BODIES = {"text": b"caf\xc3\xa9", "binary": bytes(range(256)), "empty": b"", "big": b"x" * 2**20}


@VERSIONS
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_comes_as_it_went(connect: Connect, name: str, version: str, body: bytes) -> None:
    client = connect(version)
    client.subscribe(f"/queue/{name}")
    client.send(f"/queue/{name}", body, color="blue")
    message = client.message()
    assert (message.body or b"") == body
    assert message.headers["color"] == "blue"
    assert message.headers["destination"] == f"/queue/{name}"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_headers_may_hold_what_must_be_escaped(connect: Connect, name: str, version: str) -> None:
    client = connect(version)
    client.subscribe(f"/queue/{name}")
    odd = "a:b\\c\nd é"
    client.send(f"/queue/{name}", b"x", odd=odd)
    assert client.message().headers["odd"] == odd


@VERSIONS
def test_what_is_acknowledged_does_not_come_back(connect: Connect, name: str, version: str) -> None:
    one = connect(version)
    one.subscribe(f"/queue/{name}", ack="client")
    for number in range(3):
        one.send(f"/queue/{name}", b"%d" % number, persistent="true")
    _, second, _ = (one.message() for _ in range(3))
    one.acknowledge(second)
    one.close()
    other = connect(version)
    other.subscribe(f"/queue/{name}")
    message = other.message()
    assert (message.body, message.headers["redelivered"]) == (b"2", "true")


@VERSIONS
def test_a_transaction_is_all_or_nothing(connect: Connect, name: str, version: str) -> None:
    client = connect(version)
    client.subscribe(f"/queue/{name}")
    for end, body in (("abort", "never"), ("commit", "both")):
        client.connection.begin(transaction=end)
        for _ in range(2):
            client.connection.send(f"/queue/{name}", body, transaction=end)
        getattr(client.connection, end)(transaction=end, receipt=end)
        assert client.receipt() == end
    assert [client.message().body for _ in range(2)] == [b"both", b"both"]


def test_a_durable_subscription_gets_what_it_missed(connect: Connect, name: str) -> None:
    durable = {"durable": "true", "auto_delete": "false"}
    client = connect()
    client.subscribe(f"/topic/{name}.*", name, **durable)
    client.close()
    connect().send(f"/topic/{name}.a", b"missed")
    again = connect()
    again.subscribe(f"/topic/{name}.*", name, **durable)
    assert again.message().body == b"missed"
    again.connection.unsubscribe(id=name, headers={"durable": "true"})


def test_requests_are_answered(connect: Connect, name: str) -> None:
    asker, answerer = connect(), connect()
    answerer.subscribe(f"/queue/{name}")
    asker.send(f"/queue/{name}", b"?", reply_to="/temp-queue/me", correlation_id="7")
    question = answerer.message()
    answerer.send(question.headers["reply-to"], b"!", correlation_id="7")
    answer = asker.message()
    assert (answer.body, answer.headers["correlation-id"]) == (b"!", "7")


def test_an_amqp_client_answers(connect: Connect, broker: EmbeddedBroker, name: str) -> None:
    """For it, `reply_to` is a queue's name, as everywhere in AMQP."""
    asker = connect()
    with py_amqp.Connection(f"127.0.0.1:{broker.ports['amqp']}") as connection:
        channel = connection.channel()
        channel.queue_declare(name, durable=True, auto_delete=False)
        asker.send(f"/queue/{name}", b"?", reply_to="/temp-queue/me", correlation_id="7")
        question = channel.basic_get(name, no_ack=True)
        answer = py_amqp.Message(b"!", correlation_id=question.properties["correlation_id"])
        channel.basic_publish(answer, "", question.properties["reply_to"])
    message = asker.message()
    assert (message.body, message.headers["correlation-id"]) == (b"!", "7")


def test_a_kafka_topic_is_read_from_an_offset(
    connect: Connect, broker: EmbeddedBroker, name: str
) -> None:
    producer = Producer({"bootstrap.servers": broker.kafka})
    for number in range(5):
        producer.produce(name, b"%d" % number, headers=[("color", b"blue")])
        producer.flush()  # so that they stand in this order
    client = connect()
    client.subscribe(f"/queue/{name}", ack="client", x_stream_offset="offset=3")
    message = client.message()
    assert (message.body, message.headers["x-stream-offset"]) == (b"3", "3")
    assert message.headers["color"] == "blue"
    client.acknowledge(message)
    assert client.message().body == b"4"


def test_heart_beats_keep_a_silent_connection(connect: Connect, name: str) -> None:
    """Whoever promises to say something, and does, stays; and hears from us, or would hang up."""
    client = connect(heartbeats=(1000, 1000))
    other = connect()
    client.subscribe(f"/queue/{name}")
    other.send(f"/queue/{name}", b"late", x_delay="4000")
    assert client.message().body == b"late"
    assert client.connection.is_connected()


def test_over_tls(name: str, tmp_path: Path) -> None:
    """At a port of its own, with the certificate of all ports."""
    Security("SASL_SSL").write_certificates(tmp_path)
    tls = {"certificate": str(tmp_path / "server.crt"), "key": str(tmp_path / "server.key")}
    with EmbeddedBroker(settings={"stomp": {"tls_port": 0}, "tls": tls}) as broker:
        assert broker.ports["stomp"] != broker.ports["stomp_tls"]
        port = broker.ports["stomp_tls"]
        client = Client(port)
        client.connection.set_ssl([("127.0.0.1", port)], ca_certs=str(tmp_path / "ca.pem"))
        client.connect("guest", "guest")
        client.subscribe(f"/queue/{name}")
        client.send(f"/queue/{name}", b"x" * 100_000)
        assert client.message().body == b"x" * 100_000
        client.close()


def test_a_wrong_password_is_told(broker: EmbeddedBroker) -> None:
    client = Client(broker.ports["stomp"])
    client.connection.connect("guest", "wrong", wait=False)
    assert client.error().headers["message"] == "Bad CONNECT"
