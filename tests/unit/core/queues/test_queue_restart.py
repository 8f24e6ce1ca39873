"""Queues after a restart: what was there is there, and treated as before."""

import pytest
from tests.unit.core.queues.queue_world import QueueWorld
from tests.unit.core.world import Told

from anymq.core.queues.deadletters import Died, deaths_of
from anymq.core.queues.line import Line


@pytest.fixture
def world() -> QueueWorld:
    return QueueWorld()


@pytest.mark.parametrize("clean", [True, False])
def test_what_was_not_acked_is_there_again(world: QueueWorld, clean: bool) -> None:
    queue = world.queue()
    reader = world.read(queue, 3)
    world.publish(queue, *"abcde", delivery_mode=2)
    world.settle(reader, reader.got[1])
    world.restart(clean=clean)
    queue = world.queues["q"]
    assert (queue.ready, queue.unacked) == (4, 0)
    reader = world.read(queue)
    assert reader.bodies == ["a", "c", "d", "e"]
    assert reader.got[0].redelivered


def test_priorities_are_kept(world: QueueWorld) -> None:
    queue = world.queue(x_max_priority=5)
    for body, priority in [("a", 1), ("b", 5), ("c", None)]:
        world.publish(queue, body, priority=priority, delivery_mode=2)
    world.restart()
    queue = world.queues["q"]
    assert queue.ready == 3
    world.publish(queue, "d", priority=5)
    assert world.drain(queue) == ["b", "d", "a", "c"]


def test_what_expired_meanwhile_is_gone(world: QueueWorld) -> None:
    queue = world.queue()
    world.publish(queue, "a", expiration="1000", delivery_mode=2)
    world.publish(queue, "b", expiration="9000", delivery_mode=2)
    world.settle_disk()
    world.clock.now_ms += 2000
    world.restart()
    assert world.read(world.queues["q"]).bodies == ["b"]


def test_a_dead_letter_has_its_history_still(world: QueueWorld) -> None:
    queue, graves = world.queue(x_dead_letter_exchange="dlx"), world.queue("graves")
    world.bound["dlx"] = ["graves"]
    reader = world.read(queue)
    world.publish(queue, "a", delivery_mode=2)
    world.reject(reader, *reader.got)
    world.restart()
    graves = world.queues["graves"]
    (letter,) = world.read(graves).got
    assert isinstance(letter.message.envelope.form, Died)
    assert [death["queue"] for death in deaths_of(letter.message)] == ["q"]
    assert world.queues["q"].ready == 0


def test_the_count_of_failures_is_kept(world: QueueWorld) -> None:
    queue = world.queue("q", "quorum", x_delivery_limit=2)
    reader = world.read(queue)
    world.publish(queue, "a", delivery_mode=2)
    world.reject(reader, reader.got[-1], requeue=True)
    world.reject(reader, reader.got[-1], requeue=True)
    world.restart(clean=False)
    queue = world.queues["q"]
    reader = world.read(queue)
    assert reader.got[0].message.read().headers["x-delivery-count"] == 2
    world.reject(reader, reader.got[-1], requeue=True)
    assert (queue.ready, queue.unacked, len(reader.got)) == (0, 0, 1)


def test_rejected_messages_that_memory_forgot_are_read_again(world: QueueWorld) -> None:
    """A consumer with many messages out does not hold them in memory."""
    world.lines.memory.line_bytes = 5000
    queue, graves = world.queue(x_dead_letter_exchange="dlx"), world.queue("graves")
    world.bound["dlx"] = ["graves"]
    bodies = [f"{i:0>100}" for i in range(500)]
    reader = world.read(queue)
    world.publish(queue, *bodies, delivery_mode=2)
    world.settle_disk()
    queue.wake()
    world.turn.run()
    world.reject(reader, *reader.got[100:400])
    assert queue.unacked == 200
    assert world.drain(graves) == bodies[100:400]
    world.reject(reader, *reader.got[:100], *reader.got[400:], requeue=True)
    assert queue.unacked == 200  # they came again
    assert reader.bodies[500:] == [*bodies[:100], *bodies[400:]]


def test_a_backlog_is_dealt_from_the_disk(world: QueueWorld) -> None:
    queue, told = world.queue(x_message_ttl=3_600_000), Told()
    bodies = [f"{i:0>200}" for i in range(5000)]
    for at in range(0, 5000, 100):
        world.publish(queue, *bodies[at : at + 100], then=told, delivery_mode=2)
    world.restart()
    queue = world.queues["q"]
    assert (queue.ready, len(told.answers)) == (5000, 50)
    assert world.read(queue, 10_000).bodies == bodies


def test_what_the_journal_counted_and_the_disk_did_not_keep_does_not_count(
    world: QueueWorld,
) -> None:
    """A power cut took the end of the queue's log, and not that of the journal."""
    queue = world.queue(x_max_length_bytes=1000)
    world.publish(queue, "a" * 100, "b" * 20, "c" * 3, delivery_mode=2)
    world.settle_disk()
    assert world.get(queue) == "a" * 100
    line = queue.line
    assert isinstance(line, Line)
    line._settlement.recount(line.log.end + 5, 900)
    world.lines.flush()
    world.restart(clean=False)
    assert world.queues["q"].ready_bytes == 23
