"""Texts: comparing what is always text with what a selector says, as RocketMQ does.

A text becomes what it is compared with: a whole number, a fraction, a truth. One that cannot makes
the whole selector undecided (`Undecided`): then the message is not meant, whatever the rest says.
"""

import operator
import re
from collections.abc import Callable, Mapping

from anymq.core.selectors.evaluating import Evaluate, Says, Truth, Value, is_number

INT_BITS, LONG_BITS = 31, 63
NUMBER_LETTERS_MAX = 400  # Python takes long over very many digits
_WHOLE = re.compile(r"[+-]?[0-9]+")
_FRACTION = re.compile(r"[+-]?(?:NaN|Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")

_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Undecided(Exception):
    """Two values that cannot be compared."""


def equal(left: Evaluate, right: Evaluate) -> Evaluate:
    """`=`: nothing is equal to nothing, unknown to anything, and nothing else is equal to it."""

    def evaluate(says: Says) -> Truth:
        a, b = left(says), right(says)
        if a is None or b is None:
            return a is b or (None if a is None else False)
        if type(a) is type(b):
            return a == b
        return _same(a, b)

    return evaluate


def ordered(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """Two values, by one of < <= > >=; two texts are two numbers."""
    order = _ORDERS[sign]

    def evaluate(says: Says) -> Truth:
        a = left(says)
        b = None if a is None else right(says)
        if a is None or b is None:
            return None
        if isinstance(a, str) and isinstance(b, str):
            return order(_fraction(a), _fraction(b))
        if isinstance(a, bool) or isinstance(b, bool):
            return _ordered_truths(order, a, b)
        a, b = _alike(a, b)
        return order(a, b)

    return evaluate


def negative(value: Evaluate) -> Evaluate:
    """A `-` before a number; a text is none, even if it looks so."""

    def evaluate(says: Says) -> Value:
        it = value(says)
        return -it if is_number(it) else None  # type: ignore[operator]

    return evaluate


def among(value: Evaluate, wanted: frozenset[str], *, inverted: bool) -> Evaluate:
    """[NOT] IN: one of these texts."""

    def evaluate(says: Says) -> Truth:
        it = value(says)
        return (it in wanted) is not inverted if isinstance(it, str) else None

    return evaluate


def holding(
    value: Evaluate, wanted: str, has: Callable[[str, str], bool], *, inverted: bool
) -> Evaluate:
    """[NOT] CONTAINS and the like: never unknown; what is no text, or nothing wanted, is false."""

    def evaluate(says: Says) -> Truth:
        it = value(says)
        return bool(wanted) and isinstance(it, str) and has(it, wanted) is not inverted

    return evaluate


def truth(value: Evaluate) -> Evaluate:
    """Say a property as a condition: a text never is one."""

    def evaluate(says: Says) -> Truth:
        it = value(says)
        return None if it is None else it is True

    return evaluate


def _same(a: Value, b: Value) -> bool:
    """Are two of different types the same?"""
    if isinstance(a, bool):
        if isinstance(b, str):
            raise Undecided  # the other way round it would do
        return False
    if isinstance(b, bool):
        return isinstance(a, str) and (a.lower() == "true") is b
    left, right = _alike(a, b)
    return left == right


def _ordered_truths(order: Callable[[float, float], bool], a: Value, b: Value) -> bool:
    """Compare by order where one is a truth: only found behind brackets."""
    if isinstance(a, bool) and isinstance(b, bool):
        return order(a, b)
    if isinstance(a, bool) and isinstance(b, str):
        raise Undecided
    if isinstance(b, bool) and isinstance(a, str):
        return order(a.lower() == "true", b)
    return order(-1, 0)


def _alike(a: Value, b: Value) -> tuple[float, float]:
    """Return two numbers; a text becomes one of the kind that the other is."""
    if isinstance(a, str):
        a = _number_as(b, a)
    elif isinstance(b, str):
        b = _number_as(a, b)
    assert isinstance(a, (int, float))
    assert isinstance(b, (int, float))
    return a, b


def _number_as(other: Value, text: str) -> float:
    if isinstance(other, float):
        return _fraction(text)
    assert isinstance(other, int)
    bits = INT_BITS if -(1 << INT_BITS) <= other < 1 << INT_BITS else LONG_BITS
    if len(text) > NUMBER_LETTERS_MAX or _WHOLE.fullmatch(text) is None:
        raise Undecided
    number = int(text)
    if not -(1 << bits) <= number < 1 << bits:
        raise Undecided
    return number


def _fraction(text: str) -> float:
    text = text.strip()
    if len(text) > NUMBER_LETTERS_MAX or _FRACTION.fullmatch(text) is None:
        raise Undecided
    return float(text)
