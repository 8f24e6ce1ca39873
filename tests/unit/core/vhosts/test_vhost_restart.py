"""A virtual host: what a restart finds, whatever came before it."""

import errno
from collections.abc import Mapping

import pytest
from tests.unit.core.vhosts.conversations import bodies, publish
from tests.unit.core.world import Restart, Told, World

from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.core.errors import NotFound, PreconditionFailed, Refused
from anymq.core.queues.delivery import Delivery
from anymq.core.routing.simple import Fanout
from anymq.core.routing.target import Then
from anymq.core.routing.types import OURS
from anymq.core.vhosts.vhost import Redeclare, VirtualHost
from anymq.protocols.amqp.fields import Int64
from anymq.storage.errors import LogFailed, StorageError

STREAM = {"x-queue-type": "stream"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def vhost(world: World) -> VirtualHost:
    return world.broker.vhost("/")


def text(refused: pytest.ExceptionInfo[Refused]) -> str:
    return str(refused.value)


# After a restart


@pytest.mark.parametrize("how", list(Restart))
def test_what_is_durable_is_there_again(world: World, how: Restart) -> None:
    vhost = world.broker.create_vhost("a/b %")
    told = Told()
    arguments = {"x-max-length": Int64(5), "text": "é", "x-list": [1, {"a": None}]}
    vhost.declare_queue("q/1", durable=True, arguments=arguments, then=told)
    vhost.declare_queue("t")
    vhost.declare_exchange("x", "topic", durable=True, arguments={"alternate-exchange": "y"})
    vhost.declare_exchange("y", "fanout")
    vhost.bind("x", "q/1", "#.é", {"n": Int64(1)})
    vhost.bind("x", "t", "#")
    vhost.bind("y", "q/1")
    vhost.bind("x", "amq.fanout", "k", to_exchange=True)
    assert told.waits
    world.commit()
    assert told.ok

    again = world.restart(how).vhost("a/b %")
    assert set(again.queues) == {"q/1"}
    queue = again.queue("q/1")
    assert queue.arguments == arguments
    assert type(queue.arguments["x-max-length"]) is Int64
    assert queue.durable
    assert again.exchange("x").alternate == "y"
    assert "y" not in again.exchanges
    assert {one[:4] for one in again.topology.bindings} == {
        ("x", "queue", "q/1", "#.é"),
        ("x", "exchange", "amq.fanout", "k"),
    }
    assert publish(again, "x", "a.é")
    again.unbind("x", "q/1", "#.é", {"n": 1})
    assert len(again.topology.bindings) == 2  # 1 of another width is another argument


def test_what_was_deleted_stays_so(world: World, vhost: VirtualHost) -> None:
    vhost.declare_queue("q", durable=True)
    vhost.declare_exchange("x", "direct", durable=True)
    vhost.bind("x", "q", "k")
    publish(vhost, "x", "k")
    world.broker.turn.run()
    world.commit()
    told = Told()
    vhost.delete_queue("q", then=told)
    assert not vhost.topology.bindings
    world.commit()
    assert told.ok
    again = world.restart().vhost("/")
    assert not again.queues
    assert not again.topology.bindings
    assert again.declare_queue("q", durable=True).ready == 0


def test_a_declaration_that_the_disk_did_not_keep_is_undone(
    world: World, vhost: VirtualHost
) -> None:
    world.commit()
    told = Told()
    vhost.declare_queue("q", durable=True, then=told)
    vhost.declare_exchange("x", "fanout", durable=True)
    vhost.bind("x", "q")
    world.lose(errno.ENOSPC)
    assert told.error is not None
    assert not vhost.queues
    assert "x" not in vhost.exchanges
    assert not vhost.topology.bindings
    vhost.declare_queue("q", durable=True)
    assert publish(vhost, "", "q")


def test_a_deletion_that_the_disk_did_not_keep_is_undone(world: World, vhost: VirtualHost) -> None:
    """Its messages are there again, and its bindings lead to it."""
    vhost.declare_queue("q", durable=True)
    vhost.declare_exchange("x", "fanout", durable=True)
    vhost.bind("x", "q")
    publish(vhost, "x", "")
    world.broker.turn.run()
    world.commit()
    told = Told()
    vhost.delete_queue("q", then=told)
    world.lose(errno.ENOSPC)
    assert told.error is not None
    assert bodies(vhost, "q") == [b"hello"]
    publish(vhost, "x", "", b"more")
    assert bodies(vhost, "q") == [b"hello", b"more"]


def test_who_declares_it_again_waits_for_the_disk_too(world: World, vhost: VirtualHost) -> None:
    """Else consumers would begin, publishers would trust, and then it is not there."""
    world.commit()
    heard: list[Told] = []
    for _ in range(2):
        tolds = [Told() for _ in range(4)]
        vhost.declare_queue("q", durable=True, then=tolds[0])
        vhost.declare_queue("s", durable=True, arguments=STREAM, then=tolds[1])
        vhost.declare_exchange("x", "fanout", durable=True, then=tolds[2])
        vhost.bind("x", "q", then=tolds[3])
        assert all(told.waits for told in tolds)
        heard += tolds
    world.commit()
    assert all(told.ok for told in heard)
    vhost.declare_queue("q", durable=True, then=(later := Told()))
    assert later.ok


def test_who_declares_it_again_hears_that_the_disk_refused(
    world: World, vhost: VirtualHost
) -> None:
    world.commit()
    vhost.declare_queue("q", durable=True)
    vhost.declare_queue("q", durable=True, then=(told := Told()))
    world.lose(errno.ENOSPC)
    assert isinstance(told.error, StorageError)
    assert "q" not in vhost.queues


def test_who_publishes_meanwhile_hears_why_the_disk_refused(
    world: World, vhost: VirtualHost
) -> None:
    """It is an operator who reads it: that a disk is full says what to do."""
    world.commit()
    declared, published = Told(), Told()
    vhost.declare_queue("q", durable=True, then=declared)
    publish(vhost, "", "q", then=published)
    world.lose(errno.ENOSPC)
    assert isinstance(published.error, StorageError)
    assert str(published.error) == str(declared.error)


def test_a_disk_that_refuses_at_once(world: World, vhost: VirtualHost) -> None:
    world.store.logs[1].failed = LogFailed("EIO")
    told = Told()
    with pytest.raises(LogFailed):
        vhost.declare_queue("q", durable=True, then=told)
    with pytest.raises(LogFailed):
        vhost.declare_queue("s", durable=True, arguments=STREAM, then=told)
    with pytest.raises(LogFailed):
        vhost.declare_exchange("x", "fanout", durable=True, then=told)
    assert told.waits
    assert not vhost.queues
    assert "x" not in vhost.exchanges


def test_a_vhost_goes_with_all_that_is_in_it(world: World) -> None:
    vhost = world.broker.create_vhost("other")
    vhost.declare_queue("q", durable=True)
    vhost.declare_exchange("x", "fanout", durable=True)
    vhost.bind("x", "q")
    left: list[str] = []
    vhost.on_end[lambda: left.append("heard")] = None
    world.commit()
    told = Told()
    world.broker.delete_vhost("other", told)
    world.commit()
    assert told.ok
    assert left == ["heard"]
    broker = world.restart()
    with pytest.raises(NotFound):
        broker.vhost("other")
    assert not broker.create_vhost("other").queues


def test_dead_letters_stay_in_a_vhost_that_was_made_anew(world: World) -> None:
    """Its name is that of one that was deleted; it is another."""
    world.broker.create_vhost("other").declare_queue("q")
    world.commit()
    world.broker.delete_vhost("other")
    world.commit()
    vhost = world.broker.create_vhost("other")
    vhost.declare_queue("dead")
    to_dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    vhost.declare_queue("short", arguments={"x-max-length": 1, **to_dead})

    publish(vhost, "", "short", b"first")
    publish(vhost, "", "short", b"second")
    world.broker.turn.run()

    assert bodies(vhost, "dead") == [b"first"]


def test_logs_of_queues_that_do_not_last_are_thrown_away(world: World, vhost: VirtualHost) -> None:
    """They may have been written to, when memory was short; who lost its queue wants them not."""
    vhost.declare_queue("t")
    vhost.declare_queue("d", durable=True)
    world.commit()
    world.restart(Restart.CLEAN)
    world.commit()
    assert [log_id for log_id in world.store.ids() if log_id >= 1 << 40] == []
    assert world.store.orphans() == []


@pytest.mark.parametrize("how", list(Restart))
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_confirmed_messages_are_there_after_a_restart(
    world: World, kind: str, how: Restart
) -> None:
    """In durable queues, of all priorities; those that did not ask to last are not."""
    vhost = world.broker.vhost("/")
    arguments = {"x-queue-type": kind, "x-max-priority": 5} if kind == "classic" else {
        "x-queue-type": kind
    }  # fmt: skip
    vhost.declare_queue("q", durable=True, arguments=arguments)
    told = Told()
    for priority in (0, 3, None):
        publish(vhost, "", "q", b"%s" % str(priority).encode(), told, priority=priority)
    world.broker.turn.run()
    world.commit()
    assert told.answers == [None] * 3
    again = world.restart(how).vhost("/")
    got: list[Delivery | None] = []
    for _ in range(3):
        again.queue("q").get(got.append, no_ack=True)
    most_urgent = {"classic": b"3", "quorum": b"None"}[kind]
    assert next(one and one.message.body for one in got) == most_urgent
    assert again.queue("q").ready == 0
    again.delete_queue("q")
    world.commit()
    assert world.restart(Restart.CLEAN).vhost("/").queues == {}
    world.commit()
    assert world.store.orphans() == []


def test_an_exchange_whose_type_is_gone_loses_nothing(world: World, vhost: VirtualHost) -> None:
    """A plugin was not installed for one start: its exchanges refuse, and are there afterwards."""

    class Odd(Fanout):
        """A type of somebody else."""

    world.exchange_types = {**OURS, "x-odd": Odd}
    vhost = world.restart().vhost("/")
    vhost.declare_exchange("x", "x-odd", durable=True)
    vhost.declare_queue("q", durable=True)
    vhost.bind("x", "q", "k")
    assert publish(vhost, "x", "k")
    world.broker.turn.run()
    world.commit()

    world.exchange_types = OURS
    vhost = world.restart().vhost("/")
    with pytest.raises(PreconditionFailed) as refused:
        publish(vhost, "x", "k")
    assert text(refused) == (
        "Cannot route message through exchange 'x' in vhost '/': exchange type x-odd not found"
    )

    world.exchange_types = {"x-odd": Odd, **OURS}
    vhost = world.restart().vhost("/")
    assert publish(vhost, "x", "k")
    assert len(bodies(vhost, "q")) == 2


def test_new_vhosts_treat_redeclarations_as_the_others(world: World) -> None:
    world.broker.redeclare_queues(Redeclare.KEEP)
    for vhost in (world.broker.vhost("/"), world.broker.create_vhost("other")):
        vhost.declare_queue("q")
        assert vhost.declare_queue("q", auto_delete=True).auto_delete is False


@pytest.mark.parametrize("how", list(Restart))
def test_delayed_messages_are_there_after_a_restart(world: World, how: Restart) -> None:
    vhost = world.broker.vhost("/")
    vhost.declare_queue("q", durable=True)
    told = Told()
    assert publish(vhost, "", "q", then=told, headers={"x-delay": 5000})
    assert told.waits
    world.commit()
    assert told.ok
    vhost = world.restart(how).vhost("/")
    assert bodies(vhost, "q") == []
    world.clock.now_ms += 5001
    world.timers.run(world.clock.monotonic())
    world.broker.turn.run()
    assert bodies(vhost, "q") == [b"hello"]
    world.commit()
    vhost = world.restart(how).vhost("/")
    world.broker.turn.run()
    assert bodies(vhost, "q") == [b"hello"]


def test_a_delayed_message_that_is_refused_holds_up_no_other(world: World) -> None:
    """The queue was full when its time had come: as if it had been published then."""
    vhost = world.broker.vhost("/")
    vhost.declare_queue("full", arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    vhost.declare_queue("q")
    for queue, delay in (("full", 1), ("q", 2)):
        publish(vhost, "", queue, headers={"x-delay": delay})
    world.commit()
    world.clock.now_ms += 10
    world.timers.run(world.clock.monotonic())
    world.broker.turn.run()
    assert bodies(vhost, "q") == [b"hello"]


def test_a_vhost_that_was_made_again_buries_its_own_dead(world: World) -> None:
    for _ in range(2):
        vhost = world.broker.create_vhost("v")
        vhost.declare_queue("graves")
        vhost.declare_queue(
            "q",
            arguments={
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "graves",
                "x-message-ttl": 0,
            },
        )
        publish(vhost, "", "q")
        world.broker.turn.run()
        assert bodies(vhost, "graves") == [b"hello"]
        world.broker.delete_vhost("v")


def test_a_vhost_that_was_made_again_discards_its_queues(world: World) -> None:
    for _ in range(2):
        vhost = world.broker.create_vhost("v")
        vhost.declare_queue("q", arguments={"x-expires": 1000})
        world.clock.now_ms += 2000
        world.timers.run(world.clock.monotonic())
        assert "q" not in vhost.queues
        world.broker.delete_vhost("v")


# Priorities


def test_the_first_message_of_a_priority_is_safe_when_its_level_is_defined(
    world: World, vhost: VirtualHost
) -> None:
    """The disk took the message and not the definition: a restart would not find it."""
    vhost.declare_queue("q", durable=True, arguments={"x-max-priority": 5})
    world.commit()
    first, again = Told(), Told()
    publish(vhost, "", "q", b"first", first, priority=3)
    world.broker.turn.run()
    world.lose(path="logs/1/")
    assert isinstance(first.error, StorageError)
    publish(vhost, "", "q", b"again", again, priority=3)
    world.broker.turn.run()
    world.commit()
    assert again.ok
    assert bodies(world.restart().vhost("/"), "q") == [b"first", b"again"]


def test_a_level_that_was_never_defined_goes_with_its_queue(
    world: World, vhost: VirtualHost
) -> None:
    vhost.declare_queue("q", durable=True, arguments={"x-max-priority": 5})
    world.commit()
    publish(vhost, "", "q", priority=3)
    world.broker.turn.run()
    world.lose(path="logs/1/")
    logs = set(world.store.ids())
    vhost.delete_queue("q")
    world.commit()
    world.maintain()
    assert len(logs - set(world.store.ids())) == 2


def test_a_queue_that_could_not_be_deleted_has_everything_again(
    world: World, vhost: VirtualHost
) -> None:
    """Whoever had some of it has let go of the queue: nobody else would give that back."""
    vhost.declare_queue("q", durable=True)
    publish(vhost, "", "q")
    world.commit()
    vhost.queue("q").get(lambda _: None, no_ack=False)
    world.broker.turn.run()
    vhost.delete_queue("q")
    world.lose(path="logs/1/")
    assert bodies(vhost, "q") == [b"hello"]


# Virtual hosts that go


def filled(world: World) -> VirtualHost:
    vhost = world.broker.create_vhost("v")
    vhost.declare_queue("q", durable=True)
    vhost.declare_queue("s", durable=True, arguments={"x-queue-type": "stream"})
    vhost.declare_queue("t")
    vhost.declare_exchange("x", "fanout", durable=True)
    for name in "qst":
        vhost.bind("x", name)
    publish(vhost, "x", "")
    world.broker.turn.run()
    world.commit()
    return vhost


def test_the_end_of_a_vhost_is_one_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a crash leaves all of it or nothing."""
    filled(world)
    changes: list[set[str]] = []
    put = EmbeddedStore.put

    def noted(store: EmbeddedStore, said: Mapping[str, bytes | None], then: Then) -> None:
        changes.append({key.partition("/")[0] for key in said})
        put(store, said, then)

    monkeypatch.setattr(EmbeddedStore, "put", noted)
    world.broker.delete_vhost("v")
    assert changes == [{"vhosts", "queues", "topics", "exchanges", "bindings", "doomed"}]
    world.commit()
    broker = world.restart()
    assert not broker.topics
    assert list(broker.vhosts) == ["/"]
    world.commit()
    assert not [log_id for log_id in world.store.ids() if log_id >= 16]


def test_a_vhost_that_could_not_be_deleted_is_back_with_all_that_lasts(world: World) -> None:
    filled(world)
    told = Told()
    world.broker.delete_vhost("v", told)
    world.lose(path="logs/1/")
    assert isinstance(told.error, StorageError)
    vhost = world.broker.vhost("v")
    assert bodies(vhost, "q") == [b"hello"]
    assert set(vhost.queues) == {"q", "s"}
    publish(vhost, "x", "", b"more")
    world.broker.turn.run()
    world.commit()
    assert bodies(vhost, "q") == [b"hello", b"more"]
    assert vhost.queue("s").ready == 2
    assert set(world.restart().vhost("v").queues) == {"q", "s"}
