"""The broker as people run it: a process, a terminal or a service manager, signals."""

import fcntl
import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

READY = re.compile(
    r"is ready after \S+ s: Kafka at (\S+), AMQP at (\S+), MQTT at \S+, STOMP at \S+,"
    r" (?:RocketMQ.* at \S+, )+page, API and metrics at (\S+)$"
)
PROTOCOLS = (
    "kafka",
    "amqp",
    "mqtt",
    "stomp",
    "rocketmq",
    "rocketmq-nameserver",
    "rocketmq-grpc",
    "management",
)
SECONDS = 45  # within which a stop has to be done

Serve = Callable[..., "Broker"]


class Broker:
    """One `anymq serve`."""

    def __init__(self, data: Path, *flags: str) -> None:
        free = [f"--{name}-port=0" for name in PROTOCOLS]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "anymq", "serve", "--data", str(data), *free, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> "Broker":
        """Read the line that says where it listens."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        match = READY.search(line)
        assert match is not None, line
        self.kafka, self.amqp, self.management = match.groups()
        return self

    def get(self, path: str) -> str:
        """Read a page."""
        with urllib.request.urlopen(self.management + path, timeout=SECONDS) as answer:
            return str(answer.read().decode())

    def end(self) -> tuple[int, str]:
        """Wait until it has ended; return its status and what it said."""
        _, said = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, said


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start brokers, on one data directory if nothing else is said; all are gone at the end."""
    brokers: list[Broker] = []

    def start(*flags: str, data: Path = tmp_path / "data") -> Broker:
        brokers.append(Broker(data, *flags))
        return brokers[-1]

    yield start
    for broker in brokers:
        with broker.process:
            broker.process.kill()


def test_it_says_where_it_is_and_how_it_is(serve: Serve) -> None:
    broker = serve().wait_until_ready()

    assert broker.get("/health/ready") == "ready\n"
    assert json.loads(broker.get("/health"))["status"] == "ok"
    assert 'anymq_connections{listener="kafka"} 0\n' in broker.get("/metrics")


def test_what_was_written_is_there_after_a_stop(serve: Serve) -> None:
    broker = serve().wait_until_ready()
    producer = Producer({"bootstrap.servers": broker.kafka})
    producer.produce("news", b"hello")
    assert producer.flush(SECONDS) == 0
    broker.process.send_signal(signal.SIGTERM)
    assert broker.end()[0] == 0

    address = serve().wait_until_ready().kafka

    group = {"group.id": "readers", "auto.offset.reset": "earliest"}
    consumer = Consumer({"bootstrap.servers": address, **group})
    consumer.subscribe(["news"])
    message = consumer.poll(SECONDS)
    consumer.close()
    assert message is not None
    assert message.value() == b"hello"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_time(serve: Serve, number: signal.Signals) -> None:
    broker = serve().wait_until_ready()

    broker.process.send_signal(number)

    status, said = broker.end()
    assert status == 0
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["stopping", "stopped"]


def test_a_second_broker_on_the_same_data_is_refused(serve: Serve) -> None:
    serve().wait_until_ready()

    status, said = serve().end()

    assert status == 1
    assert "another process works in" in said
    assert "Traceback" not in said


def test_a_taken_port_is_one_line(serve: Serve, tmp_path: Path) -> None:
    port = serve().wait_until_ready().kafka.rpartition(":")[2]

    status, said = serve("--kafka-port", port, data=tmp_path / "other").end()

    assert status == 1
    assert "in use" in said
    assert said.count("\n") == 1


def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    """Whoever closes the window wants no broker that goes on unseen, with the port and the data."""
    in_terminal = [sys.executable, "-c", "import pty, sys; pty.spawn(sys.argv[1:])"]
    broker = [sys.executable, "-m", "anymq", "serve", "--data", str(tmp_path)]
    terminal = subprocess.Popen(
        [*in_terminal, *broker, *(f"--{name}-port=0" for name in PROTOCOLS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with terminal:
        assert terminal.stdout is not None
        assert "is ready" in terminal.stdout.readline()
        terminal.kill()

    with (tmp_path / "LOCK").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits until it has gone


def test_a_full_disk_is_told_by_the_broker_and_by_who_has_to_wait(serve: Serve) -> None:
    """Else a producer only seems to hang, for as long as its delivery time-out."""
    broker = serve("--storage-disk-free-bytes-min", str(2**60)).wait_until_ready()
    waiting = subprocess.Popen(
        [sys.executable, "-m", "anymq", "produce", "news", "-b", broker.kafka],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with waiting:
        assert waiting.stdin is not None
        assert waiting.stderr is not None
        waiting.stdin.write("hello\n")
        waiting.stdin.close()
        assert "has to wait: the broker cannot write, its disk may be full" in (
            waiting.stderr.readline()
        )
        waiting.kill()

    broker.process.terminate()
    events = [json.loads(line)["event"] for line in broker.end()[1].splitlines()]
    assert "the disk is full: messages are refused until there is space" in events
