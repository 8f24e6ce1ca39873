"""SIGKILL at either end of a bridge of MQTT, and at mosquitto: nothing is lost on the way."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.mqtt.client import client
from tests.crash.test_kill_shovels import Node
from tests.integration.shovelling import until
from tests.peers.process import free_ports

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
MESSAGES = 300 * EFFORT
log = logging.getLogger(__name__)


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    """Here, and there, which speaks MQTT at a port that it keeps."""
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        started: list[Node] = []
        try:
            for name in ("here", "there"):
                (port,) = free_ports(1)
                started.append(Node(Path(folder) / name, {"mqtt.port": port}))
            yield started
        finally:
            for node in started:
                node.place.close()
                node.server.stop()


def mqtt_port(node: Node) -> int:
    return int(node.server.settings["mqtt.port"])


def shovel_in(here: Node, there: Node, qos: int) -> Callable[[], None]:
    """From there to here; what begins it is a client that publishes there."""
    here.place.set_shovel(
        "s",
        src_protocol="mqtt",
        src_uri=f"mqtt://127.0.0.1:{mqtt_port(there)}",
        src_topic="from",
        src_qos=qos,
        src_prefetch_count=20,
        dest_protocol="local",
        dest_queue="to",
        reconnect_delay=0.05,
    )
    here.place.until_state("s", "running")

    def fill() -> None:
        with client("filler", mqtt_port(there)) as writer:
            for number in range(MESSAGES):
                writer.publish("from", b"%d" % number, 1)

    return fill


def shovel_out(here: Node, there: Node, qos: int) -> Callable[[], None]:
    """From here to there, where a queue is bound to the topic."""
    there.place.channel.queue_bind("to", "amq.topic", "from")
    here.place.declare("from")

    def fill() -> None:
        here.place.publish("from", *(b"%d" % number for number in range(MESSAGES)))
        here.place.set_shovel(
            "s",
            src_protocol="local",
            src_queue="from",
            src_prefetch_count=20,
            dest_protocol="mqtt",
            dest_uri=f"mqtt://127.0.0.1:{mqtt_port(there)}",
            dest_qos=qos,
            reconnect_delay=0.05,
        )

    return fill


@pytest.mark.timeout(180 * EFFORT)
@pytest.mark.parametrize(("outwards", "qos"), [(True, 2), (False, 1)], ids=["out", "in"])
def test_all_arrives_whoever_is_killed(nodes: list[Node], outwards: bool, qos: int) -> None:
    """At least once: twice is allowed, never is not."""
    here, there = nodes
    dest = there if outwards else here
    dest.place.declare("to")
    fill = (shovel_out if outwards else shovel_in)(here, there, qos)
    fill()
    for kill, victim in enumerate(nodes * EFFORT):
        least = kill * MESSAGES // (4 * EFFORT) + 1
        until(lambda: True if dest.place.count("to") >= least else None)  # noqa: B023
        victim.kill()

    wanted = {b"%d" % number for number in range(MESSAGES)}
    found: list[bytes] = []
    while set(found) != wanted:
        found += dest.place.bodies("to", 1)
    log.info("%d messages, %d came twice", MESSAGES, len(found) - MESSAGES)
