"""Users with limited rights, their ACLs and their passwords: by real clients, as Kafka has it.

`ANYMQ_PEER=kafka` has Apache Kafka, with its authorizer, say the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka import KafkaProducer
from kafka.errors import TopicAuthorizationFailedError

from tests.conformance.kafka.clients import (
    ANSWER_SECONDS,
    Setting,
    consumer,
    dotted,
    eventually,
    flush,
    producer,
    take,
)
from tests.peers.choose import chosen_server
from tests.peers.security import Security

AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
}
NO_TOPIC = KafkaError.TOPIC_AUTHORIZATION_FAILED
NO_GROUP = KafkaError.GROUP_AUTHORIZATION_FAILED
NO_CLUSTER = KafkaError.CLUSTER_AUTHORIZATION_FAILED
TOPIC, GROUP, CLUSTER = ResourceType.TOPIC, ResourceType.GROUP, ResourceType.BROKER
LITERAL, PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED
ALLOW, DENY = AclPermissionType.ALLOW, AclPermissionType.DENY
Op = AclOperation
PASSWORD = "a secret"


class Guarded:
    """A broker where one has to log in, seen by its administrator."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.admin = self.admin_of("admin", "admin-secret", "PLAIN")

    def settings(
        self, user: str, password: str = PASSWORD, mechanism: str = "SCRAM-SHA-256"
    ) -> dict[str, Setting]:
        return {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": mechanism,
            "sasl_username": user,
            "sasl_password": password,
        }

    def admin_of(self, *who: str) -> AdminClient:
        settings = dotted(self.settings(*who))
        return AdminClient({"bootstrap.servers": self.bootstrap, **settings})  # type: ignore[dict-item]

    def make_user(self, name: str, password: str = PASSWORD) -> AdminClient:
        """Make a user as Kafka's tools do, and return what it administrates by."""
        for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):
            info = ScramCredentialInfo(mechanism, 4096)
            self.alter(UserScramCredentialUpsertion(name, info, password.encode()))
        return self.admin_of(name, password)

    def alter(self, change: Any) -> None:
        for future in self.admin.alter_user_scram_credentials([change]).values():
            future.result(ANSWER_SECONDS)

    def rule(
        self,
        user: str,
        operation: AclOperation,
        name: str,
        kind: ResourceType = TOPIC,
        how: ResourcePatternType = LITERAL,
        what: AclPermissionType = ALLOW,
    ) -> AclBinding:
        """Create an ACL; it holds from now on."""
        rule = AclBinding(kind, name, how, f"User:{user}", "*", operation, what)
        self.admin.create_acls([rule])[rule].result(ANSWER_SECONDS)
        return rule

    def rules(self, user: str) -> list[AclBinding]:
        # Its annotations do not know that None means any.
        whatever: Any = None
        anything = (ResourceType.ANY, whatever, ResourcePatternType.ANY, f"User:{user}", whatever)
        filter = AclBindingFilter(*anything, Op.ANY, AclPermissionType.ANY)
        found: list[AclBinding] = self.admin.describe_acls(filter).result(ANSWER_SECONDS)
        return found

    def make_topic(self, name: str) -> str:
        self.admin.create_topics([NewTopic(name, 1, 1)])[name].result(ANSWER_SECONDS)
        eventually(lambda: self.admin.list_topics().topics, lambda topics: name in topics)
        return name

    def send(self, user: str, topic: str) -> int | None:
        """Send one message; return the error that this user hears."""
        heard: list[KafkaError | None] = []
        client = producer(self.bootstrap, **self.settings(user))
        client.produce(topic, b"hello", on_delivery=lambda error, _: heard.append(error))
        flush(client)
        return None if heard[0] is None else heard[0].code()

    @contextmanager
    def reader(self, user: str, group: str) -> Iterator[Any]:
        with consumer(self.bootstrap, group, **self.settings(user)) as client:
            yield client


def refused(ask: Callable[[], Any]) -> int:
    """Which error it is."""
    with pytest.raises(KafkaException) as caught:
        ask()
    error: KafkaError = caught.value.args[0]
    return error.code()


