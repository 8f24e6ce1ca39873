"""Codec: frames of RFC 6455 out of what browsers send, and heads for what we send them.

A message is handed on piece by piece as it arrives: whatever length a head announces, it costs
nothing. Only what must be whole waits for its rest: a head (14 bytes), a control frame (131).
"""

import codecs
from collections.abc import Generator
from enum import IntEnum
from typing import NamedTuple

FIN = 0x80
RESERVED = 0x70  # for extensions, of which we agree to none
OPCODE = 0x0F
MASKED = 0x80
SIZE = 0x7F
CONTROL = 0x8
CONTROL_BYTES_MAX = 125
REASON_BYTES_MAX = 123
SHORT_MAX = 125
MEDIUM_MAX = 0xFFFF
MASK_BYTES = 4
LARGE_MAX = 1 << 63


class Opcode(IntEnum):
    """What a frame is."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Why it ends (7.4.1)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    BAD_DATA = 1007
    POLICY_VIOLATION = 1008


class MalformedFrame(Exception):
    """These bytes are not WebSocket."""

    def __init__(self, why: str, code: CloseCode = CloseCode.PROTOCOL_ERROR) -> None:
        super().__init__(why)
        self.code = code


class Piece(NamedTuple):
    """A control frame, or a piece of a message: its opcode is that of its first frame."""

    opcode: Opcode
    payload: bytes


class Head(NamedTuple):
    """What stands before a payload."""

    fin: bool
    opcode: Opcode
    size: int
    mask: bytes
    end: int  # where the payload begins


class Decoder:
    """The bytes of one client, as pieces."""

    def __init__(self) -> None:
        self._rest = b""
        self._message: Opcode | None = None  # whose frames come
        self._fin = False  # is this frame its last one?
        self._left = 0  # of this frame
        self._mask = b""
        self._utf8: codecs.IncrementalDecoder | None = None

    @property
    def waiting_bytes(self) -> int:
        """How much waits for its rest."""
        return len(self._rest)

    def decode(self, data: memoryview) -> Generator[Piece, None, None]:
        """Yield what is there now; who takes only some of it gets the rest the next time.

        What is before a malformed frame comes before the exception.
        """
        if self._rest:
            data = memoryview(self._rest + bytes(data))
        at = 0
        try:
            while at < len(data):
                if not self._left:
                    head = head_at(data, at)
                    if head is None or (is_control(head) and len(data) < head.end + head.size):
                        return
                    at = head.end
                    if is_control(head):
                        at += head.size
                        yield Piece(head.opcode, unmasked(data[head.end : at], head.mask))
                        continue
                    self._begin(head)
                begin, at = at, min(len(data), at + self._left)
                yield self._piece(data[begin:at])
        finally:
            self._rest = bytes(data[at:])

    def _begin(self, head: Head) -> None:
        """A frame of a message: its first one says what it is, the others say that they follow."""
        if (head.opcode is Opcode.CONTINUATION) is (self._message is None):
            raise MalformedFrame("frames of a message in a wrong order")
        if self._message is None:
            self._message = head.opcode
            if head.opcode is Opcode.TEXT:
                self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._fin, self._left, self._mask = head.fin, head.size, head.mask

    def _piece(self, masked: memoryview) -> Piece:
        payload = unmasked(masked, self._mask)
        self._left -= len(payload)
        turn = len(payload) % MASK_BYTES
        self._mask = self._mask[turn:] + self._mask[:turn]
        whole = self._fin and not self._left
        if self._utf8 is not None:
            self._check_text(payload, whole=whole)
        assert self._message is not None
        piece = Piece(self._message, payload)
        if whole:
            self._message = self._utf8 = None
        return piece

    def _check_text(self, payload: bytes, *, whole: bool) -> None:
        assert self._utf8 is not None
        try:
            self._utf8.decode(payload, whole)
        except UnicodeDecodeError:
            raise MalformedFrame("a text is not UTF-8", CloseCode.BAD_DATA) from None


def head_at(data: memoryview, at: int) -> Head | None:
    """Read a head; None: it is not all there. What is wrong already is said at once."""
    if len(data) < at + 2:
        return None
    first, second = data[at], data[at + 1]
    opcode = _opcode(first)
    if not second & MASKED:
        raise MalformedFrame("a client's frame is not masked")
    size, at = second & SIZE, at + 2
    if opcode & CONTROL and (size > CONTROL_BYTES_MAX or not first & FIN):
        raise MalformedFrame("a control frame is too long, or in pieces")
    if size > SHORT_MAX:
        width = 2 if size == SHORT_MAX + 1 else 8
        if len(data) < at + width:
            return None
        size, at = _long_size(data[at : at + width]), at + width
    if len(data) < at + MASK_BYTES:
        return None
    end = at + MASK_BYTES
    return Head(bool(first & FIN), opcode, size, bytes(data[at:end]), end)


def is_control(head: Head) -> bool:
    """Is it no piece of a message?"""
    return bool(head.opcode & CONTROL)


def _opcode(first: int) -> Opcode:
    if first & RESERVED:
        raise MalformedFrame("a reserved bit is set")
    try:
        return Opcode(first & OPCODE)
    except ValueError:
        raise MalformedFrame(f"no frame is of the kind {first & OPCODE}") from None


def _long_size(data: memoryview) -> int:
    size = int.from_bytes(data, "big")
    least = SHORT_MAX + 1 if len(data) == 2 else MEDIUM_MAX + 1
    if not least <= size < LARGE_MAX:
        raise MalformedFrame("a length is written wrongly")
    return size


def unmasked(data: memoryview, mask: bytes) -> bytes:
    """Take the mask away, all bytes at once: for Python, one large number is one operation."""
    size = len(data)
    key = int.from_bytes((mask * (size // MASK_BYTES + 1))[:size], "little")
    return (int.from_bytes(data, "little") ^ key).to_bytes(size, "little")


def head_of(opcode: Opcode, size: int) -> bytes:
    """Return what we write before a payload of this size; we never split, nor mask."""
    first = FIN | opcode
    if size <= SHORT_MAX:
        return bytes((first, size))
    if size <= MEDIUM_MAX:
        return bytes((first, SHORT_MAX + 1)) + size.to_bytes(2, "big")
    return bytes((first, SHORT_MAX + 2)) + size.to_bytes(8, "big")


def control(opcode: Opcode, payload: bytes = b"") -> bytes:
    """Encode a control frame."""
    assert len(payload) <= CONTROL_BYTES_MAX
    return head_of(opcode, len(payload)) + payload


def close(code: int, reason: str = "") -> bytes:
    """Encode why it ends; of a long reason, the beginning."""
    text = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore").encode()
    return control(Opcode.CLOSE, code.to_bytes(2, "big") + text)


def close_code(payload: bytes) -> int | None:
    """Check why a client says that it ends, and return that; None: it says nothing (7.1.5)."""
    if not payload:
        return None
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not _may_be_said(code):
        raise MalformedFrame("no reason to close has this number")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise MalformedFrame("a text is not UTF-8", CloseCode.BAD_DATA) from None
    return code


def _may_be_said(code: int) -> bool:
    """Is it a number that stands in frames? Some are reserved, some only for programs (7.4)."""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
