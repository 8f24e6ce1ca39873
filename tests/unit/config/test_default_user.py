"""Who is let in before anybody was made: as RabbitMQ's image is told, and ours."""

import pika
import pytest

from anymq.config.load import ConfigError, from_tables, load
from anymq.testing.embedded import EmbeddedBroker

RABBITMQ = {
    "RABBITMQ_DEFAULT_USER": "ada",
    "RABBITMQ_DEFAULT_PASS": "secret",
    "RABBITMQ_DEFAULT_VHOST": "shop",
}


def test_rabbitmqs_variables() -> None:
    amqp = load(environment=RABBITMQ).amqp

    assert (amqp.default_user, amqp.default_password, amqp.default_vhost) == (
        "ada",
        "secret",
        "shop",
    )


def test_ours_come_first() -> None:
    ours = {"ANYMQ_AMQP_DEFAULT_USER": "bob"}

    assert load(environment={**RABBITMQ, **ours}).amqp.default_user == "bob"


def test_one_without_the_other() -> None:
    with pytest.raises(ConfigError, match="need each other"):
        load(environment={"RABBITMQ_DEFAULT_USER": "ada"})


def test_he_gets_in_and_guest_does_not() -> None:
    settings = {"default_user": "ada", "default_password": "secret", "default_vhost": "shop"}
    with EmbeddedBroker(settings={"amqp": settings}) as broker:
        port = broker.ports["amqp"]

        def connect(user: str, password: str, vhost: str) -> None:
            pika.BlockingConnection(
                pika.ConnectionParameters(
                    "127.0.0.1", port, vhost, pika.PlainCredentials(user, password)
                )
            ).close()

        connect("ada", "secret", "shop")
        connect("ada", "secret", "/")
        with pytest.raises(pika.exceptions.ProbableAuthenticationError):
            connect("guest", "guest", "/")


def test_a_certificate_that_is_only_wanted_guards_nothing() -> None:
    tls = {"certificate": "c", "client_ca": "ca", "client_certificate": "wanted"}
    kafka = {"host": "0.0.0.0", "port": -1, "tls_port": 0}

    with pytest.raises(ConfigError, match=r"kafka\.host"):
        from_tables({"tls": tls, "kafka": kafka})
    from_tables({"tls": {**tls, "client_certificate": "required"}, "kafka": kafka})
