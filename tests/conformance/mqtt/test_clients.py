"""The clients that people have: paho, aiomqtt, mosquitto's tools."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import aiomqtt
import paho.mqtt.client as paho
import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.mqtt.client import SECONDS, VERSIONS, Client, client
from tests.peers.security import Security

needs_mosquitto = pytest.mark.skipif(
    shutil.which("mosquitto_pub") is None, reason="mosquitto's clients are not installed"
)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_paho(broker: EmbeddedBroker, name: str, version: int, qos: int) -> None:
    """Empty, text, binary and large, in their order."""
    bodies = [b"", "häé".encode(), bytes(range(256)), b"x" * 1_000_000]
    with client(name, broker.ports["mqtt"], version) as one:
        one.subscribe(f"{name}/#", qos)
        for body in bodies:
            one.publish(f"{name}/t", body, qos)
        found = [one.next() for _ in bodies]
    assert [message.payload for message in found] == bodies
    assert {message.qos for message in found} == {qos}


@pytest.mark.parametrize("version", [paho.MQTTv31, paho.MQTTv311])
def test_paho_comes_back_to_its_session(broker: EmbeddedBroker, name: str, version: int) -> None:
    """What came meanwhile is there."""
    port = broker.ports["mqtt"]
    away = Client(name, version, clean_session=False)
    away.connect(port)
    away.subscribe(f"{name}/t", 1)
    away.close()
    with client(f"{name}-w", port, version) as writer:
        for number in range(100):
            writer.publish(f"{name}/t", b"%d" % number, 1)
    away = Client(name, version, clean_session=False)
    assert away.connect(port)
    assert [away.next().payload for _ in range(100)] == [b"%d" % n for n in range(100)]
    away.close()


def test_aiomqtt(broker: EmbeddedBroker, name: str) -> None:
    """Over asyncio."""

    async def talk() -> list[bytes]:
        async with aiomqtt.Client("127.0.0.1", broker.ports["mqtt"], identifier=name) as one:
            await one.subscribe(f"{name}/+", qos=2)
            for number in range(10):
                await one.publish(f"{name}/t", b"%d" % number, qos=number % 3)
            found = []
            async for message in one.messages:
                found.append(bytes(message.payload))
                if len(found) == 10:
                    break
            return found

    assert asyncio.run(asyncio.wait_for(talk(), SECONDS)) == [b"%d" % n for n in range(10)]


@needs_mosquitto
@pytest.mark.parametrize("version", ["mqttv31", "mqttv311", "mqttv5"])
def test_mosquittos_tools(broker: EmbeddedBroker, name: str, version: str) -> None:
    """What is retained is there for who comes later; as a user with a password."""
    where = ["-h", "127.0.0.1", "-p", str(broker.ports["mqtt"]), "-V", version]
    who = ["-u", "guest", "-P", "guest"]
    said = ["-t", f"{name}/t", "-m", "hello", "-r", "-q", "2"]
    subprocess.run(["mosquitto_pub", *where, *who, *said], check=True, timeout=SECONDS)
    wanted = ["-t", f"{name}/#", "-C", "1", "-W", "10", "-q", "1", "-v"]
    found = subprocess.run(
        ["mosquitto_sub", *where, *wanted], capture_output=True, check=True, timeout=SECONDS
    )
    assert found.stdout == f"{name}/t hello\n".encode()


@needs_mosquitto
def test_mosquittos_tool_with_a_wrong_password(broker: EmbeddedBroker, name: str) -> None:
    """It says what is wrong."""
    where = ["-h", "127.0.0.1", "-p", str(broker.ports["mqtt"]), "-u", "guest", "-P", "wrong"]
    found = subprocess.run(
        ["mosquitto_pub", *where, "-t", name, "-m", "x"],
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    assert found.returncode != 0
    assert b"bad user name or password" in found.stderr.lower()


@needs_mosquitto
def test_requests_and_answers(broker: EmbeddedBroker, name: str) -> None:
    """mosquitto_rr asks, paho answers: by response topic and correlation data."""
    port = broker.ports["mqtt"]
    with client(name, port) as server:
        server.subscribe(f"{name}/ask", 1)
        where = ["-h", "127.0.0.1", "-p", str(port), "-V", "mqttv5"]
        said = ["-t", f"{name}/ask", "-e", f"{name}/answer", "-m", "ping", "-W", "10"]
        asking = subprocess.Popen(["mosquitto_rr", *where, *said], stdout=subprocess.PIPE)
        _, says = server.next_with_properties()
        server.publish(says.ResponseTopic, b"pong", 1)
        answer, _ = asking.communicate(timeout=SECONDS)
    assert answer == b"pong\n"


def test_over_tls(name: str, tmp_path: Path) -> None:
    """At a port of its own, with the certificate of all ports."""
    Security("SASL_SSL").write_certificates(tmp_path)
    tls = {"certificate": str(tmp_path / "server.crt"), "key": str(tmp_path / "server.key")}
    with EmbeddedBroker(settings={"mqtt": {"tls_port": 0}, "tls": tls}) as broker:
        assert broker.ports["mqtt"] != broker.ports["mqtt_tls"]
        one = Client(name, paho.MQTTv5)
        one.client.tls_set(str(tmp_path / "ca.pem"))
        one.connect(broker.ports["mqtt_tls"])
        one.subscribe(name, 1)
        one.publish(name, b"x" * 100_000, 1)
        assert one.next().payload == b"x" * 100_000
        one.close()
