"""The settlement journal: what was settled is known after a restart, whatever was cleaned away."""

import errno
from random import Random

import pytest
from tests.unit.storage.stores import do, kill, open_store

from anymq.core.queues import journal as journals
from anymq.core.queues.journal import Journal
from anymq.core.queues.settlement import Settlement
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.log import Durability, LogConfig
from anymq.testing.simfs import SimFiles

CONFIG = LogConfig(segment_bytes=2000, delete=False, durability=Durability.INTERVAL)
WRITTEN = 10**9  # everything is in its log


class Office:
    """One journal, in one life after another."""

    def __init__(self, size_min: int = journals.SIZE_MIN) -> None:
        self.files = SimFiles()
        self.size_min = size_min
        self.start()

    def start(self) -> None:
        self.store = open_store(self.files)
        self.log = self.store.open_log(journals.LOG_ID, CONFIG)
        self.journal = Journal(self.log, size_min=self.size_min)
        self.store.read_whole(self.log, self.journal.restore)

    def line(self, log_id: int) -> Settlement:
        return self.journal.settlement(log_id)

    def turn(self) -> None:
        self.journal.flush()
        do(self.store.begin_commit())

    def tick(self) -> None:
        do(*self.store.maintenance(1_000_000))

    def restart(self) -> None:
        kill(self.store)
        self.files = self.files.killed()
        self.start()


def settle(line: Settlement, *positions: int) -> None:
    line.settle(positions, WRITTEN, 0)


def test_a_thousand_lines_in_a_turn_are_one_batch() -> None:
    office = Office()
    for log_id in range(1000):
        settle(office.line(log_id), 0, 2)
    office.turn()
    assert len(office.log.headers(0)) == 1
    office.restart()
    assert all(office.line(log_id).settled.low == 1 for log_id in range(1000))
    assert all(2 in office.line(log_id).settled for log_id in range(1000))


def test_the_journal_stays_small_and_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_BATCH_BYTES", 300)
    office, rng = Office(size_min=1000), Random(1)
    model: dict[int, set[int]] = {log_id: set() for log_id in range(20)}
    quiet = office.line(19)
    settle(quiet, 5)
    model[19].add(5)
    for step in range(600):
        for _ in range(rng.randrange(5)):
            log_id, position = rng.randrange(19), rng.randrange(3000)
            settle(office.line(log_id), position)
            model[log_id].add(position)
        if step % 37 == 0:
            office.files.fault("pwritev", errno.ENOSPC, when=lambda path: "logs/3/" in path)
        office.turn()
        office.turn()  # what was lost is said again
        office.tick()
        if step % 50 == 0:
            office.restart()
        for log_id, settled in model.items():
            one = office.line(log_id).settled
            assert one.count(0, 3000) == len(settled)
    assert office.log.start > 0
    assert office.log.size_bytes() < 60_000


def test_what_is_said_of_a_deleted_line_is_forgotten() -> None:
    office = Office()
    settle(office.line(20), 1)
    settle(office.line(21), 1)
    office.turn()
    office.journal.forget(20)
    office.turn()
    office.restart()
    assert office.journal.ids() == [21]


def test_settled_but_not_yet_in_the_log_is_not_kept() -> None:
    """The record will not be in the log either; and the position may be another's after a crash."""
    office = Office()
    office.line(20).settle([3, 4, 5], 4, 0)
    office.turn()
    office.restart()
    assert office.line(20).settled.end == 4


def test_returns_are_kept_until_the_message_is_settled() -> None:
    office = Office()
    line = office.line(20)
    line.give_back([3, 4])
    line.give_back([4])
    office.turn()
    office.restart()
    assert office.line(20).returns == {3: 1, 4: 2}
    settle(office.line(20), 3)
    office.turn()
    office.restart()
    assert office.line(20).returns == {4: 2}


def test_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(UnknownVersion):
        Settlement(20).apply(b"\x07")
    with pytest.raises(CorruptBatch):
        Settlement(20).apply(b"\x01\x80")


def test_who_asks_is_told_when_it_is_written() -> None:
    office = Office()
    told: list[Exception | None] = []
    office.journal.when_written(told.append)
    assert told == [None]
    settle(office.line(20), 1)
    office.journal.when_written(told.append)
    assert told == [None]
    office.turn()
    assert told == [None, None]
