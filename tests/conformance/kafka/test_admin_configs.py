"""Settings of topics and of the broker, read and changed as Kafka's tools do it."""

from collections.abc import Mapping

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from tests.conformance.kafka.clients import ANSWER_SECONDS, eventually
from tests.conformance.kafka.conftest import MakeTopic

# Every setting a topic has in Kafka 4.x, apart from those of storage in a second tier.
TOPIC_SETTINGS = {
    "cleanup.policy",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "max.compaction.lag.ms",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "min.insync.replicas",
    "preallocate",
    "retention.bytes",
    "retention.ms",
    "segment.bytes",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
    "unclean.leader.election.enable",
}
Op = AlterConfigOpType


def topic_resource(topic: str, *changes: ConfigEntry) -> ConfigResource:
    return ConfigResource(ResourceType.TOPIC, topic, incremental_configs=list(changes) or None)


def change(name: str, value: str | None, operation: AlterConfigOpType) -> ConfigEntry:
    return ConfigEntry(name, value, incremental_operation=operation)


def alter(admin: AdminClient, resource: ConfigResource) -> None:
    admin.incremental_alter_configs([resource])[resource].result(ANSWER_SECONDS)


def described(admin: AdminClient, resource: ConfigResource) -> dict[str, ConfigEntry]:
    return dict(admin.describe_configs([resource])[resource].result(ANSWER_SECONDS))


def becomes(admin: AdminClient, topic: str, wanted: Mapping[str, str]) -> None:
    """A change may need a moment to reach the broker that is asked."""
    eventually(
        lambda: {k: described(admin, topic_resource(topic))[k].value for k in wanted},
        lambda now: now == wanted,
    )


def test_every_setting_of_a_topic_is_described_with_its_source(
    admin: AdminClient, make_topic: MakeTopic
) -> None:
    topic = make_topic(config={"retention.ms": "1234567"})
    settings = described(admin, topic_resource(topic))
    assert settings.keys() >= TOPIC_SETTINGS
    assert settings["retention.ms"].value == "1234567"
    assert ConfigSource(settings["retention.ms"].source) == ConfigSource.DYNAMIC_TOPIC_CONFIG
    assert not settings["retention.ms"].is_default
    assert settings["cleanup.policy"].value == "delete"
    assert settings["cleanup.policy"].is_default
    assert not settings["cleanup.policy"].is_read_only


def test_a_setting_is_set_and_taken_back(admin: AdminClient, topic: str) -> None:
    before = described(admin, topic_resource(topic))["retention.ms"].value
    alter(admin, topic_resource(topic, change("retention.ms", "60000", Op.SET)))
    becomes(admin, topic, {"retention.ms": "60000"})
    alter(admin, topic_resource(topic, change("retention.ms", None, Op.DELETE)))
    becomes(admin, topic, {"retention.ms": before or ""})


def test_lists_are_appended_to_and_subtracted_from(admin: AdminClient, topic: str) -> None:
    alter(admin, topic_resource(topic, change("cleanup.policy", "compact", Op.APPEND)))
    becomes(admin, topic, {"cleanup.policy": "delete,compact"})
    alter(admin, topic_resource(topic, change("cleanup.policy", "delete", Op.SUBTRACT)))
    becomes(admin, topic, {"cleanup.policy": "compact"})


def test_a_change_leaves_the_other_settings_alone(
    admin: AdminClient, make_topic: MakeTopic
) -> None:
    topic = make_topic(config={"retention.ms": "1234567"})
    alter(admin, topic_resource(topic, change("segment.ms", "99999", Op.SET)))
    becomes(admin, topic, {"retention.ms": "1234567", "segment.ms": "99999"})


@pytest.mark.parametrize(
    ("setting", "value", "operation"),
    [
        ("no.such.thing", "1", Op.SET),
        ("retention.ms", "soon", Op.SET),
        ("cleanup.policy", "shred", Op.SET),
        ("retention.ms", "5", Op.APPEND),
        ("max.message.bytes", "-5", Op.SET),
    ],
)
def test_a_change_that_makes_no_sense_is_refused(
    admin: AdminClient, topic: str, setting: str, value: str, operation: AlterConfigOpType
) -> None:
    before = described(admin, topic_resource(topic))
    with pytest.raises(KafkaException) as raised:
        alter(admin, topic_resource(topic, change(setting, value, operation)))
    assert raised.value.args[0].code() in (KafkaError.INVALID_CONFIG, KafkaError.INVALID_REQUEST)
    after = described(admin, topic_resource(topic))
    assert {k: v.value for k, v in after.items()} == {k: v.value for k, v in before.items()}


def test_the_settings_of_a_missing_topic_are_refused(admin: AdminClient, name: str) -> None:
    with pytest.raises(KafkaException) as raised:
        described(admin, topic_resource(name))
    assert raised.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_the_broker_describes_itself(admin: AdminClient) -> None:
    node = admin.describe_cluster().result(ANSWER_SECONDS).nodes[0]
    settings = described(admin, ConfigResource(ResourceType.BROKER, str(node.id)))
    assert settings["num.partitions"].value == "1"
    assert settings["auto.create.topics.enable"].value == "true"
    assert len(settings) > 20


def test_the_older_request_replaces_all_settings(admin: AdminClient, make_topic: MakeTopic) -> None:
    """AlterConfigs, which tools of before 2019 send: what it does not name goes back."""
    topic = make_topic(config={"retention.ms": "1234567"})
    resource = ConfigResource(ResourceType.TOPIC, topic, set_config={"segment.ms": "99999"})
    with pytest.warns(DeprecationWarning, match="alter_configs"):
        admin.alter_configs([resource])[resource].result(ANSWER_SECONDS)
    becomes(admin, topic, {"segment.ms": "99999", "retention.ms": "604800000"})
