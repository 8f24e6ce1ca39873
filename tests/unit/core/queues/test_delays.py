"""Delays: what comes later comes, in order, once it is time, and through every restart."""

import errno
import sys
from collections.abc import Callable

import pytest

from anymq.core.message import Envelope, Message, Properties, Traits
from anymq.core.queues import delays as module
from anymq.core.queues import journal as journals
from anymq.core.queues.delays import LOG_CONFIG, LOG_ID, Delays
from anymq.core.queues.journal import Journal
from anymq.core.timers import Timer, Timers
from anymq.storage.errors import DiskFull
from anymq.storage.store import LogStore
from anymq.testing.simfs import UNLIMITED, SimFiles

START = 1_700_000_000_000


class Plain:
    """A form that says nothing."""

    number = 1

    def traits(self, properties: bytes) -> Traits:
        return Traits()

    def read(self, properties: bytes) -> Properties:
        return Properties()

    def write(self, properties: Properties) -> bytes:
        return b""


PLAIN = Plain()


class Room:
    """Delays with a clock that is set, and a place where they are released to."""

    def __init__(self) -> None:
        self.files = SimFiles()
        self.now = START
        self.released: list[tuple[str, str, bytes]] = []
        self.answers: list[Callable[[Exception | None], None]] | None = None  # None: at once
        self.told: list[Exception | None] = []
        self.start()

    def start(self) -> None:
        self.timers = Timers()
        self.pending: list[Delays] = []
        self.store = LogStore.open(self.files, disk_free_min=0)
        log = self.store.open_log(journals.LOG_ID, journals.LOG_CONFIG)
        self.journal = Journal(log)
        self.journal.restore()
        self.log = self.store.open_log(LOG_ID, LOG_CONFIG)
        self.delays = Delays(
            self.log,
            self.journal.settlement(LOG_ID),
            {1: PLAIN},
            clock=self,
            changed=self.pending.append,
            release=self.release,
        )
        self.store.read_whole(self.log, self.delays.restore)

    def now_ms(self) -> int:
        return self.now

    def at(self, due_ms: int, callback: Callable[[], None]) -> Timer:
        return self.timers.at(due_ms, callback)

    def release(
        self, vhost: str, message: Message, then: Callable[[Exception | None], None]
    ) -> None:
        self.released.append((vhost, message.envelope.routing_key, message.body))
        if self.answers is None:
            then(None)
        else:
            self.answers.append(then)

    def add(self, delay_ms: int, body: bytes = b"", key: str = "key") -> None:
        message = Message(Envelope("amq.topic", key, PLAIN), b"properties", body, self.now)
        self.delays.add("/", message, self.now + delay_ms, self.told.append)

    def commit(self) -> None:
        while (commit := self.store.begin_commit()) is not None:
            commit.run()
            commit.done()

    def turn(self) -> None:
        """What the loop does: timers, the turn, the disk."""
        self.commit()
        self.timers.run(self.now)
        while self.pending:
            pending, self.pending[:] = self.pending[:], []
            for delays in pending:
                if delays.pump():
                    self.pending.append(delays)
                delays.flush()
        self.journal.flush()
        self.commit()

    def sleep(self, ms: int) -> None:
        """Let time pass, a timer after the other."""
        self.turn()
        end = self.now + ms
        while (due := self.timers.next_due()) is not None and due <= end:
            self.now = max(self.now, int(due))
            self.turn()
        self.now = end
        self.turn()

    def upkeep(self, count: int = 3) -> None:
        for _ in range(count):
            for work in self.store.maintenance(self.now):
                work.run()
                work.done()

    def restart(self, *, killed: bool = False) -> None:
        if killed:
            self.files = self.files.killed()
        else:
            self.store.close()
        self.start()

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.released]


@pytest.fixture
def room() -> Room:
    return Room()


def test_each_comes_when_it_is_due(room: Room) -> None:
    room.add(3000, b"third")
    room.add(1000, b"first", "a.b")
    room.add(2000, b"second")
    room.sleep(999)
    assert room.told == [None] * 3
    assert room.released == []
    room.sleep(1)
    assert room.released == [("/", "a.b", b"first")]
    room.sleep(1000)
    assert room.bodies == [b"first", b"second"]
    assert len(room.delays) == 1
    room.sleep(60_000)
    assert room.bodies == [b"first", b"second", b"third"]


def test_those_due_together_come_in_order(room: Room) -> None:
    for n in range(1200):
        room.add(1000, b"%d" % n)
    room.sleep(1000)
    assert room.bodies == [b"%d" % n for n in range(1200)]


