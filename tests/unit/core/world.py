"""A broker in memory whose disk, clock and chance the test decides."""

import errno
from collections.abc import Sequence
from enum import Enum, auto
from random import Random

from anymq.cluster.meta.embedded import LOG_CONFIG, LOG_ID, EmbeddedStore
from anymq.core.broker import Broker, BrokerSettings
from anymq.core.routing.types import OURS, ExchangeTypes
from anymq.core.streams.partition import AppendResult, Partition
from anymq.core.timers import Timers
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.storage import batch as batches
from anymq.storage import records
from anymq.storage.compression import Compression
from anymq.storage.records import Record
from anymq.storage.store import LogStore
from anymq.storage.work import Work
from anymq.testing.simfs import SimFiles

NOW_MS = 1_700_000_000_000


class TestClock:
    """A clock that moves when told."""

    __test__ = False

    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic(self) -> float:
        return self.now_ms / 1000


class Restart(Enum):
    """How a process ends."""

    CLEAN = auto()
    KILLED = auto()
    POWER_CUT = auto()


class Told:
    """Takes the place of whoever waits for an answer, and remembers the answers."""

    def __init__(self) -> None:
        self.answers: list[Exception | None] = []

    def __call__(self, error: Exception | None) -> None:
        self.answers.append(error)

    @property
    def waits(self) -> bool:
        return not self.answers

    @property
    def ok(self) -> bool:
        return self.answers == [None]

    @property
    def error(self) -> Exception | None:
        (answer,) = self.answers
        return answer


class World:
    """A broker, and what is around it."""

    def __init__(self, settings: BrokerSettings | None = None) -> None:
        self.settings = settings
        self.clock = TestClock()
        self.random = Random(1)
        self.files = SimFiles()
        self.works: list[Work] = []
        self.exchange_types: ExchangeTypes = OURS
        self.store, self.broker = self._start()

    def _start(self) -> tuple[LogStore, Broker]:
        self.timers = Timers()
        store = LogStore.open(self.files, disk_free_min=0)
        journal = store.open_log(LOG_ID, LOG_CONFIG)
        broker = Broker(
            store=store,
            definitions=store.read_whole(journal, lambda: EmbeddedStore(journal, self.clock)),
            clock=self.clock,
            timers=self.timers,
            random=self.random.randbytes,
            settings=self.settings,
            run=lambda work: self.works.append(work),
            forms=[AMQP_FORM],
            exchange_types=self.exchange_types,
        )
        return store, broker

    def write(self) -> None:
        """The disk has what was appended."""
        while (commit := self.store.begin_commit()) is not None:
            do(commit)

    def commit(self) -> None:
        """The disk has done all it was asked."""
        self.write()
        while self.works:
            works, self.works = self.works, []
            do(*works)
            self.write()

    def lose(self, error: int = errno.ENOSPC, path: str = "") -> None:
        """The disk cannot do what it is asked; afterwards it can again."""
        fault = self.files.fault(
            "pwritev", error, when=lambda one: one.startswith(path), times=1_000_000
        )
        self.write()
        self.files.faults.remove(fault)
        self.maintain()

    def maintain(self) -> None:
        """Half a minute later: segments are sealed, states kept, dead ones buried."""
        self.clock.now_ms += 30_000
        self.broker.maintenance(self.clock.now_ms)
        self.commit()

    def restart(self, how: Restart = Restart.KILLED) -> Broker:
        """The process ends, and is started again."""
        if how is Restart.CLEAN:
            self.broker.close()
            self.store.close()
        elif how is Restart.POWER_CUT:
            self.files = self.files.crash(self.random)
        else:
            self.files = self.files.killed()
        self.works = []
        self.store, self.broker = self._start()
        return self.broker


def do(*works: Work) -> None:
    """Do slow work at once."""
    for work in works:
        work.run()
        work.done()


def make_batch(
    *values: bytes | None,
    key: bytes | None = None,
    timestamp: int = NOW_MS,
    producer_id: int = -1,
    epoch: int = 0,
    sequence: int = 0,
    compression: Compression = Compression.NONE,
    attributes: int = 0,
) -> bytes:
    """Return a batch as a client makes it."""
    idempotent = producer_id >= 0
    return records.build(
        [Record(value, key, timestamp=timestamp) for value in values or (b"value",)],
        producer_id=producer_id,
        producer_epoch=epoch if idempotent else -1,
        base_sequence=sequence if idempotent else -1,
        compression=compression,
        attributes=attributes,
    )


def append(
    partition: Partition, batch: bytes, then: Told | None = None, now_ms: int = NOW_MS
) -> AppendResult:
    """Do what a session does with a batch."""
    return partition.append(batch, batches.check(batch), now_ms, then)


def read(partition: Partition, offset: int = 0) -> Sequence[records.Record]:
    """Read every record there is from `offset` on."""
    found: list[records.Record] = []
    while (part := partition.read(offset, 1 << 20)) is not None:
        data, position = part.read(), 0
        while position < len(data):
            size = batches.read_header(data, position).size
            found += records.iterate(data[position : position + size])
            position += size
        offset = found[-1].offset + 1
    return found


def values(partition: Partition) -> list[bytes | None]:
    """Read the values of every record there is."""
    return [record.value for record in read(partition, partition.start)]
