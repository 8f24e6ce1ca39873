"""Queues: who gets what, in which order, and what comes back."""

import pytest
from tests.unit.core.queues.queue_world import QueueWorld
from tests.unit.core.world import Told

from anymq.core.errors import Locked, NotAllowed
from anymq.core.message import Run
from anymq.core.queues.limits import QueueFull


@pytest.fixture
def world() -> QueueWorld:
    return QueueWorld()


# Dealing


def test_messages_come_in_their_order(world: QueueWorld) -> None:
    queue = world.queue()
    world.publish(queue, "a", "b")
    reader = world.read(queue)
    world.publish(queue, "c")
    assert reader.bodies == ["a", "b", "c"]
    assert (queue.ready, queue.unacked) == (0, 3)
    world.settle(reader, *reader.got)
    assert (queue.ready, queue.unacked, reader.subscription and reader.subscription.unacked) == (
        0,
        0,
        0,
    )


def test_auto_ack_leaves_nothing_behind(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue, no_ack=True)
    world.publish(queue, "a", "b")
    assert reader.bodies == ["a", "b"]
    assert (queue.ready, queue.unacked) == (0, 0)


def test_consumers_take_turns_message_by_message(world: QueueWorld) -> None:
    """Whether they come in one run or one by one."""
    queue = world.queue()
    one, two, three = world.read(queue), world.read(queue), world.read(queue)
    world.publish(queue, *"abcde")
    world.publish(queue, "f")
    world.publish(queue, "g")
    assert (one.bodies, two.bodies, three.bodies) == (list("adg"), list("be"), list("cf"))


def test_a_turn_is_not_skipped_where_few_messages_come(world: QueueWorld) -> None:
    queue = world.queue()
    readers = [world.read(queue) for _ in range(5)]
    for _ in range(5):
        world.publish(queue, "a", "b")
    assert [len(reader.got) for reader in readers] == [2] * 5


def test_who_has_no_credit_is_passed_over(world: QueueWorld) -> None:
    queue = world.queue()
    one, two = world.read(queue, 1), world.read(queue, 3)
    world.publish(queue, *"abcdef")
    assert (one.take(), two.take()) == (["a"], ["b", "c", "d"])
    world.publish(queue, "g")
    first = queue.ready
    world.settle(two, *[])  # nothing changes
    assert queue.ready == first == 3
    two.returned(2)
    world.turn.run()
    assert two.take() == ["e", "f"]


def test_who_left_gets_nothing_though_its_credit_comes_back(world: QueueWorld) -> None:
    """A channel that dies lets its consumers go first, and then gives back what they had."""
    queue = world.queue()
    dying = world.read(queue, 1)
    world.publish(queue, "a", "b")
    assert dying.bodies == ["a"]
    assert dying.subscription is not None
    queue.unsubscribe(dying.subscription)
    queue.give_back(dying.subscription, [one.position for one in dying.got])
    dying.take()
    dying.returned(1)
    world.turn.run()
    assert dying.take() == []
    assert world.read(queue).bodies == ["a", "b"]


def test_credit_shared_by_two_consumers_is_used_once(world: QueueWorld) -> None:
    """A channel's limit (global qos) covers all of its consumers."""
    queue = world.queue()
    one, two = world.read(queue, 3), world.read(queue, 3)
    one.shares_with = two.shares_with = (one, two)
    world.publish(queue, *"abcdef")
    assert (one.bodies, two.bodies, queue.ready) == (["a", "c"], ["b"], 3)
    two.returned(0)  # a channel tells all of its consumers
    world.settle(one, *one.got)
    assert (one.bodies, two.bodies) == (["a", "c", "e"], ["b", "d"])
    assert not any(delivery.redelivered for delivery in [*one.got, *two.got])


def test_higher_priorities_first(world: QueueWorld) -> None:
    """A standby gets messages only when those of a higher priority have no credit."""
    queue = world.queue()
    low = world.read(queue)
    high = world.read(queue, 2, arguments={"x-priority": 10})
    world.publish(queue, *"abcd")
    assert (high.bodies, low.bodies) == (["a", "b"], ["c", "d"])


def test_a_consumer_may_want_to_be_alone(world: QueueWorld) -> None:
    queue = world.queue()
    alone = world.read(queue, exclusive=True)
    with pytest.raises(NotAllowed, match=r"^queue 'q' in vhost '/' in exclusive use$"):
        world.read(queue)
    assert alone.subscription is not None
    queue.unsubscribe(alone.subscription)
    world.read(queue)
    with pytest.raises(NotAllowed, match="in exclusive use"):
        world.read(queue, exclusive=True)


