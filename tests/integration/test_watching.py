"""Watching a real broker: the stream of events beside clients of Kafka and AMQP."""

import gc
import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pika
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from anymq.testing import EmbeddedBroker

AUTHORIZATION = {"Authorization": "Basic " + b64encode(b"guest:guest").decode()}
Event = tuple[str, dict[str, Any]]


class Api:
    """The HTTP API of one broker."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._port = broker.ports["management"]
        self._connections: list[HTTPConnection] = []

    def open(self, path: str, method: str = "GET", body: object = None) -> HTTPResponse:
        """Ask; the answer is still to be read."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        self._connections.append(connection)
        data = None if body is None else json.dumps(body)
        connection.request(method, "/api" + path, data, AUTHORIZATION)
        return connection.getresponse()

    def __call__(self, path: str, method: str = "GET", body: object = None) -> Any:
        """Ask, and return what is said."""
        answer = self.open(path, method, body)
        content = answer.read()
        assert answer.status < 300, content
        return json.loads(content) if content else None

    def close(self) -> None:
        """Hang up."""
        for connection in self._connections:
            connection.close()

    def events(self, query: str) -> Iterator[Event]:
        """Listen."""
        answer, name = self.open(f"/events?{query}"), ""
        for data in answer:
            line = data.decode().strip("\n")
            kind, _, said = line.partition(": ")
            if kind == "event":
                name = said
            elif kind == "data":
                yield name, json.loads(said)


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        yield broker


@pytest.fixture
def api(broker: EmbeddedBroker) -> Iterator[Api]:
    with closing(Api(broker)) as api:
        yield api


def changes_of(events: Iterator[Event]) -> Iterator[dict[str, Any]]:
    """Listen to what comes and goes; one event may tell of several."""
    for name, said in events:
        yield from said.get("changes", ()) if name == "changes" else ()


def until(changes: Iterator[dict[str, Any]], kind: str, action: str) -> dict[str, Any]:
    """Listen until this happens."""
    for change in changes:
        if (change["kind"], change["action"]) == (kind, action):
            return change
    raise AssertionError("the stream ended")


# kafka-python leaves the socket to the collector when it is hung up on.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_clients_of_all_protocols_are_seen_and_closed(broker: EmbeddedBroker, api: Api) -> None:
    events = api.events("topics=changes")
    assert next(events)[0] == "hello"
    changes = changes_of(events)

    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    assert until(changes, "connection", "created")["protocol"] == "AMQP 0-9-1"
    with closing(KafkaProducer(bootstrap_servers=broker.kafka, client_id="billing-1")):
        assert until(changes, "connection", "created")["protocol"] == "Kafka"
        see_and_close(api)
    while until(changes, "connection", "deleted")["protocol"] != "AMQP 0-9-1":
        pass
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        connection.process_data_events(time_limit=10)
    gc.collect()  # here, and in no other test


def see_and_close(api: Api) -> None:
    connections = {one["protocol"]: one for one in api("/connections")}
    kafka = connections["Kafka"]
    assert (kafka["client_id"], kafka["client_properties"]["product"]) == (
        "billing-1",
        "kafka-python",
    )
    assert all(one["recv_oct"] > 0 and one["send_oct"] > 0 for one in connections.values())

    for one in api("/connections"):
        name = one["name"].replace(" ", "%20").replace(">", "%3E")
        api(f"/connections/{name}", "DELETE")


def test_a_group_is_seen_with_its_members_and_lag(broker: EmbeddedBroker, api: Api) -> None:
    servers = broker.kafka
    api("/topics/orders", "PUT", {"partitions": 2})
    producer = KafkaProducer(bootstrap_servers=servers)
    for number in range(20):
        producer.send("orders", b"x", partition=number % 2)
    producer.flush()
    consumer = KafkaConsumer(
        "orders",
        bootstrap_servers=servers,
        group_id="billing",
        client_id="worker",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=5,
    )
    while not consumer.poll(timeout_ms=1000):
        pass
    consumer.commit()

    said = api("/groups/billing")
    assert (said["state"], said["member_count"], said["lag"]) == ("Stable", 1, 15)
    [member] = said["members"]
    assert (member["client_id"], member["lag"]) == ("worker", 15)
    assert member["assignment"] == [{"topic": "orders", "partitions": [0, 1]}]
    assert {one["client_id"] for one in said["partitions"]} == {"worker"}
    consumer.close()

    moved = api("/groups/billing/offsets", "POST", {"to": "latest"})
    assert moved["applied"]
    again = KafkaConsumer(bootstrap_servers=servers, group_id="billing")
    assert [again.committed(TopicPartition("orders", index)) for index in (0, 1)] == [10, 10]
    again.close()
    producer.close()
