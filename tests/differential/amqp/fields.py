"""Field tables of AMQP 0-9-1 as RabbitMQ writes them, both ways, and as text that shows each type.

Written for the tests alone, so that a mistake in our own codec cannot hide itself.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Arguments = Mapping[str, Any]


class Typed(NamedTuple):
    """A value with the letter that says its type on the wire."""

    letter: str
    value: Any


NUMBERS = {
    "t": ">?",
    "b": ">b",
    "B": ">B",
    "s": ">h",
    "u": ">H",
    "I": ">i",
    "i": ">I",
    "l": ">q",
    "f": ">f",
    "d": ">d",
    "T": ">Q",
    "D": ">BI",
}


def short_string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return bytes([len(raw)]) + raw


def long_string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack(">I", len(raw)) + raw


def table(values: Arguments) -> bytes:
    return long_string(b"".join(short_string(k) + _value(v) for k, v in values.items()))


def typed(value: Any) -> Typed:
    """The letter that a Python value gets when nobody says another."""
    if isinstance(value, Typed):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Typed("I" if -(2**31) <= value < 2**31 else "l", value)
    letters: dict[type, str] = {
        bool: "t",
        str: "S",
        bytes: "x",
        float: "d",
        dict: "F",
        list: "A",
        type(None): "V",
    }
    return Typed(letters[type(value)], value)


def _value(value: Any) -> bytes:
    letter, plain = typed(value)
    return letter.encode() + _encoded(letter, plain)


def _encoded(letter: str, plain: Any) -> bytes:
    if letter in NUMBERS:
        parts = plain if isinstance(plain, tuple) else (plain,)
        return struct.pack(NUMBERS[letter], *parts)
    if letter == "F":
        return table(plain)
    if letter == "A":
        return long_string(b"".join(map(_value, plain)))
    return b"" if letter == "V" else long_string(plain)


@dataclass(slots=True)
class Reader:
    """Takes one field after another from a payload."""

    data: bytes
    at: int = 0

    def take(self, form: str) -> Any:
        """One number."""
        values = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return values[0] if len(values) == 1 else values

    def raw(self, size: int) -> bytes:
        """So many bytes."""
        self.at += size
        if self.at > len(self.data):
            raise ValueError("the field ends after its frame")
        return self.data[self.at - size : self.at]

    def short_string(self) -> str:
        return self.raw(self.take(">B")).decode(errors="backslashreplace")

    def long_string(self) -> bytes:
        return self.raw(self.take(">I"))

    def table(self) -> dict[str, Typed]:
        inside = Reader(self.long_string())
        values = {}
        while inside.at < len(inside.data):
            name = inside.short_string()
            values[name] = inside.value()
        return values

    def value(self) -> Typed:
        letter = chr(self.take(">B"))
        return Typed(letter, self._plain(letter))

    def _plain(self, letter: str) -> Any:
        if letter in NUMBERS:
            return self.take(NUMBERS[letter])
        special: dict[str, Callable[[], Any]] = {
            "F": self.table,
            "A": self._array,
            "V": lambda: None,
            "S": lambda: self.long_string().decode(errors="backslashreplace"),
            "x": self.long_string,
        }
        return special[letter]()

    def _array(self) -> list[Typed]:
        inside = Reader(self.long_string())
        values = []
        while inside.at < len(inside.data):
            values.append(inside.value())
        return values


def show(value: Any) -> str:
    """A value as text; its type shows where it is not the usual one."""
    letter, plain = typed(value)
    if letter == "F":
        return "{" + ", ".join(f"{k}: {show(plain[k])}" for k in sorted(plain)) + "}"
    if letter == "A":
        return "[" + ", ".join(map(show, plain)) + "]"
    if letter in ("S", "x"):
        return _quoted(plain) if letter == "S" else f"x:{plain!r}"
    return "void" if letter == "V" else f"{letter}:{plain}"


def _quoted(text: str | bytes) -> str:
    plain = text.decode(errors="backslashreplace") if isinstance(text, bytes) else text
    plain = plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in plain) + '"'


def values_of(items: Sequence[Typed]) -> list[Any]:
    """Plain values."""
    return [each.value for each in items]
