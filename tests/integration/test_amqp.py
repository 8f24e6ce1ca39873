"""AMQP over sockets, by pika: addresses, TLS, certificates, alarms, and a broker that stops."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pika.exceptions
import pytest
import trustme

from anymq.testing import EmbeddedBroker


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


def connect(url: str, **options: Any) -> pika.BlockingConnection:
    parameters = pika.URLParameters(url)
    for name, value in options.items():
        setattr(parameters, name, value)
    return pika.BlockingConnection(parameters)


def round_trip(connection: pika.BlockingConnection, body: bytes = b"hello") -> None:
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.confirm_delivery()
    channel.basic_publish("", queue, body, mandatory=True)
    _, _, received = channel.basic_get(queue, auto_ack=True)
    assert received == body


def test_a_client_of_rabbitmq_connects_and_works(broker: EmbeddedBroker) -> None:
    """With nothing configured: guest, from this machine."""
    with connect(broker.amqp_url) as connection:
        round_trip(connection)
        round_trip(connection, bytes(1_000_000))


def test_with_users_guest_is_gone() -> None:
    """Whoever names users wants those and nobody else."""
    with EmbeddedBroker(settings={"users": {"ada": "s/ecret"}}) as broker:
        assert broker.amqp_url.startswith("amqp://ada:s%2Fecret@127.0.0.1:")
        with connect(broker.amqp_url) as connection:
            round_trip(connection)
        guest = pika.PlainCredentials("guest", "guest")
        with pytest.raises(pika.exceptions.ProbableAuthenticationError, match="ACCESS_REFUSED"):
            connect(broker.amqp_url, credentials=guest)


def test_guest_may_be_switched_off() -> None:
    """Nobody comes in then."""
    with (
        EmbeddedBroker(settings={"amqp": {"guest": False}}) as broker,
        pytest.raises(pika.exceptions.ProbableAuthenticationError),
    ):
        connect(broker.amqp_url)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def sealed(tmp_path: Path, authority: trustme.CA) -> Iterator[EmbeddedBroker]:
    """TLS only, and clients must show a certificate."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        tmp_path / "broker.pem"
    )
    settings: dict[str, dict[str, object]] = {
        "tls": {
            "certificate": str(tmp_path / "broker.pem"),
            "client_ca": str(tmp_path / "ca.pem"),
        },
        "amqp": {"tls_port": 0, "mechanisms": ["PLAIN", "EXTERNAL"]},
        "users": {"ada": "secret"},
    }
    with EmbeddedBroker(settings=settings) as running:
        yield running


def test_a_certificate_is_enough(
    sealed: EmbeddedBroker, authority: trustme.CA, tmp_path: Path
) -> None:
    """EXTERNAL: the user is the certificate's common name."""
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    for name, welcome in (("ada", True), ("eve", False)):
        authority.issue_cert(common_name=name, organization_name="anymq").configure_cert(context)
        parameters = pika.ConnectionParameters(
            "localhost",
            sealed.ports["amqp_tls"],
            credentials=pika.credentials.ExternalCredentials(),
            ssl_options=pika.SSLOptions(context, "localhost"),
        )
        if welcome:
            with pika.BlockingConnection(parameters) as connection:
                round_trip(connection, bytes(300_000))
        else:
            with pytest.raises(pika.exceptions.AMQPConnectionError):
                pika.BlockingConnection(parameters)


def test_publishers_wait_while_memory_is_short() -> None:
    """They are told so, and go on when it is over; consumers never notice."""
    limits = {"limits": {"memory_alarm_bytes": 1}}
    with EmbeddedBroker(settings=limits) as broker, connect(broker.amqp_url) as connection:
        heard: list[str] = []
        connection.add_on_connection_blocked_callback(
            lambda _, frame: heard.append(frame.method.reason)
        )
        channel = connection.channel()
        channel.queue_declare("q")
        for _ in range(100):  # the alarm goes on at the next look, within a second
            channel.basic_publish("", "q", b"x")
            connection.process_data_events(0.05)
            if heard:
                break
        assert heard == ["low on memory"]
        with connect(broker.amqp_url) as consumer:
            assert consumer.channel().basic_get("q", auto_ack=True)[0]


def test_a_broker_that_stops_says_goodbye() -> None:
    """Clients know that it was not the network, and messages are kept."""
    with EmbeddedBroker() as broker:
        connection = connect(broker.amqp_url)
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        channel.confirm_delivery()
        persistent = pika.BasicProperties(delivery_mode=2)
        channel.basic_publish("", "q", b"kept", persistent)
        broker.restart()
        with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="CONNECTION_FORCED"):
            connection.process_data_events(5)
        with connect(broker.amqp_url) as again:
            assert again.channel().basic_get("q", auto_ack=True)[2] == b"kept"
