"""Topics as administrators make, grow, shorten and delete them."""

from uuid import UUID

import pytest

from anymq.core.broker import BrokerSettings
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.primitives import NULL_UUID
from anymq.protocols.kafka.schema.generated import produce
from anymq.protocols.kafka.schema.generated.create_partitions import (
    CreatePartitionsAssignment,
    CreatePartitionsRequest,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)
from anymq.protocols.kafka.schema.generated.create_topics import (
    CreatableReplicaAssignment,
    CreatableTopic,
    CreatableTopicConfig,
    CreatableTopicResult,
    CreateTopicsRequest,
)
from anymq.protocols.kafka.schema.generated.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsRequest,
    DeleteRecordsTopic,
)
from anymq.protocols.kafka.schema.generated.delete_topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicState,
)
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.storage import records
from anymq.storage.errors import LogFailed
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom


def create(
    client: KafkaDialog, *topics: CreatableTopic, check_only: bool = False
) -> list[CreatableTopicResult]:
    request = CreateTopicsRequest(list(topics), validate_only=check_only)
    results: list[CreatableTopicResult] = client.ask(request).topics
    return results


def only(results: list[CreatableTopicResult]) -> CreatableTopicResult:
    (one,) = results
    return one


# -- CreateTopics


@pytest.mark.parametrize("version", range(2, 8))
def test_a_new_topic(room: KafkaRoom, client: KafkaDialog, version: int) -> None:
    request = CreateTopicsRequest([CreatableTopic("orders", 3, 1)])
    result = only(client.ask(request, version).topics)
    topic = room.broker.topic("orders")
    assert (result.error_code, result.error_message) == (0, None)
    assert len(topic.partitions) == 3
    if version >= 5:
        assert (result.num_partitions, result.replication_factor) == (3, 1)
        configs = {one.name: (one.value, one.config_source) for one in result.configs or ()}
        assert configs["retention.ms"] == ("604800000", 5)
        assert list(configs) == sorted(configs)
    if version >= 7:
        assert result.topic_id == topic.id


def test_it_is_answered_when_a_restart_would_find_it(room: KafkaRoom, client: KafkaDialog) -> None:
    room.disk_waits = True
    client >> CreateTopicsRequest([CreatableTopic("orders", 1, 1)]) << None
    room.disk_waits = False
    assert only(client.answer().topics).error_code == 0


