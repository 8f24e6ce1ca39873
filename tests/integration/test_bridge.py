"""Bridges of MQTT: to another broker of ours, and to mosquitto."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.conformance.mqtt.client import Client, client
from tests.integration.shovelling import Place, until
from tests.peers.maven import PeerUnavailable
from tests.peers.mosquitto import MosquittoServer
from tests.peers.security import Security

from anymq.testing import EmbeddedBroker

NAMES = (f"b{number}" for number in count())


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings={"mqtt": {"port": 0}}) as running:
        yield running


@pytest.fixture
def here(broker: EmbeddedBroker) -> Iterator[Place]:
    place = Place(broker.ports["amqp"], broker.ports["management"])
    yield place
    place.close()


@pytest.fixture(scope="module")
def other() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings={"mqtt": {"port": 0}}) as running:
        yield running


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MosquittoServer]:
    """One that says that it is one, or not here."""
    server = MosquittoServer(tmp_path_factory.mktemp("mosquitto"))
    try:
        server.start()
    except PeerUnavailable as reason:
        pytest.skip(str(reason))
    yield server
    server.stop()


@pytest.fixture
def name(here: Place) -> Iterator[str]:
    """The beginning of topics, and of shovels, which go afterwards."""
    name = next(NAMES)
    yield name
    for way in ("in", "out"):
        here.delete_shovel(f"{name}-{way}")


def bring_in(here: Place, name: str, port: int, **said: Any) -> None:
    """From there to here."""
    mqtt = {"src_protocol": "mqtt", "src_uri": f"mqtt://127.0.0.1:{port}"}
    both = {"src_topic": f"{name}/#", "dest_protocol": "local", "reconnect_delay": 0.05}
    status, answer = here.set_shovel(f"{name}-in", **{**mqtt, **both, **said})
    assert status in (201, 204), answer
    here.until_state(f"{name}-in", "running")


def bring_out(here: Place, name: str, port: int, **said: Any) -> None:
    """From here to there."""
    local = {"src_protocol": "local", "src_exchange": "amq.topic", "src_exchange_key": f"{name}.#"}
    mqtt = {"dest_protocol": "mqtt", "dest_uri": f"mqtt://127.0.0.1:{port}"}
    said = {**local, **mqtt, "reconnect_delay": 0.05, **said}
    if "src_queue" in said:
        del said["src_exchange"], said["src_exchange_key"]
    status, answer = here.set_shovel(f"{name}-out", **said)
    assert status in (201, 204), answer
    here.until_state(f"{name}-out", "running")


def next_of(reader: Client, amount: int) -> list[tuple[str, bytes]]:
    found = [reader.next() for _ in range(amount)]
    return [(one.topic, bytes(one.payload)) for one in found]


def test_both_ways_without_going_round(
    broker: EmbeddedBroker, here: Place, other: EmbeddedBroker, name: str
) -> None:
    """Each message is in both brokers once, wherever it was published."""
    port = other.ports["mqtt"]
    bring_in(here, name, port)
    bring_out(here, name, port)
    with (
        client(f"{name}-a", broker.ports["mqtt"]) as ours,
        client(f"{name}-b", port) as theirs,
    ):
        for reader in (ours, theirs):
            reader.subscribe(f"{name}/#", 1)
        for number in range(5):
            ours.publish(f"{name}/{number}", b"ours", 1)
            theirs.publish(f"{name}/{number}", b"theirs", 1)
        # Behind these, nothing can still be on its way from one to the other and back.
        ours.publish(f"{name}/end", b"ours", 1)
        theirs.publish(f"{name}/end", b"theirs", 1)
        expected = sorted(
            (f"{name}/{n}", by) for n in [*range(5), "end"] for by in (b"ours", b"theirs")
        )
        assert sorted(next_of(ours, 12)) == expected
        assert sorted(next_of(theirs, 12)) == expected
        ours.publish(f"{name}/after", b"", 1)
        theirs.publish(f"{name}/after", b"", 1)
        assert {topic for topic, _ in next_of(ours, 2) + next_of(theirs, 2)} == {f"{name}/after"}


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_from_mosquitto_and_back(
    broker: EmbeddedBroker,
    here: Place,
    mosquitto: MosquittoServer,
    name: str,
    qos: int,
    version: str,
) -> None:
    """Other names there than here; empty, text, binary and large bodies."""
    uri = f"mqtt://127.0.0.1:{mosquitto.port}?version={version}"
    there, back = f"{name}/there/", f"{name}/back/"
    bring_in(
        here,
        name,
        0,
        src_uri=uri,
        src_topic=f"{there}#",
        src_qos=qos,
        src_strip_prefix=there,
        src_add_prefix=f"{name}/",
        ack_mode="on-confirm" if qos else "no-ack",
    )
    bring_out(
        here,
        name,
        0,
        dest_uri=uri,
        dest_qos=qos,
        dest_strip_prefix=f"{name}/",
        dest_add_prefix=back,
    )
    bodies = [b"", "häé".encode(), bytes(range(256)), b"x" * 300_000]
    with (
        client(f"{name}-a", broker.ports["mqtt"]) as ours,
        client(f"{name}-b", mosquitto.port) as theirs,
    ):
        ours.subscribe(f"{name}/+", 2)
        theirs.subscribe(f"{back}+", 2)
        for body in bodies:
            theirs.publish(f"{there}t", body, 2)
        assert next_of(ours, 4) == [(f"{name}/t", body) for body in bodies]
        for body in bodies:
            ours.publish(f"{name}/ours", body, 2)
        assert next_of(theirs, 4) == [(f"{back}ours", body) for body in bodies]


def test_what_is_said_with_a_message(
    broker: EmbeddedBroker, here: Place, mosquitto: MosquittoServer, name: str
) -> None:
    """Everything that MQTT 5 has for it, and that it was to be retained."""
    bring_in(here, name, mosquitto.port, src_qos=2)
    said: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    said.ContentType, said.ResponseTopic, said.CorrelationData = "text/x", f"{name}/answer", b"\1"
    said.UserProperty = [("k", "1"), ("k", "2")]
    said.MessageExpiryInterval = 600
    with (
        client(f"{name}-a", broker.ports["mqtt"]) as ours,
        client(f"{name}-b", mosquitto.port) as theirs,
    ):
        ours.subscribe(f"{name}/#", 2)
        theirs.publish(f"{name}/t", b"x", 2, properties=said)
        message, found = ours.next_with_properties()
    assert (message.topic, message.payload, message.qos) == (f"{name}/t", b"x", 2)
    assert (found.ContentType, found.ResponseTopic) == ("text/x", f"{name}/answer")
    assert found.CorrelationData == b"\1"
    assert 0 < found.MessageExpiryInterval <= 600
    assert found.UserProperty[:2] == [("k", "1"), ("k", "2")]


def test_retained_there(
    broker: EmbeddedBroker, here: Place, mosquitto: MosquittoServer, name: str
) -> None:
    """What is retained there comes; what a device retains here, who comes later finds there."""
    with client(f"{name}-b", mosquitto.port) as theirs:
        theirs.publish(f"{name}/there", b"before", 1, retain=True)
    bring_out(here, name, mosquitto.port)
    with client(f"{name}-a", broker.ports["mqtt"]) as ours:
        ours.subscribe(f"{name}/#", 1)
        bring_in(here, name, mosquitto.port, src_topic=f"{name}/there")
        assert ours.next().payload == b"before"
        until(lambda: retained(broker.ports["mqtt"], f"{name}/there") or None)
        ours.publish(f"{name}/here", b"now", 1, retain=True)
        ours.next()
    until(lambda: retained(mosquitto.port, f"{name}/here") or None)


def retained(port: int, topic: str) -> bool:
    """Is it there for who comes now?"""
    with client("", port) as late:
        late.subscribe(topic, 1)
        late.subscribe(f"{topic}/none", 1)  # answered behind what was retained
        return not late.got.empty()


def test_into_a_queue(here: Place, mosquitto: MosquittoServer, name: str) -> None:
    """Any shovel may have MQTT at one of its ends."""
    here.declare(f"{name}-q")
    bring_in(here, name, mosquitto.port, dest_queue=f"{name}-q")
    with client(f"{name}-b", mosquitto.port) as theirs:
        theirs.publish(f"{name}/t", b"to a queue", 1)
    assert here.bodies(f"{name}-q", 1) == [b"to a queue"]


def test_into_a_topic_of_kafka(
    broker: EmbeddedBroker, here: Place, mosquitto: MosquittoServer, name: str
) -> None:
    """Its key is the topic, as AMQP writes it; what MQTT says of it, its headers."""
    kafka = {"dest_protocol": "kafka", "dest_uri": f"kafka://{broker.kafka}", "dest_topic": name}
    producer = Producer({"bootstrap.servers": broker.kafka})
    producer.list_topics(name)  # to ask for it makes it
    bring_in(here, name, mosquitto.port, **kafka)
    with client(f"{name}-b", mosquitto.port) as theirs:
        theirs.publish(f"{name}/t", b"to a topic", 1)
    settings = {"bootstrap.servers": broker.kafka, "group.id": name}
    consumer = Consumer({**settings, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    record = until(lambda: consumer.poll(1.0))
    assert (record.key(), record.value()) == (f"{name}.t".encode(), b"to a topic")
    assert ("x-anymq-way", f"127.0.0.1:{mosquitto.port}".encode()) in (record.headers() or ())
    consumer.close()


def test_what_comes_while_we_are_away(here: Place, mosquitto: MosquittoServer, name: str) -> None:
    """It waits there in a session, as long as the shovel is the same."""
    here.declare(f"{name}-q")
    bring_in(here, name, mosquitto.port, dest_queue=f"{name}-q")
    uri = f"mqtt://127.0.0.1:{mosquitto.port}"
    here.set_shovel(  # the same, but that its broker is not to be found
        f"{name}-in",
        src_protocol="mqtt",
        src_uri="mqtt://127.0.0.1:1",
        src_topic=f"{name}/#",
        dest_protocol="local",
        dest_queue=f"{name}-q",
    )
    until(lambda: (here.shovel(f"{name}-in") or {}).get("reason"))
    with client(f"{name}-b", mosquitto.port) as theirs:
        for number in range(20):
            theirs.publish(f"{name}/t", b"%d" % number, 1)
    bring_in(here, name, mosquitto.port, dest_queue=f"{name}-q", src_uri=uri)
    assert here.bodies(f"{name}-q", 20) == [b"%d" % number for number in range(20)]


def test_tls_and_a_password(here: Place, name: str, tmp_path: Path) -> None:
    """A broker of ours that wants both; a wrong password is said, and not shown."""
    Security("SASL_SSL").write_certificates(tmp_path)
    tls = {"certificate": str(tmp_path / "server.crt"), "key": str(tmp_path / "server.key")}
    mqtt = {"tls_port": 0, "anonymous": False}
    with EmbeddedBroker(settings={"mqtt": mqtt, "tls": tls}) as secured:
        port, ca = secured.ports["mqtt_tls"], tmp_path / "ca.pem"
        here.declare(f"{name}-q")
        good = f"mqtts://guest:guest@localhost:{port}?cacertfile={ca}"
        bring_in(here, name, 0, src_uri=good, dest_queue=f"{name}-q")
        bad = good.replace("guest:guest", "guest:secret")
        here.set_shovel(
            f"{name}-in",
            src_protocol="mqtt",
            src_uri=bad,
            src_topic="#",
            dest_queue=f"{name}-q",
            dest_protocol="local",
        )
        found = until(lambda: (here.shovel(f"{name}-in") or {}).get("reason"))
    assert "bad login" in found
    assert "secret" not in found


def test_it_comes_back_when_the_other_broker_does(here: Place, name: str, tmp_path: Path) -> None:
    """By itself, and what came meanwhile goes out then."""
    server = MosquittoServer(tmp_path)
    try:
        server.start()
    except PeerUnavailable as reason:
        pytest.skip(str(reason))
    here.declare(name)
    bring_out(here, name, server.port, src_queue=name, dest_retain=True)
    server.kill()
    here.publish(name, b"meanwhile")
    server.start()
    until(lambda: retained(server.port, name) or None)
    server.stop()