def test_what_comes_earlier_moves_the_timer(room: Room) -> None:
    room.add(60_000, b"late")
    room.sleep(10)
    room.add(100, b"early")
    room.sleep(100)
    assert room.bodies == [b"early"]


def test_nothing_comes_before_the_disk_has_it(room: Room) -> None:
    """Its publisher may yet hear that it could not be kept."""
    room.add(5, b"soon")
    room.now += 10
    room.timers.run(room.now)
    assert room.pending == []
    room.turn()
    assert room.bodies == [b"soon"]


@pytest.mark.parametrize("killed", [False, True])
def test_a_restart_forgets_nothing_and_repeats_nothing(room: Room, killed: bool) -> None:
    for n in range(10):
        room.add(1000 * n, b"%d" % n)
    room.sleep(4500)
    assert len(room.released) == 5
    room.restart(killed=killed)
    assert len(room.delays) == 5
    room.sleep(10_000)
    assert room.bodies == [b"%d" % n for n in range(10)]
    room.restart(killed=killed)
    assert len(room.delays) == 0


def test_what_was_due_meanwhile_comes_at_once(room: Room) -> None:
    room.add(1000, b"1")
    room.turn()
    room.restart(killed=True)
    room.now += 3_600_000
    room.sleep(0)
    assert room.bodies == [b"1"]


def test_what_is_not_safe_where_it_went_comes_again(room: Room) -> None:
    room.answers = []
    room.add(1000, b"1")
    room.sleep(1000)
    assert room.bodies == [b"1"]
    room.restart(killed=True)
    room.sleep(0)
    assert room.bodies == [b"1", b"1"]


def test_a_clean_end_keeps_what_has_no_answer_yet(room: Room) -> None:
    room.answers = []
    room.add(1000, b"1")
    room.add(9000, b"2")
    room.sleep(1000)
    room.restart()
    assert len(room.delays) == 2


def test_a_disk_that_refuses_one_does_not_keep_the_others() -> None:
    """The timer was for the one that the disk did not take."""
    room = Room()
    room.add(1000, b"later")
    room.commit()
    room.files.capacity = 0
    room.add(10, b"sooner")
    room.now += 10
    room.timers.run(room.now)  # it is due, and not on the disk yet
    room.commit()
    assert isinstance(room.told[-1], DiskFull)
    room.files.capacity = UNLIMITED
    assert room.timers.next_due() == START + 1000


def test_when_it_cannot_be_published_it_is_tried_again(room: Room) -> None:
    room.answers = []
    room.add(1000, b"1")
    room.sleep(1000)
    room.answers.pop()(DiskFull("the disk is full"))
    room.sleep(999)
    assert room.bodies == [b"1"]
    room.sleep(1)
    assert room.bodies == [b"1", b"1"]
    room.answers.pop()(None)
    room.sleep(60_000)
    assert len(room.delays) == 0
    assert room.bodies == [b"1", b"1"]