def first_error(client: Any) -> int:
    """Which error a consumer hears."""
    heard: list[KafkaError] = []

    def look() -> list[KafkaError]:
        message = client.poll(0.1)
        if message is not None and message.error():
            heard.append(message.error())
        return heard

    eventually(look, bool)
    return heard[0].code()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Guarded]:
    settings = {"security.login_failures_max": -1}  # refused clients try again and again
    with chosen_server(settings, AUTHORIZER, Security("SASL_PLAINTEXT")) as server:
        yield Guarded(server.bootstrap)


@pytest.fixture
def topic(guarded: Guarded, name: str) -> str:
    return guarded.make_topic(name)


@pytest.fixture
def user(name: str) -> str:
    return f"user-of-{name}"


@pytest.fixture
def bob(guarded: Guarded, user: str) -> AdminClient:
    """A user who may nothing yet."""
    return guarded.make_user(user)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_new_user_gets_in_and_sees_nothing(
    guarded: Guarded, bob: AdminClient, user: str, topic: str, mechanism: str
) -> None:
    client = guarded.admin_of(user, PASSWORD, mechanism)
    assert not client.list_topics(timeout=ANSWER_SECONDS).topics
    error = client.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic].error
    assert error is not None
    assert error.code() == NO_TOPIC


def test_who_may_write_may_not_read(guarded: Guarded, bob: Any, user: str, topic: str) -> None:
    assert guarded.send(user, topic) == NO_TOPIC
    guarded.rule(user, Op.WRITE, topic)
    assert guarded.send(user, topic) is None
    guarded.rule(user, Op.READ, topic, GROUP)
    with guarded.reader(user, topic) as client:
        client.assign([TopicPartition(topic, 0, 0)])
        assert first_error(client) == NO_TOPIC


def test_a_right_that_is_taken_away_is_gone_at_once(
    guarded: Guarded, bob: Any, user: str, topic: str
) -> None:
    """Also for a connection that is open."""
    rule = guarded.rule(user, Op.WRITE, topic)
    heard: list[Any] = []
    client = producer(guarded.bootstrap, **guarded.settings(user))
    for expected in (None, NO_TOPIC):
        client.produce(topic, b"hello", on_delivery=lambda error, _: heard.append(error))
        flush(client)
        assert (heard[-1] and heard[-1].code()) == expected
        filter = AclBindingFilter(
            rule.restype,
            rule.name,
            rule.resource_pattern_type,
            rule.principal,
            rule.host,
            rule.operation,
            rule.permission_type,
        )
        guarded.admin.delete_acls([filter])[filter].result(ANSWER_SECONDS)


def test_a_group_needs_rights_of_its_own(guarded: Guarded, bob: Any, user: str, topic: str) -> None:
    guarded.rule(user, Op.READ, topic)
    guarded.rule(user, Op.WRITE, topic)
    assert guarded.send(user, topic) is None
    with guarded.reader(user, topic) as client:
        client.subscribe([topic])
        assert first_error(client) == NO_GROUP
    guarded.rule(user, Op.READ, topic, GROUP)
    with guarded.reader(user, topic) as client:
        client.subscribe([topic])
        assert [one.value() for one in take(client, 1)] == [b"hello"]
        client.commit(asynchronous=False)


def test_a_denial_wins(guarded: Guarded, bob: Any, user: str, topic: str) -> None:
    guarded.rule(user, Op.ALL, "*")
    assert guarded.send(user, topic) is None
    guarded.rule(user, Op.WRITE, topic, what=DENY)
    assert guarded.send(user, topic) == NO_TOPIC


def test_rules_about_a_beginning(guarded: Guarded, bob: AdminClient, user: str, name: str) -> None:
    guarded.rule(user, Op.ALL, name, how=PREFIXED)
    made = [f"{name}-a", f"{name}-b"]
    for one in made:
        bob.create_topics([NewTopic(one, 1, 1)])[one].result(ANSWER_SECONDS)
    eventually(lambda: sorted(bob.list_topics().topics), lambda seen: seen == made)
    other = bob.create_topics([NewTopic(f"other-{name}", 1, 1)])[f"other-{name}"]
    assert refused(lambda: other.result(ANSWER_SECONDS)) == NO_TOPIC


