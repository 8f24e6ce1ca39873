"""The client's side of Kafka: what ends it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.protocols.session import Outbox, Peer
from anymq.shovels.kafka.client import KafkaClient
from anymq.shovels.uris import kafka_uri

PEER = Peer("127.0.0.1", 9092, "127.0.0.1", 50_000)


class User:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def ready(self, client: KafkaClient) -> None:
        self.said.append("ready")

    def lost(self, client: KafkaClient, why: str) -> None:
        self.said.append(why)


def client_of(uri: str = "kafka://h") -> tuple[KafkaClient, User]:
    user = User()
    return KafkaClient(Outbox(lambda: None), PEER, uri=kafka_uri(uri), user=user), user


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x15\x03\x03\0\x02\x02\x46",
        struct.pack(">ii", 4, 77),
        struct.pack(">ii", 4, 1),
        struct.pack(">i", 0),
        struct.pack(">iii", 8, 1, 0x7FFFFFFF),
    ],
)
def test_what_is_not_the_protocol_ends_it(data: bytes) -> None:
    client, user = client_of()
    client.receive(memoryview(data))
    assert client.closed
    client.peer_gone()
    assert "not Kafka" in user.said[-1]


def test_no_plain_is_told() -> None:
    client, user = client_of("kafka://u:p@h")
    answer = struct.pack(">ihih", 1, 33, 1, 13) + b"SCRAM-SHA-256"
    client.receive(memoryview(struct.pack(">i", len(answer)) + answer))
    client.peer_gone()
    assert user.said == ["it takes no PLAIN, but SCRAM-SHA-256"]


def test_silence_ends_it() -> None:
    client, user = client_of()
    for second in range(1, 100):
        client.tick(float(second))
    client.peer_gone()
    assert user.said == ["the broker does not answer"]


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_make_it_raise(pieces: list[bytes]) -> None:
    client, _ = client_of()
    for piece in pieces:
        client.receive(memoryview(piece))
