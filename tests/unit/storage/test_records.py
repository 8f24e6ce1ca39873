"""Our records against those of aiokafka and kafka-python: two other readers, two other writers."""

import contextlib
from collections.abc import Callable
from struct import pack_into

import crc32c
import pytest
from aiokafka.record.default_records import DefaultRecordBatch as AiokafkaBatch
from aiokafka.record.default_records import DefaultRecordBatchBuilder as AiokafkaBuilder
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatch as KafkaBatch
from kafka.record.default_records import DefaultRecordBatchBuilder as KafkaBuilder

from anymq.storage import varints
from anymq.storage.batch import LOG_APPEND_TIME, check, read_header
from anymq.storage.compression import Compression
from anymq.storage.errors import CorruptBatch
from anymq.storage.records import (
    Record,
    build,
    build_run,
    first_at,
    has_keyless,
    iterate,
    seal,
    seal_parts,
)

names = st.text(max_size=20).map(str.encode)
blobs = st.binary(max_size=300)
header_lists = st.lists(st.tuples(names, st.none() | blobs), max_size=4).map(tuple)
times = st.integers(0, 2**42)
record_lists = st.lists(
    st.builds(Record, st.none() | blobs, st.none() | blobs, header_lists, times),
    min_size=1,
    max_size=80,
)
compressions = st.sampled_from(Compression)


def numbered(records: list[Record], base_offset: int = 0) -> list[Record]:
    return [record._replace(offset=at) for at, record in enumerate(records, base_offset)]


def theirs(batch: object) -> list[Record]:
    """What another implementation reads."""
    assert batch.validate_crc()  # type: ignore[attr-defined]
    return [
        Record(r.value, r.key, tuple((n.encode(), v) for n, v in r.headers), r.timestamp, r.offset)
        for r in batch  # type: ignore[attr-defined]
    ]


