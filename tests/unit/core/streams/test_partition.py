"""Partitions: what may be written, when it counts as written, who is told."""

from collections.abc import Mapping
from struct import pack_into

import pytest
from tests.unit.core.world import NOW_MS, Restart, Told, World, append, make_batch, read, values

from anymq.core.errors import Refused, TooLarge
from anymq.core.streams.errors import (
    InvalidProducerEpoch,
    InvalidRecord,
    InvalidTimestamp,
    OutOfOrderSequence,
    PolicyViolation,
    TransactionsUnsupported,
    UnsupportedCompression,
)
from anymq.core.streams.partition import Partition
from anymq.storage import batch as batches
from anymq.storage.compression import Compression
from anymq.storage.errors import CorruptBatch, DiskFull, OffsetOutOfRange

HOUR_MS = 3_600_000


@pytest.fixture
def world() -> World:
    return World()


def make_partition(world: World, config: Mapping[str, str] | None = None) -> Partition:
    topic = world.broker.create_topic("orders", 1, config or {})
    world.commit()
    return topic.partition(0)


def patched(batch: bytes, layout: str, position: int, value: int) -> bytes:
    """Return the batch with another number in its header, and the right checksum."""
    changed = bytearray(batch)
    pack_into(layout, changed, position, value)
    pack_into(">I", changed, 17, batches.crc_of(changed))
    return bytes(changed)


def test_an_acknowledgement_waits_for_the_disk(world: World) -> None:
    """A producer that has it may forget the batch; a reader must not see it before."""
    partition, acked = make_partition(world), Told()

    result = append(partition, make_batch(b"a", b"b"), acked)

    assert (result.base_offset, result.log_append_time_ms, result.log_start) == (0, -1, 0)
    assert acked.waits
    assert partition.visible_end == 0
    world.commit()
    assert acked.ok
    assert values(partition) == [b"a", b"b"]


def test_batches_follow_each_other(world: World) -> None:
    partition = make_partition(world)
    assert append(partition, make_batch(b"a", b"b")).base_offset == 0
    assert append(partition, make_batch(b"c")).base_offset == 2
    world.commit()
    assert [record.offset for record in read(partition)] == [0, 1, 2]


def test_who_waits_is_told_when_there_is_more(world: World) -> None:
    """A long poll neither sleeps nor looks again and again."""
    partition, calls = make_partition(world), Told()

    def waiter() -> None:
        calls(None)

    partition.watch(waiter)
    append(partition, make_batch())
    assert calls.waits
    world.commit()
    assert len(calls.answers) == 1

    partition.unwatch(waiter)
    partition.unwatch(waiter)
    append(partition, make_batch())
    world.commit()
    assert len(calls.answers) == 1


def test_who_was_told_to_stop_waiting_is_not_called(world: World) -> None:
    """One fetch answered may end another: of the same session, perhaps."""
    partition, calls = make_partition(world), Told()

    def second() -> None:
        calls(None)

    partition.watch(lambda: partition.unwatch(second))
    partition.watch(second)
    append(partition, make_batch())
    world.commit()
    assert calls.waits


def test_who_waits_for_a_topic_is_told_that_it_is_gone(world: World) -> None:
    partition, calls = make_partition(world), Told()
    partition.watch(lambda: calls(None))
    world.broker.delete_topic("orders")
    assert not calls.waits


@pytest.mark.parametrize(
    ("batch", "error"),
    [
        (patched(make_batch(b"a", b"b"), ">i", 57, 1), InvalidRecord),
        (patched(make_batch(b"a", b"b"), ">i", 57, 3), InvalidRecord),
        (patched(make_batch(), ">i", 57, 0), InvalidRecord),
        (make_batch(attributes=batches.CONTROL), InvalidRecord),
        (make_batch(attributes=batches.HAS_DELETE_HORIZON), InvalidRecord),
        (make_batch(attributes=batches.LOG_APPEND_TIME), InvalidTimestamp),
        (make_batch(producer_id=1, attributes=batches.TRANSACTIONAL), TransactionsUnsupported),
        (patched(make_batch(), ">h", 21, 5), UnsupportedCompression),
        (patched(make_batch(), ">h", 21, 7), UnsupportedCompression),
        (make_batch(producer_id=1, sequence=-1), InvalidRecord),
        (make_batch(producer_id=1, epoch=-1), InvalidRecord),
        (make_batch(timestamp=NOW_MS + HOUR_MS + 1), InvalidTimestamp),
        (make_batch(b"x" * 1_048_588), TooLarge),
    ],
)
def test_what_clients_must_not_write(world: World, batch: bytes, error: type[Refused]) -> None:
    """Stored once, it would mislead every reader."""
    partition = make_partition(world)
    with pytest.raises(error):
        append(partition, batch)
    assert partition.log.end == 0


