"""Protobuf: messages of version 3 as bytes, and back, by the tables that their classes are.

Only what RocketMQ's messages have: no groups, no extensions, no recursive types. What is not known
is skipped, as the format asks; what is no message raises `MalformedMessage`.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, TypeVar, cast

ELEMENTS_MAX = 20_000  # of lists and maps in one message: two bytes of input could each be one
VARINT_BYTES_MAX = 10
LENGTH_BYTES_MAX = 5
_U64 = (1 << 64) - 1

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types

P = TypeVar("P", bound="Proto")


class MalformedMessage(Exception):  # what came is one
    """These bytes are not that message."""


class Kind(NamedTuple):
    """How values of a type are written and read."""

    wire: int
    default: object
    write: Callable[[Any], bytes]
    read_number: Callable[[int], object] | None = None  # of a varint
    read_bytes: Callable[["_Input", int, int], object] | None = None


class FieldSpec(NamedTuple):
    """What a class says of one of its fields."""

    number: int
    kind: Kind
    repeated: bool = False
    optional: bool = False
    mapped: bool = False


# How classes declare their fields


def text(number: int) -> Any:
    """A string."""
    return _declare(FieldSpec(number, TEXT))


def maybe_text(number: int) -> Any:
    """A string, or None."""
    return _declare(FieldSpec(number, TEXT, optional=True))


def texts(number: int) -> Any:
    """Strings."""
    return _declare(FieldSpec(number, TEXT, repeated=True))


def blob(number: int) -> Any:
    """Bytes."""
    return _declare(FieldSpec(number, BLOB))


def number32(number: int) -> Any:
    """An int32."""
    return _declare(FieldSpec(number, INT32))


def maybe_number32(number: int) -> Any:
    """An int32, or None."""
    return _declare(FieldSpec(number, INT32, optional=True))


def number64(number: int) -> Any:
    """An int64; enums are these, too."""
    return _declare(FieldSpec(number, INT64))


def maybe_number64(number: int) -> Any:
    """An int64, or None."""
    return _declare(FieldSpec(number, INT64, optional=True))


def enum(number: int) -> Any:
    """An enum, as its number."""
    return _declare(FieldSpec(number, INT32))


def maybe_enum(number: int) -> Any:
    """An enum, or None."""
    return _declare(FieldSpec(number, INT32, optional=True))


def enums(number: int) -> Any:
    """Enums."""
    return _declare(FieldSpec(number, INT32, repeated=True))


def flag(number: int) -> Any:
    """A bool."""
    return _declare(FieldSpec(number, BOOL))


def maybe_flag(number: int) -> Any:
    """A bool, or None."""
    return _declare(FieldSpec(number, BOOL, optional=True))


def real(number: int) -> Any:
    """A float."""
    return _declare(FieldSpec(number, FLOAT))


def maybe(number: int, of: type["Proto"]) -> Any:
    """A message, or None."""
    return _declare(FieldSpec(number, _kind_of(of), optional=True))


def several(number: int, of: type["Proto"]) -> Any:
    """Messages."""
    return _declare(FieldSpec(number, _kind_of(of), repeated=True))


def text_map(number: int) -> Any:
    """A map of strings to strings."""
    return _declare(FieldSpec(number, _kind_of(_Entry), repeated=True, mapped=True))


def _declare(spec: FieldSpec) -> Any:
    metadata = {"protobuf": spec}
    if spec.mapped:
        return field(default_factory=dict, metadata=metadata)
    if spec.repeated:
        return field(default_factory=list, metadata=metadata)
    default = None if spec.optional else spec.kind.default
    return field(default=default, metadata=metadata)


# Messages


class Proto:
    """What all messages can."""

    __slots__ = ()

    def encode(self) -> bytes:
        """Return it as bytes."""
        parts: list[bytes] = []
        for name, spec, tag in _layout_of(type(self)).out:
            value = getattr(self, name)
            if spec.mapped:
                for key, said in value.items():
                    parts += (tag, spec.kind.write(_Entry(key, said)))
            elif spec.repeated:
                parts += _write_list(spec, tag, value)
            elif value is not None and (spec.optional or value != spec.kind.default):
                parts += (tag, spec.kind.write(value))
        return b"".join(parts)

    @classmethod
    def decode(cls: type[P], data: bytes) -> P:
        """Read it; raise MalformedMessage."""
        return cast(P, _Input(data).message(cls, 0, len(data)))


class _Layout(NamedTuple):
    out: list[tuple[str, FieldSpec, bytes]]
    by_number: dict[int, tuple[str, FieldSpec]]


_layouts: dict[type[Proto], _Layout] = {}


def _layout_of(cls: type[Proto]) -> _Layout:
    return _layouts.get(cls) or _layouts.setdefault(cls, _make_layout(cls))


def _make_layout(cls: type[Proto]) -> _Layout:
    specs = [(each.name, each.metadata["protobuf"]) for each in fields(cast(Any, cls))]
    out = [(name, spec, _tag_of(spec)) for name, spec in specs]
    return _Layout(out, {spec.number: (name, spec) for name, spec in specs})


def _tag_of(spec: FieldSpec) -> bytes:
    packed = spec.repeated and spec.kind.wire == VARINT
    return varint(spec.number << 3 | (BYTES if packed else spec.kind.wire))


def _write_list(spec: FieldSpec, tag: bytes, values: Iterable[object]) -> list[bytes]:
    written = [spec.kind.write(value) for value in values]
    if spec.kind.wire == VARINT:  # packed
        return [tag, _with_length(b"".join(written))] if written else []
    return [part for one in written for part in (tag, one)]


def varint(value: int) -> bytes:
    """Write a number; a negative one as 64 bits."""
    value &= _U64
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _with_length(data: bytes) -> bytes:
    return varint(len(data)) + data


class _Input:
    """Bytes that are read as a message."""

    __slots__ = ("_at", "_data", "_elements")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._elements = 0

    def message(self, cls: type[Proto], start: int, end: int) -> Proto:
        """Read what is between."""
        found = cls()
        by_number = _layout_of(cls).by_number
        self._at = start
        while self._at < end:
            key = self._varint(end, LENGTH_BYTES_MAX)
            known = by_number.get(key >> 3)
            if known is None:
                self._skip(key, end)
            else:
                self._field(found, known, key & 7, end)
        return found

    def _field(self, found: Proto, known: tuple[str, FieldSpec], wire: int, end: int) -> None:
        name, spec = known
        kind = spec.kind
        if wire == BYTES and spec.repeated and kind.wire == VARINT:
            self._packed(getattr(found, name), kind, end)
            return
        if wire != kind.wire:
            raise MalformedMessage(f"{name} is not of wire type {wire}")
        value = self._value(kind, end)
        if not spec.repeated:
            setattr(found, name, value)
            return
        self._count()
        if spec.mapped:
            entry = cast(_Entry, value)
            getattr(found, name)[entry.key] = entry.value
        else:
            getattr(found, name).append(value)

    def _value(self, kind: Kind, end: int) -> object:
        if kind.read_number is not None:
            return kind.read_number(self._varint(end, VARINT_BYTES_MAX))
        start = self._at
        if kind.wire == BYTES:
            length = self._varint(end, LENGTH_BYTES_MAX)
            start = self._at
        else:
            length = 4 if kind.wire == FIXED32 else 8
        if length > end - start:
            raise MalformedMessage("it ends within a field")
        assert kind.read_bytes is not None
        value = kind.read_bytes(self, start, start + length)
        self._at = start + length
        return value

    def _packed(self, values: list[object], kind: Kind, end: int) -> None:
        assert kind.read_number is not None
        length = self._varint(end, LENGTH_BYTES_MAX)
        stop = self._at + length
        if stop > end:
            raise MalformedMessage("it ends within a list")
        while self._at < stop:
            self._count()
            values.append(kind.read_number(self._varint(stop, VARINT_BYTES_MAX)))

    def _skip(self, key: int, end: int) -> None:
        wire = key & 7
        if not key >> 3:
            raise MalformedMessage("no field has the number 0")
        if wire == VARINT:
            self._varint(end, VARINT_BYTES_MAX)
            return
        lengths = {FIXED64: 8, FIXED32: 4}
        if wire == BYTES:
            length = self._varint(end, LENGTH_BYTES_MAX)
        elif wire in lengths:
            length = lengths[wire]
        else:
            raise MalformedMessage(f"unknown wire type {wire}")
        if length > end - self._at:
            raise MalformedMessage("it ends within a field")
        self._at += length

    def _varint(self, end: int, bytes_max: int) -> int:
        data, at = self._data, self._at
        value = shift = 0
        stop = min(end, at + bytes_max)
        while at < stop:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self._at = at
                return value & _U64
            shift += 7
        raise MalformedMessage("a number without an end")

    def _count(self) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise MalformedMessage("too many elements")

    def text(self, start: int, end: int) -> str:
        """Return what is between as a string."""
        try:
            return self._data[start:end].decode()
        except UnicodeDecodeError as error:
            raise MalformedMessage("a string is not UTF-8") from error

    def blob(self, start: int, end: int) -> bytes:
        """Return what is between."""
        return self._data[start:end]


# The types


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _int64(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _write_text(value: str) -> bytes:
    return _with_length(value.encode("utf-8", "replace"))


def _read_float(data: _Input, start: int, end: int) -> float:
    return cast(float, struct.unpack("<f", data.blob(start, end))[0])


def _kind_of(cls: type[Proto]) -> Kind:
    def write(value: Proto) -> bytes:
        return _with_length(value.encode())

    def read(data: _Input, start: int, end: int) -> Proto:
        return data.message(cls, start, end)

    return Kind(BYTES, None, write, read_bytes=read)


INT32 = Kind(VARINT, 0, varint, read_number=_int32)
INT64 = Kind(VARINT, 0, varint, read_number=_int64)
BOOL = Kind(VARINT, False, varint, read_number=bool)
TEXT = Kind(BYTES, "", _write_text, read_bytes=_Input.text)
BLOB = Kind(BYTES, b"", _with_length, read_bytes=_Input.blob)
FLOAT = Kind(FIXED32, 0.0, struct.Struct("<f").pack, read_bytes=_read_float)


@dataclass(slots=True)
class _Entry(Proto):
    """One of a map."""

    key: str = text(1)
    value: str = text(2)
