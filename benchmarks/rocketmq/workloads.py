"""What is measured: each workload runs once a round on each side and gives figures by name."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from benchmarks.measuring import Bench, Figures, Promise, Workload
from benchmarks.rocketmq.sides import Side, make_server, port_of, rss_bytes
from benchmarks.sides import awake, unused
from tests.peers.rocketmq import ask

HERE = Path(__file__).parent
RATE = "messages_per_second"
LATENCY = "ack_p50_ms"
SEND = 310
BACKLOG = 16_000  # messages of the topic that is read
BATCH = 32  # as many as a consumer is given at once
TOPICS = (64, 256, 4096)


@lru_cache
def generator() -> Path:
    """The load generator, compiled once: one written in Python would measure itself."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("the load generator needs a C compiler (apt install gcc libc6-dev)")
    program = Path(tempfile.mkdtemp(prefix="bench-")) / "load"
    subprocess.run([compiler, "-O2", str(HERE / "load.c"), "-o", str(program)], check=True)
    return program


def command(port: int, pid: int, *options: object) -> list[str]:
    """Return how the generator is started."""
    return list(map(str, [generator(), "-p", port, "-B", pid, *options]))


@dataclass(frozen=True, slots=True)
class Load:
    """What the generator is told; each has topics of its own, of eight queues."""

    topic: str
    mode: str = "send"
    connections: int = 1
    window: int = 1
    together: int = 1
    topics: int = 1
    fill: int = 0
    delay_level: int = 0
    binary: bool = False
    rate: int = 0  # messages a second of each connection; 0: as many as there can be

    def options(self, seconds: float) -> list[object]:
        """As words of a command line."""
        numbers = ["-c", self.connections, "-w", self.window, "-n", self.together]
        what = ["-T", self.topics, "-k", self.fill, "-d", self.delay_level, "-x", self.topic]
        form = ["-r", self.rate, *(["-b"] if self.binary else [])]
        return ["-m", self.mode, "-t", seconds, *numbers, *what, *form]


def load(what: Load, bench: Bench, side: Side) -> Figures:
    """As fast as it goes: what counts is what was acknowledged, or read."""
    argv = command(side.port, side.server.pid, *what.options(bench.seconds))
    said = dict(json.loads(bench.run(argv)))
    messages, seconds = max(said["messages"], 1.0), said["seconds"]
    return {
        "messages": messages,
        "seconds": seconds,
        RATE: messages / seconds,
        "broker_cpu_us_per_message": said["broker_cpu_s"] * 1e6 / messages,
        # Much below 100: the generator, or the disk, was the limit, and not the broker.
        "broker_busy_percent": said["broker_cpu_s"] / seconds * 100,
        "generator_busy_percent": said["own_cpu_s"] / seconds * 100,
        "rss_mb": rss_bytes(side.server) / 1e6,
        "refused": said["refused"],
        **({LATENCY: said["p50_us"] / 1000} if what.mode == "send" else {}),
    }


def start(bench: Bench, side: Side) -> Figures:
    """From nothing to the first message taken, and what an idle broker holds."""
    with unused(make_server, bench, side) as server:
        server.start()
        server.stop()
        begun = time.perf_counter()
        server.start()
        send_one(port_of(server))
        return {
            "first_ack_s": time.perf_counter() - begun,
            "idle_rss_mb": rss_bytes(server) / 1e6,
        }


def send_one(port: int) -> None:
    """A message to a topic that is made for it."""
    names = {"a": "bench-senders", "b": "bench-start", "c": "TBW102", "d": "8", "e": "0"}
    numbers = {"f": "0", "g": "0", "h": "0", "i": "", "j": "0", "k": "false", "m": "false"}
    code, _ = ask(port, SEND, {**names, **numbers}, b"x" * 1024)
    if code:
        raise RuntimeError(f"the broker does not take a message: {code}")


def all_workloads(with_peer: bool) -> list[Workload[Side]]:
    """In the order in which they run: those with the same promise share a pair of brokers."""
    return [*latencies(), *sending(), *reading(), *many_topics(), *on_disk(), start_workload()]


def latencies() -> Iterator[Workload[Side]]:
    """How long a sender waits for its answer, where there is no haste."""
    measures = {  # the first load of all warms the brokers
        each: partial(load, Load(f"paced{each}", window=1000, rate=each)) for each in (20_000, 1000)
    }
    for each, measure in measures.items():
        name = f"latency at {each // 1000} k/s, 1 KiB"
        yield Workload(name, "page cache", LATENCY, measure, higher=False)
    sleepless = partial(awake, make_server, Side, measures[1000])
    yield Workload("latency at 1 k/s, 1 KiB, awake", "page cache", LATENCY, sleepless, higher=False)


def sending() -> Iterator[Workload[Side]]:
    """A sender waits for each answer before it sends again, unless it says otherwise."""
    for senders in (1, 16, 64):
        yield rate(f"send 1 KiB, {senders} senders", Load("send", connections=senders))
    binary = Load("binary", connections=64, binary=True)
    yield rate("send 1 KiB, 64 senders, binary headers", binary)
    yield rate("send 1 KiB, 1 sender, 64 at a time", Load("async", window=64))
    batches = Load("batch", connections=4, together=BATCH)
    yield rate(f"send batches of {BATCH} x 1 KiB, 4 senders", batches)


def reading() -> Iterator[Workload[Side]]:
    """Consumers have a request under way for each queue."""
    for consumers in (1, 4):
        what = Load("pull", mode="pull", connections=consumers, fill=BACKLOG)
        yield rate(f"pull 1 KiB, {consumers} consumers", what)
    delayed = Load("delay", mode="delay", connections=16, delay_level=1)
    yield rate("send 1 KiB, delayed by 1 s, until all can be read", delayed)


def many_topics() -> Iterator[Workload[Side]]:
    """The comparison that RocketMQ's own makers chose."""
    for topics in TOPICS:
        what = Load(f"topics{topics}", connections=64, topics=topics)
        name = f"send 1 KiB to {topics:,} topics of 8 queues, 64 senders"
        yield rate(name, what, apart=f"{topics:04} topics")  # in this order


def on_disk() -> Iterator[Workload[Side]]:
    """SEND_OK says that the message is on the disk."""
    for senders in (64, 16, 1):
        what = Load("disk", connections=senders)
        yield rate(f"send 1 KiB, {senders} senders, disk", what, "disk")


def rate(name: str, what: Load, promise: Promise = "page cache", apart: str = "") -> Workload[Side]:
    """How many messages a second."""
    return Workload(name, promise, RATE, partial(load, what), apart=apart)


def start_workload() -> Workload[Side]:
    """How soon it serves."""
    return Workload("start", "page cache", "first_ack_s", start, False, False)
