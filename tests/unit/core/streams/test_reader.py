"""Readers: record by record, whatever batches look like."""

from typing import Any

import pytest
from tests.unit.core.streams.reading import take_all, write
from tests.unit.core.world import World, append, make_batch

from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.streams.unpacked import Unpacked
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.compression import Compression
from anymq.storage.errors import CorruptBatch


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def partition(world: World) -> Partition:
    topic = world.broker.create_topic("orders", 1)
    world.commit()
    return topic.partition(0)


def test_across_batches(world: World, partition: Partition) -> None:
    write(world, partition, b"a", b"b")
    write(world, partition, b"c", compression=Compression.ZSTD)
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader, 2) == [b"a", b"b"]
    assert not reader.at_end
    assert take_all(reader) == [b"c"]
    assert reader.at_end
    write(world, partition, b"d")
    assert take_all(reader) == [b"d"]


def test_small_batches_take_room_as_well(world: World, partition: Partition) -> None:
    """A batch of one record of a few bytes costs much more than these bytes."""
    for _ in range(50):
        write(world, partition, b"a", compression=Compression.ZSTD)
    unpacked = Unpacked(10_000)
    assert take_all(Reader(partition, 0, unpacked)) == [b"a"] * 50
    there = [one for one in range(50) if unpacked.find(partition.log.id, one) is not None]
    assert there, "none is kept"
    assert len(there) < 20


def test_from_the_middle_of_a_batch(world: World, partition: Partition) -> None:
    write(world, partition, b"a", b"b", b"c")
    assert take_all(Reader(partition, 1, Unpacked())) == [b"b", b"c"]


def test_a_little_at_a_time(world: World, partition: Partition) -> None:
    """One at least, however large."""
    write(world, partition, *(b"%d" % number for number in range(10)))
    reader = Reader(partition, 0, Unpacked())
    found = [take_all(reader, bytes_max=1) for _ in range(10)]
    assert found == [[b"%d" % number] for number in range(10)]


def test_nothing_that_is_not_durable(world: World, partition: Partition) -> None:
    append(partition, make_batch(b"a"))
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader) == []
    world.commit()
    assert take_all(reader) == [b"a"]


def test_what_retention_took_is_left_out(world: World, partition: Partition) -> None:
    write(world, partition, b"a")
    write(world, partition, b"b")
    reader = Reader(partition, 0, Unpacked())
    partition.log.delete_before(1)
    assert take_all(reader) == [b"b"]


def test_those_not_taken_do_not_count(world: World, partition: Partition) -> None:
    write(world, partition, *(b"%d" % number for number in range(100)))
    found: list[int] = []

    def take(offset: int, *_: object) -> bool:
        if offset % 10 == 0:
            found.append(offset)
        return offset % 10 == 0

    assert Reader(partition, 0, Unpacked()).read(3, 1 << 20, take) == 3
    assert found == [0, 10, 20]


def test_a_batch_whose_records_make_no_sense_is_left_out(
    world: World, partition: Partition
) -> None:
    """Its checksum is right: the producer made it so, and everybody behind it wants to go on."""
    good = make_batch(b"x", b"y")
    header = read_header(good)
    bad = records.seal(b"\xff" * 20, header)
    append(partition, bad)
    write(world, partition, b"z")
    assert take_all(Reader(partition, 0, Unpacked())) == [b"z"]


def test_damage_is_waited_for(
    world: World, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log puts it aside at its next tick."""
    write(world, partition, b"a")
    reader = Reader(partition, 0, Unpacked())

    def broken(*_: object, **__: object) -> None:
        raise CorruptBatch("damaged")

    with monkeypatch.context() as patch:
        patch.setattr(Partition, "read", broken)
        assert take_all(reader) == []
        assert not reader.at_end
    assert take_all(reader) == [b"a"]


def test_who_reads_slowly_unpacks_once(
    world: World, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at a time, as with a prefetch of 1; and all who are there share it."""
    write(world, partition, *(b"%d" % number for number in range(50)))
    unpacked, opened = Unpacked(), []

    def body_of(data: bytes, *rest: Any, **more: Any) -> bytes:
        opened.append(data)
        return original(data, *rest, **more)

    original = records.body_of
    monkeypatch.setattr(records, "body_of", body_of)
    readers = [Reader(partition, 0, unpacked) for _ in range(3)]
    for number in range(50):
        for reader in readers:
            assert take_all(reader, 1) == [b"%d" % number]
    assert len(opened) == 1


def test_thousands_who_wait_hold_no_more_than_there_is_room_for(
    world: World, partition: Partition
) -> None:
    """Whoever finds his batch gone goes on all the same."""
    for first in (0, 10, 20):
        write(world, partition, *(b"%d" % number for number in range(first, first + 10)))
    unpacked = Unpacked(bytes_max=1000)
    readers = [Reader(partition, offset, unpacked) for offset in (0, 10, 20)]
    for number in range(10):
        for reader, first in zip(readers, (0, 10, 20), strict=True):
            assert take_all(reader, 1) == [b"%d" % (first + number)]
        assert unpacked.size <= 1000


def test_a_bomb_is_left_out(world: World, partition: Partition) -> None:
    """A kilobyte that would be a hundred megabytes; everybody behind it wants to go on."""
    write(world, partition, bytes(90 << 20), compression=Compression.ZSTD)
    write(world, partition, b"z")
    assert take_all(Reader(partition, 0, Unpacked())) == [b"z"]
