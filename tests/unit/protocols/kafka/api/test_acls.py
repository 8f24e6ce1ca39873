"""ACLs and SCRAM credentials by Kafka's requests: kept as they were said, and in force at once."""

import hashlib
from typing import Any

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated.alter_user_scram_credentials import (
    AlterUserScramCredentialsRequest,
    ScramCredentialDeletion,
    ScramCredentialUpsertion,
)
from anymq.protocols.kafka.schema.generated.create_acls import AclCreation, CreateAclsRequest
from anymq.protocols.kafka.schema.generated.create_topics import (
    CreatableTopic,
    CreateTopicsRequest,
)
from anymq.protocols.kafka.schema.generated.delete_acls import DeleteAclsFilter, DeleteAclsRequest
from anymq.protocols.kafka.schema.generated.delete_topics import (
    DeleteTopicsRequest,
    DeleteTopicState,
)
from anymq.protocols.kafka.schema.generated.describe_acls import DescribeAclsRequest
from anymq.protocols.kafka.schema.generated.describe_user_scram_credentials import (
    CredentialInfo,
    DescribeUserScramCredentialsRequest,
    UserName,
)
from anymq.protocols.kafka.schema.generated.metadata import MetadataRequest
from anymq.protocols.kafka.schema.generated.sasl_authenticate import SaslAuthenticateRequest
from anymq.protocols.kafka.schema.generated.sasl_handshake import SaslHandshakeRequest
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.protocols.session import Peer
from anymq.security.users import Users
from anymq.testing.kafka import KafkaDialog, KafkaRoom

ANY, DENY, ALLOW = 1, 2, 3
TOPIC, GROUP, CLUSTER, TRANSACTION, TOKEN = 2, 3, 4, 5, 6
MATCH, LITERAL, PREFIXED = 2, 3, 4
READ, WRITE = 3, 4
SHA_256, SHA_512 = 1, 2
LOCAL = Peer("127.0.0.1", 50_000, "127.0.0.1", 9092)

RULES = [
    AclCreation(TOPIC, "orders", LITERAL, "User:ada", "*", READ, ALLOW),
    AclCreation(TOPIC, "ord", PREFIXED, "User:ada", "*", WRITE, DENY),
    AclCreation(TOPIC, "*", LITERAL, "User:*", "192.0.2.7", READ, ALLOW),
    AclCreation(GROUP, "orders", LITERAL, "User:ada", "*", READ, ALLOW),
    AclCreation(CLUSTER, "kafka-cluster", LITERAL, "User:bob", "*", 8, ALLOW),
    AclCreation(TRANSACTION, "t", PREFIXED, "User:bob", "*", 2, ALLOW),
]


@pytest.fixture
def room() -> KafkaRoom:
    settings = KafkaSettings(
        sasl_mechanisms=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), loopback_users=("guest",)
    )
    room = KafkaRoom(settings, users=Users({"root": ("secret",)}, defaults={"guest": ("guest",)}))
    room.kafka.users = Users(
        {"root": ("secret",)}, defaults={"guest": ("guest",)}, stored=room.broker.users
    )
    room.broker.users.give(["root"], ["guest"])
    return room


def log_in(room: KafkaRoom, name: str, password: str = "secret", peer: Peer = LOCAL) -> KafkaDialog:
    dialog = room.dialog(peer)
    assert not dialog.ask(SaslHandshakeRequest("PLAIN")).error_code
    token = f"\0{name}\0{password}".encode()
    if dialog.ask(SaslAuthenticateRequest(token)).error_code:
        raise PermissionError(name)
    return dialog


@pytest.fixture
def root(room: KafkaRoom) -> KafkaDialog:
    return log_in(room, "root")


def create(client: KafkaDialog, *rules: AclCreation) -> list[tuple[int, str | None]]:
    results = client.ask(CreateAclsRequest(list(rules))).results
    return [(one.error_code, one.error_message) for one in results]


def listed(client: KafkaDialog, *filter: Any) -> set[tuple[Any, ...]]:
    """Which ACLs a filter finds, each as it was created."""
    found = client.ask(DescribeAclsRequest(*(filter or (ANY, None, ANY, None, None, ANY, ANY))))
    assert not found.error_code
    return {
        (*(of.resource_type, of.resource_name, of.pattern_type), *said(one))
        for of in found.resources
        for one in of.acls
    }


def said(rule: Any) -> tuple[Any, ...]:
    return tuple(getattr(rule, field) for field in rule.__struct_fields__)


