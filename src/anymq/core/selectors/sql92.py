"""Sql92: conditions as RocketMQ's consumers say them, about properties that are all text.

    or         → and {OR and}                     and     → equality {AND equality}
    equality   → comparison {(=|<>) comparison | IS [NOT] NULL}
    comparison → unary {(>|>=|<|<=) unary | [NOT] BETWEEN unary AND unary | [NOT] IN (text, …)
                 | [NOT] (CONTAINS|STARTSWITH|ENDSWITH) text}
    unary      → (+|-|NOT) unary | text | number | TRUE | FALSE | NULL | name | ( or )

NOT binds tighter than a comparison here, and there is neither LIKE nor calculating: that is their
grammar. What they refuse is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, auto
from typing import NamedTuple

from typing_extensions import override

from anymq.core.errors import Invalid
from anymq.core.selectors import evaluating as ev
from anymq.core.selectors import texts
from anymq.core.selectors.reader import DEPTH_MAX, Reader
from anymq.core.selectors.words import Kind, Word, word_of

LETTERS_MAX = 8192
TESTS_MAX = 500
KEYWORDS = frozenset(
    (
        *("NOT", "AND", "OR", "BETWEEN", "IN", "TRUE", "FALSE", "NULL", "IS"),
        *("CONTAINS", "STARTSWITH", "ENDSWITH"),
    )
)
DIGITS_MAX = 300
_LONG = 1 << texts.LONG_BITS
_ORDERS = (">", ">=", "<", "<=")
_HOLDING: Mapping[str, Callable[[str, str], bool]] = {
    "CONTAINS": str.__contains__,
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
}

# Each alternative begins in its own way, and none can be read in two: one look at each letter.
_WORD = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+|--[^\r\n]*[\r\n]|/\*(?:[^*]|\*(?!/))*\*/)
  | (?P<text>'(?:[^']|'')*')
  | (?P<float>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
  | (?P<number>0|[1-9][0-9]*[lL]?)
  | (?P<name>[a-zA-Z_$][a-zA-Z0-9_$]*)
  | (?P<sign><>|<=|>=|[=<>+\-(),])
    """,
    re.VERBOSE,
)


class Sort(Enum):
    """What a part is, for those who refuse some kinds."""

    PROPERTY = auto()
    CONSTANT = auto()
    TRUTH = auto()  # a condition
    OTHER = auto()  # a number with a sign before it


class Part(NamedTuple):
    """Some of it that was read; `value` of a constant."""

    sort: Sort
    evaluate: ev.Evaluate
    value: ev.Value = None


class Sql92:
    """One condition, understood. `text` is what was said."""

    __slots__ = ("_evaluate", "text")

    def __init__(self, text: str) -> None:
        """Understand it. Invalid, if that is not possible."""
        if len(text) > LETTERS_MAX:
            raise Invalid(f"a condition has at most {LETTERS_MAX} letters")
        self.text = text
        self._evaluate = _Parser(_words(text)).parse()

    def holds(self, says: ev.Says) -> bool:
        """Is this one meant? What is unknown is not, nor what cannot be compared."""
        try:
            return self._evaluate(says) is True
        except texts.Undecided:
            return False


class _Parser(Reader[Part]):
    """Reads one condition."""

    called = "condition"

    def __init__(self, words: Iterator[Word]) -> None:
        super().__init__(words)
        self._tests = 0

    @override
    def _truth(self, part: Part) -> ev.Evaluate:
        return _truth(part)

    @override
    def _joined(self, test: ev.Evaluate) -> Part:
        return Part(Sort.TRUTH, test)

    # Comparisons

    @override
    def _factor(self) -> Part:
        """An equality."""
        left = self._comparison()
        for _ in range(DEPTH_MAX):
            if self._accept(Kind.SIGN, "="):
                left = _equal(left, self._comparison())
            elif self._accept(Kind.SIGN, "<>"):
                left = _inverted(_equal(left, self._comparison()))
            elif self._accept(Kind.KEYWORD, "IS"):
                inverted = self._accept(Kind.KEYWORD, "NOT")
                self._expect(Kind.KEYWORD, "NULL")
                missing = Part(Sort.TRUTH, ev.missing(left.evaluate))
                left = _inverted(missing) if inverted else missing
            else:
                return left
        raise Invalid(f"at most {DEPTH_MAX} comparisons in a row")

    def _comparison(self) -> Part:
        left = self._unary()
        for _ in range(DEPTH_MAX):
            sign = str(self._next.value)
            if self._next.kind is Kind.SIGN and sign in _ORDERS:
                self._take()
                left = _ordered(sign, left, self._unary())
            elif self._next.kind is Kind.KEYWORD and sign in _AFTER_NOT:
                left = self._named(left, inverted=False)
            elif self._next[:2] == (Kind.KEYWORD, "NOT"):
                self._take()
                left = self._named(left, inverted=True)
            else:
                return left
        raise Invalid(f"at most {DEPTH_MAX} comparisons in a row")

    def _named(self, left: Part, *, inverted: bool) -> Part:
        """Read a comparison that has a name."""
        word = self._take()
        if word.kind is not Kind.KEYWORD or word.value not in _AFTER_NOT:
            raise self._unexpected(word)
        return _AFTER_NOT[str(word.value)](self, left, str(word.value), inverted)

    def _between(self, value: Part, _: str, inverted: bool) -> Part:
        least = self._unary()
        self._expect(Kind.KEYWORD, "AND")
        most = self._unary()
        _check_ends(least, most)
        signs, join = (("<", ">"), ev.either) if inverted else ((">=", "<="), ev.both)
        parts = [_ordered(sign, value, end) for sign, end in zip(signs, (least, most), strict=True)]
        return Part(Sort.TRUTH, join([part.evaluate for part in parts]))

    def _in(self, value: Part, _: str, inverted: bool) -> Part:
        if value.sort is not Sort.PROPERTY:
            raise Invalid("IN is for properties only")
        self._expect(Kind.SIGN, "(")
        wanted = [self._text()]
        while self._accept(Kind.SIGN, ","):
            wanted.append(self._text())
        self._expect(Kind.SIGN, ")")
        test = texts.among(value.evaluate, frozenset(wanted), inverted=inverted)
        return Part(Sort.TRUTH, test)

    def _holding(self, value: Part, how: str, inverted: bool) -> Part:
        test = texts.holding(value.evaluate, self._text(), _HOLDING[how], inverted=inverted)
        return Part(Sort.TRUTH, test)

    # Values

    def _unary(self) -> Part:
        self._tests += 1
        if self._tests > TESTS_MAX:
            raise Invalid(f"a condition has at most {TESTS_MAX} values")
        if self._accept(Kind.SIGN, "+"):
            return self._deeper(self._unary)
        if self._accept(Kind.SIGN, "-"):
            return Part(Sort.OTHER, texts.negative(self._deeper(self._unary).evaluate))
        if self._accept(Kind.KEYWORD, "NOT"):
            return _inverted(self._deeper(self._unary))
        return self._value()

    def _value(self) -> Part:
        word = self._take()
        if word.kind is Kind.NAME:
            return Part(Sort.PROPERTY, ev.named(str(word.value)))
        if word.kind in (Kind.TEXT, Kind.NUMBER):
            return _constant(word.value)
        if word.kind is Kind.KEYWORD and word.value in _CONSTANTS:
            return _constant(_CONSTANTS[str(word.value)])
        if word[:2] == (Kind.SIGN, "("):
            part = self._deeper(self._or)
            self._expect(Kind.SIGN, ")")
            return part
        raise self._unexpected(word)


