"""Jobs: search, delete, requeue, move, copy, replay; and what is safe meanwhile."""

import base64
import json
from itertools import count
from typing import Any

import pytest
from tests.unit.management.api.browser_room import BrowserRoom

from anymq.core.browsing import jobs
from anymq.core.browsing.jobs import REST_FACTOR
from anymq.testing.http import basic


@pytest.fixture
def room() -> BrowserRoom:
    room = BrowserRoom()
    for name in ("q", "other"):
        room.queue(name)
    return room


def dead_letters(room: BrowserRoom, count: int) -> None:
    """Messages published to an exchange die in `work`, and rest in `dead`."""
    room.queue("work", **{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"})
    room.queue("dead")
    room.put("/api/exchanges/%2F/shop", {"type": "direct"})
    room.post("/api/bindings/%2F/e/shop/q/work", {"routing_key": "new"})
    for number in range(count):
        room.send("new", str(number), exchange="shop")
    reject = {"count": count, "ackmode": "reject_requeue_false", "encoding": "auto"}
    assert len(room.post("/api/queues/%2F/work/get", reject).json) == count
    room.write_to_disk()
    assert len(room.payloads("dead")) == count


# Search


def orders(room: BrowserRoom) -> None:
    for number in range(20):
        order = {"order": {"id": number, "items": [{"sku": f"A-{number}"}, {"sku": "B"}]}}
        tenant = "acme" if number % 2 else "emca"
        room.send("q", json.dumps(order), headers={"tenant": tenant, "n": number})


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({"json": [{"path": "order.id", "op": "=", "value": 7}]}, [7]),
        ({"json": [{"path": "order.id", "op": ">=", "value": 18}]}, [18, 19]),
        ({"json": [{"path": "order.items[0].sku", "value": "A-3"}]}, [3]),
        ({"json": [{"path": "$.order.items[*].sku", "value": "A-4"}]}, [4]),
        ({"json": [{"path": "order.items[1].sku", "value": "A-4"}]}, []),
        ({"json": [{"path": "order.none", "op": "missing"}], "text": '"id": 5,'}, [5]),
        ({"json": [{"path": "order.none", "op": "exists"}]}, []),
        (
            {"headers": [{"name": "tenant", "value": "acme"}], "text": '"A-1'},
            [1, 11, 13, 15, 17, 19],
        ),
        ({"headers": [{"name": "n", "op": "<", "value": 2}]}, [0, 1]),
        ({"text": "a-19", "ignore_case": True}, [19]),
        ({"routing_key": "other"}, []),
        ({"routing_key": "*q*", "bytes_max": 10}, []),
        ({"properties": [{"name": "delivery_mode", "op": "!=", "value": 2}]}, []),
        ({"to": 0}, []),
    ],
)
def test_a_search_finds_what_is_meant(
    room: BrowserRoom, wanted: dict[str, Any], numbers: list[int]
) -> None:
    orders(room)
    job = room.run("search", "q", filter=wanted)
    assert [one["headers"]["n"] for one in job["results"]] == numbers
    assert (job["state"], job["examined"], job["total"]) == ("done", 20, 20)
    assert (job["found"], job["complete"], job["next"]) == (len(numbers), True, None)
    assert len(room.payloads("q")) == 20


def test_a_search_ends_when_it_has_found_enough_and_can_go_on(room: BrowserRoom) -> None:
    orders(room)
    job = room.run(
        "search", "q", limit=3, filter={"headers": [{"name": "tenant", "value": "acme"}]}
    )
    assert [one["headers"]["n"] for one in job["results"]] == [1, 3, 5]
    assert not job["complete"]
    job = room.run(
        "search",
        "q",
        from_position=job["next"],
        filter={"headers": [{"name": "tenant", "value": "acme"}]},
    )
    assert [one["headers"]["n"] for one in job["results"]] == [7, 9, 11, 13, 15, 17, 19]


