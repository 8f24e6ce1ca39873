"""Bytes ⇄ packets: what is said is understood, what is malformed is refused."""

from collections.abc import Iterator
from typing import Any

import pytest

from anymq.protocols.mqtt.codec import (
    V5,
    V31,
    V311,
    Auth,
    Connack,
    Connect,
    Disconnect,
    MalformedPacket,
    Packet,
    Pingreq,
    Pingresp,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    TooLong,
    UnknownVersion,
    Unsuback,
    Unsubscribe,
    Will,
    Wish,
    decode,
    encode,
    frame_at,
)
from anymq.protocols.mqtt.properties import P

BYTES_MAX = 1 << 20
MESSAGE: dict[int, Any] = {
    P.PAYLOAD_FORMAT: 1,
    P.MESSAGE_EXPIRY: 7,
    P.CONTENT_TYPE: "text/plain",
    P.RESPONSE_TOPIC: "re/1",
    P.CORRELATION_DATA: b"\xff\x00",
    P.USER_PROPERTY: [("a", "1"), ("a", "2")],
}


def packets(version: int) -> Iterator[Packet]:
    """Yield one of each kind, and more where there is more to say."""
    v5 = version == V5
    message: dict[int, Any] = MESSAGE if v5 else {}
    why: dict[int, Any] = {P.REASON_STRING: "because"} if v5 else {}
    no = 0x87 if v5 else 0
    will = Will("w/t", b"gone", 2, True, {**message, P.WILL_DELAY: 5} if v5 else {})
    yield Connect(version, "me")
    yield Connect(version, "me", False, 60, "u", b"\0p", will, {P.SESSION_EXPIRY: 9} if v5 else {})
    yield Connack(True, no, {P.RECEIVE_MAXIMUM: 5, **why} if v5 else {})
    yield Publish("a/b", b"x")
    yield Publish("a/ü", b"x" * 200, 2, 65_535, True, True, message)
    for answer in (Puback, Pubrec, Pubrel, Pubcomp):
        yield answer(1)
        yield answer(7, no, why)
    yield Subscribe(1, [Wish("a/#", 1), Wish("+", 2)], {P.SUBSCRIPTION_ID: [300]} if v5 else {})
    yield Subscribe(2, [Wish("a", 0, v5, v5, 2 if v5 else 0)])
    yield Suback(1, [0, 1, 0x80], why)
    yield Unsubscribe(1, ["a/#", "b"])
    yield Unsuback(1, [0, 0x11] if v5 else [], why)
    yield from (Pingreq(), Pingresp(), Disconnect(0x04 if v5 else 0, why))
    if v5:
        yield Auth(0x18, {P.AUTH_METHOD: "x", P.AUTH_DATA: b"1"})


def understood(data: bytes, version: int) -> Packet:
    """Decode the only packet there is."""
    frame = frame_at(data, 0, BYTES_MAX)
    assert frame is not None
    assert frame.end == len(data)
    return decode(data, frame, version)


@pytest.mark.parametrize("version", [V31, V311, V5])
def test_what_is_said_is_understood(version: int) -> None:
    """In every version, every packet."""
    for packet in packets(version):
        assert understood(encode(packet, version), version) == packet


@pytest.mark.parametrize("version", [V31, V311, V5])
def test_a_packet_that_is_not_all_there_is_waited_for(version: int) -> None:
    """However it is cut."""
    for packet in packets(version):
        data = encode(packet, version)
        for end in range(len(data)):
            assert frame_at(data[:end], 0, BYTES_MAX) is None


@pytest.mark.parametrize("version", [V31, V311, V5])
def test_a_packet_that_ends_too_early_is_malformed_or_another_one(version: int) -> None:
    """Nothing else comes out, whatever the bytes: no other error."""
    for packet in packets(version):
        data = encode(packet, version)
        frame = frame_at(data, 0, BYTES_MAX)
        assert frame is not None
        for end in range(frame.begin, frame.end):
            try:
                decode(data, frame._replace(end=end), version)
            except MalformedPacket:
                continue


@pytest.mark.parametrize(
    ("data", "version"),
    [
        ("00 00", V5),  # type 0
        ("36 05 00 01 61 00 01", V5),  # QoS 3
        ("38 03 00 01 61", V311),  # QoS 0, and a duplicate
        ("32 05 00 01 61 00 00", V311),  # packet id 0
        ("80 06 00 01 00 01 61 00", V311),  # SUBSCRIBE without its flag
        ("82 02 00 01", V311),  # without filters
        ("82 06 00 01 00 01 61 03", V311),  # QoS 3
        ("82 06 00 01 00 01 61 04", V311),  # options of MQTT 5
        ("82 07 00 01 00 00 01 61 40", V5),  # options of no version
        ("30 04 00 02 c3 28", V311),  # not UTF-8
        ("30 05 00 03 61 00 62", V311),  # U+0000
        ("30 05 00 03 ed a0 80", V311),  # a surrogate
        ("30 06 00 01 61 02 01 02", V5),  # a payload format that is neither
        ("30 08 00 01 61 04 01 01 01 01", V5),  # twice
        ("30 06 00 01 61 02 17 01", V5),  # a property of CONNECT
        ("30 05 00 01 61 05 01", V5),  # properties longer than the packet
        ("c0 01 00", V311),  # PINGREQ, and something
        ("f0 00", V311),  # AUTH
        ("10 0c 00 04 4d 51 54 54 04 03 00 00 00 00", 0),  # a reserved flag
        ("10 0c 00 04 4d 51 54 54 04 20 00 00 00 00", 0),  # flags of a will, and none
        ("10 0c 00 04 4d 51 54 54 04 40 00 00 00 00", 0),  # a password without a user
    ],
)
def test_what_is_malformed_is_refused(data: str, version: int) -> None:
    """As the specifications say it is."""
    with pytest.raises(MalformedPacket):
        understood(bytes.fromhex(data), version)


def test_a_version_that_nobody_speaks() -> None:
    """It is told so, not that it is malformed."""
    with pytest.raises(UnknownVersion):
        understood(bytes.fromhex("10 0c 00 04 4d 51 54 54 06 02 00 00 00 00"), 0)


def test_a_length_that_lies_is_refused_before_anything_comes() -> None:
    """Four bytes can announce 256 MiB."""
    with pytest.raises(TooLong):
        frame_at(bytes.fromhex("30 ff ff ff 7f"), 0, BYTES_MAX)
    with pytest.raises(MalformedPacket, match="four bytes"):
        frame_at(bytes.fromhex("30 ff ff ff ff 01"), 0, BYTES_MAX)