def test_consumers_of_a_quorum_queue_are_never_alone(world: QueueWorld) -> None:
    """RabbitMQ's do not care who wants to be."""
    queue = world.queue("q", "quorum")
    world.read(queue, exclusive=True)
    world.read(queue)
    assert queue.consumer_count == 2


def test_a_single_active_consumer(world: QueueWorld) -> None:
    queue = world.queue(x_single_active_consumer=True)
    one, two = world.read(queue), world.read(queue, arguments={"x-priority": 5})
    world.publish(queue, "a")
    assert (one.take(), two.take()) == (["a"], [])
    assert one.subscription is not None
    assert two.subscription is not None
    assert (one.subscription.active, two.subscription.active) == (True, False)
    queue.unsubscribe(one.subscription)
    world.publish(queue, "b")
    assert two.take() == ["b"]
    with pytest.raises(NotAllowed, match="in exclusive use"):
        world.read(queue, exclusive=True)


def test_a_higher_priority_takes_over_in_a_quorum_queue(world: QueueWorld) -> None:
    """But not before the active one has nothing any more: that would break the order."""
    queue = world.queue("q", "quorum", x_single_active_consumer=True)
    one = world.read(queue)
    world.publish(queue, "a")
    two = world.read(queue, arguments={"x-priority": 5})
    world.publish(queue, "b")
    assert (one.bodies, two.bodies) == (["a"], [])
    world.settle(one, *one.got)
    assert (one.bodies, two.bodies) == (["a"], ["b"])
    with pytest.raises(Locked, match=r"basic.get operations are not supported by quorum queues"):
        world.get(queue)


def test_who_is_gone_gets_nothing(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue)
    world.publish(queue, "a")
    assert reader.subscription is not None
    queue.unsubscribe(reader.subscription)
    world.publish(queue, "b")
    assert reader.take() == ["a"]
    queue.give_back(reader.subscription, [0])
    world.turn.run()
    assert world.drain(queue) == ["a", "b"]


# Coming back


def test_what_is_rejected_returns_to_its_place(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue, 3)
    world.publish(queue, *"abcde")
    first = list(reader.got)
    world.settle(reader, first[0])  # d comes
    assert reader.bodies == list("abcd")
    reader.limit = 0
    world.reject(reader, first[1], first[2], requeue=True)
    assert world.drain(queue) == ["b", "c", "e"]


def test_who_had_it_before_is_told(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue, 1)
    world.publish(queue, "a")
    world.reject(reader, reader.got[0], requeue=True)
    assert [one.redelivered for one in reader.got] == [False, True]


def test_get(world: QueueWorld) -> None:
    queue = world.queue()
    assert world.get(queue) is None
    world.publish(queue, "a", "b")
    assert world.get(queue) == "a"
    assert world.get(queue, no_ack=False) == "b"
    assert (queue.ready, queue.unacked) == (0, 1)
    queue.settle(None, [1])
    assert queue.unacked == 0


def test_get_says_how_many_are_left(world: QueueWorld) -> None:
    """Without those that were too old and only waited behind it."""
    queue, left = world.queue(), list[int]()
    world.publish(queue, "a", expiration="60000")
    world.publish(queue, "b", expiration="10")
    world.publish(queue, "c")
    world.wait(20)
    queue.get(lambda _: left.append(queue.ready), no_ack=True)
    assert left == [1]


def test_purge_leaves_what_is_out(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue, 1)
    world.publish(queue, *"abc")
    assert queue.purge() == 2
    assert (queue.ready, queue.unacked) == (0, 1)
    assert reader.bodies == ["a"]


def test_consumers_hear_that_the_queue_is_gone(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue)
    world.publish(queue, "a")
    queue.close()
    assert reader.gone
    world.settle(reader, *reader.got)  # it may not know yet


def test_what_comes_when_it_is_gone_goes_nowhere(world: QueueWorld) -> None:
    queue, told = world.queue(), Told()
    queue.close()
    world.publish(queue, "a", then=told)
    assert told.ok


def test_browsing_takes_nothing(world: QueueWorld) -> None:
    queue = world.queue()
    world.publish(queue, *"abc")
    assert [one.message.body for one in queue.browse(1, 10)] == [b"b", b"c"]
    assert queue.ready == 3