def test_varints_of_every_size_come_back() -> None:
    for bits in range(64):
        for number in {(1 << bits) - 1, -(1 << bits), (1 << bits) // 3}:
            encoded = varints.encode(number)
            assert varints.decode(b"\xff" + encoded, 1) == (number, 1 + len(encoded))
    with pytest.raises(ValueError):
        varints.decode(b"\x80" * 11, 0)


@pytest.mark.parametrize("theirs_of", [AiokafkaBatch, KafkaBatch])
@settings(max_examples=150, deadline=None)
@given(records=record_lists, compression=compressions, base_offset=st.integers(0, 2**60))
def test_others_read_what_we_write(
    theirs_of: Callable[[bytes], object],
    records: list[Record],
    compression: Compression,
    base_offset: int,
) -> None:
    batch = build(records, compression=compression, base_offset=base_offset)
    assert theirs(theirs_of(batch)) == numbered(records, base_offset)
    assert list(iterate(batch)) == numbered(records, base_offset)


@pytest.mark.parametrize("builder_of", [AiokafkaBuilder, KafkaBuilder])
@settings(max_examples=150, deadline=None)
@given(records=record_lists, compression=compressions)
def test_we_read_what_others_write(
    builder_of: Callable[..., object], records: list[Record], compression: Compression
) -> None:
    builder = builder_of(2, compression.value, True, 77, 3, 5, 2**30)
    for at, (value, key, headers, time, _offset) in enumerate(records):
        pairs = [(name.decode(), blob) for name, blob in headers]
        builder.append(at, time, key, value, pairs)  # type: ignore[attr-defined]
    batch = bytes(builder.build())  # type: ignore[attr-defined]
    header = check(batch)
    assert (header.producer_id, header.producer_epoch, header.base_sequence) == (77, 3, 5)
    assert list(iterate(batch)) == numbered(records)


@settings(deadline=None)
@given(st.lists(blobs, min_size=1, max_size=200), st.none() | blobs, header_lists, times)
def test_a_run_is_what_build_makes_of_it(
    values: list[bytes],
    key: bytes | None,
    headers: tuple[tuple[bytes, bytes | None], ...],
    now: int,
) -> None:
    records = [Record(value, key, headers, now) for value in values]
    assert build_run(values, key=key, headers=headers, timestamp=now) == build(records)


def test_long_runs_too() -> None:
    """Offset deltas take one byte more from 64 on, from 8,192 on, ..."""
    values = [b"v%d" % number for number in range(20_000)]
    batch = build_run(values, timestamp=5, headers=((b"h", b""),))
    assert batch == build([Record(value, None, ((b"h", b""),), 5) for value in values])


@pytest.mark.parametrize("attributes", [0, 1])
@pytest.mark.parametrize("size", [1, 100_000])
def test_parts_are_sealed_as_the_whole_is(size: int, attributes: int) -> None:
    parts = [b"a" * size, b"", b"b", b"c" * size]
    fields = read_header(build([Record(b"v")]))._replace(attributes=attributes)
    assert seal_parts(parts, fields) == seal(b"".join(parts), fields)


def test_nothing_is_no_batch() -> None:
    with pytest.raises(ValueError):
        build([])
    with pytest.raises(ValueError):
        build_run([], timestamp=0)


def test_first_record_not_older() -> None:
    batch = build([Record(b"", timestamp=time) for time in (10, 30, 20, 40)], base_offset=100)
    assert first_at(batch, 5) == (100, 10)
    assert first_at(batch, 15) == (101, 30)
    assert first_at(batch, 31) == (103, 40)
    assert first_at(batch, 41) is None
    assert first_at(batch, 5, start=102) == (102, 20)


def test_append_time_holds_for_every_record() -> None:
    """With LogAppendTime the broker writes one time into the header; the deltas mean nothing."""
    batch = bytearray(build([Record(b"a", timestamp=1), Record(b"b", timestamp=2)]))
    pack_into(">h", batch, 21, LOG_APPEND_TIME)
    pack_into(">q", batch, 35, 999)
    pack_into(">I", batch, 17, crc32c.crc32c(batch[21:]))
    assert [record.timestamp for record in iterate(batch)] == [999, 999]
    assert first_at(batch, 500) == (0, 999)


def test_keyless_records_are_found() -> None:
    """A compacted topic must refuse them."""
    assert not has_keyless(build([Record(b"", b""), Record(None, b"k")]))
    assert has_keyless(build([Record(b"", b"k"), Record(b"")], compression=Compression.LZ4))


@settings(max_examples=300, deadline=None)
@given(record_lists, compressions, st.data())
def test_no_damage_is_read_as_valid(
    records: list[Record], compression: Compression, data: st.DataObject
) -> None:
    """What the checksum covers cannot change unseen, and nothing but CorruptBatch comes of it."""
    batch = bytearray(build(records, compression=compression))
    at = data.draw(st.integers(17, len(batch) - 1))
    batch[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptBatch):
        list(iterate(batch))


@settings(max_examples=300, deadline=None)
@given(record_lists, compressions, st.data())
def test_nonsense_with_a_good_checksum_is_refused_or_read(
    records: list[Record], compression: Compression, data: st.DataObject
) -> None:
    """A client can send anything with the right checksum: no other exception, no hang."""
    batch = bytearray(build(records, compression=compression))
    for _ in range(data.draw(st.integers(1, 3))):
        batch[data.draw(st.integers(21, len(batch) - 1))] ^= data.draw(st.integers(1, 255))
    pack_into(">I", batch, 17, crc32c.crc32c(batch[21:]))
    for look in (lambda: list(iterate(batch)), lambda: has_keyless(batch)):
        with contextlib.suppress(CorruptBatch):
            look()


def test_a_lying_count_costs_nothing() -> None:
    batch = bytearray(build([Record(b"v")]))
    pack_into(">i", batch, 57, 2**31 - 1)
    pack_into(">I", batch, 17, crc32c.crc32c(batch[21:]))
    with pytest.raises(CorruptBatch):
        list(iterate(batch))
