"""Dead letters: where messages go that a queue could not get rid of, and what they tell of it."""

from typing import Any

import pytest
from tests.unit.core.queues.queue_world import FORM, QueueWorld, Reader
from tests.unit.core.world import NOW_MS

from anymq.core.errors import Unavailable
from anymq.core.message import Long, Message, Properties, Time
from anymq.core.queues import deadletters, departures
from anymq.core.queues.deadletters import Died, copies_count
from anymq.core.queues.limits import QueueFull
from anymq.core.queues.queue import Queue
from anymq.core.queues.unwritten import Then


@pytest.fixture
def world() -> QueueWorld:
    return QueueWorld()


@pytest.fixture
def graves(world: QueueWorld) -> Queue:
    world.bound["dlx"] = ["graves"]
    return world.queue("graves")


def mourner_of(world: QueueWorld, graves: Queue) -> Reader:
    return world.read(graves)


def said(reader: Reader, index: int = 0) -> Properties:
    return reader.got[index].message.read()


def deaths(reader: Reader, index: int = 0) -> list[dict[str, Any]]:
    history = said(reader, index).headers["x-death"]
    assert isinstance(history, list)
    return history


def test_what_is_rejected_tells_its_story(world: QueueWorld, graves: Queue) -> None:
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader, mourner = world.read(queue), mourner_of(world, graves)
    world.publish(queue, "a", headers={"mine": 1}, message_id="7")
    world.reject(reader, *reader.got)

    letter = mourner.got[0].message
    assert (letter.envelope.exchange, letter.envelope.routing_key) == ("dlx", "q")
    assert (letter.body, said(mourner).message_id) == (b"a", "7")
    assert said(mourner).headers == {
        "mine": 1,
        "x-death": [
            {
                "count": 1,
                "reason": "rejected",
                "queue": "q",
                "time": NOW_MS // 1000,
                "exchange": "",
                "routing-keys": ["q"],
            }
        ],
        "x-first-death-reason": "rejected",
        "x-first-death-queue": "q",
        "x-first-death-exchange": "",
        "x-last-death-reason": "rejected",
        "x-last-death-queue": "q",
        "x-last-death-exchange": "",
    }
    assert type(deaths(mourner)[0]["count"]) is Long
    assert type(deaths(mourner)[0]["time"]) is Time
    assert (queue.ready, queue.unacked) == (0, 0)


def test_who_dies_elsewhere_again_tells_the_latest_first(world: QueueWorld) -> None:
    one = world.queue("one", x_dead_letter_exchange="to-two")
    two = world.queue("two", x_dead_letter_exchange="to-three", x_message_ttl=1000)
    three = world.queue("three")
    world.bound.update({"to-two": ["two"], "to-three": ["three"]})
    reader, mourner = world.read(one), world.read(three)
    world.publish(one, "a")
    world.reject(reader, *reader.got)
    assert two.ready == 1
    world.wait(1100)
    assert [(d["queue"], d["reason"], d["exchange"]) for d in deaths(mourner)] == [
        ("two", "expired", "to-two"),
        ("one", "rejected", ""),
    ]
    headers = said(mourner).headers
    assert (headers["x-first-death-queue"], headers["x-last-death-queue"]) == ("one", "two")
    assert headers["x-last-death-exchange"] == "to-two"


def test_the_same_death_again_is_counted(world: QueueWorld) -> None:
    """A retry loop: work → rejected → wait → expired → work."""
    work = world.queue("work", x_dead_letter_exchange="later")
    world.queue("wait", x_dead_letter_exchange="again", x_message_ttl=1000)
    world.bound.update({"later": ["wait"], "again": ["work"]})
    reader = world.read(work)
    world.publish(work, "a")
    for _ in range(3):
        world.reject(reader, reader.got[-1])
        world.wait(1100)
    assert [(d["queue"], d["reason"], d["count"]) for d in deaths(reader, -1)] == [
        ("wait", "expired", 3),
        ("work", "rejected", 3),
    ]


