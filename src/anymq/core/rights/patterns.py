"""Patterns of rights: regular expressions as RabbitMQ takes them, over the bytes of a name.

A pattern is looked for anywhere in the name (`^` and `$` pin it), the empty one matches nothing.
What Python would read otherwise than Perl's expressions is translated, or refused when it is set.

Some expressions take longer than the age of the world, and whoever may set a policy may write one.
What could be of that kind is left to `regex`, which gives up in time; it matches nothing then.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from anymq.core.errors import Invalid
from anymq.observability.log import Log

PATTERN_BYTES_MAX = 4096
COMPILED_MAX = 4096  # that are remembered
GROUPS_MAX = 3  # of a pattern that is certainly quick
SECONDS_MAX = 0.05  # that one may take over one name

log = Log("anymq.rights")

Finds = Callable[[bytes], bool]  # is the pattern somewhere in this name?

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
    return compiled(pattern)(name.encode("utf-8", "surrogatepass"))


@lru_cache(COMPILED_MAX)
def compiled(pattern: str) -> Finds:
    """Return what looks for a pattern; for one that is none: nothing, as nobody may then."""
    try:
        source, found = _compile(pattern)
    except (re.error, ValueError, OverflowError, RecursionError):
        return _nothing
    if is_quick(source):
        return partial(_is_found, found.search)
    return Patient(source).find


def is_quick(source: bytes) -> bool:
    """Is it plain to see that this takes no longer than some squares of a name's length?

    At most one thing is repeated or optional, it is no group, and there are few groups.
    """
    plain = _BRACKETED.sub(b"c", _ESCAPED.sub(b"c", source))
    few = len(_REPEATED.findall(plain)) <= 1 and plain.count(b"(") <= GROUPS_MAX
    backward = any(chr(found[1]).isdigit() for found in _ESCAPED.findall(source))
    return few and not _GROUP_REPEATED.search(plain) and not backward


class Patient:
    """Looks for a pattern, but not for ever: after it took too long once, it is not asked again."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._search: Any = None  # regex is imported where somebody needs it

    def find(self, name: bytes) -> bool:
        """Is it there? Not, if that is not to be found out."""
        import regex

        try:
            if self._search is None:
                self._search = regex.compile(self._source).search
            return self._search(name, timeout=SECONDS_MAX) is not None
        except (TimeoutError, regex.error) as error:
            pattern = self._source.decode("utf-8", "replace")
            log.error("a pattern matches nothing from now on", pattern=pattern, reason=repr(error))
            self._search = _never
            return False


def _never(name: bytes, timeout: float) -> None:
    return None


def _is_found(search: Callable[[bytes], object], name: bytes) -> bool:
    return search(name) is not None


def _nothing(name: bytes) -> bool:
    return False


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
_ESCAPED = re.compile(rb"\\.", re.DOTALL)
_BRACKETED = re.compile(rb"\[\^?\]?[^]]*\]")
_REPEATED = re.compile(rb"[*+]|(?<!\()\?|\{\d*,?\d*\}")
_GROUP_REPEATED = re.compile(rb"\)[*+?{]")


def _compile(pattern: str) -> "tuple[bytes, re.Pattern[bytes]]":
    if not pattern:
        return b"^$", re.compile(b"^$")
    source = _CLASS.sub(_class, pattern.encode("utf-8", "surrogatepass"))
    with warnings.catch_warnings():
        # Of what a later Python may read otherwise: "[[" and the like.
        warnings.simplefilter("ignore", FutureWarning)
        return source, re.compile(source)


def _class(found: "re.Match[bytes]") -> bytes:
    inside = _CLASSES.get(found[1])
    if inside is None:
        raise ValueError(f"unknown class {found[0].decode()}")
    return inside
