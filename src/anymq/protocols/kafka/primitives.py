"""The small parts all of Kafka's messages are made of.

The generated code has the common case written out and comes here for the rest. Nothing is
allocated for a length or a count before it was compared with the bytes there are.
"""

import struct
from typing import Any, Final
from uuid import UUID, SafeUUID

Buffer = bytes | bytearray | memoryview

NULL_UUID: Final = UUID(int=0)
NEVER: Final = 1 << 15  # a version that never comes
STRING_BYTES_MAX: Final = 32767
LENGTH_MAX: Final = (1 << 31) - 1
TAGS_MAX: Final = 1000  # Kafka has less than ten at any place

DECODE_ERRORS: Final = (struct.error, IndexError, UnicodeDecodeError)


class MalformedFrame(Exception):
    """What came is not Kafka's protocol: say so in the log and close this connection."""


def malformed(message: str, version: int, error: Exception) -> MalformedFrame:
    """Name the message that `error` was found in."""
    return MalformedFrame(f"{message} v{version}: {error}")


def bad_length(field: str, length: int) -> MalformedFrame:
    """Refuse a length, or count, that is negative or beyond the bytes there are."""
    return MalformedFrame(f"{field}: {length} is more than there is, or less than nothing")


def bad_tag(tag: int) -> MalformedFrame:
    """Refuse a tagged field which is not as long as it says."""
    return MalformedFrame(f"tagged field {tag} is not as long as it says")


# --- variable-length numbers ------------------------------------------------------------------


def read_uvarint(buf: Buffer, pos: int) -> tuple[int, int]:
    """Read an unsigned number of at most 31 bits: the number, and where the next thing starts."""
    first = buf[pos]
    if first < 128:
        return first, pos + 1
    return longer_uvarint(buf, pos + 1, first)


def longer_uvarint(buf: Buffer, pos: int, first: int) -> tuple[int, int]:
    """Go on reading a number whose first byte, just before `pos`, said there is more."""
    value = first & 0x7F
    shift = 7
    while True:
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            break
        shift += 7
        if shift > 28:
            raise MalformedFrame("a variable-length number goes on and on")
    if value > LENGTH_MAX:
        raise MalformedFrame(f"{value} is too large for a length")
    return value, pos


def longer_string(buf: Buffer, pos: int, first: int) -> tuple[int, int]:
    """Like `longer_uvarint`, for the length of a string (plus one), which has a limit."""
    value, pos = longer_uvarint(buf, pos, first)
    if value > STRING_BYTES_MAX + 1:
        raise MalformedFrame(f"a string of {value - 1} bytes, {STRING_BYTES_MAX} at most")
    return value, pos


def uvarint(value: int) -> bytes:
    """Write an unsigned number."""
    if value < 128:
        return BYTE[value]
    out = bytearray()
    while value > 127:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


BYTE: Final = tuple(bytes([value]) for value in range(256))


# --- tagged fields ----------------------------------------------------------------------------


def skip_tags(buf: Buffer, pos: int, count: int) -> int:
    """Pass over tagged fields that we do not know; return where the next thing starts.

    `count` is the first byte of their count, which is before `pos`.
    """
    if count > 127:
        count, pos = longer_uvarint(buf, pos, count)
    if count > TAGS_MAX:
        raise MalformedFrame(f"{count} tagged fields at one place")
    size = len(buf)
    for _ in range(count):
        _tag, pos = read_uvarint(buf, pos)
        length, pos = read_uvarint(buf, pos)
        pos += length
        if pos > size:
            raise bad_length("tagged field", length)
    return pos


def tagged(tag: int, data: bytes) -> bytes:
    """Write one tagged field."""
    return uvarint(tag) + uvarint(len(data)) + data


# --- arrays of numbers ------------------------------------------------------------------------

_SHORT = 16
_LAYOUTS: Final = {
    code: tuple(struct.Struct(f">{count}{code}") for count in range(_SHORT)) for code in "bhiq"
}
FEW: Final = _SHORT
PACK_INT32S: Final = tuple(layout.pack for layout in _LAYOUTS["i"])  # for fewer than FEW


def read_numbers(buf: Buffer, pos: int, count: int, code: str) -> list[int]:
    """Read `count` numbers of one struct `code`; struct.error when there are not as many."""
    if 0 <= count < _SHORT:
        return list(_LAYOUTS[code][count].unpack_from(buf, pos))
    if count < 0 or count > len(buf) - pos:
        raise bad_length("array", count)
    return list(struct.unpack_from(f">{count}{code}", buf, pos))


def numbers(values: list[int], code: str) -> bytes:
    """Write numbers of one struct `code`."""
    count = len(values)
    if count < _SHORT:
        return _LAYOUTS[code][count].pack(*values)
    return struct.pack(f">{count}{code}", *values)


# --- UUID -------------------------------------------------------------------------------------

_new = object.__new__
_set_int: Any = UUID.__dict__["int"].__set__
_set_is_safe: Any = UUID.__dict__["is_safe"].__set__
_UNKNOWN: Final = SafeUUID.unknown


def uuid_of(data: bytes) -> UUID:
    """Make a UUID of 16 bytes: a quarter of the time its own constructor takes."""
    uuid = _new(UUID)
    _set_int(uuid, int.from_bytes(data, "big"))
    _set_is_safe(uuid, _UNKNOWN)
    return uuid
