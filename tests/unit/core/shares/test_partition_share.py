"""A group at a topic, against a model that keeps every offset in a dictionary; with crashes."""

from collections.abc import Sequence
from random import Random

import pytest
from tests.unit.core.world import Restart, World, append, make_batch

from anymq.core.queues.delivery import Delivery
from anymq.core.shares.places import Spot
from anymq.core.shares.words import Acquired, Answer, NotHeld, Place, Settled, Wish
from anymq.core.taps import BROKER, Origin
from anymq.storage.compression import Compression

GROUP, TOPIC = "workers", "orders"
STEPS = 150
EARLIEST = {"share.auto.offset.reset": "earliest", "share.delivery.count.limit": "1000"}


class Run:
    """Two members, the broker, and what should be."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.world = World()
        self.world.broker.create_topic(TOPIC, 1)
        self.world.broker.group_configs.put(GROUP, EARLIEST, lambda _: None)
        self.waits: dict[int, int] = {}  # offset → how often it came back
        self.out: dict[int, str] = {}
        self.times: dict[int, int] = {}  # the same, of what is out
        self.end = 0
        self.world.commit()
        self.come()

    def come(self) -> None:
        self.members = {name: self.place() for name in ("ada", "bob")}

    def place(self) -> Place:
        return self.world.broker.shares.place(GROUP, spot_of(self.world), 0, BROKER, lambda: None)

    def step(self) -> None:
        moves = [self.append, self.take, self.take, self.settle, self.settle]
        moves += [self.leave, self.expire, self.restart, self.lie]
        self.random.choices(moves, [4, 6, 6, 6, 6, 1, 1, 1, 1])[0]()

    def append(self) -> None:
        count = self.random.randint(1, 12)
        append(self.world.broker.topic(TOPIC).partitions[0], make_batch(*[b"x"] * count))
        self.world.write()
        self.waits.update(dict.fromkeys(range(self.end, self.end + count), 0))
        self.end += count

    def take(self) -> None:
        name = self.random.choice(list(self.members))
        strict = self.random.random() < 0.5
        most = self.random.randint(1, 20)
        taken = self.members[name].ask(Wish(most, self.random.choice([1, 200, 10_000]), strict))
        if taken is None:
            assert not self.waits
            return
        offsets = [o for one in taken.acquired for o in range(one.first, one.last + 1)]
        counts = {
            o: one.deliveries for one in taken.acquired for o in range(one.first, one.last + 1)
        }
        assert offsets == sorted(set(offsets))
        assert offsets[0] == min(self.waits), "the oldest comes first"
        assert taken.records == len(offsets)
        assert not strict or len(offsets) <= most
        for offset in offsets:
            times = self.waits.pop(offset)  # KeyError: it was settled, or somebody has it
            assert counts[offset] == times + 1
            self.out[offset] = name
            self.times[offset] = times

    def settle(self) -> None:
        if not self.out:
            return
        name = self.out[self.random.choice(list(self.out))]
        its = [offset for offset in self.out if self.out[offset] == name]
        chosen = sorted(self.random.sample(its, self.random.randint(1, len(its))))
        answer = self.random.choice([Answer.ACCEPT, Answer.RELEASE, Answer.REJECT, Answer.RENEW])
        self.members[name].settle([Settled(one, one, [answer]) for one in chosen])
        if answer is Answer.RENEW:
            return
        for offset in chosen:
            del self.out[offset]
            if answer is Answer.RELEASE:
                self.waits[offset] = self.times[offset] + 1

    def lie(self) -> None:
        with pytest.raises(NotHeld):
            self.members["ada"].settle([Settled(self.end, self.end, [Answer.ACCEPT])])
        for offset, name in self.out.items():
            if name == "bob":
                with pytest.raises(NotHeld):
                    self.members["ada"].settle([Settled(offset, offset, [Answer.ACCEPT])])

    def leave(self) -> None:
        name = self.random.choice(list(self.members))
        self.members[name].close()
        for offset in [one for one in self.out if self.out[one] == name]:
            del self.out[offset]
            self.waits[offset] = self.times[offset]
        self.members[name] = self.place()

    def expire(self) -> None:
        self.world.clock.now_ms += 31_000
        self.world.timers.run(self.world.clock.monotonic())
        for offset in self.out:
            self.waits[offset] = self.times[offset] + 1
        self.out.clear()

    def restart(self) -> None:
        told: list[Exception | None] = []
        self.world.broker.when_settled(told.append)
        self.world.write()
        assert told == [None]
        # A power cut may take back what was settled since the last sync, as of queues: not here.
        self.world.restart(self.random.choice([Restart.CLEAN, Restart.KILLED]))
        for offset in self.out:
            self.waits[offset] = self.times[offset]
        self.out.clear()
        self.come()


@pytest.mark.parametrize("seed", range(12))
def test_every_offset_is_somebody_s_once_at_a_time(seed: int) -> None:
    run = Run(seed)
    for _ in range(STEPS):
        run.step()
    run.expire()
    while run.waits:
        run.take()


def test_what_a_crash_took_from_the_log_is_not_settled_for_what_comes_there() -> None:
    """The journal knows more than the log has: other messages get those offsets."""
    world = World()
    world.broker.create_topic(TOPIC, 1)
    world.broker.group_configs.put(GROUP, EARLIEST, lambda _: None)
    partition = world.broker.topic(TOPIC).partitions[0]
    append(partition, make_batch(b"a", b"b", b"c"))
    world.commit()
    place = world.broker.shares.place(GROUP, spot_of(world), 0, BROKER, lambda: None)
    assert place.ask(Wish(10, 1000)) is not None
    place.settle([Settled(1, 2, [Answer.ACCEPT]), Settled(0, 0, [Answer.RELEASE])])
    (ids,) = world.broker.shares._kept.topics(GROUP).values()
    world.broker.shares._kept.settlement(ids[0]).settle_run(4, 9, 9)
    world.broker.when_settled(lambda _: None)
    world.commit()
    world.restart(Restart.KILLED)
    append(world.broker.topic(TOPIC).partitions[0], make_batch(*[b"x"] * 9))
    world.commit()
    taken = world.broker.shares.place(GROUP, spot_of(world), 0, BROKER, lambda: None).ask(
        Wish(100, 1000)
    )
    assert taken is not None
    assert taken.acquired == [Acquired(0, 0, 2), Acquired(3, 11, 1)]


def spot_of(world: World) -> Spot:
    spot = world.broker.shares.spots.find(TOPIC)
    assert spot is not None
    return spot


def test_records_that_retention_takes_are_nobody_s_any_more() -> None:
    world = World()
    world.broker.create_topic(TOPIC, 1)
    world.broker.group_configs.put(GROUP, EARLIEST, lambda _: None)
    partition = world.broker.topic(TOPIC).partitions[0]
    append(partition, make_batch(b"a", b"b"))
    append(partition, make_batch(b"c"))
    world.commit()
    place = world.broker.shares.place(GROUP, spot_of(world), 0, BROKER, lambda: None)
    world.broker.delete_records(partition, 2)
    world.commit()
    taken = place.ask(Wish(10, 1000))
    assert taken is not None
    assert [(one.first, one.last) for one in taken.acquired] == [(2, 2)]


def test_a_topic_that_is_deleted_is_forgotten_by_its_groups() -> None:
    world = World()
    world.broker.create_topic(TOPIC, 1)
    world.broker.shares.place(GROUP, spot_of(world), 0, BROKER, lambda: None)
    world.commit()
    assert len(world.broker.shares.progress(GROUP)) == 1
    world.broker.delete_topic(TOPIC)
    world.commit()
    assert world.broker.shares.progress(GROUP) == []
    world.restart()
    assert world.broker.shares.progress(GROUP) == []


class Heard:
    """Listens at a topic."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, bytes, int, bool]] = []

    def delivered(
        self, queue: str, deliveries: Sequence[Delivery], who: Origin, *, no_ack: bool
    ) -> None:
        assert not no_ack
        self.seen += [
            (queue, one.position, one.message.body, one.returns, one.redelivered)
            for one in deliveries
        ]


def test_who_listens_hears_what_a_member_got_and_nothing_else() -> None:
    world = World()
    world.broker.create_topic(TOPIC, 1)
    world.broker.group_configs.put(GROUP, EARLIEST, lambda _: None)
    topic = world.broker.topic(TOPIC)
    heard = Heard()
    topic.taps.tap = heard  # type: ignore[assignment]
    append(topic.partitions[0], make_batch(b"a", b"b", b"c", compression=Compression.GZIP))
    world.commit()
    place = world.broker.shares.place(GROUP, spot_of(world), 0, BROKER, lambda: None)
    assert place.ask(Wish(2, 1000, strict=True)) is not None
    place.settle([Settled(1, 1, [Answer.RELEASE])])
    assert place.ask(Wish(1, 1000, strict=True)) is not None
    assert heard.seen == [
        (TOPIC, 0, b"a", 0, False),
        (TOPIC, 1, b"b", 0, False),
        (TOPIC, 1, b"b", 1, True),
    ]
