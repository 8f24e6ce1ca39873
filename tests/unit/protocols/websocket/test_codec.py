"""Frames, as the suites of others look at them: every split, every bit, every length."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.protocols.websocket.frames import MASK, frame, messages, served

from anymq.protocols.websocket.codec import (
    CloseCode,
    Decoder,
    MalformedFrame,
    Opcode,
    close,
    close_code,
    head_of,
    unmasked,
)

TEXT = "Hellö €😀"
SIZES = (0, 1, 125, 126, 127, 128, 65_535, 65_536, 200_000)


def whole(data: bytes, step: int | None = None) -> bytes:
    return b"".join(piece.payload for piece in messages(data, step))


@pytest.mark.parametrize("size", SIZES)
def test_every_way_to_write_a_length(size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    assert whole(frame(Opcode.BINARY, body[:size])) == body[:size]
    [(opcode, found)] = served(head_of(Opcode.BINARY, size) + body[:size])
    assert (opcode, found) == (Opcode.BINARY, body[:size])


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 400))
def test_split_anywhere(bodies: list[bytes], step: int) -> None:
    """However the bytes come, they are the same messages, and the pings between them."""
    data = b"".join(
        frame(Opcode.BINARY, body[:7], fin=False)
        + frame(Opcode.PING, b"p")
        + frame(Opcode.CONTINUATION, body[7:])
        for body in bodies
    )
    found = messages(data, step)
    assert b"".join(one.payload for one in found if one.opcode is Opcode.BINARY) == b"".join(bodies)
    assert [one.payload for one in found if one.opcode is Opcode.PING] == [b"p"] * len(bodies)


@given(st.binary(max_size=600), st.binary(min_size=4, max_size=4))
def test_masks(data: bytes, mask: bytes) -> None:
    slow = bytes(octet ^ mask[at % 4] for at, octet in enumerate(data))
    assert unmasked(memoryview(data), mask) == slow


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    """They are frames, wait for more, or are malformed: nothing else."""
    with suppress(MalformedFrame):
        messages(data)


@pytest.mark.parametrize("step", [1, 2, 1000])
def test_text_in_pieces_within_its_characters(step: int) -> None:
    data = TEXT.encode()
    parts = [data[at : at + 1] for at in range(len(data))]
    sent = b"".join(
        frame(Opcode.CONTINUATION if at else Opcode.TEXT, part, fin=at == len(parts) - 1)
        for at, part in enumerate(parts)
    )
    assert whole(sent, step) == data


WRONG = {
    "reserved bit 1": b"\xc2\x80" + MASK,
    "reserved bit 3": b"\x92\x80" + MASK,
    "opcode 3": frame(3),
    "opcode 11": frame(0xB),
    "not masked": b"\x82\x01x",
    "a ping in pieces": frame(Opcode.PING, fin=False),
    "a ping of 126 bytes": frame(Opcode.PING, b"x" * 126),
    "nothing to continue": frame(Opcode.CONTINUATION, b"x"),
    "a message within a message": frame(Opcode.TEXT, b"x", fin=False) + frame(Opcode.TEXT, b"y"),
    "a length of two bytes for 125": b"\x82\xfe\x00\x7d" + MASK + b"x" * 125,
    "a length of eight bytes for 65535": b"\x82\xff" + (65_535).to_bytes(8, "big") + MASK,
    "a length of 2**63": b"\x82\xff" + (1 << 63).to_bytes(8, "big") + MASK,
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("step", [1, 10_000])
def test_wrong_frames(data: bytes, step: int) -> None:
    with pytest.raises(MalformedFrame) as caught:
        messages(data, step)
    assert caught.value.code == CloseCode.PROTOCOL_ERROR


BAD_UTF8 = (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ok\xe2\x82")


@pytest.mark.parametrize("data", BAD_UTF8)
@pytest.mark.parametrize("step", [1, 10_000])
def test_bad_utf8(data: bytes, step: int) -> None:
    """Seen as soon as it is there, or is missing at the end."""
    with pytest.raises(MalformedFrame) as caught:
        messages(frame(Opcode.TEXT, data), step)
    assert caught.value.code == CloseCode.BAD_DATA


def test_what_came_before_the_error_is_handed_on() -> None:
    pieces = Decoder().decode(memoryview(frame(Opcode.BINARY, b"first") + frame(3)))
    assert next(pieces).payload == b"first"
    with pytest.raises(MalformedFrame):
        next(pieces)


def test_lengths_that_lie_cost_no_memory() -> None:
    """Two exabytes are announced; what waits is what came, and only of heads."""
    decoder = Decoder()
    head = b"\x82\xff" + (1 << 61).to_bytes(8, "big") + MASK
    assert not list(decoder.decode(memoryview(head[:-1])))
    assert decoder.waiting_bytes == len(head) - 1
    list(decoder.decode(memoryview(head[-1:])))
    for _ in range(100):
        assert len(list(decoder.decode(memoryview(b"x" * 1000)))) == 1
    assert decoder.waiting_bytes == 0


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1011, 3000, 4999])
def test_codes_that_may_be_said(code: int) -> None:
    assert close_code(code.to_bytes(2, "big") + b"bye") == code


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535])
def test_codes_that_may_not(code: int) -> None:
    with pytest.raises(MalformedFrame):
        close_code(code.to_bytes(2, "big"))


def test_other_closes() -> None:
    assert close_code(b"") is None
    with pytest.raises(MalformedFrame):
        close_code(b"\x03")
    with pytest.raises(MalformedFrame) as caught:
        close_code(b"\x03\xe8\xff")
    assert caught.value.code == CloseCode.BAD_DATA


def test_a_long_reason_is_cut_between_characters() -> None:
    [(opcode, payload)] = served(close(1008, "ä" * 100))
    assert opcode == Opcode.CLOSE
    assert payload == (1008).to_bytes(2, "big") + ("ä" * 61).encode()
