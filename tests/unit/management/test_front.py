"""What a browser may be made to do with us by pages that are not ours."""

from http import HTTPStatus

import pytest

from anymq.management.front import Front
from anymq.management.http import JSON, Pages, Request, Response, text
from anymq.management.session import HttpSession
from anymq.protocols.session import Outbox, Peer

HERE = Peer("127.0.0.1", 50_000, "127.0.0.1", 15672)
THERE = Peer("192.0.2.7", 50_000, "192.0.2.1", 15672)
PAGES: Pages = {
    "/": lambda _: Response(HTTPStatus.OK, b"<p>", "text/html; charset=utf-8"),
    "/data": lambda _: Response(HTTPStatus.OK, b"{}", JSON),
    "/own": lambda _: Response(HTTPStatus.OK, b"", JSON, (("content-security-policy", "sandbox"),)),
    "/text": lambda _: text("text\n"),
}


def ask(path: str, host: str, peer: Peer = HERE, names: tuple[str, ...] = ()) -> bytes:
    outbox = Outbox(lambda: None)
    session = HttpSession(PAGES, outbox, peer, front=Front(lambda: names))
    session.receive(memoryview(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()))
    return b"".join(bytes(each) for each in outbox.take())  # type: ignore[arg-type]


def status(answer: bytes) -> int:
    return int(answer.split(maxsplit=2)[1])


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "broker.localhost", "127.0.0.1:15672", "[::1]", "10.0.0.1"]
)
def test_addresses_are_always_ours(host: str) -> None:
    """Nobody can make an address point elsewhere."""
    assert status(ask("/text", host)) == 200
    assert status(ask("/text", host, THERE, names=("broker.example",))) == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:80", "127.0.0.1.nip.io"])
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    """DNS rebinding. Also for metrics: what is in them is nobody's business."""
    assert status(ask("/text", host)) == 421
    assert status(ask("/text", host, names=("broker.example",))) == 421
    assert status(ask("/text", host, THERE, names=("broker.example",))) == 421


def test_names_that_are_ours() -> None:
    """A proxy on this machine, say, that leaves the name as it was asked for."""
    assert status(ask("/text", "Broker.example:443", names=("broker.example",))) == 200


def test_where_others_connect_we_do_not_know_our_names() -> None:
    assert status(ask("/text", "anymq.default.svc", THERE)) == 200


def test_a_page_runs_only_what_comes_from_us() -> None:
    answer = ask("/", "localhost").decode()

    assert "Content-Security-Policy: default-src 'none'; script-src 'self'; " in answer
    assert "unsafe" not in answer
    assert "X-Frame-Options: DENY\r\n" in answer
    assert "Referrer-Policy: no-referrer\r\n" in answer


def test_data_runs_nothing() -> None:
    answer = ask("/data", "localhost").decode()

    assert "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n" in answer
    assert "X-Content-Type-Options: nosniff\r\n" in answer


def test_a_page_may_say_it_for_itself() -> None:
    answer = ask("/own", "localhost").decode()

    assert answer.lower().count("content-security-policy") == 1
    assert "sandbox" in answer


def test_the_default_is_safe() -> None:
    assert Front().refuse(Request("GET", "/", headers={"host": "x"}, local_host="::1")) is not None


def test_the_page_may_ask_for_tokens_where_they_come_from() -> None:
    front = Front(origins=lambda: ("https://id.example",))

    policy = dict(front.headers(Response(HTTPStatus.OK, b"", "text/html")))

    asked = policy["Content-Security-Policy"]
    assert "; connect-src 'self' https://id.example; " in asked
