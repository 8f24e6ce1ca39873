"""A load generator that is never the bottleneck: prebuilt requests, pipelined over sockets.

It runs as a process of its own, on a processor of its own, and prints one line of JSON.
"""

import argparse
import json
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.kafka import frames

READ_BYTES = 4 * 1024 * 1024
ANSWER_SECONDS = 30.0
UNKNOWN_TOPIC = 3


class Refused(Exception):
    """The broker said no, so the figures would mean nothing."""


class Line:
    """One connection; answers are read into one reused buffer."""

    def __init__(self, bootstrap: str) -> None:
        host, _, port = bootstrap.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(READ_BYTES)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0

    def read(self) -> Iterator[memoryview]:
        """Read once; every whole answer there is now, each valid until the next is asked for."""
        if self._begin:
            rest = self._end - self._begin
            self._buffer[:rest] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, rest
        got = self.socket.recv_into(self._view[self._end :])
        if not got:
            raise ConnectionError("the server closed the connection")
        self._end += got
        while (size := self._whole()) is not None:
            self._begin += 4 + size
            yield self._view[self._begin - size : self._begin]

    def _whole(self) -> int | None:
        if self._end - self._begin < 4:
            return None
        (size,) = struct.unpack_from(">i", self._buffer, self._begin)
        if size + 4 > READ_BYTES:
            raise Refused(f"an answer of {size} bytes")
        return int(size) if self._end - self._begin >= 4 + size else None


def produce(options: argparse.Namespace) -> dict[str, float]:
    """Full speed over several connections, each with a window of unanswered requests."""
    records, count = frames.batch(options.size, now_ms=int(time.time() * 1000))
    requests = [frames.produce(topic, 0, records, options.acks) for topic in options.topics]
    lines = [Line(options.bootstrap) for _ in range(options.connections)]
    begun = time.perf_counter()
    sender = Producing(lines, requests, options.window, begun + options.seconds, options.requests)
    sender.run()
    seconds = time.perf_counter() - begun
    return rates(sender.answered * count, options.size, seconds)


class Producing:
    """Keeps every window full until the time or the requests are used up."""

    def __init__(
        self, lines: list[Line], requests: list[bytes], window: int, until: float, most: int
    ) -> None:
        self._lines, self._requests = lines, cycle(requests)
        self._window, self._until, self._most = window, until, most
        self._sent = 0
        self.answered = 0

    def run(self) -> None:
        """Until every request has its answer."""
        with selectors.DefaultSelector() as selector:
            for line in self._lines:
                selector.register(line.socket, selectors.EVENT_READ, line)
                self._send(line, self._window)
            while self.answered < self._sent:
                ready = selector.select(ANSWER_SECONDS)
                if not ready:
                    raise Refused("no answer for a long time")
                for key, _ in ready:
                    self._read(key.data)

    def _read(self, line: Line) -> None:
        came = 0
        for answer in line.read():
            refuse_error(answer)
            came += 1
        self.answered += came
        self._send(line, came)

    def _send(self, line: Line, wanted: int) -> None:
        if time.perf_counter() < self._until:
            wanted = min(wanted, self._most - self._sent)
            if wanted > 0:
                line.socket.sendall(b"".join(next(self._requests) for _ in range(wanted)))
                self._sent += wanted


def refuse_error(answer: memoryview) -> None:
    """The one partition of an answer to Produce must be without error."""
    (error,) = struct.unpack_from(">h", answer, len(answer) + frames.PRODUCE_ERROR_FROM_END)
    if error:
        raise Refused(f"produce: error {error}")


def consume(options: argparse.Namespace) -> dict[str, float]:
    """Each connection reads all of the topic, again and again, with a fetch always under way."""
    (topic,) = options.topics
    begun = time.perf_counter()
    count = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(options.connections):
            line = Line(options.bootstrap)
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.socket.sendall(frames.fetch(topic, 0, 0))
        while selector.get_map():
            ready = selector.select(ANSWER_SECONDS)
            if not ready:
                raise Refused("no answer for a long time")
            for key, _ in ready:
                again = time.perf_counter() - begun < options.seconds
                count += fetch_on(key.data, topic, options.records, selector, again=again)
    return rates(count, options.size, time.perf_counter() - begun)


def fetch_on(
    line: Line, topic: str, end: int, selector: selectors.BaseSelector, *, again: bool
) -> int:
    """Take an answer, if it is whole, and ask for what follows; returns how many records came."""
    count = 0
    for answer in line.read():
        error, batches = frames.fetched_records(answer, topic)
        if error:
            raise Refused(f"fetch: error {error}")
        offset, came = frames.walk(batches)
        count += came
        if offset >= end and again:
            offset = 0
        elif offset >= end:
            selector.unregister(line.socket)
            line.socket.close()
            break
        line.socket.sendall(frames.fetch(topic, 0, offset))
    return count


