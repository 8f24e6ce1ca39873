"""Readers read some batches at once, and nobody can tell from what they hand over."""

from random import Random
from typing import Any

import pytest
from tests.unit.core.streams.reading import take_all, write
from tests.unit.core.world import Restart, World, append, make_batch

from anymq.config.units import MIB
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import AHEAD_BYTES_MAX, Reader
from anymq.core.streams.unpacked import Unpacked
from anymq.storage import reading, records
from anymq.storage.batch import CONTROL, HEADER_BYTES, check, read_header
from anymq.storage.compression import Compression

VALUES = [b"%d" % number for number in range(8)]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def partition(world: World) -> Partition:
    """Eight batches of one record, as senders make them who wait for each answer."""
    topic = world.broker.create_topic("orders", 1)
    world.commit()
    for value in VALUES:
        write(world, topic.partition(0), value)
    return topic.partition(0)


def put(partition: Partition, batch: bytes) -> None:
    """What no client may send."""
    partition.log.append(batch, check(batch), partition.leader_epoch)


def turn_over(world: World, partition: Partition, value: bytes) -> None:
    """Turn over a bit of the batch with this value."""
    path = partition.log.segments[0].path
    data = bytearray(world.files.content(path))
    data[data.rindex(b"\2" + value + b"\0") + 1] ^= 1
    world.files.put(path, bytes(data))


