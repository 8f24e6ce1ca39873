"""Topic configs: what is taken, what it means, how it is changed."""

import pytest

from anymq.core.streams.config_def import LONG_MAX, ConfigType, Source
from anymq.core.streams.errors import InvalidConfig
from anymq.core.streams.topic_config import (
    Change,
    Defaults,
    Operation,
    TopicConfig,
    check_overrides,
)
from anymq.core.streams.topic_configs import TOPIC_CONFIGS
from anymq.storage.log import Durability

# From Kafka 4.4's own list: name, type, default. Ours differ where it says so.
KAFKA = {
    "cleanup.policy": (ConfigType.LIST, "delete"),
    "compression.gzip.level": (ConfigType.INT, "-1"),
    "compression.lz4.level": (ConfigType.INT, "9"),
    "compression.type": (ConfigType.STRING, "producer"),
    "compression.zstd.level": (ConfigType.INT, "3"),
    "delete.retention.ms": (ConfigType.LONG, "86400000"),
    "errors.deadletterqueue.group.enable": (ConfigType.BOOLEAN, "false"),
    "file.delete.delay.ms": (ConfigType.LONG, "60000"),
    "flush.messages": (ConfigType.LONG, "9223372036854775807"),
    "flush.ms": (ConfigType.LONG, "9223372036854775807"),
    "follower.replication.throttled.replicas": (ConfigType.LIST, ""),
    "index.interval.bytes": (ConfigType.INT, "4096"),
    "leader.replication.throttled.replicas": (ConfigType.LIST, ""),
    "local.retention.bytes": (ConfigType.LONG, "-2"),
    "local.retention.ms": (ConfigType.LONG, "-2"),
    "max.compaction.lag.ms": (ConfigType.LONG, "9223372036854775807"),
    "max.decompressed.message.bytes": (ConfigType.INT, "2147483639"),
    "max.message.bytes": (ConfigType.INT, "1048588"),
    "message.timestamp.after.max.ms": (ConfigType.LONG, "3600000"),
    "message.timestamp.before.max.ms": (ConfigType.LONG, "9223372036854775807"),
    "message.timestamp.type": (ConfigType.STRING, "CreateTime"),
    "min.cleanable.dirty.ratio": (ConfigType.DOUBLE, "0.5"),
    "min.compaction.lag.ms": (ConfigType.LONG, "0"),
    "min.insync.replicas": (ConfigType.INT, "1"),
    "preallocate": (ConfigType.BOOLEAN, "false"),
    "remote.copy.lag.bytes": (ConfigType.LONG, "0"),
    "remote.copy.lag.ms": (ConfigType.LONG, "0"),
    "remote.log.copy.disable": (ConfigType.BOOLEAN, "false"),
    "remote.log.delete.on.disable": (ConfigType.BOOLEAN, "false"),
    "remote.storage.enable": (ConfigType.BOOLEAN, "false"),
    "retention.bytes": (ConfigType.LONG, "-1"),
    "retention.ms": (ConfigType.LONG, "604800000"),
    "segment.bytes": (ConfigType.INT, "67108864"),  # Kafka: 1 GiB
    "segment.index.bytes": (ConfigType.INT, "10485760"),
    "segment.jitter.ms": (ConfigType.LONG, "0"),
    "segment.ms": (ConfigType.LONG, "604800000"),
    "unclean.leader.election.enable": (ConfigType.BOOLEAN, "false"),
}


def test_every_config_of_kafka_is_there() -> None:
    """A tool that copies a topic sets them all at once; one unknown name and none is set."""
    ours = {name for name, config in TOPIC_CONFIGS.items() if not config.hidden}
    assert ours - {"anymq.durability"} == set(KAFKA)
    for name, (kind, default) in KAFKA.items():
        assert (TOPIC_CONFIGS[name].type, TOPIC_CONFIGS[name].default) == (kind, default), name


def test_every_default_is_valid_and_every_config_is_explained() -> None:
    for config in TOPIC_CONFIGS.values():
        config.parse(config.default)
        assert config.doc.endswith("."), config.name


def test_a_topic_that_says_nothing() -> None:
    config = TopicConfig({})
    assert config.log.retention_ms == 7 * 86_400_000
    assert config.log.delete
    assert not config.log.compact
    assert config.keeps_as_sent
    assert config.value("retention.bytes") == "-1"
    assert config.source("retention.bytes") is Source.DEFAULT


