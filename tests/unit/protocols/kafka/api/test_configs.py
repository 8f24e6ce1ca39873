"""Configs: what holds and why, changed one by one or all together."""

import pytest

from anymq.core.broker import BrokerSettings
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.resources import ResourceType
from anymq.protocols.kafka.schema.generated import alter_configs as legacy
from anymq.protocols.kafka.schema.generated import create_topics
from anymq.protocols.kafka.schema.generated import incremental_alter_configs as incremental
from anymq.protocols.kafka.schema.generated.describe_configs import (
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResult,
)
from anymq.protocols.kafka.schema.generated.list_config_resources import (
    ConfigResource,
    ListConfigResourcesRequest,
)
from anymq.testing.kafka import KafkaDialog, KafkaRoom

TOPIC, BROKER = int(ResourceType.TOPIC), int(ResourceType.BROKER)
SET, DELETE, APPEND, SUBTRACT = range(4)
OF_TOPIC, DYNAMIC, DYNAMIC_DEFAULT, STATIC, DEFAULT = range(1, 6)


@pytest.fixture
def room() -> KafkaRoom:
    return KafkaRoom(broker=BrokerSettings(configs={"log.retention.ms": "1000"}))


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    config = [create_topics.CreatableTopicConfig("max.message.bytes", "500")]
    topics = [create_topics.CreatableTopic("orders", 1, 1, configs=config)]
    client.ask(create_topics.CreateTopicsRequest(topics))
    return client


def describe(
    client: KafkaDialog, kind: int = TOPIC, name: str = "orders", *names: str
) -> DescribeConfigsResult:
    resource = DescribeConfigsResource(kind, name, list(names) or None)
    request = DescribeConfigsRequest([resource], True, True)
    results: list[DescribeConfigsResult] = client.ask(request).results
    (result,) = results
    assert (result.resource_type, result.resource_name) == (kind, name)
    return result


def config(
    client: KafkaDialog, name: str, kind: int = TOPIC, resource: str = "orders"
) -> DescribeConfigsResourceResult:
    (one,) = describe(client, kind, resource, name).configs
    return one


def value(
    client: KafkaDialog, name: str, kind: int = TOPIC, resource: str = "orders"
) -> str | None:
    return config(client, name, kind, resource).value


def change(
    client: KafkaDialog,
    *changes: tuple[str, int, str | None],
    kind: int = TOPIC,
    resource: str = "orders",
    check_only: bool = False,
) -> tuple[int, str | None]:
    configs = [incremental.AlterableConfig(*one) for one in changes]
    resources = [incremental.AlterConfigsResource(kind, resource, configs)]
    request = incremental.IncrementalAlterConfigsRequest(resources, check_only)
    (one,) = client.ask(request).responses
    return one.error_code, one.error_message


def replace(
    client: KafkaDialog,
    configs: dict[str, str | None],
    *,
    kind: int = TOPIC,
    resource: str = "orders",
    check_only: bool = False,
) -> tuple[int, str | None]:
    wanted = [legacy.AlterableConfig(*one) for one in configs.items()]
    resources = [legacy.AlterConfigsResource(kind, resource, wanted)]
    (one,) = client.ask(legacy.AlterConfigsRequest(resources, check_only)).responses
    return one.error_code, one.error_message


# -- describe


def test_every_config_of_a_topic_is_there(client: KafkaDialog) -> None:
    """Tools show them all, with what they are for."""
    configs = describe(client).configs
    names = {one.name for one in configs}
    assert {"cleanup.policy", "retention.ms", "compression.type", "min.insync.replicas"} <= names
    assert len(names) >= 30
    assert all(one.documentation for one in configs)
    assert not any(one.read_only or one.is_sensitive for one in configs)


def test_where_a_value_comes_from(client: KafkaDialog) -> None:
    sources = {one.name: one.config_source for one in describe(client).configs}
    assert sources["max.message.bytes"] == OF_TOPIC
    assert sources["retention.ms"] == STATIC
    assert sources["cleanup.policy"] == DEFAULT


def test_what_would_hold_if_it_were_not_for_that(client: KafkaDialog) -> None:
    synonyms = [
        (one.name, one.value, one.source) for one in config(client, "retention.ms").synonyms
    ]
    assert synonyms == [
        ("log.retention.ms", "1000", STATIC),
        ("log.retention.hours", "168", DEFAULT),
    ]
    (own, default) = config(client, "max.message.bytes").synonyms
    assert (own.name, own.value, own.source) == ("max.message.bytes", "500", OF_TOPIC)
    assert (default.name, default.source) == ("message.max.bytes", DEFAULT)


