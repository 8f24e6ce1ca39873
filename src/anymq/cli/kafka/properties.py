"""Java's property files, in which the people who run Kafka keep addresses and passwords."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from anymq.cli.errors import CommandFailed

_ENTRY = re.compile(r"((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def load_properties(path: str | Path) -> dict[str, str]:
    """Read a property file."""
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {path}: {error}") from error
    return parse_properties(text)


def parse_properties(text: str) -> dict[str, str]:
    """Read the entries: comments, continued lines and escapes as Java has them."""
    found = {}
    for line in _logical_lines(text):
        key, value = _ENTRY.fullmatch(line).groups()  # type: ignore[union-attr]  # matches all
        found[unescape(key)] = unescape(value)
    return found


def pairs(words: Iterable[str], flag: str) -> dict[str, str]:
    """Read what a repeated flag was given: key=value each."""
    found = {}
    for word in words:
        key, separator, value = word.partition("=")
        if not separator or not key:
            raise CommandFailed(f"{flag} takes KEY=VALUE, not {word!r}")
        found[key.strip()] = value
    return found


def is_true(properties: Mapping[str, str], key: str, default: bool = False) -> bool:
    """Read a property that is true or false."""
    value = properties.get(key)
    return default if value is None else value.strip().lower() == "true"


def unescape(text: str) -> str:
    r"""Replace `\t` and the like, in one pass."""
    return _ESCAPE.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    escaped = match[1]
    if len(escaped) > 1:
        return chr(int(escaped[1:], 16))
    return _ESCAPED.get(escaped, escaped)


def _logical_lines(text: str) -> Iterator[str]:
    begun = ""
    for line in text.splitlines():
        line = line.lstrip()
        if not begun and (not line or line[0] in "#!"):
            continue
        begun += line
        backslashes = len(begun) - len(begun.rstrip("\\"))
        if backslashes % 2:
            begun = begun[:-1]
            continue
        yield begun
        begun = ""
    if begun:
        yield begun
