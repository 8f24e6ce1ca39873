"""MQTT over WebSocket, with the clients that people have: MQTT.js, paho, aiomqtt."""

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import aiomqtt
import paho.mqtt.client as paho
import pytest

from anymq.protocols.mqtt.codec import V311, Connect, Will, encode
from anymq.protocols.websocket.codec import Opcode, close
from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import SECONDS, VERSIONS, Client, client
from tests.peers import npm
from tests.peers.security import Security
from tests.unit.protocols.websocket.frames import frame, request

HERE = Path(__file__).parent / "mqttjs"
WEB = "mqtt_websocket"


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    settings = {"mqtt": {"port": 0, "websocket_port": 0}}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def node_modules() -> Path:
    """The pinned client, installed once."""
    try:
        return npm.installed("mqttjs", HERE)
    except npm.NpmUnavailable as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_paho(broker: EmbeddedBroker, name: str, version: int, qos: int) -> None:
    """Empty, text, binary and large, in their order; read by TCP as well."""
    bodies = [b"", "häé".encode(), bytes(range(256)), b"x" * 1_000_000]
    with (
        client(f"{name}-t", broker.ports["mqtt"], version) as other,
        client(name, broker.ports[WEB], version, transport="websockets") as one,
    ):
        other.subscribe(f"{name}/#", qos)
        one.subscribe(f"{name}/#", qos)
        for body in bodies:
            one.publish(f"{name}/t", body, qos)
        assert [one.next().payload for _ in bodies] == bodies
        assert [other.next().payload for _ in bodies] == bodies


def test_aiomqtt(broker: EmbeddedBroker, name: str) -> None:
    """Over asyncio, at the other path."""

    async def talk() -> list[bytes]:
        async with aiomqtt.Client(
            "127.0.0.1",
            broker.ports[WEB],
            transport="websockets",
            websocket_path="/ws",
            identifier=name,
        ) as one:
            await one.subscribe(f"{name}/+", qos=2)
            for number in range(10):
                await one.publish(f"{name}/t", b"%d" % number, qos=number % 3)
            return [bytes((await anext(one.messages)).payload) for _ in range(10)]

    assert asyncio.run(asyncio.wait_for(talk(), SECONDS)) == [b"%d" % n for n in range(10)]


@pytest.mark.parametrize("version", [3, 4, 5])
@pytest.mark.parametrize("scheme", ["ws", "mqtt"])
def test_mqttjs(
    broker: EmbeddedBroker, name: str, node_modules: Path, version: int, scheme: str
) -> None:
    """The client of browsers, in node."""
    port, path = (broker.ports[WEB], "/mqtt") if scheme == "ws" else (broker.ports["mqtt"], "")
    url = f"{scheme}://127.0.0.1:{port}{path}"
    said = json.loads(npm.talk(node_modules, HERE / "talk.js", url, name, str(version)))
    small = [["/t", number, number % 3] for number in range(10)]
    assert said["seen"] == [*small, ["/large", 3_000_000, 1], ["/empty", 0, 1]]
    assert said["closed"] == 1


def test_over_tls(name: str, tmp_path: Path) -> None:
    """wss, with the certificate of all ports."""
    Security("SASL_SSL").write_certificates(tmp_path)
    tls = {"certificate": str(tmp_path / "server.crt"), "key": str(tmp_path / "server.key")}
    with EmbeddedBroker(settings={"mqtt": {"websocket_tls_port": 0}, "tls": tls}) as broker:
        assert WEB not in broker.ports
        one = Client(name, paho.MQTTv5, transport="websockets")
        one.client.tls_set(str(tmp_path / "ca.pem"))
        one.connect(broker.ports[f"{WEB}_tls"])
        one.subscribe(name, 1)
        one.publish(name, b"x" * 100_000, 1)
        assert one.next().payload == b"x" * 100_000
        one.close()


def test_a_will_comes_when_a_page_is_closed(broker: EmbeddedBroker, name: str) -> None:
    """A WebSocket that ends without DISCONNECT is a client that is lost."""
    with client(f"{name}-w", broker.ports["mqtt"]) as watcher:
        watcher.subscribe(name, 1)
        connect = encode(Connect(V311, f"{name}-l", will=Will(name, b"gone", 1)), V311)
        goodbye = frame(Opcode.CLOSE, (1001).to_bytes(2, "big"))
        said = _said(broker, request() + frame(Opcode.BINARY, connect) + goodbye)
        assert said.endswith(close(1001))
        assert watcher.next().payload == b"gone"


def test_how_it_is_listed(broker: EmbeddedBroker, name: str) -> None:
    """As RabbitMQ's tools call it, with what WebSocket carries below."""
    with client(name, broker.ports[WEB], transport="websockets"):
        request = Request(f"{broker.management}/api/connections")
        request.add_header("Authorization", f"Basic {b64encode(b'guest:guest').decode()}")
        with urlopen(request, timeout=SECONDS) as answer:
            rows = json.loads(answer.read())
    [row] = [row for row in rows if row["client_id"] == name]
    assert (row["protocol"], row["port"]) == ("Web MQTT 5-0", broker.ports[WEB])


def test_other_things_at_its_port(broker: EmbeddedBroker) -> None:
    """MQTT without WebSocket, and a browser's address line: they hear what is wrong."""
    connect = b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02me\r\n\r\n"
    assert _said(broker, connect).startswith(b"HTTP/1.1 400 ")
    page = _said(broker, b"GET /mqtt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert page.startswith(b"HTTP/1.1 426 ")
    assert b"this port speaks WebSocket" in page


def _said(broker: EmbeddedBroker, data: bytes) -> bytes:
    """All that we answer until we hang up."""
    with socket.create_connection(("127.0.0.1", broker.ports[WEB]), SECONDS) as sock:
        sock.sendall(data)
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
    return answer