@pytest.mark.parametrize(
    "body",
    ['{"id": "caf\\u00e9"}', '{"id": "café"}', '{"id":"\\u0063afé"}'],
)
def test_json_is_found_however_it_is_written(room: BrowserRoom, body: str) -> None:
    room.send("q", body)
    job = room.run("search", "q", filter={"json": [{"path": "id", "value": "café"}]})
    assert job["found"] == 1


@pytest.mark.parametrize("body", ["[4711]", "[4711.0]", "[4.711e3]", "[47110E-1]"])
def test_numbers_are_found_however_they_are_written(room: BrowserRoom, body: str) -> None:
    room.send("q", body)
    job = room.run("search", "q", filter={"json": [{"path": "[0]", "value": 4711}]})
    assert job["found"] == 1


def test_streams_and_topics_are_searched(room: BrowserRoom) -> None:
    room.stream("s")
    for number in range(5):
        room.send("s", json.dumps({"n": number}))
    wanted = {"json": [{"path": "n", "op": ">", "value": 2}]}
    job = room.run("search", "s", filter=wanted)
    assert [one["position"] for one in job["results"]] == ["3", "4"]
    source = {"topic": "s", "partition": 0}
    said = room.post("/api/jobs", {"action": "search", "source": source, "filter": wanted})
    assert room.end_of(said.json["id"])["results"] == job["results"]


# Taking away


def test_chosen_ones_are_deleted(room: BrowserRoom) -> None:
    for body in "abcde":
        room.send("q", body)
    job = room.run("delete", "q", positions=["3", "1", "99"])
    assert room.payloads("q") == ["a", "c", "e"]
    assert (job["done"], job["skipped"], job["total"]) == (2, 1, 3)
    assert room.get("/api/queues/%2F/q").json["messages"] == 3


def test_what_a_consumer_has_stays_with_it(room: BrowserRoom) -> None:
    for body in "abc":
        room.send("q", body)
    assert room.taken("q") == ["a"]
    job = room.run("delete", "q")
    assert (job["done"], job["skipped"]) == (2, 1)
    assert room.payloads("q") == ["a"]


def test_the_oldest_so_many_are_purged(room: BrowserRoom) -> None:
    for body in "abcde":
        room.send("q", body)
    assert room.run("purge", "q", limit=2)["done"] == 2
    assert room.payloads("q") == ["c", "d", "e"]
    assert room.run("purge", "q")["done"] == 3


def test_who_takes_so_many_hears_where_to_go_on(room: BrowserRoom) -> None:
    for body in "abcde":
        room.send("q", body)
    job = room.run("delete", "q", limit=2, filter={"bytes_min": 1})
    assert (job["done"], job["next"], job["complete"]) == (2, "2", False)
    job = room.run("delete", "q", limit=1, from_position="3")
    assert (job["next"], room.payloads("q")) == ("4", ["c", "e"])


def test_requeued_ones_are_at_the_end_once(room: BrowserRoom) -> None:
    for body in "abcd":
        room.send("q", body, headers={"n": body})
    job = room.run("requeue", "q", filter={"text": "a"})
    assert room.payloads("q") == ["b", "c", "d", "a"]
    assert job["done"] == 1
    assert room.run("requeue", "q")["done"] == 4
    assert room.payloads("q") == ["b", "c", "d", "a"]


def test_consumers_get_the_rest_in_order_while_some_are_away(room: BrowserRoom) -> None:
    for body in "abcde":
        room.send("q", body)
    room.disk_waits = True
    room.begin("move", "q", positions=["1", "3"], target={"queue": "other"})
    room.timers.run(room.clock.seconds)
    assert [one["state"] for one in room.browse("q")["messages"]] == [
        "ready",
        "unacked",
        "ready",
        "unacked",
        "ready",
    ]
    assert room.taken("q", 4, no_ack=True) == ["a", "c", "e"]


