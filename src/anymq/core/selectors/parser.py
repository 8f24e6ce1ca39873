"""Parser: the words of a selector → what evaluates it. One method for each line of the grammar.

    or         → and {OR and}                 sum     → product {(+|-) product}
    and        → not {AND not}                product → signed {(*|/) signed}
    not        → NOT not | comparison         signed  → (+|-) signed | value
    comparison → sum [sign sum | [NOT] BETWEEN sum AND sum | [NOT] IN (text, …)
                 | [NOT] LIKE text [ESCAPE text] | IS [NOT] NULL]
    value      → text | number | TRUE | FALSE | name | ( or )

What can never be true because of its kinds ('a' < 3) is refused here, not never delivered.
"""

from collections.abc import Callable, Iterable
from enum import Flag, auto
from typing import NamedTuple

from typing_extensions import override

from anymq.core.errors import Invalid
from anymq.core.selectors import evaluating as ev
from anymq.core.selectors.like import like
from anymq.core.selectors.reader import DEPTH_MAX, Reader, shown
from anymq.core.selectors.words import Kind, Word

LIKES_MAX = 20  # each looks through a whole text
_ORDERS = ("<", "<=", ">", ">=")


class Sort(Flag):
    """What a part may be."""

    TRUTH = auto()
    NUMBER = auto()
    TEXT = auto()
    ANY = TRUTH | NUMBER | TEXT


class Part(NamedTuple):
    """Some of a selector that was read."""

    sort: Sort
    evaluate: ev.Evaluate


class Parser(Reader[Part]):
    """Reads one selector."""

    called = "selector"

    def __init__(self, words: Iterable[Word], name: Callable[[str], ev.Evaluate]) -> None:
        """`name`: makes what looks a name up."""
        super().__init__(words)
        self._name = name
        self.likes = 0  # how many there are

    @override
    def _joined(self, test: ev.Evaluate) -> Part:
        return Part(Sort.TRUTH, test)

    @override
    def _factor(self) -> Part:
        """A comparison, or its opposite."""
        if not self._accept(Kind.KEYWORD, "NOT"):
            return self._comparison()
        return Part(Sort.TRUTH, ev.inverted(self._truth(self._deeper(self._factor))))

    # Comparisons

    def _comparison(self) -> Part:
        left = self._sum()
        if self._next.kind is Kind.SIGN and self._next.value in ("=", "<>", *_ORDERS):
            return Part(Sort.TRUTH, self._compared(left))
        if self._accept(Kind.KEYWORD, "IS"):
            inverted = self._accept(Kind.KEYWORD, "NOT")
            self._expect(Kind.KEYWORD, "NULL")
            return _perhaps_inverted(ev.missing(left.evaluate), inverted)
        inverted = self._accept(Kind.KEYWORD, "NOT")
        for keyword, read in _AFTER_NOT.items():
            if self._accept(Kind.KEYWORD, keyword):
                return _perhaps_inverted(read(self, left), inverted)
        if inverted:
            raise self._unexpected(self._next)
        return left

    def _compared(self, left: Part) -> ev.Evaluate:
        sign = str(self._take().value)
        right = self._sum()
        if sign in _ORDERS:
            return ev.compared(sign, self._number(left), self._number(right))
        if not left.sort & right.sort:
            raise Invalid(f"a selector compares what is never alike, by {sign}")
        return ev.compared(sign, left.evaluate, right.evaluate)

    def _between(self, value: Part) -> ev.Evaluate:
        least = self._number(self._sum())
        self._expect(Kind.KEYWORD, "AND")
        return ev.between(self._number(value), least, self._number(self._sum()))

    def _in(self, value: Part) -> ev.Evaluate:
        self._expect(Kind.SIGN, "(")
        wanted = [self._text()]
        while self._accept(Kind.SIGN, ","):
            wanted.append(self._text())
        self._expect(Kind.SIGN, ")")
        return ev.among(self._of(Sort.TEXT, value, "a text"), frozenset(wanted))

    def _like(self, value: Part) -> ev.Evaluate:
        self.likes += 1
        if self.likes > LIKES_MAX:
            raise Invalid(f"a selector has at most {LIKES_MAX} LIKEs")
        pattern, escape = self._text(), None
        if self._accept(Kind.KEYWORD, "ESCAPE"):
            escape = self._text()
            if len(escape) != 1:
                raise Invalid("the ESCAPE of a selector is one letter")
        return ev.fitting(self._of(Sort.TEXT, value, "a text"), like(pattern, escape))

    # Values

    def _sum(self) -> Part:
        return self._calculation(("+", "-"), self._product)

    def _product(self) -> Part:
        return self._calculation(("*", "/"), self._signed)

    def _calculation(self, signs: tuple[str, str], read: Callable[[], Part]) -> Part:
        part = read()
        for steps in range(DEPTH_MAX + 1):
            if self._next.kind is not Kind.SIGN or self._next.value not in signs:
                return part
            if steps == DEPTH_MAX:
                break
            sign = str(self._take().value)
            left, right = self._number(part), self._number(read())
            part = Part(Sort.NUMBER, ev.calculated(sign, left, right))
        raise Invalid(f"a selector calculates at most {DEPTH_MAX} steps in one go")

    def _signed(self) -> Part:
        if self._accept(Kind.SIGN, "-"):
            return Part(Sort.NUMBER, ev.negated(self._number(self._deeper(self._signed))))
        if self._accept(Kind.SIGN, "+"):
            return Part(Sort.NUMBER, self._number(self._deeper(self._signed)))
        return self._value()

    def _value(self) -> Part:
        word = self._take()
        if word.kind is Kind.NAME:
            return Part(Sort.ANY, self._name(str(word.value)))
        if word.kind is Kind.TEXT:
            return Part(Sort.TEXT, ev.constant(word.value))
        if word.kind is Kind.NUMBER:
            return Part(Sort.NUMBER, ev.constant(word.value))
        if word.kind is Kind.KEYWORD and word.value in ("TRUE", "FALSE"):
            return Part(Sort.TRUTH, ev.constant(word.value == "TRUE"))
        if word[:2] == (Kind.SIGN, "("):
            part = self._deeper(self._or)
            self._expect(Kind.SIGN, ")")
            return part
        raise self._unexpected(word)

    # Kinds

    @override
    def _truth(self, part: Part) -> ev.Evaluate:
        return self._of(Sort.TRUTH, part, "a condition")

    def _number(self, part: Part) -> ev.Evaluate:
        return self._of(Sort.NUMBER, part, "a number")

    def _of(self, sort: Sort, part: Part, called: str) -> ev.Evaluate:
        if not part.sort & sort:
            raise Invalid(f"a selector needs {called} before {self._shown()}")
        return part.evaluate

    # Words

    @override
    def _expect(self, kind: Kind, value: str) -> None:
        if not self._accept(kind, value):
            raise Invalid(f"a selector needs {value} before {self._shown()}")

    @override
    def _text(self) -> str:
        if self._next.kind is not Kind.TEXT:
            raise Invalid(f"a selector needs a text before {self._shown()}")
        return str(self._take().value)

    def _shown(self) -> str:
        return shown(self._next)


_AFTER_NOT: dict[str, Callable[[Parser, Part], ev.Evaluate]] = {
    "BETWEEN": Parser._between,
    "IN": Parser._in,
    "LIKE": Parser._like,
}


def _perhaps_inverted(evaluate: ev.Evaluate, inverted: bool) -> Part:
    return Part(Sort.TRUTH, ev.inverted(evaluate) if inverted else evaluate)
