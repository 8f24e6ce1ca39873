"""Consumers with selectors: each gets what it asked for, once; the rest stays for others."""

from typing import Any

import pytest
from tests.unit.core.queues.queue_world import QueueWorld, Reader

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message
from anymq.core.queues import picking
from anymq.core.queues.queue import Queue
from anymq.core.selectors.facts import Facts

RED, BLUE = {"x-selector": "color = 'red'"}, {"x-selector": "color = 'blue'"}


@pytest.fixture
def world() -> QueueWorld:
    return QueueWorld()


@pytest.fixture
def queue(world: QueueWorld) -> Queue:
    return world.queue()


def paint(world: QueueWorld, queue: Queue, color: str, *bodies: str, **said: Any) -> None:
    world.publish(queue, *bodies, headers={"color": color}, **said)


def test_each_gets_what_it_asked_for(world: QueueWorld, queue: Queue) -> None:
    red, blue = world.read(queue, arguments=RED), world.read(queue, arguments=BLUE)
    for body in ("r1", "b1", "g1", "r2"):
        paint(world, queue, {"r": "red", "b": "blue", "g": "green"}[body[0]], body)
    assert (red.take(), blue.take()) == (["r1", "r2"], ["b1"])
    assert (queue.ready, queue.unacked) == (1, 3)


def test_the_others_get_the_rest(world: QueueWorld, queue: Queue) -> None:
    rest, red = world.read(queue), world.read(queue, arguments=RED)
    paint(world, queue, "red", "r1", "r2")
    paint(world, queue, "blue", "b1")
    assert (red.take(), rest.take()) == (["r1", "r2"], ["b1"])


def test_who_takes_everything_takes_what_others_cannot(world: QueueWorld, queue: Queue) -> None:
    rest, red = world.read(queue), world.read(queue, 1, arguments=RED)
    paint(world, queue, "red", "r1", "r2")
    assert (red.take(), rest.take()) == (["r1"], ["r2"])


def test_what_waits_is_found_when_a_consumer_comes(world: QueueWorld, queue: Queue) -> None:
    for i in range(20):
        paint(world, queue, "red" if i % 10 == 3 else "blue", str(i))
    assert world.read(queue, arguments=RED).take() == ["3", "13"]
    assert [one.message.body for one in queue.browse(0, 3)] == [b"0", b"1", b"2"]


def test_the_rest_keeps_its_order_for_who_comes_later(world: QueueWorld, queue: Queue) -> None:
    red = world.read(queue, arguments=RED, no_ack=True)
    for body in ("b1", "r1", "b2", "r2", "b3"):
        paint(world, queue, "red" if body[0] == "r" else "blue", body)
    assert red.take() == ["r1", "r2"]
    assert world.drain(queue) == ["b1", "b2", "b3"]


def test_credit_counts(world: QueueWorld, queue: Queue) -> None:
    red = world.read(queue, 2, arguments=RED)
    paint(world, queue, "red", "1", "2", "3", "4", "5")
    first, second = red.got
    assert red.take() == ["1", "2"]
    world.settle(red, first)
    assert red.take() == ["3"]
    world.settle(red, second)
    assert red.take() == ["4"]


def test_what_comes_back_goes_out_again_at_its_place(world: QueueWorld, queue: Queue) -> None:
    red = world.read(queue, 3, arguments=RED)
    paint(world, queue, "red", "1", "2", "3", "4")
    one, two, three = red.got
    red.take()
    world.reject(red, two, one, requeue=True)
    assert red.take() == ["1", "2"]
    world.settle(red, three)
    assert red.take() == ["4"]


def test_what_comes_back_from_others_is_looked_at(world: QueueWorld, queue: Queue) -> None:
    """Who takes everything is gone; what it had is for those who want it."""
    rest = world.read(queue)
    paint(world, queue, "red", "r")
    paint(world, queue, "blue", "b")
    red = world.read(queue, arguments=RED)
    assert rest.subscription is not None
    queue.unsubscribe(rest.subscription)
    queue.give_back(rest.subscription, [one.position for one in rest.got])
    world.turn.run()
    (delivery,) = red.got
    assert (delivery.message.body, delivery.redelivered) == (b"r", True)
    assert queue.ready == 1


