"""The reserved header `anymq`: what plain headers cannot say.

    version 1 · flags 1 · form 1 · CRC-32C of the other headers 4
    · exchange, unless it is the default one · routing key, unless the flags say what it is
    · properties                                            (texts: length 2, UTF-8)

On disk: a change of meaning needs another version.
"""

from collections.abc import Sequence
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

from anymq.core.message import Message
from anymq.core.portable.plain import RESERVED, encoded, text_of
from anymq.storage import varints
from anymq.storage.records import Header

VERSION = 1
DEFAULT_EXCHANGE, KEY_IS_KEY, KEY_IS_TOPIC = 1, 2, 4  # flags
# How it begins among a record's headers, of which it is the first.
RESERVED_START = varints.encode(len(RESERVED)) + RESERVED

_HEAD = Struct(">BBBI")
_U16 = Struct(">H")


class Origin(NamedTuple):
    """What the reserved header says."""

    flags: int
    form: int
    checksum: int
    exchange: str
    routing_key: str
    properties: bytes


def read_origin(content: bytes) -> Origin | None:
    """Read the reserved header; None when it is of a newer version, or somebody else's."""
    try:
        version, flags, form, checksum = _HEAD.unpack_from(content)
        if version != VERSION:
            return None
        exchange, routing_key, at = "", "", _HEAD.size
        if not flags & DEFAULT_EXCHANGE:
            exchange, at = _text_at(content, at)
        if not flags & (KEY_IS_KEY | KEY_IS_TOPIC):
            routing_key, at = _text_at(content, at)
    except (struct_error, ValueError):
        return None
    return Origin(flags, form, checksum, exchange, routing_key, content[at:])


def origin_of(headers: Sequence[Header]) -> Origin | None:
    """Return what the reserved header says, wherever it is; None when there is none of ours."""
    for name, value in headers:
        if name == RESERVED and value is not None:
            return read_origin(value)
    return None


def write_reserved(message: Message, key: bytes | None, topic: str, checksum: int) -> bytes:
    """Make the reserved header; `checksum` is that of the plain ones, as they are written."""
    envelope = message.envelope
    parts = [b""]
    flags = 0
    if envelope.exchange:
        parts.append(_sized(envelope.exchange))
    else:
        flags |= DEFAULT_EXCHANGE
    if encoded(envelope.routing_key) == key:
        flags |= KEY_IS_KEY
    elif envelope.routing_key == topic:
        flags |= KEY_IS_TOPIC
    else:
        parts.append(_sized(envelope.routing_key))
    parts[0] = _HEAD.pack(VERSION, flags, envelope.form.number, checksum)
    parts.append(message.properties)
    return b"".join(parts)


def _sized(text: str) -> bytes:
    content = encoded(text)
    return _U16.pack(len(content)) + content


def _text_at(content: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + _U16.unpack_from(content, at)[0]
    text = text_of(content[at + 2 : end])
    if text is None:  # anybody can write a header of this name
        raise ValueError("a name that no protocol could hold")
    return text, end
