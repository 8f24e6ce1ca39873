"""Money moves once between the two banks of the example, whoever is killed, at every step.

Both banks, the broker, and the network between them die in turn, each at each step that a bank
takes; the banks go on where their own databases say.
"""

import os
import queue
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

import pytest

from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "two_banks"
AMOUNT, START = 10, 1_000_000
FOR_EVER = 1_000_000  # transfers
PATIENCE_SECONDS = 150
A, B, BROKER, NETWORK = "bank_a", "bank_b", "the broker", "the network"
EVERYBODY = (A, B, BROKER, NETWORK)
SENDING = ("begins", "half is kept", "money is taken", "committed")
BEFORE_ASKED = ("half is kept", "money is taken")
ASKED = ("asked", "answers")
RECEIVING = ("pulled", "money is added", "offset is kept")
Event = tuple[str, int, str]  # which bank, in which life, says what


class Mortal(Protocol):
    """Something that can be killed, and is there again afterwards."""

    def die(self) -> None:
        """Die, and come back."""


class Bank:
    """One bank: a process that waits at each of its steps."""

    def __init__(self, name: str, folder: Path, port: int, events: "queue.Queue[Event]") -> None:
        self.name = name
        self.path = folder / f"{name}.db"
        self._events = events
        self._port = port
        self._life = 0
        self._process: subprocess.Popen[str] | None = None

    def start(self, count: int = FOR_EVER, *, waits: bool = True) -> None:
        """Start it; `count`: of transfers, when it is A."""
        self._life += 1
        counted = [str(count)] if self.name == A else []
        command = [sys.executable, f"{self.name}.py", f"127.0.0.1:{self._port}", str(self.path)]
        self._process = subprocess.Popen(
            command + counted,
            cwd=EXAMPLE,
            env={**os.environ, **({"STEPS": "1"} if waits else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        arguments = (self._process, self._life)
        self._listener = threading.Thread(target=self._listen, args=arguments, daemon=True)
        self._listener.start()

    def _listen(self, process: "subprocess.Popen[str]", life: int) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._events.put((self.name, life, line.strip()))

    def go_on(self, life: int) -> None:
        """Let it take its next step."""
        process = self._process
        if process is not None and life == self._life and process.stdin is not None:
            with suppress(OSError):
                process.stdin.write("\n")
                process.stdin.flush()

    def kill(self) -> None:
        """Kill it, as kill -9 does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._listener.join()
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                with suppress(OSError):
                    pipe.close()

    def die(self) -> None:
        self.kill()
        self.start()

    def says(self, life: int) -> bool:
        """Is it still the one that said something in this life?"""
        return life == self._life

    def ids(self, query: str) -> set[str]:
        """Return what its database answers."""
        if not self.path.exists():
            return set()
        with closing(sqlite3.connect(self.path, timeout=60)) as ledger:
            try:
                return {row[0] for row in ledger.execute(query)}
            except sqlite3.OperationalError:  # it has no tables yet
                return set()


class Broker:
    """The broker, killed as kill -9 does."""

    def __init__(self, server: AnymqServer) -> None:
        self._server = server

    def die(self) -> None:
        self._server.kill()
        self._server.start()


class Network:
    """A wire from a port of ours to the broker's; when it is cut, every connection is."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    def _run(self, work: Callable[..., None], *arguments: socket.socket) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._run(self._serve, near)

    def _serve(self, near: socket.socket) -> None:
        """Carry both ways, until one end is gone."""
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._to)) as far:
            with self._lock:
                self._ends |= {near, far}
            back = self._run(self._carry, far, near)
            self._carry(near, far)
            back.join()
            with self._lock:
                self._ends -= {near, far}

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        _cut([one, other])

    def die(self) -> None:
        with self._lock:
            _cut(self._ends)

    def close(self) -> None:
        _cut([self._listener])
        self._listener.close()
        self.die()
        for thread in self._threads:
            thread.join()


def _cut(ends: Iterable[socket.socket]) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


class Town:
    """Both banks, the broker between them, and the wire."""

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.server = AnymqServer(
            folder,
            {
                "rocketmq.port": port,
                "transactions.check_after_ms": 200,
                "transactions.check_interval_ms": 200,
            },
        )
        self.server.start()
        self.network = Network(port)
        self._events: queue.Queue[Event] = queue.Queue()
        self.a, self.b = (Bank(n, folder, self.network.port, self._events) for n in (A, B))
        self._everybody: dict[str, Mortal] = {
            A: self.a,
            B: self.b,
            BROKER: Broker(self.server),
            NETWORK: self.network,
        }

    def close(self) -> None:
        self.a.kill()
        self.b.kill()
        self.network.close()
        self.server.stop()

    def kill_at(self, step: str, victim: str) -> None:
        """Let everybody go on until a bank takes this step; then somebody dies."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while True:
            name, life, said = self._next(ends, f"nobody says {step!r}")
            bank = self.a if name == A else self.b
            if not bank.says(life) or said.startswith(("broken", "enough")):
                continue
            if said == step:
                self._everybody[victim].die()
                self.check()
                bank.go_on(life)
                return
            bank.go_on(life)

    def _next(self, ends: float, why: str) -> Event:
        try:
            return self._events.get(timeout=max(0, ends - time.monotonic()))
        except queue.Empty:
            pytest.fail(why)

    def check(self) -> None:
        """Nobody gets what was not taken; this holds at all times."""
        received = self.b.ids("SELECT id FROM received")
        assert received <= self.done(), "money came that nobody sent"

    def done(self) -> set[str]:
        return self.a.ids("SELECT id FROM transfer WHERE state = 'done'")

    def settle(self) -> None:
        """Let everything come to its end; all of it must have come, once."""
        self.a.kill()
        self.b.kill()
        self.a.start(len(self.done()) + 1, waits=False)
        self.b.start(waits=False)
        _until(lambda: self._has_said("enough"))
        _until(lambda: self.b.ids("SELECT id FROM received") == self.done())
        self.check()
        (left,) = self.a.ids("SELECT balance FROM account")
        (came,) = self.b.ids("SELECT balance FROM account")
        assert (START - int(left), int(came)) == 2 * (AMOUNT * len(self.done()),)

    def _has_said(self, what: str) -> bool:
        found = False
        while not self._events.empty():
            found = self._events.get()[2] == what or found
        return found


def _until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends, "it does not happen"
        time.sleep(0.02)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    town.a.start()
    town.b.start()
    yield town
    town.close()


@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_whoever_dies_while_money_is_sent(town: Town) -> None:
    for step in SENDING:
        for victim in EVERYBODY:
            town.kill_at(step, victim)
    town.settle()


@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_whoever_dies_while_the_broker_asks(town: Town) -> None:
    """Bank A died before it said what it did: the broker asks, and somebody dies again."""
    for step in ASKED:
        for victim, before in zip(EVERYBODY, 2 * BEFORE_ASKED, strict=True):
            town.kill_at(before, A)
            town.kill_at(step, victim)
    town.settle()


@pytest.mark.timeout(3 * PATIENCE_SECONDS)
def test_whoever_dies_while_money_comes(town: Town) -> None:
    for step in RECEIVING:
        for victim in EVERYBODY:
            town.kill_at(step, victim)
    town.settle()
