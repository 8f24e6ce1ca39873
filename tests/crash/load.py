"""A random load on a LogStore: everything a broker does to it, in any order, from one seed."""

from random import Random

from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles
from tests.crash.model import NOW, Promise, make_records

MINUTE_MS = 60_000

CONFIGS = (
    LogConfig(segment_bytes=4000, index_interval_bytes=512),
    LogConfig(segment_bytes=100_000, segment_ms=20 * MINUTE_MS, index_interval_bytes=512),
    LogConfig(segment_bytes=2500, index_interval_bytes=512, retention_bytes=6000),
    LogConfig(
        segment_bytes=2000,
        index_interval_bytes=512,
        compact=True,
        delete=False,
        min_cleanable_dirty_ratio=0.3,
        delete_retention_ms=30 * MINUTE_MS,
    ),
    LogConfig(segment_bytes=3000, index_interval_bytes=512, thinned=True),
    LogConfig(segment_bytes=3000, index_interval_bytes=512, durability=Durability.INTERVAL),
    LogConfig(segment_bytes=3000, index_interval_bytes=512, durability=Durability.OS),
)


class Load:
    """Some two hundred operations on some logs."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.files = SimFiles()
        self.promises: list[Promise] = []
        self.now = NOW
        self.number = 0
        self._free_min = int(self.rng.random() < 0.2)  # then there is a reserve
        self.store = LogStore.open(self.files, disk_free_min=self._free_min)
        self._next_id = 16
        for config in CONFIGS:
            self._create(config)

    def run(self, operations: int = 200) -> None:
        """Do it."""
        actions = (
            [self.append] * 30
            + [self.commit] * 20
            + [self.commit_while_appending] * 6
            + [self.maintain] * 6
            + [self.sync_interval] * 2
            + [self.delete_before] * 2
            + [self.settle] * 8
            + [self.replace_log]
            + [self.reopen]
        )
        for _ in range(operations):
            self.rng.choice(actions)()

    def _create(self, config: LogConfig) -> None:
        promise = Promise(self._next_id, config)
        self._next_id += 1
        self._own(promise, self.store.create(promise.log_id, config))
        self.promises.append(promise)

    def _own(self, promise: Promise, log: Log) -> None:
        if promise.config.thinned:
            log.needed = promise.needed

    @property
    def _living(self) -> list[Promise]:
        return [promise for promise in self.promises if not promise.deleted]

    def append(self) -> None:
        promise = self.rng.choice(self._living)
        self.number += 1
        records = make_records(self.rng, self.number, keyed=promise.config.compact)
        promise.append(self.store.logs[promise.log_id], records, self.number // 50)

    def commit(self) -> None:
        if (work := self.store.begin_commit()) is not None:
            work.run()
            work.done()

    def commit_while_appending(self) -> None:
        """The broker goes on while the helper thread writes."""
        self.append()
        work = self.store.begin_commit()
        assert work is not None
        self.append()
        work.run()
        self.append()
        work.done()

    def maintain(self) -> None:
        self.now += self.rng.choice((1_000, MINUTE_MS, 5 * MINUTE_MS, 30 * MINUTE_MS))
        for work in self.store.maintenance(self.now):
            self._note_starts()
            work.run()
            if self.rng.random() < 0.3:
                self.commit()
            work.done()
        self._note_starts()

    def sync_interval(self) -> None:
        if (work := self.store.begin_sync()) is not None:
            synced = [
                (p, p.visible) for p in self._living if p.config.durability.value == "interval"
            ]
            work.run()
            work.done()
            for promise, end in synced:
                durable = self.store.logs[promise.log_id].durable.end
                promise.synced = max(promise.synced, min(end, durable))

    def delete_before(self) -> None:
        promise = self.rng.choice(self._living)
        log = self.store.logs[promise.log_id]
        if not promise.config.compact and log.start < log.visible_end:
            offset = self.rng.randint(log.start, log.visible_end)
            log.delete_before(offset)
            self._note_starts()

    def settle(self) -> None:
        """A consumer is done with some of what it got, in any order, or with all of it."""
        for promise in self._living:
            log = self.store.logs[promise.log_id]
            if promise.config.thinned and log.start < log.visible_end:
                low = self.rng.choice((log.start, self.rng.randint(log.start, log.visible_end)))
                high = self.rng.randint(low, log.visible_end)
                share = self.rng.choice((0.3, 0.8, 1.0))
                there = range(low, high)
                promise.settled.update(at for at in there if self.rng.random() < share)

    def replace_log(self) -> None:
        """Delete one and create another with the same settings."""
        promise = self.rng.choice(self._living)
        self.commit()
        promise.deleted = True
        work = self.store.delete(promise.log_id)
        work.run()
        work.done()
        self._create(promise.config)

    def reopen(self) -> None:
        """Stop and start."""
        self.commit()
        starts = {log.id: log.start for log in self.store.logs.values()}
        self.store.close()
        for promise in self._living:
            promise.all_synced()
        self.store = LogStore.open(self.files, disk_free_min=self._free_min)
        for promise in self._living:
            log = self.store.open_log(promise.log_id, promise.config)
            self._own(promise, log)
            assert (log.end, log.visible_end) == (promise.end, promise.end)
            assert log.start == starts[log.id], "a clean restart forgets nothing"

    def _note_starts(self) -> None:
        for promise in self._living:
            promise.start = max(promise.start, self.store.logs[promise.log_id].start)
