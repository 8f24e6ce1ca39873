"""POP: messages leased one request at a time, from partitions and from queues."""

from collections.abc import Callable, Sequence

import pytest
from tests.unit.core.vhosts.conversations import publish
from tests.unit.core.world import Restart, World, append, make_batch

from anymq.core.queues.queue import Queue
from anymq.core.shares.pops import Hold, Pop, Rules
from anymq.core.shares.words import Answer, NotHeld, Settled, Taken, Wish
from anymq.core.streams.partition import Partition
from anymq.core.taps import BROKER

GROUP, TOPIC, QUEUE = "workers", "orders", "jobs"
INVISIBLE_MS = 10_000


class Room:
    """A broker with a topic of one partition, and whoever pops from it."""

    def __init__(self) -> None:
        self.world = World()
        self.world.broker.create_topic(TOPIC, 1)
        self.world.commit()

    @property
    def pop(self) -> Pop:
        return self.pop_of(GROUP)

    def pop_of(self, group: str, topic: str = TOPIC) -> Pop:
        shares = self.world.broker.shares
        spot = shares.spots.find(topic)
        assert spot is not None
        return shares.pops.at(group, spot, 0, who=BROKER, start=lambda partition: partition.start)

    def send(self, count: int) -> None:
        append(self.world.broker.topic(TOPIC).partitions[0], make_batch(*[b"x"] * count))
        self.world.write()

    def hold(self, invisible_ms: int = INVISIBLE_MS, attempt: str = "") -> Hold:
        return self.world.broker.shares.pops.hold(invisible_ms, attempt)

    def take(self, most: int = 32, group: str = GROUP) -> tuple[Hold, dict[int, int]]:
        hold = self.hold()
        return hold, times(self.pop_of(group).take(Wish(most, 1 << 20, strict=True), hold))

    def in_order(self, most: int = 32, attempt: str = "") -> tuple[Hold, dict[int, int]]:
        hold = self.hold(attempt=attempt)
        return hold, times(self.pop.take_in_order(Wish(most, 1 << 20, strict=True), hold))

    def sleep(self, ms: int) -> None:
        self.world.clock.now_ms += ms
        self.world.timers.run(self.world.clock.monotonic())

    def restart(self, how: Restart = Restart.KILLED) -> None:
        told: list[Exception | None] = []
        self.world.broker.when_settled(told.append)
        self.world.write()
        self.world.restart(how)


def times(taken: Taken | None) -> dict[int, int]:
    """Return offsets, each with how often it was handed out."""
    if taken is None:
        return {}
    return {o: one.deliveries for one in taken.acquired for o in range(one.first, one.last + 1)}


@pytest.fixture
def room() -> Room:
    return Room()


def test_who_pops_has_it_alone(room: Room) -> None:
    room.send(3)
    _, mine = room.take(2)
    _, others = room.take()
    assert mine == {0: 1, 1: 1}
    assert others == {2: 1}
    assert room.take()[1] == {}


def test_what_is_not_acked_in_time_comes_again(room: Room) -> None:
    """And says how often it came: consumers give up by that."""
    room.send(2)
    hold, _ = room.take()
    assert room.pop.ack(hold.time_ms, [0]) == []
    room.sleep(INVISIBLE_MS)
    assert room.take()[1] == {1: 2}


def test_anyone_who_knows_the_handle_acks(room: Room) -> None:
    """A client that lost its connection acks over the next one; nothing goes back by itself."""
    room.send(1)
    hold, _ = room.take()
    assert room.pop.ack(hold.time_ms, [0]) == []
    room.sleep(INVISIBLE_MS)
    assert room.take()[1] == {}


def test_an_ack_that_comes_late_is_heard_unless_another_has_it(room: Room) -> None:
    """The work is done: to do it again helps nobody. But what another has is the other's."""
    room.send(2)
    hold, _ = room.take()
    room.sleep(INVISIBLE_MS)
    assert room.pop.ack(hold.time_ms, [0]) == []
    other, mine = room.take()
    assert mine == {1: 2}
    assert room.pop.ack(hold.time_ms, [1]) == [1]
    assert room.pop.ack(other.time_ms, [1]) == []


def test_an_ack_twice_or_of_nothing_is_harmless(room: Room) -> None:
    room.send(1)
    hold, _ = room.take()
    for _ in range(2):
        assert room.pop.ack(hold.time_ms, [0, 7, -1]) == []
    room.send(1)
    assert room.take()[1] == {1: 1}


def test_invisible_for_longer_and_shorter(room: Room) -> None:
    """Changing the time makes another handle; the old one is worth nothing."""
    room.send(2)
    hold, _ = room.take()
    longer = room.pop.change(hold.time_ms, 0, 5 * INVISIBLE_MS)
    assert longer is not None
    assert room.pop.change(hold.time_ms, 0, 1) is None
    assert room.pop.ack(hold.time_ms, [0]) == [0]
    room.sleep(INVISIBLE_MS)
    again, mine = room.take()
    assert mine == {1: 2}
    assert room.pop.change(again.time_ms, 1, 0) is not None, "try again at once"
    room.sleep(1)
    assert room.take()[1] == {1: 3}
    assert room.pop.ack(longer.time_ms, [0]) == []


