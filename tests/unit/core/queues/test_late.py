"""Late records: they come to their partition when they are due, once, whenever the broker dies."""

import errno
from collections.abc import Sequence

import pytest
from tests.unit.core.world import NOW_MS, Restart, Told, World, read

from anymq.core.queues import delays, soon
from anymq.core.queues.late import LateRecord
from anymq.core.streams.topic import Topic
from anymq.core.vhosts import arrivals
from anymq.storage.errors import DiskFull
from anymq.storage.records import Record, encode_headers

SECOND = 1000


class Room:
    """A broker with a topic of two partitions, whose disk and clock the test decides."""

    def __init__(self) -> None:
        self.world = World()
        self.world.broker.create_topic("orders", 2)
        self.world.commit()

    @property
    def topic(self) -> Topic:
        return self.world.broker.topic("orders")

    def add(self, value: bytes, delay_ms: int = SECOND, partition: int = 0) -> Told:
        """Let a record come later."""
        now, told = self.world.clock.now_ms, Told()
        headers = encode_headers([(b"kind", b"late")])
        late = LateRecord("orders", partition, b"key", value, headers, now, now + delay_ms)
        self.world.broker.delays.add_record(late, told)
        return told

    def add_all(self, *delays_ms: int) -> Told:
        """Let records come later that are kept as one batch, to both partitions in turn."""
        now, told = self.world.clock.now_ms, Told()
        late = [
            LateRecord("orders", n % 2, None, b"%d" % n, b"\0", now + n, now + delay_ms)
            for n, delay_ms in enumerate(delays_ms)
        ]
        self.world.broker.delays.add_records(late, told)
        return told

    def turn(self) -> None:
        """What the loop does: timers, the turn, the disk."""
        self.world.timers.run(self.world.clock.monotonic())
        self.world.broker.turn.run()

    def sleep(self, ms: int) -> None:
        """Let time pass."""
        self.world.commit()
        self.world.clock.now_ms += ms
        for _ in range(4):
            self.turn()
            self.world.commit()

    def wake(self, ms: int) -> None:
        """As `sleep`, but the disk does nothing after it."""
        self.sleep(ms - 2)
        self.world.clock.now_ms += 2
        self.turn()

    def records(self, partition: int = 0) -> Sequence[Record]:
        found = self.topic.partition(partition)
        return read(found, found.start)

    def values(self, partition: int = 0) -> list[bytes | None]:
        return [record.value for record in self.records(partition)]


