"""Tokens of an identity provider, by every protocol: real clients, real signatures."""

import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError

import pika
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from anymq.testing.embedded import EmbeddedBroker

KEY = ECKey.generate_key("P-256", {"kid": "one"})
ALL = "read:*/* write:*/* configure:*/*"


def token(name: str = "ada", scope: str = ALL, key: ECKey = KEY, lasts: float = 600) -> str:
    claims = {
        "iss": "https://id.example",
        "aud": "anymq",
        "sub": name,
        "exp": int(time.time() + lasts),
        "scope": scope,
    }
    return jwt.encode({"alg": "ES256", "kid": "one"}, claims, key, ["ES256"])


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    keys = tmp_path_factory.mktemp("keys") / "jwks.json"
    keys.write_text(json.dumps(KeySet([KEY]).as_dict(private=False)))
    oauth = {"keys": str(keys), "issuer": "https://id.example", "audience": "anymq"}
    with EmbeddedBroker(settings={"oauth": oauth, "kafka": {"require_login": True}}) as broker:
        yield broker


def amqp(broker: EmbeddedBroker, secret: str) -> pika.BlockingConnection:
    return pika.BlockingConnection(
        pika.ConnectionParameters(
            "127.0.0.1", broker.ports["amqp"], "/", pika.PlainCredentials("whoever", secret)
        )
    )


def test_amqp(broker: EmbeddedBroker) -> None:
    """The token is the password; the name is what it says."""
    connection = amqp(broker, token(scope="configure:*/mine* read:*/mine*"))
    channel = connection.channel()
    channel.queue_declare("mine")

    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="user 'ada'"):
        channel.queue_declare("yours")
    connection.close()


@pytest.mark.parametrize(
    "secret",
    [token(key=ECKey.generate_key("P-256", {"kid": "one"})), token(lasts=-60), token("guest")],
    ids=["another key", "expired", "the name of a user of ours"],
)
def test_amqp_refuses(broker: EmbeddedBroker, secret: str) -> None:
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        amqp(broker, secret)


def test_amqp_by_a_new_token(broker: EmbeddedBroker) -> None:
    """What a long connection does before the old one expires."""
    connection = amqp(broker, token("eve", scope="read:*/*"))
    connection.update_secret(token("eve", scope="read:*/* configure:*/*"), "renewed")

    connection.channel().queue_declare("now-i-may")
    connection.close()


def test_amqp_by_the_token_of_somebody_else(broker: EmbeddedBroker) -> None:
    connection = amqp(broker, token("eve"))

    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="New secret was refused"):
        connection.update_secret(token("mallory"), "renewed")


def ask(broker: EmbeddedBroker, path: str, secret: str) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(
        broker.management + path, headers={"Authorization": f"Bearer {secret}"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, {}


def test_http(broker: EmbeddedBroker) -> None:
    manager = token("mary", scope="tag:management")

    assert ask(broker, "/api/whoami", manager)[1]["name"] == "mary"
    assert ask(broker, "/api/overview", manager)[0] == 200
    assert ask(broker, "/api/users", manager)[0] == 401
    assert ask(broker, "/api/users", token("root", "tag:administrator"))[0] == 200
    assert ask(broker, "/api/whoami", token(lasts=-60))[0] == 401


def test_the_page(broker: EmbeddedBroker) -> None:
    """It has got a token from the provider, and begins a session with it."""
    body = json.dumps({"access_token": token("mary", "tag:management")}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(broker.management + "/api/login", body, headers)

    with urllib.request.urlopen(request) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        assert json.load(answer)["name"] == "mary"
    request = urllib.request.Request(broker.management + "/api/whoami", headers={"Cookie": cookie})
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["name"] == "mary"


def kafka(broker: EmbeddedBroker, secret: str) -> AdminClient:
    config: dict[str, Any] = {
        "bootstrap.servers": broker.kafka,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "OAUTHBEARER",
        "oauth_cb": lambda _: (secret, time.time() + 600),
    }
    client = AdminClient(config)
    client.poll(0)  # librdkafka asks for the token here
    return client


def test_kafka(broker: EmbeddedBroker) -> None:
    assert kafka(broker, token("kim")).list_topics(timeout=30).brokers


def test_kafka_refuses(broker: EmbeddedBroker) -> None:
    with pytest.raises(KafkaException):
        kafka(broker, token("kim", lasts=-60)).list_topics(timeout=2)