def test_types(client: KafkaDialog) -> None:
    types = {one.name: one.config_type for one in describe(client).configs}
    assert types["cleanup.policy"] == 7  # a list
    assert types["retention.ms"] == 5
    assert types["preallocate"] == 1


def test_only_what_was_asked_for(client: KafkaDialog) -> None:
    resource = DescribeConfigsResource(TOPIC, "orders", ["retention.ms", "unknown"])
    answer = client.ask(DescribeConfigsRequest([resource]))
    (one,) = answer.results[0].configs
    assert (one.name, one.synonyms, one.documentation) == ("retention.ms", [], None)


def test_the_broker(client: KafkaDialog) -> None:
    configs = {one.name: one for one in describe(client, BROKER, "0").configs}
    assert configs["log.retention.ms"].config_source == STATIC
    assert not configs["log.retention.ms"].read_only
    assert configs["num.partitions"].read_only
    assert len(configs) > 50


def test_the_broker_of_no_name_shows_what_was_set_for_all(client: KafkaDialog) -> None:
    assert describe(client, BROKER, "").configs == []
    change(client, ("log.retention.ms", SET, "7"), kind=BROKER, resource="")
    (one,) = describe(client, BROKER, "").configs
    assert (one.name, one.value, one.config_source) == ("log.retention.ms", "7", DYNAMIC_DEFAULT)


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (TOPIC, "nothing", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a/b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (BROKER, "7", ErrorCode.INVALID_REQUEST),
        (BROKER, "me", ErrorCode.INVALID_REQUEST),
        (ResourceType.GROUP, "", ErrorCode.INVALID_REQUEST),
        (ResourceType.CLIENT_METRICS, "readers", 0),
        (99, "x", ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_is_not_described(client: KafkaDialog, kind: int, name: str, code: int) -> None:
    result = describe(client, int(kind), name)
    assert (result.error_code, result.configs) == (code, [])
    assert bool(result.error_message) == bool(code)


def test_which_resources_there_are(client: KafkaDialog) -> None:
    answer = client.ask(ListConfigResourcesRequest())
    assert answer.config_resources == [
        ConfigResource("orders", 2),
        ConfigResource("0", 4),
        ConfigResource("0", 8),
    ]
    assert client.ask(ListConfigResourcesRequest([TOPIC])).config_resources == [
        ConfigResource("orders", 2)
    ]
    assert client.ask(ListConfigResourcesRequest(), 0).config_resources == []
    wrong = client.ask(ListConfigResourcesRequest([99]))
    assert wrong.error_code == ErrorCode.UNSUPPORTED_VERSION


# -- change some


def test_set_and_delete(client: KafkaDialog) -> None:
    assert change(client, ("retention.ms", SET, "77"), ("max.message.bytes", DELETE, None)) == (
        0,
        None,
    )
    assert value(client, "retention.ms") == "77"
    assert config(client, "max.message.bytes").config_source == DEFAULT


def test_append_and_subtract(client: KafkaDialog) -> None:
    """What is appended twice is there once; what is not there can be taken away."""
    change(client, ("cleanup.policy", APPEND, "compact"))
    change(client, ("cleanup.policy", APPEND, "compact"))
    assert value(client, "cleanup.policy") == "delete,compact"
    change(client, ("cleanup.policy", SUBTRACT, "delete"))
    change(client, ("cleanup.policy", SUBTRACT, "delete"))
    assert value(client, "cleanup.policy") == "compact"


def test_the_answer_waits_for_the_disk(room: KafkaRoom, client: KafkaDialog) -> None:
    room.disk_waits = True
    configs = [incremental.AlterableConfig("retention.ms", SET, "77")]
    resource = incremental.AlterConfigsResource(TOPIC, "orders", configs)
    client >> incremental.IncrementalAlterConfigsRequest([resource]) << None
    room.disk_waits = False
    assert client.answer().responses[0].error_code == 0


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ([("nope", SET, "1")], ErrorCode.INVALID_CONFIG, "nope"),
        ([("retention.ms", SET, "soon")], ErrorCode.INVALID_CONFIG, "Invalid value soon"),
        ([("retention.ms", APPEND, "1")], ErrorCode.INVALID_CONFIG, "retention.ms"),
        ([("retention.ms", SET, None)], ErrorCode.INVALID_REQUEST, "Null value not supported"),
        (
            [("retention.ms", SET, "1"), ("retention.ms", DELETE, None)],
            ErrorCode.INVALID_REQUEST,
            "duplicate config keys",
        ),
        ([("retention.ms", 9, "1")], ErrorCode.INVALID_REQUEST, "Unknown operations type 9"),
        (
            [("min.compaction.lag.ms", SET, "9"), ("max.compaction.lag.ms", SET, "8")],
            ErrorCode.INVALID_CONFIG,
            "min.compaction.lag.ms",
        ),
    ],
)
def test_changes_that_cannot_be(
    client: KafkaDialog, changes: list[tuple[str, int, str | None]], code: int, words: str
) -> None:
    """All or nothing: one change that cannot be keeps the others away."""
    before = describe(client)
    said, why = change(client, ("flush.ms", SET, "5"), *changes)
    assert said == code
    assert words in (why or "")
    assert describe(client) == before


