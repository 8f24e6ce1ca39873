"""What is measured: each workload runs once a round on each side and gives figures by name."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from benchmarks.amqp import frames
from benchmarks.amqp.sides import Side, make_server, port_of
from benchmarks.measuring import Bench, Figures, Promise, Workload, counted

HERE = Path(__file__).parent
RATE = "messages_per_second"
BACKLOG_MESSAGES = 200_000


@lru_cache
def generator() -> Path:
    """The load generator, compiled once: one written in Python would measure itself."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("the load generator needs a C compiler (apt install gcc libc6-dev)")
    program = Path(tempfile.mkdtemp(prefix="bench-")) / "load"
    subprocess.run(
        [compiler, "-O2", "-pthread", str(HERE / "load.c"), "-o", str(program)], check=True
    )
    return program


@dataclass(slots=True)
class OneQueue:
    """One publisher, one consumer, as fast as it goes. The number of messages finds itself."""

    options: Sequence[str]
    window: int = 1000
    quorum: bool = False
    _pace: dict[str, float] = field(default_factory=dict)

    def __call__(self, bench: Bench, side: Side) -> Figures:
        """About as many seconds as were asked for, by the rate of the last turn."""
        count = max(200, int(self._pace.get(side.name, 2000.0) * bench.seconds))
        options = [*self.options, "-w", str(self.window)]
        if self.quorum:
            options += ["-T", "quorum", "-q", "bench-quorum"]
        figures = counted(side, lambda: load(bench, side, count, options))
        self._pace[side.name] = figures[RATE]
        return figures


def load(bench: Bench, side: Side, count: int, options: Sequence[str]) -> Figures:
    """Run the generator."""
    argv = [str(generator()), "-p", str(side.port), "-n", str(count), *options]
    said = json.loads(bench.run(argv))
    figures = {"messages": float(said["n"]), "seconds": max(said["el"], 1e-3)}
    figures[RATE] = figures["messages"] / figures["seconds"]
    if "p50us" in said:
        figures |= {
            "delivery_p50_ms": said["p50us"] / 1000,
            "delivery_p99_ms": said["p99us"] / 1000,
        }
    return figures


def paced(rate: int, options: Sequence[str], bench: Bench, side: Side) -> Figures:
    """So many a second; how long each is under way."""
    count = int(rate * bench.seconds)
    return counted(side, lambda: load(bench, side, count, ["-r", str(rate), *options]))


@dataclass(slots=True)
class ManyQueues:
    """Loads of raw.py: transient messages over many queues, or consumers."""

    kind: str
    queues: int
    per_second: int  # how many messages are about a second's work

    def __call__(self, bench: Bench, side: Side) -> Figures:
        """Queues are made before and go after; only what is between counts."""
        count = int(self.per_second * bench.seconds)
        argv = [HERE / "raw.py", self.kind, side.port, "--queues", self.queues]
        return counted(side, lambda: bench.generate(*argv, "--messages", count))


def start(bench: Bench, side: Side) -> Figures:
    """From nothing to the first message that came back, and what an idle broker holds."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = make_server(side.name, Path(folder), "page cache", bench.processors)
        try:
            server.start()
            server.stop()
            begun = time.perf_counter()
            server.start()
            exchange_one(port_of(server))
            first = time.perf_counter() - begun
            rss = server.usage().rss_bytes
        finally:
            server.stop()
    return {"first_ack_s": first, "idle_rss_mb": rss / 1e6}


def exchange_one(port: int) -> None:
    """A queue, a message, and back."""
    connection = frames.Connection(port)
    connection.ask(frames.declare("first", durable=False, nowait=False), frames.QUEUE_DECLARE_OK)
    connection.ask(frames.consume("first", "c", nowait=False), frames.CONSUME_OK)
    connection.ask(frames.publish("", "first", b"hello", persistent=False), (60, 60))
    connection.socket.close()


def backlog(bench: Bench, side: Side) -> Figures:
    """Persistent messages that nobody reads: memory, and how long a restart takes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = make_server(side.name, Path(folder), "page cache", bench.processors)
        try:
            server.start()
            idle = server.usage().rss_bytes
            argv = [HERE / "raw.py", "fill", port_of(server), "--messages", BACKLOG_MESSAGES]
            figures = bench.generate(*argv)
            waiting = server.usage().rss_bytes
            server.stop()
            begun = time.perf_counter()
            server.start()
            ready = time.perf_counter() - begun
        finally:
            server.stop()
    return {**figures, "ready_s": ready, "rss_over_idle_mb": (waiting - idle) / 1e6}


def all_workloads(with_peer: bool) -> list[Workload[Side]]:
    """In the order in which they run: those with the same promise share a pair of brokers."""
    cache: Promise = "page cache"
    transient, persistent = ["-m", "1", "-s", "100"], ["-m", "2", "-s", "1024"]
    measures: list[tuple[str, Promise, Callable[[Bench, Side], Figures]]] = [
        ("T: 100 B, transient, auto-ack", cache, OneQueue(transient)),
        ("P: 1 KiB, persistent, confirms, acks", cache, OneQueue(persistent)),
        ("P", "disk", OneQueue(persistent)),
        ("P, quorum queue", "disk", OneQueue(persistent, quorum=True)),
        ("P, window 1", cache, OneQueue(persistent, window=1)),
        ("P, window 1", "disk", OneQueue(persistent, window=1)),
        ("P, quorum queue, window 1", "disk", OneQueue(persistent, window=1, quorum=True)),
        ("T, 1,000 queues", cache, ManyQueues("spread", 1000, 40_000)),
        ("T, 10 queues", cache, ManyQueues("spread", 10, 40_000)),
        ("T, 10,000 queues", cache, ManyQueues("spread", 10_000, 40_000)),
        ("T, fan-out to 1,000 queues", cache, ManyQueues("fanout", 1000, 40_000)),
        ("T, 1,000 consumers at a queue", cache, ManyQueues("crowd", 1000, 40_000)),
    ]
    rates = [Workload(f"{name}, {promise}", promise, RATE, one) for name, promise, one in measures]
    return [*latencies(transient), *rates, *singles()]


def latencies(transient: Sequence[str]) -> list[Workload[Side]]:
    """How long a message is under way."""
    return [
        Workload(
            f"latency at {rate // 1000} k/s, 100 B, transient",
            "page cache",
            "delivery_p50_ms",
            partial(paced, rate, transient),
            higher=False,
        )
        for rate in (1000, 20_000)
    ]


def singles() -> list[Workload[Side]]:
    """One of a kind."""
    return [
        Workload("start", "page cache", "first_ack_s", start, False, False),
        Workload("200,000 waiting", "page cache", "ready_s", backlog, False, False),
    ]
