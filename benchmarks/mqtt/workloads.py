"""What is measured: each workload runs once a round on each side and gives figures by name."""

import json
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

from benchmarks.measuring import Bench, Figures, Promise, Workload
from benchmarks.mqtt.sides import Server, Side, make_server, port_of
from benchmarks.sides import awake, unused
from tests.peers.mosquitto import CONNACK, CONNECT

HERE = Path(__file__).parent
RATE = "messages_per_second"
LATENCY = "delivery_p50_ms"
MANY = 1000
IDLE = 10_000
TO_EACH = 20  # messages under way of a publisher, where there are many clients


@lru_cache
def generator() -> Path:
    """The load generator, compiled once: one written in Python would measure itself."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise RuntimeError("the load generator needs a C compiler (apt install gcc libc6-dev)")
    program = Path(tempfile.mkdtemp(prefix="bench-")) / "load"
    subprocess.run([compiler, "-O2", str(HERE / "load.c"), "-o", str(program)], check=True)
    return program


def generate(bench: Bench, server: Server, *options: object) -> dict[str, float]:
    """Run the generator; what it says."""
    return dict(json.loads(bench.run(command(server, *options))))


def command(server: Server, *options: object) -> list[str]:
    """Return how the generator is started."""
    argv = [generator(), "-p", port_of(server), "-B", server.pid, *options]
    return list(map(str, argv))


@dataclass(frozen=True, slots=True)
class Shape:
    """How many publish to how many, and how many messages each publisher has under way."""

    name: str
    publishers: int = 1
    subscribers: int = 1
    window: int = 1000
    rate: int = 0  # messages a second; 0: as many as there can be


ONE_TO_ONE = Shape("1 to 1")
ALONE = Shape("1 to 1, one at a time", window=1)
FAN_OUT = Shape("1 to 1,000", subscribers=MANY, window=TO_EACH)
OUT_ALONE = Shape("1 to 1,000, one at a time", subscribers=MANY, window=1)
FAN_IN = Shape("1,000 to 1", publishers=MANY, window=TO_EACH)


def load(shape: Shape, qos: int, kept: bool, bench: Bench, side: Side) -> Figures:
    """As fast as it goes. What is counted is what comes to subscribers."""
    options: list[object] = ["-P", shape.publishers, "-S", shape.subscribers, "-w", shape.window]
    options += ["-q", qos, "-t", bench.seconds, "-r", shape.rate, *(["-k"] if kept else [])]
    said = generate(bench, side.server, *options)
    messages, seconds = max(said["messages"], 1.0), said["seconds"]
    return {
        "messages": messages,
        "seconds": seconds,
        RATE: messages / seconds,
        "broker_cpu_us_per_message": said["broker_cpu_s"] * 1e6 / messages,
        # Much below 100: the generator, or the disk, was the limit, and not the broker.
        "broker_busy_percent": said["broker_cpu_s"] / seconds * 100,
        "generator_busy_percent": said["own_cpu_s"] / seconds * 100,
        **({LATENCY: said["p50_us"] / 1000} if shape.window == 1 or shape.rate else {}),
    }


def start(bench: Bench, side: Side) -> Figures:
    """From nothing to the first client that is let in, and what an idle broker holds."""
    with unused(make_server, bench, side) as server:
        server.start()
        server.stop()
        begun = time.perf_counter()
        server.start()
        greet(port_of(server))
        return {
            "first_ack_s": time.perf_counter() - begun,
            "idle_rss_mb": server.usage().rss_bytes / 1e6,
        }


def greet(port: int) -> None:
    """Come in, and leave."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(CONNECT)
        if connection.recv(4) != CONNACK:
            raise RuntimeError("the broker does not let us in")


def idle(bench: Bench, side: Side) -> Figures:
    """Sessions with a subscription each, which are silent."""
    with unused(make_server, bench, side) as server:
        server.start()
        said = generate(bench, server, "-i", IDLE)
    grown = said["after_bytes"] - said["before_bytes"]
    return {
        "session_kb": grown / said["sessions"] / 1000,
        "sessions_per_second": said["sessions"] / said["seconds"],
        "idle_cpu_percent": said["idle_cpu_s"] * 100,
    }


def all_workloads(with_peer: bool) -> list[Workload[Side]]:
    """In the order in which they run: those with the same promise share a pair of brokers."""
    kinds = (ONE_TO_ONE, FAN_OUT, FAN_IN, ALONE, OUT_ALONE)
    shapes = [(shape, qos) for shape in kinds for qos in (0, 1)]
    shapes.insert(2, (ONE_TO_ONE, 2))
    clean = [rate(f"QoS {qos}, {shape.name}", "page cache", shape, qos) for shape, qos in shapes]
    kept = [
        rate(f"QoS 1, 1 to 1, kept sessions, {promise}", promise, ONE_TO_ONE, 1, kept=True)
        for promise in promises()
    ]
    return [*latencies(), *clean, *kept, *singles()]


def latencies() -> list[Workload[Side]]:
    """How long a message is under way, where there is no haste."""
    paced = [
        Workload(
            f"QoS {qos}, 1 to 1, latency at {each // 1000} k/s",
            "page cache",
            LATENCY,
            partial(load, Shape("1 to 1", rate=each), qos, False),
            higher=False,
        )
        for each in (1000, 20_000)
        for qos in (0, 1)
    ]
    sleepless = [
        Workload(
            f"QoS {qos}, 1 to 1, latency at 1 k/s, awake",
            "page cache",
            LATENCY,
            partial(
                awake, make_server, Side, partial(load, Shape("1 to 1", rate=1000), qos, False)
            ),
            higher=False,
        )
        for qos in (0, 1)
    ]
    return paced + sleepless


def promises() -> tuple[Promise, ...]:
    """Both of ours."""
    return ("page cache", "disk")


def rate(
    name: str, promise: Promise, shape: Shape, qos: int, *, kept: bool = False
) -> Workload[Side]:
    """How many messages a second."""
    return Workload(name, promise, RATE, partial(load, shape, qos, kept))


def singles() -> list[Workload[Side]]:
    """One of a kind."""
    return [
        Workload(f"{IDLE:,} idle sessions", "page cache", "session_kb", idle, False, False),
        Workload("start", "page cache", "first_ack_s", start, False, False),
    ]
