"""A virtual host: what is declared, bound and deleted, and what a restart finds."""

import pytest
from tests.unit.core.vhosts.conversations import bodies, publish
from tests.unit.core.world import Told, World

from anymq.core.errors import Locked, NotAllowed, NotFound, PreconditionFailed, Refused
from anymq.core.vhosts.vhost import DEFAULT_EXCHANGES, Redeclare, VirtualHost
from anymq.protocols.amqp.fields import Int64


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
