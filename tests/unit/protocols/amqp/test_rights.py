"""Rights that change while their user is here, and who gets in."""

from typing import Any

import pytest
from tests.unit.protocols.amqp.dialog import Client, World

from anymq.core.message import Properties
from anymq.protocols.amqp import methods

REFUSED = "ACCESS_REFUSED - {} access to {} in vhost '/' refused for user 'bob'"


@pytest.fixture
def world() -> World:
    world = World()
    world.broker.users.put("bob", password="secret")
    world.broker.users.set_permissions("bob", "/", ".*", ".*", ".*")
    return world


def bob(world: World) -> Client:
    client = Client(world)
    client.log_in(response=b"\0bob\0secret").open()
    world.clients.append(client)
    return client


def closed_by(client: Client) -> str:
    close = client.hear()
    assert isinstance(close, methods.ChannelClose | methods.ConnectionClose), close
    return close.reply_text


def allow(world: World, configure: str = "", write: str = "", read: str = "") -> None:
    world.broker.users.set_permissions("bob", "/", configure, write, read)


def test_who_has_no_rights_in_a_virtual_host_does_not_enter(world: World) -> None:
    world.broker.users.clear_permissions("bob", "/")
    client = Client(world)
    client.greet()
    client.start_ok(response=b"\0bob\0secret")
    tune: Any = client.only()
    client >> (0, methods.ConnectionTuneOk(tune.channel_max, tune.frame_max, 0))
    client >> (0, methods.ConnectionOpen("/"))
    text = "NOT_ALLOWED - access to vhost '/' refused for user 'bob'"
    close = client.hear()
    assert close == methods.ConnectionClose(530, text, 10, 40)


def test_a_publisher_loses_its_right_between_two_messages(world: World) -> None:
    client = bob(world).declare()
    client.publish("q", b"one")
    allow(world)
    client.publish("q", b"two")
    assert closed_by(client) == REFUSED.format("write", "exchange 'amq.default'")
    world.settle()
    assert world.broker.vhost("/").queue("q").ready == 1


def test_a_right_that_is_given_holds_at_once(world: World) -> None:
    client = bob(world).declare()
    allow(world)
    client.publish("q", b"one")
    client.closed()
    allow(world, write="^amq.default$")
    client.publish("q", b"two")
    assert client.silent
    assert world.broker.vhost("/").queue("q").ready == 1


def test_a_consumer_that_may_not_read_any_more_is_cancelled(world: World) -> None:
    """It hears of it, as RabbitMQ does it for tokens that end; what is out can be settled."""
    client = bob(world).declare().declare("other").consume().consume("other", "d")
    client.publish("q", b"one")
    assert client.delivered() == [b"one"]
    allow(world, write=".*", read="^other$")
    world.settle()
    client << methods.BasicCancel("c", nowait=True)
    client.publish("q", b"two").publish("other", b"three")
    assert client.delivered() == [b"three"]
    client >> methods.BasicAck(1, False)
    assert client.silent


def test_who_loses_the_virtual_host_is_thrown_out(world: World) -> None:
    client = bob(world)
    world.broker.users.clear_permissions("bob", "/")
    world.settle()
    assert closed_by(client) == "NOT_ALLOWED - access to vhost '/' refused for user 'bob'"


def test_a_user_that_is_deleted_is_thrown_out(world: World) -> None:
    client, other = bob(world), world.client()
    world.broker.users.delete("bob")
    world.settle()
    reason = "broker forced connection closure with reason 'user 'bob' is deleted'"
    assert closed_by(client) == f"CONNECTION_FORCED - {reason}"
    assert other.silent


def test_rights_of_a_user_may_change_in_two_steps(world: World) -> None:
    """Within a turn nobody is thrown out: definitions are imported one by one."""
    client = bob(world)
    world.broker.users.clear_permissions("bob", "/")
    allow(world, write=".*")
    assert client.silent
    world.broker.users.set_permissions("guest", "/", ".*", ".*", ".*")
    assert world.client().declare().silent


def test_nobody_is_watched_who_is_gone(world: World) -> None:
    """Connections come and go."""
    client, other = bob(world), bob(world)
    client.hang_up()
    other >> (0, methods.ConnectionClose(200, "", 0, 0))
    world.clients.clear()
    world.settle()
    assert not world.broker.users._watchers
    world.broker.users.delete("bob")


def test_topics_that_are_limited_later_are_limited(world: World) -> None:
    client = bob(world).publish("a.b", b"one", exchange="amq.topic")
    users = world.broker.users
    users.set_topic_permissions("bob", "/", "amq.topic", r"^{username}\.", "")
    client.publish("bob.b", b"two", exchange="amq.topic")
    client.publish("a.b", b"one", exchange="amq.direct")
    assert client.silent
    client.publish("a.b", b"three", exchange="amq.topic")
    close = client.closed()
    assert close.reply_text == REFUSED.format("write", "topic 'a.b' in exchange 'amq.topic'")
    users.clear_topic_permissions("bob", "/", "amq.topic")
    assert client.publish("a.b", b"four", exchange="amq.topic").silent


def test_an_exchange_that_becomes_one_of_topics_is_limited(world: World) -> None:
    """What is remembered of an address is not what the exchange was."""
    world.broker.users.set_topic_permissions("bob", "/", "x", "^b$", "")
    vhost = world.broker.vhost("/")
    vhost.declare_exchange("x", "direct")
    client = bob(world).publish("a", b"one", exchange="x")
    vhost.delete_exchange("x")
    vhost.declare_exchange("x", "topic")
    assert client.publish("b", b"two", exchange="x").silent
    client.publish("a", b"three", exchange="x")
    assert client.closed().reply_code == 403


def test_an_impersonator_publishes_in_the_name_of_others(world: World) -> None:
    client = bob(world).declare()
    posing = Properties(user_id="alice")
    assert client.publish("q", b"one", properties=posing).closed().reply_code == 406
    world.broker.users.set_tags("bob", ["impersonator"])
    assert client.publish("q", b"two", properties=posing).silent


def test_a_password_that_changes_throws_nobody_out(world: World) -> None:
    """As with RabbitMQ; the old one is of no use any more."""
    client = bob(world)
    world.broker.users.put("bob", password="other")
    assert client.silent
    with pytest.raises(AssertionError):
        bob(world)


def test_an_internal_deletion_of_the_virtual_host_is_told(world: World) -> None:
    world.broker.users.clear_permissions("bob", "/")
    world.broker.users.set_permissions("bob", "/", "", "", "")
    client = bob(world)
    world.broker.delete_vhost("/")
    world.settle()
    assert "vhost '/' is deleted" in closed_by(client)


def test_a_queue_named_by_the_broker_asks_for_that_name(world: World) -> None:
    allow(world, configure="^amq\\.gen-")
    client = bob(world)
    client >> methods.QueueDeclare("", False, False, True, False, False, {})
    declared: Any = client.hear()
    assert declared.queue.startswith("amq.gen-")
    client >> methods.QueueDeclare("mine", False, False, True, False, False, {})
    assert client.closed().reply_text == REFUSED.format("configure", "queue 'mine'")
