"""Dead letters by why and where they died; delayed messages seen, cancelled, sent on."""

import base64
from typing import Any

import pytest
from tests.unit.management.api.browser_room import BrowserRoom
from typing_extensions import override

from anymq.core.queues.late import LateRecord

REJECT = {"count": 100, "ackmode": "reject_requeue_false", "encoding": "auto"}


@pytest.fixture
def room() -> BrowserRoom:
    return BrowserRoom()


def test_dead_letters_are_counted_by_why_and_where(room: BrowserRoom) -> None:
    room.put("/api/exchanges/%2F/dlx", {"type": "fanout"})
    room.put("/api/exchanges/%2F/behind", {"type": "fanout"})
    room.post("/api/bindings/%2F/e/dlx/e/behind", {})
    room.queue("dead")
    room.post("/api/bindings/%2F/e/behind/q/dead", {})
    room.queue("a", **{"x-dead-letter-exchange": "dlx"})
    room.queue("b", **{"x-dead-letter-exchange": "dlx", "x-message-ttl": 1000})
    for number in range(3):
        room.send("a", str(number))
    room.send("b", "late")
    room.send("dead", "came by itself")
    room.post("/api/queues/%2F/a/get", REJECT)
    room.pass_time(2)

    said = room.get("/api/dead-letters/%2F").json
    assert said["complete"]
    assert said["queues"] == [{"vhost": "/", "queue": "dead", "messages": 5, "examined": 5}]
    groups = said["groups"]
    assert [(one["reason"], one["origin_queue"], one["count"]) for one in groups] == [
        ("rejected", "a", 3),
        ("expired", "b", 1),
    ]
    assert groups[0]["routing_keys"] == ["a"]
    assert groups[0]["bytes"] == 3
    assert room.get("/api/dead-letters").json == said
    assert room.get("/api/dead-letters/%2F?queue=dead").json == said

    assert room.run("replay", "dead", filter=groups[0]["filter"])["done"] == 3
    assert room.payloads("a") == ["0", "1", "2"]
    assert room.payloads("dead") == ["came by itself", "late"]


def test_what_groups_gave_up_is_counted_by_its_topic_and_given_to_them_again(
    room: BrowserRoom,
) -> None:
    """RocketMQ's dead letters are records of a topic: they stay, and their group gets them anew."""
    for name in ("orders", "%DLQ%billing", "%RETRY%billing"):
        room.broker.create_topic(name, 1)
    room.write_to_disk()
    for number, topic in enumerate(("orders", "orders", "bills")):
        room.send("%DLQ%billing", str(number), headers={"RETRY_TOPIC": topic})
    room.send("%DLQ%billing", "came by itself")
    room.write_to_disk()

    said = room.get("/api/dead-letters/%2F").json
    assert said["queues"] == [{"vhost": "/", "queue": "%DLQ%billing", "messages": 4, "examined": 4}]
    groups = said["groups"]
    assert [(one["reason"], one["origin_queue"], one["count"]) for one in groups] == [
        ("delivery_limit", "orders", 2),
        ("delivery_limit", "bills", 1),
    ]
    assert room.get("/api/dead-letters/%2F?queue=%25DLQ%25billing").json == said

    assert room.run("replay", "%DLQ%billing", filter=groups[0]["filter"])["done"] == 2
    assert room.payloads("%25RETRY%25billing") == ["0", "1"]
    assert room.payloads("%25DLQ%25billing") == ["0", "1", "2", "came by itself"]


def test_no_dead_letters(room: BrowserRoom) -> None:
    nothing = {"groups": [], "queues": [], "complete": True}
    assert room.get("/api/dead-letters").json == nothing
    assert room.get("/api/dead-letters/none").status == 404
    assert room.get("/api/dead-letters/%2F?queue=none").status == 404


def delayed(room: BrowserRoom, *payloads: str) -> list[dict[str, object]]:
    room.queue("q")
    for number, payload in enumerate(payloads, 1):
        room.send("q", payload, headers={"x-delay": 60_000 * number})
    room.write_to_disk()
    messages: list[dict[str, object]] = room.get("/api/delayed/%2F").json["messages"]
    return messages


def test_delayed_messages_are_seen_by_their_time(room: BrowserRoom) -> None:
    assert [one["payload"] for one in delayed(room, "a", "b", "c")] == ["a", "b", "c"]
    page = room.get("/api/delayed/%2F?count=2").json
    assert (page["total"], len(page["messages"])) == (3, 2)
    first = page["messages"][0]
    assert first["due"] - first["timestamp"] == 60_000
    assert (first["exchange"], first["routing_key"]) == ("", "q")
    rest = room.get(f"/api/delayed/%2F?after={page['next']}").json
    assert [one["payload"] for one in rest["messages"]] == ["c"]
    assert rest["next"] is None


