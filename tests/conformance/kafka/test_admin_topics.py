"""Topics: made, shown, grown, changed, emptied, deleted by librdkafka's admin client."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic, OffsetSpec

from tests.conformance.kafka.clients import ANSWER_SECONDS, eventually, produce
from tests.conformance.kafka.conftest import MakeTopic


def refused_code(raised: pytest.ExceptionInfo[KafkaException]) -> int:
    """What the broker called it."""
    return int(raised.value.args[0].code())


def create(admin: AdminClient, topic: NewTopic, validate_only: bool = False) -> None:
    made = admin.create_topics([topic], validate_only=validate_only)
    made[topic.topic].result(ANSWER_SECONDS)


def test_a_made_topic_is_listed_and_described(admin: AdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=3)
    listed = admin.list_topics().topics
    assert sorted(listed[topic].partitions) == [0, 1, 2]
    described = admin.describe_topics(TopicCollection([topic]))[topic].result(ANSWER_SECONDS)
    assert described.name == topic
    assert not described.is_internal
    assert str(described.topic_id) != str(type(described.topic_id)(0, 0))
    places = [(each.id, each.leader.id, len(each.replicas)) for each in described.partitions]
    assert places == [(each, described.partitions[0].leader.id, 1) for each in range(3)]


def test_the_cluster_describes_itself(admin: AdminClient, kafka: str) -> None:
    cluster = admin.describe_cluster().result(ANSWER_SECONDS)
    assert cluster.cluster_id
    assert [f"{node.host}:{node.port}" for node in cluster.nodes] == [kafka]
    assert cluster.controller.id == cluster.nodes[0].id


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (NewTopic("a/b", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("x" * 250, 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("..", 1, 1), KafkaError.TOPIC_EXCEPTION),
        (NewTopic("zero-partitions", 0, 1), KafkaError.INVALID_PARTITIONS),
        (NewTopic("three-replicas", 1, 3), KafkaError.INVALID_REPLICATION_FACTOR),
        (
            NewTopic("unknown-setting", 1, 1, config={"no.such.thing": "1"}),
            KafkaError.INVALID_CONFIG,
        ),
        (NewTopic("bad-setting", 1, 1, config={"segment.ms": "soon"}), KafkaError.INVALID_CONFIG),
    ],
    ids=lambda each: each.topic[:20] if isinstance(each, NewTopic) else "",
)
def test_an_impossible_topic_is_refused_with_kafkas_own_code(
    admin: AdminClient, topic: NewTopic, code: int
) -> None:
    with pytest.raises(KafkaException) as raised:
        create(admin, topic)
    assert refused_code(raised) == code


def test_a_topic_is_made_once(admin: AdminClient, topic: str) -> None:
    with pytest.raises(KafkaException) as raised:
        create(admin, NewTopic(topic, 1, 1))
    assert refused_code(raised) == KafkaError.TOPIC_ALREADY_EXISTS


def test_names_that_differ_by_dot_and_underscore_collide(admin: AdminClient, name: str) -> None:
    create(admin, NewTopic(f"{name}.dot", 1, 1))
    with pytest.raises(KafkaException) as raised:
        create(admin, NewTopic(f"{name}_dot", 1, 1))
    assert refused_code(raised) == KafkaError.TOPIC_EXCEPTION


def test_validation_alone_makes_nothing(admin: AdminClient, name: str) -> None:
    create(admin, NewTopic(name, 1, 1), validate_only=True)
    assert name not in admin.list_topics().topics


def test_the_brokers_default_count_of_partitions_is_one(admin: AdminClient, name: str) -> None:
    create(admin, NewTopic(name, -1, -1))
    assert len(admin.list_topics(name).topics[name].partitions) == 1


def test_a_topic_grows(kafka: str, admin: AdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=1)
    produce(kafka, topic, [b"stays"])
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(ANSWER_SECONDS)
    eventually(lambda: admin.list_topics(topic).topics[topic].partitions, lambda now: len(now) == 4)
    assert end_of(admin, topic, 0) == 1


def test_a_topic_never_shrinks(admin: AdminClient, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=3)
    for total in (2, 3):
        with pytest.raises(KafkaException) as raised:
            admin.create_partitions([NewPartitions(topic, total)])[topic].result(ANSWER_SECONDS)
        assert refused_code(raised) == KafkaError.INVALID_PARTITIONS


def test_a_topic_that_is_not_there_cannot_grow(admin: AdminClient, name: str) -> None:
    with pytest.raises(KafkaException) as raised:
        admin.create_partitions([NewPartitions(name, 2)])[name].result(ANSWER_SECONDS)
    assert refused_code(raised) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_a_deleted_topic_is_gone(admin: AdminClient, topic: str) -> None:
    admin.delete_topics([topic])[topic].result(ANSWER_SECONDS)
    eventually(lambda: admin.list_topics().topics, lambda topics: topic not in topics)
    with pytest.raises(KafkaException) as raised:
        admin.delete_topics([topic])[topic].result(ANSWER_SECONDS)
    assert refused_code(raised) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_describing_what_is_not_there_is_refused(admin: AdminClient, name: str) -> None:
    with pytest.raises(KafkaException) as raised:
        admin.describe_topics(TopicCollection([name]))[name].result(ANSWER_SECONDS)
    assert refused_code(raised) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_offsets_are_listed_for_every_question(kafka: str, admin: AdminClient, topic: str) -> None:
    produce(kafka, topic, [b"%d" % number for number in range(5)])
    assert offset_of(admin, topic, OffsetSpec.max_timestamp()) in range(5)
    admin.delete_records([TopicPartition(topic, 0, 2)])[TopicPartition(topic, 0)].result(
        ANSWER_SECONDS
    )
    assert offset_of(admin, topic, OffsetSpec.earliest()) == 2
    assert offset_of(admin, topic, OffsetSpec.latest()) == 5
    assert offset_of(admin, topic, OffsetSpec.for_timestamp(1)) == 2


def test_records_beyond_the_end_cannot_be_deleted(admin: AdminClient, topic: str) -> None:
    deleted = admin.delete_records([TopicPartition(topic, 0, 100)])
    with pytest.raises(KafkaException) as raised:
        next(iter(deleted.values())).result(ANSWER_SECONDS)
    assert refused_code(raised) == KafkaError.OFFSET_OUT_OF_RANGE


def test_all_records_can_be_deleted(kafka: str, admin: AdminClient, topic: str) -> None:
    """Offset -1 means: up to the end."""
    produce(kafka, topic, [b"1", b"2"])
    deleted = admin.delete_records([TopicPartition(topic, 0, -1)])
    assert next(iter(deleted.values())).result(ANSWER_SECONDS).low_watermark == 2
    assert offset_of(admin, topic, OffsetSpec.earliest()) == 2


def offset_of(admin: AdminClient, topic: str, asked: OffsetSpec, partition: int = 0) -> int:
    found = admin.list_offsets({TopicPartition(topic, partition): asked})
    return int(next(iter(found.values())).result(ANSWER_SECONDS).offset)


def end_of(admin: AdminClient, topic: str, partition: int) -> int:
    return offset_of(admin, topic, OffsetSpec.latest(), partition)
