"""Words: the text of a selector, cut into what the parser reads."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from enum import Enum, auto
from typing import NamedTuple

from anymq.core.errors import Invalid

KEYWORDS = frozenset(
    ("AND", "OR", "NOT", "BETWEEN", "IN", "LIKE", "ESCAPE", "IS", "NULL", "TRUE", "FALSE")
)
DIGITS_MAX = 30  # of a number: Python takes long over very many

# Each alternative begins in its own way, and none can be read in two: one look at each letter.
_WORD = r"""
    (?P<space>[ \t\r\n\f]+)
  | (?P<text>'(?:[^']|'')*')
  | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[lLdDfF]?)
  | (?P<name>[^\W0-9][\w.$]*|\$[\w.$]*)
  | (?P<sign><>|!=|<=|>=|[=<>+\-*/(),])
"""
_PLAIN = re.compile(_WORD, re.VERBOSE)
_HYPHENATED = re.compile(_WORD.replace(r"[\w.$]*|", r"[\w.$\-]*|"), re.VERBOSE)


class Kind(Enum):
    """What a word is."""

    TEXT = auto()
    NUMBER = auto()
    NAME = auto()
    KEYWORD = auto()
    SIGN = auto()
    END = auto()


class Word(NamedTuple):
    """One of them, and where it begins."""

    kind: Kind
    value: str | int | float
    at: int


def words(text: str, *, hyphenated: bool = False) -> Iterator[Word]:
    """Yield them, and at last that there are no more. `hyphenated`: names may have a `-`."""
    pattern, at = _HYPHENATED if hyphenated else _PLAIN, 0
    while at < len(text):
        found = pattern.match(text, at)
        if found is None:
            raise Invalid(f"a selector cannot be read from {text[at : at + 20]!r} on (at {at})")
        if found.lastgroup != "space":
            yield _word(str(found.lastgroup), found.group(), at)
        at = found.end()
    yield Word(Kind.END, "its end", at)


def _word(group: str, said: str, at: int) -> Word:
    if group == "number":
        return Word(Kind.NUMBER, _number(said), at)
    return word_of(group, "<>" if said == "!=" else said, at, KEYWORDS)


def word_of(group: str, said: str, at: int, keywords: AbstractSet[str]) -> Word:
    """Return the word that was found, if it is no number."""
    if group == "text":
        return Word(Kind.TEXT, said[1:-1].replace("''", "'"), at)
    if group == "name" and said.upper() in keywords:
        return Word(Kind.KEYWORD, said.upper(), at)
    return Word(Kind.NAME if group == "name" else Kind.SIGN, said, at)


def _number(said: str) -> int | float:
    """As Java writes them: 12, 12L, 0x1F, 1.5, .5, 7e3, 7d."""
    if len(said) > DIGITS_MAX:
        raise Invalid(f"a number in a selector has at most {DIGITS_MAX} digits")
    if said[:2] in ("0x", "0X"):
        return int(said[2:].rstrip("lL"), 16)
    if said[-1] in "dDfF":
        return float(said[:-1])
    plain = said.rstrip("lL")
    return int(plain) if plain.isdigit() else float(plain)