def test_records_that_come_to_a_topic_later_are_seen_by_the_rights_on_it(
    room: BrowserRoom,
) -> None:
    """What RocketMQ's producers delay: it knows its topic and partition already."""
    room.broker.create_topic("orders", 2)
    now = room.broker.now_ms()
    late = LateRecord("orders", 1, b"key", b"body", b"\0", now, now + 60_000)
    room.broker.delays.add_record(late, None)
    room.write_to_disk()
    (row,) = room.get("/api/delayed/%2F").json["messages"]
    assert (row["topic"], row["partition"], row["payload"]) == ("orders", 1, "body")
    assert row["due"] - row["timestamp"] == 60_000

    room.put("/api/users/ann", {"password": "pw", "tags": "management"})
    ann = {"Authorization": "Basic " + base64.b64encode(b"ann:pw").decode()}
    room.put("/api/permissions/%2F/ann", {"configure": "", "write": "", "read": "bills"})
    assert room.get("/api/delayed/%2F", **ann).json["messages"] == []
    path = f"/api/delayed/%2F/{row['id']}"
    assert room.browser().ask("DELETE", path, **ann).status in (401, 403)

    assert room.delete(f"/api/delayed/%2F/{row['id']}").status == 204
    assert room.get("/api/delayed/%2F").json["messages"] == []


def test_a_delayed_message_is_cancelled(room: BrowserRoom) -> None:
    first, _ = delayed(room, "a", "b")
    assert room.delete(f"/api/delayed/%2F/{first['id']}").status == 204
    assert room.delete(f"/api/delayed/%2F/{first['id']}").status == 404
    room.pass_time(200)
    assert room.payloads("q") == ["b"]


def test_a_delayed_message_is_sent_on_at_once(room: BrowserRoom) -> None:
    _, second = delayed(room, "a", "b")
    assert room.post(f"/api/delayed/%2F/{second['id']}/release").status == 204
    room.write_to_disk()
    assert room.payloads("q") == ["b"]
    assert room.post(f"/api/delayed/%2F/{second['id']}/release").status == 404
    room.pass_time(200)
    assert room.payloads("q") == ["b", "a"]


@pytest.mark.parametrize("name", ["x", "1-2-3", "999-0", "-"])
def test_what_is_no_delayed_message(room: BrowserRoom, name: str) -> None:
    assert room.delete(f"/api/delayed/%2F/{name}").status == 404
    assert room.post(f"/api/delayed/%2F/{name}/release").status == 404


def test_only_who_may_read_and_write_the_exchange(room: BrowserRoom) -> None:
    first = delayed(room, "a")[0]
    room.put("/api/users/ada", {"password": "x", "tags": "management"})
    ada = {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode()}
    room.put("/api/permissions/%2F/ada", {"configure": "", "write": ".*", "read": "^q$"})
    assert room.get("/api/delayed/%2F", **ada).json["messages"] == []
    path = f"/api/delayed/%2F/{first['id']}"
    assert room.browser().ask("DELETE", path, **ada).status == 401
    room.put("/api/permissions/%2F/ada", {"configure": "", "write": "^q$", "read": ".*"})
    assert len(room.get("/api/delayed/%2F", **ada).json["messages"]) == 1
    assert room.browser().ask("DELETE", path, **ada).status == 401


def test_an_exchange_that_many_queues_share_is_followed_once(
    room: BrowserRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """10,000 queues with one dead-letter exchange, which has 10,000 bindings: nobody may wait."""
    room.put("/api/exchanges/%2F/dlx", {"type": "direct"})
    for number in range(20):
        room.queue(f"q{number}", **{"x-dead-letter-exchange": "dlx"})
        room.post(f"/api/bindings/%2F/e/dlx/q/q{number}", {"routing_key": str(number)})
    followed = []

    class Counted(dict[Any, Any]):
        @override
        def values(self) -> Any:
            followed.append(1)
            return super().values()

    exchange = room.broker.vhost("/").exchange("dlx")
    monkeypatch.setattr(exchange, "bindings", Counted(exchange.bindings))
    queues = room.get("/api/dead-letters").json["queues"]
    assert (len(queues), len(followed)) == (20, 1)