@pytest.mark.parametrize("timestamp", [NOW_MS + HOUR_MS, 0, -1])
def test_times_that_are_taken(world: World, timestamp: int) -> None:
    append(make_partition(world), make_batch(timestamp=timestamp))


def test_too_old_where_the_topic_says_so(world: World) -> None:
    partition = make_partition(world, {"message.timestamp.before.max.ms": "1000"})
    append(partition, make_batch(timestamp=NOW_MS - 1000))
    append(partition, make_batch(timestamp=-1))
    with pytest.raises(InvalidTimestamp):
        append(partition, make_batch(timestamp=NOW_MS - 1001))


def test_the_biggest_batch_is_what_the_topic_says(world: World) -> None:
    batch = make_batch(b"x" * 1000)
    partition = make_partition(world, {"max.message.bytes": str(len(batch))})
    append(partition, batch)
    with pytest.raises(TooLarge):
        append(partition, make_batch(b"x" * 1001))


def test_the_brokers_time_replaces_the_producers(world: World) -> None:
    """message.timestamp.type=LogAppendTime: readers check the checksum of what they get."""
    partition = make_partition(world, {"message.timestamp.type": "LogAppendTime"})

    result = append(partition, make_batch(b"a", timestamp=5), now_ms=NOW_MS + 7)

    assert result.log_append_time_ms == NOW_MS + 7
    world.commit()
    (record,) = read(partition)
    assert (record.value, record.timestamp) == (b"a", NOW_MS + 7)


def test_a_compacted_topic_needs_keys(world: World) -> None:
    partition = make_partition(world, {"cleanup.policy": "compact"})
    append(partition, make_batch(b"a", key=b"k", compression=Compression.ZSTD))
    for compression in Compression:
        with pytest.raises(InvalidRecord):
            append(partition, make_batch(b"a", compression=compression))


def test_records_that_do_not_add_up_are_found_where_records_are_looked_at(world: World) -> None:
    partition = make_partition(world, {"cleanup.policy": "compact"})
    broken = patched(make_batch(b"a", key=b"k"), ">b", batches.HEADER_BYTES, 127)
    with pytest.raises(CorruptBatch):
        append(partition, broken)


@pytest.mark.parametrize("kept", ["gzip", "snappy", "lz4", "zstd", "uncompressed"])
@pytest.mark.parametrize("sent", list(Compression))
def test_a_topic_with_its_own_compression(world: World, kept: str, sent: Compression) -> None:
    """Whatever it was sent with: kept as the topic says, and the same records."""
    partition = make_partition(world, {"compression.type": kept})
    batch = make_batch(*[b"value"] * 20, producer_id=3, compression=sent)

    append(partition, batch)

    world.commit()
    found = partition.read(0, 1 << 20)
    assert found is not None
    stored = found.read()
    wanted = 0 if kept == "uncompressed" else Compression[kept.upper()]
    assert batches.check(stored).compression == wanted
    assert values(partition) == [b"value"] * 20
    assert append(partition, batch).base_offset == 0, "a retry is known whatever was stored"


def test_what_grows_beyond_the_limit_when_compressed_again_is_refused(world: World) -> None:
    partition = make_partition(
        world, {"compression.type": "uncompressed", "max.message.bytes": "500"}
    )
    with pytest.raises(TooLarge):
        append(partition, make_batch(b"x" * 1000, compression=Compression.GZIP))


def test_a_retry_is_not_written_twice(world: World) -> None:
    """enable.idempotence: the client lost our answer and sends the batch again."""
    partition, again = make_partition(world), Told()
    batch = make_batch(b"a", b"b", producer_id=7)
    append(partition, batch)
    world.commit()
    append(partition, make_batch(b"c", producer_id=7, sequence=2))

    assert append(partition, batch, again).base_offset == 0
    assert again.ok, "the first one is on disk"
    world.commit()
    assert values(partition) == [b"a", b"b", b"c"]


def test_a_retry_is_acknowledged_no_sooner_than_the_first_try(world: World) -> None:
    """Else it would vouch for a batch that may still be lost."""
    partition, first, again = make_partition(world), Told(), Told()
    batch = make_batch(producer_id=7)
    append(partition, batch, first)

    append(partition, batch, again)

    assert again.waits
    world.commit()
    assert first.ok
    assert again.ok


