"""Patterns of rights: regular expressions as RabbitMQ takes them, over the bytes of a name.

A pattern is looked for anywhere in the name (`^` and `$` pin it), the empty one matches nothing.
What Python would read otherwise than Perl's expressions is translated, or refused when it is set.
"""

import re
import warnings
from collections.abc import Mapping
from functools import lru_cache

from anymq.core.errors import Invalid

PATTERN_BYTES_MAX = 4096
COMPILED_MAX = 4096  # that are remembered
NOTHING = re.compile(rb"(?!)")

# Python knows no such classes, and would read them as something else.
_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"digit": rb"0-9",
    b"lower": rb"a-z",
    b"upper": rb"A-Z",
    b"word": rb"0-9A-Za-z_",
    b"xdigit": rb"0-9A-Fa-f",
    b"space": rb"\s",
    b"punct": rb"!-/:-@\[-`{-~",
}
_CLASS = re.compile(rb"\[:([a-z]+):\]")


def check(pattern: str) -> None:
    """Refuse a pattern that is none."""
    if len(pattern.encode()) > PATTERN_BYTES_MAX:
        raise Invalid(f"a pattern of more than {PATTERN_BYTES_MAX} bytes")
    try:
        _compile(pattern)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise Invalid(f"'{pattern}' is no regular expression: {error}") from None


def matches(pattern: str, name: str) -> bool:
    """Does a name match?"""
    return compiled(pattern).search(name.encode("utf-8", "surrogatepass")) is not None


@lru_cache(COMPILED_MAX)
def compiled(pattern: str) -> "re.Pattern[bytes]":
    """Return what looks for a pattern; for one that is none: nothing, as nobody may then."""
    try:
        return _compile(pattern)
    except (re.error, ValueError, OverflowError, RecursionError):
        return NOTHING


def filled_in(pattern: str, variables: Mapping[str, str]) -> str:
    """Return a pattern with the values of `{username}` and the like, which match as they are."""
    if "{" not in pattern:
        return pattern
    # One pass: a value that looks like a variable is none.
    return _VARIABLE.sub(lambda found: _value(found, variables), pattern)


def _value(found: "re.Match[str]", variables: Mapping[str, str]) -> str:
    value = variables.get(found[1])
    return found[0] if value is None else re.escape(value)


_VARIABLE = re.compile(r"\{(username|vhost|client_id)\}")


def _compile(pattern: str) -> "re.Pattern[bytes]":
    if not pattern:
        return re.compile(b"^$")
    source = _CLASS.sub(_class, pattern.encode("utf-8", "surrogatepass"))
    with warnings.catch_warnings():
        # Of what a later Python may read otherwise: "[[" and the like.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(source)


def _class(found: "re.Match[bytes]") -> bytes:
    inside = _CLASSES.get(found[1])
    if inside is None:
        raise ValueError(f"unknown class {found[0].decode()}")
    return inside