def test_a_confirm_waits_for_the_disk(world: QueueWorld) -> None:
    queue, told = world.queue(), Told()
    reader = world.read(queue)
    world.publish(queue, "a", then=told, delivery_mode=2)
    assert reader.bodies == ["a"]  # who reads it does not wait
    world.settle_disk()
    assert told.ok


# Too old


def test_messages_expire_after_the_queues_time(world: QueueWorld) -> None:
    queue = world.queue(x_message_ttl=1000)
    world.publish(queue, "a")
    world.wait(600)
    world.publish(queue, "b")
    world.wait(500)
    assert queue.ready == 1
    world.wait(500)
    assert queue.ready == 0


def test_messages_expire_after_their_own_time(world: QueueWorld) -> None:
    """The shorter one counts. One that is behind another goes when that is gone (RabbitMQ)."""
    queue = world.queue(x_message_ttl=1000)
    world.publish(queue, "a", expiration="200")
    world.publish(queue, "b", expiration="5000")
    world.publish(queue, "c", expiration="100")
    world.wait(300)
    assert queue.ready == 2
    world.wait(700)
    assert queue.ready == 0


def test_what_may_not_wait_goes_at_once_or_never(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue, 1)
    world.publish(queue, "a", expiration="0")
    world.publish(queue, "b", expiration="0")
    assert (reader.bodies, queue.ready) == (["a"], 0)

    # Also if something else happened to the queue before, in the same turn.
    reader.limit = 2
    reader.returned(0)
    queue.wake()
    world.publish(queue, "c", expiration="0")
    assert reader.bodies == ["a", "c"]

    other = world.queue("other", x_message_ttl=0)
    world.publish(other, "c")
    assert other.ready == 0
    reader = world.read(other)
    world.publish(other, "d")
    assert reader.bodies == ["d"]


def test_what_may_not_wait_goes_at_once_whatever_its_priority(world: QueueWorld) -> None:
    queue = world.queue(x_max_priority=5)
    reader = world.read(queue)
    world.publish(queue, "a", expiration="0", priority=3)
    world.publish(queue, "b", expiration="0", priority=3)
    assert (reader.bodies, queue.ready) == (["a", "b"], 0)


def test_nobody_gets_what_is_too_old(world: QueueWorld) -> None:
    """Though the timer did not come by yet."""
    queue = world.queue(x_message_ttl=1000)
    world.publish(queue, "a")
    world.clock.now_ms += 2000
    assert world.read(queue).bodies == []
    world.publish(queue, "b")
    world.clock.now_ms += 2000
    assert world.get(queue) is None


def test_a_queue_that_nobody_uses_expires(world: QueueWorld) -> None:
    queue = world.queue(x_expires=1000)
    world.wait(900)
    world.get(queue)
    world.wait(900)
    reader = world.read(queue)
    world.wait(5000)
    assert not world.discarded
    assert reader.subscription is not None
    queue.unsubscribe(reader.subscription)
    world.wait(900)
    assert not world.discarded
    world.wait(200)
    assert world.discarded == ["q"]


def test_an_auto_delete_queue_goes_with_its_last_consumer(world: QueueWorld) -> None:
    queue = world.queue()
    queue.auto_delete = True
    one, two = world.read(queue), world.read(queue)
    assert one.subscription is not None
    assert two.subscription is not None
    queue.unsubscribe(one.subscription)
    assert not world.discarded
    queue.unsubscribe(two.subscription)
    assert world.discarded == ["q"]


def test_who_takes_too_long_is_told(world: QueueWorld) -> None:
    queue = world.queue("q", "quorum", x_consumer_timeout=1000)
    reader = world.read(queue)
    patient = world.read(queue, arguments={"x-consumer-timeout": 60_000})
    world.publish(queue, "a", "b", "c")
    world.wait(900)
    world.settle(reader, reader.got[0])
    assert not reader.too_slow
    world.wait(200)
    assert (reader.too_slow, patient.too_slow) == (1000, 0)


# Too many


def test_the_oldest_make_room(world: QueueWorld) -> None:
    queue = world.queue(x_max_length=3)
    world.publish(queue, *"abcde")
    assert world.drain(queue) == ["c", "d", "e"]