def test_very_many_that_come_back(
    world: QueueWorld, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only some are remembered; the others are found all the same."""
    monkeypatch.setattr(picking, "AGAIN_MAX", 5)
    rest, green = world.read(queue), world.read(queue, arguments={"x-selector": "color = 'green'"})
    red = world.read(queue, 0, arguments=RED)
    for i in range(60):
        paint(world, queue, "red" if i % 3 == 0 else "blue", f"{i:02}")
    assert rest.subscription is not None
    queue.unsubscribe(rest.subscription)
    for one in reversed(rest.got):
        queue.give_back(rest.subscription, [one.position])
    world.turn.run()
    red.limit = 1000
    red.returned(0)
    world.turn.run()
    assert red.take() == [f"{i:02}" for i in range(0, 60, 3)]
    assert green.take() == []
    assert queue.ready == 40


def test_they_share_what_several_want(world: QueueWorld, queue: Queue) -> None:
    one, two = world.read(queue, arguments=RED), world.read(queue, arguments=RED)
    for body in "1234":
        paint(world, queue, "red", body)
    assert (one.take(), two.take()) == (["1", "3"], ["2", "4"])


def test_a_higher_priority_comes_first(world: QueueWorld, queue: Queue) -> None:
    low = world.read(queue, arguments=RED)
    rest = world.read(queue, 1, arguments={"x-priority": 1})
    high = world.read(queue, 1, arguments={**RED, "x-priority": 2})
    paint(world, queue, "red", "1", "2", "3")
    assert (high.take(), rest.take(), low.take()) == (["1"], ["2"], ["3"])


def test_a_limit_that_consumers_share(world: QueueWorld, queue: Queue) -> None:
    one, two = world.read(queue, 3, arguments=RED), world.read(queue, 3, arguments=BLUE)
    one.shares_with = two.shares_with = (one, two)
    for i in range(6):
        paint(world, queue, "red" if i % 2 else "blue", str(i))
    assert len(one.got) + len(two.got) == 3


def test_the_active_one_chooses_alone(world: QueueWorld) -> None:
    queue = world.queue("single", x_single_active_consumer=True)
    red, rest = world.read(queue, arguments=RED), world.read(queue)
    paint(world, queue, "blue", "b")
    paint(world, queue, "red", "r")
    assert (red.take(), rest.take()) == (["r"], [])


def test_levels_the_most_urgent_first(world: QueueWorld) -> None:
    queue = world.queue("urgent", x_max_priority=5)
    for priority in (1, 5, 3):
        paint(world, queue, "red", f"r{priority}", priority=priority)
        paint(world, queue, "blue", f"b{priority}", priority=priority)
    red = world.read(queue, arguments=RED)
    assert red.take() == ["r5", "r3", "r1"]
    paint(world, queue, "red", "r4", priority=4)
    assert red.take() == ["r4"]
    assert world.drain(queue) == ["b5", "b3", "b1"]


def test_what_is_too_old_is_not_picked(world: QueueWorld) -> None:
    queue = world.queue("short", x_message_ttl=100)
    red = world.read(queue, 1, arguments=RED)
    paint(world, queue, "blue", "b")
    paint(world, queue, "red", "1", "2")
    (first,) = red.got
    world.wait(200)
    assert (queue.ready, red.take()) == (0, ["1"])
    world.settle(red, first)
    assert red.take() == []


def test_what_was_picked_is_settled_for_good(world: QueueWorld, queue: Queue) -> None:
    """Holes in a queue survive a restart."""
    red = world.read(queue, arguments=RED)
    for body in ("b1", "r1", "b2", "r2"):
        paint(world, queue, "red" if body[0] == "r" else "blue", body, delivery_mode=2)
    world.settle_disk()
    world.settle(red, red.got[0])
    world.restart()
    red = world.read(world.queues["q"], arguments=RED)
    assert [(one.message.body, one.redelivered) for one in red.got] == [(b"r2", True)]
    assert world.drain(world.queues["q"]) == ["b1", "b2"]


def test_a_long_queue_is_looked_through_once(world: QueueWorld, queue: Queue) -> None:
    """No message makes a consumer look at all those before it again."""
    red = world.read(queue, arguments=RED)
    for _ in range(20):
        paint(world, queue, "blue", *(["b"] * 100))
    assert red.subscription is not None
    tested = 0
    wanted = red.subscription.selector
    assert wanted is not None

    class Counting:
        def cost(self, message: Message) -> int:
            return 1

        def holds(self, says: Facts) -> bool:
            nonlocal tested
            tested += 1
            assert wanted is not None
            return wanted.holds(says)

    red.subscription.selector = Counting()  # type: ignore[assignment]
    for i in range(10):
        paint(world, queue, "red", str(i))
    assert (len(red.got), tested) == (10, 10)


def test_work_is_done_in_pieces(
    world: QueueWorld, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that wants little of much does not stop everybody else."""
    monkeypatch.setattr(picking, "WORK_MAX", 10)
    for i in range(50):
        paint(world, queue, "red" if i == 45 else "blue", str(i))
    red = world.read(queue, arguments=RED)
    assert red.take() == []
    for _ in range(10):
        world.turn.run()
    assert red.take() == ["45"]


def test_much_that_is_only_on_the_disk(world: QueueWorld, queue: Queue) -> None:
    """What memory has no room for is read a piece at a time."""
    world.lines.memory.line_bytes = 2000
    for i in range(100):
        paint(world, queue, "red" if i % 10 == 7 else "blue", f"{i:02}", delivery_mode=2)
        world.settle_disk()
    red = world.read(queue, 4, arguments=RED)
    seen: list[str] = []
    while red.got:
        deliveries = list(red.got)
        seen += red.take()
        world.settle(red, *deliveries)
    assert seen == [f"{i:02}" for i in range(7, 100, 10)]
    assert len(world.drain(queue)) == 90


def test_a_selector_that_cannot_be_read(world: QueueWorld, queue: Queue) -> None:
    with pytest.raises(PreconditionFailed, match="x-selector"):
        queue.subscribe(Reader(), tag="c", arguments={"x-selector": "color ="})


# A queue that takes only some of what is published to it


def test_a_queue_with_a_selector_keeps_only_what_meets_it(world: QueueWorld) -> None:
    queue = world.queue("some", x_selector="color = 'red'")
    answers: list[Exception | None] = []
    paint(world, queue, "blue", "b", then=answers.append)
    paint(world, queue, "red", "r1", "r2", then=answers.append)
    assert world.drain(queue) == ["r1", "r2"]
    assert (answers, queue.published) == ([None, None], 2)
