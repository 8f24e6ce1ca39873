"""Settled against a plain set: what a queue has done with, and what it still needs."""

from hypothesis import given
from hypothesis import strategies as st

from anymq.core.queues.settled import Settled

SIZE = 5000
ranges = st.tuples(st.integers(0, SIZE), st.integers(0, 2500))
some = st.lists(st.integers(0, SIZE), max_size=200)
steps = st.lists(st.one_of(ranges, some), max_size=12)


def made(asked: list[tuple[int, int] | list[int]]) -> tuple[Settled, set[int]]:
    settled, model = Settled(), set[int]()
    for one in asked:
        if isinstance(one, tuple):
            first, count = one
            settled.add_range(first, first + count)
            model |= set(range(first, first + count))
        else:
            settled.add(one)
            model |= set(one)
    return settled, model


@given(steps, st.integers(0, SIZE), st.integers(0, SIZE))
def test_it_says_what_a_set_says(
    asked: list[tuple[int, int] | list[int]], first: int, size: int
) -> None:
    settled, model = made(asked)
    end = first + size
    unsettled = [p for p in range(first, end) if p not in model]
    assert settled.low == next(p for p in range(10**6) if p not in model)
    assert settled.end == max(model, default=-1) + 1
    assert settled.count(first, end) == size - len(unsettled)
    assert [p for a, b in settled.unsettled_runs(first, end) for p in range(a, b)] == unsettled
    assert settled.next_unsettled(first) == next(p for p in range(first, 10**6) if p not in model)
    assert all((p in settled) == (p in model) for p in range(first, end, 7))


@given(steps)
def test_what_was_written_down_is_read_back(asked: list[tuple[int, int] | list[int]]) -> None:
    settled, _ = made(asked)
    again = Settled.decode(settled.encode())
    assert (again.low, again.end) == (settled.low, settled.end)
    assert again.unsettled_runs(0, 8000) == settled.unsettled_runs(0, 8000)


def test_runs_are_as_long_as_can_be() -> None:
    """The upkeep of a log compares few runs, not single positions."""
    settled = Settled()
    settled.add_range(3000, 4000)
    assert settled.unsettled_runs(0, 10_000) == ((0, 3000), (4000, 10_000))


def test_ten_million_acked_from_the_far_end_cost_little_to_write_down() -> None:
    settled = Settled()
    settled.add_range(1, 10_000_000)
    assert settled.low == 0
    assert settled.count(0, 10_000_000) == 9_999_999
    assert len(settled.encode()) < 500
    settled.add([0])
    assert settled.low == 10_000_000
    assert len(settled.encode()) < 10
