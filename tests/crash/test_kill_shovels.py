"""SIGKILL at either end while shovels push and pull: nothing is lost on the way."""

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pika
import pytest

from tests.integration.shovelling import Place, until
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
MESSAGES = 600 * EFFORT
log = logging.getLogger(__name__)


class Node:
    """A broker whose folder and ports outlive its process."""

    def __init__(self, folder: Path, settings: Mapping[str, int] | None = None) -> None:
        folder.mkdir()
        (self.http_port,) = free_ports(1)
        said = {"management.port": self.http_port, **(settings or {})}
        self.server = AnymqServer(folder, said)
        self.server.start()
        self.place = self.connect()

    def connect(self) -> Place:
        return Place(self.server.amqp_port, self.http_port)

    def kill(self) -> None:
        """A sudden end, and a new beginning."""
        self.place.close()
        self.server.kill()
        self.server.start()
        self.place = self.connect()


@pytest.fixture
def nodes() -> Iterator[list[Node]]:
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        started: list[Node] = []
        try:
            started.append(Node(Path(folder) / "here"))
            started.append(Node(Path(folder) / "there"))
            yield started
        finally:
            for node in started:
                node.place.close()
                node.server.stop()


def fill(node: Node, queue: str) -> None:
    """Publish all, confirmed together."""
    node.place.declare(queue)
    bodies = [b"%d" % number for number in range(MESSAGES)]
    client = pika.BlockingConnection(pika.URLParameters(node.place.url))
    channel = client.channel()
    channel.tx_select()
    for body in bodies:
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2))
    channel.tx_commit()
    client.close()


def wait_for(node: Node, count: int) -> None:
    """Wait until so many have come."""
    until(lambda: True if node.place.count("to") >= count else None)


@pytest.mark.timeout(180 * EFFORT)
@pytest.mark.parametrize("pushed", [True, False], ids=["pushed", "pulled"])
def test_all_arrives_whoever_is_killed(nodes: list[Node], pushed: bool) -> None:
    """At least once: twice is allowed, never is not."""
    here, there = nodes
    source, dest = (here, there) if pushed else (there, here)
    fill(source, "from")
    dest.place.declare("to")
    remote = there.place.url
    here.place.set_shovel(
        "s",
        src_uri="amqp://" if pushed else remote,
        src_queue="from",
        src_prefetch_count=20,
        dest_uri=remote if pushed else "amqp://",
        dest_queue="to",
        reconnect_delay=0.05,
    )
    for kill, victim in enumerate(nodes * EFFORT):
        wait_for(dest, (kill + 1) * MESSAGES // (4 * EFFORT))
        victim.kill()

    arrived: list[bytes] = []

    def all_came() -> bool | None:
        arrived.extend(dest.place.bodies("to", dest.place.count("to")))
        return True if {int(body) for body in arrived} == set(range(MESSAGES)) else None

    until(all_came)  # the last ones have left the source, and are on their way
    log.info("%d messages, %d came twice", MESSAGES, len(arrived) - MESSAGES)
    assert source.place.count("from") == 0
