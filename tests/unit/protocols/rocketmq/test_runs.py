"""Runs: at once or record by record, a pull gets the same."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import pytest
from tests.unit.core.world import World
from tests.unit.protocols.rocketmq.test_convert import (
    BORN_V6,
    FORMS,
    NOW_MS,
    SAID,
    STORE,
    STORE_V6,
)

from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.streams.unpacked import Unpacked
from anymq.protocols.rocketmq.convert import Passes, Pulled, Teller, batch_of
from anymq.protocols.rocketmq.filters import tags
from anymq.protocols.rocketmq.form import Said
from anymq.protocols.rocketmq.layout import read_messages, write_properties
from anymq.protocols.rocketmq.runs import take_run
from anymq.storage import records
from anymq.storage.batch import HEADER_BYTES, LOG_APPEND_TIME, check, read_header
from anymq.storage.compression import Compression
from anymq.storage.records import Record

Answer = tuple[int, int, bytes, int]  # how many, where to go on, what, its size
SIZES = (0, 1, 30, 63, 64, 200, 1024, 9000)


@pytest.fixture
def partition() -> Partition:
    world = World()
    topic = world.broker.create_topic("T", 1)
    world.commit()
    random = Random(1)
    for number in range(40):
        batch = a_batch(random)
        if number % 5 == 0:
            batch = turned_over(random, batch)
        topic.partition(0).log.append(batch, check(batch), 0)
    world.commit()
    return topic.partition(0)


def a_batch(random: Random) -> bytes:
    """What RocketMQ's clients send most of the time, and what they or others send otherwise."""
    kind = random.randrange(8)
    sent = [(said(random), random.randbytes(random.choice(SIZES))) for _ in range(count(random))]
    if kind == 0:
        return records.build([Record(b"by Kafka", b"key", [(b"a", b"b")], NOW_MS, 0)] * 3)
    if kind == 1:
        return records.build([*records.iterate(batch_of(sent, NOW_MS)), Record(None, b"key")])
    batch = batch_of(sent, NOW_MS)
    header = read_header(batch)
    if kind == 2:
        told = [*records.iterate(batch)]
        return records.build(told, compression=Compression.ZSTD)
    if kind == 3:
        header = header._replace(attributes=LOG_APPEND_TIME, max_timestamp=NOW_MS + 7)
    if kind == 4:  # as compaction leaves it
        header = header._replace(last_offset_delta=header.last_offset_delta + 3)
    return records.seal(batch[HEADER_BYTES:], header)


def said(random: Random) -> Said:
    if random.random() < 0.1:
        return random.choice((Said(b""), SAID._replace(born_host=BORN_V6)))
    properties = {"TAGS": random.choice(("red", "blue")), "KEYS": "k" * random.choice((0, 1, 90))}
    return SAID._replace(properties=write_properties(properties | {"a": "ä" * 40}))


def count(random: Random) -> int:
    return random.choice((1, 1, 1, 2, 5, 70))


def turned_over(random: Random, batch: bytes) -> bytes:
    """As who makes his own batches can: the checksum is right, some bytes are not."""
    body = bytearray(batch[HEADER_BYTES:])
    for _ in range(random.randrange(1, 4)):
        body[random.randrange(len(body))] = random.choice((0, 1, 0x7F, 0x80, 0xFF))
    header = read_header(batch)
    return batch if header.compression else records.seal(bytes(body), header)


def pull(
    partition: Partition,
    wanted: tuple[int, int],
    passes: Passes | None,
    host: bytes,
    offset: int,
    *,
    at_once: bool,
) -> Answer:
    pulled = Pulled(Teller("T", "T", host, FORMS), 4, 17, passes)
    reader = Reader(partition, offset, Unpacked())
    run = partial(take_run, pulled) if at_once else None
    taken = reader.read(*wanted, pulled.take, run)
    return taken, reader.offset, b"".join(pulled.parts), pulled.size


def pull_all(get: Callable[[int], Answer], partition: Partition) -> Sequence[Answer]:
    """Pull as a consumer does, until there is no more."""
    answers, offset = [], 0
    while offset < partition.visible_end:
        answers.append(get(offset))
        assert answers[-1][1] > offset
        offset = answers[-1][1]
    return answers


@pytest.mark.parametrize("host", [STORE, STORE_V6])
@pytest.mark.parametrize("passes", [None, tags("red").passes])
@pytest.mark.parametrize("wanted", [(1, 1 << 20), (32, 1 << 20), (32, 5000), (1000, 300_000)])
def test_the_same_as_one_by_one(
    partition: Partition, wanted: tuple[int, int], passes: Passes | None, host: bytes
) -> None:
    """Whatever is in the topic, and wherever a pull begins and ends."""
    how = partial(pull, partition, wanted, passes, host)
    told = pull_all(partial(how, at_once=False), partition)
    at_once = pull_all(partial(how, at_once=True), partition)
    assert at_once == told
    for _, _, content, size in at_once:
        assert size == len(content)
        list(read_messages(content))


def test_most_is_taken_at_once(partition: Partition) -> None:
    """Else the test above compares one way with itself."""
    batch = batch_of([(SAID, b"hello")] * 40, NOW_MS)
    pulled = Pulled(Teller("T", "T", STORE, FORMS), 4, 17)
    data = batch + batch + batch[:100]
    taken, size, place, offset = take_run(pulled, data, 0, 3, 1000, 1 << 20)
    assert (taken, place, offset) == (37, 2 * len(batch), 40)
    assert 0 < size < len(batch)


def test_any_bytes(partition: Partition) -> None:
    """Nothing raises, nothing is taken of what fails its checksum."""
    random, batch = Random(2), batch_of([(SAID, b"hello")] * 3, NOW_MS)
    for _ in range(2000):
        data = bytearray(batch)
        data[random.randrange(12, len(data))] ^= 1 << random.randrange(8)
        pulled = Pulled(Teller("T", "T", STORE, FORMS), 4, 17)
        taken, *_ = take_run(pulled, bytes(data), 0, 0, 1000, 1 << 20)
        assert taken == 0 or bytes(data[16:]) == batch[16:] or data[12:16] != batch[12:16]
