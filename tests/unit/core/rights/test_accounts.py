"""Users and their rights: who counts, what is kept, what comes back."""

import base64
import hashlib

import pytest
from tests.unit.core.world import Restart, Told, World

from anymq.core.errors import Conflict, Invalid, NotFound
from anymq.core.rights.accounts import Accounts
from anymq.core.rights.permit import CONFIGURE, READ, WRITE
from anymq.security.passwords import Mechanism
from anymq.security.users import Users

GUEST = {"guest": ("guest",)}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def users(world: World) -> Accounts:
    world.broker.users.give(["ada"], GUEST)
    return world.broker.users


def may(users: Accounts, name: str, vhost: str = "/", resource: str = "q") -> str:
    """Which rights a user has: "" none of the three, "-" may not even enter."""
    permit = users.permit(name, vhost)
    if not permit.may_enter:
        return "-"
    return "".join(one[0] for one in (CONFIGURE, WRITE, READ) if permit.may(one, resource))


def test_a_new_user_may_nothing_until_it_is_said(users: Accounts) -> None:
    users.put("bob", password="secret", tags=["monitoring"])
    assert may(users, "bob") == "-"
    users.set_permissions("bob", "/", "^q$", "", "^(a|q)")
    assert may(users, "bob") == "cr"
    assert may(users, "bob", resource="abc") == "r"
    users.clear_permissions("bob", "/")
    assert may(users, "bob") == "-"
    assert users.find("bob").tags == ("monitoring",)


def test_a_permit_that_is_held_follows_at_once(users: Accounts) -> None:
    """Connections ask the one they were given when they came."""
    users.put("bob")
    permit = users.permit("bob", "/")
    assert not permit.may_enter
    users.set_permissions("bob", "/", "", ".*", "")
    assert permit.may(WRITE, "q")
    users.set_permissions("bob", "/", "", "", ".*")
    assert not permit.may(WRITE, "q")
    users.delete("bob")
    assert not permit.may_enter


def test_users_of_the_file_are_administrators_until_rights_are_set(
    world: World, users: Accounts
) -> None:
    """Then what is stored holds; in other virtual hosts, what they had is written down."""
    world.broker.create_vhost("other")
    assert may(users, "ada") == may(users, "ada", "other") == "cwr"
    assert users.find("ada").tags == ("administrator",)
    users.set_permissions("ada", "/", "", "", ".*")
    assert may(users, "ada") == "r"
    assert may(users, "ada", "other") == "cwr"
    world.broker.create_vhost("later")
    assert may(users, "ada", "later") == "-"
    assert users.find("ada").tags == ("administrator",)


def test_what_was_taken_from_a_user_of_the_file_does_not_come_back(
    world: World, users: Accounts
) -> None:
    users.clear_permissions("ada", "/")
    assert may(users, "ada") == "-"
    users.give([], GUEST)
    assert "ada" not in users
    users.give(["ada"], GUEST)
    assert may(users, "ada") == "-"
    users.give([], GUEST)
    users.set_permissions("guest", "/", "", "", "")
    users.put("ada", password="new")  # another ada: the rights of the old one are not hers
    assert users.permissions("ada") == []


def test_the_file_decides_on_its_users(users: Accounts) -> None:
    with pytest.raises(Conflict, match="set in the configuration file"):
        users.put("ada", password="other")
    with pytest.raises(Conflict, match="delete it there"):
        users.delete("ada")
    users.put("ada", tags=["management"])
    assert users.find("ada").tags == ("management",)
    assert may(users, "ada") == "cwr"


def test_guest_stays_guest_until_it_is_changed(users: Accounts) -> None:
    """As RabbitMQ's: scripts give it rights, change its password, delete it."""
    doors = Users(defaults=GUEST, stored=users)
    users.set_permissions("guest", "/", "", "", ".*")
    assert may(users, "guest") == "r"
    assert doors.check("guest", "guest")
    users.put("guest", password="better")
    assert not doors.check("guest", "guest")
    assert doors.check("guest", "better")
    assert may(users, "guest") == "r"
    users.delete("guest")
    assert not doors.check("guest", "better")
    assert not doors.check("guest", "guest")
    assert "guest" not in users
    assert "guest" not in doors
    assert may(users, "guest") == "-"


def test_all_of_it_outlives_the_broker(world: World, users: Accounts) -> None:
    answers = Told()
    users.put("bob", password="secret", then=answers)
    users.set_permissions("bob", "/", "a", "b", "c", answers)
    users.set_topic_permissions("bob", "/", "amq.topic", "d", "e", answers)
    users.delete("guest", answers)
    world.commit()
    assert answers.answers == [None] * 4
    before = [users.list(), users.permissions(), users.topic_permissions()]
    again = world.restart(Restart.POWER_CUT).users
    again.give(["ada"], GUEST)
    assert [again.list(), again.permissions(), again.topic_permissions()] == before
    assert Users(stored=again).check("bob", "secret")
    assert "guest" not in again


def test_what_the_disk_does_not_take_is_undone(world: World, users: Accounts) -> None:
    users.put("bob", password="old")
    world.commit()
    doors, answers = Users(stored=users), Told()
    users.put("bob", password="new", then=answers)
    users.set_permissions("ada", "/", "", "", "", answers)
    world.lose()
    assert all(isinstance(one, Exception) for one in answers.answers)
    assert doors.check("bob", "old")
    assert not doors.check("bob", "new")
    assert may(users, "ada") == "cwr"