def test_the_lines_of_priorities_are_gone_through_like_one(room: BrowserRoom) -> None:
    room.queue("p", **{"x-max-priority": 5})
    for priority in (0, 3, 5, 3):
        room.send("p", str(priority), priority=priority)
    assert room.run("delete", "p", positions=["3:1", "0"])["done"] == 2
    assert room.payloads("p") == ["5", "3"]
    job = room.run("requeue", "p")
    assert (job["examined"], job["total"], job["done"]) == (2, 2, 2)
    assert room.payloads("p") == ["5", "3"]


def test_a_requeued_message_is_no_duplicate_of_itself(room: BrowserRoom) -> None:
    room.queue("d", **{"x-message-deduplication": True})
    room.send("d", "a", message_id="1")
    assert room.run("requeue", "d")["done"] == 1
    assert room.payloads("d") == ["a"]


def test_a_queue_that_is_purged_keeps_what_a_job_has(room: BrowserRoom) -> None:
    for body in "abc":
        room.send("q", body)
    room.disk_waits = True
    job_id = room.begin("move", "q", positions=["1"], target={"queue": "other"})
    room.timers.run(room.clock.seconds)
    assert room.delete("/api/queues/%2F/q/contents").status == 204
    room.disk_waits = False
    assert room.end_of(job_id)["done"] == 1
    assert (room.payloads("q"), room.payloads("other")) == ([], ["b"])


# Sending elsewhere


def test_moved_messages_are_as_they_were(room: BrowserRoom) -> None:
    room.send("q", "a", headers={"n": 1}, message_id="m")
    before = room.browse("q")["messages"][0]
    job = room.run("move", "q", target={"queue": "other"})
    after = room.browse("other")["messages"][0]
    for name in ("exchange", "routing_key", "properties", "headers", "payload"):
        assert after[name] == before[name]
    assert (job["done"], room.payloads("q")) == (1, [])


def test_a_copy_leaves_them_where_they_are(room: BrowserRoom) -> None:
    for body in "ab":
        room.send("q", body)
    room.run("copy", "q", target={"queue": "other"})
    assert room.payloads("q") == room.payloads("other") == ["a", "b"]


def test_a_stream_is_replayed_into_a_queue(room: BrowserRoom) -> None:
    room.stream("s")
    for body in "abc":
        room.send("s", body)
    job = room.run("copy", "s", target={"queue": "q"}, filter={"text": "b"})
    assert (job["done"], room.payloads("q"), len(room.payloads("s"))) == (1, ["b"], 3)


def test_a_queue_is_moved_into_a_stream(room: BrowserRoom) -> None:
    room.stream("s")
    room.send("q", "a", headers={"n": 1})
    assert room.run("move", "q", target={"queue": "s"})["done"] == 1
    one = room.browse("s")["messages"][0]
    assert (one["payload"], one["headers"], room.payloads("q")) == ("a", {"n": 1}, [])


def test_only_so_many_are_on_their_way_at_a_time(room: BrowserRoom) -> None:
    for number in range(1200):
        room.send("q", str(number))
    room.disk_waits = True
    job_id = room.begin("move", "q", target={"queue": "other"})
    room.timers.run(room.clock.seconds)
    assert room.get("/api/queues/%2F/q").json["messages_unacknowledged"] == 1000
    assert room.delete(f"/api/jobs/{job_id}").status == 204
    room.disk_waits = False
    room.write_to_disk()
    assert len(room.payloads("q")) == 200
    assert room.get(f"/api/jobs/{job_id}").json["done"] == 1000


def test_it_is_gone_here_only_when_it_is_safe_there(room: BrowserRoom) -> None:
    room.send("q", "a")
    room.disk_waits = True
    job_id = room.begin("move", "q", target={"queue": "other"})
    room.timers.run(room.clock.seconds)
    assert [one["state"] for one in room.browse("q")["messages"]] == ["unacked"]
    assert room.get(f"/api/jobs/{job_id}").json["done"] == 0
    room.disk_waits = False
    assert room.end_of(job_id)["done"] == 1
    assert (room.payloads("q"), room.payloads("other")) == ([], ["a"])


