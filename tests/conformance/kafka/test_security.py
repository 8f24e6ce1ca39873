"""Logging in and TLS: who has the right password comes in, and nobody else."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.helpers import create_ssl_context
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from kafka import KafkaProducer

from tests.conformance.kafka.clients import ANSWER_SECONDS, Setting, dotted, flush, producer
from tests.peers.choose import chosen_server
from tests.peers.security import Protocol, Security

MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
REFUSED_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Secured:
    """A broker behind a locked door."""

    bootstrap: str
    security: Security
    ca: Path

    def settings(self, mechanism: str, password: str = "alice-secret") -> dict[str, Setting]:
        """librdkafka's."""
        settings: dict[str, Setting] = {"security_protocol": self.security.protocol}
        if self.security.sasl:
            settings |= {
                "sasl_mechanism": mechanism,
                "sasl_username": "alice",
                "sasl_password": password,
            }
        if self.security.tls:
            settings["ssl_ca_location"] = str(self.ca)
        return settings


def secured_server(protocol: Protocol) -> Iterator[Secured]:
    security = Security(protocol)
    # Clients that are refused try again and again: who is locked out by that is tested elsewhere.
    with chosen_server({"security.login_failures_max": -1}, {}, security) as server:
        yield Secured(server.bootstrap, security, server.folder / "ca.pem")


@pytest.fixture(scope="module")
def locked() -> Iterator[Secured]:
    """Log in, in the open."""
    yield from secured_server("SASL_PLAINTEXT")


@pytest.fixture(scope="module")
def sealed() -> Iterator[Secured]:
    """Log in under TLS."""
    yield from secured_server("SASL_SSL")


@pytest.fixture(scope="module")
def encrypted() -> Iterator[Secured]:
    """TLS alone."""
    yield from secured_server("SSL")


def send(broker: Secured, topic: str, **settings: Setting) -> None:
    errors: list[KafkaError | None] = []
    client = producer(broker.bootstrap, **settings)
    client.produce(topic, b"hello", on_delivery=lambda error, _: errors.append(error))
    flush(client)
    assert errors == [None]


def refusal(broker: Secured, **settings: Setting) -> tuple[list[int], bool]:
    """What the client hears, and whether it got an answer all the same."""
    heard: list[int] = []
    said: dict[str, Setting] = {"bootstrap_servers": broker.bootstrap, **settings}
    client = admin_client(dotted({**said, "error_cb": lambda error: heard.append(error.code())}))
    try:
        client.list_topics(timeout=REFUSED_SECONDS)
    except KafkaException:
        client.poll(0.1)
        return heard, False
    return heard, True


def admin_client(settings: dict[str, Setting]) -> AdminClient:
    """Its annotations do not know that callbacks are settings too."""
    return AdminClient(settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_right_password_opens(locked: Secured, name: str, mechanism: str) -> None:
    send(locked, name, **locked.settings(mechanism))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_right_password_opens_under_tls(sealed: Secured, name: str, mechanism: str) -> None:
    send(sealed, name, **sealed.settings(mechanism))


def test_tls_without_login(encrypted: Secured, name: str) -> None:
    send(encrypted, name, **encrypted.settings(""))


def test_a_large_message_passes_through_tls(encrypted: Secured, name: str) -> None:
    client = producer(encrypted.bootstrap, **encrypted.settings(""))
    errors: list[KafkaError | None] = []
    client.produce(name, b"x" * 900_000, on_delivery=lambda error, _: errors.append(error))
    flush(client)
    assert errors == [None]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_refused_and_said_so(locked: Secured, mechanism: str) -> None:
    heard, answered = refusal(locked, **locked.settings(mechanism, "guess"))
    assert not answered
    assert KafkaError._AUTHENTICATION in heard


def test_who_does_not_log_in_gets_no_answer(locked: Secured) -> None:
    _, answered = refusal(locked)
    assert not answered


def test_an_unknown_mechanism_is_refused(locked: Secured) -> None:
    settings = {**locked.settings("PLAIN"), "sasl_mechanism": "OAUTHBEARER"}
    settings |= {"enable_sasl_oauthbearer_unsecure_jwt": True}
    _, answered = refusal(locked, **settings)
    assert not answered


def test_a_client_that_does_not_know_the_authority_stays_away(encrypted: Secured) -> None:
    _, answered = refusal(encrypted, security_protocol="SSL")
    assert not answered


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_kafka_python_logs_in(locked: Secured, name: str, mechanism: str) -> None:
    client = KafkaProducer(
        bootstrap_servers=locked.bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,
        sasl_plain_username="alice",
        sasl_plain_password="alice-secret",
    )
    try:
        assert client.send(name, b"hello").get(ANSWER_SECONDS).offset == 0
    finally:
        client.close()


@pytest.mark.skipif(shutil.which("kcat") is None, reason="no kcat on PATH")
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_kcat_logs_in_under_tls(sealed: Secured, name: str, mechanism: str) -> None:
    """Distributions have it with a librdkafka that says its nonce twice (before 2.6.1)."""
    settings = dotted(sealed.settings(mechanism))
    options = [f"-X{key}={value}" for key, value in settings.items()]
    done = subprocess.run(
        ["kcat", "-b", sealed.bootstrap, *options, "-P", "-t", name],
        input="hello\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_aiokafka_logs_in_under_tls(sealed: Secured, name: str, mechanism: str) -> None:
    async def conversation() -> int:
        async with AIOKafkaProducer(
            bootstrap_servers=sealed.bootstrap,
            security_protocol="SASL_SSL",
            ssl_context=create_ssl_context(cafile=str(sealed.ca)),
            sasl_mechanism=mechanism,
            sasl_plain_username="alice",
            sasl_plain_password="alice-secret",
        ) as client:
            receipt = await client.send_and_wait(name, b"hello")
            return int(receipt.offset)

    assert asyncio.run(conversation()) == 0
