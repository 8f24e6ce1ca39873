"""A real broker, a client that behaves, and means to misbehave beside it."""

import contextlib
import json
import logging
import re
import socket
import struct
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from anymq.protocols.kafka.codec import RequestHeader, encode_request_header, frame
from anymq.protocols.kafka.schema.generated import api_versions, create_topics, fetch, produce
from anymq.storage import records
from anymq.storage.records import Record
from tests.peers.anymq import AnymqServer, Value
from tests.peers.security import Security
from tests.peers.wire import ask, receive_exactly

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO
KIB = 1024
MIB = 1024 * KIB
SECONDS = 30.0  # who waits longer for an answer was forgotten
TOPIC = "good"
PRODUCE, FETCH = 9, 12  # versions


@dataclass
class Broker:
    """The server under test."""

    server: AnymqServer
    port: int  # Kafka's
    management: int

    def connect(self, *, small: bool = False) -> socket.socket:
        """A connection; `small` keeps what the system holds for it small."""
        sock = socket.socket()
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        sock.settimeout(SECONDS)
        sock.connect(("127.0.0.1", self.port))
        return sock

    @property
    def rss(self) -> int:
        """Memory it takes now."""
        return self.server.usage().rss_bytes

    def metric(self, name: str) -> float:
        """One of its numbers: the sum over all labels."""
        url = f"http://127.0.0.1:{self.management}/metrics"
        with urllib.request.urlopen(url, timeout=SECONDS) as page:
            text = page.read().decode()
        found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        assert found, f"no metric {name}"
        return sum(map(float, found))

    def output(self) -> str:
        """What it has said."""
        return (self.server.folder / "server.log").read_text()