def test_handles_differ_though_time_stands_still(room: Room) -> None:
    """What came back at once has another handle, or who had it first could ack it."""
    room.send(1)
    first, _ = room.take()
    room.pop.put_back(first, [0])
    second, mine = room.take()
    assert mine == {0: 1}, "nobody had tried"
    assert first.time_ms != second.time_ms
    assert room.pop.ack(first.time_ms, [0]) == [0]


def test_in_order_nothing_is_out_while_somebody_has_something(room: Room) -> None:
    room.send(5)
    first, mine = room.in_order(2)
    assert mine == {0: 1, 1: 1}
    assert room.in_order(2)[1] == {}
    room.pop.ack(first.time_ms, [0])
    assert room.in_order(2)[1] == {}
    room.pop.ack(first.time_ms, [1])
    assert room.in_order(2)[1] == {2: 1, 3: 1}


def test_in_order_what_was_not_acked_comes_first(room: Room) -> None:
    room.send(4)
    first, _ = room.in_order(3)
    room.pop.ack(first.time_ms, [0])
    room.sleep(INVISIBLE_MS)
    assert room.in_order(2)[1] == {1: 2, 2: 2}


def test_in_order_what_was_acked_comes_again_behind_what_was_not(room: Room) -> None:
    """Who fails at the first of some does it again, and then the others: in their order."""
    room.send(5)
    first, _ = room.in_order(3)
    for _ in range(2):
        assert room.pop.ack(first.time_ms, [1, 2]) == []
    assert room.in_order(3)[1] == {}
    room.sleep(INVISIBLE_MS)
    second, mine = room.in_order(3)
    assert mine == {0: 2, 1: 1, 2: 1}, "only the first one failed"
    assert room.pop.ack(first.time_ms, [1]) == [1]
    room.pop.ack(second.time_ms, [0, 1, 2])
    assert room.in_order(3)[1] == {3: 1, 4: 1}


def test_in_order_acks_may_come_in_any_order(room: Room) -> None:
    """When the first one is acked, all are, for good; its time may have been changed before."""
    room.send(5)
    hold, _ = room.in_order(4)
    room.pop.ack(hold.time_ms, [3])
    longer = room.pop.change(hold.time_ms, 0, 2 * INVISIBLE_MS)
    assert longer is not None
    room.pop.ack(hold.time_ms, [1])
    assert room.pop.change(hold.time_ms, 1, 1) is None, "it was acked"
    room.pop.ack(longer.time_ms, [0])
    assert room.in_order()[1] == {}, "2 is out"
    room.restart()
    assert room.in_order(2)[1] == {2: 1, 3: 1}


def test_in_order_what_goes_to_nobody_waits_for_nothing(room: Room) -> None:
    """What a filter lets not through is done with, whatever becomes of those before it."""
    room.send(3)
    hold, _ = room.in_order()
    room.pop.skip(hold, [1])
    room.sleep(INVISIBLE_MS)
    assert room.in_order()[1] == {0: 2, 2: 2}


def test_in_order_who_did_not_hear_the_answer_gets_it_again(room: Room) -> None:
    """The same attempt: the answer was lost with a connection. Anyone else waits."""
    room.send(3)
    room.in_order(2, attempt="a1")
    assert room.in_order(2, attempt="b1")[1] == {}
    assert room.in_order(2, attempt="a1")[1] == {0: 1, 1: 1}


def test_who_waits_is_woken(room: Room) -> None:
    """By what comes, by what comes back, and by an ack where order has others wait."""
    woken: list[str] = []
    room.pop.watch(waiter := lambda: woken.append("!"))
    room.send(1)
    assert woken
    hold, _ = room.take()
    woken.clear()
    room.sleep(INVISIBLE_MS)
    assert woken
    hold, _ = room.in_order()
    woken.clear()
    room.pop.ack(hold.time_ms, [0])
    assert woken
    room.pop.unwatch(waiter)
    woken.clear()
    room.send(1)
    assert not woken


def test_what_was_acked_stays_acked(room: Room) -> None:
    """Leases are not kept: after a restart everything else waits, and old handles still ack."""
    room.send(3)
    hold, _ = room.take()
    room.pop.ack(hold.time_ms, [1])
    room.restart()
    assert room.pop.ack(hold.time_ms, [0]) == []
    assert room.take()[1] == {2: 1}


def test_a_share_group_of_the_same_name_shares(room: Room) -> None:
    """One settlement, one set of leases: nobody gets what another has."""
    room.send(3)
    hold, _ = room.take(1)
    shares = room.world.broker.shares
    spot = shares.spots.find(TOPIC)
    assert spot is not None
    kafka = shares.place(GROUP, spot, 0, BROKER, lambda: None)
    assert times(kafka.ask(Wish(1, 1 << 20, strict=True))) == {1: 1}
    assert room.pop.ack(hold.time_ms, [1]) == [1]
    with pytest.raises(NotHeld):
        kafka.settle([Settled(0, 0, [Answer.ACCEPT])])
    kafka.close()
    assert room.take()[1] == {1: 1, 2: 1}


