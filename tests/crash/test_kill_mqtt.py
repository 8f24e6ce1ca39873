"""SIGKILL with messages of QoS 1 and 2 under way in both directions."""

import socket
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from tests.conformance.mqtt.client import Client
from tests.peers.anymq import AnymqServer

KILLS = 2
EACH = 300  # messages between two of them
RETRY_SECONDS = 1


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AnymqServer]:
    """A broker at a port that stays the same: clients come back to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = AnymqServer(tmp_path, {"mqtt.port": port})
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("qos", [1, 2])
def test_nothing_is_lost(server: AnymqServer, qos: int) -> None:
    """Publisher and subscriber come back by themselves, and go on where they were.

    Of QoS 2, each comes once, but for those that came in the moment of a kill: the message may be
    on the disk, and its number not yet (docs/protocols/mqtt.md).
    """
    port = int(server.settings["mqtt.port"])
    reader, writer = (Client(name, paho.MQTTv311, clean_session=False) for name in ("r", "w"))
    for each in (reader, writer):
        each.client.reconnect_delay_set(RETRY_SECONDS, RETRY_SECONDS)
        each.connect(port)
    reader.subscribe("t", qos)
    found: list[int] = []
    for kill in range(KILLS):
        for number in range(kill * EACH, (kill + 1) * EACH):
            writer.client.publish("t", b"%d" % number, qos)
        found += [int(reader.next().payload) for _ in range(EACH // 3)]
        server.kill()
        server.start()
    while len(set(found)) < KILLS * EACH:
        found.append(int(reader.next().payload))
    assert set(found) == set(range(KILLS * EACH))
    for each in (reader, writer):
        each.close()
