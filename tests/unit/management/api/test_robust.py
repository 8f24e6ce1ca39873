"""Nothing that is asked makes a handler fail: every answer is one."""

import pytest

from anymq.management.api.api import all_routes
from anymq.management.api.routes import Route
from anymq.testing.http import GUEST, HttpRoom, basic

NAMES = ("%2F", "q", "", "%FF", "%00", "amq.default", "%ED%A0%80", "x" * 300)
BODIES: tuple[object, ...] = (
    None,
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff",
    {},
    {"arguments": None, "type": None},
)
ODD: tuple[object, ...] = (
    {"count": -1, "ackmode": [], "encoding": {}, "tags": {}, "name": 1},
    {"queues": [{}], "vhosts": [{"name": ""}], "bindings": [None]},
    {"properties": [], "payload": None, "routing_key": 5, "payload_encoding": 5},
    {"properties": {"headers": {"": 1e400}}, "payload": "\ud800", "routing_key": "\ud800"}
    | {"payload_encoding": "string"},
    {"configure": "(", "write": 1, "read": None, "exchange": "", "password": 5},
)


@pytest.mark.parametrize("route", list(all_routes()), ids=lambda one: f"{one.method} {one.path}")
def test_odd_requests_are_answered(route: Route) -> None:
    room = HttpRoom()
    room.put("/api/queues/%2F/q")
    for name in NAMES:
        parts = [name if part.startswith(":") else part for part in route.path.split("/")]
        if ":vhost" in route.path and name != "%2F":
            parts[route.path.split("/").index(":vhost")] = "%2F"
        for body in (*BODIES, *ODD) if route.method in ("PUT", "POST") else (None,):
            said = room.browser().ask(route.method, "/api" + "/".join(parts), body)
            assert said.status < 500 or "health" in route.path, (name, body, said.body)
            if route.method in ("DELETE", "PUT") and len(parts) == 3:
                room = HttpRoom()
                room.put("/api/queues/%2F/q")


@pytest.mark.parametrize("number", ["9" * 5000, "%C2%B2", "-1", "0x1", "", "1e3", "%D9%A3"])
@pytest.mark.parametrize(
    "place",
    [
        "/queues?lengths_age={}&lengths_incr=1",
        "/queues?lengths_age=60&lengths_incr={}",
        "/queues?page={}",
        "/queues?page=1&page_size={}",
        "/queues/%2F/q/messages?count={}",
        "/queues/%2F/q/messages?position={}",
        "/queues/%2F/q/messages?time={}",
        "/trace/messages?count={}",
        "/trace/messages?from={}",
        "/slow-consumers?min_seconds={}",
        "/topics/t/partitions/{}",
        "/topics/t/partitions/{}/messages",
        "/events?interval_ms={}",
        "/delayed/%2F?after={}",
        "/transactions/%2F?after={}",
        "/transactions/%2F?count={}",
        "/health/checks/port-listener/{}",
        "/health/checks/certificate-expiration/{}/days",
        "/jobs/{}",
    ],
)
def test_odd_numbers_are_answered(place: str, number: str) -> None:
    """Python takes other scripts for digits, and refuses to read very many of them."""
    room = HttpRoom()
    room.put("/api/queues/%2F/q")
    room.put("/api/topics/t", {"partitions": 1})
    assert room.get("/api" + place.format(number)).status < 500 or "health" in place


@pytest.mark.parametrize("age", ["9" * 5000 + "D", "\u00b2D", "D"])
def test_odd_ages_are_refused(age: str) -> None:
    arguments = {"x-queue-type": "stream", "x-max-age": age}
    said = HttpRoom().put("/api/queues/%2F/s", {"durable": True, "arguments": arguments})
    assert said.status == 400


def said_to(room: HttpRoom, *lines: str) -> bytes:
    """Say these lines of a head; return the bytes that come back."""
    browser = room.browser()
    head = "\r\n".join((*lines, "Host: localhost", "", ""))
    browser.session.receive(memoryview(head.encode()))
    while browser.session.more:
        browser.session.go_on()
    return b"".join(bytes(each) for each in browser.outbox.take())  # type: ignore[arg-type]


GUEST_SAYS = f"Authorization: {basic(GUEST)}"


def test_who_asks_whether_to_go_on_is_told() -> None:
    """curl with a file of definitions: it waits a second for this, others longer."""
    asks = ("POST /api/definitions HTTP/1.1", "Expect: 100-continue", "Content-Length: 100000")
    assert said_to(HttpRoom(), *asks, GUEST_SAYS).startswith(b"HTTP/1.1 100 ")


def test_what_is_said_twice_is_seen_as_a_whole() -> None:
    """A proxy in between, or its browser, may look at the other one."""
    room = HttpRoom()
    room.put("/api/queues/%2F/q")
    evil, ours = "Origin: http://evil.example", "Origin: http://localhost"
    deletes = ("DELETE /api/queues/%2F/q HTTP/1.1", GUEST_SAYS)
    for order in ((evil, ours), (ours, evil)):
        assert said_to(room, *deletes, *order).startswith(b"HTTP/1.1 403 ")
    wrong = f"Authorization: {basic('guest:wrong')}"
    assert said_to(room, "GET /api/whoami HTTP/1.1", wrong, GUEST_SAYS).startswith(b"HTTP/1.1 401 ")
    answer = room.post("/api/login", {"username": "guest", "password": "guest"})
    cookie = "Cookie: " + answer.headers["Set-Cookie"].partition(";")[0]
    whoami = ("GET /api/whoami HTTP/1.1", cookie, "Cookie: theme=dark")
    assert said_to(room, *whoami).startswith(b"HTTP/1.1 200 ")
