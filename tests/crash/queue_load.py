"""A random load on some lines: what queues and their consumers do, in any order, from one seed."""

import errno
from random import Random

from anymq.core.queues.line import Line
from anymq.core.queues.lines import Lines
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles
from tests.crash.model import NOW
from tests.crash.queue_model import CONFIG, Kept, QueuePromise, open_lines

LINES = 3


class QueueLoad:
    """Some two hundred operations on some lines."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.files = SimFiles()
        self.promises: list[QueuePromise] = []
        self.now = NOW
        self.number = 0
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.lines: Lines = open_lines(self.store)
        self.by_id: dict[int, Line] = {}
        self._next_id = 16
        for _ in range(LINES):
            self._create()

    def run(self, operations: int = 200) -> None:
        """Do it."""
        actions = (
            [self.push] * 25
            + [self.take] * 20
            + [self.settle] * 20
            + [self.give_back] * 4
            + [self.turn] * 20
            + [self.turn_while_pushing] * 6
            + [self.wait_for_acks] * 6
            + [self.maintain] * 8
            + [self.sync_interval] * 3
            + [self.purge, self.replace_line, self.restart, self.fill_the_disk]
        )
        for _ in range(operations):
            self.rng.choice(actions)()

    def _create(self) -> None:
        promise = QueuePromise(self._next_id)
        self._next_id += 1
        self.promises.append(promise)
        self.by_id[promise.log_id] = self.lines.line(promise.log_id, config=CONFIG)

    @property
    def living(self) -> list[QueuePromise]:
        return [promise for promise in self.promises if not promise.deleted]

    def _any(self) -> tuple[QueuePromise, Line]:
        promise = self.rng.choice(self.living)
        return promise, self.by_id[promise.log_id]

    def push(self) -> None:
        promise, line = self._any()
        bodies = []
        size = self.rng.choice((5, 20, 100, 400))
        for _ in range(self.rng.choice((1, 1, 2, 5, 12))):
            self.number += 1
            bodies.append(b"%d." % self.number + self.rng.randbytes(size))
        promise.push(line, bodies, persistent=self.rng.random() < 0.7)

    def take(self) -> None:
        promise, line = self._any()
        promise.take(line, self.rng.choice((1, 3, 20)), settled=self.rng.random() < 0.2)

    def _some_out(self, promise: QueuePromise) -> list[int]:
        share = self.rng.choice((0.3, 0.9, 1.0))
        return [position for position in promise.out if self.rng.random() < share]

    def settle(self) -> None:
        promise, line = self._any()
        if positions := self._some_out(promise):
            promise.settle(line, positions)

    def give_back(self) -> None:
        promise, line = self._any()
        promise.give_back(line, self._some_out(promise))

    def purge(self) -> None:
        promise, line = self._any()
        promise.purge(line)

    def flush(self) -> None:
        for line in self.by_id.values():
            line.flush()
        self.lines.flush()

    def turn(self) -> None:
        """The end of a turn: everything is written, and the helper thread is done with it."""
        self.flush()
        if (work := self.store.begin_commit()) is not None:
            work.run()
            work.done()

    def turn_while_pushing(self) -> None:
        """The broker goes on while the helper thread writes."""
        self.flush()
        work = self.store.begin_commit()
        self.push()
        self.take()
        self.settle()
        self.flush()
        if work is not None:
            work.run()
            self.settle()
            work.done()

    def wait_for_acks(self) -> None:
        """Somebody closes a channel, and is told that his acknowledgements are kept."""
        said = [(promise, promise.now.copy()) for promise in self.living]

        def then(error: Exception | None) -> None:
            if error is None:
                for promise, kept in said:
                    _raise(promise.written, kept)

        for line in self.by_id.values():
            line.flush()
        self.lines.when_written(then)
        if self.rng.random() < 0.7:
            self.turn()

    def maintain(self) -> None:
        self.now += self.rng.choice((1_000, 60_000, 600_000))
        for work in self.store.maintenance(self.now):
            work.run()
            if self.rng.random() < 0.3:
                self.turn()
            work.done()
        self.lines.tick()

    def sync_interval(self) -> None:
        """What is written of the journal gets durable."""
        journal = self.store.logs[3]
        said = [(promise, promise.written.copy()) for promise in self.living]
        end = journal.visible_end
        if (work := self.store.begin_sync()) is not None:
            work.run()
            work.done()
        if journal.durable.end >= end:
            for promise, kept in said:
                _raise(promise.synced, kept)

    def replace_line(self) -> None:
        promise, _ = self._any()
        self.turn()
        promise.deleted = True
        del self.by_id[promise.log_id]
        work = self.lines.delete(promise.log_id)
        work.run()
        work.done()
        self._create()

    def restart(self) -> None:
        """Stop and start."""
        self.turn()
        self.lines.close()
        self.store.close()
        for promise in self.living:
            promise.stopped()
        self.store = LogStore.open(self.files, disk_free_min=0)
        self.lines = open_lines(self.store)
        for promise in self.living:
            self.by_id[promise.log_id] = self.lines.line(promise.log_id, config=CONFIG)

    def fill_the_disk(self) -> None:
        """One write of messages fails; what is not kept is refused, the rest goes on."""
        self.files.fault("pwritev", errno.ENOSPC, when=lambda path: "logs/3/" not in path)
        self.push()
        self.turn()
        self.store.check_space()


def _raise(kept: Kept, by: Kept) -> None:
    """What was kept then is kept now."""
    kept.acked |= by.acked
    kept.delivered |= by.delivered
    for number, returns in by.returns.items():
        kept.returns[number] = max(kept.returns.get(number, 0), returns)
