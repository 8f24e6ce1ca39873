"""Field tables: names with typed values, in client properties, arguments and headers.

The types are those that RabbitMQ knows (its errata to 4.2.1). Plain Python values stand for the
types that clients use most; the others are subclasses, so that what came is what goes:

    S text    str, or LongBytes where it is not UTF-8      I 32 bits   int
    t boolean bool                                         l, L 64     Int64
    d double  float                                        F table     dict
    x bytes   bytes                                        A array     list
    V nothing None                                         T time      Timestamp (seconds)
    b, B, s, u, i: Int8, UInt8, Int16, UInt16, UInt32      f, D: Float32, Decimal

A plain int that does not fit into 32 bits is written as l. `type_name` is what RabbitMQ's error
texts call a type; the core asks for it.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from typing_extensions import override

DEPTH_MAX = 100  # tables within tables
NAME_BYTES_MAX = 255
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1

Value = Any
Table = dict[str, Value]


class MalformedFields(ValueError):
    """These bytes are no fields, or these fields have no bytes."""


class Int64(int):
    """l, which is also what comes as L: RabbitMQ reads both as signed."""

    type_name: ClassVar[str] = "long"


class Int8(int):
    """b: signed."""

    type_name: ClassVar[str] = "byte"


class UInt8(int):
    """B."""

    type_name: ClassVar[str] = "unsignedbyte"


class Int16(int):
    """s: signed."""

    type_name: ClassVar[str] = "short"


class UInt16(int):
    """u."""

    type_name: ClassVar[str] = "unsignedshort"


class UInt32(int):
    """i."""

    type_name: ClassVar[str] = "unsignedint"


class Timestamp(int):
    """T: seconds since 1970. Not a datetime, which could not hold them all."""

    type_name: ClassVar[str] = "timestamp"


class Float32(float):
    """f."""

    type_name: ClassVar[str] = "float"


class LongBytes(bytes):
    """S with bytes that are not UTF-8."""

    type_name: ClassVar[str] = "longstr"


class Decimal(NamedTuple):
    """D: value / 10 ** scale."""

    scale: int
    value: int

    @override
    def __str__(self) -> str:
        """As people write it: other protocols get it as text.

        Clients take the value for signed; RabbitMQ only hands it on.
        """
        signed = self.value - (1 << 32) if self.value >> 31 else self.value
        digits = str(abs(signed)).rjust(self.scale + 1, "0")
        whole = len(digits) - self.scale
        text = f"{digits[:whole]}.{digits[whole:]}" if self.scale else digits
        return f"-{text}" if signed < 0 else text


# Reading

_U32 = struct.Struct(">I").unpack_from
_DECIMAL = struct.Struct(">BI").unpack_from

_Numbers = Callable[[Any], Value]


def _number(layout: str, make: _Numbers) -> tuple[Callable[..., tuple[Any, ...]], int, _Numbers]:
    form = struct.Struct(layout)
    return form.unpack_from, form.size, make


_FIXED: Mapping[int, tuple[Callable[..., tuple[Any, ...]], int, _Numbers]] = {
    ord("I"): _number(">i", int),
    ord("t"): _number(">B", bool),
    ord("l"): _number(">q", Int64),
    ord("L"): _number(">q", Int64),
    ord("T"): _number(">Q", Timestamp),
    ord("d"): _number(">d", float),
    ord("f"): _number(">f", Float32),
    ord("b"): _number(">b", Int8),
    ord("B"): _number(">B", UInt8),
    ord("s"): _number(">h", Int16),
    ord("u"): _number(">H", UInt16),
    ord("i"): _number(">I", UInt32),
}


def decode_table(data: bytes, at: int, end: int, depth: int = 0) -> Table:
    """Return the table whose fields are `data[at:end]`. Of two with one name the first counts."""
    table: Table = {}
    try:
        while at < end:
            stop = at + 1 + data[at]
            if stop >= end:
                raise MalformedFields("a field's name is longer than its table")
            name = data[at + 1 : stop].decode(errors="backslashreplace")
            value, at = _decode_value(data, stop, end, depth)
            table.setdefault(name, value)
    except (IndexError, struct.error):
        raise MalformedFields("a field is longer than its table") from None
    return table


def decode_array(data: bytes, at: int, end: int, depth: int = 0) -> list[Value]:
    """Return the values of `data[at:end]`."""
    values: list[Value] = []
    try:
        while at < end:
            value, at = _decode_value(data, at, end, depth)
            values.append(value)
    except (IndexError, struct.error):
        raise MalformedFields("a value is longer than its array") from None
    return values


def _decode_value(data: bytes, at: int, end: int, depth: int) -> tuple[Value, int]:
    """Return the value that begins with its type at `at`, and where the next thing begins."""
    kind = data[at]
    at += 1
    if (fixed := _FIXED.get(kind)) is not None:
        unpack, size, make = fixed
        stop = at + size
        value: Value = make(unpack(data, at)[0])
    elif kind in b"SxFA":
        begin = at + 4
        stop = begin + _U32(data, at)[0]
        if stop > end:
            raise MalformedFields("a value is longer than what it is in")
        value = _decode_sized(kind, data, begin, stop, depth)
    elif kind == 0x56:  # V
        value, stop = None, at
    elif kind == 0x44:  # D
        value, stop = Decimal(*_DECIMAL(data, at)), at + 5
    else:
        raise MalformedFields(f"unknown type {kind}")
    if stop > end:
        raise MalformedFields("a value is longer than what it is in")
    return value, stop


def _decode_sized(kind: int, data: bytes, at: int, end: int, depth: int) -> Value:
    if kind == 0x53:  # S
        raw = data[at:end]
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return LongBytes(raw)
    if kind == 0x78:  # x
        return data[at:end]
    if depth >= DEPTH_MAX:
        raise MalformedFields("too many tables within tables")
    decode = decode_table if kind == 0x46 else decode_array
    return decode(data, at, end, depth + 1)


# Checking


def check_table(data: bytes, at: int, end: int, depth: int = 0) -> None:
    """MalformedFields if these are no fields. Much quicker than to decode them."""
    try:
        while at < end:
            at += 1 + data[at]
            if at >= end:
                raise MalformedFields("a field's name is longer than its table")
            at = _after_value(data, at, end, depth)
    except (IndexError, struct.error):
        raise MalformedFields("a field is longer than its table") from None


def _check_array(data: bytes, at: int, end: int, depth: int) -> None:
    while at < end:
        at = _after_value(data, at, end, depth)


def _after_value(data: bytes, at: int, end: int, depth: int) -> int:
    """Return where the value ends that begins with its type at `at`."""
    kind = data[at]
    size = _SIZES.get(kind)
    if size is None:
        raise MalformedFields(f"unknown type {kind}")
    if size < 0:
        begin, size = at + 5, 4 + _U32(data, at + 1)[0]
        if kind in b"FA":
            if depth >= DEPTH_MAX:
                raise MalformedFields("too many tables within tables")
            check = check_table if kind == 0x46 else _check_array
            check(data, begin, min(at + 1 + size, end), depth + 1)
    at += 1 + size
    if at > end:
        raise MalformedFields("a value is longer than what it is in")
    return at


_SIZES: Mapping[int, int] = {
    **{kind: size for kind, (_, size, _) in _FIXED.items()},
    **dict.fromkeys(b"SxFA", -1),
    ord("V"): 0,
    ord("D"): 5,
}

# Writing


def encode_table(table: Mapping[str, Value]) -> bytes:
    """Return a table with its size before it."""
    fields = b"".join([_encode_name(name) + encode_value(v) for name, v in table.items()])
    return len(fields).to_bytes(4, "big") + fields


def encode_value(value: Value) -> bytes:
    """Return a value with its type before it."""
    encode = _ENCODERS.get(type(value))
    if encode is None:
        encode = _encoder_of_kind(value)
    try:
        return encode(value)
    except (struct.error, OverflowError, UnicodeEncodeError) as error:
        raise MalformedFields(f"no field can hold {value!r}") from error


def _encoder_of_kind(value: Value) -> Callable[[Any], bytes]:
    """For what the core names by itself, other subclasses, tables and arrays of other kinds."""
    named = _ENCODERS_BY_NAME.get(getattr(value, "type_name", ""))
    if named is not None:
        return named
    if isinstance(value, Mapping):
        return _encode_mapping
    for kind in (bool, int, float, str, bytes):
        if isinstance(value, kind):
            return _ENCODERS[kind]
    if isinstance(value, Sequence):
        return _encode_array
    raise MalformedFields(f"no field can hold a {type(value).__name__}")


def _encode_name(name: str) -> bytes:
    data = name.encode(errors="replace")
    if len(data) > NAME_BYTES_MAX:
        raise MalformedFields("the name of a field is too long")
    return bytes((len(data),)) + data


def _sized(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "big") + data


def _encode_mapping(value: Mapping[str, Value]) -> bytes:
    return b"F" + encode_table(value)


def _encode_array(values: Sequence[Value]) -> bytes:
    return _sized(b"A", b"".join([encode_value(value) for value in values]))


def _encode_int(value: int) -> bytes:
    if INT32_MIN <= value <= INT32_MAX:
        return b"I" + value.to_bytes(4, "big", signed=True)
    return b"l" + value.to_bytes(8, "big", signed=True)


def _packed(layout: str) -> Callable[[Any], bytes]:
    kind, form = layout[:1].encode(), struct.Struct(">" + layout[1:])
    return lambda value: kind + form.pack(value)


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    str: lambda value: _sized(b"S", value.encode()),
    LongBytes: lambda value: _sized(b"S", value),
    bytes: lambda value: _sized(b"x", value),
    bool: lambda value: b"t\x01" if value else b"t\x00",
    int: _encode_int,
    Int64: _packed("lq"),
    Timestamp: _packed("TQ"),
    float: _packed("dd"),
    Float32: _packed("ff"),
    Int8: _packed("bb"),
    UInt8: _packed("BB"),
    Int16: _packed("sh"),
    UInt16: _packed("uH"),
    UInt32: _packed("iI"),
    Decimal: lambda value: b"D" + struct.pack(">BI", *value),
    dict: _encode_mapping,
    list: _encode_array,
    type(None): lambda _: b"V",
}

# What the core writes (`Long`, `Time`) says by its name what it is.
_ENCODERS_BY_NAME = {"long": _ENCODERS[Int64], "timestamp": _ENCODERS[Timestamp]}