def test_who_does_not_want_to_wait_is_told_that_it_took_too_long(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    room.disk_waits = True
    client >> CreateTopicsRequest([CreatableTopic("orders", 1, 1)], timeout_ms=500) << None
    room.pass_time(1)
    result = only(client.answer().topics)
    assert result.error_code == ErrorCode.REQUEST_TIMED_OUT
    room.write_to_disk()
    client << None


def test_a_disk_that_fails(room: KafkaRoom, client: KafkaDialog) -> None:
    room.store.logs[1].failed = LogFailed("broken")
    result = only(create(client, CreatableTopic("orders", 1, 1)))
    assert result.error_code == ErrorCode.KAFKA_STORAGE_ERROR
    assert (result.topic_id, result.num_partitions, result.configs) == (NULL_UUID, -1, None)


def test_defaults(room: KafkaRoom) -> None:
    client = KafkaRoom(broker=BrokerSettings(configs={"num.partitions": "4"})).dialog()
    result = only(create(client, CreatableTopic("orders", -1, -1)))
    assert (result.num_partitions, result.replication_factor) == (4, 1)


ZERO, ONE, TWO = (CreatableReplicaAssignment(n, [0]) for n in range(3))


@pytest.mark.parametrize(
    ("topic", "code", "words"),
    [
        (CreatableTopic("taken", 1, 1), ErrorCode.TOPIC_ALREADY_EXISTS, "already exists"),
        # Who asks for a topic that is there wants to know just that.
        (CreatableTopic("taken", 0, 3), ErrorCode.TOPIC_ALREADY_EXISTS, "already exists"),
        (CreatableTopic("", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION, "empty"),
        (CreatableTopic("a/b", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION, "ASCII alphanumerics"),
        (CreatableTopic("..", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION, "'..'"),
        (CreatableTopic("x" * 250, 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION, "249"),
        (CreatableTopic("a.b", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION, "collides"),
        (CreatableTopic("new", 0, 1), ErrorCode.INVALID_PARTITIONS, "non-positive"),
        (CreatableTopic("new", -2, 1), ErrorCode.INVALID_PARTITIONS, "non-positive"),
        (CreatableTopic("new", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR, "larger than 0"),
        (CreatableTopic("new", 1, 3), ErrorCode.INVALID_REPLICATION_FACTOR, "only 1 broker(s)"),
        (CreatableTopic("new", 1, -1, [ZERO]), ErrorCode.INVALID_REQUEST, "numPartitions"),
        (CreatableTopic("new", -1, 1, [ZERO]), ErrorCode.INVALID_REQUEST, "replication factor"),
        (
            CreatableTopic("new", -1, -1, [ZERO, TWO]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "consecutive",
        ),
        (
            CreatableTopic("new", -1, -1, [ZERO, ZERO]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "multiple",
        ),
        (
            CreatableTopic("new", -1, -1, [CreatableReplicaAssignment(0, [0, 7])]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "no such broker",
        ),
        (
            CreatableTopic("new", -1, -1, [CreatableReplicaAssignment(0, [0, 0])]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "more than once",
        ),
        (
            CreatableTopic("new", -1, -1, [CreatableReplicaAssignment(0, [])]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "empty replica list",
        ),
        (
            CreatableTopic("new", 1, 1, configs=[CreatableTopicConfig("nope", "1")]),
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: nope",
        ),
        (
            CreatableTopic("new", 1, 1, configs=[CreatableTopicConfig("retention.ms", None)]),
            ErrorCode.INVALID_CONFIG,
            "Null value",
        ),
        (
            CreatableTopic("new", 1, 1, configs=[CreatableTopicConfig("retention.ms", "soon")]),
            ErrorCode.INVALID_CONFIG,
            "Invalid value soon for configuration retention.ms",
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("check_only", [False, True], ids=["create", "check only"])
def test_topics_that_cannot_be(
    room: KafkaRoom,
    client: KafkaDialog,
    topic: CreatableTopic,
    code: ErrorCode,
    words: str,
    check_only: bool,
) -> None:
    """The code for programs, the words for people, both as Kafka has them."""
    create(client, CreatableTopic("taken", 1, 1), CreatableTopic("a_b", 1, 1))
    result = only(create(client, topic, check_only=check_only))
    assert ErrorCode(result.error_code) is code
    assert words in (result.error_message or "")
    assert result.topic_id == NULL_UUID
    assert "new" not in room.broker.topics


def test_partitions_where_the_client_puts_them(room: KafkaRoom, client: KafkaDialog) -> None:
    """There is one place to put them."""
    create(client, CreatableTopic("orders", -1, -1, [ONE, ZERO]))
    assert len(room.broker.topic("orders").partitions) == 2


def test_one_that_fails_does_not_keep_the_others_from_being(client: KafkaDialog) -> None:
    results = create(client, CreatableTopic("good", 1, 1), CreatableTopic("bad", 1, 9))
    assert [(one.name, one.error_code) for one in results] == [
        ("good", 0),
        ("bad", ErrorCode.INVALID_REPLICATION_FACTOR),
    ]


def test_a_topic_named_twice_is_not_made(room: KafkaRoom, client: KafkaDialog) -> None:
    result = only(create(client, CreatableTopic("twin", 1, 1), CreatableTopic("twin", 2, 1)))
    assert (result.error_code, result.error_message) == (42, "Duplicate topic name.")
    assert "twin" not in room.broker.topics


def test_only_checking(room: KafkaRoom, client: KafkaDialog) -> None:
    config = [CreatableTopicConfig("retention.ms", "5")]
    wanted = CreatableTopic("orders", 2, 1, configs=config)
    result = only(create(client, wanted, check_only=True))
    assert (result.error_code, result.num_partitions) == (0, 2)
    values = {one.name: one.value for one in result.configs or ()}
    assert values["retention.ms"] == "5"
    assert "orders" not in room.broker.topics


def test_more_copies_than_nodes_where_that_is_let_pass() -> None:
    """For test suites of clients that ask for three."""
    client = KafkaRoom(KafkaSettings(lenient_replication=True)).dialog()
    result = only(create(client, CreatableTopic("orders", 1, 3)))
    assert (result.error_code, result.replication_factor) == (0, 1)


# -- DeleteTopics


def delete(
    client: KafkaDialog, *topics: DeleteTopicState, version: int = 6
) -> list[DeletableTopicResult]:
    names = [topic.name or "" for topic in topics]
    request = DeleteTopicsRequest(list(topics), names, 1000)
    results: list[DeletableTopicResult] = client.ask(request, version).responses
    return results


@pytest.mark.parametrize("version", range(1, 7))
def test_a_topic_goes(room: KafkaRoom, client: KafkaDialog, version: int) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    topic_id = room.broker.topic("orders").id
    (result,) = delete(client, DeleteTopicState("orders"), version=version)
    assert (result.name, result.error_code) == ("orders", 0)
    assert "orders" not in room.broker.topics
    if version == 6:
        assert result.topic_id == topic_id


def test_a_topic_goes_by_its_id(room: KafkaRoom, client: KafkaDialog) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    topic_id = room.broker.topic("orders").id
    (result,) = delete(client, DeleteTopicState(None, topic_id))
    assert (result.name, result.topic_id, result.error_code) == ("orders", topic_id, 0)


NOBODY = UUID(int=9)


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (DeleteTopicState("nothing"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (DeleteTopicState(None, NOBODY), ErrorCode.UNKNOWN_TOPIC_ID),
        (DeleteTopicState(None), ErrorCode.INVALID_REQUEST),
        (DeleteTopicState("orders", NOBODY), ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_cannot_be_deleted(
    room: KafkaRoom, client: KafkaDialog, topic: DeleteTopicState, code: int
) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    (result,) = delete(client, topic)
    assert (result.name, result.topic_id, result.error_code) == (topic.name, topic.topic_id, code)
    assert "orders" in room.broker.topics


def test_a_topic_named_twice_stays(room: KafkaRoom, client: KafkaDialog) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    (result,) = delete(client, DeleteTopicState("orders"), DeleteTopicState("orders"))
    assert (result.error_code, result.error_message) == (42, "Duplicate topic name.")
    assert "orders" in room.broker.topics


@pytest.mark.parametrize(
    ("version", "code"), [(2, ErrorCode.INVALID_REQUEST), (3, ErrorCode.TOPIC_DELETION_DISABLED)]
)
def test_where_topics_stay(version: int, code: int) -> None:
    room = KafkaRoom(broker=BrokerSettings(configs={"delete.topic.enable": "false"}))
    client = room.dialog()
    create(client, CreatableTopic("orders", 1, 1))
    (result,) = delete(client, DeleteTopicState("orders"), version=version)
    assert result.error_code == code


# -- CreatePartitions


def grow(
    client: KafkaDialog, *topics: CreatePartitionsTopic, check_only: bool = False
) -> list[CreatePartitionsTopicResult]:
    request = CreatePartitionsRequest(list(topics), 1000, check_only)
    results: list[CreatePartitionsTopicResult] = client.ask(request).results
    return results


def test_more_partitions(room: KafkaRoom, client: KafkaDialog) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    places = [CreatePartitionsAssignment([0])] * 2
    (result,) = grow(client, CreatePartitionsTopic("orders", 3, places))
    assert result.error_code == 0
    assert len(room.broker.topic("orders").partitions) == 3


def test_only_checking_whether_there_could_be_more(room: KafkaRoom, client: KafkaDialog) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    (result,) = grow(client, CreatePartitionsTopic("orders", 3), check_only=True)
    assert result.error_code == 0
    assert len(room.broker.topic("orders").partitions) == 1


@pytest.mark.parametrize(
    ("topic", "code", "words"),
    [
        (CreatePartitionsTopic("nothing", 3), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "nothing"),
        (CreatePartitionsTopic("orders", 2), ErrorCode.INVALID_PARTITIONS, "already has 2"),
        (CreatePartitionsTopic("orders", 1), ErrorCode.INVALID_PARTITIONS, "not be an increase"),
        (
            CreatePartitionsTopic("orders", 4, [CreatePartitionsAssignment([0])]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "only 1 assignment",
        ),
        (
            CreatePartitionsTopic("orders", 3, [CreatePartitionsAssignment([5])]),
            ErrorCode.INVALID_REPLICATION_ASSIGNMENT,
            "no such broker",
        ),
    ],
)
def test_partitions_that_cannot_be(
    client: KafkaDialog, topic: CreatePartitionsTopic, code: int, words: str
) -> None:
    create(client, CreatableTopic("orders", 2, 1))
    (result,) = grow(client, topic)
    assert (result.name, result.error_code) == (topic.name, code)
    assert words in (result.error_message or "")


def test_a_topic_that_is_to_grow_twice(client: KafkaDialog) -> None:
    create(client, CreatableTopic("orders", 1, 1))
    (result,) = grow(client, CreatePartitionsTopic("orders", 2), CreatePartitionsTopic("orders", 3))
    assert (result.error_code, result.error_message) == (42, "Duplicate topic name.")


# -- DeleteRecords


def test_records_go_from_the_front(room: KafkaRoom, client: KafkaDialog) -> None:
    create(client, CreatableTopic("orders", 2, 1))
    batch = records.build([Record(b"x")] * 5)
    data = [produce.PartitionProduceData(n, batch) for n in range(2)]
    client.ask(
        produce.ProduceRequest(
            None, -1, 9, [produce.TopicProduceData("orders", partition_data=data)]
        ),
        9,
    )
    asked = [
        DeleteRecordsPartition(0, 3),
        DeleteRecordsPartition(1, -1),  # all there is
        DeleteRecordsPartition(7, 0),
        DeleteRecordsPartition(0, 6),
    ]
    topics = [DeleteRecordsTopic("orders", asked), DeleteRecordsTopic("nothing", asked[:1])]
    answer = client.ask(DeleteRecordsRequest(topics, 1000))
    said = [
        (one.low_watermark, one.error_code) for topic in answer.topics for one in topic.partitions
    ]
    assert said == [
        (3, 0),
        (5, 0),
        (-1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (-1, ErrorCode.OFFSET_OUT_OF_RANGE),
        (-1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]
    assert room.broker.topic("orders").partition(0).start == 3


def test_a_compacted_topic_keeps_its_records(client: KafkaDialog) -> None:
    """They go when newer ones of their keys come."""
    config = [CreatableTopicConfig("cleanup.policy", "compact")]
    create(client, CreatableTopic("latest", 1, 1, configs=config))
    topic = DeleteRecordsTopic("latest", [DeleteRecordsPartition(0, 0)])
    answer = client.ask(DeleteRecordsRequest([topic], 1000))
    assert answer.topics[0].partitions[0].error_code == ErrorCode.POLICY_VIOLATION
