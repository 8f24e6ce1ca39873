"""Queues: arguments that change, duplicates, messages that rest before they come again."""

import errno
from collections.abc import Iterator

import pytest
from tests.unit.core.queues.queue_world import QueueWorld, Reader
from tests.unit.core.world import Told

from anymq.core.message import Message
from anymq.core.queues.deadletters import Died
from anymq.core.queues.fresh import Fresh
from anymq.core.queues.queue import Queue
from anymq.storage.errors import StorageError


@pytest.fixture
def world() -> QueueWorld:
    return QueueWorld()


# Changing


def test_a_living_queue_can_be_changed(world: QueueWorld) -> None:
    queue = world.queue()
    world.publish(queue, *"abcd")
    queue.configure({"x-max-length": 2})
    world.turn.run()
    assert queue.ready == 2
    queue.configure({"x-max-priority": 3})
    world.publish(queue, "u", priority=3)
    assert world.drain(queue) == ["u", "c", "d"]
    queue.configure({"x-message-ttl": 10})
    world.publish(queue, "late")
    world.wait(20)
    assert queue.ready == 0


def test_of_two_limits_the_smaller_one_counts(world: QueueWorld) -> None:
    queue = world.queue()
    queue.configure({"x-max-length": 3, "x-overflow": "reject-publish"}, {"max-length": 2})
    assert queue.settings.max_length == 2
    assert queue.settings.overflow == "reject-publish"


# Twice


def test_the_same_message_id_within_a_window_comes_once(world: QueueWorld) -> None:
    queue, told = world.queue(x_message_deduplication=True, x_deduplication_window=1000), Told()
    world.publish(queue, "a", message_id="1")
    world.publish(queue, "b", message_id="2")
    world.publish(queue, "again", message_id="1", then=told)
    world.publish(queue, "c", headers={"x-deduplication-header": 7})
    world.publish(queue, "again", headers={"x-deduplication-header": 7}, message_id="9")
    world.publish(queue, "d")
    world.publish(queue, "e")
    assert told.ok
    assert world.drain(queue) == list("abcde")
    world.clock.now_ms += 1001
    world.publish(queue, "later", message_id="1")
    assert world.drain(queue) == ["later"]


def test_a_queue_of_dead_letters_is_of_their_form(world: QueueWorld) -> None:
    queue, graves = world.queue(x_dead_letter_exchange="dlx"), world.queue("graves")
    world.bound["dlx"] = ["graves"]
    reader, mourner = world.read(queue), world.read(graves)
    world.publish(queue, "a")
    world.reject(reader, *reader.got)
    assert isinstance(mourner.got[0].message.envelope.form, Died)


def test_what_came_back_too_late_expires(world: QueueWorld) -> None:
    """While it is out nothing in the queue can expire; then it comes back."""
    queue = world.queue()
    reader = world.read(queue, 1)
    world.publish(queue, "a", expiration="1000")
    world.wait(5000)
    assert reader.subscription is not None
    queue.unsubscribe(reader.subscription)
    world.reject(reader, *reader.got, requeue=True)
    assert world.get(queue) is None


def test_browsing_begins_with_the_most_urgent(world: QueueWorld) -> None:
    queue = world.queue(x_max_priority=5)
    for priority in (0, 3, None, 5):
        world.publish(queue, str(priority), priority=priority)
    assert [one.message.body for one in queue.browse(0, 9)] == [b"5", b"3", b"0", b"None"]
    found, position = [], 0
    while page := queue.browse(position, 1):
        found.append(page[0].message.body)
        position = page[0].position + 1
    assert found == [b"5", b"3", b"0", b"None"]


