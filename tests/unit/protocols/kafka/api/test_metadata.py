"""Metadata, ApiVersions, DescribeCluster, FindCoordinator: how clients find everything."""

from uuid import UUID

import pytest

from anymq.core.broker import BrokerSettings
from anymq.protocols.kafka.api import metadata
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    api_versions,
    create_topics,
    describe_cluster,
    find_coordinator,
)
from anymq.protocols.kafka.schema.generated.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    TopicRequest,
)
from anymq.protocols.kafka.schema.generated.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseTopic,
)
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.storage.errors import LogFailed
from anymq.testing.kafka import KafkaDialog, KafkaRoom


def create(client: KafkaDialog, name: str, partitions: int = 1) -> None:
    topics = [create_topics.CreatableTopic(name, partitions, 1)]
    answer = client.ask(create_topics.CreateTopicsRequest(topics))
    assert answer.topics[0].error_code == 0


def named(*names: str, may_create: bool = True) -> MetadataRequest:
    return MetadataRequest([MetadataRequestTopic(name=name) for name in names], may_create)


def only(response: MetadataResponse) -> MetadataResponseTopic:
    (topic,) = response.topics
    return topic


# -- Metadata


@pytest.mark.parametrize("version", range(14))
def test_a_topic(room: KafkaRoom, client: KafkaDialog, version: int) -> None:
    create(client, "orders", 2)
    answer = client.ask(named("orders"), version)
    (broker,) = answer.brokers
    assert (broker.node_id, broker.host, broker.port) == (0, "127.0.0.1", 9092)
    topic = only(answer)
    assert (topic.error_code, topic.name, topic.is_internal) == (0, "orders", False)
    assert [one.partition_index for one in topic.partitions] == [0, 1]
    assert {(one.leader_id, *one.replica_nodes, *one.isr_nodes) for one in topic.partitions} == {
        (0, 0, 0)
    }
    if version >= 10:
        assert topic.topic_id == room.broker.topic("orders").id


def test_all_topics_or_none(client: KafkaDialog) -> None:
    """In the first version an empty list means all; later it means none."""
    create(client, "orders")
    create(client, "bills")
    assert len(client.ask(MetadataRequest(topics=[]), 0).topics) == 2
    assert len(client.ask(MetadataRequest(topics=None), 1).topics) == 2
    assert client.ask(MetadataRequest(topics=[]), 1).topics == []


def test_a_topic_is_made_when_it_is_first_asked_for(client: KafkaDialog) -> None:
    """And can be used at once: producers do not like to be sent away first."""
    topic = only(client.ask(named("new")))
    assert (topic.error_code, len(topic.partitions)) == (0, 1)


