"""Frames: any split of the bytes gives the same ones, and lies are noticed before they cost."""

import json
from collections.abc import Mapping
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.protocols.rocketmq.codec import (
    ONEWAY,
    RESPONSE,
    Decoder,
    Frame,
    Kind,
    Limits,
    MalformedFrame,
    encode,
)

TEXT = st.text(max_size=20)


def read(data: bytes, limits: Limits | None = None) -> list[Frame]:
    decoder = Decoder(limits)
    decoder.feed(data)
    return list(iter(decoder.next, None))


def raw(header: bytes, body: bytes = b"", kind: int = 0) -> bytes:
    return pack(">ii", 4 + len(header) + len(body), kind << 24 | len(header)) + header + body


def said(**header: object) -> bytes:
    return raw(json.dumps(header).encode())


@given(
    kind=st.sampled_from(Kind),
    code=st.integers(0, 32_767),
    opaque=st.integers(-(1 << 31), (1 << 31) - 1),
    flag=st.integers(0, 3),
    ext=st.dictionaries(TEXT, TEXT, max_size=5),
    body=st.binary(max_size=50),
    remark=TEXT,
)
def test_what_is_written_is_read(
    kind: Kind,
    code: int,
    opaque: int,
    flag: int,
    ext: Mapping[str, str],
    body: bytes,
    remark: str,
) -> None:
    [frame] = read(encode(code, opaque, flag, ext, body, remark=remark, kind=kind))
    assert (frame.code, frame.opaque, frame.flag, frame.kind) == (code, opaque, flag, kind)
    assert (frame.ext, frame.body, frame.remark) == (ext, body, remark)
    assert (frame.is_answer, frame.is_oneway) == (bool(flag & RESPONSE), bool(flag & ONEWAY))


@given(cuts=st.lists(st.integers(0, 400), max_size=6))
def test_any_split_gives_the_same_frames(cuts: list[int]) -> None:
    data = b"".join(
        encode(10, number, 0, {"a": number}, b"x" * number, kind=kind)
        for number, kind in enumerate((Kind.JSON, Kind.BINARY, Kind.JSON))
    )
    decoder, at = Decoder(), 0
    found: list[Frame] = []
    for cut in (*sorted(min(cut, len(data)) for cut in cuts), len(data)):
        decoder.feed(data[at:cut])
        found += iter(decoder.next, None)
        at = cut
    assert found == read(data)
    assert decoder.held_bytes == 0


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (-5, "-5"), (True, "true"), (False, "false"), ("x", "x")]
)
def test_numbers_are_as_good_as_texts(value: object, text: str) -> None:
    """The C++ client and npm's write them so."""
    [frame] = read(said(code=10, opaque=1, flag=0, extFields={"f": value, "none": None}))
    assert frame.ext == {"f": text}


@pytest.mark.parametrize(
    ("language", "read_as"),
    [("CPP", "CPP"), (12, "RUST"), (99, "OTHER"), ("martian", "OTHER"), (None, "OTHER")],
)
def test_languages(language: object, read_as: str) -> None:
    [frame] = read(said(code=10, language=language))
    assert frame.language == read_as


@pytest.mark.parametrize(
    "data",
    [
        pack(">i", -1),
        pack(">i", 3),
        pack(">i", 1 << 30),
        pack(">ii", 100, 97),  # a header longer than its frame
        pack(">ii", 1000, 2 << 24),  # written in a way that nobody knows
        pack(">ii", 16 << 20, 257 << 10),  # a header longer than any
        raw(b"{"),
        raw(b"[]"),
        raw(b"[" * 10_000),
        raw(b'{"code": "ten"}'),
        raw(b'{"code": 1, "extFields": {"a": []}}'),
        raw(b'{"code": 1, "extFields": {"a": ' + b"9" * 5000 + b"}}"),
        raw(b'{"code": 1, "opaque": 99999999999}'),
        raw(b"\xff\xfe"),
        raw(b"", kind=1),
        raw(pack(">hbhiii", 1, 0, 0, 0, 0, 50), kind=1),  # a remark that is not there
        raw(pack(">hbhiiii", 1, 0, 0, 0, 0, 0, 9), kind=1),  # fields that are not there
        raw(pack(">hbhiiiih", 1, 0, 0, 0, 0, 0, 2, 5), kind=1),  # a name that is not there
        raw(pack(">hbhiiiihi", 1, 0, 0, 0, 0, 0, 6, 0, -7), kind=1),
    ],
)
def test_what_is_not_the_protocol(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        read(data)


def test_a_lie_about_lengths_is_noticed_before_anything_is_kept() -> None:
    decoder = Decoder(Limits(frame_bytes_max=1000))
    decoder.feed(pack(">i", 1001))
    with pytest.raises(MalformedFrame, match="1001 bytes, at most 1000"):
        decoder.next()


def test_what_waits_is_what_came() -> None:
    """Not what was promised."""
    decoder = Decoder()
    decoder.feed(pack(">ii", 10 << 20, 100) + b"{" * 50)
    assert decoder.next() is None
    assert decoder.held_bytes == 58
