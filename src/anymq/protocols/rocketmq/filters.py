"""Filters: which messages a subscription wants, asked at every pull, POP and stream of gRPC.

By tag (`*`, `A || B`) or by SQL92. What a message says is asked as our form has it, and taken apart
no further than the question needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from anymq.core.errors import Invalid
from anymq.core.selectors.sql92 import Sql92
from anymq.protocols.rocketmq.form import SHORT_BYTES, V6_BYTES
from anymq.protocols.rocketmq.layout import BORN_V6, property_of, read_properties

TAG, SQL92 = "TAG", "SQL92"
ALL = "*"
REMEMBERED_MAX = 1000  # filters understood: clients say theirs at every pull

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


def sql(expression: str) -> Filter:
    """Return a filter by a condition over all properties. Invalid: it is none."""
    condition = Sql92(expression)
    return Filter(
        SQL92, expression, lambda form: condition.holds(read_properties(form[_start(form) :]))
    )


@lru_cache(REMEMBERED_MAX)
def filter_of(kind: str | None, expression: str | None) -> Filter:
    """Return what a subscription means. Invalid: nothing that we know. Asked at every pull."""
    if not kind or kind == TAG:
        return tags(expression or ALL)
    if kind != SQL92:
        raise Invalid(f"a filter is {TAG} or {SQL92}, not {kind[:40]!r}")
    return sql(expression or "")


def _tag_of(form: bytes) -> bytes | None:
    return property_of(form[_start(form) :], b"TAGS")


def _start(form: bytes) -> int:
    """Return where the properties begin."""
    return SHORT_BYTES + V6_BYTES if form[7] & BORN_V6 else SHORT_BYTES