def test_what_cannot_go_comes_back(room: BrowserRoom) -> None:
    room.queue("full", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    for body in "abc":
        room.send("q", body)
    job = room.run("move", "q", target={"queue": "full"})
    assert (job["state"], job["done"], job["failed"]) == ("done", 1, 2)
    assert "full" in job["error"]
    assert (room.payloads("full"), room.payloads("q")) == (["a"], ["b", "c"])


def test_what_nobody_wants_comes_back(room: BrowserRoom) -> None:
    room.send("q", "a")
    job = room.run("move", "q", target={"exchange": "amq.fanout"})
    assert (job["failed"], room.payloads("q")) == (1, ["a"])


def test_a_job_that_goes_nowhere_ends_early(room: BrowserRoom) -> None:
    for number in range(150):
        room.send("q", str(number))
    job = room.run("move", "q", target={"exchange": "amq.fanout"})
    assert job["state"] == "failed"
    assert len(room.payloads("q")) == 150


def test_they_are_changed_on_the_way(room: BrowserRoom) -> None:
    room.send("q", "old", headers={"bad": 1, "good": 2}, message_id="m", expiration="60000")
    edit = {
        "payload": base64.b64encode(b"new").decode(),
        "payload_encoding": "base64",
        "routing_key": "k",
        "properties": {"expiration": None, "priority": 4},
        "headers": {"bad": None, "retried": True},
    }
    room.run("move", "q", target={"queue": "other"}, edit=edit)
    one = room.browse("other")["messages"][0]
    assert (one["payload"], one["routing_key"]) == ("new", "k")
    assert one["properties"] == {"delivery_mode": 2, "priority": 4, "message_id": "m"}
    assert one["headers"] == {"good": 2, "retried": True}


# Replay


def test_dead_letters_go_back_to_the_queue_in_which_they_died(room: BrowserRoom) -> None:
    dead_letters(room, 3)
    job = room.run("replay", "dead", filter={"death": {"reason": "rejected", "queue": "work"}})
    assert (job["done"], room.payloads("dead")) == (3, [])
    back = room.browse("work")["messages"]
    assert [one["payload"] for one in back] == ["0", "1", "2"]
    assert {(one["exchange"], one["routing_key"]) for one in back} == {("shop", "new")}


def test_or_to_the_exchange_so_that_all_queues_get_them(room: BrowserRoom) -> None:
    dead_letters(room, 2)
    room.post("/api/bindings/%2F/e/shop/q/other", {"routing_key": "new"})
    assert room.run("replay", "dead", to="exchange")["done"] == 2
    assert room.payloads("work") == room.payloads("other") == ["0", "1"]


def test_others_are_told_apart(room: BrowserRoom) -> None:
    dead_letters(room, 1)
    room.send("dead", "came by itself")
    assert room.run("replay", "dead", filter={"death": {"reason": "expired"}})["found"] == 0
    assert room.run("replay", "dead", filter={"death": {"exchange": "shop"}})["found"] == 1


# Jobs themselves


def test_a_job_is_cancelled_and_forgotten(room: BrowserRoom) -> None:
    room.send("q", "a")
    job_id = room.begin("search", "q")
    assert room.delete(f"/api/jobs/{job_id}").status == 204
    room.timers.run(room.clock.seconds)
    assert room.get(f"/api/jobs/{job_id}").json["state"] == "cancelled"
    assert [one["id"] for one in room.get("/api/jobs").json] == [job_id]
    assert room.delete(f"/api/jobs/{job_id}").status == 204
    assert room.get(f"/api/jobs/{job_id}").status == 404


def test_a_job_ends_with_its_queue(room: BrowserRoom) -> None:
    room.send("q", "a")
    job_id = room.begin("search", "q")
    room.delete("/api/queues/%2F/q")
    job = room.end_of(job_id)
    assert (job["state"], job["error"]) == ("failed", "queue 'q' in vhost '/' is gone")


def test_jobs_rest_while_others_work(room: BrowserRoom) -> None:
    """So they take a part of a busy broker only: three times as long as they have worked."""
    for _ in range(60):
        room.send("q", "x" * 100_000)
    room.write_to_disk()
    worked = count()
    jobs = room.broker.jobs
    jobs.worked = lambda: float(next(worked))  # a second for us, a second for others
    job_id = room.begin("search", "q", filter={"bytes_max": 1})
    room.timers.run(room.clock.seconds)
    assert room.get(f"/api/jobs/{job_id}").json["state"] == "running"
    assert room.timers.next_due() == room.clock.seconds + REST_FACTOR
    jobs.worked = lambda: 0.0
    room.pass_time(REST_FACTOR + 1)
    assert room.end_of(job_id)["state"] == "done"


def test_so_many_jobs_at_a_time(room: BrowserRoom) -> None:
    for _ in range(10):
        room.begin("search", "q")
    source = {"vhost": "/", "queue": "q"}
    assert room.post("/api/jobs", {"action": "search", "source": source}).status == 429


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "burn", "source": {"queue": "q"}},
        {"action": "search", "source": {}},
        {"action": "search", "source": "q"},
        {"action": "search", "source": {"queue": "q"}, "filter": {"colour": "red"}},
        {"action": "search", "source": {"queue": "q"}, "filter": {"json": "x"}},
        {"action": "search", "source": {"queue": "q"}, "filter": {"json": [{"path": "a["}]}},
        {
            "action": "search",
            "source": {"queue": "q"},
            "filter": {"json": [{"path": "a", "op": "~"}]},
        },
        {"action": "search", "source": {"queue": "q"}, "filter": {"from": "yesterday"}},
        {"action": "search", "source": {"queue": "q"}, "positions": ["x"]},
        {"action": "search", "source": {"queue": "q"}, "positions": []},
        {"action": "search", "source": {"queue": "q"}, "limit": 0},
        {"action": "purge", "source": {"queue": "q"}, "filter": {"text": "a"}},
        {"action": "move", "source": {"queue": "q"}},
        {
            "action": "move",
            "source": {"queue": "q"},
            "target": {"queue": "other"},
            "edit": {"x": 1},
        },
        {"action": "replay", "source": {"queue": "q"}, "target": {"queue": "other"}},
        {"action": "delete", "source": {"queue": "s"}},
        {"action": "search", "source": {"topic": "s", "partition": -1}},
    ],
)
def test_what_makes_no_sense(room: BrowserRoom, body: dict[str, Any]) -> None:
    room.stream("s")
    assert room.post("/api/jobs", body).status == 400


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"action": "search", "source": {"queue": "q"}}, 201),
        ({"action": "delete", "source": {"queue": "other"}}, 401),
        ({"action": "move", "source": {"queue": "q"}, "target": {"queue": "other"}}, 401),
        ({"action": "move", "source": {"queue": "q"}, "target": {"exchange": "amq.fanout"}}, 201),
        ({"action": "requeue", "source": {"queue": "q"}}, 401),
        ({"action": "search", "source": {"topic": "s"}}, 401),
        ({"action": "search", "source": {"vhost": "none", "queue": "q"}}, 404),
    ],
)
def test_only_who_may(room: BrowserRoom, body: dict[str, Any], status: int) -> None:
    room.stream("s")
    room.put("/api/users/ada", {"password": "x", "tags": "management"})
    rights = {"configure": "", "write": "^amq.fanout$", "read": "^q$"}
    room.put("/api/permissions/%2F/ada", rights)
    ada = {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode()}
    assert room.browser().ask("POST", "/api/jobs", body, **ada).status == status


