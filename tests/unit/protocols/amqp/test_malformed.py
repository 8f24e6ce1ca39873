"""Bytes that are not AMQP, or AMQP in the wrong place: each gets the error that RabbitMQ gives.

What is expected here was what RabbitMQ 3.10 answered, except where a comment says otherwise.
"""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocols.amqp.talk import Room

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import (
    AMQP_0_9,
    AMQP_0_9_1,
    AMQP_1_0_SASL,
    BODY,
    FRAME,
    HEADER,
    HEARTBEAT,
    METHOD,
    frame,
    method_frame,
)
from anymq.protocols.amqp.methods import encode
from anymq.testing.amqp import AmqpDialog, published

PUBLISH = method_frame(1, methods.BasicPublish("", "q", False, False))
PURGE = encode(methods.QueuePurge("x", False))


def header(
    channel: int = 1,
    class_id: int = 60,
    weight: int = 0,
    size: int = 5,
    properties: bytes = b"\0\0",
) -> bytes:
    content = struct.pack(">HHQ", class_id, weight, size)
    return frame(HEADER, channel, content + properties)


def declare_with(table: bytes) -> bytes:
    return frame(METHOD, 1, struct.pack(">HHH", 50, 10, 0) + b"\x01q\x08" + table)


CASES: dict[str, tuple[bytes, int, str, tuple[int, int]]] = {
    "a frame of an unknown type": (
        frame(9, 1, b"abc"),
        501,
        'FRAME_ERROR - type 9, all octets = <<"abc">>: unknown_frame',
        (0, 0),
    ),
    "a frame of type 0": (
        frame(0, 0, b"\1\2\3"),
        501,
        "FRAME_ERROR - type 0, all octets = <<1,2,3>>: unknown_frame",
        (0, 0),
    ),
    "a heartbeat for a channel": (
        frame(HEARTBEAT, 1, b""),
        505,
        "UNEXPECTED_FRAME - type 8, all octets = <<>>",
        (0, 0),
    ),
    "a heartbeat that says something": (
        frame(HEARTBEAT, 0, b"xx"),
        501,
        'FRAME_ERROR - type 8, all octets = <<"xx">>: unknown_frame',
        (0, 0),
    ),
    "a body for the connection": (
        frame(BODY, 0, b"hello"),
        505,
        'UNEXPECTED_FRAME - type 3, all octets = <<"hello">>',
        (0, 0),
    ),
    "a header for the connection": (
        header(0),
        505,
        "UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,5,0,0>>",
        (0, 0),
    ),
    "a method too short to be one": (
        frame(METHOD, 1, b"\0\x3c"),
        501,
        "FRAME_ERROR - type 1, all octets = <<0,60>>: unknown_frame",
        (0, 0),
    ),
    "a header too short to be one": (
        PUBLISH + frame(HEADER, 1, b"\0\x3c"),
        501,
        "FRAME_ERROR - type 2, all octets = <<0,60>>: unknown_frame",
        (0, 0),
    ),
    "a frame that ends wrong": (
        frame(METHOD, 1, b"abcdefgh")[:-1] + b"X",
        501,
        'FRAME_ERROR - type 1, all octets = <<"abcdefgh">>: {invalid_frame_end_marker,88}',
        (0, 0),
    ),
    # RabbitMQ breaks the line after the comma.
    "a long frame that ends wrong": (
        frame(METHOD, 1, b"abcdefgh" * 4)[:-1] + b"X",
        501,
        'FRAME_ERROR - type 1, first 16 octets = <<"abcdefghabcdefgh">>:'
        " {invalid_frame_end_marker,88}",
        (0, 0),
    ),
    "a frame that is too large": (
        FRAME.pack(BODY, 1, 131_073),
        501,
        "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}",
        (0, 0),
    ),
    # RabbitMQ hangs up without a word.
    "an unknown method": (
        frame(METHOD, 1, struct.pack(">HH", 60, 99)),
        503,
        "COMMAND_INVALID - unknown method {60,99}",
        (60, 99),
    ),
    "more than its fields": (
        frame(METHOD, 1, PURGE + b"zz"),
        501,
        "FRAME_ERROR - cannot decode <<0,0,1,120,0,122,122>>",
        (50, 30),
    ),
    "less than its fields": (
        frame(METHOD, 1, encode(methods.QueuePurge("xyz", False))[:-3]),
        501,
        "FRAME_ERROR - cannot decode <<0,0,3,120>>",
        (50, 30),
    ),
    "a text that is not UTF-8": (
        frame(METHOD, 1, struct.pack(">HHH", 50, 30, 0) + b"\x02\xff\xfe\0"),
        501,
        "FRAME_ERROR - Malformed UTF-8 in shortstr",
        (0, 0),
    ),
    "a table longer than its frame": (
        declare_with(b"\0\0\xff\xff\x01a"),
        501,
        "FRAME_ERROR - cannot decode <<0,0,1,113,8,0,0,255,255,1,97>>",
        (50, 10),
    ),
    # The next two kill RabbitMQ's connection without a word.
    "a field longer than its table": (
        declare_with(b"\0\0\0\x07\x01aS\0\0\xff\xff"),
        501,
        "FRAME_ERROR - cannot decode <<0,0,1,113,8,0,0,0,7,1,97,83,0,0,255,255>>",
        (50, 10),
    ),
    "a field of an unknown type": (
        declare_with(b"\0\0\0\x03\x01aQ"),
        501,
        "FRAME_ERROR - cannot decode <<0,0,1,113,8,0,0,0,3,1,97,81>>",
        (50, 10),
    ),
    "a header without a method": (
        header(),
        505,
        "UNEXPECTED_FRAME - expected method frame, got non method frame instead",
        (0, 0),
    ),
    "a body without a method": (
        frame(BODY, 1, b"x"),
        505,
        "UNEXPECTED_FRAME - expected method frame, got non method frame instead",
        (0, 0),
    ),
    "a method where a header belongs": (
        PUBLISH + PUBLISH,
        505,
        "UNEXPECTED_FRAME - expected content header for class 60,"
        " got non content header frame instead",
        (60, 40),
    ),
    "a body where a header belongs": (
        PUBLISH + frame(BODY, 1, b"hello"),
        505,
        "UNEXPECTED_FRAME - expected content header for class 60,"
        " got non content header frame instead",
        (60, 40),
    ),
    "a header of another class": (
        PUBLISH + header(class_id=10),
        505,
        "UNEXPECTED_FRAME - expected content header for class 60, got one for class 10 instead",
        (60, 40),
    ),
    "a header with a weight": (
        PUBLISH + header(weight=3),
        505,
        "UNEXPECTED_FRAME - expected content header for class 60,"
        " got non content header frame instead",
        (60, 40),
    ),
    # As RabbitMQ 4 has it; 3.10 waits for ever.
    "a body longer than announced": (
        PUBLISH + header(size=5) + frame(BODY, 1, b"hello world"),
        501,
        "FRAME_ERROR - content body frame exceeds remaining content size",
        (60, 40),
    ),
    "a method where a body belongs": (
        PUBLISH + header(size=5) + PUBLISH,
        505,
        "UNEXPECTED_FRAME - expected content body, got non content body frame instead",
        (60, 40),
    ),
    # As RabbitMQ 4 has it.
    "a body beyond all measure": (
        PUBLISH + header(size=10**12),
        501,
        "FRAME_ERROR - content body size 1000000000000 exceeds maximum allowed size 536870912",
        (60, 40),
    ),
    "a method on a channel that is not open": (
        method_frame(5, methods.BasicQos(0, 1, False)),
        504,
        "CHANNEL_ERROR - expected 'channel.open'",
        (60, 10),
    ),
    "a message on a channel that is not open": (
        published(5),
        504,
        "CHANNEL_ERROR - expected 'channel.open'",
        (60, 40),
    ),
    "the end of a channel that is not open": (
        method_frame(5, methods.ChannelClose(200, "", 0, 0)),
        504,
        "CHANNEL_ERROR - expected 'channel.open'",
        (20, 40),
    ),
    "a channel opened twice": (
        method_frame(1, methods.ChannelOpen()),
        504,
        "CHANNEL_ERROR - second 'channel.open' seen",
        (20, 10),
    ),
    "what only brokers say": (
        method_frame(0, methods.ConnectionBlocked("x")),
        504,
        "CHANNEL_ERROR - unexpected method in connection state running",
        (10, 60),
    ),
    "a login once more": (
        method_frame(0, methods.ConnectionStartOk({}, "PLAIN", b"", "en_US")),
        504,
        "CHANNEL_ERROR - unexpected method in connection state running",
        (10, 11),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_it_ends_the_connection_as_with_rabbitmq(case: str) -> None:
    """Clients decide by code and text what to do, and people what to look for."""
    said, code, text, (class_id, method_id) = CASES[case]
    room = Room()
    client = room.dialog().log_in().open(1)
    client >> said
    assert client.only() == methods.ConnectionClose(code, text, class_id, method_id)
    assert not client.session.closed  # until the client agrees
    assert not room.publishes()
    assert room.broker.vhosts["/"].gone  # its exclusive queues went first
    client >> published(1)  # on its way when we closed
    assert not room.publishes()


@pytest.mark.parametrize("case", ["a frame that ends wrong", "a frame that is too large"])
def test_where_frames_are_lost_nothing_more_is_read(case: str) -> None:
    """What follows could mean anything."""
    room = Room()
    client = room.dialog().log_in().open(1)
    client >> CASES[case][0]
    client.answers()
    client >> (0, methods.ConnectionCloseOk())
    assert not client.session.closed
    assert client.session.reading  # so that our last word is not lost with what they still send
    room.pass_time(5, client)
    assert client.session.closed


@pytest.mark.parametrize(
    "greeting",
    [
        b"GARBAGE!",
        b"GET / HT",
        AMQP_1_0_SASL,
        b"AMQP\0\x01\0\0",
        b"AMQP\0\0\x09\x02",
        b"\x16\x03\x01\0\xa5\x01\0\0",
    ],
)
def test_another_protocol_learns_which_one_this_is(greeting: bytes) -> None:
    """As the specification asks; nothing else is said."""
    client = Room().dialog()
    client >> greeting[:3] >> greeting[3:]
    assert client.raw() == AMQP_0_9_1
    assert client.session.closed


def test_the_version_before_is_welcome() -> None:
    """0-9 differs in nothing that matters, says RabbitMQ."""
    client = Room().dialog()
    client >> AMQP_0_9
    assert isinstance(client.only(), methods.ConnectionStart)


ANY_FRAME = st.builds(
    frame,
    st.sampled_from([METHOD, METHOD, HEADER, BODY, HEARTBEAT, 0, 9]),
    st.integers(0, 3),
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from(sorted(methods.METHODS)).flatmap(
            lambda key: st.binary(max_size=30).map(lambda rest: struct.pack(">I", key) + rest)
        ),
        st.just(struct.pack(">HHQ", 60, 0, 5) + b"\0\0"),
    ),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(ANY_FRAME, st.binary(max_size=30), st.just(published(1))), max_size=8))
def test_no_bytes_make_a_session_raise(pieces: list[bytes]) -> None:
    """Before a login and after it."""
    for client in (Room().dialog(), Room().dialog().log_in().open(1).open(2)):
        _bear(client, pieces)


def _bear(client: AmqpDialog, pieces: list[bytes]) -> None:
    for piece in pieces:
        client.feed(piece)
        assert client.session.reading in (True, False)
    client.room.pass_time(70, client)
    client.raw()
    client.hang_up()
    assert client.room.amqp.memory.used == 0
