"""Weighing: how much memory a broker's objects take, by who holds them."""

import sys
from collections import Counter
from collections.abc import Iterable
from gc import get_referents
from types import FrameType, FunctionType, GeneratorType, ModuleType

OURS = "anymq."
TESTS = ("tests.", "anymq.testing.")
Weights = Counter[str]


def weigh(roots: Iterable[object]) -> Weights:
    """Return the bytes of what these hold, of modules and classes, and of what that holds.

    Each kind of object of ours has what it holds of other people's kinds: lists, numbers, texts.
    """
    weights: Weights = Counter()
    seen: set[int] = set()
    left = [(root, "") for root in (*roots, *_globals())]
    while left:
        one, owner = left.pop()
        if id(one) in seen or _is_elsewhere(one):
            continue
        seen.add(id(one))
        kind = type(one)
        name = f"{kind.__module__}.{kind.__qualname__}"
        owner = name if name.startswith(OURS) else owner
        weights[owner] += sys.getsizeof(one)
        left += [(each, owner) for each in _held_by(one)]
    return weights


def _globals() -> list[object]:
    modules = [one for name, one in sys.modules.items() if name.startswith(OURS)]
    return [value for module in modules for value in vars(module).values()]


def _is_elsewhere(one: object) -> bool:
    if isinstance(one, type):
        return not one.__module__.startswith(OURS)
    kind = type(one)
    is_test = kind.__module__.startswith(TESTS)
    return is_test or isinstance(one, ModuleType | FrameType | GeneratorType)


def _held_by(one: object) -> list[object]:
    if isinstance(one, FunctionType):  # not what it finds by name: that is everything
        return [one.__closure__, one.__defaults__, one.__kwdefaults__]
    return list(vars(one).values()) if isinstance(one, type) else get_referents(one)
