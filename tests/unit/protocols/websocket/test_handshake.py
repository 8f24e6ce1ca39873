"""Who gets a WebSocket, and what the others hear."""

import pytest
from tests.unit.protocols.websocket.frames import ACCEPT, request

from anymq.protocols.websocket.handshake import Handshake, Manners

MQTT = Manners(paths=("/mqtt", "/ws"), subprotocols=("mqtt", "mqttv3.1"), subprotocol_required=True)
STOMP = Manners(paths=("/ws",), subprotocols=("v12.stomp", "v11.stomp"))


def answer(data: bytes, manners: Manners = MQTT) -> bytes:
    return Handshake(manners).receive(data)


def status(data: bytes, manners: Manners = MQTT) -> int:
    return int(answer(data, manners).split(b" ", 2)[1])


def test_welcome() -> None:
    """The example of RFC 6455, 1.3."""
    said = answer(request(origin="http://localhost:8080"))
    assert said.startswith(b"HTTP/1.1 101 ")
    assert ACCEPT in said
    assert b"sec-websocket-protocol: mqtt\r\n" in said.lower()
    assert b"extensions" not in said.lower()


@pytest.mark.parametrize("step", [1, 7])
def test_bytes_come_one_after_another(step: int) -> None:
    handshake, data = Handshake(MQTT), request()
    said = [handshake.receive(data[at : at + step]) for at in range(0, len(data), step)]
    assert [one[:12] for one in said if one] == [b"HTTP/1.1 101"]


def test_what_comes_with_the_request_is_kept() -> None:
    handshake = Handshake(MQTT)
    assert handshake.receive(request() + b"frames")
    assert handshake.trailing == b"frames"


def test_nothing_is_compressed() -> None:
    """A bomb of permessage-deflate has nowhere to go off: we agree to no extension."""
    said = answer(request(sec_websocket_extensions="permessage-deflate; client_max_window_bits"))
    assert b"101" in said
    assert b"extensions" not in said.lower()


REFUSED = {
    "another path": (request("/"), 404),
    "no upgrade": (request(upgrade=None), 426),
    "not this upgrade": (request(upgrade="h2c"), 426),
    "connection says nothing of it": (request(connection="keep-alive"), 426),
    "version 8": (request(sec_websocket_version="8"), 426),
    "no version": (request(sec_websocket_version=None), 426),
    "no key": (request(sec_websocket_key=None), 400),
    "a short key": (request(sec_websocket_key="YWJj"), 400),
    "two keys": (request(sec_websocket_key="YWJj, YWJj"), 400),
    "no subprotocol": (request(sec_websocket_protocol=None), 400),
    "another subprotocol": (request(sec_websocket_protocol="wamp, v12.stomp"), 400),
    "a body": (request(content_length="3") + b"abc", 400),
    "POST": (request().replace(b"GET", b"POST"), 426),
    "not HTTP": (b"\x10\x0c\x00\x04MQTT\x05\x02\x00\x3c\r\n\r\n", 400),
    "no host": (request(host=None), 400),
    "endless headers": (b"GET /mqtt HTTP/1.1\r\nx: " + b"x" * 20_000, 431),
}


@pytest.mark.parametrize(("data", "code"), REFUSED.values(), ids=REFUSED)
def test_refused(data: bytes, code: int) -> None:
    handshake = Handshake(MQTT)
    said = handshake.receive(data)
    assert said.startswith(b"HTTP/1.1 %d " % code)
    assert b"connection: close" in said.lower()
    assert handshake.refused is not None


def test_subprotocols() -> None:
    """Ours come first; where none is needed none may be asked for, but no wrong one."""
    assert b"v12.stomp" in answer(
        request("/ws", sec_websocket_protocol="v11.stomp, v12.stomp"), STOMP
    )
    assert status(request("/ws", sec_websocket_protocol=None), STOMP) == 101
    assert status(request("/ws", sec_websocket_protocol="mqtt"), STOMP) == 400
    assert b"mqttv3.1" in answer(request(sec_websocket_protocol="mqttv3.1"))


LISTED = Manners(
    paths=("/mqtt",),
    subprotocols=("mqtt",),
    origins=lambda: ("https://app.example.com",),
    names=lambda: ("broker.example.com",),
)
NAMED = Manners(paths=("/mqtt",), subprotocols=("mqtt",), names=lambda: ("broker.example.com",))
ANY = Manners(paths=("/mqtt",), subprotocols=("mqtt",), origins=lambda: ("*",))
ORIGINS = {
    "no browser": (MQTT, None, "broker.example.com", 101),
    "this machine": (MQTT, "http://localhost:3000", "127.0.0.1:15675", 101),
    "this machine by address": (MQTT, "http://[::1]:3000", "[::1]:15675", 101),
    "any page of the web": (MQTT, "https://evil.example.com", "127.0.0.1:15675", 403),
    "a page by an address": (MQTT, "http://198.51.100.7", "127.0.0.1:15675", 403),
    "the same address": (MQTT, "http://192.0.2.7:8080", "192.0.2.7:15675", 101),
    "a name made to point here": (MQTT, "http://evil.example.com", "evil.example.com:15675", 403),
    "no name at all: a file, a sandbox": (MQTT, "null", "127.0.0.1:15675", 403),
    "nonsense": (MQTT, "http://[", "127.0.0.1:15675", 403),
    "our name": (NAMED, "https://broker.example.com", "broker.example.com", 101),
    "like our name": (NAMED, "https://xbroker.example.com", "broker.example.com", 403),
    "listed": (LISTED, "https://app.example.com", "broker.example.com", 101),
    "listed, but in clear": (LISTED, "http://app.example.com", "broker.example.com", 403),
    "where some are listed, others are not": (LISTED, "http://localhost", "127.0.0.1", 403),
    "any": (ANY, "https://evil.example.com", "127.0.0.1", 101),
}


@pytest.mark.parametrize(("manners", "origin", "host", "code"), ORIGINS.values(), ids=ORIGINS)
def test_origins(manners: Manners, origin: str | None, host: str, code: int) -> None:
    """Who reads a page must not lend it his machine, nor his certificate."""
    assert status(request(origin=origin, host=host), manners) == code
