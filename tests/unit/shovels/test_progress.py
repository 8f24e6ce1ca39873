"""How far a partition is: what is committed is never beyond what is safe."""

from hypothesis import given
from hypothesis import strategies as st

from anymq.shovels.kafka.progress import Progress


def test_gaps_of_compaction_and_transactions_are_passed() -> None:
    progress = Progress(10)
    progress.came(12)
    progress.pass_to(20)
    assert progress.to_commit() == 12
    assert not progress.has_news
    progress.done(12)
    assert progress.to_commit() == 20
    assert not progress.has_news


@given(st.lists(st.integers(0, 20), unique=True), st.randoms())
def test_in_whatever_order_they_are_done(offsets: list[int], chance: object) -> None:
    progress, came = Progress(0), sorted(offsets)
    for offset in came:
        progress.came(offset)
    left = set(came)
    for offset in offsets:
        progress.done(offset)
        left.discard(offset)
        assert progress.to_commit() == (min(left) if left else progress.position)
        assert progress.in_flight == len(left)
