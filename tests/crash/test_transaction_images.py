"""Crash images of transactions: what is committed is in its topic once, what is not, never.

Producers know what they decided, as a bank's database does; they are asked after a crash.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

import pytest

from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.core.errors import Conflict, NotFound
from anymq.core.queues import journal as journals
from anymq.core.queues.journal import Journal
from anymq.core.queues.progress import Progress
from anymq.core.queues.witness import Witness
from anymq.core.timers import Timer, Timers
from anymq.core.transactions import fates, halves
from anymq.core.transactions.fates import Fates, Outcome
from anymq.core.transactions.half import Half
from anymq.core.transactions.halves import Halves
from anymq.core.transactions.open import Open
from anymq.core.transactions.settings import TransactionSettings
from anymq.core.transactions.transactions import Transactions
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.log import Log, LogConfig
from anymq.storage.records import Record
from anymq.storage.store import LogStore
from anymq.testing.simfs import UNLIMITED, SimFiles
from tests.crash.dying import Dying
from tests.crash.model import NOW
from tests.crash.queue_model import number_of
from tests.crash.seeds import EFFORT, run_loads

IMAGES = 400 * EFFORT
PARTS = 2
KILLED_SHARE = 0.4
CONFIG = replace(halves.LOG_CONFIG, segment_bytes=2000, index_interval_bytes=512)
FATES_CONFIG = replace(fates.LOG_CONFIG, segment_bytes=1500)
TOPICS = (100, 101)  # logs
SETTINGS = TransactionSettings(immune_ms=1000, check_interval_ms=1000, checks_max=10**6)

Then = Callable[[Exception | None], None]


@dataclass(slots=True)
class Producer:
    """What outlives the broker: what was decided of each message, by its number."""

    commits: set[int] = field(default_factory=set)
    rolls_back: set[int] = field(default_factory=set)


class Clock:
    """For the metadata store."""

    def wall_ms(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@dataclass(slots=True)
class Life:
    """A broker from a start to an end."""

    store: LogStore
    now: int
    producer: Producer
    topics: list[Log] = field(default_factory=list)
    witness: Witness = field(default_factory=Witness)
    transactions: Transactions = field(init=False)
    journal: Journal = field(init=False)
    timers: Timers = field(default_factory=Timers)
    changed: bool = False

    def __post_init__(self) -> None:
        self.topics = [self.store.open_log(one, LogConfig(delete=False)) for one in TOPICS]
        journal_log = self.store.open_log(journals.LOG_ID, journals.LOG_CONFIG)
        self.journal = Journal(journal_log)
        self.journal.restore()
        fates_log = self.store.open_log(fates.LOG_ID, FATES_CONFIG)
        self.transactions = Transactions(
            Halves(
                self.store.open_log(halves.LOG_ID, CONFIG), self.journal.settlement(halves.LOG_ID)
            ),
            Fates(EmbeddedStore(fates_log, Clock()), fates_log),
            Progress(self.journal, journal_log),
            clock=self,
            changed=self._on_change,
            witness=self.witness,
            has=self._has,
            settings=SETTINGS,
        )
        self.transactions.restore()
        self.transactions.begin(self._publish, self._ask)

    def now_ms(self) -> int:
        return self.now

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        return self.timers.at(due_ms, callback)

    def _on_change(self, _: Transactions) -> None:
        self.changed = True

    def _has(self, log_id: int, position: int) -> bool:
        end = self.store.end_of(log_id)
        return end is None or position < end

    def _publish(self, one: Open, half: Half, then: Then) -> None:
        """It goes to one topic, and to a second one that listens to it."""
        assert one.outcome is Outcome.COMMIT
        number = number_of(half.record.value or b"")
        if number % 3 == 0 and self.witness.sends(self.topics[1].id, self.topics[1].end):
            append(self.topics[1], half.record)
        log = self.topics[0]
        if self.witness.sends(log.id, log.end):
            log.when_durable(append(log, half.record), then)
        else:
            then(None)

    def _ask(self, one: Open, half: Half) -> bool:
        number = number_of(half.record.value or b"")
        if number in self.producer.commits:
            self.transactions.commit(one.position, ignore)
        elif number in self.producer.rolls_back:
            self.transactions.roll_back(one.position, ignore)
        return True

    def commit(self) -> None:
        if (work := self.store.begin_commit()) is not None:
            work.run()
            work.done()

    def turn(self) -> None:
        self.timers.run(self.now)
        while self.changed:
            self.changed = False
            self.changed = self.transactions.pump() or self.changed
            self.transactions.flush()
        self.journal.flush()
        self.commit()

    def sync(self) -> None:
        if (work := self.store.begin_sync()) is not None:
            work.run()
            work.done()

    def everything(self) -> None:
        """Let all be asked, and go where they belong."""
        for _ in range(6):
            self.now += 10_000
            self.turn()
            self.turn()

    def found(self, topic: int = 0) -> list[int]:
        """Return the numbers in a topic, in order."""
        log, found = self.topics[topic], []
        offset = log.start
        while (piece := log.read(offset, 10**6)) is not None:
            data, at = piece.read(), 0
            while at < len(data):
                header = read_header(data, at)
                batch = data[at : at + header.size]
                found += [number_of(one.value or b"") for one in records.iterate(batch)]
                at += header.size
                offset = header.next_offset
        return found


def append(log: Log, record: Record) -> int:
    batch = records.build([record])
    return log.append(batch, read_header(batch), 0)


def ignore(_error: Exception | None) -> None:
    """Nobody waits for it."""


class Load:
    """Messages that are prepared and decided, others in the same topics, with restarts."""

    def __init__(self, seed: int) -> None:
        self.rng = Random(seed)
        self.files = SimFiles()
        self.producer = Producer()
        self.life = Life(LogStore.open(self.files, disk_free_min=0), NOW, self.producer)
        self.number = 0
        self.open: dict[int, int] = {}  # that were confirmed: position by number
        self.confirmed: set[int] = set()
        self.committed: set[int] = set()  # and that was answered
        self.plain: set[int] = set()  # confirmed messages of no transaction

    def run(self, operations: int = 120) -> None:
        actions = (
            [self.prepare] * 20
            + [self.decide] * 20
            + [self.send] * 10
            + [self.turn] * 25
            + [self.sync] * 4
            + [self.maintain] * 6
            + [self.restart] * 2
        )
        for _ in range(operations):
            self.rng.choice(actions)()

    def _next(self) -> tuple[int, bytes]:
        self.number += 1
        body = b"%d." % self.number + self.rng.randbytes(self.rng.choice((5, 50, 300)))
        return self.number, body

    def prepare(self) -> None:
        number, body = self._next()
        half = Half(
            topic="transfers",
            partition=0,
            group="bank",
            transaction_id=str(number),
            record=Record(body, b"key", ((b"h", b"v"),), self.life.now),
        )
        position = -1

        def then(error: Exception | None) -> None:
            assert error is None
            self.confirmed.add(number)
            self.open[number] = position

        position = self.life.transactions.prepare(half, then)

    def decide(self) -> None:
        """The producer writes down what it decides, then says so; or it says nothing."""
        if not self.open:
            return
        number = self.rng.choice(list(self.open))
        position = self.open.pop(number)
        commits = number in self.producer.commits or self.rng.random() < 0.7
        (self.producer.commits if commits else self.producer.rolls_back).add(number)
        if self.rng.random() < 0.2:
            return  # what it says gets lost: it will be asked
        verb = self.life.transactions.commit if commits else self.life.transactions.roll_back
        with suppress(NotFound, Conflict):  # it was asked before
            verb(position, partial(self._decided, number, commits))

    def _decided(self, number: int, commits: bool, error: Exception | None) -> None:
        assert error is None
        if commits:
            self.committed.add(number)

    def send(self) -> None:
        """Others write to the same topics: no place is kept for anybody."""
        number, body = self._next()
        log = self.rng.choice(self.life.topics)

        def then(error: Exception | None) -> None:
            assert error is None
            self.plain.add(number)

        log.when_durable(append(log, Record(body, timestamp=self.life.now)), then)

    def turn(self) -> None:
        self.life.now += self.rng.choice((0, 1, 10, 500))
        self.life.turn()

    def sync(self) -> None:
        self.life.sync()

    def maintain(self) -> None:
        self.life.now += self.rng.choice((1000, 600_000))
        for work in self.life.store.maintenance(self.life.now):
            work.run()
            if self.rng.random() < 0.3:
                self.life.turn()
            work.done()

    def restart(self) -> None:
        self.life.turn()
        self.life.store.close()
        store = LogStore.open(self.files, disk_free_min=0)
        self.life = Life(store, self.life.now, self.producer)


def check_image(load: Load, image: SimFiles, rng: Random, *, power_cut: bool) -> None:
    image.capacity = UNLIMITED
    life = Life(LogStore.open(image, disk_free_min=0), load.life.now, load.producer)
    if rng.random() < 0.5:  # others take the places that are free, and it dies again
        for _ in range(rng.randrange(3)):
            for log in life.topics:
                append(log, Record(b"0.", timestamp=life.now))
            life.commit()
        for _ in range(rng.randrange(3)):
            life.now += 2000
            life.turn()
        again = image.crash(rng) if power_cut else image.killed()
        again.capacity = UNLIMITED
        life = Life(LogStore.open(again, disk_free_min=0), life.now, load.producer)
    life.everything()
    _check_topics(load, life)
    _go_on(life, load)


def _check_topics(load: Load, life: Life) -> None:
    first, second = Counter(life.found(0)), Counter(life.found(1))
    both = [*first.items(), *second.items()]
    twice = [number for number, count in both if count > 1 and number]
    assert not twice, f"twice: {twice}"
    halves_known = load.confirmed | set(load.open)
    never = {n for n in first if n in halves_known and n not in load.producer.commits}
    assert not never, f"visible, and not committed: {sorted(never)}"
    due = load.producer.commits & load.confirmed
    assert not due - set(first), f"committed, and lost: {sorted(due - set(first))}"
    third = {n for n in due if n % 3 == 0}
    assert not third - set(second), f"did not get everywhere: {sorted(third - set(second))}"
    lost = load.plain - set(first) - set(second)
    assert not lost, f"sent without a transaction, and lost: {sorted(lost)}"
    waiting = {int(one.transaction_id) for one in life.transactions.page(1000)}
    decided = load.producer.commits | load.producer.rolls_back
    assert not waiting & decided, f"decided, and still there: {sorted(waiting & decided)}"
    undecided = load.confirmed - decided
    assert not undecided - waiting, f"nobody decided, and gone: {sorted(undecided - waiting)}"


def _go_on(life: Life, load: Load) -> None:
    """What waits can still be committed, and a clean end changes nothing."""
    for one in life.transactions.page(1000):
        load_number = int(one.transaction_id)
        if load_number in load.confirmed:
            life.transactions.commit(one.position, _must_be_done)
    life.turn()
    before = life.found(0), life.found(1)
    life.journal.flush()
    life.commit()
    life.store.close()
    store = LogStore.open(life.store._disk.files, disk_free_min=0)
    after = Life(store, life.now, Producer())
    after.everything()
    assert (after.found(0), after.found(1)) == before


def _must_be_done(error: Exception | None) -> None:
    assert error is None


def crash_everywhere(seed: int, images_max: int) -> int:
    load = Load(seed)

    def look(image: SimFiles, rng: Random, power_cut: bool) -> None:
        check_image(load, image, rng, power_cut=power_cut)

    dying = Dying(load.files, seed, images_max, look, killed=KILLED_SHARE)
    load.run()
    return dying.end()


@pytest.mark.timeout(240 * EFFORT)
@pytest.mark.parametrize("part", range(PARTS))
def test_money_moves_once_whatever_a_crash_leaves(part: int) -> None:
    """Who has moved money in his own database relies on the message coming once."""
    run_loads(f"transaction images {part}", IMAGES // PARTS, crash_everywhere)