def test_what_was_created_is_listed_the_same(root: KafkaDialog) -> None:
    assert create(root, *RULES) == [(0, None)] * len(RULES)
    assert create(root, RULES[0]) == [(0, None)], "once more is no error"
    assert listed(root) == {said(one) for one in RULES}


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ((TOPIC, None, ANY, None, None, ANY, ANY), {0, 1, 2}),
        ((ANY, "orders", LITERAL, None, None, ANY, ANY), {0, 3}),
        ((TOPIC, "orders", MATCH, None, None, ANY, ANY), {0, 1, 2}),
        ((TOPIC, "ord", PREFIXED, None, None, ANY, ANY), {1}),
        ((ANY, None, ANY, "User:ada", None, ANY, ANY), {0, 1, 3}),
        ((ANY, None, ANY, None, "192.0.2.7", ANY, ANY), {2}),
        ((ANY, None, ANY, None, None, ANY, DENY), {1}),
        ((ANY, None, ANY, None, None, WRITE, ANY), {1}),
        ((TOKEN, None, ANY, None, None, ANY, ANY), set()),
    ],
)
def test_which_rules_a_filter_means(root: KafkaDialog, filter: Any, found: set[int]) -> None:
    create(root, *RULES)
    expected = {said(RULES[one]) for one in found}
    assert listed(root, *filter) == expected
    deleted = root.ask(DeleteAclsRequest([DeleteAclsFilter(*filter)])).filter_results[0]
    assert len(deleted.matching_acls) == len(expected)
    assert listed(root) == {said(one) for one in RULES} - expected


def test_a_filter_that_means_nothing(root: KafkaDialog) -> None:
    filter = (0, None, ANY, None, None, ANY, ANY)
    assert root.ask(DescribeAclsRequest(*filter)).error_code == ErrorCode.INVALID_REQUEST
    deleted = root.ask(DeleteAclsRequest([DeleteAclsFilter(*filter)])).filter_results[0]
    assert deleted.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ((TOKEN, "x", LITERAL, "User:a", "*", READ, ALLOW), "not kept for resources of type 6"),
        ((ANY, "x", LITERAL, "User:a", "*", READ, ALLOW), "not kept for resources of type 1"),
        ((TOPIC, "x", MATCH, "User:a", "*", READ, ALLOW), "Invalid pattern type 2"),
        ((TOPIC, "x", LITERAL, "Group:a", "*", READ, ALLOW), "principals are User:name"),
        ((TOPIC, "x", LITERAL, "User:a", "*", ANY, ALLOW), "Invalid operation 1"),
        ((TOPIC, "x", LITERAL, "User:a", "*", READ, ANY), "Invalid permission type 1"),
        ((TOPIC, "", LITERAL, "User:a", "*", READ, ALLOW), "Invalid empty resource name"),
        ((CLUSTER, "x", LITERAL, "User:a", "*", READ, ALLOW), "CLUSTER resource is kafka-cluster"),
    ],
)
def test_a_rule_that_we_could_not_keep_is_refused(root: KafkaDialog, rule: Any, why: str) -> None:
    """Rather than kept and not obeyed."""
    ((code, message),) = create(root, AclCreation(*rule))
    assert code == ErrorCode.INVALID_REQUEST
    assert why in (message or "")
    assert not listed(root)


def test_rules_outlive_the_broker(root: KafkaDialog, room: KafkaRoom) -> None:
    create(root, *RULES)
    users = room.broker.users
    again = type(users)(users._catalog, ["/"])  # reads what there is, as at a start
    assert list(again.acls) == list(users.acls)


def salted(password: str, mechanism: int) -> bytes:
    name = {SHA_256: "sha256", SHA_512: "sha512"}[mechanism]
    return hashlib.pbkdf2_hmac(name, password.encode(), b"salt", 4096)


def upsertion(name: str, password: str, mechanism: int = SHA_256) -> ScramCredentialUpsertion:
    return ScramCredentialUpsertion(name, mechanism, 4096, b"salt", salted(password, mechanism))


def alter(client: KafkaDialog, *changes: Any) -> list[tuple[str, int]]:
    gone = [one for one in changes if isinstance(one, ScramCredentialDeletion)]
    new = [one for one in changes if isinstance(one, ScramCredentialUpsertion)]
    results = client.ask(AlterUserScramCredentialsRequest(gone, new)).results
    return [(one.user, one.error_code) for one in results]


def test_a_user_made_by_kafka_may_log_in_and_nothing_else(
    room: KafkaRoom, root: KafkaDialog
) -> None:
    assert alter(root, upsertion("bob", "first"), upsertion("bob", "first", SHA_512)) == [
        ("bob", 0)
    ]
    bob = log_in(room, "bob", "first")
    assert not bob.ask(MetadataRequest(None)).topics
    found = root.ask(DescribeUserScramCredentialsRequest([UserName("bob")])).results[0]
    assert found.credential_infos == [CredentialInfo(SHA_256, 4096), CredentialInfo(SHA_512, 4096)]