def test_what_was_not_kept_is_no_duplicate_afterwards(world: QueueWorld) -> None:
    """The publisher heard so and tries again; the one who tried meanwhile hears the same."""
    queue = world.queue(x_message_deduplication=True)
    first, meanwhile, again = Told(), Told(), Told()
    world.publish(queue, "a", message_id="1", delivery_mode=2, then=first)
    world.publish(queue, "a", message_id="1", delivery_mode=2, then=meanwhile)
    assert meanwhile.waits
    world.files.fault("pwritev", errno.ENOSPC)
    world.settle_disk()
    assert isinstance(first.error, StorageError)
    assert isinstance(meanwhile.error, StorageError)
    world.store.maintenance(0)
    world.publish(queue, "a", message_id="1", delivery_mode=2, then=again)
    world.settle_disk()
    assert again.ok
    assert world.drain(queue) == ["a"]


def test_a_duplicate_of_what_is_safe_is_answered_at_once(world: QueueWorld) -> None:
    queue = world.queue(x_message_deduplication=True)
    told = Told()
    world.publish(queue, "a", message_id="1", delivery_mode=2)
    world.settle_disk()
    world.publish(queue, "a", "b", message_id="1", delivery_mode=2, then=told)
    assert told.ok
    assert world.drain(queue) == ["a"]


# Delayed retry


def resting(world: QueueWorld, kind: str, **arguments: int) -> tuple[Queue, Reader]:
    queue = world.queue("q", "quorum", x_delayed_retry_type=kind, **arguments)
    world.publish(queue, "a")
    return queue, world.read(queue)


def test_what_failed_rests_longer_each_time(world: QueueWorld) -> None:
    queue, reader = resting(world, "failed", x_delayed_retry_min=1000, x_delayed_retry_max=2500)
    for rest_ms in (1000, 2000, 2500, 2500):
        assert reader.bodies == ["a"]
        world.reject(reader, reader.got.pop(), requeue=True)
        world.wait(rest_ms - 10)
        assert (reader.bodies, queue.ready, queue.unacked) == ([], 0, 0)
        world.wait(20)
    assert reader.got[0].message.read().headers["x-delivery-count"] == 4


@pytest.mark.parametrize(
    ("kind", "by_nack", "rests"),
    [
        ("failed", False, True),
        ("failed", True, False),
        ("returned", False, False),
        ("returned", True, True),
        ("all", False, True),
        ("all", True, True),
        ("disabled", False, False),
        ("nonsense", False, False),
    ],
)
def test_who_rests(world: QueueWorld, kind: str, by_nack: bool, rests: bool) -> None:
    _, reader = resting(world, kind, x_delayed_retry_min=1000)
    world.reject(reader, reader.got.pop(), requeue=True, by_nack=by_nack)
    assert (reader.bodies == []) is rests
    world.wait(1001)
    assert reader.bodies == ["a"]


def test_a_purge_takes_what_rests(world: QueueWorld) -> None:
    queue, reader = resting(world, "all", x_delayed_retry_min=1000)
    world.reject(reader, reader.got.pop(), requeue=True)
    assert queue.purge() == 1
    world.wait(2000)
    assert (reader.got, queue.ready, queue.line.taken) == ([], 0, 0)


def test_who_rests_is_there_after_a_restart(world: QueueWorld) -> None:
    _, reader = resting(world, "all", x_delayed_retry_min=1000)
    world.publish(world.queues["q"], "b", delivery_mode=2)
    world.reject(reader, *reader.got, requeue=True)
    world.restart(clean=False)
    assert world.drain(world.queues["q"]) == ["a", "b"]


def test_losing_much_at_once_takes_no_time(world: QueueWorld) -> None:
    """The disk was full: each message was looked for among all the others."""
    queue = world.queue()
    for _ in range(2000):
        world.publish(queue, *["x"] * 8, delivery_mode=2)
    steps = []
    world.files.fault("pwritev", errno.ENOSPC)
    before = Fresh.in_memory

    def counted(fresh: Fresh, position: int = 0) -> Iterator[tuple[int, Message]]:
        steps.append(position)
        return before(fresh, position)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fresh, "in_memory", counted)
        world.settle_disk()
    assert len(steps) < 10
    assert (queue.ready, queue.ready_bytes, queue.line.taken) == (0, 0, 0)
