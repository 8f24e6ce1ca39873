"""SIGKILL with messages of QoS 2 under way in both directions, at any end."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.crash import once_client
from tests.peers.anymq import AnymqServer

ROUNDS = 2  # of which each kills everybody once
ONCE = 600  # messages
PATIENCE_SECONDS = 200
TIMEOUT_SECONDS = 240  # on a machine that is busy with something else


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


class Program:
    """A client that is killed, and started again."""

    def __init__(self, folder: Path, what: str, port: int) -> None:
        self.path = str(folder / what)
        self._said = [what, str(port), self.path, str(ONCE)]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", once_client.__name__, *self._said])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def got(self, enough: int) -> bool:
        return self.count(once_client.GOT) >= enough

    def count(self, what: str) -> int:
        return sum(line[0] == what for line in once_client.lines_of(self.path))


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends, "it does not happen"
        time.sleep(0.01)


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_qos_2_comes_once_whoever_is_killed(server: AnymqServer, tmp_path: Path) -> None:
    """Publisher, broker and subscriber are killed in turn, again and again."""
    port = int(server.settings["mqtt.port"])
    subscriber = Program(tmp_path, "subscribe", port)
    try:
        until(lambda: subscriber.count(once_client.READY) == 1)
        publisher = Program(tmp_path, "publish", port)
        try:
            victims: list[Program | AnymqServer] = [publisher, server, subscriber] * ROUNDS
            for number, victim in enumerate(victims, 1):
                enough = number * ONCE // (len(victims) + 1)
                until(partial(subscriber.got, enough))
                victim.kill()
                victim.start()
            until(lambda: publisher.process.poll() == 0)
            until(lambda: subscriber.process.poll() == 0)
        finally:
            publisher.kill()
    finally:
        subscriber.kill()
    got = [int(line[2]) for line in once_client.lines_of(subscriber.path) if len(line) == 3]
    assert sorted(got) == list(range(ONCE))
