"""The stream of events: what a page hears, and what a slow or changed listener costs."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from anymq.core.flow import MEMORY
from anymq.management.session import STALLED_S, STREAM_OWED_BYTES_MAX
from anymq.protocols.session import Peer
from anymq.testing.amqp import AmqpDialog
from anymq.testing.http import HttpDialog, HttpRoom
from anymq.testing.kafka import KafkaDialog

ADA = "Basic YWRhOnNlY3JldA=="

Event = tuple[str, dict[str, Any]]


class Listener:
    """One client of the stream."""

    def __init__(self, room: HttpRoom, query: str = "", **headers: str) -> None:
        self.room = room
        self.browser: HttpDialog = room.browser()
        self.browser.say("GET", f"/api/events?{query}", **headers)
        self._left = b""
        self._began = False

    def hears(self, *, reads: bool = True) -> list[Event]:
        """Return the events that came since; who does not read gets only what there is room for."""
        session, outbox = self.browser.session, self.browser.outbox
        while session.more:
            session.go_on()
        if not reads:
            return []
        output = b"".join(bytes(each) for each in outbox.take())  # type: ignore[arg-type]
        outbox.sent(len(output))
        events = [self._event(one) for one in self._text(output).split("\n\n") if "event:" in one]
        return events + self.hears() if output else events

    def pass_time(self, seconds: float = 1.0) -> list[Event]:
        """Let time pass, and listen."""
        heard = []
        for _ in range(round(seconds * 4)):
            self.room.pass_time(0.25)
            heard += self.hears()
        return heard

    def _text(self, output: bytes) -> str:
        """Return what the chunks say."""
        data, text = self._left + output, b""
        if not self._began and data:
            head, _, data = data.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            assert b"text/event-stream" in head
            self._began = True
        while data:
            size, _, data = data.partition(b"\r\n")
            text, data = text + data[: int(size, 16)], data[int(size, 16) + 2 :]
        return text.decode()

    @staticmethod
    def _event(block: str) -> Event:
        lines = dict(line.split(": ", 1) for line in block.strip().split("\n"))
        return lines["event"], json.loads(lines["data"])


@pytest.fixture
def room() -> HttpRoom:
    room = HttpRoom()
    room.look()
    return room


def rows(*wishes: dict[str, Any]) -> str:
    return "topics=rows&rows=" + quote(json.dumps(wishes))


def of(events: list[Event], name: str) -> list[dict[str, Any]]:
    return [said for each, said in events if each == name]


def test_a_stream_begins_with_hello_alarms_and_an_overview(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    room.look()
    events = Listener(room).hears()
    assert [name for name, _ in events] == ["hello", "alarms", "overview"]
    hello, alarms, overview = (said for _, said in events)
    assert (hello["user"], hello["rows_max"]) == ("guest", 500)
    assert alarms["alarms"] == []
    assert overview["object_totals"]["queues"] == 1
    assert overview["queue_totals"]["messages"] == 0
    assert overview["node"]["mem_used"] == 1


def test_an_overview_comes_every_interval(room: HttpRoom) -> None:
    listener = Listener(room, "topics=overview&interval_ms=2000")
    listener.hears()
    assert len(of(listener.pass_time(10), "overview")) == 5


def test_changes_are_told_as_they_happen(room: HttpRoom) -> None:
    listener = Listener(room, "topics=changes")
    listener.hears()

    room.put("/api/queues/%2F/jobs", {"durable": True})
    room.post("/api/bindings/%2F/e/amq.direct/q/jobs", {"routing_key": "k"})
    room.put("/api/topics/orders", {"partitions": 1})
    room.put("/api/topics/orders/configs", {"retention.ms": "1000"})
    room.delete("/api/queues/%2F/jobs")

    [said] = of(listener.pass_time(0.25), "changes")
    told = [(one["kind"], one["action"], one.get("name")) for one in said["changes"]]
    assert told == [
        ("queue", "created", "jobs"),
        ("binding", "created", None),
        ("queue", "created", "orders"),  # a topic is a stream to AMQP
        ("topic", "created", "orders"),
        ("topic", "changed", "orders"),
        ("queue", "deleted", "jobs"),
        ("binding", "deleted", None),
    ]
    assert said["changes"][1]["routing_key"] == "k"


def test_clients_of_every_protocol_come_and_go(room: HttpRoom) -> None:
    listener = Listener(room, "topics=changes")
    listener.hears()
    amqp = AmqpDialog(room, Peer("127.0.0.1", 1, "127.0.0.1", 5672)).log_in()
    kafka = KafkaDialog(room, Peer("192.0.2.1", 2, "192.0.2.2", 9092))  # type: ignore[arg-type]
    kafka.session.requests = 1

    [said] = of(listener.pass_time(1), "changes")
    assert {(one["protocol"], one["action"]) for one in said["changes"]} == {
        ("AMQP 0-9-1", "created"),
        ("Kafka", "created"),
    }
    amqp.hang_up()
    kafka.session.peer_gone()
    [said] = of(listener.pass_time(1), "changes")
    assert {one["action"] for one in said["changes"]} == {"deleted"}


def test_alarms_are_told_when_they_change(room: HttpRoom) -> None:
    listener = Listener(room, "topics=alarms")
    listener.hears()
    assert listener.pass_time(5) == []
    room.broker.flow.set(MEMORY, True)
    [(_, said)] = listener.pass_time(0.25)
    assert said["alarms"] == ["memory"]


def test_rows_tell_what_changed(room: HttpRoom) -> None:
    room.put("/api/queues/%2F/jobs", {"durable": True})
    wish = {"kind": "queues", "vhost": "/", "names": ["jobs", "mails"]}
    listener = Listener(room, rows(wish))
    [said] = of(listener.hears(), "rows")
    assert (said["vhost"], said["gone"]) == ("/", ["mails"])
    [row] = said["rows"]
    assert row == room.get("/api/queues/%2F").json[0]

    assert listener.pass_time(3) == []
    room.post(
        "/api/exchanges/%2F/amq.default/publish",
        {"properties": {}, "routing_key": "jobs", "payload": "x", "payload_encoding": "string"},
    )
    [said] = of(listener.pass_time(1), "rows")
    [row] = said["rows"]
    assert (row["name"], row["messages"], "durable" in row) == ("jobs", 1, False)


def test_what_is_shown_can_be_changed(room: HttpRoom) -> None:
    listener = Listener(room, "topics=rows")
    [(_, hello)] = listener.hears()
    path = f"/api/events/{hello['stream']}"
    wish = [
        {"kind": "exchanges", "vhost": "/", "names": ["amq.topic"]},
        {"kind": "topics", "names": ["orders"]},
        {"kind": "groups", "names": ["billing"]},
        {"kind": "connections", "names": ["nobody"]},
        {"kind": "channels", "names": ["nobody"]},
    ]
    assert room.put(path, {"rows": wish}).status == 204
    heard = of(listener.hears(), "rows")
    assert heard[0]["rows"][0]["type"] == "topic"
    assert [one["gone"] for one in heard[1:]] == [["orders"], ["billing"], ["nobody"], ["nobody"]]
    assert room.put("/api/events/0000", {"rows": []}).status == 404


@pytest.mark.parametrize(
    "query",
    [
        "topics=weather",
        "interval_ms=1",
        "interval_ms=soon",
        "rows=1",
        "rows={",
        rows({"kind": "planets", "names": []}),
        rows({"kind": "queues", "names": []}),
        rows({"kind": "topics", "vhost": "/", "names": []}),
        rows({"kind": "topics", "names": [1]}),
        rows({"kind": "topics", "names": [str(n) for n in range(501)]}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(room: HttpRoom, query: str) -> None:
    assert room.get(f"/api/events?{query}").status == 400


def test_who_does_not_read_is_not_waited_for(room: HttpRoom) -> None:
    """However much happens, no more is kept for it than there was room for."""
    listener = Listener(room, "topics=changes,overview")
    listener.hears()
    for _ in range(20):
        for n in range(500):
            room.broker.changes.note("queue", "created", "/", f"queue-{n}")
        room.pass_time(1)
        listener.hears(reads=False)
    assert listener.browser.outbox.size < 2 * STREAM_OWED_BYTES_MAX

    heard = listener.hears()
    assert [said["reason"] for said in of(heard, "resync")] == ["slow"]
    told = sum(len(said["changes"]) for said in of(heard, "changes"))
    assert told + of(heard, "resync")[0]["lost"] == 20 * 500
    assert listener.pass_time(1)


def test_who_never_reads_is_hung_up_on(room: HttpRoom) -> None:
    listener = Listener(room, "topics=changes")
    for n in range(3000):
        room.broker.changes.note("queue", "created", "/", f"queue-{n}")
    listener.hears(reads=False)
    session = listener.browser.session
    session.tick(room.clock.seconds)
    session.tick(room.clock.seconds + STALLED_S - 1)
    assert not session.closed
    session.tick(room.clock.seconds + STALLED_S + 1)
    assert session.closed


def test_who_listens_is_not_idle(room: HttpRoom) -> None:
    listener = Listener(room, "topics=alarms")
    listener.hears()
    for _ in range(300):
        room.pass_time(1)
        listener.browser.session.tick(room.clock.seconds)
        listener.hears()
    assert not listener.browser.session.closed
    listener.browser.session.receive(memoryview(b"GET / HTTP/1.1\r\n\r\n" * 10_000))
    assert not listener.browser.session.closed


def test_a_stream_leaves_nothing_behind(room: HttpRoom) -> None:
    listener = Listener(room)
    listener.hears()
    assert (len(room.site.events.streams), room.sampler.watchers) == (1, 1)
    listener.browser.session.peer_gone()
    assert (len(room.site.events.streams), room.sampler.watchers) == (0, 0)


def test_nobody_opens_streams_without_end(room: HttpRoom) -> None:
    listeners = [Listener(room) for _ in range(16)]
    assert room.get("/api/events").status == 429
    listeners[0].browser.session.peer_gone()
    Listener(room).hears()


def test_everybody_hears_what_he_may_see(room: HttpRoom) -> None:
    room.put("/api/vhosts/dark")
    room.put("/api/users/ada", {"password": "secret", "tags": "management"})
    room.put("/api/permissions/%2F/ada", {"configure": "", "write": "", "read": ""})
    wish = {"kind": "queues", "vhost": "dark", "names": ["secret"]}
    query = rows(wish).replace("topics=rows", "topics=rows,changes,overview")
    listener = Listener(room, query, Authorization=ADA)
    listener.hears()

    room.put("/api/queues/dark/secret", {})
    room.put("/api/queues/%2F/open", {})
    room.put("/api/users/bob", {"password": "b", "tags": ""})
    room.look()
    heard = listener.pass_time(1)
    [said] = of(heard, "changes")
    assert [one["name"] for one in said["changes"]] == ["open"]
    assert of(heard, "rows") == []
    [overview] = of(heard, "overview")
    assert (overview["object_totals"]["queues"], "node" in overview) == (1, False)


def test_a_stream_ends_with_its_user(room: HttpRoom) -> None:
    room.put("/api/users/ada", {"password": "secret", "tags": "monitoring"})
    listener = Listener(room, "topics=alarms", Authorization=ADA)
    listener.hears()
    room.put("/api/users/ada", {"password": "secret", "tags": "management"})
    [(name, _)] = listener.pass_time(1)
    assert name == "bye"
    assert listener.browser.session.closed


def test_a_stream_ends_with_the_password_and_with_the_session(room: HttpRoom) -> None:
    room.put("/api/users/ada", {"password": "secret", "tags": "monitoring"})
    browser = room.browser()
    said = browser.ask("POST", "/api/login", {"username": "ada", "password": "secret"})
    cookie = said.headers["Set-Cookie"].partition(";")[0]
    by_password = Listener(room, "topics=alarms", Authorization=ADA)
    by_session = Listener(room, "topics=alarms", Authorization="", Cookie=cookie)
    by_password.hears(), by_session.hears()

    out = {"Authorization": "", "Cookie": cookie, "X_CSRF_Token": said.json["csrf_token"]}
    assert browser.ask("DELETE", "/api/login", **out).status < 300
    room.pass_time(1)
    assert [name for name, _ in by_session.hears()] == ["bye"]
    assert by_password.hears() == []

    room.put("/api/users/ada", {"password": "another", "tags": "monitoring"})
    room.pass_time(1)
    assert [name for name, _ in by_password.hears()] == ["bye"]
