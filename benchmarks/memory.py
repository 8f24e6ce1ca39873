"""What one more takes of memory: connections that are silent, queues, topics.

`python -m benchmarks.memory [--count 10000] [NAME ...]`. A connection is one that has logged in and
done what its kind of client does before it waits: subscribed, say. A queue or a topic is on the
disk and has one message; it is measured as it was made, after a clean stop, and after a kill.
"""

import argparse
import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.management import crowd
from benchmarks.sides import allow_many_files
from tests.hostile import amqp
from tests.hostile.room import produce_answer, produce_request, request
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports
from tests.peers.wire import API_VERSIONS, METADATA, ask

from anymq.protocols.amqp.codec import method_frame
from anymq.protocols.amqp.methods import ConfirmSelect, QueueDeclare
from anymq.protocols.kafka.schema.generated import create_topics
from anymq.protocols.mqtt.codec import V311, Connect, Subscribe, Wish
from anymq.protocols.mqtt.codec import encode as mqtt
from anymq.protocols.rocketmq.codec import encode as rocketmq
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.protocols.stomp.codec import V12
from anymq.protocols.stomp.codec import encode as stomp
from anymq.storage import records
from anymq.storage.records import Record

PORTS = ("kafka", "amqp", "mqtt", "stomp", "rocketmq")
GROUP_MEMBERS = 50  # of a consumer group of RocketMQ
IDLE_SECONDS = 10.0
SETTLING_SECONDS = 3.0  # what a start or a flood leaves to be done, and to be given back
CHUNK = 100

Ports = dict[str, int]


@dataclass(frozen=True, slots=True)
class Connections:
    """A kind of client."""

    name: str
    enter: Callable[[Ports, int], socket.socket]  # the number tells them apart


@dataclass(frozen=True, slots=True)
class Things:
    """A kind of thing that stays on the disk."""

    name: str
    make: Callable[[Ports, int], None]


@dataclass(frozen=True, slots=True)
class Broker:
    """One that runs alone, with all its doors."""

    server: AnymqServer
    ports: Ports

    @property
    def rss(self) -> int:
        """Memory it takes now."""
        return self.server.usage().rss_bytes


@contextmanager
def broker() -> Iterator[Broker]:
    """A new one."""
    allow_many_files()
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    settings = {f"{name}.port": port for name, port in ports.items()}
    settings |= {"limits.connections_max": 100_000}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), {"storage.durability": "os", **settings})
        try:
            server.start()
            yield Broker(server, ports)
        finally:
            server.stop()


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="which kinds; all of them otherwise")
    parser.add_argument("--count", type=int, default=10_000)
    arguments = parser.parse_args()
    chosen = [kind for kind in KINDS if kind.name in arguments.names or not arguments.names]
    for kind in chosen:
        with broker() as one:
            if isinstance(kind, Connections):
                measure_connections(kind, one, arguments.count)
            else:
                measure_things(kind, one, arguments.count)


def measure_connections(kind: Connections, one: Broker, count: int) -> None:
    """Memory, and what they cost while they say nothing."""
    with ExitStack() as stack:
        before = one.rss
        begun = time.perf_counter()
        for number in range(count):
            stack.enter_context(kind.enter(one.ports, number))
        seconds = time.perf_counter() - begun
        time.sleep(SETTLING_SECONDS)
        report(kind.name, "", one.rss - before, count)
        cpu = one.server.usage().cpu_seconds
        time.sleep(IDLE_SECONDS)
        busy = (one.server.usage().cpu_seconds - cpu) / IDLE_SECONDS
    print(f"{'':34} {100 * busy:.1f} % busy when idle; {count / seconds:,.0f} came a second")


def measure_things(kind: Things, one: Broker, count: int) -> None:
    """Memory over that of the empty broker."""
    server = one.server
    server.stop()  # so that all of them are starts with something on the disk
    server.start()
    time.sleep(SETTLING_SECONDS)
    before = one.rss
    kind.make(one.ports, count)
    time.sleep(SETTLING_SECONDS)
    report(kind.name, "made", one.rss - before, count)
    for how, end in (("after a stop", server.stop), ("after a kill", server.kill)):
        end()
        begun = time.perf_counter()
        server.start()
        seconds = time.perf_counter() - begun
        time.sleep(SETTLING_SECONDS)
        report(kind.name, f"{how}, ready in {seconds:.1f} s", one.rss - before, count)


def report(name: str, how: str, size: int, count: int) -> None:
    """One line."""
    each = f"{size / count / 1024:8.1f} KiB each"
    print(f"{name:16} {each} {size / 1e6:8.1f} MB for {count:,} {how}", flush=True)


