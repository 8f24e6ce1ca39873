"""Like: SQL's patterns (`%` anything, `_` one letter), in time that grows with the text only.

A pattern is parts between its `%`: the first begins the text, the last ends it, and each of the
others is where it is found first. So nothing is ever tried twice.
"""

from collections.abc import Callable, Sequence
from functools import partial

from anymq.core.errors import Invalid

Part = Sequence[str | None]  # letters; None: any one
Find = Callable[[str, int, int], int]


def like(pattern: str, escape: str | None = None) -> Callable[[str], bool]:
    """Return what says whether a text is like this."""
    parts = _parts(pattern, escape)
    if len(parts) == 1:
        return partial(_is_all, parts[0])
    first, *middle, last = parts
    finds = [(_finder(part), len(part)) for part in middle if part]
    return partial(_is_like, first, finds, last)


def _parts(pattern: str, escape: str | None) -> list[list[str | None]]:
    parts: list[list[str | None]] = [[]]
    letters = iter(pattern)
    for letter in letters:
        if letter == escape:
            meant = next(letters, None)
            if meant is None:
                raise Invalid("a pattern of LIKE ends with its ESCAPE")
            parts[-1].append(meant)
        elif letter == "%":
            parts.append([])
        else:
            parts[-1].append(None if letter == "_" else letter)
    return parts


def _is_all(part: Part, text: str) -> bool:
    return len(text) == len(part) and _fits(part, text, 0)


def _is_like(first: Part, finds: Sequence[tuple[Find, int]], last: Part, text: str) -> bool:
    at, end = len(first), len(text) - len(last)
    if at > end or not _fits(first, text, 0) or not _fits(last, text, end):
        return False
    for find, size in finds:
        found = find(text, at, end)
        if found < 0:
            return False
        at = found + size
    return True


def _fits(part: Part, text: str, at: int) -> bool:
    return all(one is None or one == text[at + i] for i, one in enumerate(part))


def _finder(part: Part) -> Find:
    if None not in part:
        plain = "".join(one for one in part if one is not None)
        return lambda text, at, end: text.find(plain, at, end)
    return partial(_find, _masks(part), 1 << (len(part) - 1), len(part))


def _masks(part: Part) -> tuple[dict[str, int], int]:
    """Return for each letter the places where it may be, as bits; and for all others."""
    others = sum(1 << i for i, one in enumerate(part) if one is None)
    masks = dict.fromkeys((one for one in part if one is not None), others)
    for i, one in enumerate(part):
        if one is not None:
            masks[one] |= 1 << i
    return masks, others


def _find(
    masks: tuple[dict[str, int], int], whole: int, size: int, text: str, at: int, end: int
) -> int:
    """Find a part with `_` in it: all beginnings at once, a bit for each (shift-and)."""
    by_letter, others = masks
    begun = 0
    for i in range(at, end):
        begun = (begun << 1 | 1) & by_letter.get(text[i], others)
        if begun & whole:
            return i - size + 1
    return -1
