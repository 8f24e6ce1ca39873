"""Length limits, overflow and priorities of classic queues."""

from typing import Any

from tests.differential.amqp.fields import Typed
from tests.differential.amqp.talk import Channel, Talk


def _queue(talk: Talk, **arguments: Any) -> Channel:
    ch = talk.channel()
    named = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
    ch("queue.declare", queue="q", arguments=named)
    ch("confirm.select")
    return ch


def _one_by_one(ch: Channel, *bodies: str | bytes, **properties: Any) -> None:
    for body in bodies:
        ch.publish(body, "q", **properties)
        ch.confirms(1)


def _all(ch: Channel) -> None:
    while "delivery_tag" in ch("basic.get", queue="q", no_ack=True):
        pass


def oldest_go_first(talk: Talk) -> None:
    ch = _queue(talk, max_length=2)
    _one_by_one(ch, "a", "b", "c")
    _all(ch)


def length_of_zero(talk: Talk) -> None:
    ch = _queue(talk, max_length=0)
    _one_by_one(ch, "a")
    _all(ch)


def length_of_zero_with_a_consumer(talk: Talk) -> None:
    ch = _queue(talk, max_length=0)
    other = talk.channel()
    other("basic.consume", queue="q", consumer_tag="c", no_ack=True)
    _one_by_one(ch, "a")
    other.take()


def only_what_waits_counts(talk: Talk) -> None:
    ch = _queue(talk, max_length=1)
    _one_by_one(ch, "a")
    ch("basic.get", queue="q")
    _one_by_one(ch, "b")
    ch("queue.declare", queue="q", passive=True)
    ch("basic.reject", delivery_tag=1, requeue=True)
    ch.count("q", 1)
    _all(ch)


def bytes_of_bodies_count(talk: Talk) -> None:
    ch = _queue(talk, max_length_bytes=10)
    _one_by_one(ch, "12345", "67890", "x", headers={"not": "counted"})
    _all(ch)


def one_larger_than_all_the_room(talk: Talk) -> None:
    ch = _queue(talk, max_length_bytes=10)
    _one_by_one(ch, "a", "x" * 20, "b")
    _all(ch)


def both_limits(talk: Talk) -> None:
    ch = _queue(talk, max_length=3, max_length_bytes=4)
    _one_by_one(ch, "aa", "bb", "c", "d", "e")
    _all(ch)


def publish_rejected(talk: Talk) -> None:
    ch = _queue(talk, max_length=2, overflow="reject-publish")
    for body in "abcd":
        ch.publish(body, "q")
        ch.confirms(1)
    _all(ch)


def publish_rejected_without_confirms(talk: Talk) -> None:
    _queue(talk, max_length=1, overflow="reject-publish")
    ch = talk.channel()
    ch.publish("a", "q")
    ch.publish("b", "q", mandatory=True)
    ch.count("q", 1)
    _all(ch)


def publish_rejected_by_one_of_two_queues(talk: Talk) -> None:
    ch = _queue(talk, max_length=1, overflow="reject-publish")
    ch("queue.declare", queue="free")
    for queue in ("q", "free"):
        ch("queue.bind", queue=queue, exchange="amq.fanout")
    for body in "ab":
        ch.publish(body, "k", "amq.fanout")
        ch.confirms(1)
    ch("queue.declare", queue="free", passive=True)
    ch("queue.declare", queue="q", passive=True)


def publish_rejected_goes_on_when_there_is_room(talk: Talk) -> None:
    ch = _queue(talk, max_length=1, overflow="reject-publish")
    ch.publish("a", "q")
    ch.confirms(1)
    ch.publish("b", "q")
    ch.confirms(1)
    ch("basic.get", queue="q", no_ack=True)
    ch.publish("c", "q")
    ch.confirms(1)
    _all(ch)


def high_priority_first(talk: Talk) -> None:
    ch = _queue(talk, max_priority=10)
    for priority in (1, 5, 3, 10, 5):
        ch.publish(f"p{priority}", "q", priority=priority)
    ch.confirms(5)
    _all(ch)


def no_priority_is_the_lowest(talk: Talk) -> None:
    ch = _queue(talk, max_priority=5)
    ch.publish("none", "q")
    ch.publish("zero", "q", priority=0)
    ch.publish("one", "q", priority=1)
    ch.publish("none again", "q")
    ch.confirms(4)
    _all(ch)


def priority_beyond_the_highest(talk: Talk) -> None:
    ch = _queue(talk, max_priority=2)
    for priority in (2, 200, 1, 3):
        ch.publish(f"p{priority}", "q", priority=priority)
    ch.confirms(4)
    _all(ch)


def priority_means_nothing_elsewhere(talk: Talk) -> None:
    ch = _queue(talk)
    for priority in (1, 9, 5):
        ch.publish(f"p{priority}", "q", priority=priority)
    ch.confirms(3)
    _all(ch)


def put_back_by_priority(talk: Talk) -> None:
    ch = _queue(talk, max_priority=5)
    for priority in (1, 5, 1, 5):
        ch.publish(f"p{priority}", "q", priority=priority)
    ch.confirms(4)
    for _ in range(4):
        ch("basic.get", queue="q")
    ch("basic.nack", delivery_tag=4, multiple=True, requeue=True)
    ch.count("q", 4)
    _all(ch)


def lowest_priority_is_dropped_first(talk: Talk) -> None:
    ch = _queue(talk, max_priority=5, max_length=2)
    for priority in (5, 1, 3):
        ch.publish(f"p{priority}", "q", priority=priority)
        ch.confirms(1)
    _all(ch)


def most_priorities(talk: Talk) -> None:
    ch = _queue(talk, max_priority=Typed("B", 255))
    for priority in (0, 255, 128):
        ch.publish(f"p{priority}", "q", priority=priority)
    ch.confirms(3)
    _all(ch)


def limits_as_other_kinds_of_numbers(talk: Talk) -> None:
    ch = _queue(
        talk, max_length=Typed("l", 1), message_ttl=Typed("u", 60000), max_priority=Typed("b", 3)
    )
    _one_by_one(ch, "a", "b")
    _all(ch)
