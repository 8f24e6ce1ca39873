"""Topics and groups by the API."""

import pytest

from anymq.core.shares.group import Heartbeat
from anymq.core.shares.words import Wish
from anymq.core.streams.group_calls import CommitRequest, JoinRequest, NewOffset
from anymq.core.taps import BROKER
from anymq.storage.batch import read_header
from anymq.storage.records import Record, build
from anymq.testing.http import HttpRoom

ORDERS = "/api/topics/orders"


@pytest.fixture
def room() -> HttpRoom:
    room = HttpRoom()
    assert room.put(ORDERS, {"partitions": 2}).status == 201
    return room


def write(room: HttpRoom, count: int, partition: int = 0, timestamp: int = 1000) -> None:
    """Records, each a batch of its own and a second later than the one before."""
    topic = room.broker.topic("orders")
    for index in range(count):
        batch = build([Record(b"value", timestamp=timestamp + index * 1000)])
        topic.partition(partition).append(batch, read_header(batch), 0, None)
    room.write_to_disk()


def commit(room: HttpRoom, offset: int, partition: int = 0, group: str = "billing") -> None:
    offsets = [NewOffset("orders", partition, offset)]
    room.broker.groups.commit(CommitRequest(group=group, offsets=offsets), lambda _: None)
    room.write_to_disk()


def test_a_topic_is_made_found_changed_and_unmade(room: HttpRoom) -> None:
    write(room, 3)
    said = room.get(ORDERS).json
    assert (said["partitions"], said["messages"], said["cleanup_policy"]) == (2, 3, "delete")
    assert said["queue"] == {"vhost": "/", "name": "orders"}
    assert said["message_stats"]["publish"] == 3
    assert [one["name"] for one in room.get("/api/topics").json] == ["orders"]

    more = {"partitions": 3, "configs": {"retention.ms": 60000}}
    assert room.put(ORDERS, more).status == 204
    said = room.get(ORDERS).json
    assert (said["partitions"], said["overrides"]) == (3, {"retention.ms": "60000"})
    retention = next(one for one in said["configs"] if one["name"] == "retention.ms")
    assert (retention["value"], retention["source"], retention["type"]) == (
        "60000",
        "topic",
        "long",
    )

    assert room.put(ORDERS + "/configs", {"retention.ms": None}).status == 204
    assert room.get(ORDERS).json["overrides"] == {}
    assert room.delete(ORDERS).status == 204
    assert room.get(ORDERS).status == room.delete(ORDERS).status == 404


@pytest.mark.parametrize(
    "body",
    [
        {"partitions": 1},
        {"partitions": "three"},
        {"configs": {"retention.ms": "soon"}},
        {"configs": {"no.such": "1"}},
        {"configs": {"retention.ms": []}},
        {"partitions": 5, "configs": {"no.such": "1"}},
    ],
)
def test_what_makes_no_sense_changes_nothing(room: HttpRoom, body: object) -> None:
    before = room.get(ORDERS).json
    assert room.put(ORDERS, body).status == 400
    assert room.get(ORDERS).json == before


def test_partitions_and_the_deletion_of_records(room: HttpRoom) -> None:
    write(room, 5)
    write(room, 2, partition=1)
    first, second = room.get(ORDERS + "/partitions").json
    assert (first["start"], first["end"], second["messages"]) == (0, 5, 2)

    assert room.delete(ORDERS + "/contents?partition=0&before=3").status == 204
    assert room.get(ORDERS + "/partitions/0").json["start"] == 3
    assert room.delete(ORDERS + "/contents").status == 204
    assert room.get(ORDERS).json["messages"] == 0
    assert room.get(ORDERS + "/partitions/2").status == 404
    assert room.delete(ORDERS + "/contents?partition=9").status == 404
    assert room.delete(ORDERS + "/contents?before=99").status == 400


def test_a_group_and_its_lag(room: HttpRoom) -> None:
    write(room, 5)
    commit(room, 2)
    [one] = room.get("/api/groups").json
    assert (one["name"], one["state"], one["lag"], one["topics"]) == (
        "billing",
        "Empty",
        3,
        ["orders"],
    )
    said = room.get("/api/groups/billing").json
    [partition] = said["partitions"]
    assert (partition["committed"], partition["end"], partition["lag"]) == (2, 5, 3)
    assert partition["member"] is None
    assert room.get(ORDERS).json["groups"] == [{"name": "billing", "state": "Empty", "lag": 3}]

    assert room.delete("/api/groups/billing").status == 204
    assert room.get("/api/groups/billing").status == 404


