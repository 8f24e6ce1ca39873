"""Whatever one peer sends, its own connection ends at most, and the others go on."""

import contextlib
import os
import socket
import struct

import pytest

from anymq.protocols.kafka.codec import frame
from anymq.protocols.kafka.schema.generated import api_versions, fetch, metadata
from anymq.protocols.kafka.schema.generated.api_versions import ApiVersionsRequest
from anymq.protocols.kafka.schema.generated.metadata import MetadataRequest
from tests.hostile.room import (
    MIB,
    SECONDS,
    TOPIC,
    Broker,
    Neighbour,
    answer,
    ask,
    header_only,
    hung_up,
    logged,
    produce_request,
    request,
)

pytestmark = pytest.mark.xdist_group("hostile")

ASK = request(api_versions, ApiVersionsRequest(), 0)
TLS_HELLO = bytes.fromhex("16030100f8010000f40303") + bytes(237)

HOSTILE = {
    "nothing, as a frame": bytes(4),
    "a length below nothing": struct.pack(">i", -1),
    "the lowest length": struct.pack(">i", -(2**31)),
    "the highest length": struct.pack(">i", 2**31 - 1) + b"x" * 1000,
    "a byte too little for a header": frame(bytes(7)),
    "a request that nobody knows": frame(header_only(9999, 0)),
    "a request below nothing": frame(header_only(-1, 0)),
    "a version from the future": frame(header_only(metadata.KEY, 32767)),
    "a version below nothing": frame(header_only(metadata.KEY, -1)),
    "a header without an end": frame(struct.pack(">hhih", metadata.KEY, 1, 1, 32767) + b"x"),
    "a client id below nothing": frame(struct.pack(">hhih", metadata.KEY, 1, 1, -2)),
    "a client id that is no text": frame(struct.pack(">hhih", 3, 1, 1, 2) + b"\xff\xfe"),
    "a body that is missing": frame(header_only(fetch.KEY, 11)),
    "an array of everything": frame(header_only(3, 1) + struct.pack(">i", 2**31 - 1)),
    "a compact array of everything": frame(
        header_only(3, 9, flexible=True) + b"\xff" * 4 + b"\x0f"
    ),
    "a varint that goes on": frame(header_only(3, 9, flexible=True) + b"\xff" * 100),
    "tagged fields of everything": frame(header_only(3, 9) + b"\xff\xff\xff\xff\x07"),
    "many tagged fields": frame(header_only(3, 9) + b"\xff\xff\x03" + b"\x01\0" * 65535),
    "a tagged field that is too long": frame(header_only(3, 9) + b"\x01\x01\xff\xff\x03xx"),
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS at the plain port": TLS_HELLO,
    "another broker's protocol": b"AMQP\0\0\x09\x01",
    "chance": os.urandom(10_000),
    "ones": b"\xff" * 100_000,
    "text": b"hello\n" * 1000,
    "a request of others that is too large": struct.pack(">ihhi", 50 * MIB, metadata.KEY, 1, 1)
    + bytes(1000),
    "a raw token that nobody asked for": frame(b"\0ada\0secret"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_not_the_protocol_ends_that_connection(
    broker: Broker, neighbour: Neighbour, what: str
) -> None:
    with broker.connect() as beside, broker.connect() as sock:
        ask(beside, ASK)
        sock.sendall(HOSTILE[what])
        assert hung_up(sock)
        ask(beside, ASK)


@pytest.mark.parametrize("what", ["the highest length", "chance", "a web browser"])
def test_what_was_asked_before_is_still_answered(broker: Broker, what: str) -> None:
    with broker.connect() as sock:
        sock.sendall(ASK + HOSTILE[what])
        assert len(answer(sock)) > 10
        assert hung_up(sock)


def test_each_is_told_in_the_log_without_what_it_said(broker: Broker) -> None:
    with broker.connect() as sock:
        sock.sendall(frame(header_only(9999, 0) + b"do not write this"))
        assert hung_up(sock)
    closed = [line for line in logged(broker) if line["event"] == "connection closed"]
    assert all(line["peer"].startswith("127.0.0.1:") and line["reason"] for line in closed)
    assert 1 <= len(closed) < 100  # the rest is counted, not written
    assert "do not write this" not in broker.output()


def test_frames_cut_anywhere(broker: Broker, neighbour: Neighbour) -> None:
    data = request(metadata, MetadataRequest(topics=None), 9)
    for cut in range(1, len(data)):
        with broker.connect() as sock:
            sock.sendall(data[:cut])
            sock.shutdown(socket.SHUT_WR)
            assert hung_up(sock)


def test_every_request_of_every_version_with_nothing_or_garbage_inside(
    broker: Broker, neighbour: Neighbour
) -> None:
    """Each is answered or ends its connection, and never ends in silence."""
    with broker.connect() as sock:
        known = api_versions.decode_response(ask(sock, ASK), 4, 0).api_keys
    for api in known:
        for version in range(api.min_version, api.max_version + 1):
            for body in (b"", bytes(64), b"\x01" * 64, b"\xff" * 64, b"\0\1" * 40):
                poke(broker, header_only(api.api_key, version) + body)


def poke(broker: Broker, data: bytes) -> None:
    """Send it and something known after it: an answer must come, or the end."""
    with broker.connect() as sock:
        sock.sendall(frame(data) + frame(header_only(9999, 0)))
        assert hung_up(sock), data


@pytest.mark.parametrize("acks", [-1, 0, 1, 2, -32768])
def test_produce_of_nonsense(broker: Broker, neighbour: Neighbour, acks: int) -> None:
    with broker.connect() as sock:
        batches = (b"", b"x", bytes(61), b"\xff" * 61, b"\xff" * 1000, os.urandom(500))
        with contextlib.suppress(ConnectionError):  # acks=0 knows no other answer than the end
            for batch in batches:
                sock.sendall(produce_request(TOPIC, batch, acks=acks))
            sock.sendall(frame(header_only(9999, 0)))
        assert hung_up(sock)


def test_http_port_hears_kafka(broker: Broker) -> None:
    for data in (ASK, produce_request(TOPIC, b"x" * 100), os.urandom(70_000), bytes(70_000)):
        with socket.create_connection(("127.0.0.1", broker.management), SECONDS) as sock:
            sock.sendall(data)
            assert hung_up(sock)
    assert broker.metric("anymq_info") == 1


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 20_000,
        b"GET / HTTP/x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n"
        + b"x" * 1_000_000,
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"ffffffffffffffff\r\n"
        + b"x" * 100_000,
        b"GET http://\xff/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.0\r\n\r\n",
    ],
)
def test_http_of_the_bad_kind(broker: Broker, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", broker.management), SECONDS) as sock:
        try:
            sock.sendall(data)
        except ConnectionError:
            return
        assert hung_up(sock)


def test_http_requests_without_number_share_the_loop(broker: Broker, neighbour: Neighbour) -> None:
    with socket.create_connection(("127.0.0.1", broker.management), SECONDS) as sock:
        sock.settimeout(1.0)
        with contextlib.suppress(OSError):  # it takes no more, or has hung up
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100_000)


def test_an_unknown_version_of_api_versions_is_answered(broker: Broker) -> None:
    """The one request that must never end so: newer clients learn by it what we speak."""
    with broker.connect() as sock:
        said = ask(sock, frame(header_only(api_versions.KEY, 99, flexible=True)))
        assert struct.unpack_from(">h", said, 4)[0] == 35
        ask(sock, ASK)


def test_the_broker_is_none_the_worse(broker: Broker, neighbour: Neighbour) -> None:
    before = broker.metric("anymq_malformed_total")
    for _ in range(3):
        poke(broker, b"")
    assert broker.metric("anymq_malformed_total") >= before + 3
