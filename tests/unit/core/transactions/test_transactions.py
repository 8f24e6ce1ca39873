"""Transactions: what senders may rely on while everything goes well, and when something does not.

Crashes are in tests/crash/test_transaction_images.py.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.core.errors import Conflict, NotFound, Rejected, Unavailable
from anymq.core.queues import journal as journals
from anymq.core.queues.journal import Journal
from anymq.core.queues.progress import Progress
from anymq.core.queues.witness import Witness
from anymq.core.timers import Timer, Timers
from anymq.core.transactions import fates, halves
from anymq.core.transactions.fates import Fate, Fates, Outcome
from anymq.core.transactions.half import Half
from anymq.core.transactions.halves import Halves
from anymq.core.transactions.open import Open
from anymq.core.transactions.settings import TransactionSettings
from anymq.core.transactions.transactions import PAUSE_MS, Transactions
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.records import Record
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000
TOPIC = 100
Then = Callable[[Exception | None], None]


class _Clock:
    def wall_ms(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


@dataclass
class Bank:
    """A broker's transactions; whoever is asked answers nothing unless told to."""

    files: SimFiles = field(default_factory=SimFiles)
    settings: TransactionSettings = field(default_factory=TransactionSettings)
    now: int = NOW
    published: list[tuple[bytes, Outcome]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_there: bool = True
    refuses: Exception | None = None

    def __post_init__(self) -> None:
        self.changed = False
        self.timers = Timers()
        self.store = LogStore.open(self.files, disk_free_min=0)
        log = self.store.open_log(journals.LOG_ID, journals.LOG_CONFIG)
        self.journal = Journal(log)
        self.journal.restore()
        self.fates_log = self.store.open_log(fates.LOG_ID, fates.LOG_CONFIG)
        self.kept = EmbeddedStore(self.fates_log, _Clock())
        self.witness = Witness()
        self.transactions = Transactions(
            Halves(
                self.store.open_log(halves.LOG_ID, halves.LOG_CONFIG),
                self.journal.settlement(halves.LOG_ID),
            ),
            Fates(self.kept, self.fates_log),
            Progress(self.journal, log),
            clock=self,
            changed=self._on_change,
            witness=self.witness,
            has=lambda log, position: position < len(self.published),
            settings=self.settings,
        )
        self.transactions.restore()
        self.transactions.begin(self._publish, self._ask)

    def now_ms(self) -> int:
        return self.now

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        return self.timers.at(due_ms, callback)

    def _on_change(self, _: Transactions) -> None:
        self.changed = True

    def _publish(self, one: Open, half: Half, then: Then) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.witness.sends(TOPIC, len(self.published))
        self.published.append((half.record.value or b"", one.outcome))
        then(None)

    def _ask(self, one: Open, _half: Half) -> bool:
        self.asked.append(one.transaction_id)
        return self.is_there

    def prepare(self, name: str, immune_ms: int = -1, group: str = "bank-a") -> int:
        """Return the position of a half message that is safe."""
        half = Half(
            topic="transfers",
            partition=2,
            group=group,
            transaction_id=name,
            record=Record(name.encode(), b"k", ((b"h", b"v"),), self.now),
            immune_ms=immune_ms,
        )
        heard: list[Exception | None] = []
        position = self.transactions.prepare(half, heard.append)
        assert heard == []
        self.turn()
        assert heard == [None]
        return position

    def turn(self, later_ms: int = 0) -> None:
        self.now += later_ms
        self.timers.run(self.now)
        while self.changed:
            self.changed = False
            self.changed = self.transactions.pump() or self.changed
            self.transactions.flush()
        self.journal.flush()
        while (work := self.store.begin_commit()) is not None:
            work.run()
            work.done()

    def sync(self) -> None:
        if (work := self.store.begin_sync()) is not None:
            work.run()
            work.done()

    def commit(self, position: int) -> Exception | None:
        return self._end(self.transactions.commit, position)

    def roll_back(self, position: int) -> Exception | None:
        return self._end(self.transactions.roll_back, position)

    def _end(self, verb: Callable[[int, Then], None], position: int) -> Exception | None:
        heard: list[Exception | None] = []
        verb(position, heard.append)
        self.turn()
        (answer,) = heard
        return answer

    def restarted(self) -> "Bank":
        """Return it after a clean end."""
        self.turn()
        self.store.close()
        bank = Bank(self.files, self.settings, self.now, self.published)
        bank.turn()
        return bank


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_nobody_sees_a_message_before_it_is_committed(bank: Bank) -> None:
    """Who prepares may still change his mind."""
    position = bank.prepare("t1")
    assert bank.published == []
    assert bank.commit(position) is None
    assert bank.published == [(b"t1", Outcome.COMMIT)]
    assert len(bank.transactions) == 0


def test_what_is_rolled_back_never_comes(bank: Bank) -> None:
    position = bank.prepare("t1")
    assert bank.roll_back(position) is None
    after = bank.restarted()
    after.turn(HOUR_MS)
    assert (after.published, after.asked, len(after.transactions)) == ([], [], 0)


def test_messages_come_in_the_order_in_which_they_were_committed(bank: Bank) -> None:
    first, second = bank.prepare("t1"), bank.prepare("t2")
    bank.commit(second)
    bank.commit(first)
    assert [body for body, _ in bank.published] == [b"t2", b"t1"]


def test_a_second_commit_finds_nothing(bank: Bank) -> None:
    """An answer got lost, the producer tries again: the money moves once."""
    position = bank.prepare("t1")
    bank.commit(position)
    with pytest.raises(NotFound):
        bank.transactions.commit(position, lambda _: None)
    assert len(bank.published) == 1


def test_two_who_commit_at_once_hear_of_the_same_end(bank: Bank) -> None:
    """A producer commits while it answers that it did."""
    position = bank.prepare("t1")
    heard: list[Exception | None] = []
    bank.transactions.commit(position, heard.append)
    bank.transactions.commit(position, heard.append)
    with pytest.raises(Conflict):
        bank.transactions.roll_back(position, heard.append)
    bank.turn()
    assert heard == [None, None]
    assert len(bank.published) == 1


def test_what_is_not_on_the_disk_cannot_be_decided(bank: Bank) -> None:
    record = Record(b"t1", timestamp=NOW)
    half = Half(topic="t", partition=0, group="g", transaction_id="t1", record=record)
    position = bank.transactions.prepare(half, lambda _: None)
    assert bank.transactions.page(10) == []
    with pytest.raises(NotFound):
        bank.transactions.commit(position, lambda _: None)


def test_who_says_nothing_is_asked_after_a_while_and_again(bank: Bank) -> None:
    bank.prepare("t1")
    bank.turn(5999)
    assert bank.asked == []
    bank.turn(1)
    assert bank.asked == ["t1"]
    bank.turn(29_999)
    assert bank.asked == ["t1"]
    bank.turn(1)
    assert bank.asked == ["t1", "t1"]


def test_a_message_says_how_long_nobody_is_to_ask(bank: Bank) -> None:
    """CHECK_IMMUNITY_TIME_IN_SECONDS: the local transaction takes long."""
    bank.prepare("t1", immune_ms=60_000)
    bank.turn(59_999)
    assert bank.asked == []
    bank.turn(1)
    assert bank.asked == ["t1"]


def test_nobody_is_asked_about_what_is_decided(bank: Bank) -> None:
    bank.roll_back(bank.prepare("t1"))
    bank.commit(bank.prepare("t2"))
    bank.turn(HOUR_MS)
    assert bank.asked == []


def test_after_so_many_checks_it_goes_where_an_operator_finds_it() -> None:
    bank = Bank(settings=TransactionSettings(checks_max=3))
    bank.prepare("t1")
    for _ in range(3):
        bank.turn(30_000)
    assert (len(bank.asked), bank.published) == (3, [])
    bank.turn(30_000)
    assert bank.published == [(b"t1", Outcome.DISCARD)]
    assert (len(bank.transactions), bank.transactions.counts.discarded) == (0, 1)


def test_checks_are_counted_over_a_restart() -> None:
    bank = Bank(settings=TransactionSettings(checks_max=3))
    bank.prepare("t1")
    bank.turn(30_000)
    bank.turn(30_000)
    after = bank.restarted()
    assert after.transactions.page(1)[0].checks == 2 + len(after.asked)
    for _ in range(3):
        after.turn(30_000)
    assert after.published == [(b"t1", Outcome.DISCARD)]
    assert len(after.asked) == 1


def test_checks_that_nobody_heard_do_not_count() -> None:
    """Bank A is down for an hour: what it had decided is not thrown away meanwhile."""
    bank = Bank(settings=TransactionSettings(checks_max=3), is_there=False)
    bank.prepare("t1")
    for _ in range(100):
        bank.turn(30_000)
    assert bank.published == []
    assert bank.transactions.page(1)[0].checks == 0


def test_who_comes_back_is_asked_at_once(bank: Bank) -> None:
    bank.is_there = False
    bank.prepare("t1")
    bank.prepare("other", group="bank-c")
    bank.turn(10_000)
    bank.asked.clear()
    bank.is_there = True
    bank.transactions.on_producer("bank-a")
    bank.turn(1)
    assert bank.asked == ["t1"]


def test_what_is_too_old_is_given_up_though_nobody_was_asked() -> None:
    bank = Bank(settings=TransactionSettings(age_ms_max=HOUR_MS), is_there=False)
    bank.prepare("t1")
    for _ in range(130):
        bank.turn(30_000)
    assert bank.published == [(b"t1", Outcome.DISCARD)]


def test_what_waits_survives_a_restart_and_can_be_committed(bank: Bank) -> None:
    position = bank.prepare("t1")
    after = bank.restarted()
    (one,) = after.transactions.page(10)
    assert (one.position, one.group, one.topic, one.partition) == (
        *(position, "bank-a", "transfers", 2),
    )
    half = after.transactions.read(position)
    assert half is not None
    assert half.record.headers == ((b"h", b"v"),)
    assert after.commit(position) is None
    assert after.published == [(b"t1", Outcome.COMMIT)]


def test_a_commit_that_the_topic_refuses_is_tried_again(bank: Bank) -> None:
    """It was decided: whatever is wrong with the topic, the message is not forgotten."""
    position = bank.prepare("t1")
    bank.refuses = Rejected("full")
    assert isinstance(bank.commit(position), Rejected)
    with pytest.raises(Conflict):
        bank.transactions.roll_back(position, lambda _: None)
    bank.refuses = None
    bank.turn(PAUSE_MS)
    assert bank.published == [(b"t1", Outcome.COMMIT)]
    assert len(bank.transactions) == 0


def test_a_commit_that_was_refused_is_done_after_a_restart(bank: Bank) -> None:
    position = bank.prepare("t1")
    bank.refuses = Rejected("full")
    bank.commit(position)
    after = bank.restarted()
    after.turn()
    assert after.published == [(b"t1", Outcome.COMMIT)]
    assert after.asked == []


def test_there_is_a_limit_to_what_may_be_open() -> None:
    bank = Bank(settings=TransactionSettings(open_max=2))
    bank.prepare("t1")
    bank.prepare("t2")
    with pytest.raises(Unavailable):
        bank.prepare("t3")


def test_what_was_decided_is_forgotten_once_its_settlement_is_safe(bank: Bank) -> None:
    """Before, a power cut could bring the half message back."""
    bank.commit(bank.prepare("t1"))
    bank.roll_back(bank.prepare("t2"))
    bank.turn(1000)
    bank.turn(1000)
    assert len(bank.kept.load()) == 2, "nothing was synced"
    bank.sync()
    bank.turn(1000)
    bank.turn(1000)
    assert dict(bank.kept.load()) == {}


def test_lists_are_read_in_pages_and_by_group(bank: Bank) -> None:
    for number in range(5):
        bank.prepare(f"t{number}", group="odd" if number % 2 else "even")
    first = bank.transactions.page(2)
    then = bank.transactions.page(10, after=first[-1].position)
    assert [one.transaction_id for one in [*first, *then]] == ["t0", "t1", "t2", "t3", "t4"]
    odd = bank.transactions.page(10, wanted=lambda one: one.group == "odd")
    assert [one.transaction_id for one in odd] == ["t1", "t3"]
    assert bank.transactions.by_group() == {"even": 3, "odd": 2}


def test_half_messages_and_fates_of_a_newer_version_are_not_guessed_at() -> None:
    with pytest.raises(UnknownVersion):
        Fate.decode(b"\x02\x01\x00")
    with pytest.raises(UnknownVersion):
        Half.of(Record(b"", headers=((b"anymq.h", b"\x04"),)))
    with pytest.raises(CorruptBatch):
        Half.of(Record(b"", headers=((b"anymq.h", b"\x02\x7f"),)))
    with pytest.raises(CorruptBatch):
        Half.of(Record(b"", headers=((b"other", b""),)))
