"""Rights by a token: RabbitMQ's scopes."""

import pytest

from anymq.core.errors import NotFound
from anymq.core.rights.loans import loan_of
from anymq.core.rights.permit import CONFIGURE, READ, WRITE
from anymq.testing.amqp import AmqpRoom

SCOPES = (
    "read:*/orders.*",
    "write:%2F/amq.topic/a.*",
    "configure:shop/*",
    "write:%2F/plain",
    "tag:management",
    "nonsense",
    "read:only",
    "delete:*/*",
)


@pytest.fixture
def room() -> AmqpRoom:
    room = AmqpRoom()
    room.broker.create_vhost("shop")
    assert room.broker.users.lend("ada", loan_of(SCOPES, 2_000.0))
    return room


def test_rights(room: AmqpRoom) -> None:
    permit = room.broker.users.permit("ada", "/")

    assert permit.may(READ, "orders.new")
    assert not permit.may(READ, "xorders.new")
    assert not permit.may(READ, "orders")
    assert permit.may(WRITE, "plain")
    assert not permit.may(WRITE, "plain2")
    assert not permit.may(CONFIGURE, "anything")
    assert room.broker.users.permit("ada", "shop").may(CONFIGURE, "anything")
    assert room.broker.users.tags_of("ada") == ("management",)


def test_topic_exchanges_only_by_routing_keys(room: AmqpRoom) -> None:
    """As with RabbitMQ: a scope without one opens none."""
    permit = room.broker.users.permit("ada", "/")

    assert permit.may_topic(WRITE, "amq.topic", "a.b")
    assert not permit.may_topic(WRITE, "amq.topic", "b.a")
    assert not permit.may_topic(WRITE, "plain", "a.b")
    assert not permit.may_topic(READ, "amq.topic", "a.b")


def test_names_that_a_wildcard_does_not_mean(room: AmqpRoom) -> None:
    users = room.broker.users
    users.lend("bob", loan_of(["read:%2F/a.b%2Fc%2A", "read:%2F/x|y"], 2_000.0))
    permit = users.permit("bob", "/")

    assert permit.may(READ, "a.b/c*")
    assert not permit.may(READ, "axb/c*")
    assert not permit.may(READ, "x")
    assert permit.may(READ, "x|y")
    assert not permit.may(READ, "x|y\n")


def test_it_ends(room: AmqpRoom) -> None:
    users = room.broker.users
    permit = users.permit("ada", "/")
    told: list[None] = []
    users.watch("ada", lambda: told.append(None))

    users.end_loans(1_999.0)
    assert permit.may_enter
    users.end_loans(2_000.0)

    assert not permit.may_enter
    assert "ada" not in users
    assert told


def test_who_is_there_is_lent_nothing(room: AmqpRoom) -> None:
    """Else a token would take over somebody's name, or add to his rights."""
    assert not room.broker.users.lend("guest", loan_of(["tag:administrator"], 2_000.0))
    assert not room.broker.users.lend("", loan_of([], 2_000.0))


def test_who_is_lent_something_is_no_user_of_ours(room: AmqpRoom) -> None:
    users = room.broker.users

    with pytest.raises(NotFound):
        users.find("ada")
    with pytest.raises(NotFound):
        users.set_permissions("ada", "/", ".*", ".*", ".*")
    assert [user.name for user in users.list()] == ["guest"]
    assert users.is_limited("ada")


def test_a_user_that_is_made_takes_over(room: AmqpRoom) -> None:
    """With what was set for it, and no more: above all not as an administrator."""
    room.broker.users.put("ada", password="secret")

    assert room.broker.users.tags_of("ada") == ()
    assert not room.broker.users.permit("ada", "/").may_enter
    room.broker.users.set_topic_permissions("ada", "/", "amq.topic", "^own", "^own")
    assert list(room.broker.users.topics_of("ada", "/")) == ["amq.topic"]
