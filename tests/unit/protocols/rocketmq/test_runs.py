"""Runs: at once or record by record, a pull gets the same."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from random import Random
from typing import Any

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

from anymq.core.streams import reader
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.streams.unpacked import Unpacked
from anymq.protocols.rocketmq import runs
from anymq.protocols.rocketmq.alike import Alike, alike_of
from anymq.protocols.rocketmq.convert import Passes, Pulled, Teller, batch_of
from anymq.protocols.rocketmq.filters import tags
from anymq.protocols.rocketmq.form import Said
from anymq.protocols.rocketmq.layout import read_messages, write_properties
from anymq.protocols.rocketmq.runs import take_run
from anymq.storage import records
from anymq.storage.batch import HEADER_BYTES, LOG_APPEND_TIME, check, read_header, size_at
from anymq.storage.compression import Compression
from anymq.storage.records import Record

Answer = tuple[int, int, bytes, int]  # how many, where to go on, what, its size
SIZES = (0, 1, 30, 63, 64, 200, 1024, 9000)


@pytest.fixture(params=["of all kinds", "alike", "alike in batches"])
def partition(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Partition:
    world = World()
    topic = world.broker.create_topic("T", 1)
    world.commit()
    random = Random(1)
    make = {"of all kinds": of_all_kinds, "alike": alike, "alike in batches": alike_in_batches}
    for batch in make[request.param](random):
        topic.partition(0).log.append(batch, check(batch), 0)
    world.commit()
    monkeypatch.setattr(reader, "BATCHES_SKIPPED_MAX", 10_000)  # nothing passes of many
    return topic.partition(0)


def of_all_kinds(random: Random) -> Iterator[bytes]:
    """And every fifth has something wrong in it."""
    for number in range(40):
        batch = a_batch(random)
        yield turned_over(random, batch) if number % 5 == 0 else batch


def alike(random: Random) -> Iterator[bytes]:
    """Messages of one length, and between them such as differ in one bit, wherever that is."""
    texts = {"TAGS": "red", "KEYS": "one", "x": "two"}
    told = SAID._replace(properties=write_properties(texts))
    whole = batch_of([(told, b"hello")], NOW_MS)
    header = read_header(whole)
    for at, bit in product(range(len(whole) - HEADER_BYTES), (1, 0x10, 0x80)):
        for _ in range(3):
            yield batch_of([(told, random.randbytes(5))], NOW_MS + random.randrange(9))
        body = bytearray(whole[HEADER_BYTES:])
        body[at] ^= bit
        yield records.seal(bytes(body), header)
    for special in (
        header._replace(attributes=8, max_timestamp=9),
        header._replace(last_offset_delta=2),
    ):
        yield from [whole, whole, records.seal(whole[HEADER_BYTES:], special)]


def alike_in_batches(random: Random) -> Iterator[bytes]:
    """As well, any number of them in each batch."""
    whole = batch_of([(SAID, b"hello")] * 4, NOW_MS)
    header = read_header(whole)
    for at in range(len(whole) - HEADER_BYTES):
        for size in random.choices((1, 2, 3), k=3):
            yield batch_of([(SAID, random.randbytes(5)) for _ in range(size)], NOW_MS + at)
        body = bytearray(whole[HEADER_BYTES:])
        body[at] ^= random.choice((1, 0x10, 0x80))
        yield records.seal(bytes(body), header)
    yield batch_of([(SAID, b"hello")] * 66, NOW_MS)
    several = records.iterate(whole)
    later = [record._replace(timestamp=NOW_MS + 60 * n) for n, record in enumerate(several)]
    yield records.build(later)
    for special in (
        header._replace(attributes=8, max_timestamp=9),
        header._replace(last_offset_delta=5),
        header._replace(last_offset_delta=2),
        header._replace(record_count=3),
    ):
        yield from [whole, whole, records.seal(whole[HEADER_BYTES:], special)]


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
    teller: Teller,
    offset: int,
    *,
    at_once: bool,
) -> Answer:
    pulled = Pulled(teller, 4, 17, passes)
    reading = Reader(partition, offset, Unpacked())
    run = partial(take_run, pulled) if at_once else None
    taken = reading.read(*wanted, pulled.take, run)
    return taken, reading.offset, b"".join(pulled.parts), pulled.size


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
    how = partial(pull, partition, wanted, passes, Teller("T", "T", host, FORMS))
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


def test_those_alike_are_known_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are looked at as any other, once; with another size between them, too."""
    calls = 0

    def learn(*words: Any) -> Alike | None:
        nonlocal calls
        calls += 1
        return alike_of(*words)

    monkeypatch.setattr(runs, "alike_of", learn)
    teller = Teller("T", "T", STORE, FORMS)
    first, other = (batch_of([(SAID, body)], NOW_MS) for body in (b"hello", b"hello, all"))
    data = first * 20 + other + first * 20
    batches = b"".join(numbered(data))
    for _ in range(3):
        pulled = Pulled(teller, 4, 17)
        taken, _, place, offset = take_run(pulled, batches, 0, 0, 1000, 1 << 20)
        assert (taken, place, offset) == (41, len(data), 41)
    assert calls == 2 + 1 + 1
    pulled = Pulled(teller, 4, 17)
    assert take_run(pulled, batches, 0, 5, 1000, 1 << 20)[0] == 41 - 5


def numbered(data: bytes) -> Iterator[bytes]:
    """Batches of one record each, with the offsets that they have in a log."""
    offset = 0
    while size := size_at(data, 0):
        yield offset.to_bytes(8, "big") + data[8:size]
        offset, data = offset + 1, data[size:]


def test_any_bytes(partition: Partition) -> None:
    """Nothing raises, nothing is taken of what fails its checksum."""
    random, batch = Random(2), batch_of([(SAID, b"hello")] * 3, NOW_MS)
    for _ in range(2000):
        data = bytearray(batch)
        data[random.randrange(12, len(data))] ^= 1 << random.randrange(8)
        pulled = Pulled(Teller("T", "T", STORE, FORMS), 4, 17)
        taken, *_ = take_run(pulled, bytes(data), 0, 0, 1000, 1 << 20)
        assert taken == 0 or bytes(data[16:]) == batch[16:] or data[12:16] != batch[12:16]