def test_rights_go_with_their_virtual_host(world: World, users: Accounts) -> None:
    """Whoever makes one of the same name later has not let anybody in."""
    world.broker.create_vhost("v/1")
    users.put("bob")
    users.set_permissions("bob", "v/1", ".*", ".*", ".*")
    users.set_topic_permissions("bob", "v/1", "t", "", "")
    world.broker.delete_vhost("v/1")
    world.broker.create_vhost("v/1")
    assert users.permissions("bob") == []
    assert users.topic_permissions("bob") == []
    assert may(users, "bob", "v/1") == "-"


def test_rights_go_with_their_user(users: Accounts) -> None:
    users.put("bob")
    users.set_permissions("bob", "/", ".*", ".*", ".*")
    users.set_topic_permissions("bob", "/", "t", "", "")
    users.delete("bob")
    users.put("bob")
    assert may(users, "bob") == "-"
    assert users.topic_permissions() == []


def test_patterns_are_of_bytes_and_anywhere(users: Accounts) -> None:
    """As Perl's, which RabbitMQ uses; what Python would read otherwise is translated."""
    users.put("bob")
    for pattern, name, matches in (
        ("", "q", False),
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^[[:alpha:]]+$", "abc", True),
        ("^[[:alpha:]]+$", "a1", False),
        ("^..$", "é", True),
        (r"^\w$", "é", False),
        ("^a.c$", "a\nc", False),
    ):
        users.set_permissions("bob", "/", "", "", pattern)
        assert users.permit("bob", "/").may(READ, name) is matches, (pattern, name)
    for wrong in ("(", "[[:none:]]", "a" * 5000):
        with pytest.raises(Invalid):
            users.set_permissions("bob", "/", "", "", wrong)


def test_a_name_is_no_pattern(users: Accounts) -> None:
    """Else whoever may choose a name chooses rights."""
    users.put(".*")
    users.set_permissions(".*", "/", ".*", ".*", ".*")
    users.set_topic_permissions(".*", "/", "t", "^{username}-{vhost}-{client_id}$", "")
    permit = users.permit(".*", "/", client_id="{vhost}")
    assert permit.may_topic(WRITE, "t", ".*-/-{vhost}")
    assert not permit.may_topic(WRITE, "t", "bob-/-{vhost}")
    assert not permit.may_topic(WRITE, "t", ".*-/-/")
    assert not permit.may_topic(READ, "t", ".*-/-{vhost}")
    assert permit.may_topic(READ, "another", "anything")


# Of "test12": https://www.rabbitmq.com/docs/passwords
RABBITMQ_HASH = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


@pytest.mark.parametrize("hash_name", ["sha256", "sha512"])
def test_passwords_come_from_rabbitmq_as_they_are(users: Accounts, hash_name: str) -> None:
    salt = b"\x90\x8d\xc6\x0a"
    hashed = base64.b64encode(salt + hashlib.new(hash_name, salt + b"test12").digest()).decode()
    algorithm = f"rabbit_password_hashing_{hash_name}"
    users.put("bob", password_hash=hashed, hashing_algorithm=algorithm)
    doors = Users(stored=users)
    assert not doors.check("bob", "test13")
    assert doors.verifier("bob", Mechanism.SHA_256) is None
    assert users.find("bob").password_hash == hashed
    assert users.find("bob").hashing_algorithm == algorithm
    assert doors.check("bob", "test12")


def test_a_weak_hash_is_replaced_when_its_user_logs_in(users: Accounts) -> None:
    """It is quick to guess; and there is no other way to have SCRAM."""
    users.put("bob", password_hash=RABBITMQ_HASH)
    doors = Users(stored=users)

    assert doors.check("bob", "test12")

    assert users.find("bob").password_hash == ""
    assert doors.verifier("bob", Mechanism.SHA_256) is not None
    assert doors.check("bob", "test12")
    assert Users(stored=users).check("bob", "test12"), "also with what was remembered gone"
    assert not Users(stored=users).check("bob", "test13")


def test_it_stays_where_definitions_go_back_to_rabbitmq(users: Accounts) -> None:
    kept = ("argon2id", "rabbitmq")
    users.kept = kept
    users.put("bob", password="test12")
    before = users.find("bob").password_hash
    assert before

    assert Users(stored=users, kept=kept).check("bob", "test12")

    assert users.find("bob").password_hash == before


def test_a_password_that_changed_meanwhile_proves_nothing(users: Accounts) -> None:
    """It is looked at in a thread, and that takes a while."""
    users.put("bob", password="old")
    doors = Users(stored=users)
    looked = doors.prover("bob", "old")()
    digest = doors.digest("bob", "old")

    users.put("bob", password="new")

    assert looked.right
    assert not doors.learn("bob", "old", digest, looked)
    assert doors.known("bob", "old") is None


def test_no_password_proves_nothing(users: Accounts) -> None:
    doors = Users({"eve": ("",)}, stored=users)
    users.put("bob", password="")
    assert not doors.check("bob", "")
    assert not doors.check("eve", "")
    assert not doors.check("nobody", "")
    assert "bob" in doors  # by a certificate


def test_nonsense_is_refused(users: Accounts) -> None:
    for name in ("", "x" * 256, "a\0b"):
        with pytest.raises(Invalid):
            users.put(name, password="secret")
    for hashed, algorithm in (("!", ""), ("YQ==", ""), ("YQ==", "rabbit_password_hashing_md5")):
        with pytest.raises(Invalid):
            users.put("bob", password_hash=hashed, hashing_algorithm=algorithm)
    with pytest.raises(Invalid):
        users.put("bob", password="a", password_hash="b")
    with pytest.raises(Invalid):
        users.put("bob", tags=[str(each) for each in range(33)])
    with pytest.raises(NotFound, match="no user 'bob'"):
        users.set_permissions("bob", "/", "", "", "")
    with pytest.raises(NotFound, match="vhost nowhere not found"):
        users.set_permissions("ada", "nowhere", "", "", "")
    assert "bob" not in users