def test_when_appends_are_lost_so_is_what_was_noted_of_them(world: World) -> None:
    """The disk was full: the retry must be written, not taken for a duplicate."""
    partition, first, again = make_partition(world), Told(), Told()
    kept, lost = make_batch(b"a", producer_id=7), make_batch(b"b", producer_id=7, sequence=1)
    append(partition, kept)
    world.commit()
    append(partition, lost, first)

    world.lose()

    assert isinstance(first.error, DiskFull)
    assert append(partition, kept).base_offset == 0
    assert append(partition, lost, again).base_offset == 1
    world.commit()
    assert again.ok
    assert values(partition) == [b"a", b"b"]


@pytest.mark.parametrize("how", list(Restart))
def test_producers_survive_a_restart(world: World, how: Restart) -> None:
    """Their state is part of the log: from what is kept beside it, and from the batches since."""
    partition = make_partition(world, {"internal.segment.bytes": "300"})
    sent = [make_batch(b"%d" % n, producer_id=7, sequence=n) for n in range(8)]
    for batch in sent[:4]:
        append(partition, batch)
    world.commit()
    world.maintain()
    for batch in sent[4:]:
        append(partition, batch)
    world.commit()

    partition = world.restart(how).topic("orders").partition(0)

    assert [append(partition, batch).base_offset for batch in sent[3:]] == [3, 4, 5, 6, 7]
    with pytest.raises(OutOfOrderSequence):
        append(partition, sent[2])
    with pytest.raises(OutOfOrderSequence):
        append(partition, make_batch(producer_id=7, sequence=9))
    append(partition, make_batch(producer_id=7, epoch=1, sequence=0))
    with pytest.raises(InvalidProducerEpoch):
        append(partition, make_batch(producer_id=7, epoch=0, sequence=8))


def test_silent_producers_are_forgotten(world: World) -> None:
    """producer.id.expiration.ms: after a day, any sequence may be the next."""
    partition = make_partition(world)
    append(partition, make_batch(producer_id=7))
    day_ms = 24 * HOUR_MS
    world.broker.maintenance(NOW_MS + day_ms)
    with pytest.raises(OutOfOrderSequence):
        append(partition, make_batch(producer_id=7, sequence=5))
    world.broker.maintenance(NOW_MS + day_ms + 1)
    append(partition, make_batch(producer_id=7, sequence=5))


def test_records_can_be_deleted_up_to_an_offset(world: World) -> None:
    """DeleteRecords: Kafka Streams does it to repartition topics all the time."""
    partition, done = make_partition(world), Told()
    for value in (b"a", b"b", b"c"):
        append(partition, make_batch(value))
    world.commit()

    world.broker.delete_records(partition, 2, done)

    assert values(partition) == [b"a", b"b", b"c"], "not before it is certain"
    world.commit()
    assert done.ok
    assert values(partition) == [b"c"]
    with pytest.raises(OffsetOutOfRange):
        partition.read(1, 1000)
    partition = world.restart().topic("orders").partition(0)
    assert values(partition) == [b"c"]
    world.broker.delete_records(partition, 1)
    world.commit()
    assert partition.start == 2, "it never comes back"
    world.broker.delete_records(partition, -1)
    world.commit()
    assert partition.start == 3
    for impossible in (4, -2):
        with pytest.raises(OffsetOutOfRange):
            world.broker.delete_records(partition, impossible)


def test_no_record_is_deleted_if_a_restart_would_not_know(world: World) -> None:
    partition, first, again = make_partition(world), Told(), Told()
    append(partition, make_batch(b"a"))
    world.commit()
    world.broker.delete_records(partition, 1, first)
    world.lose()
    assert isinstance(first.error, DiskFull)
    assert values(partition) == [b"a"]
    world.broker.delete_records(partition, 1, again)
    assert again.waits
    world.commit()
    assert again.ok
    assert values(partition) == []


def test_a_compacted_topic_decides_itself_what_goes(world: World) -> None:
    partition = make_partition(world, {"cleanup.policy": "compact"})
    with pytest.raises(PolicyViolation):
        world.broker.delete_records(partition, 0)


def test_leader_epochs_tell_lives_apart(world: World) -> None:
    """A client that was ahead of a log that lost its tail notices by the epoch."""
    partition = make_partition(world)
    append(partition, make_batch(b"a"))
    world.commit()
    partition = world.restart().topic("orders").partition(0)
    append(partition, make_batch(b"b"))
    world.commit()

    assert partition.leader_epoch == 1
    assert partition.epoch_end(0) == (0, 1)
    assert partition.epoch_end(1) == (1, 2)


def test_an_epoch_in_which_nothing_was_written_yet(world: World) -> None:
    partition = make_partition(world)
    append(partition, make_batch(b"a"))
    world.commit()
    partition = world.restart().topic("orders").partition(0)
    assert partition.epoch_end(1) == (1, 1)
    assert partition.epoch_end(2) == (-1, -1), "nobody has led in it"
