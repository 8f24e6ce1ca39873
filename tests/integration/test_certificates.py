"""Who shows a certificate, at every port: real clients, real TLS."""

import base64
import json
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import paho.mqtt.client as paho
import pika
import pytest
import trustme
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from tests.conformance.mqtt.client import Client

from anymq.testing.embedded import EmbeddedBroker

PASSWORD = "a password"


class Place:
    """A broker with an authority, and the certificates of its clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.issue("broker")
        self.broker = EmbeddedBroker(
            settings={
                "kafka": {
                    "port": -1,
                    "tls_port": 0,
                    "require_login": True,
                    "certificate_user": "common_name",
                },
                "amqp": {"tls_port": 0, "mechanisms": ["EXTERNAL", "PLAIN"]},
                "mqtt": {"tls_port": 0},
                "management": {"tls_port": 0},
                "tls": {
                    "certificate": str(folder / "broker.pem"),
                    "client_ca": str(folder / "ca.pem"),
                    "client_certificate": "wanted",
                },
                "users": {"ada": PASSWORD},
            }
        )

    def issue(self, name: str) -> str:
        """Write a certificate and its key; return the file."""
        path = self.folder / f"{name}.pem"
        made = self.authority.issue_cert("localhost", "127.0.0.1", common_name=name)
        made.private_key_and_cert_chain_pem.write_to_path(path)
        return str(path)

    def context(self, name: str = "") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if name:
            context.load_cert_chain(self.issue(name))
        return context

    def admin(self, name: str = "") -> AdminClient:
        kinds = ("ssl.key.location", "ssl.certificate.location") if name else ()
        files = dict.fromkeys(kinds, self.issue(name) if name else "")
        return AdminClient(
            {
                "bootstrap.servers": f"127.0.0.1:{self.broker.ports['kafka_tls']}",
                "security.protocol": "SSL",
                "ssl.ca.location": str(self.folder / "ca.pem"),
                **files,
            }
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(tmp_path_factory.mktemp("certificates"))
    with place.broker:
        yield place


def amqp(place: Place, name: str) -> pika.BlockingConnection:
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            "127.0.0.1",
            place.broker.ports["amqp_tls"],
            ssl_options=pika.SSLOptions(place.context(name), "localhost"),
            credentials=pika.credentials.ExternalCredentials(),
        )
    )


def test_amqp(place: Place) -> None:
    connection = amqp(place, "ada")
    assert connection.is_open
    connection.close()


def test_a_certificate_of_nobody(place: Place) -> None:
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        amqp(place, "eve")


def test_https(place: Place) -> None:
    """Browsers need no certificate; the cookie goes over TLS only."""
    url = f"https://localhost:{place.broker.ports['management_tls']}/api/login"
    body = json.dumps({"username": "ada", "password": PASSWORD}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})

    with urllib.request.urlopen(request, context=place.context()) as answer:
        assert "; Secure" in answer.headers["Set-Cookie"]


def test_https_trusts_nobody_for_his_certificate(place: Place) -> None:
    """There a password is asked for all the same: a browser shows its certificate to anybody."""
    url = f"https://localhost:{place.broker.ports['management_tls']}/api/whoami"

    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(url, context=place.context("ada"))
    assert refused.value.code == 401
    refused.value.close()


def test_kafka(place: Place) -> None:
    assert place.admin("ada").list_topics(timeout=30).brokers


@pytest.mark.parametrize("name", ["", "eve"])
def test_kafka_with_no_certificate_or_that_of_nobody(place: Place, name: str) -> None:
    with pytest.raises(KafkaException):
        place.admin(name).list_topics(timeout=2)


def test_certificates_that_end_soon(place: Place) -> None:
    """They are for some two years more, or for ever: the authority is a test's."""
    port = place.broker.ports["management"]
    login = "Basic " + base64.b64encode(f"ada:{PASSWORD}".encode()).decode()

    def ask(within: str) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{port}/api/health/checks/certificate-expiration/{within}"
        request = urllib.request.Request(url, headers={"Authorization": login})
        try:
            answer = urllib.request.urlopen(request)
        except HTTPError as error:
            answer = error
        with answer:
            return answer.status, json.loads(answer.read())

    assert ask("1/days") == (200, {"status": "ok"})
    status, said = ask("1000/years")
    assert (status, said["reason"]) == (503, "Certificates expiring")
    assert {one["protocol"] for one in said["expired"]} == {
        "amqp/ssl",
        "https",
        "kafka/ssl",
        "mqtt/ssl",
    }
    assert all(one["certfile_expires_on"] for one in said["expired"])
    assert ask("999999/years")[0] == 503
    assert ask("1/eons")[0] == 400
    assert ask("soon/days")[0] == 400


def test_mqtt_by_a_certificate(place: Place) -> None:
    """A device that has one needs no password."""
    with_one = Client("device", paho.MQTTv311)
    with_one.client.tls_set_context(place.context("ada"))
    with_one.connect(place.broker.ports["mqtt_tls"])
    with_one.subscribe("t", 1)
    with_one.publish("t", b"hello", 1)
    assert with_one.next().payload == b"hello"
    with_one.close()