def test_groups_do_not_know_each_other(room: Room) -> None:
    room.send(1)
    room.take()
    assert room.take(group="others")[1] == {0: 1}


class Grave:
    """Where messages go that were handed out too often."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.done: Callable[[bool], None] = lambda _: None

    def bury(
        self, partition: Partition, offsets: Sequence[int], done: Callable[[bool], None]
    ) -> None:
        self.offsets += offsets
        self.done = done


def test_what_was_handed_out_too_often_is_buried(room: Room) -> None:
    """It is done with when it is safe elsewhere, and not before."""
    grave = Grave()
    room.world.broker.shares.rule(GROUP, Rules(2, grave.bury))
    room.send(1)
    for count in (1, 2):
        assert room.take()[1] == {0: count}
        room.sleep(INVISIBLE_MS)
    assert grave.offsets == [0]
    assert room.take()[1] == {}, "it is on its way"
    grave.done(False)
    assert room.take()[1] == {0: 2}, "the disk was full"
    room.sleep(INVISIBLE_MS)
    grave.done(True)
    room.restart()
    assert room.take()[1] == {}


def test_in_order_what_was_acked_is_done_when_what_was_not_is_buried(room: Room) -> None:
    grave = Grave()
    room.world.broker.shares.rule(GROUP, Rules(1, grave.bury))
    room.send(4)
    hold, _ = room.in_order(3)
    room.pop.ack(hold.time_ms, [1])
    room.sleep(INVISIBLE_MS)
    assert grave.offsets == [0, 2]
    assert room.in_order()[1] == {}, "they are on their way"
    grave.done(True)
    assert room.in_order()[1] == {3: 1}


# Queues


def fill(room: Room, count: int) -> Queue:
    vhost = room.world.broker.vhosts["/"]
    if QUEUE not in vhost.queues:
        vhost.declare_queue(QUEUE, durable=True)
    for n in range(count):
        publish(vhost, "", QUEUE, b"%d" % n)
    room.world.broker.turn.run()
    queue = vhost.queues[QUEUE]
    assert isinstance(queue, Queue)
    return queue


def take_of_queue(room: Room, most: int, group: str = GROUP) -> tuple[Hold, dict[int, int]]:
    hold = room.hold()
    taken = room.pop_of(group, QUEUE).take(Wish(most, 1 << 20, strict=True), hold)
    return hold, times(taken)


def test_a_queue_is_popped_beside_its_consumers(room: Room) -> None:
    """Each message goes to one: to whoever pops it, in whichever group, or to a consumer."""
    queue = fill(room, 3)
    hold, mine = take_of_queue(room, 2)
    assert len(mine) == 2
    _, others = take_of_queue(room, 5, "others")
    assert len(others) == 1
    assert queue.unacked == 3
    pop = room.pop_of(GROUP, QUEUE)
    assert pop.ack(hold.time_ms, list(mine)) == []
    assert pop.ack(hold.time_ms, list(mine)) == list(mine), "done: nobody has it any more"
    assert (queue.ready, queue.unacked) == (0, 1)
    room.sleep(INVISIBLE_MS)
    assert (queue.ready, queue.unacked) == (1, 0)


def test_who_waits_for_a_queue_is_woken_and_takes(room: Room) -> None:
    queue = fill(room, 0)
    pop, woken = room.pop_of(GROUP, QUEUE), []
    pop.watch(waiter := lambda: woken.append("!"))
    assert take_of_queue(room, 5)[1] == {}
    fill(room, 1)
    assert woken
    assert len(take_of_queue(room, 5)[1]) == 1
    pop.unwatch(waiter)
    assert queue.unacked == 1


def test_what_came_for_nobody_goes_back_to_the_queue(room: Room) -> None:
    """Who waited is gone when the message comes: others must not wait for it."""
    queue = fill(room, 0)
    pop, woken = room.pop_of(GROUP, QUEUE), []
    pop.watch(waiter := lambda: woken.append("!"))
    take_of_queue(room, 5)
    fill(room, 1)
    pop.unwatch(waiter)
    room.world.broker.turn.run()
    assert (queue.ready, queue.unacked) == (1, 0)
    fill(room, 1)
    assert queue.ready == 2


def test_nobody_pops_so_nobody_consumes(room: Room) -> None:
    """A queue that is deleted when unused must not be kept by who popped from it once."""
    queue = fill(room, 1)
    hold, mine = take_of_queue(room, 1)
    room.sleep(61_000)
    room.world.broker.shares.maintenance()
    assert len(queue.consumers) == 0
    assert queue.ready == 1
    hold, mine = take_of_queue(room, 1)
    assert room.pop_of(GROUP, QUEUE).ack(hold.time_ms, list(mine)) == []
    assert (queue.ready, queue.unacked) == (0, 0)