def test_jobs_of_others_are_not_seen(room: BrowserRoom) -> None:
    room.put("/api/users/ada", {"password": "x", "tags": "management"})
    ada = {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode()}
    job_id = room.begin("search", "q")
    assert room.get("/api/jobs", **ada).json == []
    assert room.get(f"/api/jobs/{job_id}", **ada).status == 404


def test_rights_that_are_taken_away_end_a_job(room: BrowserRoom) -> None:
    room.put("/api/users/ada", {"password": "x", "tags": "management"})
    rights = {"configure": "", "write": "", "read": "^q$"}
    room.put("/api/permissions/%2F/ada", rights)
    ada = {"Authorization": "Basic " + base64.b64encode(b"ada:x").decode()}
    body = {"action": "delete", "source": {"queue": "q"}}
    job_id = room.browser().ask("POST", "/api/jobs", body, **ada).json["id"]
    room.put("/api/permissions/%2F/ada", {**rights, "read": ""})
    assert room.end_of(job_id)["state"] == "failed"


# Who sees what was found


def asked_by(room: BrowserRoom, user: str, path: str) -> Any:
    browser = room.browser()
    browser.say("GET", path, Authorization=basic(f"{user}:pw"))
    said = browser.heard()
    assert said is not None
    return said.json


def test_what_a_search_found_is_for_who_searched(room: BrowserRoom) -> None:
    """`monitoring` sees that there is a job, and nothing of messages, nor of the filter."""
    room.put("/api/users/watcher", {"password": "pw", "tags": "monitoring"})
    room.send("q", '{"pin": 1234}')
    job_id = room.begin("search", "q", filter={"text": "1234"})
    assert room.end_of(job_id)["results"][0]["payload"] == '{"pin": 1234}'

    seen = asked_by(room, "watcher", f"/api/jobs/{job_id}")
    assert (seen["found"], seen["results"], seen["user"]) == (1, [], "guest")
    assert "1234" not in json.dumps([seen, asked_by(room, "watcher", "/api/jobs")])


