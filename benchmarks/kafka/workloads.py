"""What is measured: each workload runs once a round on each side and gives figures by name."""

import re
import socket
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from benchmarks.kafka import frames
from benchmarks.kafka.sides import Side, make_server
from benchmarks.measuring import (
    GENERATOR_SECONDS,
    Bench,
    Figures,
    Promise,
    Workload,
    counted,
)
from tests.peers.kafka import java_command
from tests.peers.wire import ask

HERE = Path(__file__).parent
BACKLOG_BYTES = 128 * 1024 * 1024
RUN_BYTES_MAX = 1024 * 1024 * 1024
START_SECONDS = 120.0
FIRST_FILES_SECONDS = 60.0
_numbers = count(1)


def produce(generator: str, size: int, acks: int) -> Callable[[Bench, Side], Figures]:
    """Into a new topic, for so many seconds."""

    def measure(bench: Bench, side: Side) -> Figures:
        topic = f"produce-{next(_numbers)}"
        side.make_topics(topic)
        load = PRODUCERS[generator]
        figures = counted(side, lambda: load(bench, side, topic, size, acks))
        side.delete_topics(topic)
        return figures

    return measure


def raw_produce(bench: Bench, side: Side, topic: str, size: int, acks: int) -> Figures:
    """Full windows of default batches."""
    most = RUN_BYTES_MAX // frames.BATCH_BYTES
    options = ["--size", size, "--acks", acks, "--seconds", bench.seconds, "--requests", most]
    return bench.generate(HERE / "raw.py", "produce", side.server.bootstrap, topic, *options)


def rdkafka_produce(bench: Bench, side: Side, topic: str, size: int, acks: int) -> Figures:
    """librdkafka from Python."""
    options = ["--size", size, "--acks", acks, "--seconds", bench.seconds]
    return bench.generate(HERE / "rdkafka.py", "produce", side.server.bootstrap, topic, *options)


def java_produce(bench: Bench, side: Side, topic: str, size: int, acks: int) -> Figures:
    """Kafka's own producer with its own tool. Its start is not part of the time it reports."""
    records = int(bench.seconds * 2e7 / max(size, 100))
    argv = ["--topic", topic, "--num-records", str(records), "--record-size", str(size)]
    argv += ["--throughput", "-1", "--bootstrap-server", side.server.bootstrap]
    argv += ["--command-property", f"acks={acks}"]
    tool = "org.apache.kafka.tools.ProducerPerformance"
    flags = ("-Xmx512m", "-Dlog4j2.level=ERROR")
    begun = time.perf_counter()
    said = bench.run(java_command(tool, *argv, flags=flags))
    found = re.findall(r"records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\)", said)[-1]
    return {
        "messages": records,
        "seconds": time.perf_counter() - begun,
        "messages_per_second": float(found[0]),
        "megabytes_per_second": float(found[1]),
    }


PRODUCERS = {"raw": raw_produce, "librdkafka": rdkafka_produce, "java": java_produce}


class Consume:
    """Read a backlog that is in memory, again and again."""

    def __init__(self, generator: str, size: int) -> None:
        self._generator, self._size = generator, size
        self._backlogs: dict[str, tuple[str, int]] = {}

    def __call__(self, bench: Bench, side: Side) -> Figures:
        """From the first record to the last, at least once."""
        topic, records = self._backlog(bench, side)
        argv = ["consume", side.server.bootstrap, topic, "--size", self._size, "--records", records]
        if self._generator == "raw":  # it takes milliseconds to read it all once
            argv += ["--seconds", bench.seconds]
        file = HERE / ("raw.py" if self._generator == "raw" else "rdkafka.py")
        return counted(side, lambda: bench.generate(file, *argv))

    def _backlog(self, bench: Bench, side: Side) -> tuple[str, int]:
        if side.server.bootstrap not in self._backlogs:
            topic = f"backlog-{next(_numbers)}"
            side.make_topics(topic)
            requests = BACKLOG_BYTES // frames.BATCH_BYTES
            argv = ["produce", side.server.bootstrap, topic, "--size", self._size]
            argv += ["--seconds", GENERATOR_SECONDS, "--requests", requests]
            made = bench.generate(HERE / "raw.py", *argv)
            self._backlogs[side.server.bootstrap] = topic, int(made["messages"])
        return self._backlogs[side.server.bootstrap]


