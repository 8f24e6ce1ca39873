"""How a setting is declared: once; file key, variable, flag and docs follow from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, TypeVar, get_args, get_origin, get_type_hints

from anymq.config import units

Value = TypeVar("Value")

ENVIRONMENT_PREFIX = "ANYMQ_"


def setting(
    default: Value,
    help: str,
    *,
    live: bool = False,
    secret: bool = False,
    at_least: int | None = None,
    at_most: int | None = None,
) -> Value:
    """Declare a setting; a `live` one changes while the broker runs (SIGHUP).

    The unit is in the name: `..._bytes` is also read from "64MiB", `..._ms` from "7d". A `secret`
    one is never shown.
    """
    metadata = {
        "help": help,
        "live": live,
        "secret": secret,
        "at_least": at_least,
        "at_most": at_most,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Declared:
    """One setting, as it was declared."""

    section: str
    name: str
    type: object
    default: object
    help: str
    live: bool
    secret: bool
    at_least: int | None
    at_most: int | None

    @property
    def key(self) -> str:
        """What it is called in messages and docs; in the file it is `name` under `[section]`."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Return its environment variable."""
        return f"{ENVIRONMENT_PREFIX}{self.section}_{self.name}".upper()

    @property
    def flag(self) -> str:
        """Return its flag on the command line."""
        return f"--{self.section}-{self.name}".replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """Return the words it may be; none where it is not a choice of words."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def kind(self) -> str:
        """Say in a word or two what a value of it is."""
        if self._has_unit("bytes"):
            return "size"
        if self._has_unit("ms"):
            return "time"
        kinds = {int: "number", bool: "true|false", str: "text"}
        return "|".join(self.choices) or kinds.get(self.type, "words")  # type: ignore[call-overload]

    def parse(self, raw: object) -> object:
        """Make a value of what a file, a variable or a flag says. ValueError says what is wrong."""
        value = self._typed(raw)
        if isinstance(value, int):
            self._check_range(value)
        return value

    def show(self, value: object) -> str:
        """Write a value as a person would in the file."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return self._show_number(value)
        return _show_plain(value)

    def _typed(self, raw: object) -> object:
        if self.type is bool:
            return _parse_bool(raw)
        if self.type is int:
            return self._parse_int(raw)
        if get_origin(self.type) is tuple:
            return _parse_words(raw)
        if not isinstance(raw, str):
            raise ValueError(f"{raw!r} should be text")
        if self.choices and raw not in self.choices:
            raise ValueError(f"{raw!r} is not one of {', '.join(self.choices)}")
        return raw

    def _parse_int(self, raw: object) -> int:
        if isinstance(raw, int) and not isinstance(raw, bool):
            return raw
        if not isinstance(raw, str):
            raise ValueError(f"{raw!r} should be a whole number")
        if self._has_unit("bytes"):
            return units.parse_bytes(raw)
        if self._has_unit("ms"):
            return units.parse_ms(raw)
        return _parse_bare_int(raw)

    def _check_range(self, value: int) -> None:
        if self.at_least is not None and value < self.at_least:
            raise ValueError(f"{self.show(value)} is below {self.show(self.at_least)}")
        if self.at_most is not None and value > self.at_most:
            raise ValueError(f"{self.show(value)} is above {self.show(self.at_most)}")

    def _show_number(self, value: int) -> str:
        if self._has_unit("bytes") and value > 0:
            return f'"{units.format_bytes(value)}"'
        if self._has_unit("ms") and value > 0:
            return f'"{units.format_ms(value)}"'
        return str(value)

    def _has_unit(self, unit: str) -> bool:
        return unit in self.name.split("_")


def declared_in(section: str, cls: type) -> Iterator[Declared]:
    """Yield what a section declares, in the order it is written."""
    types = get_type_hints(cls)
    for each in fields(cls):
        yield Declared(section, each.name, types[each.name], each.default, **each.metadata)


def _parse_bool(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    if not isinstance(raw, str) or raw.lower() not in words:
        raise ValueError(f"{raw!r} should be true or false")
    return words[raw.lower()]


def _parse_words(raw: object) -> tuple[str, ...]:
    if isinstance(raw, str):
        return tuple(word.strip() for word in raw.split(",") if word.strip())
    if isinstance(raw, list) and all(isinstance(word, str) for word in raw):
        return tuple(raw)
    raise ValueError(f"{raw!r} should be a list of words")


def _parse_bare_int(raw: str) -> int:
    try:
        return int(raw)
    except ValueError:
        raise ValueError(f"{raw!r} should be a whole number") from None


def _show_plain(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{word}"' for word in value) + "]"
    return f'"{value}"'
