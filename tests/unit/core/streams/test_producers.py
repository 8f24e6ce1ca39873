"""Idempotent producers, one partition at a time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.core.streams import producers as module
from anymq.core.streams.errors import InvalidProducerEpoch, OutOfOrderSequence
from anymq.core.streams.producers import Producers
from anymq.storage.batch import CONTROL, BatchHeader

LAST = 2**31 - 1


def header(
    sequence: int,
    count: int = 1,
    *,
    epoch: int = 0,
    producer: int = 1,
    offset: int = 0,
    time: int = 0,
    attributes: int = 0,
) -> BatchHeader:
    return BatchHeader(
        offset, 49, 0, 2, 0, attributes, count - 1, time, time, producer, epoch, sequence, count
    )


def wrote(*sequences: tuple[int, int], epoch: int = 0) -> Producers:
    """Return what is known after batches of (first sequence, count), at offsets 0, 10, 20…"""
    known = Producers()
    for number, (sequence, count) in enumerate(sequences):
        known.add(header(sequence, count, epoch=epoch), 10 * number, 0)
    return known


def test_an_unknown_producer_may_begin_anywhere() -> None:
    """Retention or expiry may have taken what it wrote before."""
    assert Producers().duplicate_of(header(77)) is None


def test_the_next_number_is_new() -> None:
    assert wrote((0, 3)).duplicate_of(header(3)) is None


def test_the_last_five_batches_are_known_again() -> None:
    known = wrote((0, 1), (1, 2), (3, 1), (4, 1), (5, 1), (6, 1))
    assert [
        known.duplicate_of(header(*batch)) for batch in ((1, 2), (3, 1), (4, 1), (5, 1), (6, 1))
    ] == [10, 20, 30, 40, 50]
    with pytest.raises(OutOfOrderSequence):
        known.duplicate_of(header(0))


@pytest.mark.parametrize("batch", [(4, 1), (1, 1), (0, 2), (0, 4), (2, 1)])
def test_neither_next_nor_known(batch: tuple[int, int]) -> None:
    with pytest.raises(OutOfOrderSequence):
        wrote((0, 3)).duplicate_of(header(*batch))


def test_after_the_last_number_comes_0() -> None:
    known = wrote((LAST - 1, 2))
    assert known.duplicate_of(header(0)) is None
    assert known.duplicate_of(header(LAST - 1, 2)) == 0


def test_a_batch_may_reach_over_the_last_number() -> None:
    known = wrote((LAST, 3))
    assert known.duplicate_of(header(2)) is None
    assert known.duplicate_of(header(LAST, 3)) == 0
    with pytest.raises(OutOfOrderSequence):
        known.duplicate_of(header(3))


def test_a_new_epoch_begins_with_0() -> None:
    known = wrote((0, 3))
    with pytest.raises(OutOfOrderSequence):
        known.duplicate_of(header(3, epoch=1))
    assert known.duplicate_of(header(0, epoch=1)) is None
    known.add(header(0, epoch=1), 50, 0)
    assert known.duplicate_of(header(0, epoch=1)) == 50
    with pytest.raises(InvalidProducerEpoch):
        known.duplicate_of(header(3))


def test_a_marker_may_bring_a_new_epoch() -> None:
    """The end of a transaction, as KIP-890 writes it: fences who wrote before."""
    known = Producers()
    known.replay([header(0, 2), header(-1, epoch=1, attributes=CONTROL, offset=2)])
    with pytest.raises(InvalidProducerEpoch):
        known.duplicate_of(header(2))
    assert known.duplicate_of(header(0, epoch=1)) is None


def test_expiry_counts_from_the_last_batch() -> None:
    known = Producers()
    known.add(header(0, producer=1), 0, 100)
    known.add(header(0, producer=2), 1, 200)
    known.expire(200)
    assert list(known.all) == [2]


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes a new id for each record must not fill the memory."""
    monkeypatch.setattr(module, "PRODUCERS_MAX", 20)
    known = Producers()
    for number in range(100):
        known.add(header(0, producer=number), number, number)
        assert len(known) <= 20
    assert 99 in known.all
    assert 0 not in known.all


BATCHES = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.booleans()), max_size=30)


def played(batches: list[tuple[int, int, bool]]) -> list[BatchHeader]:
    """Return the headers of a log to which these producers wrote (id, count, new epoch?)."""
    sequences: dict[int, tuple[int, int]] = {}
    headers, offset = [], 0
    for producer, count, fresh in batches:
        epoch, sequence = sequences.get(producer, (0, LAST - 3))
        if fresh:
            epoch, sequence = epoch + 1, 0
        headers.append(
            header(sequence, count, epoch=epoch, producer=producer, offset=offset, time=offset)
        )
        sequences[producer] = epoch, (sequence + count) & LAST
        offset += count
    return headers


@given(BATCHES, st.integers(0, 30))
def test_a_snapshot_and_the_rest_of_the_log_are_as_good_as_the_whole_log(
    batches: list[tuple[int, int, bool]], cut: int
) -> None:
    """Whatever a restart finds, it knows what was known."""
    headers = played(batches)
    before, whole = Producers(), Producers()
    before.replay(headers[:cut])
    whole.replay(headers)

    restored = Producers.restore(before.snapshot())

    assert restored is not None
    restored.replay(headers[cut:])
    assert restored.all == whole.all


@given(st.binary(max_size=80))
def test_any_bytes_are_a_snapshot_or_none(data: bytes) -> None:
    """A damaged one costs reading the log, never a crash."""
    Producers.restore(data)


def test_nothing_known_takes_no_bytes() -> None:
    """Most logs have no idempotent producer: nothing is kept beside them, nothing read again."""
    assert Producers().snapshot() == b""
    restored = Producers.restore(b"")
    assert restored is not None
    assert len(restored) == 0


def test_a_snapshot_of_another_version_is_not_read() -> None:
    assert Producers.restore(b"\2" + wrote((0, 1)).snapshot()[1:]) is None