# Clients


def enter_mqtt(ports: Ports, number: int) -> socket.socket:
    """Connected, with one subscription."""
    one = connect(ports["mqtt"])
    wish = Wish(f"idle/{number}/#", 1)
    hello = mqtt(Connect(V311, f"idle-{number}", True, 600), V311)
    one.sendall(hello + mqtt(Subscribe(1, [wish]), V311))
    crowd.read_until(one, b"\x90\x03\x00\x01\x01")
    return one


def enter_amqp(ports: Ports, _number: int) -> socket.socket:
    """Connected, with a channel."""
    return crowd.connect(ports["amqp"])


def enter_amqp_consumer(ports: Ports, number: int) -> socket.socket:
    """Connected, with a channel and a consumer at a queue of its own."""
    one = crowd.connect(ports["amqp"])
    crowd.declare_own(one, f"idle-{number}")
    crowd.consume(one, f"idle-{number}")
    return one


def enter_stomp(ports: Ports, number: int) -> socket.socket:
    """Connected, with one subscription."""
    one = connect(ports["stomp"])
    there = [("id", "1"), ("destination", f"/topic/idle.{number}"), ("receipt", "there")]
    hello = stomp("CONNECT", [("accept-version", "1.2"), ("host", "/")], b"", V12)
    one.sendall(hello + stomp("SUBSCRIBE", there, b"", V12))
    crowd.read_until(one, b"RECEIPT")
    return one


def enter_kafka(ports: Ports, _number: int) -> socket.socket:
    """A client that knows the versions and the topics."""
    one = connect(ports["kafka"])
    for asked in (API_VERSIONS, METADATA):
        ask(one, asked)
    return one


def enter_rocketmq(ports: Ports, number: int) -> socket.socket:
    """A consumer of a group."""
    one = connect(ports["rocketmq"])
    subscription = {
        "topic": "idle",
        "subString": "*",
        "subVersion": 1,
        "tagsSet": [],
        "codeSet": [],
    }
    consumer = {
        "groupName": f"idle-{number // GROUP_MEMBERS}",
        "subscriptionDataSet": [subscription],
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": "CLUSTERING",
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
        "unitMode": False,
    }
    said = {"clientID": f"c{number}", "consumerDataSet": [consumer], "producerDataSet": []}
    ask(one, rocketmq(RequestCode.HEART_BEAT, 1, 0, {}, json.dumps(said).encode()))
    return one


def connect(port: int) -> socket.socket:
    """Somebody who has said nothing."""
    return socket.create_connection(("127.0.0.1", port), 60)


# Things


def make_queues(ports: Ports, count: int) -> None:
    """Durable ones, with a persistent message in each."""
    with crowd.connect(ports["amqp"]) as one:
        one.sendall(method_frame(1, ConfirmSelect(False)))
        crowd.read_until(one, crowd.method_id(85, 11))
        for begin in range(0, count, CHUNK):
            names = [f"queue-{number}" for number in range(begin, min(count, begin + CHUNK))]
            for name in names:
                declared = QueueDeclare(name, False, True, False, False, True, {})
                one.sendall(method_frame(1, declared) + amqp.message(name, b"x" * 100))
            last = QueueDeclare(names[-1], True, True, False, False, False, {})
            one.sendall(method_frame(1, last))
            crowd.read_until(one, crowd.method_id(50, 11))


def make_topics(ports: Ports, count: int) -> None:
    """Topics of one partition, with a record in each."""
    batch = records.build([Record(b"x" * 100)])
    with connect(ports["kafka"]) as one:
        for begin in range(0, count, CHUNK):
            names = [f"topic-{number}" for number in range(begin, min(count, begin + CHUNK))]
            topics = [create_topics.CreatableTopic(name, 1, 1) for name in names]
            body = create_topics.CreateTopicsRequest(topics=topics, timeout_ms=60_000)
            ask(one, request(create_topics, body, 4))
            for name in names:
                said = produce_answer(ask(one, produce_request(name, batch)))
                if said.error_code:
                    raise RuntimeError(f"{name}: {said}")


KINDS = (
    Connections("mqtt", enter_mqtt),
    Connections("amqp", enter_amqp),
    Connections("amqp-consumer", enter_amqp_consumer),
    Connections("stomp", enter_stomp),
    Connections("kafka", enter_kafka),
    Connections("rocketmq", enter_rocketmq),
    Things("queues", make_queues),
    Things("topics", make_topics),
)

if __name__ == "__main__":
    main()