def test_only_checking(client: KafkaDialog) -> None:
    assert change(client, ("retention.ms", SET, "77"), check_only=True) == (0, None)
    assert (
        change(client, ("retention.ms", SET, "x"), check_only=True)[0] == ErrorCode.INVALID_CONFIG
    )
    assert value(client, "retention.ms") == "1000"


def test_a_resource_named_twice(client: KafkaDialog) -> None:
    """Each entry is answered, and nothing is done."""
    resource = incremental.AlterConfigsResource(
        TOPIC, "orders", [incremental.AlterableConfig("retention.ms", SET, "77")]
    )
    request = incremental.IncrementalAlterConfigsRequest([resource, resource])
    answers = client.ask(request).responses
    assert [one.error_message for one in answers] == ["Each resource must appear at most once."] * 2
    assert value(client, "retention.ms") == "1000"


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (TOPIC, "nothing", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (BROKER, "7", ErrorCode.INVALID_REQUEST),
        (BROKER, "me", ErrorCode.INVALID_REQUEST),
        (99, "x", ErrorCode.INVALID_REQUEST),
    ],
)
def test_resources_that_are_not_there(client: KafkaDialog, kind: int, name: str, code: int) -> None:
    assert change(client, ("retention.ms", SET, "1"), kind=kind, resource=name)[0] == code


def test_the_broker_changes_and_topics_follow(client: KafkaDialog) -> None:
    assert change(client, ("log.retention.ms", SET, "5"), kind=BROKER, resource="0") == (0, None)
    assert config(client, "log.retention.ms", BROKER, "0").config_source == DYNAMIC
    assert value(client, "retention.ms") == "5"
    change(client, ("log.retention.ms", DELETE, None), kind=BROKER, resource="0")
    assert value(client, "retention.ms") == "1000"


@pytest.mark.parametrize("name", ["num.partitions", "nope"])
def test_what_the_broker_was_started_with_stays(client: KafkaDialog, name: str) -> None:
    code, why = change(client, (name, SET, "5"), kind=BROKER, resource="0")
    assert code == ErrorCode.INVALID_REQUEST
    assert name in (why or "")


# -- replace all


def test_what_is_not_named_goes_back_to_its_default(client: KafkaDialog) -> None:
    assert replace(client, {"retention.ms": "77"}) == (0, None)
    assert value(client, "retention.ms") == "77"
    assert config(client, "max.message.bytes").config_source == DEFAULT


def test_only_checking_a_replacement(client: KafkaDialog) -> None:
    assert replace(client, {"retention.ms": "77"}, check_only=True) == (0, None)
    assert value(client, "retention.ms") == "1000"
    assert value(client, "max.message.bytes") == "500"


def test_a_replacement_that_cannot_be(client: KafkaDialog) -> None:
    assert replace(client, {"retention.ms": "x"})[0] == ErrorCode.INVALID_CONFIG
    assert replace(client, {"retention.ms": None})[0] == ErrorCode.INVALID_REQUEST
    assert replace(client, {}, resource="nothing")[0] == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert value(client, "max.message.bytes") == "500"


def test_the_broker_is_replaced_too(client: KafkaDialog) -> None:
    change(client, ("log.retention.ms", SET, "5"), kind=BROKER, resource="0")
    assert replace(client, {"log.flush.interval.ms": "9"}, kind=BROKER, resource="0") == (0, None)
    assert value(client, "log.retention.ms", BROKER, "0") == "1000"
    assert value(client, "log.flush.interval.ms", BROKER, "0") == "9"