@contextlib.contextmanager
def running(
    settings: Mapping[str, Value] | None = None, security: Security | None = None
) -> Iterator[Broker]:
    """A broker in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="anymq-", ignore_cleanup_errors=True) as folder:
        values: dict[str, Value] = {"management.port": 0, "storage.durability": "os"}
        server = AnymqServer(Path(folder), values | dict(settings or {}), security)
        try:
            server.start()
            said = (Path(folder) / "server.log").read_text()
            management = re.search(r"http://127\.0\.0\.1:(\d+)", said)
            assert management is not None
            port = int(server.bootstrap.rpartition(":")[2])
            yield Broker(server, port, int(management.group(1)))
            assert "Traceback" not in (Path(folder) / "server.log").read_text()
        finally:
            server.stop()


def request(schema: ModuleType, body: Any, version: int, correlation_id: int = 1) -> bytes:
    """The frame of a request."""
    header = RequestHeader(schema.KEY, version, correlation_id, "tester")
    head = encode_request_header(header, version >= schema.FLEXIBLE)
    return frame(head, schema.encode_request(body, version))


def header_only(key: int, version: int, *, flexible: bool = False) -> bytes:
    """The header of a request without a client id."""
    return struct.pack(">hhih", key, version, 1, -1) + (b"\0" if flexible else b"")


def create_topic(broker: Broker, name: str, **config: str) -> None:
    """A topic of one partition."""
    topic = create_topics.CreatableTopic(
        name=name,
        num_partitions=1,
        replication_factor=1,
        configs=[create_topics.CreatableTopicConfig(key, text) for key, text in config.items()],
    )
    body = create_topics.CreateTopicsRequest(topics=[topic], timeout_ms=10_000)
    with broker.connect() as sock:
        answer = create_topics.decode_response(ask(sock, request(create_topics, body, 4)), 4, 4)
    assert [topic.error_code for topic in answer.topics] == [0]


def produce_request(topic: str, batch: bytes, *, acks: int = -1) -> bytes:
    part = produce.PartitionProduceData(0, batch)
    body = produce.ProduceRequest(
        acks=acks,
        timeout_ms=10_000,
        topic_data=[produce.TopicProduceData(name=topic, partition_data=[part])],
    )
    return request(produce, body, PRODUCE)


def produce_answer(data: bytes) -> produce.PartitionProduceResponse:
    answer = produce.decode_response(data, 5, PRODUCE)
    return answer.responses[0].partition_responses[0]


def fetch_request(topic: str, offset: int, bytes_max: int, *, wait_ms: int = 0) -> bytes:
    part = fetch.FetchPartition(0, fetch_offset=offset, partition_max_bytes=bytes_max)
    body = fetch.FetchRequest(
        max_wait_ms=wait_ms,
        min_bytes=1,
        max_bytes=bytes_max,
        topics=[fetch.FetchTopic(topic=topic, partitions=[part])],
    )
    return request(fetch, body, FETCH)


def fetched(data: bytes) -> bytes:
    answer = fetch.decode_response(data, 5, FETCH)
    part = answer.responses[0].partitions[0]
    assert part.error_code == 0
    return bytes(part.records or b"")


def logged(broker: Broker) -> list[dict[str, Any]]:
    """The lines of its log."""
    lines = (line for line in broker.output().splitlines() if line.startswith("{"))
    return [json.loads(line) for line in lines]


@dataclass
class Neighbour:
    """Produces and reads one record after the other, and checks each; new connections at times."""

    broker: Broker
    rounds: int = 0
    slowest: float = 0.0
    slowest_connect: float = 0.0
    failure: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            while not self._stop.is_set():
                self.visit()
        except BaseException as error:
            self.failure = error

    def visit(self) -> None:
        """One connection."""
        began = time.monotonic()
        with self.broker.connect() as sock:
            ask(sock, request(api_versions, api_versions.ApiVersionsRequest(), 0))
            self.slowest_connect = max(self.slowest_connect, time.monotonic() - began)
            self.rounds_of(lambda: self._talk(sock))

    def rounds_of(self, talk: Callable[[], None]) -> None:
        """Do it some times, and note how long it takes."""
        for _ in range(20):
            began = time.monotonic()
            talk()
            self.rounds += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            if self._stop.wait(0.005):  # not to take the processor from those it watches
                return

    def _talk(self, sock: socket.socket) -> None:
        value = b"message %d" % self.rounds
        batch = records.build([Record(value, timestamp=1_700_000_000_000)])
        said = produce_answer(ask(sock, produce_request(TOPIC, batch)))
        assert said.error_code == 0
        got = fetched(ask(sock, fetch_request(TOPIC, said.base_offset, MIB)))
        (record,) = records.iterate(got)
        assert (record.value, record.offset) == (value, said.base_offset)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Do so meanwhile; fail if anything failed. How long it took is noted, not judged."""
        thread = threading.Thread(target=self.run)
        thread.start()
        try:
            yield
            rounds = self.rounds
            wait_until(lambda: self.rounds > rounds + 2 or self.failure)
        finally:
            self.finish()
            thread.join()
        assert self.failure is None, repr(self.failure)
        slowest = 1000 * max(self.slowest, self.slowest_connect)
        measured.info("a neighbour: %d rounds, the slowest %.0f ms", self.rounds, slowest)

    def finish(self) -> None:
        self._stop.set()


@contextlib.contextmanager
def neighbour_of(broker: Broker) -> Iterator[Neighbour]:
    """Somebody who behaves meanwhile, and must be served."""
    neighbour = Neighbour(broker)
    with neighbour.watching():
        yield neighbour


def wait_until(done: Callable[[], object], seconds: float = SECONDS) -> None:
    """Ask again and again, against a deadline."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def answer(sock: socket.socket) -> bytes:
    """The next answer, without its length."""
    return receive_exactly(sock, int.from_bytes(receive_exactly(sock, 4), "big"))


def hung_up(sock: socket.socket) -> bool:
    """Read until the other side has hung up; False when it does not."""
    try:
        while sock.recv(MIB):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


def send_all_it_takes(sock: socket.socket, data: bytes, *, bytes_max: int) -> int:
    """Send again and again until the other side takes no more, or has had so much."""
    sent, patience = 0, 1.0
    sock.settimeout(patience)
    view = memoryview(data)
    with contextlib.suppress(TimeoutError, ConnectionError):
        while sent < bytes_max:
            sent += sock.send(view[sent % len(data) :])
    sock.settimeout(SECONDS)
    return sent


__all__ = ["ask"]