def test_topics_are_changed_by_those_who_may(
    guarded: Guarded, bob: AdminClient, user: str, topic: str
) -> None:
    guarded.rule(user, Op.DESCRIBE, topic)
    more = bob.create_partitions([NewPartitions(topic, 3)])[topic]
    assert refused(lambda: more.result(ANSWER_SECONDS)) == NO_TOPIC
    gone = bob.delete_topics([topic])[topic]
    assert refused(lambda: gone.result(ANSWER_SECONDS)) == NO_TOPIC
    truncated = bob.delete_records([TopicPartition(topic, 0, 0)])
    assert refused(lambda: next(iter(truncated.values())).result(ANSWER_SECONDS)) == NO_TOPIC
    guarded.rule(user, Op.DELETE, topic)
    bob.delete_topics([topic])[topic].result(ANSWER_SECONDS)


def test_groups_are_seen_and_deleted_by_those_who_may(
    guarded: Guarded, bob: AdminClient, user: str, topic: str
) -> None:
    offsets = ConsumerGroupTopicPartitions(topic, [TopicPartition(topic, 0, 0)])
    guarded.admin.alter_consumer_group_offsets([offsets])[topic].result(ANSWER_SECONDS)
    described = bob.describe_consumer_groups([topic])[topic]
    assert refused(lambda: described.result(ANSWER_SECONDS)) == NO_GROUP
    listed = bob.list_consumer_groups().result(ANSWER_SECONDS)
    assert not listed.valid
    gone = bob.delete_consumer_groups([topic])[topic]
    assert refused(lambda: gone.result(ANSWER_SECONDS)) == NO_GROUP
    guarded.rule(user, Op.DELETE, topic, GROUP)
    assert [one.group_id for one in bob.list_consumer_groups().result(ANSWER_SECONDS).valid] == [
        topic
    ]
    bob.delete_consumer_groups([topic])[topic].result(ANSWER_SECONDS)


def test_what_one_may_do_is_said_when_asked(
    guarded: Guarded, bob: AdminClient, user: str, topic: str
) -> None:
    guarded.rule(user, Op.WRITE, topic)
    described = bob.describe_topics(TopicCollection([topic]), include_authorized_operations=True)
    said = described[topic].result(ANSWER_SECONDS).authorized_operations
    assert set(said) == {Op.WRITE, Op.DESCRIBE}


def test_rules_are_listed_as_they_were_made(guarded: Guarded, user: str, name: str) -> None:
    made = [
        guarded.rule(user, Op.READ, name),
        guarded.rule(user, Op.ALL, name, how=PREFIXED),
        guarded.rule(user, Op.WRITE, "*", what=DENY),
        guarded.rule(user, Op.READ, name, GROUP),
        guarded.rule(user, Op.ALTER_CONFIGS, "kafka-cluster", CLUSTER),
    ]
    eventually(lambda: set(guarded.rules(user)), lambda found: found == set(made))


def test_only_administrators_change_rights_and_passwords(
    guarded: Guarded, bob: AdminClient, user: str, name: str
) -> None:
    rule = AclBinding(TOPIC, name, LITERAL, f"User:{user}", "*", Op.ALL, ALLOW)
    made = bob.create_acls([rule])[rule]
    assert refused(lambda: made.result(ANSWER_SECONDS)) == NO_CLUSTER
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    change = UserScramCredentialUpsertion("admin", info, b"mine now")
    changed = bob.alter_user_scram_credentials([change])["admin"]
    assert refused(lambda: changed.result(ANSWER_SECONDS)) == NO_CLUSTER


def test_a_credential_that_is_deleted_opens_no_door(
    guarded: Guarded, bob: AdminClient, user: str
) -> None:
    guarded.alter(UserScramCredentialDeletion(user, ScramMechanism.SCRAM_SHA_256))

    def knock(mechanism: str) -> bool:
        try:
            guarded.admin_of(user, PASSWORD, mechanism).list_topics(timeout=5)
        except KafkaException:
            return False
        return True

    assert knock("SCRAM-SHA-512")
    eventually(lambda: knock("SCRAM-SHA-256"), lambda in_: not in_)


def test_kafka_python_is_told_too(guarded: Guarded, bob: Any, user: str, topic: str) -> None:
    client = KafkaProducer(
        bootstrap_servers=guarded.bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-256",
        sasl_plain_username=user,
        sasl_plain_password=PASSWORD,
        enable_idempotence=False,
    )
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            client.send(topic, b"hello").get(ANSWER_SECONDS)
        guarded.rule(user, Op.WRITE, topic)
        eventually(lambda: guarded.send(user, topic), lambda error: error is None)
    finally:
        client.close()
