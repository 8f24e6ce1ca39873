"""Filters: which messages a subscription wants, asked at every pull, POP and stream of gRPC.

By tag (`*`, `A || B`) or by SQL92. What a message says is asked as our form has it, and taken apart
no further than the question needs.
"""

from collections.abc import Callable
from dataclasses import dataclass

from anymq.protocols.rocketmq.form import SHORT_BYTES, V6_BYTES
from anymq.protocols.rocketmq.layout import BORN_V6, property_of

TAG, SQL92 = "TAG", "SQL92"
ALL = "*"

Passes = Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class Filter:
    """What one subscription wants; `passes` None: everything."""

    kind: str
    expression: str
    passes: Passes | None = None


EVERYTHING = Filter(TAG, ALL)


def tags(expression: str) -> Filter:
    """Return a filter by tag: `*` or nothing are all, `A || B` are those that have one of these."""
    wanted = frozenset(
        tag.encode(errors="surrogateescape")
        for tag in (one.strip() for one in expression.split("||"))
        if tag
    )
    if not wanted or expression.strip() == ALL:
        return Filter(TAG, ALL)
    return Filter(TAG, expression, lambda form: _tag_of(form) in wanted)


def _tag_of(form: bytes) -> bytes | None:
    start = SHORT_BYTES + V6_BYTES if form[7] & BORN_V6 else SHORT_BYTES
    return property_of(form[start:], b"TAGS")