def pace(options: argparse.Namespace) -> dict[str, float]:
    """One record a request, so many a second, sent on time whether or not the last is answered.

    Measures until the acknowledgement, and until a consumer that waits has the record.
    """
    (topic,) = options.topics
    records, _ = frames.batch(options.size, count=1, now_ms=int(time.time() * 1000))
    pacing = Pacing(options.bootstrap, topic, records, options.acks)
    pacing.run(options.rate, int(options.rate * options.seconds))
    return {
        **percentiles("ack", pacing.acknowledged),
        **percentiles("delivery", pacing.delivered),
        "messages": len(pacing.acknowledged),
        "seconds": options.seconds,
    }


class Pacing:
    """A producer and a consumer in one loop, so one clock measures both ways."""

    def __init__(self, bootstrap: str, topic: str, records: bytes, acks: int) -> None:
        self._topic = topic
        self._request = frames.produce(topic, 0, records, acks)
        self._producer, self._consumer = Line(bootstrap), Line(bootstrap)
        self._due: deque[float] = deque()
        self._sent_at: list[float] = []
        self.acknowledged: list[float] = []
        self.delivered: list[float] = []

    def run(self, rate: float, count: int) -> None:
        """Send `count` messages and wait for them at both ends."""
        self._consumer.socket.sendall(frames.fetch(self._topic, 0, 0))
        begun = time.perf_counter()
        with selectors.DefaultSelector() as selector:
            selector.register(self._producer.socket, selectors.EVENT_READ, self._take_answers)
            selector.register(self._consumer.socket, selectors.EVENT_READ, self._take_records)
            while len(self.delivered) < count or len(self.acknowledged) < count:
                self._send_due(begun, rate, count)
                wait = begun + len(self._sent_at) / rate - time.perf_counter()
                for key, _ in selector.select(max(wait, 0.0) if wait < 1 else 1.0):
                    take: Callable[[], None] = key.data
                    take()
                if time.perf_counter() - begun > count / rate + ANSWER_SECONDS:
                    raise Refused("answers stay away")

    def _send_due(self, begun: float, rate: float, count: int) -> None:
        now = time.perf_counter()
        while len(self._sent_at) < count and begun + len(self._sent_at) / rate <= now:
            # From when it should have gone: a generator that is late must not flatter the broker.
            self._sent_at.append(begun + len(self._sent_at) / rate)
            self._producer.socket.sendall(self._request)

    def _take_answers(self) -> None:
        for answer in self._producer.read():
            refuse_error(answer)
            number = len(self.acknowledged)
            self.acknowledged.append(time.perf_counter() - self._sent_at[number])

    def _take_records(self) -> None:
        for answer in self._consumer.read():
            error, batches = frames.fetched_records(answer, self._topic)
            # A topic that is a moment old may not be known everywhere.
            if error and (error != UNKNOWN_TOPIC or self.delivered):
                raise Refused(f"fetch: error {error}")
            end, _ = frames.walk(batches)
            now = time.perf_counter()
            self.delivered += [now - self._sent_at[n] for n in range(len(self.delivered), end)]
            self._consumer.socket.sendall(
                frames.fetch(self._topic, 0, max(end, len(self.delivered)))
            )


def percentiles(name: str, seconds: list[float]) -> dict[str, float]:
    """In milliseconds, without the first tenth, in which caches and compilers warm up."""
    measured = sorted(seconds[len(seconds) // 10 :])
    points = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        f"{name}_{point}_ms": measured[min(int(len(measured) * part), len(measured) - 1)] * 1000
        for point, part in points.items()
    }


def rates(messages: int, size: int, seconds: float) -> dict[str, float]:
    """What every generator reports."""
    return {
        "messages": messages,
        "seconds": seconds,
        "messages_per_second": messages / seconds,
        "megabytes_per_second": messages * size / seconds / 1e6,
    }


def main() -> int:
    """One load, one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", choices=["produce", "consume", "pace"])
    parser.add_argument("bootstrap")
    parser.add_argument("topics", nargs="+")
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--acks", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--requests", type=int, default=1 << 40, help="stop after so many")
    parser.add_argument("--records", type=int, default=0, help="how many to consume")
    parser.add_argument("--rate", type=float, default=1000.0)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--window", type=int, default=5)
    options = parser.parse_args()
    loads = {"produce": produce, "consume": consume, "pace": pace}
    print(json.dumps(loads[options.load](options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
