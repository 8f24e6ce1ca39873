"""Readers: record by record, whatever batches look like."""

import pytest
from tests.unit.core.world import World, append, make_batch

from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import RESTING_BYTES_MAX, Found, Reader
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


def write(world: World, partition: Partition, *values: bytes, **how: object) -> None:
    append(partition, make_batch(*values, **how))  # type: ignore[arg-type]
    world.commit()


def take_all(reader: Reader, count: int = 1000, bytes_max: int = 1 << 20) -> list[bytes | None]:
    found: list[bytes | None] = []

    def take(record: Found) -> bool:
        found.append(record.value)
        return True

    assert reader.read(count, bytes_max, take) == len(found)
    return found


def test_across_batches(world: World, partition: Partition) -> None:
    write(world, partition, b"a", b"b")
    write(world, partition, b"c", compression=Compression.ZSTD)
    reader = Reader(partition, 0)
    assert take_all(reader, 2) == [b"a", b"b"]
    assert not reader.at_end
    assert take_all(reader) == [b"c"]
    assert reader.at_end
    write(world, partition, b"d")
    assert take_all(reader) == [b"d"]


def test_from_the_middle_of_a_batch(world: World, partition: Partition) -> None:
    write(world, partition, b"a", b"b", b"c")
    assert take_all(Reader(partition, 1)) == [b"b", b"c"]


def test_a_little_at_a_time(world: World, partition: Partition) -> None:
    """One at least, however large."""
    write(world, partition, *(b"%d" % number for number in range(10)))
    reader = Reader(partition, 0)
    found = [take_all(reader, bytes_max=1) for _ in range(10)]
    assert found == [[b"%d" % number] for number in range(10)]


def test_nothing_that_is_not_durable(world: World, partition: Partition) -> None:
    append(partition, make_batch(b"a"))
    reader = Reader(partition, 0)
    assert take_all(reader) == []
    world.commit()
    assert take_all(reader) == [b"a"]


def test_what_retention_took_is_left_out(world: World, partition: Partition) -> None:
    write(world, partition, b"a")
    write(world, partition, b"b")
    reader = Reader(partition, 0)
    partition.log.delete_before(1)
    assert take_all(reader) == [b"b"]


def test_those_not_taken_do_not_count(world: World, partition: Partition) -> None:
    write(world, partition, *(b"%d" % number for number in range(100)))
    found: list[int] = []

    def take(record: Found) -> bool:
        if record.offset % 10 == 0:
            found.append(record.offset)
        return record.offset % 10 == 0

    assert Reader(partition, 0).read(3, 1 << 20, take) == 3
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
    assert take_all(Reader(partition, 0)) == [b"z"]


def test_damage_is_waited_for(
    world: World, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log puts it aside at its next tick."""
    write(world, partition, b"a")
    reader = Reader(partition, 0)

    def broken(*_: object, **__: object) -> None:
        raise CorruptBatch("damaged")

    with monkeypatch.context() as patch:
        patch.setattr(Partition, "read", broken)
        assert take_all(reader) == []
        assert not reader.at_end
    assert take_all(reader) == [b"a"]


def test_who_rests_holds_no_large_batch(world: World, partition: Partition) -> None:
    """Thousands may wait, each in the middle of a batch."""
    write(world, partition, *(bytes(1000) + b"%d" % number for number in range(300)))
    reader = Reader(partition, 0)
    assert len(take_all(reader, 100)) == 100
    assert RESTING_BYTES_MAX < 300 * 1000
    reader.rest()
    assert reader._of_batch is None
    assert not reader.at_end
    assert [value and value[1000:] for value in take_all(reader, 2)] == [b"100", b"101"]
