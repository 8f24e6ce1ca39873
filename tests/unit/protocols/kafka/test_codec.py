"""Frames, headers, and what the generated decoders do with bytes that nobody should send."""

import struct
import sys
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.protocols.kafka.codec import (
    FrameAssembler,
    MalformedFrame,
    RequestHeader,
    decode_request_header,
    decode_response_header,
    encode_request_header,
    encode_response_header,
    frame,
    peek_api,
    response_header_is_flexible,
)
from anymq.protocols.kafka.primitives import uuid_of

LIMIT = 1000


def assembler(limit: int = LIMIT) -> FrameAssembler:
    return FrameAssembler(limit)


def received(frames: FrameAssembler, data: bytes) -> list[bytes]:
    return [bytes(view) for view, _owned in frames.feed(memoryview(data))]


# --- frames -------------------------------------------------------------------------------------


@given(
    st.lists(st.binary(min_size=8, max_size=40), max_size=6),
    st.lists(st.integers(0, 260), max_size=12),
)
def test_any_split_gives_the_same_frames(payloads: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(frame(payload) for payload in payloads)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    frames = assembler()
    parts = [received(frames, stream[start:end]) for start, end in pairwise(edges)]
    assert [one for part in parts for one in part] == payloads
    assert frames.waiting_bytes == 0


def test_whole_frames_are_not_copied() -> None:
    """They lie in what was received, so they are not the receiver's to keep."""
    data = memoryview(frame(b"request1") + frame(b"request2"))
    found = list(assembler().feed(data))
    assert [owned for _view, owned in found] == [False, False]
    assert all(view.obj is data.obj for view, _owned in found)


def test_a_collected_frame_belongs_to_the_receiver() -> None:
    """Neither the next read into the same buffer nor the next frame changes it."""
    frames = assembler()
    buffer = bytearray(frame(b"request1"))
    assert list(frames.feed(memoryview(buffer)[:5])) == []
    ((first, owned),) = frames.feed(memoryview(buffer)[5:])
    buffer[:] = frame(b"request2")
    assert list(frames.feed(memoryview(buffer)[:9])) == []
    assert owned
    assert bytes(first) == b"request1"


def test_a_lying_length_costs_nothing() -> None:
    """A gigabyte is promised; what is kept is the dozen bytes that came."""
    frames = assembler(limit=1 << 30)
    assert received(frames, struct.pack(">i", 1 << 30) + b"request1") == []
    assert frames.waiting_bytes == 12
    assert sys.getsizeof(frames._partial) < 200


@pytest.mark.parametrize("length", [-1, 0, 7, LIMIT + 1, (1 << 31) - 1, -(1 << 31)])
def test_a_length_beyond_the_limits_is_refused_at_once(length: int) -> None:
    with pytest.raises(MalformedFrame):
        received(assembler(), struct.pack(">i", length))


def test_a_length_that_comes_in_pieces_is_refused_too() -> None:
    frames = assembler()
    assert received(frames, b"\x7f\xff") == []
    with pytest.raises(MalformedFrame):
        received(frames, b"\xff\xff")


def test_the_limit_grows_once_the_peer_has_logged_in() -> None:
    """The first request logs in; the second, in the same read, may be larger."""
    frames = assembler(limit=100)
    data = memoryview(frame(b"logs me in") + frame(bytes(500)))
    feed = frames.feed(data)
    assert bytes(next(feed)[0]) == b"logs me in"
    frames.frame_bytes_max = 500
    assert len(next(feed)[0]) == 500


# --- headers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("flexible", [False, True])
@pytest.mark.parametrize("client_id", [None, "", "rdkafka", "é" * 100])
def test_request_header_comes_back(flexible: bool, client_id: str | None) -> None:
    header = RequestHeader(3, 12, 77, client_id)
    data = encode_request_header(header, flexible)
    assert decode_request_header(data + b"body", flexible) == (header, len(data))
    assert peek_api(data) == (3, 12, 77)


def test_request_header_as_kafka_writes_it() -> None:
    wire = bytes.fromhex("0012 0003 00000007 0002 6d65 00")
    assert decode_request_header(wire, True) == (RequestHeader(18, 3, 7, "me"), 13)


def test_unknown_tags_in_a_header_are_skipped() -> None:
    wire = encode_request_header(RequestHeader(3, 12, 77, "me"), False) + b"\x01\x63\x02xybody"
    assert decode_request_header(wire, True)[1] == len(wire) - len("body")


@given(st.binary(max_size=40), st.booleans())
def test_no_bytes_make_a_header_raise_anything_else(data: bytes, flexible: bool) -> None:
    for decode in (decode_request_header, decode_response_header):
        try:
            _header, end = decode(memoryview(data), flexible)
        except MalformedFrame:
            continue
        assert end <= len(data)


@pytest.mark.parametrize("flexible", [False, True])
def test_response_header_comes_back(flexible: bool) -> None:
    data = encode_response_header(77, flexible)
    assert decode_response_header(data, flexible) == (77, len(data))


def test_api_versions_answers_with_the_old_header() -> None:
    """A client that asks which versions there are cannot know yet which header comes."""
    assert not response_header_is_flexible(18, True)
    assert response_header_is_flexible(3, True)
    assert not response_header_is_flexible(3, False)


def test_uuid_is_a_whole_one() -> None:
    """It is made without its constructor: nothing must be missing."""
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    assert uuid_of(uuid.bytes) == uuid
    assert hash(uuid_of(uuid.bytes)) == hash(uuid)
    assert uuid_of(uuid.bytes).is_safe == uuid.is_safe
    assert repr(uuid_of(uuid.bytes)) == repr(uuid)
