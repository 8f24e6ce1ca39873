"""Conditions: what is said of one value, of a header or at a place within JSON."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from anymq.core.errors import Invalid

PATH_MAX = 1000
STEPS_MAX = 32
ELEMENTS_MAX = 100_000  # of lists in one message that one condition looks at, some milliseconds
ANY = object()  # any element of a list

Step = Any  # a name, an index, or ANY
Test = Callable[[Any, Any], bool]

_STEP = re.compile(r'\.?(?:"((?:[^"\\]|\\.)*)"|([^.\[\]"]+)|\[(\d{1,9}|\*)\])')


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list) and any(equal(one, wanted) for one in value)


def _starts(value: Any, wanted: Any) -> bool:
    return isinstance(value, str) and isinstance(wanted, str) and value.startswith(wanted)


def equal(value: Any, wanted: Any) -> bool:
    """Are they the same, and of one kind? True is not 1."""
    return isinstance(value, bool) == isinstance(wanted, bool) and bool(value == wanted)


def _ordered(compare: Callable[[Any, Any], bool]) -> Test:
    def test(value: Any, wanted: Any) -> bool:
        if type(value) is type(wanted) is not bool or (_is_number(value) and _is_number(wanted)):
            try:
                return compare(value, wanted)
            except TypeError:  # lists of this and that
                return False
        return False

    return test


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


TESTS: Mapping[str, Test] = {
    "=": equal,
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "contains": _contains,
    "starts": _starts,
    "exists": lambda value, wanted: True,
}
# These hold if the other holds for no value; `!=` needs a value that is there.
NONE_OF = {"!=": "=", "missing": "exists"}
OPERATORS = (*TESTS, *NONE_OF)


class Condition:
    """One of them. There may be several values (`[*]`): one that fits is enough."""

    __slots__ = ("_none", "_one", "_test", "op", "steps", "wanted")

    def __init__(self, steps: Sequence[Step], said: Mapping[str, Any]) -> None:
        self.op = said.get("op", "=")
        if not isinstance(self.op, str) or self.op not in OPERATORS:
            raise Invalid(f"op is one of {' '.join(OPERATORS)}")
        if "value" not in said and self.op not in ("exists", "missing"):
            raise Invalid(f"a condition with {self.op} needs a value")
        self.steps = steps
        self.wanted = said.get("value")
        self._none = self.op in NONE_OF
        self._one = ANY not in steps
        self._test = TESTS[NONE_OF.get(self.op, self.op)]

    def holds(self, root: Any) -> bool:
        """Does it hold for what is at its place below this?"""
        values = _found_one(root, self.steps) if self._one else list(_found(root, self.steps))
        if not self._none:
            wanted, test = self.wanted, self._test
            return any(test(value, wanted) for value in values)
        if self.op == "!=" and not values:
            return False
        return not any(self._test(value, self.wanted) for value in values)


def _found_one(value: Any, steps: Sequence[Step]) -> tuple[Any, ...]:
    """As below, where there is one way to go."""
    for step in steps:
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return ()
        elif not isinstance(value, list) or step >= len(value):
            return ()
        value = value[step]
    return (value.decode(errors="replace") if isinstance(value, bytes) else value,)


def _found(root: Any, steps: Sequence[Step]) -> Iterator[Any]:
    """Yield what is there, step by step: all that is at one depth, then what is below it."""
    there: list[Any] = [root]
    left = ELEMENTS_MAX
    for step in steps:
        if isinstance(step, str):
            there = [one[step] for one in there if isinstance(one, dict) and step in one]
        elif step is ANY:
            every = (each for one in there if isinstance(one, list) for each in one)
            there = list(islice(every, left))
            left -= len(there)
        else:
            there = [one[step] for one in there if isinstance(one, list) and step < len(one)]
    for value in there:
        yield value.decode(errors="replace") if isinstance(value, bytes) else value


def steps_of(path: object) -> tuple[Step, ...]:
    """Read a path: `order.items[0].sku`, `$."a.b"[*]`. Invalid: it is none."""
    if not isinstance(path, str) or len(path) > PATH_MAX:
        raise Invalid("path is a text like order.items[0].sku")
    steps: list[Step] = []
    at = 1 if path.startswith("$") else 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None or len(steps) >= STEPS_MAX:
            raise Invalid(f"{path!r} is no path: it is like order.items[0].sku")
        steps.append(_step(*found.groups()))
        at = found.end()
    return tuple(steps)


def _step(quoted: str | None, name: str | None, index: str | None) -> Step:
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted)
    if name is not None:
        return name
    return ANY if index == "*" else int(index or 0)
