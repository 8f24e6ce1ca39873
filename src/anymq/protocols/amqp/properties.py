"""The properties of AMQP's messages: flags that say which are there, and those, one after another.

They are kept as they came. The core asks for the traits of every message, so that is quick.
"""

import struct
from collections.abc import Callable
from typing import Any

from anymq.core.message import Properties, Traits
from anymq.protocols.amqp.fields import MalformedFields, check_table, decode_table, encode_table

FORM_NUMBER = 1  # on disk

CONTENT_TYPE = 1 << 15
CONTENT_ENCODING = 1 << 14
HEADERS = 1 << 13
DELIVERY_MODE = 1 << 12
PRIORITY = 1 << 11
CORRELATION_ID = 1 << 10
REPLY_TO = 1 << 9
EXPIRATION = 1 << 8
TIMESTAMP = 1 << 6
USER_ID = 1 << 4

OF_INTEREST = HEADERS | DELIVERY_MODE | PRIORITY | EXPIRATION
TEXT, TABLE = 0, -1  # as sizes

PERSISTENT = 2
REMEMBERED_MAX = 4096  # properties whose traits we know
REMEMBERED_BYTES_MAX = 256  # longer ones seldom come twice
EXPIRATION_MS_MAX = 315_360_000_000  # RabbitMQ's: 10 years
DELAY_HEADERS = ("x-delay", "x-deliver-at")

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
NOTHING = _U16.pack(0)  # no properties at all
_NO_TRAITS = Traits()


class InvalidExpiration(ValueError):
    """`expiration` is no number of milliseconds. The text is RabbitMQ's."""


class AmqpForm:
    """How AMQP 0-9-1 writes down what a message says."""

    number = FORM_NUMBER

    def __init__(self) -> None:
        self._remembered: dict[bytes, Traits] = {}

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know. MalformedFields, InvalidExpiration: not of this form."""
        traits = self._remembered.get(properties)
        if traits is not None:
            return traits
        try:
            traits = _traits(properties)
        except (struct.error, IndexError):
            raise MalformedFields("a property is longer than all of them") from None
        if len(properties) <= REMEMBERED_BYTES_MAX:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[properties] = traits
        return traits

    def read(self, properties: bytes) -> Properties:
        """Decode everything; MalformedFields if that is impossible."""
        try:
            return Properties(**_read(properties))
        except (struct.error, IndexError):
            raise MalformedFields("a property is longer than all of them") from None

    def write(self, properties: Properties) -> bytes:
        """Encode everything; MalformedFields if AMQP has no way to say it."""
        flags = 0
        parts = [b""]
        for flag, name, _, write in _LAYOUT:
            value = getattr(properties, name)
            if value is None or (flag == HEADERS and not value):
                continue
            flags |= flag
            parts.append(_written(name, value, write))
        parts[0] = _U16.pack(flags)
        return b"".join(parts)


AMQP_FORM = AmqpForm()  # one for all: envelopes are compared by it


def _traits(data: bytes) -> Traits:
    """Look at every property once: what is not sound is refused here, before it is kept."""
    flags = _U16.unpack_from(data)[0]
    places, end = _walk(data, flags)
    if end != len(data):
        raise MalformedFields("the properties are not as long as they say")
    if not flags & OF_INTEREST:
        return _NO_TRAITS
    headers = b""
    if flags & HEADERS:
        at = places[HEADERS]
        headers = data[at : at + 4 + _U32.unpack_from(data, at)[0]]
    delay, deliver_at = _delays(headers) if b"x-del" in headers else (None, None)
    return Traits(
        persistent=bool(flags & DELIVERY_MODE) and data[places[DELIVERY_MODE]] == PERSISTENT,
        priority=data[places[PRIORITY]] if flags & PRIORITY else None,
        expiration_ms=_expiration(data, places[EXPIRATION]) if flags & EXPIRATION else None,
        has_headers=len(headers) > 4,
        delay_ms=delay,
        deliver_at_ms=deliver_at,
    )


def _walk(data: bytes, flags: int) -> tuple[dict[int, int], int]:
    """Return where each property begins, and where the last one ends."""
    places: dict[int, int] = {}
    at = 2
    for flag, size in _SIZES:
        if flags & flag:
            places[flag] = at
            if size == TEXT:
                at += 1 + data[at]
            elif size == TABLE:
                at += 4 + _U32.unpack_from(data, at)[0]
                check_table(data, places[flag] + 4, at)
            else:
                at += size
    return places, at


def _delays(headers: bytes) -> tuple[int | None, int | None]:
    table = decode_table(headers, 4, len(headers))
    delay, deliver_at = (_whole(table.get(name)) for name in DELAY_HEADERS)
    return delay, deliver_at


def _whole(value: Any) -> int | None:
    """Return a number, also one that is written out; anything else is not meant for us."""
    if isinstance(value, str):
        value = int(value) if value.isdecimal() and len(value) < 20 else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _expiration(data: bytes, at: int) -> int:
    return parse_expiration(data[at + 1 : at + 1 + data[at]].decode(errors="replace"))


def parse_expiration(text: str) -> int:
    """Return the milliseconds; InvalidExpiration in RabbitMQ's words when they are none."""
    digits = len(text) - len(text.lstrip("+-"))
    while digits < len(text) and "0" <= text[digits] <= "9":
        digits += 1
    number, rest = text[:digits], text[digits:]
    try:
        value = int(number)
    except ValueError:
        raise InvalidExpiration(f"invalid expiration '{text}': no_integer") from None
    if rest:
        raise InvalidExpiration(f"invalid expiration '{text}': {{leftover_string,\"{rest}\"}}")
    if value < 0:
        raise InvalidExpiration(f"invalid expiration '{text}': {{value_negative,{value}}}")
    if value > EXPIRATION_MS_MAX:
        raise InvalidExpiration(f"invalid expiration '{text}': {{value_too_large,{value}}}")
    return value


