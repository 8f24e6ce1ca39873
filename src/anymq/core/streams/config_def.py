"""How a config is declared: once, with its type, default, limits and words for people.

The names, types and limits are Kafka's, because people and tools know them; values are text, as
Kafka's clients send and expect them. `parse` gives what they mean.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from anymq.core.streams.errors import InvalidConfig

INT_MAX = 2**31 - 1
LONG_MAX = 2**63 - 1

ConfigValue = bool | int | float | str | tuple[str, ...]


class ConfigType(IntEnum):
    """The numbers are those of Kafka's DescribeConfigs."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    SHORT = 4
    LONG = 5
    DOUBLE = 6
    LIST = 7
    CLASS = 8
    PASSWORD = 9


class Source(IntEnum):
    """Where a value comes from; the numbers are those of Kafka's DescribeConfigs."""

    TOPIC = 1
    DYNAMIC_BROKER = 2
    DYNAMIC_DEFAULT_BROKER = 3
    STATIC_BROKER = 4
    DEFAULT = 5
    GROUP = 8


class Importance(IntEnum):
    """How much people need to think about it."""

    HIGH = 1
    MEDIUM = 2
    LOW = 3


@dataclass(frozen=True, slots=True)
class Valid:
    """Which values make sense, and how to say so."""

    accepts: Callable[[ConfigValue], bool]
    text: str


@dataclass(frozen=True, slots=True)
class Synonym:
    """A broker config that gives a topic config its default, `factor` of its units to one."""

    name: str
    factor: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDef:
    """One config."""

    name: str
    type: ConfigType
    default: str
    doc: str
    valid: Valid | None = None
    importance: Importance = Importance.MEDIUM
    synonyms: tuple[Synonym, ...] = ()
    read_only: bool = False
    hidden: bool = False

    def parse(self, text: str) -> ConfigValue:
        """Return what `text` means; InvalidConfig when it means nothing here."""
        try:
            value = _PARSERS[self.type](text.strip())
        except ValueError:
            raise self._invalid(text, self._expectation()) from None
        if self.valid is not None and not self.valid.accepts(value):
            raise self._invalid(text, self.valid.text)
        return value

    def _expectation(self) -> str:
        if self.type is ConfigType.BOOLEAN:
            return "Expected value to be either true or false"
        return f"Not a number of type {self.type.name}"

    def _invalid(self, text: str, why: str) -> InvalidConfig:
        return InvalidConfig(f"Invalid value {text} for configuration {self.name}: {why}")


def at_least(least: int) -> Valid:
    """Accept numbers from `least` up."""
    return Valid(lambda value: _number(value) >= least, f"Value must be at least {least}")


def between(least: float, most: float) -> Valid:
    """Accept numbers within limits."""
    return Valid(
        lambda value: least <= _number(value) <= most,
        f"Value must be between {least} and {most}",
    )


def one_of(*values: str) -> Valid:
    """Accept these words."""
    return Valid(lambda value: value in values, f"String must be one of: {', '.join(values)}")


def some_of(*values: str) -> Valid:
    """Accept a list of these words."""
    return Valid(
        lambda value: isinstance(value, tuple) and all(item in values for item in value),
        f"Items must be among: {', '.join(values)}",
    )


def by_name(configs: Iterable[ConfigDef]) -> dict[str, ConfigDef]:
    """Return configs by their names, in the order of the names."""
    return {config.name: config for config in sorted(configs, key=lambda config: config.name)}


def split_list(text: str) -> tuple[str, ...]:
    """Return the items of a list config, each once."""
    return tuple(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))


def _number(value: ConfigValue) -> float:
    assert isinstance(value, int | float)
    return value


def _boolean(text: str) -> bool:
    match text.lower():
        case "true":
            return True
        case "false":
            return False
    raise ValueError(text)


def _whole(bits: int) -> Callable[[str], int]:
    limit = 1 << (bits - 1)

    def parse(text: str) -> int:
        # int() would also take "1_000" and digits of other scripts; no other broker does.
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        value = int(text)
        if not -limit <= value < limit:
            raise ValueError(text)
        return value

    return parse


def _double(text: str) -> float:
    value = float(text)
    if value != value:  # NaN compares with nothing, so no limit would hold
        raise ValueError(text)
    return value


_PARSERS: dict[ConfigType, Callable[[str], ConfigValue]] = {
    ConfigType.BOOLEAN: _boolean,
    ConfigType.STRING: str,
    ConfigType.INT: _whole(32),
    ConfigType.SHORT: _whole(16),
    ConfigType.LONG: _whole(64),
    ConfigType.DOUBLE: _double,
    ConfigType.LIST: split_list,
    ConfigType.CLASS: str,
    ConfigType.PASSWORD: str,
}