class ManyTopics:
    """The same requests, spread over few topics or many."""

    def __init__(self, topics: int) -> None:
        self._count = topics
        self._made: dict[str, list[str]] = {}

    def __call__(self, bench: Bench, side: Side) -> Figures:
        """100 B records in default batches, each to the next topic."""
        topics = self._topics(bench, side)
        most = RUN_BYTES_MAX // 2 // frames.BATCH_BYTES
        options = ["--size", 100, "--seconds", bench.seconds, "--requests", most]
        argv = [HERE / "raw.py", "produce", side.server.bootstrap, *topics, *options]
        return counted(side, lambda: bench.generate(*argv))

    def _topics(self, bench: Bench, side: Side) -> list[str]:
        if side.server.bootstrap not in self._made:
            names = [f"many-{self._count}-{number}" for number in range(self._count)]
            for first in range(0, len(names), 100):
                side.make_topics(*names[first : first + 100])
            # Every log gets its first files now: how long that takes is another question.
            some = ["--seconds", FIRST_FILES_SECONDS, "--requests", 3 * len(names)]
            bench.generate(HERE / "raw.py", "produce", side.server.bootstrap, *names, *some)
            self._made[side.server.bootstrap] = names
        return self._made[side.server.bootstrap]


def latency(bench: Bench, side: Side) -> Figures:
    """One 100 B record a request, a thousand a second, acks=all."""
    topic = f"paced-{next(_numbers)}"
    side.make_topics(topic)
    argv = ["pace", side.server.bootstrap, topic, "--acks", -1, "--seconds", bench.seconds]
    figures = counted(side, lambda: bench.generate(HERE / "raw.py", *argv))
    side.delete_topics(topic)
    return figures


def start(promise: Promise) -> Callable[[Bench, Side], Figures]:
    """From nothing to the first acknowledged record, and what an idle broker holds in memory."""

    def measure(bench: Bench, side: Side) -> Figures:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            server = make_server(side.name, Path(folder), promise, bench.processors)
            try:
                server.start()  # formats the storage, once
                server.stop()
                begun = time.perf_counter()
                server.start()
                ready = time.perf_counter() - begun
                first_acknowledged(server.bootstrap)
                acknowledged = time.perf_counter() - begun
                rss = server.usage().rss_bytes
            finally:
                server.stop()
        return {"ready_s": ready, "first_ack_s": acknowledged, "idle_rss_mb": rss / 1e6}

    return measure


def first_acknowledged(bootstrap: str) -> None:
    """Metadata makes the topic; then one record, until it is taken."""
    host, _, port = bootstrap.rpartition(":")
    records, _ = frames.batch(100, count=1, now_ms=int(time.time() * 1000))
    deadline = time.monotonic() + START_SECONDS
    metadata = frames.frame(3, 4, b"\0\0\0\1" + frames.text("first") + b"\1")
    while time.monotonic() < deadline:
        with socket.create_connection((host, int(port)), START_SECONDS) as connection:
            ask(connection, metadata)
            answer = ask(connection, frames.produce("first", 0, records, -1))
        at = len(answer) + frames.PRODUCE_ERROR_FROM_END
        if answer[at : at + 2] == b"\0\0":
            return
    raise TimeoutError("no record was taken")


def all_workloads(java: bool) -> list[Workload[Side]]:
    """In the order in which they run: those with the same promise share a pair of brokers."""
    rate = "messages_per_second"
    generators = ["raw", "librdkafka", *(["java"] if java else [])]
    promises: list[tuple[Promise, int]] = [("page cache", 1), ("page cache", -1), ("disk", -1)]
    loads = [
        Workload(
            f"produce {size} B, acks={'all' if acks < 0 else acks}, {promise}, {generator}",
            promise,
            rate,
            produce(generator, size, acks),
        )
        for promise, acks in promises
        for generator in generators
        for size in (100, 1024)
    ]
    consumes = [
        Workload(
            f"consume {size} B, warm, {generator}", "page cache", rate, Consume(generator, size)
        )
        for generator in ("raw", "librdkafka")
        for size in (100, 1024)
    ]
    # What must be measured on an idle disk goes first.
    return [*single_workloads(), *loads, *consumes, *many_topics()]


def single_workloads() -> list[Workload[Side]]:
    """One of a kind."""
    return [
        Workload("latency at 1 k/s, page cache", "page cache", "ack_p50_ms", latency, higher=False),
        Workload("latency at 1 k/s, disk", "disk", "ack_p50_ms", latency, higher=False),
        Workload("start", "page cache", "first_ack_s", start("page cache"), False, False),
    ]


def many_topics() -> list[Workload[Side]]:
    """The same load on few topics and on many: each broker against itself."""
    rate = "messages_per_second"
    return [
        Workload("10 topics", "page cache", rate, ManyTopics(10)),
        Workload("1,000 topics", "page cache", rate, ManyTopics(1000)),
        Workload("10,000 topics", "page cache", rate, ManyTopics(10_000), apart="10,000 topics"),
    ]
