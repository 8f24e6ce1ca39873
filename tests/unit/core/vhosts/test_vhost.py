"""A virtual host: what is declared, bound and deleted, and what a restart finds."""

import errno

import pytest
from tests.unit.core.vhosts.conversations import bodies, publish
from tests.unit.core.world import Restart, Told, World

from anymq.core.errors import Locked, NotAllowed, NotFound, PreconditionFailed, Refused
from anymq.core.queues.delivery import Delivery
from anymq.core.routing.simple import Fanout
from anymq.core.routing.types import OURS
from anymq.core.vhosts.vhost import DEFAULT_EXCHANGES, Redeclare, VirtualHost
from anymq.protocols.amqp.fields import Int64
from anymq.storage.errors import StorageError


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def vhost(world: World) -> VirtualHost:
    return world.broker.vhost("/")


def text(refused: pytest.ExceptionInfo[Refused]) -> str:
    return str(refused.value)


# Exchanges


def test_each_vhost_has_the_exchanges_that_clients_take_for_granted(world: World) -> None:
    for vhost in (world.broker.vhost("/"), world.broker.create_vhost("other")):
        assert set(vhost.exchanges) == {"", *(name for name, _, _ in DEFAULT_EXCHANGES)}
        assert vhost.exchange("amq.rabbitmq.trace").declaration.internal
        assert all(one.declaration.durable for one in vhost.exchanges.values())


