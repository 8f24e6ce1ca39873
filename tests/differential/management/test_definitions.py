"""Definitions go from RabbitMQ to us and from us to RabbitMQ, and people and programs go on."""

import json
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPConnectionError, ProbableAccessDeniedError
from tests.differential.management.test_shapes import Asked, ours, theirs

__all__ = ("ours", "theirs")  # fixtures

# What documents have in common; product and version are another matter.
SAME = ("permissions", "topic_permissions", "policies", "parameters", "queues", "bindings")
FILL: list[tuple[str, str, dict[str, object]]] = [
    ("PUT", "vhosts/imported", {"description": "d", "tags": "a,b", "default_queue_type": "quorum"}),
    ("PUT", "exchanges/imported/t", {"type": "topic", "durable": True}),
    ("PUT", "users/eve", {"password": "secret", "tags": "monitoring,policymaker"}),
    ("PUT", "user-limits/eve/max-connections", {"value": 7}),
    ("PUT", "permissions/imported/eve", {"configure": "^e", "write": ".*", "read": ".*"}),
    ("PUT", "permissions/imported/guest", {"configure": ".*", "write": ".*", "read": ".*"}),
    ("PUT", "topic-permissions/imported/eve", {"exchange": "t", "write": "^a", "read": ".*"}),
    ("PUT", "vhost-limits/imported/max-queues", {"value": 90}),
    ("PUT", "policies/imported/p", {"pattern": "^q", "priority": 2, "apply-to": "queues", "definition": {"max-length": 9}}),  # noqa: E501
    ("PUT", "operator-policies/imported/o", {"pattern": "", "definition": {"delivery-limit": 5}}),
    ("PUT", "queues/imported/q", {"durable": True}),
    ("PUT", "queues/imported/c", {"durable": True, "arguments": {"x-queue-type": "classic", "x-max-priority": 3}}),  # noqa: E501
    ("PUT", "queues/imported/s", {"durable": True, "arguments": {"x-queue-type": "stream", "x-max-age": "1D"}}),  # noqa: E501
    ("POST", "bindings/imported/e/t/q/q", {"routing_key": "a.#", "arguments": {"k": 1}}),
    ("PUT", "global-parameters/imported", {"value": {"a": [1, "x"]}}),
]  # fmt: skip


def fill(asked: Asked) -> Any:
    """Have everything that can be said; return the document."""
    for method, path, body in FILL:
        assert asked(method, path, body)[0] in (201, 204), path
    return asked("GET", "definitions")[1]


def empty(asked: Asked) -> None:
    for path in ("vhosts/imported", "users/eve", "global-parameters/imported"):
        assert asked("DELETE", path)[0] == 204


def about(document: Any) -> Any:
    """Return what a document says of what is filled in, in an order."""
    said = {
        kind: sorted((one for one in document[kind] if one["vhost"] == "imported"), key=in_order)
        for kind in SAME
    }
    said["vhosts"] = [one for one in document["vhosts"] if one["name"] == "imported"]
    said["limits"] = [one["limits"] for one in document["users"] if one["name"] == "eve"]
    said["tags"] = [one["tags"] for one in document["users"] if one["name"] == "eve"]
    return said


def without_guest(document: Any) -> Any:
    """RabbitMQ would take the password of whoever asks here: ours is no hash of its kind."""
    users = [one for one in document["users"] if one["name"] != "guest"]
    return {**document, "users": users}


def in_order(one: object) -> str:
    return json.dumps(one, sort_keys=True)


def may_log_in(asked: Asked) -> bool:
    login = pika.PlainCredentials("eve", "secret")
    parameters = pika.ConnectionParameters("127.0.0.1", asked.amqp, "imported", login)
    try:
        pika.BlockingConnection(parameters).close()
    except (AMQPConnectionError, ProbableAccessDeniedError):
        return False
    return True


@pytest.mark.xdist_group("differential-management")
def test_from_rabbitmq_to_us(ours: Asked, theirs: Asked) -> None:
    """Who moves to us does not have to give out new passwords."""
    document = fill(theirs)
    try:
        assert ours("POST", "definitions", document)[0] == 204
        again = ours("GET", "definitions")[1]
        assert about(again) == about(document)
        assert ours("POST", "definitions", again)[0] == 204
        assert may_log_in(ours)  # from now on we keep something better than that hash

        empty(theirs)
        assert theirs("POST", "definitions", without_guest(again))[0] == 204  # and back
        assert about(theirs("GET", "definitions")[1]) == about(document)
        assert may_log_in(theirs)
    finally:
        empty(ours)
        empty(theirs)


@pytest.mark.xdist_group("differential-management")
def test_from_us_to_rabbitmq(ours: Asked, theirs: Asked) -> None:
    """All but passwords that we know by verifiers only, of which RabbitMQ can make nothing."""
    document = fill(ours)
    try:
        assert theirs("POST", "definitions", without_guest(document))[0] == 204
        assert about(theirs("GET", "definitions")[1]) == about(document)
        assert not may_log_in(theirs)
        assert may_log_in(ours)
    finally:
        empty(ours)
        empty(theirs)


@pytest.mark.xdist_group("differential-management")
def test_one_virtual_host_both_ways(ours: Asked, theirs: Asked) -> None:
    for source, target in ((ours, theirs), (theirs, ours)):
        fill(source)
        document = source("GET", "definitions/imported")[1]
        assert target("PUT", "vhosts/imported", {"default_queue_type": "quorum"})[0] == 201
        assert target("POST", "definitions/imported", document)[0] == 204

        again = target("GET", "definitions/imported")[1]
        for kind in ("policies", "parameters", "queues", "bindings"):
            assert sorted(again[kind], key=in_order) == sorted(document[kind], key=in_order)
        assert target("DELETE", "vhosts/imported")[0] == 204
        empty(source)


# Limits, as clients of AMQP meet them


@pytest.mark.xdist_group("differential-management")
@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("vhost-limits/imported/max-connections", 0),
        ("vhost-limits/imported/max-connections", 1),
        ("vhost-limits/imported/max-queues", 3),
        ("vhost-limits/imported/max-queues", 0),
        ("user-limits/eve/max-connections", 1),
        ("user-limits/eve/max-connections", 0),
        ("user-limits/eve/max-channels", 1),
        ("user-limits/eve/max-channels", 0),
    ],
)
def test_who_is_one_too_many_hears_the_same(
    ours: Asked, theirs: Asked, path: str, limit: int
) -> None:
    heard = []
    for asked in (ours, theirs):
        fill(asked)
        assert asked("PUT", path, {"value": limit})[0] == 204
        heard.append(too_many(asked.amqp))
        empty(asked)

    assert heard[0] == heard[1] != []


def too_many(port: int) -> list[object]:
    """Connect, open channels and declare as long as it goes; return what ended that."""
    login = pika.PlainCredentials("eve", "secret")
    parameters = pika.ConnectionParameters("127.0.0.1", port, "imported", login)
    clients: list[pika.BlockingConnection] = []
    try:
        for _ in range(2):
            client = pika.BlockingConnection(parameters)
            clients.append(client)
            channel = client.channel()
            channel.queue_declare("e1", durable=True)
            client.channel()
    except pika.exceptions.AMQPError as error:
        return [type(error).__name__, *_said(error)]
    finally:
        for client in clients:
            if client.is_open:
                client.close()
    return []


def _said(error: Exception) -> list[object]:
    """Return code and text, also where pika wraps them."""
    if hasattr(error, "reply_text"):
        return [error.reply_code, error.reply_text]  # type: ignore[attr-defined]
    return [str(each) for each in error.args]
