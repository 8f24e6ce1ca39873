"""HTTP conversations, without sockets."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.management.http import Later, Request, Response, text
from anymq.management.pages import Condition, make_pages, metrics_page
from anymq.management.session import BODY_BYTES_MAX, IDLE_S, OWED_BYTES_MAX, HttpSession
from anymq.observability import metrics
from anymq.observability.metrics import Metric, Registry
from anymq.protocols.session import Outbox, Peer

GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
NUMBER = Metric("test_number", "A number.", "gauge", ())
PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 15_672)

FRAGMENTS = [
    *[b"GET / HTTP/1.1\r\n", b"HEAD /metrics HTTP/1.0\r\n", b"POST / HTTP/1.1\r\n", b"GET\r\n"],
    *[
        b"Host: localhost\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: -1\r\n",
        b"Expect: 100-continue\r\n",
    ],
    *[b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: Upgrade\r\n"],
    *[b"CONNECT a:1 HTTP/1.1\r\n", b"Upgrade: h2c\r\n", b"no colon\r\n", b"\xff: \0\r\n", b"\r\n"],
    *[b"3\r\n", b"abc", b"0\r\n", b"fffffffffffffffff\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
]


def broken(request: Request) -> Response:
    raise RuntimeError("boo")


@dataclass
class Dialog:
    """One connection: what is said, and what comes back."""

    conditions: list[Condition] = field(default_factory=lambda: [Condition("started", True)])

    def __post_init__(self) -> None:
        self.registry = Registry()
        self.registry.read_number(NUMBER, lambda: 1)
        metrics = {"/metrics": metrics_page(self.registry, lambda: iter(()))}
        self.pages = pages = dict(make_pages(metrics, lambda: self.conditions))
        pages |= {"/broken": broken, "/big": lambda _: text("x" * OWED_BYTES_MAX)}
        self.outbox = Outbox(on_output=lambda: None)
        self.session = HttpSession(pages, self.outbox, PEER)

    def say(self, data: bytes) -> bytes:
        self.session.receive(memoryview(data))
        while self.session.more:
            self.session.go_on()  # as the carrier does
        return self.heard()

    def heard(self) -> bytes:
        output = b"".join(bytes(each) for each in self.outbox.take())  # type: ignore[arg-type]
        self.outbox.sent(len(output))
        return output


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(metrics.DECLARED, NUMBER.name, NUMBER)


@pytest.fixture
def dialog() -> Dialog:
    return Dialog()


def test_prometheus_reads_the_metrics(dialog: Dialog) -> None:
    head, _, body = dialog.say(GET % b"/metrics").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"text/plain; version=0.0.4" in head
    assert body.endswith(b"test_number 1\n")
    assert not dialog.session.closed


def test_who_looks_first_is_told_what_there_is(dialog: Dialog) -> None:
    assert b"/health/ready\n" in dialog.say(GET % b"/")


def test_a_query_does_not_change_the_page(dialog: Dialog) -> None:
    assert b"200 OK" in dialog.say(GET % b"/metrics?x=1")


def test_ready_says_no_and_why_while_something_is_wrong(dialog: Dialog) -> None:
    """An orchestrator sends no clients here; a person reads the reason."""
    assert b"200 OK" in dialog.say(GET % b"/health/ready")

    dialog.conditions.append(Condition("disk", False, "full"))

    assert dialog.say(GET % b"/health/ready").startswith(b"HTTP/1.1 503 ")
    answer = dialog.say(GET % b"/health")
    assert b'"disk":{"holds":false,"detail":"full"}' in answer
    assert b'"status":"failing"' in answer


def test_alive_whatever_is_wrong(dialog: Dialog) -> None:
    """An orchestrator that restarted us because the disk is full would help nobody."""
    dialog.conditions.append(Condition("disk", False, "full"))

    assert b"200 OK" in dialog.say(GET % b"/health/live")


def test_head_is_get_without_the_body(dialog: Dialog) -> None:
    answer = dialog.say(b"HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert b"Content-Length: 6\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_a_connection_serves_one_request_after_another(dialog: Dialog) -> None:
    assert dialog.say(GET % b"/" * 3).count(b"200 OK") == 3
    assert dialog.say(GET % b"/").count(b"200 OK") == 1


def test_a_client_that_wants_to_close_is_left_to(dialog: Dialog) -> None:
    answer = dialog.say(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert b"200 OK" in answer
    assert dialog.session.closed


@pytest.mark.parametrize(
    ("request_line", "status"),
    [(b"GET /nothing", b"404"), (b"POST /", b"405"), (b"PUT /metrics", b"405")],
)
def test_what_is_not_there_is_refused(dialog: Dialog, request_line: bytes, status: bytes) -> None:
    answer = dialog.say(
        request_line + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    )

    assert answer.startswith(b"HTTP/1.1 " + status)
    assert not dialog.session.closed


def test_what_is_not_http_is_told_so_once(dialog: Dialog) -> None:
    assert dialog.say(b"\x00\x00\x00\x12\x00\x03\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert dialog.session.closed
    assert dialog.say(GET % b"/") == b""


def test_headers_and_bodies_have_a_limit(dialog: Dialog) -> None:
    assert dialog.say(b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000).startswith(b"HTTP/1.1 431 ")
    assert dialog.session.closed

    other = Dialog()
    other.say(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
    assert other.say(b"x" * (BODY_BYTES_MAX + 1)).startswith(b"HTTP/1.1 413 ")
    assert other.session.closed


def test_who_asks_on_without_reading_is_not_served_further(dialog: Dialog) -> None:
    dialog.session.receive(memoryview(GET % b"/big" * 3))
    for _ in range(3):
        assert not dialog.session.reading
        while dialog.session.more:
            dialog.session.go_on()
        assert dialog.heard().count(b"200 OK") == 1
    dialog.session.go_on()
    assert dialog.session.reading
    assert not dialog.session.closed


def test_who_takes_a_large_answer_slowly_is_not_idle(dialog: Dialog) -> None:
    dialog.session.receive(memoryview(GET % b"/big"))
    for minute in range(10):
        dialog.session.tick(minute * IDLE_S)
        dialog.outbox.sent(1000)
    assert not dialog.session.closed

    dialog.session.tick(10 * IDLE_S)  # there was some progress, and none since then
    dialog.session.tick(11 * IDLE_S + 1)
    assert dialog.session.closed


def test_an_answer_may_take_longer_to_be_made_than_a_request(dialog: Dialog) -> None:
    later = Later()
    dialog.pages["/later"] = lambda _: later
    dialog.session.receive(memoryview(GET % b"/later"))
    dialog.session.tick(0.0)
    dialog.session.tick(2 * IDLE_S)
    assert not dialog.session.closed
    later.answer(text("at last"))
    assert b"at last" in dialog.heard()


def test_a_page_that_fails_is_our_mistake_not_the_end(dialog: Dialog) -> None:
    assert dialog.say(GET % b"/broken").startswith(b"HTTP/1.1 500 ")
    assert b"200 OK" in dialog.say(GET % b"/")


def test_a_silent_connection_is_closed(dialog: Dialog) -> None:
    dialog.session.tick(100.0)
    dialog.say(b"GET / HT")
    dialog.session.tick(100.0 + IDLE_S)
    assert not dialog.session.closed

    dialog.session.tick(101.0 + IDLE_S)

    assert dialog.session.closed


@given(st.integers(min_value=1, max_value=80))
def test_any_split_of_the_bytes_gives_the_same_answer(size: int) -> None:
    said, whole, split = GET % b"/health/live" * 2, Dialog(), Dialog()

    heard = b"".join(split.say(said[at : at + size]) for at in range(0, len(said), size))

    assert heard == whole.say(said)


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=20), max_size=12))
def test_no_bytes_at_all_can_break_a_session(pieces: list[bytes]) -> None:
    """Whatever comes in, the session answers or closes. It never raises."""
    dialog = Dialog()
    for piece in pieces:
        dialog.say(piece)
    dialog.session.tick(1.0)
    dialog.session.peer_gone()


def test_a_long_page_is_made_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is served while it is made, and ten thousand partitions take a while."""
    monkeypatch.setattr(metrics, "LINES_PER_PIECE", 2)
    dialog = Dialog()
    dialog.registry.read(NUMBER, lambda: [(number,) for number in range(9)])
    asked = GET % b"/metrics" + GET % b"/health/live"
    dialog.session.receive(memoryview(asked))
    turns = 0
    while dialog.session.more:
        assert not dialog.session.reading
        dialog.session.go_on()
        turns += 1
    first, second = dialog.heard().split(b"HTTP/1.1 200")[1:]
    assert first.count(b"test_number ") == 2 + 10
    assert b"alive" in second
    assert turns > 6
    assert dialog.session.reading
