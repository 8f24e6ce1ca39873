"""RocketMQ's groups by the API, beside Kafka's."""

import pytest
from tests.unit.management.api.test_topics import commit, room, write

from anymq.core.shares.words import Wish
from anymq.core.streams.clients import Client, Interest, Joining
from anymq.core.taps import BROKER
from anymq.testing.http import HttpRoom

__all__ = ["room"]
BILLING = "/api/groups/billing"


class Line:
    """A connection that is told nothing here."""

    def members_changed(self, group: str) -> None: ...


@pytest.fixture
def client(room: HttpRoom) -> Client:
    client = Client(id="10.0.0.1@7", channel=Line(), language="JAVA", address="10.0.0.1:5000")
    joining = Joining(group="billing", interests=[Interest("orders", "red || blue")])
    room.broker.groups.clients.consume(client, joining)
    return client


def test_members_subscriptions_and_lag(room: HttpRoom, client: Client) -> None:
    write(room, 5)
    commit(room, 2)
    room.broker.groups.queue_locks.lock("billing", client.id, [("orders", 0)])
    (listed,) = room.get("/api/groups").json
    said = {name: listed[name] for name in ("name", "type", "state", "member_count", "lag")}
    assert said == {
        "name": "billing",
        "type": "rocketmq",
        "state": "Stable",
        "member_count": 1,
        "lag": 3,
    }
    shown = room.get(BILLING).json
    assert shown["topics"] == ["orders"]
    assert shown["subscriptions"] == [
        {"topic": "orders", "expression": "red || blue", "kind": "TAG"}
    ]
    (member,) = shown["members"]
    assert (member["id"], member["client_host"]) == ("10.0.0.1@7", "10.0.0.1")
    assert member["assignment"] == [{"topic": "orders", "partitions": [0]}]
    (queue,) = shown["partitions"]
    assert (queue["committed"], queue["end"], queue["member"]) == (2, 5, "10.0.0.1@7")


def test_what_it_pops_counts_too(room: HttpRoom, client: Client) -> None:
    """What is out, or waits, is behind; what is acked is not."""
    write(room, 5)
    shares = room.broker.shares
    spot = shares.spots.find("orders")
    assert spot is not None
    pop = shares.pops.at("billing", spot, 0, who=BROKER, start=lambda one: one.start)
    hold = shares.pops.hold(60_000)
    pop.take(Wish(3, 1 << 20, strict=True), hold)
    pop.ack(hold.time_ms, [0, 1])
    shown = room.get(BILLING).json
    assert shown["lag"] == 3
    assert [(one["partition"], one["lag"]) for one in shown["partitions"]] == [(0, 3), (1, 0)]


def test_nobody_deletes_it_or_moves_it_while_it_has_members(room: HttpRoom, client: Client) -> None:
    write(room, 5)
    commit(room, 2)
    assert room.delete(BILLING).status == 409
    assert room.post(BILLING + "/offsets", {"to": "earliest"}).status == 409
    room.broker.groups.clients.closed(client.channel)
    room.write_to_disk()
    assert room.post(BILLING + "/offsets", {"to": "earliest"}).status == 200
    room.write_to_disk()
    assert room.delete(BILLING).status == 204
    room.write_to_disk()
    assert room.get(BILLING).status == 404
