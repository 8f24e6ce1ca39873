"""256 MiB, and no more: the system ends a broker that wants it.

Two hundred consumers who do not read, of three protocols, a gigabyte in a queue, messages of 8 MiB
one after the other: all at once, and neighbours who must not notice.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from anymq.protocols.mqtt.codec import V311, Suback, Subscribe, Wish
from tests.crash.seeds import EFFORT
from tests.differential.amqp.client import Client
from tests.hostile import amqp, mqtt
from tests.hostile.amqp import Confirms, ask, connect, expect, fill
from tests.hostile.memory_group import enter, memory_group
from tests.hostile.mqtt import MqttClient
from tests.hostile.room import KIB, MIB, Broker, running, wait_until
from tests.hostile.stomp import StompClient
from tests.peers.process import free_ports

pytestmark = pytest.mark.xdist_group("hostile-ceiling")

CEILING = 256 * MIB
MOST = 200 * MIB  # that the process may ever have had
BODY, BACKLOG = 100 * KIB, 10_240 * EFFORT  # a gigabyte
STALLED = 200
LARGE = 8 * MIB
QUEUE = "backlog"
PORTS = ("mqtt", "stomp")

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO


@pytest.fixture
def ports() -> dict[str, int]:
    return dict(zip(PORTS, free_ports(len(PORTS)), strict=True))


@pytest.fixture
def broker(ports: dict[str, int]) -> Iterator[Broker]:
    """One that was told how much there is."""
    settings = {
        "limits.memory_bytes_max": 48 * MIB,
        "limits.unsent_bytes_max": 8 * MIB,
        "limits.unwritten_bytes_max": 8 * MIB,
        "storage.segment_bytes": 32 * MIB,
        "amqp.message_bytes_max": LARGE,
        **{f"{name}.port": port for name, port in ports.items()},
    }
    with memory_group("anymq-test", CEILING) as group, running(settings) as broker:
        enter(group, broker.server.pid)
        yield broker


def most(broker: Broker) -> int:
    """The most memory that it ever had."""
    status = Path(f"/proc/{broker.server.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * KIB


@pytest.mark.timeout(600)
def test_everything_at_once(broker: Broker, ports: dict[str, int]) -> None:
    with ExitStack() as crowd:
        boss = connect(broker)
        crowd.callback(boss.abort)
        ask(boss, "queue.declare", queue=QUEUE, durable=True)
        with amqp.unharmed(broker), mqtt.unharmed(broker, ports["mqtt"]):
            fill(boss, QUEUE, BACKLOG, bytes(BODY))
        note(broker, "a backlog")
        with amqp.unharmed(broker), mqtt.unharmed(broker, ports["mqtt"]):
            for number in range(STALLED):
                crowd.callback(stall(broker, ports, number).abort)
            wait_until(lambda: amqp.connections(broker) > STALLED)
        note(broker, "who do not read")
        with amqp.unharmed(broker), mqtt.unharmed(broker, ports["mqtt"]):
            writer = connect(broker)
            crowd.callback(writer.abort)
            send_and_get(writer)
        note(broker, "large ones")


def stall(broker: Broker, ports: dict[str, int], number: int) -> Client | MqttClient | StompClient:
    """One who asks for all there is, and takes nothing."""
    match number % 4:
        case 0:
            stomper = StompClient(ports["stomp"], small=True).log_in()
            stomper.say("SUBSCRIBE", id="1", destination=f"/queue/{QUEUE}", ack="client")
            return stomper
        case 1:
            device = MqttClient(ports["mqtt"], small=True, version=V311).log_in()
            device.say(Subscribe(1, [Wish(f"$queue/{QUEUE}", 1)]))
            device.await_one(Suback)
            return device
        case kind:
            consumer = connect(broker)
            consumer.method(1, "basic.consume", queue=QUEUE, no_ack=kind == 2)
            return consumer


def send_and_get(client: Client) -> None:
    """Messages as large as they may be, one after the other."""
    ask(client, "queue.declare", queue="large", durable=True)
    confirms, body = Confirms(client), bytes(LARGE)
    for _ in range(3):
        confirms.send("large", [body])
        confirms.hear_all()
    ask(client, "basic.qos", prefetch_count=1)
    ask(client, "basic.consume", queue="large")
    for number in range(1, 4):
        assert len(expect(client, "basic.deliver").body) == LARGE
        client.method(1, "basic.ack", delivery_tag=number)


def note(broker: Broker, what: str) -> None:
    """Say how much memory it was so far, and that it was not too much."""
    measured.info("with %s: %d MiB at most", what, most(broker) // MIB)
    assert most(broker) < MOST
