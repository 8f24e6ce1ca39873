"""What an operator reads of queues is what happened in them."""

import pytest
from tests.unit.protocols.amqp.dialog import World

from anymq.management import queue_metrics
from anymq.management.queue_metrics import Numbers, watch_queues
from anymq.observability.metrics import Registry
from anymq.protocols.amqp import methods


@pytest.fixture
def world() -> World:
    return World()


def shown(world: World) -> dict[str, int]:
    registry = Registry()
    list(watch_queues(registry, world.broker).look())
    lines = b"".join(registry.exposition()).decode().splitlines()
    numbers = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: int(number) for name, _, number in numbers}


def test_messages_are_counted_from_queue_to_acknowledgement(world: World) -> None:
    one = world.client()
    one.declare("jobs")
    one >> methods.ConfirmSelect(nowait=True)
    one.prefetch(2).consume("jobs")
    one.publish("jobs", *[b"12345"] * 5)
    world.settle()

    counters = world.amqp.counters
    assert (counters.published, counters.confirmed, counters.delivered) == (5, 5, 2)
    assert (
        shown(world).items()
        >= {
            "anymq_messages_ready": 3,
            "anymq_messages_ready_bytes": 15,
            "anymq_messages_unacked": 2,
            "anymq_messages_queued_total": 5,
            "anymq_consumers": 1,
            'anymq_queues{kind="classic"}': 1,
        }.items()
    )

    one >> methods.BasicAck(1, multiple=False)
    one >> methods.BasicNack(2, multiple=False, requeue=True)
    world.settle()

    now = shown(world)
    assert now["anymq_messages_acknowledged_total"] == 1
    assert now["anymq_messages_requeued_total"] == 1


def test_counts_do_not_go_back_when_a_queue_goes(world: World) -> None:
    """Prometheus would take it for a restart."""
    one = world.client()
    one.declare("jobs")
    one.publish("jobs", b"x")
    world.settle()
    one >> methods.QueueDelete("jobs", if_unused=False, if_empty=False, nowait=True)
    world.settle()

    now = shown(world)
    assert now["anymq_messages_queued_total"] == 1
    assert now["anymq_messages_ready"] == 0
    assert now['anymq_queues{kind="classic"}'] == 0


def test_what_leaves_is_counted_by_its_reason(world: World) -> None:
    one = world.client()
    one.declare("dead")
    one.declare("short", max_length=1, dead_letter_exchange="", dead_letter_routing_key="dead")
    one.publish("short", *[b"x"] * 3)
    world.settle()

    now = shown(world)
    assert now['anymq_messages_dropped_total{reason="maxlen"}'] == 2
    assert now["anymq_messages_dead_lettered_total"] == 2
    assert now["anymq_messages_ready"] == 3


def test_what_is_for_no_queue_is_counted(world: World) -> None:
    one = world.client()
    one.publish("nowhere", b"x")
    world.settle()

    assert world.amqp.counters.dropped == 1


def test_looking_changes_nothing(world: World) -> None:
    """Who reads metrics must not make queues work."""
    one = world.client()
    one.declare("jobs")
    one.publish("jobs", b"x")
    numbers = Numbers(world.broker)

    list(numbers.look())
    list(numbers.look())

    assert numbers.now.all.published == 1


def test_a_queue_that_goes_while_they_are_looked_for_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a counter would go back, which is a restart to Prometheus."""
    monkeypatch.setattr(queue_metrics, "QUEUES_PER_PIECE", 1)
    one = world.client()
    for name in ("a", "b", "c"):
        one.declare(name)
        one.publish(name, b"x")
    world.settle()
    numbers = Numbers(world.broker)

    looking = numbers.look()
    next(looking)
    for name in ("a", "c"):  # one that was seen, one that was not
        one >> methods.QueueDelete(name, if_unused=False, if_empty=False, nowait=True)
    world.settle()
    list(looking)
    assert numbers.now.all.published == 3

    list(numbers.look())
    assert numbers.now.all.published == 3
    assert numbers.now.ready == 1
