"""From the bytes of a fetch to what a consumer may see."""

import pytest

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.batches import CommittedOnly, records_of, split
from anymq.storage.batch import CONTROL, TRANSACTIONAL
from anymq.storage.records import Record, build

ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"


def batch(offset: int, *values: bytes, producer: int = -1, attributes: int = 0) -> bytes:
    return build(
        [Record(value) for value in values],
        base_offset=offset,
        producer_id=producer,
        attributes=attributes,
    )


def marker(offset: int, kind: bytes, producer: int) -> bytes:
    return build(
        [Record(b"", kind)],
        base_offset=offset,
        producer_id=producer,
        attributes=CONTROL | TRANSACTIONAL,
    )


def test_a_batch_that_is_cut_off_waits_for_the_next_fetch() -> None:
    whole, cut = batch(0, b"a", b"b"), batch(2, b"c")[:-1]

    assert [header.base_offset for header, _ in split(whole + cut)] == [0]


def test_records_before_the_position_are_left_out() -> None:
    ((header, data),) = split(batch(10, b"a", b"b", b"c"))

    assert [record.value for record in records_of(header, data, 11)] == [b"b", b"c"]


def test_markers_of_transactions_are_no_records() -> None:
    ((header, data),) = split(marker(5, COMMIT, 7))

    assert records_of(header, data, 0) == []


def test_damage_is_said_with_its_offset() -> None:
    damaged = bytearray(batch(10, b"hello"))
    damaged[-2] ^= 1
    ((header, data),) = split(damaged)

    with pytest.raises(CommandFailed, match="offset 10"):
        records_of(header, data, 0)


def test_messages_of_before_2017_are_refused() -> None:
    old = bytearray(batch(0, b"a"))
    old[16] = 1

    with pytest.raises(CommandFailed, match="magic 1"):
        list(split(old))


def test_what_transactions_took_back_is_left_out() -> None:
    """Two producers write in turns; number 7 aborts once, and then commits."""
    log = b"".join(
        (
            batch(0, b"7 aborted", producer=7, attributes=TRANSACTIONAL),
            batch(1, b"8 kept", producer=8, attributes=TRANSACTIONAL),
            batch(2, b"plain"),
            marker(3, ABORT, 7),
            batch(4, b"7 kept", producer=7, attributes=TRANSACTIONAL),
            marker(5, COMMIT, 7),
            marker(6, COMMIT, 8),
        )
    )
    filtering = CommittedOnly([(7, 0)])

    seen = [
        record.value
        for header, data in split(log)
        if filtering.keeps(header, data)
        for record in records_of(header, data, 0)
    ]
    assert seen == [b"8 kept", b"plain", b"7 kept"]