def test_what_was_found_is_hidden_from_who_may_read_the_queue_no_more(room: BrowserRoom) -> None:
    room.put("/api/users/reader", {"password": "pw", "tags": "management"})
    rights = "/api/permissions/%2F/reader"
    room.put(rights, {"configure": "", "write": "", "read": ".*"})
    room.send("q", "secret")
    browser = room.browser()
    source = {"vhost": "/", "queue": "q"}
    said = {"action": "search", "source": source}
    job_id = browser.ask("POST", "/api/jobs", said, Authorization=basic("reader:pw")).json["id"]
    room.end_of(job_id)
    assert asked_by(room, "reader", f"/api/jobs/{job_id}")["results"][0]["payload"] == "secret"

    room.put(rights, {"configure": "", "write": "", "read": "other"})
    assert asked_by(room, "reader", f"/api/jobs/{job_id}")["results"] == []


# Limits


def test_a_job_is_described_in_some_bytes(room: BrowserRoom) -> None:
    """What was said is kept for an hour, and shown in lists: a hundred times 24 MB of it."""
    source = {"vhost": "/", "queue": "q"}
    wanted = {"headers": [{"name": "a", "value": "x" * 300_000}]}
    said = room.post("/api/jobs", {"action": "search", "source": source, "filter": wanted})
    assert said.status == 400
    room.send("q", "a")
    job = room.run("copy", "q", target={"queue": "other"}, edit={"payload": "\n" * 300_000})
    assert job["done"] == 1


def test_what_searches_found_is_kept_within_limits(
    room: BrowserRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "KEPT_BYTES_MAX", 3000)
    room.send("q", "x" * 1000)
    ended = [room.run("search", "q")["id"] for _ in range(4)]
    assert [row["id"] for row in room.get("/api/jobs").json] == ended[-2:]
    monkeypatch.setattr(jobs, "KEPT_BYTES_MAX", 10)
    assert [row["id"] for row in room.get("/api/jobs").json] == ended[-1:]