def test_another_password_takes_the_place_of_the_old_one(
    room: KafkaRoom, root: KafkaDialog
) -> None:
    """Also of what was set by other means: a hash of the old one opens no door any more."""
    room.broker.users.put("bob", password="first")
    alter(root, upsertion("bob", "second", SHA_512))
    log_in(room, "bob", "second")
    with pytest.raises(PermissionError):
        log_in(room, "bob", "first")
    assert alter(root, ScramCredentialDeletion("bob", SHA_512)) == [("bob", 0)]
    assert alter(root, ScramCredentialDeletion("bob", SHA_256)) == [("bob", 0)]
    for password in ("first", "second", ""):
        with pytest.raises(PermissionError):
            log_in(room, "bob", password)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([ScramCredentialUpsertion("bob", 3, 4096, b"s", b"p" * 32)], "UNSUPPORTED_SASL_MECHANISM"),
        ([ScramCredentialUpsertion("", 1, 4096, b"s", b"p" * 32)], "UNACCEPTABLE_CREDENTIAL"),
        ([ScramCredentialUpsertion("bob", 1, 4095, b"s", b"p" * 32)], "UNACCEPTABLE_CREDENTIAL"),
        ([ScramCredentialUpsertion("bob", 1, 16385, b"s", b"p" * 32)], "UNACCEPTABLE_CREDENTIAL"),
        ([ScramCredentialUpsertion("bob", 1, 4096, b"", b"p" * 32)], "UNACCEPTABLE_CREDENTIAL"),
        ([ScramCredentialUpsertion("bob", 1, 4096, b"s", b"p")], "UNACCEPTABLE_CREDENTIAL"),
        ([upsertion("bob", "a"), upsertion("bob", "b")], "DUPLICATE_RESOURCE"),
        ([upsertion("bob", "a"), ScramCredentialDeletion("bob", SHA_256)], "DUPLICATE_RESOURCE"),
        ([ScramCredentialDeletion("bob", SHA_256)], "RESOURCE_NOT_FOUND"),
        ([upsertion("root", "a")], "UNACCEPTABLE_CREDENTIAL"),
    ],
)
def test_credentials_that_are_refused(
    room: KafkaRoom, root: KafkaDialog, changes: Any, code: str
) -> None:
    """Those of the configuration file are changed there."""
    before = list(room.broker.users)
    assert alter(root, *changes) == [(changes[0].name, ErrorCode[code])]
    assert list(room.broker.users) == before


def test_guest_comes_from_this_machine_only(room: KafkaRoom) -> None:
    log_in(room, "guest", "guest")
    with pytest.raises(PermissionError):
        log_in(room, "guest", "guest", Peer("192.0.2.7", 50_000, "192.0.2.1", 9092))


def test_who_need_not_log_in_is_limited_where_rights_are_set_for_it(room: KafkaRoom) -> None:
    """A user of that name makes an open listener a public one."""
    room.broker.create_topic("orders")
    client = room.dialog()
    assert [one.name for one in client.ask(MetadataRequest(None)).topics] == ["orders"]
    room.broker.users.put("ANONYMOUS")
    assert not client.ask(MetadataRequest(None)).topics
    room.broker.users.set_permissions("ANONYMOUS", "/", "", "", "^orders$")
    assert [one.name for one in client.ask(MetadataRequest(None)).topics] == ["orders"]


def test_who_may_not_see_a_topic_does_not_learn_its_name(
    room: KafkaRoom, root: KafkaDialog
) -> None:
    topic = room.broker.create_topic("orders")
    alter(root, upsertion("bob", "secret"))
    bob = log_in(room, "bob")
    state = DeleteTopicState(None, topic.id)
    (said,) = bob.ask(DeleteTopicsRequest([state], timeout_ms=1000)).responses
    assert said.name is None
    assert said.error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED


def test_who_may_only_make_a_topic_is_not_told_its_configs(
    room: KafkaRoom, root: KafkaDialog
) -> None:
    create(root, AclCreation(CLUSTER, "kafka-cluster", LITERAL, "User:bob", "*", 5, ALLOW))
    alter(root, upsertion("bob", "secret"))
    wanted = [CreatableTopic("orders", 2, 1)]
    (said,) = log_in(room, "bob").ask(CreateTopicsRequest(wanted, 1000)).topics
    assert said.error_code == ErrorCode.NONE
    assert said.topic_config_error_code == ErrorCode.TOPIC_AUTHORIZATION_FAILED
    assert not said.configs
    assert said.num_partitions == -1
