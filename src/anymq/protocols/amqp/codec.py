"""Frames: what they are made of, and how they are written. The session reads them, in one loop."""

import struct

from anymq.protocols.amqp.methods import Method, encode

METHOD = 1
HEADER = 2
BODY = 3
HEARTBEAT = 8
END = 0xCE
END_BYTE = b"\xce"

FRAME = struct.Struct(">BHI")  # type, channel, size of the payload
CONTENT = struct.Struct(">HHQ")  # class, weight (unused), size of the body
FRAME_WITH_CONTENT = struct.Struct(">BHIHHQ")  # both
EMPTY_FRAME_BYTES = FRAME.size + 1
BASIC = 60

HEARTBEAT_FRAME = b"\x08\0\0\0\0\0\0\xce"

AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
AMQP_0_9 = b"AMQP\x01\x01\x00\x09"
AMQP_1_0_SASL = b"AMQP\x03\x01\x00\x00"

SNIPPET_BYTES = 16


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """Return one frame."""
    return FRAME.pack(kind, channel, len(payload)) + payload + END_BYTE


def method_frame(channel: int, method: Method) -> bytes:
    """Return a method's frame."""
    return frame(METHOD, channel, encode(method))


def content_header(channel: int, properties: bytes, size: int) -> bytes:
    """Return the frame that says how large a body is. `properties` begin with their flags."""
    length = CONTENT.size + len(properties)
    header = FRAME_WITH_CONTENT.pack(HEADER, channel, length, BASIC, 0, size)
    return header + properties + END_BYTE


def content_frames(channel: int, properties: bytes, body: bytes, frame_max: int) -> bytes:
    """Return the frames that follow a method with content: a header, and as many as the body takes.

    `properties` begin with their flags. `frame_max` 0 is no limit.
    """
    pieces = [content_header(channel, properties, len(body))]
    step = frame_max - EMPTY_FRAME_BYTES if frame_max else len(body) or 1
    for at in range(0, len(body), step):
        piece = body[at : at + step]
        pieces += (FRAME.pack(BODY, channel, len(piece)), piece, END_BYTE)
    return b"".join(pieces)


def snippet(payload: bytes) -> str:
    """Show the beginning of a payload as RabbitMQ's texts do."""
    if len(payload) <= SNIPPET_BYTES:
        return f"all octets = {in_erlang(payload)}"
    return f"first 16 octets = {in_erlang(payload[:SNIPPET_BYTES])}"


def in_erlang(data: bytes) -> str:
    """Write bytes as Erlang prints them: as text where that is possible."""
    if data and all(0x20 <= octet < 0x7F for octet in data):
        text = data.decode().replace("\\", "\\\\").replace('"', '\\"')
        return f'<<"{text}">>'
    return f"<<{','.join(map(str, data))}>>"