def test_what_a_topic_says_reaches_its_log() -> None:
    config = TopicConfig(
        {
            "retention.ms": "5",
            "retention.bytes": "6",
            "cleanup.policy": "compact,delete",
            "segment.bytes": "2097152",
            "segment.ms": "1000",
            "max.compaction.lag.ms": "100",
            "min.cleanable.dirty.ratio": "0.01",
            "anymq.durability": "os",
        }
    ).log
    assert (config.retention_ms, config.retention_bytes) == (5, 6)
    assert (config.delete, config.compact) == (True, True)
    assert config.segment_bytes == 2097152
    assert config.segment_ms == 100, "the open segment must close before compaction is due"
    assert config.min_cleanable_dirty_ratio == 0.01
    assert config.durability is Durability.OS


def test_nothing_goes_where_no_policy_says_so() -> None:
    log = TopicConfig({"cleanup.policy": ""}).log
    assert not log.delete
    assert not log.compact


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nonsense", "1", "Unknown topic config name: nonsense"),
        ("message.downconversion.enable", "true", "Unknown topic config name"),
        ("retention.ms", "-2", "at least -1"),
        ("retention.ms", "soon", "Not a number of type LONG"),
        ("retention.ms", "1_000", "Not a number of type LONG"),
        ("retention.ms", str(LONG_MAX + 1), "Not a number of type LONG"),
        ("max.message.bytes", str(2**31), "of type INT"),
        ("max.message.bytes", "1.5", "of type INT"),
        ("max.message.bytes", "", "of type INT"),
        ("cleanup.policy", "compact,burn", "among: compact, delete"),
        ("compression.type", "brotli", "must be one of"),
        ("compression.gzip.level", "0", "between 1 and 9 or equal to -1"),
        ("compression.lz4.level", "18", "between 1 and 17"),
        ("compression.zstd.level", "23", "between"),
        ("min.cleanable.dirty.ratio", "1.1", "between 0 and 1"),
        ("min.cleanable.dirty.ratio", "nan", "of type DOUBLE"),
        ("message.timestamp.type", "createtime", "must be one of"),
        ("preallocate", "yes", "either true or false"),
        ("min.insync.replicas", "0", "at least 1"),
        ("segment.bytes", "1023", "at least 1024"),
        ("anymq.durability", "never", "must be one of"),
        ("retention.ms", None, "Null value"),
        ("leader.replication.throttled.replicas", "x" * 32_768, "longer than"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(name: str, value: str | None, said: str) -> None:
    with pytest.raises(InvalidConfig, match=said):
        check_overrides({name: value})


def test_two_that_make_no_sense_together() -> None:
    with pytest.raises(InvalidConfig, match="conflict"):
        TopicConfig({"min.compaction.lag.ms": "2", "max.compaction.lag.ms": "1"})


def test_spaces_and_capitals_as_people_write_them() -> None:
    assert check_overrides({"preallocate": " TRUE "}) == {"preallocate": "TRUE"}
    assert TopicConfig({"cleanup.policy": "compact , delete"}).log.compact


def test_changes_one_by_one() -> None:
    """kafka-configs --add-config, --delete-config, and lists added to and taken from."""
    config = TopicConfig({"retention.ms": "5"})
    assert config.changed(
        [
            Change("retention.ms", Operation.DELETE),
            Change("retention.bytes", Operation.SET, "7"),
            Change("cleanup.policy", Operation.APPEND, "compact"),
        ]
    ) == {"retention.bytes": "7", "cleanup.policy": "delete,compact"}


def test_lists_are_changed_by_their_items() -> None:
    config = TopicConfig({"cleanup.policy": "compact,delete"})

    def changed(operation: Operation, value: str) -> str:
        return config.changed([Change("cleanup.policy", operation, value)])["cleanup.policy"]

    assert changed(Operation.APPEND, "compact") == "compact,delete"
    assert changed(Operation.SUBTRACT, "delete") == "compact"
    assert changed(Operation.SUBTRACT, "compact,delete") == ""
    with pytest.raises(InvalidConfig):
        changed(Operation.APPEND, "burn")
    with pytest.raises(InvalidConfig, match="not allowed"):
        config.changed([Change("retention.ms", Operation.APPEND, "5")])


def test_defaults_of_the_broker_hold_where_the_topic_says_nothing() -> None:
    defaults = Defaults({"retention.ms": ("9", Source.DYNAMIC_BROKER)})
    config = TopicConfig({}, defaults)
    assert config.log.retention_ms == 9
    assert config.source("retention.ms") is Source.DYNAMIC_BROKER
    config = config.replace({"retention.ms": "3"})
    assert (config.value("retention.ms"), config.source("retention.ms")) == ("3", Source.TOPIC)
    assert config.default("retention.ms") == ("9", Source.DYNAMIC_BROKER)