# One property after another

_Read = Callable[[bytes, int], tuple[Any, int]]
_Write = Callable[[Any], bytes]


def _read(data: bytes) -> dict[str, Any]:
    flags = _U16.unpack_from(data)[0]
    at = 2
    values: dict[str, Any] = {}
    for flag, name, read, _ in _LAYOUT:
        if flags & flag:
            values[name], at = read(data, at)
            if at > len(data):
                raise IndexError
    if at != len(data):
        raise MalformedFields("more than the properties that are announced")
    return values


def _written(name: str, value: Any, write: _Write) -> bytes:
    try:
        return write(value)
    except (OverflowError, ValueError, struct.error) as error:
        raise MalformedFields(f"{name} cannot be written") from error


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    """Nobody checks that these are UTF-8; what is not must come out as it went in."""
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(errors="surrogateescape"), end


def _write_text(text: str) -> bytes:
    data = text.encode(errors="surrogateescape")
    return bytes((len(data),)) + data  # ValueError when it is longer than 255


def _read_octet(data: bytes, at: int) -> tuple[int, int]:
    return data[at], at + 1


def _write_octet(value: int) -> bytes:
    return bytes((value,))


def _read_time(data: bytes, at: int) -> tuple[int, int]:
    return _U64.unpack_from(data, at)[0], at + 8


def _read_headers(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    end = at + 4 + int.from_bytes(data[at : at + 4], "big")
    if end > len(data):
        raise IndexError
    return decode_table(data, at + 4, end), end


_TEXT: tuple[_Read, _Write] = (_read_text, _write_text)
_OCTET: tuple[_Read, _Write] = (_read_octet, _write_octet)

_LAYOUT: tuple[tuple[int, str, _Read, _Write], ...] = (
    (CONTENT_TYPE, "content_type", *_TEXT),
    (CONTENT_ENCODING, "content_encoding", *_TEXT),
    (HEADERS, "headers", _read_headers, encode_table),
    (DELIVERY_MODE, "delivery_mode", *_OCTET),
    (PRIORITY, "priority", *_OCTET),
    (CORRELATION_ID, "correlation_id", *_TEXT),
    (REPLY_TO, "reply_to", *_TEXT),
    (EXPIRATION, "expiration", *_TEXT),
    (1 << 7, "message_id", *_TEXT),
    (TIMESTAMP, "timestamp", _read_time, _U64.pack),
    (1 << 5, "type", *_TEXT),
    (USER_ID, "user_id", *_TEXT),
    (1 << 3, "app_id", *_TEXT),
    (1 << 2, "cluster_id", *_TEXT),
)

_SIZES_OF = {"headers": TABLE, "delivery_mode": 1, "priority": 1, "timestamp": 8}
_SIZES = tuple((flag, _SIZES_OF.get(name, TEXT)) for flag, name, _, _ in _LAYOUT)
