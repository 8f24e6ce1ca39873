"""ACLs: what they add to the patterns, what they take away, and that every protocol keeps them."""

from itertools import product

import pytest
from tests.unit.core.world import World

from anymq.core.errors import Invalid
from anymq.core.rights.access import Access
from anymq.core.rights.accounts import Accounts, ignore
from anymq.core.rights.acls import ANY, CLUSTER_NAME, AclRecord
from anymq.core.rights.operations import OPERATIONS, Kind, Operation
from anymq.core.rights.permit import CONFIGURE, READ, WRITE

HERE = "192.0.2.7"


@pytest.fixture
def users() -> Accounts:
    users = World().broker.users
    users.put("ada")
    return users


def rule(
    operation: Operation,
    name: str = "orders",
    *,
    kind: Kind = Kind.TOPIC,
    user: str = "ada",
    host: str = ANY,
    prefixed: bool = False,
    allow: bool = True,
) -> AclRecord:
    return AclRecord(kind, name, prefixed, user, host, operation, allow)


def access(users: Accounts, user: str = "ada", host: str = HERE) -> Access:
    return Access(users, user, host)


def may(users: Accounts, operation: Operation, name: str = "orders") -> bool:
    return access(users).may(operation, Kind.TOPIC, name)


def test_what_is_allowed_comes_on_top_of_the_patterns(users: Accounts) -> None:
    users.set_permissions("ada", "/", "", "", "^news$")
    users.acls.add([rule(Operation.READ)], ignore)
    assert may(users, Operation.READ, "orders")
    assert may(users, Operation.READ, "news")
    assert not may(users, Operation.READ, "orders2")
    assert not may(users, Operation.WRITE, "orders")


def test_a_denial_wins(users: Accounts) -> None:
    """Over the patterns, over what is allowed, and over the rights of who may do everything."""
    users.set_permissions("ada", "/", ".*", ".*", ".*")
    users.acls.add([rule(Operation.READ), rule(Operation.READ, ANY, allow=False)], ignore)
    assert not may(users, Operation.READ)
    assert may(users, Operation.WRITE)
    users.give(["root"])
    users.acls.add([rule(Operation.ALL, "orders", user=ANY, allow=False)], ignore)
    assert not access(users, "root").may(Operation.WRITE, Kind.TOPIC, "orders")
    assert access(users, "root").may(Operation.WRITE, Kind.TOPIC, "news")


def test_answers_change_with_the_rules(users: Accounts) -> None:
    asked = access(users)
    assert not asked.may(Operation.READ, Kind.TOPIC, "orders")
    users.acls.add([rule(Operation.READ)], ignore)
    assert asked.may(Operation.READ, Kind.TOPIC, "orders")
    users.acls.remove([rule(Operation.READ)], ignore)
    assert not asked.may(Operation.READ, Kind.TOPIC, "orders")


@pytest.mark.parametrize(
    ("name", "prefixed", "hit"),
    [
        ("orders", False, True),
        ("order", False, False),
        ("order", True, True),
        ("orders", True, True),
        ("orders-eu", True, False),
        (ANY, False, True),
        (ANY, True, False),
    ],
)
def test_which_names_a_rule_is_about(users: Accounts, name: str, prefixed: bool, hit: bool) -> None:
    users.acls.add([rule(Operation.READ, name, prefixed=prefixed)], ignore)
    assert may(users, Operation.READ, "orders") is hit


def test_what_one_operation_implies(users: Accounts) -> None:
    """Who may read, write, delete or alter it may know that it is there, as with Kafka."""
    for operation in (Operation.READ, Operation.WRITE, Operation.DELETE, Operation.ALTER):
        users.acls.add([rule(operation, operation.value)], ignore)
        assert may(users, Operation.DESCRIBE, operation.value)
        assert not may(users, Operation.DESCRIBE_CONFIGS, operation.value)
    users.acls.add([rule(Operation.ALTER_CONFIGS, "configs")], ignore)
    assert may(users, Operation.DESCRIBE_CONFIGS, "configs")
    assert not may(users, Operation.DESCRIBE, "configs")


@pytest.mark.parametrize("came_from", [HERE, f"::ffff:{HERE}"])
def test_rules_for_one_address(users: Accounts, came_from: str) -> None:
    users.acls.add([rule(Operation.READ, host=HERE)], ignore)
    assert access(users, host=came_from).may(Operation.READ, Kind.TOPIC, "orders")
    assert not access(users, host="192.0.2.8").may(Operation.READ, Kind.TOPIC, "orders")
    users.acls.add([rule(Operation.READ, host=HERE, allow=False)], ignore)
    assert not access(users, host=came_from).may(Operation.READ, Kind.TOPIC, "orders")