@pytest.mark.parametrize(
    ("to", "offset"),
    [
        ("earliest", 0),
        ("latest", 5),
        ({"offset": 4}, 4),
        ({"offset": 99}, 5),
        ({"shift": -1}, 1),
        ({"timestamp": 3000}, 2),
        ({"timestamp": 99_000}, 5),
    ],
)
def test_offsets_are_set(room: HttpRoom, to: object, offset: int) -> None:
    write(room, 5)
    commit(room, 2)
    path = "/api/groups/billing/offsets"

    said = room.post(path, {"to": to, "dry_run": True}).json
    move = {"topic": "orders", "partition": 0, "from": 2, "to": offset, "lag": 5 - offset}
    assert said == {"applied": False, "partitions": [move]}
    assert room.get("/api/groups/billing").json["lag"] == 3

    assert room.post(path, {"to": to, "topics": ["orders"]}).json["applied"]
    first, second = room.get("/api/groups/billing").json["partitions"]
    assert (first["committed"], second["lag"]) == (offset, 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"to": "nowhere"},
        {"to": {"offset": "1"}},
        {"to": {"offset": 1, "shift": 1}},
        {"to": "latest", "topics": "orders"},
        {"to": "latest", "topics": {"orders": [{}]}},
        {"to": "latest", "topics": {"orders": [True]}},
    ],
)
def test_offsets_that_make_no_sense(room: HttpRoom, body: object) -> None:
    commit(room, 0)
    assert room.post("/api/groups/billing/offsets", body).status == 400


def test_offsets_of_a_group_with_members_are_theirs(room: HttpRoom) -> None:
    commit(room, 0)
    join = JoinRequest(
        group="billing",
        protocol_type="consumer",
        protocols=(("range", b"\0\0\0\0\0\1\0\6orders"),),
        session_timeout_ms=10_000,
        rebalance_timeout_ms=10_000,
        client_id="billing-1",
        client_host="192.0.2.1",
    )
    room.broker.groups.join(join, lambda _: None)
    [member] = room.get("/api/groups/billing").json["members"]
    assert (member["client_id"], member["assignment"]) == ("billing-1", [])

    said = room.post("/api/groups/billing/offsets", {"to": "earliest"})
    assert (said.status, said.json["error"]) == (409, "conflict")
    assert room.delete("/api/groups/billing").status == 409


def test_who_may_not_enter_sees_neither_topics_nor_groups(room: HttpRoom) -> None:
    commit(room, 0)
    room.put("/api/users/ada", {"password": "secret", "tags": "management"})

    def ask(path: str, method: str = "GET") -> int:
        return room.browser().ask(method, path, Authorization="Basic YWRhOnNlY3JldA==").status

    assert (ask(ORDERS), ask("/api/groups/billing")) == (404, 404)
    room.put("/api/permissions/%2F/ada", {"configure": "", "write": "", "read": ""})
    assert (ask(ORDERS), ask("/api/groups/billing")) == (200, 200)
    assert (ask(ORDERS, "DELETE"), ask("/api/groups/billing", "DELETE")) == (401, 401)
    assert (ask(ORDERS + "/contents", "DELETE"), ask(ORDERS, "PUT")) == (401, 401)
    assert ask("/api/groups/billing/offsets", "POST") == 401


def test_a_share_group_is_a_group_of_another_type(room: HttpRoom) -> None:
    """Its members share partitions, so what is left is the group's, not theirs."""
    shares = room.broker.shares
    room.broker.vhost("/").declare_queue("work", durable=True)
    joined = Heartbeat(member_id="ada", epoch=0, topics=["orders", "work"], client_id="tester")
    shares.beat("workers", joined)
    spot = shares.spots.find("orders")
    assert spot is not None
    place = shares.place("workers", spot, 0, BROKER, lambda: None)
    write(room, 3)
    assert place.ask(Wish(2, 1000)) is not None

    [one] = room.get("/api/groups").json
    assert (one["name"], one["type"], one["state"], one["lag"]) == ("workers", "share", "Stable", 3)
    assert (one["topics"], one["member_count"]) == (["orders", "work"], 1)
    said = room.get("/api/groups/workers").json
    assert [(each["topic"], each["partition"], each["lag"]) for each in said["partitions"]] == [
        ("orders", 0, 3),
        ("orders", 1, 0),
        ("work", 0, 0),
    ]
    [member] = said["members"]
    assert (member["id"], member["client_id"]) == ("ada", "tester")
    assert room.get("/api/overview").json["object_totals"]["groups"] == 1
    assert room.post("/api/groups/workers/offsets", {"to": "earliest"}).status == 400
    assert room.delete("/api/groups/workers").status == 409
    shares.leave("workers", "ada")
    assert room.delete("/api/groups/workers").status == 204
    assert room.get("/api/groups").json == []