def test_only_so_many_wait_for_an_answer(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNANSWERED_MAX", 3)
    room.answers = []
    for n in range(5):
        room.add(1000, b"%d" % n)
    room.sleep(1000)
    assert len(room.released) == 3
    answers, room.answers = room.answers, []
    for then in answers:
        then(None)
    room.turn()
    assert room.bodies == [b"%d" % n for n in range(5)]


def test_those_that_are_due_one_after_another_come_together(room: Room) -> None:
    """Where each came alone, it would have a batch and a commit of its own."""
    for delay_ms in (1000, 1001, 1009, 1011, 1500):
        room.add(delay_ms, b"%d" % delay_ms)
    room.sleep(1000)
    assert room.bodies == [b"1000"], "it is alone, and waits for nobody"
    room.sleep(9)
    assert room.bodies == [b"1000"]
    room.sleep(1)
    assert room.bodies == [b"1000", b"1001", b"1009"]
    room.sleep(10)
    assert room.bodies[3:] == [b"1011"]
    room.sleep(480)
    assert room.bodies[4:] == [b"1500"]


def test_they_are_listed_by_time_a_page_at_a_time(room: Room) -> None:
    for n in range(10):
        room.add(1000 * (10 - n), b"%d" % n, f"key.{n}")
    assert room.delays.page(10) == [], "not before the disk has them"
    room.turn()
    first = room.delays.page(4)
    assert [one.message.body for one in first] == [b"9", b"8", b"7", b"6"]
    assert (first[0].due_ms, first[0].vhost_name) == (START + 1000, "/")
    assert first[0].message.envelope.routing_key == "key.9"
    assert first[0].message.envelope.exchange == "amq.topic"
    assert first[0].message.properties == b"properties"
    assert first[0].message.timestamp_ms == START
    rest = room.delays.page(100, after=first[-1].id)
    assert [one.message.body for one in rest] == [b"5", b"4", b"3", b"2", b"1", b"0"]
    assert room.delays.page(100, after=rest[-1].id) == []


def test_what_is_cancelled_never_comes(room: Room) -> None:
    for n in range(3):
        room.add(1000, b"%d" % n)
    room.turn()
    waiting = room.delays.page(3)[1]
    assert room.delays.cancel(waiting.id)
    assert not room.delays.cancel(waiting.id)
    assert not room.delays.cancel("nonsense")
    assert not room.delays.cancel("")
    room.turn()
    room.restart(killed=True)
    room.sleep(1000)
    assert room.bodies == [b"0", b"2"]


def test_the_disk_keeps_only_what_waits(room: Room) -> None:
    """One message for next year does not keep all that was delayed since."""
    room.add(365 * 86_400_000, b"next year")
    for n in range(100):
        room.add(1000, b"%d" % n + bytes(10_000))
    room.sleep(1000)
    room.upkeep()
    room.sleep(400_000)
    room.upkeep()
    assert room.log.size_bytes() < 1000
    room.restart(killed=True)
    assert [one.message.body for one in room.delays.page(9)] == [b"next year"]


def test_a_restart_reads_the_state_not_the_messages(room: Room) -> None:
    for n in range(50):
        room.add(1000 + n, b"%d" % n + bytes(1000))
    room.turn()
    room.log.roll()
    room.upkeep()
    room.add(1, b"since")
    room.turn()
    room.sleep(1010)
    room.restart(killed=True)
    read = room.log.read
    offsets: list[int] = []
    room.log.read = lambda at, size, **more: (offsets.append(at), read(at, size, **more))[1]  # type: ignore[method-assign,func-returns-value]
    room.delays.restore()
    assert offsets == [50, 51]
    assert len(room.delays) == 39
    room.sleep(60_000)
    assert len(set(room.bodies)) == len(room.bodies) == 51


def test_what_the_disk_did_not_take_is_refused(room: Room) -> None:
    room.add(1000, b"kept")
    room.turn()
    room.add(1000, b"not kept")
    room.files.fault("pwritev", errno.ENOSPC, when=lambda path: path.startswith("logs/4/"))
    room.turn()
    assert [type(error) for error in room.told] == [type(None), DiskFull]
    room.add(1000, b"refused")
    assert isinstance(room.told[-1], DiskFull)
    room.upkeep()
    room.add(1000, b"again")
    room.sleep(1000)
    assert room.bodies == [b"kept", b"again"]


def test_a_damaged_one_is_skipped_the_others_come(room: Room) -> None:
    for n in range(5):
        room.add(1000, b"%d" % n + bytes(100))
    room.turn()
    room.restart()
    path = room.log.active.path
    data = bytearray(room.files.content(path))
    data[len(data) // 2] ^= 1
    room.files.put(path, bytes(data))
    room.restart(killed=True)
    for _ in range(9):
        room.sleep(1000)
        room.upkeep()
    assert [body[:1] for body in room.bodies] == [b"0", b"1", b"3", b"4"]
    assert room.store.reports
    assert len(room.delays) == 0


def test_a_million_cost_less_than_32_bytes_each(room: Room) -> None:
    for n in range(20_000):
        room.delays._due.add(START + n * 7919 % 100_003, n)
    due = room.delays._due
    arrays = [*due._dues, *due._positions]
    size = sum(map(sys.getsizeof, arrays)) + sum(map(sys.getsizeof, (due._dues, due._lasts)))
    assert size / 20_000 < 32


def test_a_timer_of_one_that_is_gone_does_not_leave_the_next_one_without() -> None:
    """The disk was late with the first: it came when it was written, its timer stayed."""
    room = Room()
    room.add(100, b"first")
    room.now += 50
    room.add(60, b"at once")  # the earliest timer is now at 100
    room.now += 40
    room.commit()
    room.now += 30  # both are due; the timer has not run yet
    room.delays._on_visible()
    for delays in (room.pending.pop(),):
        delays.pump()
        delays.flush()
    room.add(1000, b"later")
    room.timers.run(room.now)  # it is not on the disk yet, nor is it due
    room.commit()
    room.sleep(2000)
    assert [body for _, _, body in room.released] == [b"first", b"at once", b"later"]