def test_what_goes_round_by_itself_stops(world: QueueWorld) -> None:
    """A cycle in which nobody rejects would never end."""
    one = world.queue("one", x_dead_letter_exchange="to-two", x_message_ttl=100)
    world.queue("two", x_dead_letter_exchange="to-one", x_message_ttl=100)
    world.bound.update({"to-two": ["two"], "to-one": ["one"]})
    world.publish(one, "a")
    world.wait(10_000)
    assert [queue.ready for queue in world.queues.values()] == [0, 0]
    assert [queue.departures.letters.sent for queue in world.queues.values()] == [1, 1]


def test_what_a_client_says_of_deaths_does_not_count(world: QueueWorld, graves: Queue) -> None:
    """Whoever publishes a dead letter again begins a new life (as since RabbitMQ 4.0)."""
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader, mourner = world.read(queue), mourner_of(world, graves)
    old = {"count": Long(7), "reason": "rejected", "queue": "q"}
    world.publish(queue, "a", headers={"x-death": [old], "x-first-death-queue": "old"})
    assert reader.got[0].message.read().headers["x-death"] == [old]
    world.reject(reader, *reader.got)
    assert [d["count"] for d in deaths(mourner)] == [1]
    assert said(mourner).headers["x-first-death-queue"] == "q"


def test_it_does_not_expire_twice(world: QueueWorld, graves: Queue) -> None:
    queue, mourner = world.queue(x_dead_letter_exchange="dlx"), mourner_of(world, graves)
    world.publish(queue, "a", expiration="200")
    world.wait(250)
    assert said(mourner).expiration is None
    assert deaths(mourner)[0]["original-expiration"] == "200"
    assert mourner.got[0].message.timestamp_ms == world.clock.now_ms - 50


def test_copies_are_told_and_go_along(world: QueueWorld, graves: Queue) -> None:
    queue = world.queue(x_dead_letter_exchange="dlx")
    other = world.queue("o", x_dead_letter_exchange="dlx", x_dead_letter_routing_key="k")
    mourner = mourner_of(world, graves)
    for one in (queue, other):
        reader = world.read(one)
        world.publish(one, "a", headers={"CC": ["x", "y"]})
        world.reject(reader, *reader.got)
    assert deaths(mourner, 0)[0]["routing-keys"] == ["q", "x", "y"]
    assert said(mourner, 0).headers["CC"] == ["x", "y"]
    assert deaths(mourner, 1)[0]["routing-keys"] == ["o", "x", "y"]
    assert mourner.got[1].message.envelope.routing_key == "k"
    # The header stays, but it leads nowhere any more.
    assert said(mourner, 1).headers["CC"] == ["x", "y"]
    assert [copies_count(one.message) for one in mourner.got] == [True, False]


def test_what_is_too_much_dies(world: QueueWorld, graves: Queue) -> None:
    queue, mourner = world.queue(x_dead_letter_exchange="dlx", x_max_length=1), None
    world.publish(queue, *"abc")
    mourner = mourner_of(world, graves)
    assert mourner.bodies == ["a", "b"]
    assert [d["reason"] for d in deaths(mourner)] == ["maxlen"]


def test_without_an_exchange_it_is_gone(world: QueueWorld) -> None:
    """Named, but not there: as RabbitMQ does."""
    queue = world.queue(x_dead_letter_exchange="nowhere")
    reader = world.read(queue)
    world.publish(queue, "a")
    world.reject(reader, *reader.got)
    assert (queue.ready, queue.unacked) == (0, 0)


class SlowExchange:
    """Says whether it is safe when the test says so."""

    def __init__(self, routed: bool = True) -> None:
        self.routed = routed
        self.waiting: list[Then] = []
        self.messages: list[Message] = []

    def __call__(self, exchange: str, routing_key: str, message: Message, then: Then) -> bool:
        self.messages.append(message)
        self.waiting.append(then)
        return self.routed


def slow(world: QueueWorld, *, routed: bool = True) -> SlowExchange:
    """From now on dead letters of new queues go there."""
    exchange = SlowExchange(routed)
    world.republish = exchange  # type: ignore[method-assign]
    return exchange


