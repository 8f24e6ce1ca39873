"""The load generators themselves: a figure is worth nothing if the load was not what it says."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.kafka import frames
from benchmarks.mqtt import workloads as mqtt
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), {"storage.durability": "os"})
        yield server.start().bootstrap
        server.stop()


@pytest.fixture
def topic(kafka: str, request: pytest.FixtureRequest) -> str:
    name = str(request.node.name).replace("[", "-").rstrip("]")
    admin = AdminClient({"bootstrap.servers": kafka})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(20)
    return name


def generate(script: str, *argv: object) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "kafka" / script), *map(str, argv)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    return dict(json.loads(done.stdout))


def test_a_batch_is_what_a_default_producer_sends() -> None:
    batch, count = frames.batch(100)
    assert frames.BATCH_BYTES <= len(batch) < frames.BATCH_BYTES + 200
    assert frames.walk(memoryview(batch * 2)) == (count, 2 * count)


@pytest.mark.parametrize("script", ["raw.py", "rdkafka.py"])
def test_what_is_produced_is_consumed(kafka: str, topic: str, script: str) -> None:
    produced = generate(script, "produce", kafka, topic, "--seconds", 0.3, "--acks", -1)
    assert produced["messages"] > 0
    argv = ["consume", kafka, topic, "--records", int(produced["messages"]), "--seconds", 0]
    consumed = generate(script, *argv)
    connections = 2 if script == "raw.py" else 1
    assert consumed["messages"] == connections * produced["messages"]


def test_paced_messages_arrive_at_both_ends(kafka: str, topic: str) -> None:
    paced = generate("raw.py", "pace", kafka, topic, "--rate", 200, "--seconds", 1)
    assert paced["messages"] == 200
    assert 0 < paced["ack_p50_ms"] <= paced["ack_p99_ms"]
    assert 0 < paced["delivery_p50_ms"] <= paced["delivery_max_ms"]


@pytest.fixture(scope="module")
def mqtt_broker() -> Iterator[AnymqServer]:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler for the load generator")
    settings: dict[str, str | int | bool] = {
        "storage.durability": "os",
        "mqtt.port": free_ports(1)[0],
    }
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), settings)
        yield server.start()
        server.stop()


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize(("publishers", "subscribers"), [(1, 1), (1, 20), (20, 1)])
def test_every_message_of_mqtt_comes_to_every_subscriber(
    mqtt_broker: AnymqServer, qos: int, publishers: int, subscribers: int
) -> None:
    """The generator ends with an error where one is missing, comes twice, or out of turn."""
    shape = ["-P", publishers, "-S", subscribers, "-w", 10, "-q", qos, "-t", 0.1, "-k"]
    said = json.loads(subprocess.check_output(mqtt.command(mqtt_broker, *shape), text=True))
    assert said["messages"] >= publishers * subscribers * 10
    assert said["messages"] % subscribers == 0


def test_silent_sessions_of_mqtt(mqtt_broker: AnymqServer) -> None:
    """All of them are let in."""
    said = json.loads(subprocess.check_output(mqtt.command(mqtt_broker, "-i", 150), text=True))
    assert said["sessions"] == 150