_CONSTANTS: Mapping[str, ev.Value] = {"TRUE": True, "FALSE": False, "NULL": None}
_AFTER_NOT: Mapping[str, Callable[[_Parser, Part, str, bool], Part]] = {
    "BETWEEN": _Parser._between,
    "IN": _Parser._in,
    **dict.fromkeys(_HOLDING, _Parser._holding),
}


# What parts make, and what cannot be made of them


def _truth(part: Part) -> ev.Evaluate:
    if part.sort is Sort.TRUTH or isinstance(part.value, bool):
        return part.evaluate
    if part.sort is Sort.PROPERTY or (part.sort is Sort.CONSTANT and part.value is None):
        return texts.truth(part.evaluate)
    raise Invalid("a condition is needed, not a value")


def _inverted(part: Part) -> Part:
    return Part(Sort.TRUTH, ev.inverted(_truth(part)))


def _equal(left: Part, right: Part) -> Part:
    constants = [part for part in (left, right) if part.sort is Sort.CONSTANT]
    if any(part.value is None for part in constants):
        raise Invalid("NULL cannot be compared: IS NULL asks for it")
    is_odd = isinstance(left.value, bool) and not isinstance(right.value, bool)
    if len(constants) == 2 and is_odd:
        raise Invalid("a truth cannot be compared with something else")
    return Part(Sort.TRUTH, texts.equal(left.evaluate, right.evaluate))


def _ordered(sign: str, left: Part, right: Part) -> Part:
    for part in (left, right):
        is_constant = part.sort is Sort.CONSTANT and not ev.is_number(part.value)
        if is_constant or part.sort is Sort.TRUTH:
            raise Invalid(f"only numbers can be compared by {sign}")
    return Part(Sort.TRUTH, texts.ordered(sign, left.evaluate, right.evaluate))


def _check_ends(least: Part, most: Part) -> None:
    """Refuse what nothing can be between."""
    if least.sort is not Sort.CONSTANT or most.sort is not Sort.CONSTANT:
        return
    low, high = least.value, most.value
    if ev.is_number(low) and ev.is_number(high) and low > high:  # type: ignore[operator]
        raise Invalid(f"nothing is between {low} and {high}")


def _constant(value: ev.Value) -> Part:
    return Part(Sort.CONSTANT, ev.constant(value), value)


# Words


def _words(text: str) -> Iterator[Word]:
    at = 0
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            raise Invalid(f"a condition cannot be read from {text[at : at + 20]!r} on (at {at})")
        if found.lastgroup != "space":
            yield _word(str(found.lastgroup), found.group(), at)
        at = found.end()
    yield Word(Kind.END, "its end", at)


def _word(group: str, said: str, at: int) -> Word:
    if group in ("float", "number"):
        return Word(Kind.NUMBER, _number(group, said), at)
    return word_of(group, said, at, KEYWORDS)


def _number(group: str, said: str) -> float:
    if len(said) > DIGITS_MAX:
        raise Invalid(f"a number in a condition has at most {DIGITS_MAX} digits")
    number = float(said) if group == "float" else int(said.rstrip("lL"))
    if number == float("inf") or (group == "number" and number >= _LONG):
        raise Invalid(f"{said[:40]} is too large a number")
    return number
