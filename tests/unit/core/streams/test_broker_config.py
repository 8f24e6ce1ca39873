"""The broker's own configs."""

import pytest

from anymq.core.streams.broker_config import BROKER_CONFIGS, BrokerConfig, changed, check_static
from anymq.core.streams.config_def import Source
from anymq.core.streams.errors import InvalidConfig
from anymq.core.streams.topic_config import Change, Operation, TopicConfig
from anymq.core.streams.topic_configs import TOPIC_CONFIGS


def retention(config: BrokerConfig) -> tuple[int, Source]:
    topic = TopicConfig({}, config.topic_defaults)
    return topic.log.retention_ms, topic.source("retention.ms")


def test_every_default_is_valid() -> None:
    for config in BROKER_CONFIGS.values():
        if config.default:
            config.parse(config.default)


def test_a_topics_default_may_be_said_in_hours() -> None:
    """log.retention.hours is what most configurations have; the finer unit wins."""
    assert BrokerConfig().value("log.retention.hours") == "168"
    config = BrokerConfig({"log.retention.hours": "2"})
    assert retention(config) == (7_200_000, Source.STATIC_BROKER)
    config = BrokerConfig({"log.retention.hours": "2", "log.retention.minutes": "3"})
    assert retention(config) == (180_000, Source.STATIC_BROKER)
    config = BrokerConfig({"log.retention.hours": "2", "log.retention.ms": "5"})
    assert retention(config) == (5, Source.STATIC_BROKER)


def test_minus_one_hours_are_no_limit() -> None:
    assert retention(BrokerConfig({"log.retention.hours": "-1"}))[0] == -1


def test_the_nearer_wins() -> None:
    name = "log.retention.ms"
    config = BrokerConfig({name: "1"}, for_all={name: "2"}, for_node={name: "3"})
    assert (config.value(name), config.source(name)) == ("3", Source.DYNAMIC_BROKER)
    config = BrokerConfig({name: "1"}, for_all={name: "2"})
    assert retention(config) == (2, Source.DYNAMIC_DEFAULT_BROKER)
    assert retention(BrokerConfig()) == (604_800_000, Source.DEFAULT)


def test_every_topic_default_can_be_set() -> None:
    for config in TOPIC_CONFIGS.values():
        for synonym in config.synonyms:
            assert synonym.name in BROKER_CONFIGS


def test_dynamic_changes() -> None:
    before = {"log.retention.ms": "5", "message.max.bytes": "100"}
    assert changed(
        before,
        [
            Change("log.retention.ms", Operation.DELETE),
            Change("compression.type", Operation.SET, "gzip"),
        ],
    ) == {"message.max.bytes": "100", "compression.type": "gzip"}


@pytest.mark.parametrize(
    "change",
    [
        Change("num.partitions", Operation.SET, "3"),
        Change("nonsense", Operation.SET, "3"),
        Change("log.retention.ms", Operation.SET, "x"),
        Change("log.retention.ms", Operation.SET, None),
        Change("log.cleanup.policy", Operation.APPEND, "compact"),
    ],
)
def test_changes_that_cannot_be(change: Change) -> None:
    with pytest.raises(InvalidConfig):
        changed({}, [change])


@pytest.mark.parametrize(
    "values",
    [
        {"nonsense": "1"},
        {"num.partitions": "0"},
        {"log.cleaner.min.compaction.lag.ms": "2", "log.cleaner.max.compaction.lag.ms": "1"},
    ],
)
def test_a_start_that_makes_no_sense(values: dict[str, str]) -> None:
    with pytest.raises(InvalidConfig):
        check_static(values)