def test_only_what_waits_counts(world: QueueWorld) -> None:
    queue = world.queue(x_max_length=1)
    reader = world.read(queue, 2)
    world.publish(queue, *"abcd")
    assert (reader.bodies, queue.ready) == (["a", "b"], 1)


def test_a_limit_in_bytes(world: QueueWorld) -> None:
    queue = world.queue(x_max_length_bytes=5)
    world.publish(queue, "aaa", "bbb", "cc")
    assert world.drain(queue) == ["bbb", "cc"]


def test_a_full_queue_refuses(world: QueueWorld) -> None:
    queue = world.queue(x_max_length=2, x_overflow="reject-publish")
    told = Told()
    assert queue.singles
    world.publish(queue, *"abc", then=told)
    assert [type(answer) for answer in told.answers] == [type(None), type(None), QueueFull]
    assert world.drain(queue) == ["a", "b"]


def test_a_full_queue_takes_what_a_consumer_takes(world: QueueWorld) -> None:
    """RabbitMQ hands over each message before it looks at the next."""
    queue = world.queue(x_max_length=1, x_overflow="reject-publish")
    reader, told = world.read(queue, 3), Told()
    world.publish(queue, *"abcde", then=told)
    assert reader.bodies == ["a", "b", "c"]
    assert told.answers[:4] == [None] * 4
    assert isinstance(told.answers[4], QueueFull)


def test_what_a_full_queue_refuses_may_become_a_dead_letter(world: QueueWorld) -> None:
    queue = world.queue(
        x_max_length=1, x_overflow="reject-publish-dlx", x_dead_letter_exchange="dlx"
    )
    graves = world.queue("graves")
    world.bound["dlx"] = ["graves"]
    world.publish(queue, "a", "b")
    assert (world.drain(queue), world.drain(graves)) == (["a"], ["b"])


def test_who_asks_in_the_same_turn_hears_what_is_left(world: QueueWorld) -> None:
    """Publish and ask in one breath: the count is as if each message had been handled at once."""
    queue = world.queue(x_max_length=2)
    queue.push(world.run("q", *"abcde"), None)
    assert queue.ready == 2
    reader = world.read(queue, 1)
    queue.push(world.run("q", "f", expiration="0"), None)
    assert (reader.bodies, queue.ready) == (["d"], 2)
    queue.push(world.run("q", "g"), None)
    assert queue.purge() == 2


def test_get_comes_after_consumers_that_wait(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue, 1)
    queue.push(world.run("q", "a", "b"), None)
    assert world.get(queue) == "b"
    assert reader.bodies == ["a"]


# Priorities


def test_the_most_urgent_first(world: QueueWorld) -> None:
    """In their order within a priority; more than the highest is the highest; none is 0."""
    queue = world.queue(x_max_priority=5)
    for body, priority in [("a", None), ("b", 3), ("c", 9), ("d", 5), ("e", 0), ("f", 3)]:
        world.publish(queue, body, priority=priority)
    reader = world.read(queue)
    assert reader.take() == ["c", "d", "b", "f", "a", "e"]
    assert (queue.ready, queue.unacked) == (0, 6)
    world.publish(queue, *"xyz", priority=2)
    world.settle(reader, *reader.got)
    assert queue.unacked == 6


def test_a_run_of_several_priorities_is_answered_once(world: QueueWorld) -> None:
    queue, told = world.queue(x_max_priority=5), Told()
    low, high = world.run("q", "a"), world.run("q", "b", "c", priority=4)
    queue.push(Run([*low.messages, *high.messages], persistent=False), told)
    world.turn.run()
    world.settle_disk()
    assert told.ok
    assert world.drain(queue) == ["b", "c", "a"]


def test_priorities_of_a_quorum_queue(world: QueueWorld) -> None:
    """32 strict levels; without a priority it is 4."""
    queue = world.queue("q", "quorum")
    for body, priority in [("a", 3), ("b", None), ("c", 5), ("d", 40), ("e", 31)]:
        world.publish(queue, body, priority=priority)
    assert world.drain(queue) == ["d", "e", "c", "b", "a"]


def test_what_comes_back_keeps_its_priority(world: QueueWorld) -> None:
    queue = world.queue(x_max_priority=5)
    reader = world.read(queue, 2)
    world.publish(queue, "a", priority=1)
    world.publish(queue, "b", priority=2)
    world.publish(queue, "c", priority=3)
    reader.limit = 0
    world.reject(reader, *reader.got, requeue=True)
    assert world.drain(queue) == ["c", "b", "a"]
