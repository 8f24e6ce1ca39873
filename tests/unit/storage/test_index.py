"""The sparse index leads to where walking begins, by offset and by time."""

from contextlib import suppress
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.storage import index as indexes
from anymq.storage.index import NO_TIMESTAMP, Extent, Index
from anymq.storage.small_files import Damaged

rows = st.lists(
    st.tuples(st.integers(1, 50), st.integers(1, 5000), st.integers(0, 100)), min_size=1
)


def made_of(steps: list[tuple[int, int, int]]) -> tuple[Index, list[tuple[int, int, int]]]:
    """An index of batches given as (offsets, bytes, timestamp), and its rows."""
    offsets = [0, *accumulate(step[0] for step in steps)]
    positions = [0, *accumulate(step[1] for step in steps)]
    newest = [NO_TIMESTAMP, *accumulate((step[2] for step in steps), max)]
    expected = list(zip(offsets, positions, newest, strict=True))[:-1]
    index = Index()
    for row in expected:
        index.add(*row)
    return index, expected


@given(rows, st.integers(0, 3000))
def test_floor_is_the_last_row_not_above(steps: list[tuple[int, int, int]], offset: int) -> None:
    index, expected = made_of(steps)
    assert index.floor(offset) == [row[:2] for row in expected if row[0] <= offset][-1]


@given(rows, st.integers(0, 101))
def test_before_skips_only_what_is_older(steps: list[tuple[int, int, int]], timestamp: int) -> None:
    index, expected = made_of(steps)
    position = index.before(timestamp)
    skipped = [step for step, row in zip(steps, expected, strict=True) if row[1] < position]
    assert all(step[2] < timestamp for step in skipped)
    assert position == max((row[1] for row in expected if row[2] < timestamp), default=0)


@given(rows, st.integers(0, 20_000))
def test_cut_and_below(steps: list[tuple[int, int, int]], position: int) -> None:
    index, expected = made_of(steps)
    kept = [row for row in expected if row[1] < position]
    assert index.below(position) == (kept[-1][1:] if kept else (0, NO_TIMESTAMP))
    index.cut(position)
    assert len(index) == len(kept)


@given(rows)
def test_written_and_read(steps: list[tuple[int, int, int]]) -> None:
    index, expected = made_of(steps)
    extent = Extent(1, 2, 3, False)
    again, other = indexes.decode(index.encode(extent))[::-1]
    assert other == extent
    assert again.encode(extent) == index.encode(extent)
    assert len(again) == len(expected)


@given(st.binary(max_size=200))
def test_anything_else_is_damaged_or_an_index(content: bytes) -> None:
    with suppress(Damaged):
        indexes.decode(content)


def test_empty() -> None:
    index = Index()
    assert index.floor(5) == (-1, 0)
    assert index.before(5) == 0
    with pytest.raises(Damaged):
        indexes.decode(b"")