def test_it_is_gone_when_it_is_safe_elsewhere(world: QueueWorld) -> None:
    exchange = slow(world)
    queue = world.queue(x_dead_letter_exchange="dlx", x_message_ttl=100)
    world.publish(queue, "a")
    world.wait(200)
    assert (queue.ready, queue.unacked, queue.departures.letters.in_flight) == (0, 0, 1)
    exchange.waiting[0](None)
    assert queue.departures.letters.in_flight == 0


def test_what_could_not_be_stored_is_tried_again(world: QueueWorld) -> None:
    exchange = slow(world)
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader = world.read(queue)
    world.publish(queue, "a")
    world.reject(reader, *reader.got)
    exchange.waiting[0](Unavailable("the disk is full"))
    assert len(exchange.waiting) == 1
    world.wait(5001)
    exchange.waiting[1](None)
    assert (len(exchange.waiting), queue.departures.letters.in_flight) == (2, 0)
    assert exchange.messages[0] is exchange.messages[1]


def test_at_least_once_waits_for_a_queue(world: QueueWorld) -> None:
    """What no queue wants is kept, where that is asked for, until one does."""
    exchange = slow(world, routed=False)
    queue = world.queue(
        "q",
        "quorum",
        x_dead_letter_exchange="dlx",
        x_dead_letter_strategy="at-least-once",
        x_overflow="reject-publish",
    )
    reader = world.read(queue)
    world.publish(queue, "a")
    world.reject(reader, *reader.got)
    exchange.waiting[0](None)
    assert queue.departures.letters.in_flight == 1
    exchange.routed = True
    world.wait(5001)
    exchange.waiting[1](None)
    assert queue.departures.letters.in_flight == 0


def test_a_letter_on_its_way_does_not_mind_that_its_queue_goes(world: QueueWorld) -> None:
    exchange = slow(world)
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader = world.read(queue)
    world.publish(queue, "a", "b")
    world.reject(reader, *reader.got)
    queue.close()
    exchange.waiting[0](None)
    exchange.waiting[1](Unavailable("the disk is full"))
    world.wait(60_000)
    assert len(exchange.waiting) == 2


def test_rejected_ones_die_though_others_came_back_before_them(world: QueueWorld) -> None:
    graves = world.queue("graves")
    world.bound["dlx"] = ["graves"]
    queue = world.queue(x_dead_letter_exchange="dlx", x_max_priority=3)
    reader = world.read(queue, 6)
    world.publish(queue, *"abc", priority=1)
    world.publish(queue, *"xyz", priority=2)
    reader.limit = 0
    a, b, c, x, y, z = sorted(reader.got, key=lambda one: one.message.body)
    world.reject(reader, a, b, y, requeue=True)
    world.reject(reader, z, c)
    assert sorted(world.drain(graves)) == ["c", "z"]
    world.reject(reader, x, requeue=True)
    assert world.drain(queue) == ["x", "y", "a", "b"]


# Quorum queues count what comes back


def counts(reader: Reader) -> tuple[object, object]:
    headers = said(reader, -1).headers
    return headers.get("x-acquired-count"), headers.get("x-delivery-count")


def test_rejections_and_returns_are_told(world: QueueWorld) -> None:
    """nack is not held against a message, reject and the end of a channel are."""
    queue = world.queue("q", "quorum")
    reader = world.read(queue)
    world.publish(queue, "a")
    assert counts(reader) == (None, None)
    world.reject(reader, reader.got[-1], requeue=True, by_nack=True)
    assert counts(reader) == (1, None)
    world.reject(reader, reader.got[-1], requeue=True)
    assert counts(reader) == (2, 1)
    assert reader.subscription is not None
    queue.give_back(reader.subscription, [reader.got[-1].position])
    world.turn.run()
    assert counts(reader) == (3, 2)
    assert type(counts(reader)[0]) is Long


