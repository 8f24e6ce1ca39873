"""Due: a sorted list of pairs, as a model says."""

from itertools import takewhile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anymq.core.queues import due as module
from anymq.core.queues.due import Due

entries = st.tuples(st.integers(0, 20), st.integers(0, 20))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["add", "add", "remove"]), entries), max_size=60), entries
)
def test_it_is_a_sorted_list(steps: list[tuple[str, tuple[int, int]]], at: tuple[int, int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", 4)
        due, model = Due(), set()
        for verb, entry in steps:
            if verb == "remove":
                assert due.remove(*entry) == (entry in model)
                model.discard(entry)
            elif entry not in model:
                due.add(*entry)
                model.add(entry)
            assert len(due) == len(model)
            assert due.first() == min(model, default=None)
            assert list(due) == sorted(model)
        assert list(due.after(at)) == sorted(one for one in model if one > at)
        assert list(Due.decode(due.encode())) == sorted(model)


@settings(max_examples=300, deadline=None)
@given(st.sets(entries, max_size=40), st.integers(0, 21), st.integers(0, 21), st.integers(0, 40))
def test_the_first_ones_are_taken(
    there: set[tuple[int, int]], now: int, end: int, count: int
) -> None:
    """Those that are due, in order, as far as the first that the disk does not have."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", 4)
        due = Due()
        for entry in there:
            due.add(*entry)
        wanted = list(takewhile(lambda e: e[0] <= now and e[1] < end, sorted(there)))[:count]
        assert due.take(now, end, count) == wanted
        rest = sorted(there - set(wanted))
        assert (list(due), len(due), due.first()) == (rest, len(rest), min(rest, default=None))
        for entry in wanted:
            due.add(*entry)
        assert list(due) == sorted(there)


def test_what_is_damaged_is_told() -> None:
    with pytest.raises(ValueError, match="missing"):
        Due.decode(bytes(24))
