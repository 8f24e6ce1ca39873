"""Who lies, dribbles or stays silent over WebSocket: it costs little, and others get through."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from anymq.protocols.mqtt.codec import V311, Connack, Connect, encode
from tests.hostile.room import KIB, MIB, Broker, hung_up, running
from tests.peers.process import free_ports
from tests.unit.protocols.websocket.frames import MASK, frame, request, served

pytestmark = pytest.mark.xdist_group("hostile")

CROWD = 200
HUGE = b"\x82\xff" + (1 << 60).to_bytes(8, "big") + MASK  # the head of an exabyte


@pytest.fixture(scope="module")
def place() -> Iterator[tuple[Broker, int]]:
    """A broker that speaks MQTT over WebSocket, and its port for that."""
    (port,) = free_ports(1)
    with running({"mqtt.websocket_port": port, "limits.login_timeout_ms": 6000}) as broker:
        yield broker, port


def connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 30.0)
    sock.settimeout(30.0)
    return sock


def greet(port: int) -> socket.socket:
    """A WebSocket, and nothing said in it."""
    sock = connect(port)
    sock.sendall(request())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 101 ")
    return sock


def is_let_in(port: int) -> bool:
    """Does somebody who behaves get in?"""
    with greet(port) as sock:
        sock.sendall(frame(2, encode(Connect(V311, ""), V311)))
        return served(sock.recv(100)) == [(2, encode(Connack(False, 0), V311))]


def test_lengths_that_lie_cost_no_memory(place: tuple[Broker, int]) -> None:
    """Each announces an exabyte and sends a little of it: that is not kept either."""
    broker, port = place
    assert is_let_in(port)
    before = broker.rss
    crowd = [greet(port) for _ in range(CROWD)]
    for sock in crowd:
        sock.sendall(HUGE + b"x" * KIB)
    assert is_let_in(port)
    assert broker.rss - before < 64 * MIB
    for sock in crowd:
        sock.close()


def test_who_says_nothing_is_left(place: tuple[Broker, int]) -> None:
    """At every step of it; meanwhile others get in."""
    _, port = place
    words = (b"", request()[:40], request(), b"GET /mqtt HTTP/1.1\r\nx: ")
    crowd = [connect(port) for _ in range(40)]
    for number, sock in enumerate(crowd):
        sock.sendall(words[number % len(words)])
    assert is_let_in(port)
    for sock in crowd:
        assert hung_up(sock)
        sock.close()


def test_floods_of_pings_by_who_does_not_read(place: tuple[Broker, int]) -> None:
    """The answers do not pile up."""
    broker, port = place
    before = broker.rss
    with greet(port) as sock:
        sock.setblocking(False)
        pings = frame(9, b"") * 10_000
        with suppress(BlockingIOError, ConnectionError):
            for _ in range(200):
                sock.send(pings)
        assert is_let_in(port)
        assert broker.rss - before < 64 * MIB