def test_the_answer_waits_until_the_new_topic_would_survive(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    room.disk_waits = True
    client >> named("new") << None
    room.disk_waits = False
    assert only(client.answer()).error_code == 0


def test_not_made_where_the_client_or_the_broker_does_not_want_it(client: KafkaDialog) -> None:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert only(client.ask(named("new", may_create=False))).error_code == unknown
    settings = BrokerSettings(configs={"auto.create.topics.enable": "false"})
    other = KafkaRoom(broker=settings).dialog()
    assert only(other.ask(named("new"))).error_code == unknown


def test_one_request_makes_so_many_topics(
    room: KafkaRoom, client: KafkaDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else is served meanwhile; the others are made when the client asks again."""
    monkeypatch.setattr(metadata, "CREATED_MAX", 2)
    create(client, "old")
    asked = named("a", "b", "old", "c", "d")
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert [topic.error_code for topic in client.ask(asked).topics] == [0, 0, 0, unknown, unknown]
    assert [topic.error_code for topic in client.ask(asked).topics] == [0] * 5
    assert len(room.broker.topics) == 5


@pytest.mark.parametrize("may_create", [True, False])
def test_names_that_no_topic_can_have(client: KafkaDialog, may_create: bool) -> None:
    topic = only(client.ask(named("no/name", may_create=may_create)))
    assert (topic.error_code, topic.name) == (ErrorCode.INVALID_TOPIC_EXCEPTION, "no/name")


def test_a_topic_named_twice_is_answered_once(client: KafkaDialog) -> None:
    assert only(client.ask(named("new", "new"))).error_code == 0


def test_topics_by_their_ids(room: KafkaRoom, client: KafkaDialog) -> None:
    create(client, "orders")
    topic_id = room.broker.topic("orders").id
    found = only(client.ask(MetadataRequest([MetadataRequestTopic(topic_id, None)])))
    assert (found.error_code, found.name) == (0, "orders")
    lost = only(client.ask(MetadataRequest([MetadataRequestTopic(UUID(int=9), None)])))
    assert (lost.error_code, lost.name) == (ErrorCode.UNKNOWN_TOPIC_ID, None)
    assert lost.topic_id == UUID(int=9)


def test_ids_before_the_broker_takes_them(client: KafkaDialog) -> None:
    asked = MetadataRequest([MetadataRequestTopic(UUID(int=9), None)])
    assert only(client.ask(asked, 10)).error_code == ErrorCode.INVALID_REQUEST


def test_a_topic_that_the_disk_did_not_take(room: KafkaRoom, client: KafkaDialog) -> None:
    room.store.logs[1].failed = LogFailed("broken")
    assert only(client.ask(named("new"))).error_code == ErrorCode.KAFKA_STORAGE_ERROR


def test_rights_are_told_when_asked_for(client: KafkaDialog) -> None:
    create(client, "orders")
    asked = named("orders")
    asked.include_topic_authorized_operations = asked.include_cluster_authorized_operations = True
    answer = client.ask(asked, 10)
    assert only(answer).topic_authorized_operations == 0b110111111000
    assert answer.cluster_authorized_operations == 0b1111110100000
    assert only(client.ask(named("orders"))).topic_authorized_operations == -(2**31)


def test_where_clients_are_told_to_go() -> None:
    settings = KafkaSettings(advertised_host="192.0.2.1", advertised_port=7, rack="north")
    (broker,) = KafkaRoom(settings).dialog().ask(MetadataRequest(topics=[])).brokers
    assert (broker.host, broker.port, broker.rack) == ("192.0.2.1", 7, "north")


# -- ApiVersions


def test_what_we_speak(room: KafkaRoom, client: KafkaDialog) -> None:
    answer = client.ask(api_versions.ApiVersionsRequest("tester", "1.0"))
    said = {one.api_key: (one.min_version, one.max_version) for one in answer.api_keys}
    assert said.keys() == room.kafka.apis.keys()
    # librdkafka refuses to compress when it reads a higher minimum.
    assert said[0] == (0, 13)
    assert said[1] == (4, 18)
    features = [feature.name for feature in answer.finalized_features]
    assert features == ["metadata.version", "share.version"]


@pytest.mark.parametrize("name", ["", "-x", "a b", "x" * 10 + "\n"])
def test_a_client_that_does_not_introduce_itself(client: KafkaDialog, name: str) -> None:
    answer = client.ask(api_versions.ApiVersionsRequest(name, "1"))
    assert answer.error_code == ErrorCode.INVALID_REQUEST
    assert client.ask(api_versions.ApiVersionsRequest(name, "1"), 2).error_code == 0


# -- DescribeCluster, FindCoordinator


def test_the_cluster(room: KafkaRoom, client: KafkaDialog) -> None:
    answer = client.ask(describe_cluster.DescribeClusterRequest())
    assert (answer.cluster_id, answer.controller_id) == (room.broker.cluster_id, 0)
    assert [(one.broker_id, one.host, one.port) for one in answer.brokers] == [
        (0, "127.0.0.1", 9092)
    ]


@pytest.mark.parametrize(
    ("endpoint_type", "code"),
    [(2, ErrorCode.MISMATCHED_ENDPOINT_TYPE), (9, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)],
)
def test_endpoints_that_we_are_not(client: KafkaDialog, endpoint_type: int, code: int) -> None:
    asked = describe_cluster.DescribeClusterRequest(endpoint_type=endpoint_type)
    assert client.ask(asked).error_code == code


@pytest.mark.parametrize("version", range(4))
def test_the_coordinator_of_a_group(client: KafkaDialog, version: int) -> None:
    answer = client.ask(find_coordinator.FindCoordinatorRequest("readers"), version)
    assert (answer.error_code, answer.host, answer.port) == (0, "127.0.0.1", 9092)


def test_coordinators_of_several_groups(client: KafkaDialog) -> None:
    request = find_coordinator.FindCoordinatorRequest(coordinator_keys=["a", "b"])
    said = client.ask(request).coordinators
    assert [(one.key, one.error_code, one.port) for one in said] == [("a", 0, 9092), ("b", 0, 9092)]


@pytest.mark.parametrize(
    ("key_type", "code"),
    [(1, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED), (2, ErrorCode.INVALID_REQUEST)],
)
def test_what_has_no_coordinator(client: KafkaDialog, key_type: int, code: int) -> None:
    request = find_coordinator.FindCoordinatorRequest("x", key_type, ["x"])
    assert client.ask(request, 3).error_code == code
    (one,) = client.ask(request, 4).coordinators
    assert (one.error_code, one.node_id) == (code, -1)


# -- DescribeTopicPartitions


def page(
    client: KafkaDialog, *names: str, limit: int = 2000, cursor: Cursor | None = None
) -> tuple[list[tuple[str | None, list[int]]], Cursor | None]:
    request = DescribeTopicPartitionsRequest([TopicRequest(name) for name in names], limit, cursor)
    answer: DescribeTopicPartitionsResponse = client.ask(request)
    said = [
        (topic.name, [one.partition_index for one in topic.partitions]) for topic in answer.topics
    ]
    return said, answer.next_cursor


@pytest.fixture
def three_topics(client: KafkaDialog) -> KafkaDialog:
    for name in "abc":
        create(client, name, 3)
    return client


def test_all_topics_page_by_page(three_topics: KafkaDialog) -> None:
    client = three_topics
    assert page(client, limit=4) == ([("a", [0, 1, 2]), ("b", [0])], Cursor("b", 1))
    assert page(client, limit=2, cursor=Cursor("b", 1)) == ([("b", [1, 2])], Cursor("c", 0))
    assert page(client, limit=9, cursor=Cursor("c", 0)) == ([("c", [0, 1, 2])], None)


def test_topics_by_name_are_sorted(three_topics: KafkaDialog) -> None:
    assert page(three_topics, "c", "a") == ([("a", [0, 1, 2]), ("c", [0, 1, 2])], None)


def test_names_of_nothing(three_topics: KafkaDialog) -> None:
    request = DescribeTopicPartitionsRequest([TopicRequest("x"), TopicRequest("y z")])
    codes = [topic.error_code for topic in three_topics.ask(request).topics]
    assert codes == [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.INVALID_TOPIC_EXCEPTION]


@pytest.mark.parametrize("cursor", [Cursor("b", 0), Cursor("a", -1)])
def test_a_cursor_that_points_nowhere(three_topics: KafkaDialog, cursor: Cursor) -> None:
    request = DescribeTopicPartitionsRequest([TopicRequest("a")], 10, cursor)
    (topic,) = three_topics.ask(request).topics
    assert topic.error_code == ErrorCode.INVALID_REQUEST
