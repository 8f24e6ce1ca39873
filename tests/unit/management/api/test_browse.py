"""Messages looked at: without consuming them, wherever they are."""

import base64

import pytest
from tests.unit.management.api.browser_room import BrowserRoom


@pytest.fixture
def room() -> BrowserRoom:
    room = BrowserRoom()
    room.queue("q")
    return room


def test_messages_are_seen_and_stay(room: BrowserRoom) -> None:
    room.send("q", "a", headers={"tenant": "acme"}, message_id="m-1", priority=3)
    shown = room.browse("q")
    assert shown == {
        "messages": [
            {
                "position": "0",
                "timestamp": shown["messages"][0]["timestamp"],
                "state": "ready",
                "redelivered": False,
                "returns": 0,
                "exchange": "",
                "routing_key": "q",
                "properties": {"delivery_mode": 2, "message_id": "m-1", "priority": 3},
                "headers": {"tenant": "acme"},
                "payload": "a",
                "payload_encoding": "string",
                "payload_bytes": 1,
            }
        ],
        "next": None,
    }
    assert room.payloads("q") == ["a"]
    assert room.get("/api/queues/%2F/q").json["messages_ready"] == 1


def test_who_goes_on_at_next_sees_all_of_them_once(room: BrowserRoom) -> None:
    for number in range(7):
        room.send("q", str(number))
    seen, query = [], {"count": 3}
    while True:
        page = room.browse("q", **query)
        seen += [one["payload"] for one in page["messages"]]
        if page["next"] is None:
            break
        query["position"] = page["next"]
    assert seen == list("0123456")


def test_what_a_consumer_has_is_seen_as_unacked(room: BrowserRoom) -> None:
    for body in "abc":
        room.send("q", body)
    assert room.taken("q") == ["a"]
    shown = room.browse("q")["messages"]
    assert [(one["payload"], one["state"]) for one in shown] == [
        ("a", "unacked"),
        ("b", "ready"),
        ("c", "ready"),
    ]


def test_the_urgent_ones_come_first_and_have_a_line_of_their_own(room: BrowserRoom) -> None:
    room.queue("p", **{"x-max-priority": 5})
    for priority in (0, 3, 5, 3):
        room.send("p", str(priority), priority=priority)
    shown = room.browse("p", count=2)
    assert [one["payload"] for one in shown["messages"]] == ["5", "3"]
    assert [one["position"] for one in shown["messages"]] == ["5:0", "3:0"]
    assert room.payloads("p", position=shown["next"]) == ["3", "0"]


def test_from_a_time_on(room: BrowserRoom) -> None:
    for body in "abc":
        room.clock.seconds += 10
        room.send("q", body)
    times = [one["timestamp"] for one in room.browse("q")["messages"]]
    assert room.payloads("q", time=times[1]) == ["b", "c"]
    assert room.payloads("q", time=times[2] + 1) == []
    assert room.payloads("q", time="1970-01-01T00:00:00Z") == ["a", "b", "c"]


def test_the_newest_ones(room: BrowserRoom) -> None:
    for number in range(9):
        room.send("q", str(number))
    assert [one["payload"] for one in room.browse("q", count=2, last="true")["messages"]] == [
        "7",
        "8",
    ]


def test_long_payloads_are_cut_and_bytes_are_base64(room: BrowserRoom) -> None:
    room.send("q", "grüße" * 10)
    one = room.browse("q", truncate=3)["messages"][0]
    assert (one["payload"], one["payload_encoding"], one["payload_bytes"]) == ("gr", "string", 70)
    one = room.browse("q", encoding="base64")["messages"][0]
    assert base64.b64decode(one["payload"]).decode() == "grüße" * 10


def test_a_stream_and_its_topic_show_the_same(room: BrowserRoom) -> None:
    room.stream("s")
    for body in "abc":
        room.send("s", body, headers={"n": body})
    of_stream = room.browse("s", position="1")["messages"]
    of_topic = room.get("/api/topics/s/partitions/0/messages?offset=1").json["messages"]
    assert of_stream == of_topic
    assert [(one["position"], one["state"], one["payload"]) for one in of_topic] == [
        ("1", "stored", "b"),
        ("2", "stored", "c"),
    ]
    assert of_topic[0]["headers"] == {"n": "b"}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/queues/%2F/none/messages", 404),
        ("/api/queues/none/q/messages", 404),
        ("/api/topics/none/partitions/0/messages", 404),
        ("/api/queues/%2F/q/messages?position=x", 400),
        ("/api/queues/%2F/q/messages?count=x", 400),
        ("/api/queues/%2F/q/messages?time=tomorrow", 400),
        ("/api/queues/%2F/q/messages?encoding=x", 400),
        ("/api/queues/%2F/q/messages?position=999999:1", 200),
    ],
)
def test_what_is_asked_for_in_vain(room: BrowserRoom, path: str, status: int) -> None:
    assert room.get(path).status == status


def test_only_who_may_read_the_queue_sees_it(room: BrowserRoom) -> None:
    room.stream("s")
    room.put("/api/users/ada", {"password": "x", "tags": "management"})
    rights = {"configure": ".*", "write": ".*", "read": "^other$"}
    room.put("/api/permissions/%2F/ada", rights)
    ada = {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode()}
    assert room.get("/api/queues/%2F/q/messages", **ada).status == 401
    assert room.get("/api/topics/s/partitions/0/messages", **ada).status == 401
