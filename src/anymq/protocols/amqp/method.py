"""Method: what all methods of AMQP have in common, and how they are coded by what they declare."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

from typing_extensions import dataclass_transform

from anymq.protocols.amqp.faults import ConnectionFault, ReplyCode
from anymq.protocols.amqp.fields import MalformedFields, Table, decode_table, encode_table

KEY = struct.Struct(">I")  # class and method as one number
SHORT_TEXT_BYTES_MAX = 255

ShortText = Annotated[str, "shortstr"]
LongText = Annotated[bytes, "longstr"]
Bit = Annotated[bool, "bit"]
U8 = Annotated[int, "B"]
U16 = Annotated[int, "H"]
U32 = Annotated[int, "I"]
U64 = Annotated[int, "Q"]
Arguments = Annotated[Table, "table"]


class Method:
    """A method, and the values that come with it."""

    __slots__ = ()

    KEY: ClassVar[int]  # class id << 16 | method id
    NAME: ClassVar[str]  # as RabbitMQ's texts have it: basic.consume
    CONTENT: ClassVar[bool] = False  # do a header and a body follow?
    LAYOUT: ClassVar[Sequence[tuple[str, str]]]  # field, type
    TICKET: ClassVar[bool]


METHODS: dict[int, type[Method]] = {}

_M = TypeVar("_M", bound=Method)


@dataclass_transform(frozen_default=True)
def amqp_method(
    name: str, class_id: int, method_id: int, *, ticket: bool = False, content: bool = False
) -> Callable[[type[_M]], type[_M]]:
    """Make a frozen dataclass of a class with annotations, and a method of that."""

    def declare(plain: type[_M]) -> type[_M]:
        cls = dataclass(frozen=True, slots=True)(plain)
        hints = get_type_hints(cls, include_extras=True)
        cls.KEY, cls.NAME = class_id << 16 | method_id, name
        cls.CONTENT, cls.TICKET = content, ticket
        cls.LAYOUT = tuple(
            (each.name, hints[each.name].__metadata__[0])
            for each in fields(cls)  # type: ignore[arg-type]  # it is one
        )
        METHODS[cls.KEY] = cls
        return cls

    return declare


# Coding

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8}


def decode(payload: bytes) -> Method:
    """Return the method that is the payload of a method frame; ConnectionFault if there is none."""
    if len(payload) < KEY.size:
        raise ConnectionFault(ReplyCode.FRAME_ERROR, "a method frame without a method")
    key: int = KEY.unpack_from(payload)[0]
    method = METHODS.get(key)
    if method is None:
        raise ConnectionFault(
            ReplyCode.COMMAND_INVALID, f"unknown method {{{key >> 16},{key & 0xFFFF}}}", method=key
        )
    try:
        return _decode_fields(method, payload)
    except UnicodeDecodeError:
        raise ConnectionFault(ReplyCode.FRAME_ERROR, "Malformed UTF-8 in shortstr") from None
    except (MalformedFields, struct.error, IndexError):
        octets = ",".join(map(str, payload[KEY.size :]))
        raise ConnectionFault(
            ReplyCode.FRAME_ERROR, f"cannot decode <<{octets}>>", method=key
        ) from None


def _decode_fields(method: type[Method], payload: bytes) -> Method:
    at = 6 if method.TICKET else 4
    values: list[Any] = []
    bit = 0  # the next one of the octet at `at - 1`; 0: it begins another octet
    for _, kind in method.LAYOUT:
        if kind == "bit":
            if not bit:
                bit, at = 1, at + 1
            values.append(bool(payload[at - 1] & bit))
            bit <<= 1
            continue
        bit = 0
        value, at = _decode_field(kind, payload, at)
        values.append(value)
    if at != len(payload):
        raise MalformedFields("longer or shorter than its fields")
    return method(*values)


def _decode_field(kind: str, payload: bytes, at: int) -> tuple[Any, int]:
    if kind == "shortstr":
        end = at + 1 + payload[at]
        value: Any = payload[at + 1 : end].decode()
    elif kind in _SIZES:
        end = at + _SIZES[kind]
        value = int.from_bytes(payload[at:end], "big")
    else:
        begin = at + 4
        end = begin + int.from_bytes(payload[at:begin], "big")
        if end > len(payload):
            raise MalformedFields("a field is longer than its method")
        longtext = kind == "longstr"
        value = payload[begin:end] if longtext else decode_table(payload, begin, end)
    return value, end


def encode(method: Method) -> bytes:
    """Return the payload of a method frame."""
    parts = [KEY.pack(method.KEY)]
    if method.TICKET:
        parts.append(b"\0\0")
    bits, bit = 0, 0
    for name, kind in method.LAYOUT:
        value = getattr(method, name)
        if kind == "bit":
            bits |= int(value) << bit
            bit += 1
            continue
        if bit:
            parts.append(bytes((bits,)))
            bits = bit = 0
        parts.append(_encode_field(kind, value))
    if bit:
        parts.append(bytes((bits,)))
    return b"".join(parts)


def _encode_field(kind: str, value: Any) -> bytes:
    if kind == "shortstr":
        return short_text(value)
    if kind == "longstr":
        return len(value).to_bytes(4, "big") + bytes(value)
    if kind == "table":
        return encode_table(value)
    return int(value).to_bytes(_SIZES[kind], "big")


def short_text(text: str) -> bytes:
    """Return a short string as it is on the wire."""
    data = text.encode()
    if len(data) > SHORT_TEXT_BYTES_MAX:
        raise MalformedFields("a short string of more than 255 bytes")
    return bytes((len(data),)) + data
