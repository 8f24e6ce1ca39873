"""Bytes and frames of STOMP."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.protocols.stomp.codec import (
    V10,
    V11,
    V12,
    Decoder,
    Frame,
    FrameLimits,
    FrameTooLarge,
    MalformedFrame,
    encode,
)

SEND = b"SEND\ndestination:/queue/q\n\nhello\0"


def decoder(version: str = V12, **limits: int) -> Decoder:
    made = Decoder(FrameLimits(**limits))
    made.version = version
    return made


def decoded(data: bytes, version: str = V12, **limits: int) -> list[Frame]:
    """Return all frames of these bytes."""
    taker = decoder(version, **limits)
    taker.feed(data)
    found = []
    while (frame := taker.next()) is not None:
        found.append(frame)
    return found


def test_a_frame() -> None:
    assert decoded(SEND) == [Frame("SEND", {"destination": "/queue/q"}, b"hello")]


def test_between_frames_there_may_be_line_ends_and_nuls() -> None:
    between = b"\n\r\n\0\n"
    frame = Frame("SEND", {"destination": "/queue/q"}, b"hello")
    assert decoded(between + SEND + between + SEND + between) == [frame, frame]


def test_lines_may_end_with_a_carriage_return_in_every_version() -> None:
    for version in (V10, V11, V12):
        [frame] = decoded(b"SEND\r\na:b\r\nc:\r\n\r\nx\0", version)
        assert frame == Frame("SEND", {"a": "b", "c": ""}, b"x")


def test_a_body_with_a_length_may_hold_anything() -> None:
    [frame] = decoded(b"SEND\ncontent-length:5\n\na\0b\n\0\0")
    assert frame.body == b"a\0b\n\0"


def test_only_the_length_of_a_send_counts() -> None:
    """As for RabbitMQ: who greets with a length and no body is understood."""
    assert [frame.command for frame in decoded(b"CONNECT\ncontent-length:9\n\n\0" + SEND)] == [
        "CONNECT",
        "SEND",
    ]


def test_of_a_repeated_header_the_first_counts() -> None:
    [frame] = decoded(b"SEND\nfoo:World\nfoo:Hello\n\n\0")
    assert frame.headers == {"foo": "World"}


@pytest.mark.parametrize(
    ("version", "said", "meant"),
    [
        (V12, rb"a\cb\nc\\d\re", "a:b\nc\\d\re"),
        (V12, rb"\\n", "\\n"),
        (V12, rb"\\\\c", "\\\\c"),
        (V12, rb"a:b", "a:b"),
        (V11, rb"a\cb\nc\\d", "a:b\nc\\d"),
        (V10, rb"a\cb\nc\\d", r"a\cb\nc\\d"),
        (V10, rb"  padded ", "padded "),
        (V11, rb" padded ", " padded "),
    ],
)
def test_escapes_are_those_of_the_version(version: str, said: bytes, meant: str) -> None:
    [frame] = decoded(b"SEND\nh:" + said + b"\n\n\0", version)
    assert frame.headers == {"h": meant}


def test_greetings_are_never_escaped() -> None:
    [frame] = decoded(b"CONNECT\npasscode:a\\cb\n\n\0")
    assert frame.headers == {"passcode": "a\\cb"}


@pytest.mark.parametrize(
    ("data", "version"),
    [
        (b"SEND\nh:a\\tb\n\n\0", V12),
        (b"SEND\nh:a\\\n\n\0", V12),
        (b"SEND\nh:a\\rb\n\n\0", V11),
        (b"SEND\nno colon\n\n\0", V12),
        (b"SEND\nh:\xff\n\n\0", V12),
        (b"SEND\nh:a\rb\n\n\0", V12),
        (b"\rSEND\n\n\0", V12),
        (b"SEND\nh:a\0\n\n\0", V12),
        (b"SEND\ncontent-length:x\n\n\0", V12),
        (b"SEND\ncontent-length:-1\n\n\0", V12),
        (b"SEND\ncontent-length:2\n\nabc\0", V12),
        (b"\x16\x03\x01" + b"a" * 40, V12),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, version: str) -> None:
    with pytest.raises(MalformedFrame):
        decoded(data, version)


@pytest.mark.parametrize(
    ("data", "limits"),
    [
        (b"SEND\nh:" + b"a" * 100, {"head_bytes_max": 50}),
        (b"SEND\n" + b"a:b\n" * 20 + b"\n\0", {"headers_max": 10}),
        (b"SEND\ncontent-length:1000\n\n", {"body_bytes_max": 999}),
        (b"SEND\n\n" + b"a" * 1000, {"body_bytes_max": 999}),
        (b"CONNECT\n\n" + b"a" * 1000, {"body_bytes_max": 999}),
    ],
)
def test_limits_hold_before_a_frame_is_whole(data: bytes, limits: dict[str, int]) -> None:
    with pytest.raises(FrameTooLarge):
        decoded(data, V12, **limits)


def test_a_lying_length_costs_no_memory() -> None:
    taker = decoder(body_bytes_max=1 << 30)
    taker.feed(b"SEND\ncontent-length:1000000000\n\nabc")
    assert taker.next() is None
    assert taker.held_bytes == 3


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
HEADERS = st.dictionaries(TEXT, TEXT, max_size=8)


@given(
    st.lists(
        st.builds(
            Frame,
            st.sampled_from(["SEND", "ACK", "BEGIN"]),
            HEADERS.map(lambda said: said | {"content-length": "0"}),
        ),
        max_size=4,
    ),
    st.binary(max_size=40),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_any_split_gives_the_same_frames(frames: list[Frame], body: bytes, cuts: list[int]) -> None:
    """TCP cuts where it likes."""
    said = [
        Frame(one.command, {**one.headers, "content-length": str(len(body))}, body)
        if one.command == "SEND"
        else one
        for one in frames
    ]
    data = b"".join(written(one) for one in said)
    taker, found, at = decoder(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        taker.feed(data[at : max(at, cut)])
        at = max(at, cut)
        while (frame := taker.next()) is not None:
            found.append(frame)
    assert found == said
    assert not taker.held_bytes


def written(frame: Frame) -> bytes:
    pairs = [pair for pair in frame.headers.items() if pair[0] != "content-length"]
    if "content-length" in frame.headers:
        pairs.append(("content-length", frame.headers["content-length"]))
    body = b"" if frame.command != "SEND" else frame.body
    return encode(frame.command, pairs, b"", V12)[:-2] + body + b"\0\n"


@given(HEADERS, st.sampled_from([V11, V12]), st.binary(max_size=30))
def test_what_is_written_is_read_again(headers: dict[str, Any], version: str, body: bytes) -> None:
    headers = {name: value for name, value in headers.items() if name != "content-length"}
    if version == V11:  # which cannot say carriage returns
        headers = {name.replace("\r", ""): headers[name].replace("\r", "") for name in headers}
    [frame] = decoded(encode("SEND", headers.items(), body, version), version)
    assert frame.body == body
    assert {name: value for name, value in frame.headers.items() if name != "content-length"} == (
        headers
    )


@given(st.binary(max_size=200), st.sampled_from([V10, V11, V12]))
def test_no_bytes_make_it_fail_otherwise(data: bytes, version: str) -> None:
    with contextlib.suppress(MalformedFrame):
        decoded(data, version)
