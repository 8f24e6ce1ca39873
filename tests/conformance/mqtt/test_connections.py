"""Clients of MQTT and STOMP, as the management API shows them and ends them."""

import json
import socket
from base64 import b64encode
from collections.abc import Callable, Iterator
from queue import Queue
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import paho.mqtt.client as paho
import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import SECONDS, client

LOGIN = b64encode(b"guest:guest").decode()


@pytest.fixture(scope="module")
def both() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings={"mqtt": {"port": 0}, "stomp": {"port": 0}}) as running:
        yield running


def ask(broker: EmbeddedBroker, path: str, method: str = "GET", **headers: str) -> Any:
    request = Request(
        f"{broker.management}/api/{path}",
        headers={"Authorization": f"Basic {LOGIN}", **headers},
        method=method,
    )
    with urlopen(request, timeout=SECONDS) as answer:
        return json.loads(answer.read() or b"null")


def connection_of(broker: EmbeddedBroker, wanted: Callable[[Any], bool]) -> Any:
    return next(one for one in ask(broker, "connections") if wanted(one))


@pytest.mark.parametrize(
    ("version", "said"), [(paho.MQTTv311, "MQTT 3-1-1"), (paho.MQTTv5, "MQTT 5-0")]
)
def test_what_is_said_of_a_client(both: EmbeddedBroker, name: str, version: int, said: str) -> None:
    """Who looks at the page sees who is there, with the words that MQTT has."""
    with client(name, both.ports["mqtt"], version) as one:
        one.subscribe(f"{name}/#", 1)
        row = connection_of(both, lambda row: row["client_id"] == name)
        assert ask(both, f"connections/{quote(row['name'], safe='')}")["name"] == row["name"]
    assert (row["protocol"], row["user"], row["vhost"]) == (said, "guest", "/")
    assert (row["subscriptions"], row["timeout"], row["has_will"]) == (1, 60, False)
    assert row["user_provided_name"] == name


def test_closing_one(both: EmbeddedBroker, name: str) -> None:
    """The client hears that it was somebody's will."""
    ended: Queue[Any] = Queue()
    with client(name, both.ports["mqtt"]) as one:
        one.client.on_disconnect = lambda _c, _u, _f, reason, _p: ended.put(reason)
        row = connection_of(both, lambda row: row["client_id"] == name)
        path = f"connections/{quote(row['name'], safe='')}"
        ask(both, path, "DELETE", **{"X-Reason": "we want to"})
        assert ended.get(timeout=SECONDS).value == 0x98


def test_stomp(both: EmbeddedBroker) -> None:
    """STOMP's clients are there as well."""
    with socket.create_connection(("127.0.0.1", both.ports["stomp"]), SECONDS) as one:
        one.sendall(
            b"CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n"
            b"client-id:me\n\n\0SUBSCRIBE\nid:1\nreceipt:r\ndestination:/topic/x\n\n\0"
        )
        said = b""
        while b"RECEIPT" not in said:
            said += one.recv(4096)
        row = connection_of(both, lambda row: row["protocol"] == "STOMP 1.2")
        assert (row["client_id"], row["subscriptions"]) == ("me", 1)
        ask(both, f"connections/{quote(row['name'], safe='')}", "DELETE")
        while more := one.recv(4096):
            said += more
    assert b"ERROR" in said