@pytest.fixture(params=[0, soon.BYTES_MAX], ids=["read", "remembered"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Room:
    """What is due soon is in memory, or, as all else, read when it is due."""
    monkeypatch.setattr(soon, "BYTES_MAX", request.param)
    return Room()


def test_a_record_comes_to_its_partition_as_it_is_and_on_time(room: Room) -> None:
    told = room.add(b"body", 1000, 1)
    room.sleep(999)
    assert told.ok
    assert room.values(1) == []
    room.sleep(2)
    (record,) = room.records(1)
    assert (record.key, record.value, record.headers) == (b"key", b"body", ((b"kind", b"late"),))
    assert record.timestamp == NOW_MS + 1001, "it came now"
    assert room.values(0) == []
    assert room.world.broker.delayed_count == 0


def test_those_due_together_come_in_order_and_as_one_batch(room: Room) -> None:
    for n in range(300):
        room.add(b"%d" % n)
    room.sleep(1001)
    assert room.values() == [b"%d" % n for n in range(300)]
    found = room.topic.partition(0).read(0, 1)
    assert found is not None
    assert int.from_bytes(found.read()[57:61]) == 300, "records of the first batch"


@pytest.mark.parametrize("how", [None, *Restart])
def test_of_a_batch_each_comes_when_it_is_due(room: Room, how: Restart | None) -> None:
    told = room.add_all(3000, 1000, 2000, 1000, 60_000)
    room.sleep(1001)
    assert told.ok
    assert (room.values(0), room.values(1)) == ([], [b"1", b"3"])
    if how is not None:
        room.world.restart(how)
    room.sleep(1000)
    assert room.values(0) == [b"2"]
    room.sleep(1000)
    assert room.values(0) == [b"2", b"0"]
    assert room.world.broker.delayed_count == 1


def test_of_a_batch_each_is_listed_cancelled_and_hastened(room: Room) -> None:
    room.add_all(5000, 1000, 3000)
    room.sleep(0)
    waiting = room.world.broker.delays
    ids = [one.id for one in waiting.page(10)]
    assert [one.message.body for one in waiting.page(10)] == [b"1", b"2", b"0"]
    found = [waiting.find_record(one) for one in ids]
    assert [one and one.value for one in found] == [b"1", b"2", b"0"]
    assert [one and one.came_ms - NOW_MS for one in found] == [1, 2, 0]
    assert waiting.cancel(ids[0])
    assert waiting.hasten(ids[2])
    room.sleep(1)
    room.sleep(60_000)
    assert (room.values(0), room.values(1)) == ([b"0", b"2"], [])


def test_what_is_left_of_a_batch_stays_when_the_log_is_thinned(room: Room) -> None:
    for _ in range(100):
        room.add_all(*([10] * 9), 10**6)
    log = room.world.store.logs[delays.LOG_ID]
    room.sleep(1000)
    log.roll()
    for _ in range(5):
        room.world.maintain()
    assert log.size_bytes() < 30_000, "nine of ten are gone"
    room.world.restart(Restart.KILLED)
    assert room.world.broker.delayed_count == 100
    room.sleep(10**6)
    assert room.values(1).count(b"9") == 100


def test_they_are_listed_and_cancelled_as_messages_are(room: Room) -> None:
    room.add(b"first", 1000)
    room.add(b"second", 2000, 1)
    room.sleep(0)
    first, second = room.world.broker.delays.page(10)
    assert (second.topic, second.partition, second.vhost_name) == ("orders", 1, "/")
    assert second.message.body == b"second"
    assert second.message.read().headers["kind"] == "late"
    assert room.world.broker.delays.cancel(first.id)
    room.sleep(2001)
    assert (room.values(0), room.values(1)) == ([], [b"second"])


def test_what_goes_to_a_topic_that_is_gone_is_gone(room: Room) -> None:
    room.add(b"late")
    room.world.broker.delete_topic("orders")
    room.sleep(1001)
    assert room.world.broker.delayed_count == 0


def test_what_the_topic_does_not_take_waits_on_and_the_others_come(room: Room) -> None:
    room.world.broker.alter_topic_config("orders", {"max.message.bytes": "1000"})
    for value in (b"1", b"2" * 2000, b"3"):
        room.add(value)
    room.sleep(1001)
    assert room.values() == [b"1", b"3"]
    assert room.world.broker.delayed_count == 1
    room.world.broker.alter_topic_config("orders", {})
    room.sleep(600_000)
    assert room.values() == [b"1", b"3", b"2" * 2000]


@pytest.mark.parametrize("how", list(Restart))
def test_a_restart_forgets_none_and_repeats_none(room: Room, how: Restart) -> None:
    for n in range(10):
        room.add(b"%d" % n, 1000 * (n + 1))
    room.sleep(5001)
    assert room.values() == [b"%d" % n for n in range(5)]
    room.world.restart(how)
    room.sleep(10_001)
    assert room.values() == [b"%d" % n for n in range(10)]
    room.world.restart(how)
    room.sleep(10_001)
    assert len(room.values()) == 10


def test_what_arrived_and_is_not_settled_does_not_come_twice(room: Room) -> None:
    """The disk has the record, and we die before we write down that it is done."""
    room.add(b"once")
    room.wake(1002)
    commit = room.world.store.begin_commit()
    assert commit is not None
    commit.run()  # nobody hears of it
    room.world.restart(Restart.KILLED)
    assert room.values() == [b"once"]
    assert room.world.broker.delayed_count == 1, "nobody knows yet"
    room.sleep(0)
    assert room.values() == [b"once"]
    assert room.world.broker.delayed_count == 0


def test_a_note_of_a_place_that_another_one_has_is_no_proof(room: Room) -> None:
    """The disk took the note and not the record: what comes to that place is another one."""
    room.add(b"late")
    room.wake(1002)
    path = f"logs/{room.topic.partition(0).log.id}/"
    room.world.lose(errno.ENOSPC, path)
    room.world.broker.delays.add_record(  # takes its place, in another life even
        LateRecord("orders", 0, b"key", b"other", b"\0", 0, room.world.clock.now_ms), None
    )
    room.sleep(0)
    room.world.restart(Restart.KILLED)
    room.sleep(60_000)
    assert sorted(map(str, room.values())) == ["b'late'", "b'other'"]


def test_when_the_disk_is_full_senders_hear_of_it_and_nothing_comes(room: Room) -> None:
    room.add(b"kept")
    room.sleep(0)
    refused = room.add(b"lost")
    room.world.lose(errno.ENOSPC, f"logs/{delays.LOG_ID}/")
    assert isinstance(refused.error, DiskFull)
    room.sleep(60_000)
    assert room.values() == [b"kept"]


def test_memory_has_what_is_due_soon_and_not_more(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soon, "BYTES_MAX", 30)
    waiting = room.world.broker.delays
    told = room.add(b"x" * 20)
    room.world.lose(errno.ENOSPC, f"logs/{delays.LOG_ID}/")
    assert isinstance(told.error, DiskFull)
    assert (len(waiting._soon), waiting._soon.size) == (0, 0)
    room.add(b"later", soon.SOON_MS + 1)
    for _ in range(3):
        room.add(b"x" * 20)
    assert len(waiting._soon) == 1, "the first is all that there is room for"
    room.sleep(0)
    first = waiting._due.first()
    assert first is not None
    assert waiting.cancel(delays.id_of(*first))
    assert (len(waiting._soon), waiting._soon.size) == (0, 0)
    room.add(b"y" * 20)
    room.sleep(SECOND)
    assert (len(waiting._soon), waiting._soon.size) == (0, 0)
    assert [value[:1] for value in room.values() if value is not None] == [b"x", b"x", b"y"]


def test_notes_of_no_more_use_go(room: Room) -> None:
    """However much arrives, a start reads but a few of them."""
    arrived = room.world.broker._messaging.arrivals
    arrived._notes_bytes_max = 500
    for n in range(40):
        room.add(b"%d" % n, 1)
        room.sleep(20_000)
    room.world.maintain()
    log = room.world.store.logs[arrivals.LOG_ID]
    assert log.end == 40
    assert log.start > 20
    room.world.restart(Restart.KILLED)
    room.sleep(1001)
    assert room.values() == [b"%d" % n for n in range(40)]