def test_where_the_address_is_not_known_nothing_slips_through(users: Accounts) -> None:
    users.set_permissions("ada", "/", "", "", ".*")
    users.acls.add([rule(Operation.READ, host=HERE, allow=False)], ignore)
    assert not users.permit("ada", "/").may(READ, "orders")
    users.acls.add([rule(Operation.WRITE, host=HERE)], ignore)
    assert not users.permit("ada", "/").may(WRITE, "orders")
    assert users.permit("ada", "/", host=HERE).may(WRITE, "orders")


def test_nobody_locks_the_administrators_out_of_the_cluster(users: Accounts) -> None:
    users.set_tags("ada", ["administrator"])
    deny = rule(Operation.ALL, CLUSTER_NAME, kind=Kind.CLUSTER, user=ANY, allow=False)
    users.acls.add([deny], ignore)
    assert access(users).may_cluster(Operation.ALTER)


def test_rules_go_with_their_user(users: Accounts) -> None:
    """Who gets the name later must not find the rights of another."""
    users.acls.add([rule(Operation.READ), rule(Operation.READ, user="bob")], ignore)
    users.delete("ada")
    assert [one.user for one in users.acls] == ["bob"]


def test_rules_may_come_before_their_user(users: Accounts) -> None:
    users.acls.add([rule(Operation.READ, user="bob")], ignore)
    users.put("bob")
    assert access(users, "bob").may(Operation.READ, Kind.TOPIC, "orders")


def test_who_is_no_more_may_nothing(users: Accounts) -> None:
    asked = access(users, "nobody")
    users.acls.add([rule(Operation.ALL, ANY, user="nobody")], ignore)
    assert not asked.is_known


@pytest.mark.parametrize(
    "bad",
    [
        rule(Operation.READ, ""),
        rule(Operation.READ, user=""),
        rule(Operation.READ, host=""),
        rule(Operation.READ, "n" * 1025),
        rule(Operation.ALTER, "cluster", kind=Kind.CLUSTER),
        rule(Operation.ALTER, CLUSTER_NAME, kind=Kind.CLUSTER, prefixed=True),
    ],
)
def test_rules_that_make_no_sense_are_refused(users: Accounts, bad: AclRecord) -> None:
    with pytest.raises(Invalid):
        users.acls.add([bad], ignore)
    assert not len(users.acls)


PATTERNS = ("", "^orders$", ".*")
RULES = (
    (),
    *(
        (rule(operation, name, allow=allow),)
        for operation in (Operation.ALL, Operation.READ, Operation.WRITE, Operation.DELETE)
        for name in ("orders", "news")
        for allow in (True, False)
    ),
)


@pytest.mark.parametrize("rules", RULES)
def test_a_user_may_the_same_by_every_protocol(
    users: Accounts, rules: tuple[AclRecord, ...]
) -> None:
    """A topic is a stream of AMQP: there is no way around a right by the other protocol."""
    users.acls.add(rules, ignore)
    permit, asked = users.permit("ada", "/", host=HERE), access(users)
    for configure, write, read in product(PATTERNS, repeat=3):
        users.set_permissions("ada", "/", configure, write, read)
        for permission in (CONFIGURE, WRITE, READ):
            by_kafka = [asked.may(one, Kind.TOPIC, "orders") for one in OPERATIONS[permission]]
            assert permit.may(permission, "orders") == all(by_kafka), (configure, write, read)


def test_streams_of_other_virtual_hosts_are_asked_for_there() -> None:
    """Their topics have long names; the rights are those in their virtual host."""
    broker = World().broker
    broker.create_vhost("v")
    users = broker.users
    users.put("ada")
    users.set_permissions("ada", "v", "", "", "^orders$")
    topic = "anymq--v--orders"
    assert access(users).may(Operation.READ, Kind.TOPIC, topic)
    assert not access(users).may(Operation.READ, Kind.TOPIC, "orders")
    users.clear_permissions("ada", "v")
    users.set_permissions("ada", "/", ".*", ".*", ".*")
    assert not access(users).may(Operation.READ, Kind.TOPIC, topic)
    users.acls.add([rule(Operation.READ, topic, allow=False)], ignore)
    users.set_permissions("ada", "v", ".*", ".*", ".*")
    assert not users.permit("ada", "v").may(READ, "orders")
    assert users.permit("ada", "v").may(WRITE, "orders")
