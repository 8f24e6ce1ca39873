"""Evaluating: what the parts of a selector do. Unknown is None, as SQL's NULL.

What a message does not say is unknown; so is what is made of it, unless the rest decides. Values of
different kinds are neither equal nor unequal: comparing them is false (JMS 3.8.1.1).
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

Value = str | bool | int | float | None
Truth = bool | None
LIKE_LETTERS_MAX = 8192  # of the text
INTEGER_BITS_MAX = 64  # what is larger goes on as a float


class Says(Protocol):
    """A message."""

    def get(self, name: str) -> Value:
        """Return what it says under this name; None: nothing that can be compared."""


Evaluate = Callable[[Says], Value]

_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def constant(value: Value) -> Evaluate:
    """It is always this."""
    return lambda _: value


def named(name: str) -> Evaluate:
    """It is what the message says."""
    return lambda says: says.get(name)


def named_number(name: str) -> Evaluate:
    """The same, and texts that are numbers are these (what STOMP says is all text)."""
    return lambda says: as_number(says.get(name))


def both(parts: Sequence[Evaluate]) -> Evaluate:
    """AND: false if one is, unknown if one is not known."""

    def evaluate(says: Says) -> Truth:
        known = True
        for part in parts:
            truth = part(says)
            if truth is False:
                return False
            known = known and truth is True
        return True if known else None

    return evaluate


def either(parts: Sequence[Evaluate]) -> Evaluate:
    """OR: true if one is, unknown if one is not known."""

    def evaluate(says: Says) -> Truth:
        known = True
        for part in parts:
            truth = part(says)
            if truth is True:
                return True
            known = known and truth is False
        return False if known else None

    return evaluate


def inverted(part: Evaluate) -> Evaluate:
    """NOT: what is unknown stays so."""

    def evaluate(says: Says) -> Truth:
        truth = part(says)
        return not truth if isinstance(truth, bool) else None

    return evaluate


def compared(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """Two values, by one of = <> < <= > >=."""
    if sign in _ORDERS:
        return _ordered(_ORDERS[sign], left, right)
    wanted = sign == "="

    def evaluate(says: Says) -> Truth:
        a, b = left(says), right(says)
        if a is None or b is None:
            return None
        return alike(a, b) and (a == b) is wanted

    return evaluate


def _ordered(order: Callable[[float, float], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(says: Says) -> Truth:
        a, b = left(says), right(says)
        if a is None or b is None:
            return None
        return is_number(a) and is_number(b) and order(a, b)  # type: ignore[arg-type]

    return evaluate


def between(value: Evaluate, least: Evaluate, most: Evaluate) -> Evaluate:
    """BETWEEN: both ends belong to it."""
    return both((compared(">=", value, least), compared("<=", value, most)))


def among(value: Evaluate, wanted: frozenset[str]) -> Evaluate:
    """IN: one of these texts."""

    def evaluate(says: Says) -> Truth:
        it = value(says)
        return None if it is None else it in wanted

    return evaluate


def fitting(value: Evaluate, fits: Callable[[str], bool]) -> Evaluate:
    """LIKE. What is very long is not looked through: it is unknown."""

    def evaluate(says: Says) -> Truth:
        it = value(says)
        if it is None or (isinstance(it, str) and len(it) > LIKE_LETTERS_MAX):
            return None
        return isinstance(it, str) and fits(it)

    return evaluate


def missing(value: Evaluate) -> Evaluate:
    """IS NULL."""
    return lambda says: value(says) is None


def calculated(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    """Two numbers, by one of + - * /. Anything else is unknown, as what is divided by zero."""
    calculate = _CALCULATIONS[sign]

    def evaluate(says: Says) -> Value:
        a, b = left(says), right(says)
        if not is_number(a) or not is_number(b):
            return None
        try:
            return _in_bounds(calculate(a, b))  # type: ignore[arg-type]
        except (ZeroDivisionError, OverflowError):
            return None

    return evaluate


def negated(value: Evaluate) -> Evaluate:
    """A sign before it."""
    return calculated("-", constant(0), value)


def is_number(value: Value) -> bool:
    """Is it one? True and False are none here."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def alike(a: Value, b: Value) -> bool:
    """Can they be compared?"""
    return type(a) is type(b) or (is_number(a) and is_number(b))


def as_number(value: Value) -> Value:
    """Return the number that a text is; anything else as it is."""
    if not isinstance(value, str) or len(value) > _NUMBER_LETTERS_MAX:
        return value
    try:
        return int(value) if value.lstrip("+-").isdigit() else float(value)
    except ValueError:
        return value


_NUMBER_LETTERS_MAX = 30


def _divide(a: float, b: float) -> float:
    """Integers as Java and SQL do it: towards zero."""
    if isinstance(a, int) and isinstance(b, int):
        whole = abs(a) // abs(b)
        return whole if (a < 0) == (b < 0) else -whole
    return a / b


_CALCULATIONS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
}


def _in_bounds(value: float) -> float:
    if isinstance(value, int) and value.bit_length() >= INTEGER_BITS_MAX:
        return float(value)
    return value
