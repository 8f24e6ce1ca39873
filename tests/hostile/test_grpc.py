"""Clients by gRPC who announce, begin and ask for much, and take nothing of it."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, StreamEnded

from anymq.protocols.rocketmq.grpc.definition import (
    Message,
    MessageQueue,
    Resource,
    SystemProperties,
)
from anymq.protocols.rocketmq.grpc.messages import PullMessageRequest, SendMessageRequest
from anymq.protocols.rocketmq.grpc.protobuf import Proto
from tests.hostile.room import (
    KIB,
    MIB,
    SECONDS,
    TOPIC,
    Broker,
    Neighbour,
    create_topic,
    running,
    wait_until,
)
from tests.peers.process import free_ports

pytestmark = pytest.mark.xdist_group("hostile-grpc")

LIMIT = 64 * MIB
NOISE = 48 * MIB  # read buffers, arenas that Python does not give back, what the neighbour takes
SERVICE = "/apache.rocketmq.v2.MessagingService/"


class Client:
    """One connection. What comes is thrown away, unless somebody looks."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), SECONDS)
        self.conn = H2Connection(H2Configuration(client_side=True))
        self.conn.initiate_connection()
        self.flush()
        self.conn.receive_data(self.sock.recv(64 * KIB))  # how much we may say

    def begin(self, name: str) -> int:
        stream = self.conn.get_next_available_stream_id()
        head = [(":method", "POST"), (":scheme", "http"), (":path", SERVICE + name)]
        head += [(":authority", "b"), ("content-type", "application/grpc")]
        self.conn.send_headers(stream, [*head, ("x-mq-client-id", f"c{id(self)}")])
        return stream

    def call(self, name: str, request: Proto) -> int:
        stream, data = self.begin(name), request.encode()
        self.conn.send_data(stream, prefixed(data), end_stream=True)
        self.flush()
        return stream

    def flush(self) -> None:
        self.sock.sendall(self.conn.data_to_send())

    def hear_until_end(self, stream: int) -> None:
        """Read, and make room for more, until a call has ended."""
        ended = False
        while not ended:
            data = self.sock.recv(64 * KIB)
            assert data, "the broker hung up"
            for event in self.conn.receive_data(data):
                if isinstance(event, DataReceived) and event.flow_controlled_length:
                    size, of = event.flow_controlled_length, event.stream_id or 0
                    self.conn.acknowledge_received_data(size, of)
                ended |= isinstance(event, StreamEnded) and event.stream_id == stream
            self.flush()


def prefixed(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(4, "big") + data


@pytest.fixture(scope="module")
def crowded() -> Iterator[tuple[Broker, int]]:
    """A broker of little memory."""
    (port,) = free_ports(1)
    settings = {
        "rocketmq.grpc_port": port,
        "limits.memory_bytes_max": LIMIT,
        "limits.unsent_bytes_max": 8 * MIB,
        "limits.unwritten_bytes_max": 8 * MIB,
    }
    with running(settings) as broker:
        create_topic(broker, TOPIC)
        yield broker, port


Come = Callable[[], Client]


@pytest.fixture
def come(crowded: tuple[Broker, int]) -> Iterator[Come]:
    """Clients come, and go at the end."""
    clients: list[Client] = []

    def one() -> Client:
        clients.append(Client(crowded[1]))
        return clients[-1]

    yield one
    for client in clients:
        client.sock.close()


@contextlib.contextmanager
def unharmed(broker: Broker) -> Iterator[None]:
    """Somebody who sends and reads by Kafka meanwhile, and must not notice. Memory is bounded."""
    before = broker.rss
    with Neighbour(broker).watching():
        yield
        assert broker.rss - before < LIMIT + NOISE


def test_announced_messages_cost_nothing(crowded: tuple[Broker, int], come: Come) -> None:
    """A thousand messages of four megabytes, of which five bytes come."""
    broker, _ = crowded
    clients = []
    with unharmed(broker):
        for _ in range(10):
            client = come()
            clients.append(client)
            for _ in range(100):
                stream = client.begin("SendMessage")
                client.conn.send_data(stream, b"\0" + (4 * MIB).to_bytes(4, "big"))
            client.flush()
        wait_until(lambda: broker.metric("anymq_connections") >= len(clients))


def test_messages_that_never_end_are_bounded(crowded: tuple[Broker, int], come: Come) -> None:
    """What all hold together has one limit: they wait, and the neighbour does not."""
    broker, _ = crowded
    clients = [come() for _ in range(8)]
    body = b"x" * (15 * KIB)
    with unharmed(broker):
        for client in clients:
            client.sock.settimeout(0.5)
            with contextlib.suppress(OSError):
                for _ in range(200):
                    stream = client.begin("SendMessage")
                    client.conn.send_data(stream, b"\0" + (4 * MIB).to_bytes(4, "big"))
                    client.conn.send_data(stream, body)
                    client.flush()


def test_who_asks_and_takes_nothing_is_bounded(crowded: tuple[Broker, int], come: Come) -> None:
    """Megabytes are asked for again and again, by one whose windows stay shut."""
    broker, _ = crowded
    topic, group = Resource("", "big"), Resource("", "g")
    writer = come()
    properties = SystemProperties(message_id="ID", message_group="one queue")
    small = Message(topic, {}, properties, b"x" * (15 * KIB))
    writer.hear_until_end(writer.call("SendMessage", SendMessageRequest([small])))
    taker = come()
    with unharmed(broker):
        for queue in range(8):
            request = PullMessageRequest(group, MessageQueue(topic, queue), 0, 32)
            for _ in range(50):
                taker.call("PullMessage", request)
        # It is heard all the same: as soon as it takes something, it gets what it asked for.
        writer.hear_until_end(writer.call("SendMessage", SendMessageRequest([small])))


def test_calls_taken_back_are_the_end(crowded: tuple[Broker, int], come: Come) -> None:
    """Rapid reset."""
    broker, _ = crowded
    client = come()
    with unharmed(broker), contextlib.suppress(OSError):
        for _ in range(2000):
            stream = client.begin("Heartbeat")
            client.conn.reset_stream(stream, ErrorCodes.CANCEL)
            client.flush()
        while client.sock.recv(64 * KIB):
            pass


def test_pings_without_end_wait(crowded: tuple[Broker, int], come: Come) -> None:
    """Each wants an answer, which nobody takes: we stop to listen."""
    broker, _ = crowded
    client = come()
    ping = b"\0\0\x08\x06\0\0\0\0\0" + b"12345678"
    client.sock.settimeout(0.5)
    with unharmed(broker), contextlib.suppress(OSError):
        for _ in range(200):
            client.sock.sendall(ping * 4000)
