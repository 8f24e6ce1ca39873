"""Clients of RocketMQ as tools show them: in the list of connections, which can be closed."""

import json
import urllib.request
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.conftest import Connect

SECONDS = 30


def ask(broker: EmbeddedBroker, path: str, method: str = "GET") -> Any:
    request = urllib.request.Request(broker.management + path, method=method)
    request.add_header("Authorization", "Basic " + b64encode(b"guest:guest").decode())
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        body = answer.read()
    return json.loads(body) if body else None


def of_group(broker: EmbeddedBroker, group: str) -> list[dict[str, Any]]:
    return [
        one
        for one in ask(broker, "/api/connections")
        if group in one["client_properties"].get("groups", ())
    ]


def test_a_client_is_listed_and_closed(connect: Connect, broker: EmbeddedBroker, name: str) -> None:
    """It comes back by itself: what it sends after that arrives."""
    client, group = connect(), f"PG-{name}"
    client.produce(group)
    client.send(name, b"one")
    [row] = of_group(broker, group)
    assert (row["protocol"], row["vhost"], row["state"]) == ("RocketMQ", "/", "running")
    assert row["client_id"]
    assert row["client_properties"]["platform"] == "CPP"
    assert row["recv_oct"] > 0
    ask(broker, "/api/connections/" + quote(row["name"], safe=""), "DELETE")
    client.consume(f"G-{name}", name)
    assert client.message().body == b"one"


def test_requests_are_counted(connect: Connect, broker: EmbeddedBroker, name: str) -> None:
    connect().close()
    with urllib.request.urlopen(broker.management + "/metrics", timeout=SECONDS) as page:
        text = page.read().decode()
    assert 'anymq_requests_total{protocol="rocketmq",api="GET_ROUTEINFO_BY_TOPIC"}' in text