def test_the_default_exchange_leads_to_the_queue_with_the_keys_name(vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    assert publish(vhost, "", "q")
    assert not publish(vhost, "", "nobody")
    assert bodies(vhost, "q") == [b"hello"]


@pytest.mark.parametrize(
    ("again", "error"),
    [
        ({"type_": "fanout"}, "'type' for exchange 'x' in vhost '/': received 'fanout' but current is 'direct'"),  # noqa: E501
        ({"durable": False}, "'durable' for exchange 'x' in vhost '/': received 'false' but current is 'true'"),  # noqa: E501
        ({"auto_delete": True}, "'auto_delete' for exchange 'x' in vhost '/': received 'true' but current is 'false'"),  # noqa: E501
        ({"internal": True}, "'internal' for exchange 'x' in vhost '/': received 'true' but current is 'false'"),  # noqa: E501
        ({"arguments": {"alternate-exchange": "y"}}, "'alternate-exchange' for exchange 'x' in vhost '/': received the value 'y' of type 'longstr' but current is none"),  # noqa: E501
    ],
)  # fmt: skip
def test_an_exchange_is_declared_again_as_it_is_or_not_at_all(
    vhost: VirtualHost, again: dict[str, object], error: str
) -> None:
    said: dict[str, object] = {"type_": "direct", "durable": True}
    vhost.declare_exchange("x", **said)  # type: ignore[arg-type]
    vhost.declare_exchange("x", **said, arguments={"unknown": 1})  # type: ignore[arg-type]
    with pytest.raises(PreconditionFailed) as refused:
        vhost.declare_exchange("x", **{**said, **again})  # type: ignore[arg-type]
    assert text(refused) == f"inequivalent arg {error}"


def test_what_exchanges_cannot_be(vhost: VirtualHost) -> None:
    for name, type_, arguments, error in (
        ("x", "zzz", {}, "unknown exchange type 'zzz'"),
        ("", "direct", {}, "operation not permitted on the default exchange"),
        ("amq.x", "direct", {}, "exchange name 'amq.x' contains reserved prefix 'amq.*'"),
        (
            "x",
            "direct",
            {"alternate-exchange": 5},
            "invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'",
        ),
    ):
        with pytest.raises(Refused) as refused:
            vhost.declare_exchange(name, type_, arguments=arguments)
        assert text(refused) == error


def test_deleting_exchanges(vhost: VirtualHost) -> None:
    vhost.declare_exchange("x", "direct")
    vhost.declare_queue("q")
    vhost.bind("x", "q", "k")
    with pytest.raises(PreconditionFailed, match=r"^exchange 'x' in vhost '/' in use$"):
        vhost.delete_exchange("x", if_unused=True)
    vhost.delete_exchange("x")
    vhost.delete_exchange("x")  # which is as good
    with pytest.raises(NotFound, match=r"^no exchange 'x' in vhost '/'$"):
        vhost.exchange("x")
    assert not vhost.topology.bindings
    with pytest.raises(NotAllowed) as refused:
        vhost.delete_exchange("amq.topic")
    assert text(refused) == "deletion of system exchange 'amq.topic' in vhost '/' not allowed"
    with pytest.raises(NotAllowed, match=r"^operation not permitted on the default exchange$"):
        vhost.delete_exchange("")


def test_names_lose_their_line_ends(vhost: VirtualHost) -> None:
    vhost.declare_queue("a\r\nb")
    assert vhost.queue("ab").name == "ab"


# Queues


def test_a_queue_without_a_name_gets_one(vhost: VirtualHost) -> None:
    one, other = vhost.declare_queue(""), vhost.declare_queue("")
    assert one.name != other.name
    assert one.name.startswith("amq.gen-")
    with pytest.raises(NotAllowed) as refused:
        vhost.declare_queue("amq.mine")
    assert text(refused) == "queue name 'amq.mine' contains reserved prefix 'amq.*'"


def test_a_queue_is_declared_again_as_it_is_or_not_at_all(vhost: VirtualHost) -> None:
    queue = vhost.declare_queue("q", arguments={"x-max-length": 5})
    assert vhost.declare_queue("q", arguments={"x-max-length": Int64(5)}) is queue
    for again, error in (
        ({"durable": True}, "'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'"),  # noqa: E501
        ({"auto_delete": True}, "'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'"),  # noqa: E501
        ({"arguments": {"x-max-length": 6}}, "'x-max-length' for queue 'q' in vhost '/': received '6' but current is '5'"),  # noqa: E501
        ({"arguments": {}}, "'x-max-length' for queue 'q' in vhost '/': received none but current is the value '5' of type 'signedint'"),  # noqa: E501
    ):  # fmt: skip
        said = {"arguments": {"x-max-length": 5}, **again}
        with pytest.raises(PreconditionFailed) as refused:
            vhost.declare_queue("q", **said)  # type: ignore[arg-type]
        assert text(refused) == f"inequivalent arg {error}"


def test_a_queue_may_be_declared_again_more_freely_where_that_is_set(vhost: VirtualHost) -> None:
    """Whoever changes a deployment's arguments need not delete the queue and its messages."""
    queue = vhost.declare_queue("q", durable=True)
    vhost.redeclare = Redeclare.KEEP
    assert vhost.declare_queue("q", durable=True, arguments={"x-max-length": 5}) is queue
    assert queue.arguments == {}
    vhost.redeclare = Redeclare.CHANGE
    assert vhost.declare_queue("q", durable=True, arguments={"x-max-length": 5}) is queue
    assert queue.arguments == {"x-max-length": 5}


def test_a_living_queue_gets_other_arguments(world: World, vhost: VirtualHost) -> None:
    queue = vhost.declare_queue("q", durable=True)
    told = Told()
    vhost.change_queue("q", {"x-max-length": 1}, told)
    assert queue.arguments == {"x-max-length": 1}
    world.commit()
    assert told.ok
    assert world.restart().vhost("/").queue("q").arguments == {"x-max-length": 1}


def test_an_exclusive_queue_is_its_owners_alone(vhost: VirtualHost) -> None:
    me, other = object(), object()
    vhost.declare_queue("mine", owner=me)
    locked = (
        "cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be "
        "originally declared on another connection or the exclusive property value does not "
        "match that of the original declaration."
    )
    for act in (
        lambda: vhost.queue("mine", other),
        lambda: vhost.queue("mine"),
        lambda: vhost.declare_queue("mine", owner=other),
        lambda: vhost.declare_queue("mine"),
        lambda: vhost.delete_queue("mine", owner=other),
        lambda: vhost.bind("amq.direct", "mine", "k", owner=other),
    ):
        with pytest.raises(Locked) as refused:
            act()
        assert text(refused) == locked
    vhost.bind("amq.direct", "mine", "k", owner=me)
    assert publish(vhost, "", "mine")  # anybody may send to it
    vhost.owner_gone(other)
    assert vhost.queue("mine", me).ready == 1
    vhost.owner_gone(me)
    assert "mine" not in vhost.queues
    assert not vhost.topology.bindings


def test_deleting_queues(vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    publish(vhost, "", "q")
    with pytest.raises(PreconditionFailed, match=r"^queue 'q' in vhost '/' not empty$"):
        vhost.delete_queue("q", if_empty=True)
    assert vhost.delete_queue("q") == 1
    assert vhost.delete_queue("q") == 0
    with pytest.raises(NotFound, match=r"^no queue 'q' in vhost '/'$"):
        vhost.queue("q")


# Bindings


def test_bindings_need_both_their_ends(vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    for source, destination, error in (
        ("x", "q", "no exchange 'x' in vhost '/'"),
        ("amq.direct", "z", "no queue 'z' in vhost '/'"),
        ("", "q", "operation not permitted on the default exchange"),
        (
            "amq.direct",
            "amq.rabbitmq.reply-to.x",
            "cannot bind or unbind to a volatile (direct reply-to) queue",
        ),
    ):
        with pytest.raises(Refused) as refused:
            vhost.bind(source, destination)
        assert text(refused) == error
    vhost.unbind("x", "q")
    vhost.unbind("amq.direct", "z")
    vhost.unbind("amq.direct", "q", "never")


def test_a_binding_is_there_once(vhost: VirtualHost) -> None:
    vhost.declare_queue("q")
    for arguments in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
        vhost.bind("amq.direct", "q", "k", arguments)
    assert len(vhost.topology.bindings) == 1
    vhost.bind("amq.direct", "q", "k", {"a": "1", "b": 2})
    assert len(vhost.topology.bindings) == 2
    publish(vhost, "amq.direct", "k")
    assert bodies(vhost, "q") == [b"hello"]
    vhost.unbind("amq.direct", "q", "k", {"b": 2, "a": 1})
    vhost.unbind("amq.direct", "q", "k", {"a": "1", "b": 2})
    assert not publish(vhost, "amq.direct", "k")


def test_an_auto_delete_exchange_goes_with_its_last_binding(vhost: VirtualHost) -> None:
    """And with it those that only led to it."""
    vhost.declare_queue("q")
    for name in ("first", "second", "third"):
        vhost.declare_exchange(name, "fanout", auto_delete=True)
    vhost.bind("first", "second", to_exchange=True)
    vhost.bind("second", "third", to_exchange=True)
    vhost.bind("third", "q")
    vhost.bind("third", "q", "more")
    vhost.unbind("third", "q")
    assert "third" in vhost.exchanges
    vhost.delete_queue("q")
    assert set(vhost.exchanges) == {"", *(name for name, _, _ in DEFAULT_EXCHANGES)}


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