def test_small_batches_are_read_together(
    world: World, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing is kept of what was read to its end."""
    asked: list[int] = []
    original = Partition.read

    def read(self: Partition, offset: int, bytes_max: int, **more: Any) -> Any:
        asked.append(offset)
        return original(self, offset, bytes_max, **more)

    monkeypatch.setattr(Partition, "read", read)
    unpacked = Unpacked()
    assert take_all(Reader(partition, 0, unpacked)) == VALUES
    assert asked == [0]
    assert unpacked.size == 0


def test_as_many_as_are_wanted(partition: Partition) -> None:
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader, 3) == VALUES[:3]
    assert reader.offset == 3
    assert take_all(reader, 3) == VALUES[3:6]
    assert take_all(reader) == VALUES[6:]


def test_as_many_bytes_as_are_wanted(partition: Partition) -> None:
    reader = Reader(partition, 0, Unpacked())
    assert [take_all(reader, bytes_max=1) for _ in VALUES] == [[value] for value in VALUES]
    weight = 2 * 8  # two records
    assert take_all(Reader(partition, 0, Unpacked()), bytes_max=weight) == VALUES[:2]


def test_what_is_cut_is_read_again(world: World, partition: Partition) -> None:
    """By the size of what is read at once; some are larger than that."""
    large = [bytes([number]) * (AHEAD_BYTES_MAX * 2 // 3) for number in range(3)]
    for value in (*large, bytes(3 * AHEAD_BYTES_MAX), b"last"):
        write(world, partition, value)
    found = take_all(Reader(partition, 0, Unpacked()))
    assert found == [*VALUES, *large, bytes(3 * AHEAD_BYTES_MAX), b"last"]


def test_across_segments(world: World, partition: Partition) -> None:
    partition.log.roll()
    write(world, partition, b"x")
    partition.log.roll()
    write(world, partition, b"y", b"z")
    assert take_all(Reader(partition, 0, Unpacked())) == [*VALUES, b"x", b"y", b"z"]


def test_retention_in_the_middle(partition: Partition) -> None:
    """What is gone is not handed over, though it was read."""
    reader, found = Reader(partition, 0, Unpacked()), []

    def take(offset: int, *_: object) -> bool:
        found.append(offset)
        partition.log.delete_before(5)
        return True

    reader.read(1000, 1 << 20, take)
    assert found == [0, 5, 6, 7]


def test_what_compaction_left(world: World, partition: Partition) -> None:
    """Batches that end later than their last record, and such without records."""
    whole = make_batch(b"x", b"y", b"z")
    header = read_header(whole)
    first = records.build([records.Record(b"x", timestamp=header.base_timestamp)])
    put(partition, records.seal(first[HEADER_BYTES:], header._replace(record_count=1)))
    put(partition, records.seal(b"", header._replace(record_count=0)))
    write(world, partition, b"last")
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader) == [*VALUES, b"x", b"last"]
    assert reader.at_end


def test_others_between_them(world: World, partition: Partition) -> None:
    """Compressed ones are shared; those that are for nobody are left out."""
    write(world, partition, b"a", b"b", compression=Compression.ZSTD)
    put(partition, make_batch(b"nothing", attributes=CONTROL))
    write(world, partition, b"c")
    unpacked = Unpacked()
    assert take_all(Reader(partition, 0, unpacked)) == [*VALUES, b"a", b"b", b"c"]
    assert unpacked.find(partition.log.id, len(VALUES)) is not None


def test_nothing_beyond_what_is_visible(world: World, partition: Partition) -> None:
    append(partition, make_batch(b"later"))
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader) == VALUES
    world.commit()
    assert take_all(reader) == [b"later"]


def test_damage_does_not_take_away_what_is_before_it(world: World, partition: Partition) -> None:
    """The page cache lies: that batch waits, those before it are as good as ever."""
    turn_over(world, partition, b"4")
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader) == VALUES[:4]
    assert take_all(reader) == []
    assert not reader.at_end


def test_damage_from_before_the_start(world: World, partition: Partition) -> None:
    """Found when it is compared with its checksum for the first time; then it is put aside."""
    broker = world.restart(Restart.CLEAN)
    partition = broker.topic("orders").partition(0)
    turn_over(world, partition, b"4")
    reader = Reader(partition, 0, Unpacked())
    assert take_all(reader) == VALUES[:4]
    assert take_all(reader) == []
    assert not reader.at_end
    world.maintain()
    assert take_all(reader) == VALUES[5:]
    assert reader.at_end


def test_who_reads_on_looks_for_nothing(
    world: World, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little each reads at once, and whoever it is."""
    looked_for = []
    original = reading.locate

    def locate(segments: Any, offset: int, disk: Any) -> Any:
        looked_for.append(offset)
        return original(segments, offset, disk)

    monkeypatch.setattr(reading, "locate", locate)
    found = [take_all(Reader(partition, offset, Unpacked()), 2) for offset in range(0, 8, 2)]
    assert found == [VALUES[:2], VALUES[2:4], VALUES[4:6], VALUES[6:]]
    assert looked_for == [0]


@pytest.mark.parametrize("seed", range(20))
def test_reading_on_while_everything_moves(seed: int) -> None:
    """New batches, new segments, the oldest gone, a restart: each gets what is there."""
    random, world = Random(seed), World()
    partition = world.broker.create_topic("orders", 1).partition(0)
    world.commit()
    written: list[bytes] = []
    places = [0, 0, 0]
    for _ in range(150):
        step = random.randrange(10)
        if step < 4:
            values = [random.randbytes(random.choice((3, 300, 9000))) for _ in range(3)]
            for some in random.choice(([values], [[value] for value in values])):
                write(world, partition, *some)
            written += values
        elif step == 4 and written:
            partition.log.roll()
        elif step == 5:
            partition.log.delete_before(random.randint(partition.start, len(written)))
            world.maintain()
        elif step == 6 and random.random() < 0.2:
            partition = world.restart(random.choice(list(Restart))).topic("orders").partition(0)
        for number, at in enumerate(places):
            if random.random() < 0.5:
                reader = Reader(partition, at, Unpacked())
                start = max(at, partition.start)
                found = take_all(reader, random.choice((1, 2, 7)), random.choice((1, 5000, MIB)))
                assert found == written[start : start + len(found)]
                places[number] = 0 if reader.at_end and random.random() < 0.3 else reader.offset