def test_what_fails_too_often_dies(world: QueueWorld, graves: Queue) -> None:
    queue = world.queue("q", "quorum", x_delivery_limit=2, x_dead_letter_exchange="dlx")
    reader, mourner = world.read(queue), mourner_of(world, graves)
    world.publish(queue, "a")
    for _ in range(3):
        assert not mourner.got
        world.reject(reader, reader.got[-1], requeue=True)
    assert deaths(mourner)[0]["reason"] == "delivery_limit"
    assert (len(reader.got), queue.ready, queue.unacked) == (3, 0, 0)


def test_the_limit_is_20_unless_it_is_none(world: QueueWorld) -> None:
    limited = world.queue("limited", "quorum")
    free = world.queue("free", "quorum", x_delivery_limit=-1)
    for queue in (limited, free):
        reader = world.read(queue)
        world.publish(queue, "a")
        for _ in range(30):
            if len(reader.got) and queue.unacked:
                world.reject(reader, reader.got[-1], requeue=True)
    assert (limited.unacked, free.unacked) == (0, 1)


def test_classic_queues_do_not_count(world: QueueWorld) -> None:
    queue = world.queue()
    reader = world.read(queue)
    world.publish(queue, "a")
    for _ in range(30):
        world.reject(reader, reader.got[-1], requeue=True)
    assert counts(reader) == (None, None)


def test_a_form_of_the_dead_says_what_its_form_says() -> None:
    form = Died(FORM)
    said = Properties(headers={"a": 1}, delivery_mode=2)
    assert form.read(form.write(said)) == said
    assert form.traits(form.write(said)) == FORM.traits(FORM.write(said))
    assert form.number == FORM.number + 32


def test_what_is_refused_where_it_goes_is_gone(world: QueueWorld) -> None:
    """Tried again and again, it would come twice wherever else it went."""
    exchange = slow(world)
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader = world.read(queue)
    world.publish(queue, "a")
    world.reject(reader, *reader.got)
    exchange.waiting[0](QueueFull("queue 'graves' in vhost '/' is full"))
    world.wait(60_000)
    letters = queue.departures.letters
    assert (len(exchange.waiting), letters.in_flight, letters.refused) == (1, 0, 1)


def test_so_many_are_on_their_way_at_once(
    world: QueueWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in memory as long as nobody takes them; the others are not."""
    monkeypatch.setattr(departures, "IN_FLIGHT_MAX", 3)
    exchange = slow(world)
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader = world.read(queue)
    world.publish(queue, *"abcdefgh")
    world.reject(reader, *reader.got)
    assert (len(exchange.waiting), queue.ready, queue.unacked) == (3, 0, 0)
    for done in range(8):
        exchange.waiting[done](None)
        world.turn.run()
    assert [one.body.decode() for one in exchange.messages] == [*"abcdefgh"]
    assert (queue.departures.letters.in_flight, queue.line.taken) == (0, 0)


def test_many_that_are_stuck_are_tried_in_portions(
    world: QueueWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadletters, "RETRIED_AT_ONCE", 2)
    exchange = slow(world)
    queue = world.queue(x_dead_letter_exchange="dlx")
    reader = world.read(queue)
    world.publish(queue, *"abcde")
    world.reject(reader, *reader.got)
    for done in range(5):
        exchange.waiting[done](Unavailable("the disk is full"))
    world.wait(5001)
    assert len(exchange.waiting) == 7
    world.wait(100)
    assert len(exchange.waiting) == 10
    for done in range(5, 10):
        exchange.waiting[done](None)
    assert queue.departures.letters.in_flight == 0


def test_a_purge_forgets_how_often_its_messages_failed_and_no_others(world: QueueWorld) -> None:
    queue = world.queue("q", "quorum", x_delivery_limit=2)
    reader = world.read(queue, 1)
    world.publish(queue, "a", "b")
    world.reject(reader, reader.got.pop(), requeue=True)
    assert reader.bodies == ["a"]
    assert queue.purge() == 1
    for _ in range(2):
        world.reject(reader, reader.got.pop(), requeue=True)
    assert reader.got == []
    assert len(queue._returns._counts) == 0  # type: ignore[union-attr]
