"""Groups as an operator sees them: listed, described, moved, deleted."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from tests.conformance.kafka.clients import ANSWER_SECONDS, consumer, eventually, poll_until
from tests.conformance.kafka.conftest import MakeTopic
from tests.conformance.kafka.test_admin_topics import refused_code


@contextmanager
def member_of(kafka: str, group: str, topic: str) -> Iterator[Consumer]:
    """A member that has its partitions."""
    with consumer(kafka, group, client_id="the-member") as client:
        client.subscribe([topic])
        poll_until([client], lambda: bool(client.assignment()))
        yield client


def commit(kafka: str, group: str, topic: str, *offsets: int) -> None:
    """Offsets by a consumer that is in no group: the group exists, empty."""
    with consumer(kafka, group) as client:
        places = [TopicPartition(topic, each, offset) for each, offset in enumerate(offsets)]
        client.commit(offsets=places, asynchronous=False)


def committed(admin: AdminClient, group: str) -> dict[tuple[str, int], int]:
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    found = asked[group].result(ANSWER_SECONDS).topic_partitions or []
    return {(each.topic, each.partition): each.offset for each in found}


def test_a_living_group_is_listed_and_described(
    kafka: str, admin: AdminClient, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic(partitions=2)
    with member_of(kafka, name, topic):
        listed = admin.list_consumer_groups().result(ANSWER_SECONDS)
        assert {each.group_id: each.state for each in listed.valid}[
            name
        ] == ConsumerGroupState.STABLE
        group = admin.describe_consumer_groups([name])[name].result(ANSWER_SECONDS)
        assert (group.state, group.partition_assignor) == (ConsumerGroupState.STABLE, "range")
        (member,) = group.members
        assert member.client_id == "the-member"
        assert "127.0.0.1" in member.host
        places = [(each.topic, each.partition) for each in member.assignment.topic_partitions]
        assert sorted(places) == [(topic, 0), (topic, 1)]


def test_groups_are_listed_by_state(kafka: str, admin: AdminClient, topic: str, name: str) -> None:
    commit(kafka, name, topic, 1)
    for state, present in ((ConsumerGroupState.EMPTY, True), (ConsumerGroupState.STABLE, False)):
        listed = admin.list_consumer_groups(states={state}).result(ANSWER_SECONDS)
        assert (name in [each.group_id for each in listed.valid]) == present


def test_offsets_of_a_group_are_shown_and_moved(
    kafka: str, admin: AdminClient, make_topic: MakeTopic, name: str
) -> None:
    topic = make_topic(partitions=2)
    commit(kafka, name, topic, 5, 6)
    assert committed(admin, name) == {(topic, 0): 5, (topic, 1): 6}
    moved = ConsumerGroupTopicPartitions(name, [TopicPartition(topic, 0, 2)])
    admin.alter_consumer_group_offsets([moved])[name].result(ANSWER_SECONDS)
    assert committed(admin, name) == {(topic, 0): 2, (topic, 1): 6}


def test_offsets_of_a_living_group_are_not_moved(
    kafka: str, admin: AdminClient, topic: str, name: str
) -> None:
    with member_of(kafka, name, topic):
        moved = ConsumerGroupTopicPartitions(name, [TopicPartition(topic, 0, 2)])
        done = admin.alter_consumer_group_offsets([moved])[name].result(ANSWER_SECONDS)
        assert done.topic_partitions is not None
        assert done.topic_partitions[0].error is not None
        assert done.topic_partitions[0].error.code() == KafkaError.UNKNOWN_MEMBER_ID


def test_an_empty_group_is_deleted_with_its_offsets(
    kafka: str, admin: AdminClient, topic: str, name: str
) -> None:
    commit(kafka, name, topic, 5)
    admin.delete_consumer_groups([name])[name].result(ANSWER_SECONDS)
    assert committed(admin, name) == {}
    listed = admin.list_consumer_groups().result(ANSWER_SECONDS)
    assert name not in [each.group_id for each in listed.valid]


def test_a_living_group_is_not_deleted(
    kafka: str, admin: AdminClient, topic: str, name: str
) -> None:
    with member_of(kafka, name, topic), pytest.raises(KafkaException) as raised:
        admin.delete_consumer_groups([name])[name].result(ANSWER_SECONDS)
    assert refused_code(raised) == KafkaError.NON_EMPTY_GROUP


def test_a_group_nobody_knows_cannot_be_deleted(admin: AdminClient, name: str) -> None:
    with pytest.raises(KafkaException) as raised:
        admin.delete_consumer_groups([name])[name].result(ANSWER_SECONDS)
    assert refused_code(raised) == KafkaError.GROUP_ID_NOT_FOUND


def test_a_group_that_was_left_is_empty(
    kafka: str, admin: AdminClient, topic: str, name: str
) -> None:
    commit(kafka, name, topic, 1)
    with member_of(kafka, name, topic):
        pass
    group = eventually(
        lambda: admin.describe_consumer_groups([name])[name].result(ANSWER_SECONDS),
        lambda group: group.state == ConsumerGroupState.EMPTY,
    )
    assert group.members == []


def test_the_offsets_of_a_deleted_topic_go_with_it(
    kafka: str, admin: AdminClient, make_topic: MakeTopic, name: str
) -> None:
    """A new topic of the same name must not begin in its middle."""
    gone, stays = make_topic(), make_topic()
    commit(kafka, name, gone, 5)
    commit(kafka, name, stays, 6)
    admin.delete_topics([gone])[gone].result(ANSWER_SECONDS)
    eventually(lambda: committed(admin, name), lambda now: now == {(stays, 0): 6})
