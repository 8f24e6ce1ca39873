"""Messages as records: what was written is read back, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.queues.line_room import FORM, run_of

from anymq.core.message import Envelope, Message, Run
from anymq.core.queues import stored
from anymq.core.queues.stored import Reader
from anymq.storage import records
from anymq.storage.batch import check
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.records import Record

NAMES = st.text(max_size=40) | st.binary(max_size=10).map(
    lambda name: name.decode("utf-8", "surrogateescape")
)
ENVELOPES = st.builds(lambda exchange, key: Envelope(exchange, key, FORM), NAMES, NAMES)
MESSAGES = st.lists(
    st.tuples(st.binary(max_size=20), st.binary(max_size=300), st.integers(0, 2**41)),
    min_size=1,
    max_size=150,
)


def plain(messages: list[tuple[int, Message]]) -> list[tuple[object, ...]]:
    return [
        (at, m.envelope.exchange, m.envelope.routing_key, m.properties, m.body, m.timestamp_ms)
        for at, m in messages
    ]


@given(ENVELOPES, MESSAGES, st.booleans(), st.integers(0, 200))
def test_a_run_is_read_back(
    envelope: Envelope, parts: list[tuple[bytes, bytes, int]], alike: bool, position: int
) -> None:
    if alike:
        parts = [(parts[0][0], body, parts[0][2]) for _, body, _ in parts]
    messages = [Message(envelope, *one) for one in parts]
    batch, header = stored.encode_run(Run(messages, persistent=True))
    assert check(batch) == header
    assert stored.size_of(header) == sum(len(body) for _, body, _ in parts)
    found, end = Reader({1: FORM}).read(batch + batch[:-1], position)
    assert end == len(messages)
    assert plain(found) == plain(list(enumerate(messages)))[position:]


@pytest.mark.parametrize(
    "sizes", [(200_000,), (0, 200_000), (200_000, 10, 70_000), (65_536, 65_537)]
)
def test_large_bodies_are_read_back(sizes: tuple[int, ...]) -> None:
    envelope = Envelope("x", "key", FORM)
    messages = [Message(envelope, b"p%d" % n, b"b" * n, n) for n in sizes]
    batch, header = stored.encode_run(Run(messages, persistent=True))
    assert check(batch) == header
    assert len(batch) == header.length + 12
    found, _ = Reader({1: FORM}).read(batch, 0)
    assert plain(found) == plain(list(enumerate(messages)))


@given(ENVELOPES, ENVELOPES, st.lists(st.integers(1, 2000), min_size=1, max_size=20))
def test_positions_may_be_missing(one: Envelope, other: Envelope, steps: list[int]) -> None:
    at, messages = 1000, []
    for i, step in enumerate(steps):
        at += step
        messages.append((at, Message((one, other)[i % 2], b"%d" % i, b"body", 5 - i)))
    batch, _ = stored.encode(messages, 1000)
    found, end = Reader({1: FORM}).read((1000).to_bytes(8) + batch[8:], 0)
    assert plain(found) == plain(messages)
    assert end == at + 1


def test_a_gap_has_no_records() -> None:
    batch, header = stored.encode_gap(500)
    assert check(batch) == header
    assert Reader({1: FORM}).read(batch, 0) == ([], 500)


def test_a_form_that_nobody_knows_is_of_a_newer_version() -> None:
    batch, _ = stored.encode_run(run_of(b"a"))
    with pytest.raises(UnknownVersion):
        Reader({2: FORM}).read(batch, 0)


def test_a_record_that_is_no_message_is_damage() -> None:
    batch = records.build([Record(b"value", b"key")])
    with pytest.raises(CorruptBatch):
        Reader({1: FORM}).read(batch, 0)
