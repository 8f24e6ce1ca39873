"""Patterns of ActiveMQ: `*` is one level between dots, `>` at the end is any number of them.

Artemis writes `#` for `>`.
"""

from collections.abc import Iterable, Sequence

from anymq.core.routing.trie import ANY, ONE

_REST = (">", "#")


def is_one(name: str) -> bool:
    """Does it stand for more than one name?"""
    return any(level == "*" or level in _REST for level in name.split("."))


def as_key(name: str) -> str:
    """Return it as the bindings of topic exchanges have it."""
    return ".".join(ANY if level in _REST else level for level in name.split("."))


def matches(pattern: str, name: str) -> bool:
    """Is this name meant?"""
    return _matches(as_key(pattern).split("."), name.split("."))


def _matches(wanted: Sequence[str], levels: Sequence[str]) -> bool:
    """Only the last `#` stands for several levels, so nothing has to be tried twice."""
    if wanted[-1] == ANY:
        wanted = wanted[:-1]
        levels = levels[: len(wanted)]
    return len(wanted) == len(levels) and all(
        one in (ONE, level) for one, level in zip(wanted, levels, strict=True)
    )


def matching(pattern: str, names: Iterable[str], most: int) -> list[str]:
    """Return those that are meant, not too many."""
    found = []
    for name in names:
        if matches(pattern, name):
            found.append(name)
            if len(found) == most:
                break
    return sorted(found)
