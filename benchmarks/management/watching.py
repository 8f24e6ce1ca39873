"""Measure what an open page costs: `./dev bench management`.

One broker with 10,000 queues and 2,000 connections; an AMQP load runs in turn with the page closed
and with it open. Where chromium is, every page of it is opened there. The processor time that the
broker takes while there is no load is the steadier figure: a load gets what is left of its
processor.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.amqp.sides import Side
from benchmarks.amqp.workloads import RATE, load
from benchmarks.management.screens import chromium
from benchmarks.measuring import OURS, ROOT, Bench, Figures, Processors, counted
from benchmarks.sides import OUR_PROMISES
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports, pinned

HERE = Path(__file__).parent
LOADS = {
    "transient, automatic acks": ["-m", "1"],
    "persistent, confirms, acks": ["-m", "2", "-w", "1000"],
}
MESSAGES_PER_SECOND = {"transient, automatic acks": 150_000, "persistent, confirms, acks": 30_000}
IDLE_SECONDS = 20.0
PROMISE_SECONDS = 1.0  # an answer
PROMISE_PERCENT = 5.0  # of the broker's work


def main(words: Sequence[str]) -> int:
    """Measure; 1 if a promise is not kept."""
    parser = argparse.ArgumentParser(prog="./dev bench management", description=__doc__)
    parser.add_argument("--queues", type=int, default=10_000)
    parser.add_argument("--connections", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="how long a load lasts")
    arguments = parser.parse_args(words)
    processors = Processors.share()
    bench = Bench(processors, arguments.seconds)
    with running(processors) as server, crowd(server, arguments, processors):
        slow = report_times("list", timed(server, processors, "page", 3))
        slow += report_screens(server, processors)
        costly = report_idle(server, processors)
        for name, options in LOADS.items():
            report_load(name, *loads(bench, server, name, options, arguments.rounds))
    return 1 if slow or costly else 0


@contextmanager
def running(processors: Processors) -> Iterator[AnymqServer]:
    """Our broker, with management."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        settings = {
            **OUR_PROMISES["page cache"],
            "management.port": free_ports(1)[0],
            "limits.connections_per_address_max": 5_000,
        }
        server = AnymqServer(Path(folder), settings, cpus=processors.broker)
        try:
            yield server.start()
        finally:
            server.stop()


@contextmanager
def crowd(
    server: AnymqServer, arguments: argparse.Namespace, processors: Processors
) -> Iterator[None]:
    """Queues and connections, which do nothing."""
    counts = ["--queues", arguments.queues, "--connections", arguments.connections]
    begun = time.perf_counter()
    with helper(processors, "crowd", server.amqp_port, *counts):
        print(f"{arguments.queues} queues, {arguments.connections} connections", end=" ")
        print(f"after {time.perf_counter() - begun:.0f} s", flush=True)
        yield


@contextmanager
def helper(processors: Processors, name: str, *words: object) -> Iterator[list[str]]:
    """Run one of our programs beside us until the end; then what it says is in the list."""
    argv = [sys.executable, "-m", f"benchmarks.management.{name}", *map(str, words)]
    with pinned(processors.generator):
        process = subprocess.Popen(
            argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    assert process.stdin is not None
    assert process.stdout is not None
    said: list[str] = []
    try:
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name} failed")
        yield said
    finally:
        process.stdin.close()
        said.append(process.stdout.read())
        process.wait(30)


def timed(
    server: AnymqServer, processors: Processors, program: str, rounds: int
) -> dict[str, float]:
    """Return how long each took, says one of our programs."""
    words = [f"benchmarks.management.{program}", str(port(server)), "--rounds", str(rounds)]
    argv = [sys.executable, "-m", *words]
    with pinned(processors.generator):
        done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout))


def port(server: AnymqServer) -> int:
    """Where the API is."""
    return int(server.settings["management.port"])


def report_screens(server: AnymqServer, processors: Processors) -> list[str]:
    """Print how long pages take to show in a browser, if there is one."""
    if chromium() is None:
        print("no chromium here: how long pages take to show was not measured")
        return []
    return report_times("page", timed(server, processors, "screens", 3))


def report_times(what: str, took: dict[str, float]) -> list[str]:
    """Print them; return those that are too slow."""
    for name, seconds in took.items():
        print(f"  {name:34} {seconds * 1000:8.0f} ms")
    slow = [name for name, seconds in took.items() if seconds > PROMISE_SECONDS]
    print(f"too slow: {', '.join(slow)}" if slow else f"every {what} within 1 s", flush=True)
    return slow


def report_idle(server: AnymqServer, processors: Processors) -> bool:
    """Print how busy the broker is without a load; does the page cost too much?"""
    closed = busy(server)
    with helper(processors, "page", port(server)):
        opened = busy(server)
    print(f"busy without a load: page closed {closed:.1f} %, open {opened:.1f} %", flush=True)
    return opened - closed > PROMISE_PERCENT


def busy(server: AnymqServer) -> float:
    """Return the share of a processor that the broker takes."""
    before, begun = server.usage().cpu_seconds, time.perf_counter()
    time.sleep(IDLE_SECONDS)
    return (server.usage().cpu_seconds - before) / (time.perf_counter() - begun) * 100


def loads(
    bench: Bench, server: AnymqServer, name: str, options: Sequence[str], rounds: int
) -> tuple[list[Figures], list[Figures]]:
    """Return figures with the page closed and open, in turn; the first pair only warms up."""
    side = Side(OURS, server)
    count = int(MESSAGES_PER_SECOND[name] * bench.seconds)
    closed, opened = [], []
    for _ in range(rounds + 1):
        closed.append(counted(side, lambda: load(bench, side, count, options)))
        with helper(bench.processors, "page", port(server)):
            opened.append(counted(side, lambda: load(bench, side, count, options)))
    return closed[1:], opened[1:]


def report_load(name: str, closed: Sequence[Figures], opened: Sequence[Figures]) -> None:
    """Print medians and their ratios."""
    print(name)
    for key in (RATE, "broker_cpu_us_per_message"):
        before = statistics.median(each[key] for each in closed)
        after = statistics.median(each[key] for each in opened)
        print(f"  {key:28} closed {before:,.1f}, open {after:,.1f}: {after / before:.3f}")
