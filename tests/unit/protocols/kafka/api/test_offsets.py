"""OffsetCommit and OffsetFetch: how far groups have read."""

from itertools import chain
from typing import Any
from uuid import UUID

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import create_topics, delete_topics
from anymq.protocols.kafka.schema.generated.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from anymq.protocols.kafka.schema.generated.offset_fetch import (
    OffsetFetchRequest,
    OffsetFetchRequestGroup,
    OffsetFetchRequestTopic,
    OffsetFetchRequestTopics,
    OffsetFetchResponse,
)
from anymq.testing.kafka import KafkaDialog, KafkaRoom

NOTHING = (-1, -1, "", 0)


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    topics = [create_topics.CreatableTopic("orders", 3, 1)]
    client.ask(create_topics.CreateTopicsRequest(topics))
    return client


def committing(
    *partitions: OffsetCommitRequestPartition, group: str = "readers", topic: str = "orders"
) -> OffsetCommitRequest:
    topics = [OffsetCommitRequestTopic(topic, partitions=list(partitions))]
    return OffsetCommitRequest(group, topics=topics)


def commit(client: KafkaDialog, request: OffsetCommitRequest, version: int = 9) -> list[int]:
    answer = client.ask(request, version)
    return [one.error_code for topic in answer.topics for one in topic.partitions]


def at(partition: int, offset: int, note: str | None = "") -> OffsetCommitRequestPartition:
    return OffsetCommitRequestPartition(partition, offset, 4, note)


def said(response: OffsetFetchResponse) -> dict[tuple[str, int], tuple[int, int, str | None, int]]:
    answers: dict[tuple[str, int], tuple[int, int, str | None, int]] = {}
    old = ((topic.name, one) for topic in response.topics for one in topic.partitions)
    new = (
        (topic.name, one)
        for group in response.groups
        for topic in group.topics
        for one in topic.partitions
    )
    for name, one in chain[tuple[str, Any]](old, new):
        answers[name, one.partition_index] = (
            one.committed_offset,
            one.committed_leader_epoch,
            one.metadata,
            one.error_code,
        )
    return answers


def fetching(*partitions: int, group: str = "readers") -> OffsetFetchRequest:
    """In the words of old versions and of new ones; no partitions: all there are."""
    old = [OffsetFetchRequestTopic("orders", list(partitions))] if partitions else None
    new = (
        [OffsetFetchRequestTopics("orders", partition_indexes=list(partitions))]
        if partitions
        else None
    )
    return OffsetFetchRequest(group, old, [OffsetFetchRequestGroup(group, topics=new)])


@pytest.mark.parametrize("version", range(2, 10))
def test_what_was_committed_is_found_again(client: KafkaDialog, version: int) -> None:
    assert commit(client, committing(at(0, 5, "a note"), at(1, 7, None)), version) == [0, 0]
    epoch = 4 if version >= 6 else -1
    assert said(client.ask(fetching(0, 1, 2), 9)) == {
        ("orders", 0): (5, epoch, "a note", 0),
        ("orders", 1): (7, epoch, "", 0),
        ("orders", 2): NOTHING,
    }


@pytest.mark.parametrize("version", range(1, 10))
def test_every_version_of_asking(client: KafkaDialog, version: int) -> None:
    commit(client, committing(at(0, 5)))
    found = said(client.ask(fetching(0, 2), version))
    assert [found["orders", n][0] for n in (0, 2)] == [5, -1]
    if version >= 2:
        assert list(said(client.ask(fetching(), version))) == [("orders", 0)]


def test_a_group_that_is_not_there_has_read_nothing(client: KafkaDialog) -> None:
    """Never an error: every consumer that begins asks this (kfake got it wrong)."""
    answer = client.ask(fetching(0, group="nothing"), 7)
    assert (answer.error_code, said(answer)) == (0, {("orders", 0): NOTHING})
    assert said(client.ask(fetching(group="nothing"), 9)) == {}


def test_the_answer_waits_for_the_disk(room: KafkaRoom, client: KafkaDialog) -> None:
    """And whoever asks meanwhile waits too: it must not read what may be lost, or miss it."""
    room.disk_waits = True
    client.at(9) >> committing(at(0, 5)) << None
    other = room.dialog()
    other.at(9) >> fetching(0) << None
    room.disk_waits = False
    assert client.answer().topics[0].partitions[0].error_code == 0
    assert said(other.answer()) == {("orders", 0): (5, 4, "", 0)}


def test_partitions_that_are_not_there(client: KafkaDialog) -> None:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert commit(client, committing(at(0, 5), at(9, 5))) == [0, unknown]
    assert commit(client, committing(at(0, 5), topic="nothing")) == [unknown]


def test_a_note_that_is_too_long(client: KafkaDialog) -> None:
    """4096 characters come back as they were; one more is refused, and only that partition."""
    longest = "x" * 4096
    codes = commit(client, committing(at(0, 5, longest), at(1, 5, longest + "x")))
    assert codes == [0, ErrorCode.OFFSET_METADATA_TOO_LARGE]
    assert said(client.ask(fetching(0), 9))["orders", 0] == (5, 4, longest, 0)


@pytest.mark.parametrize(
    ("version", "code"), [(8, ErrorCode.ILLEGAL_GENERATION), (9, ErrorCode.GROUP_ID_NOT_FOUND)]
)
def test_a_member_of_no_group(client: KafkaDialog, version: int, code: int) -> None:
    request = committing(at(0, 5))
    request.generation_id_or_member_epoch = 3
    request.member_id = "m"
    assert commit(client, request, version) == [code]


def test_several_groups_at_once(client: KafkaDialog) -> None:
    commit(client, committing(at(0, 5)))
    commit(client, committing(at(0, 6), group="writers"))
    topics = [OffsetFetchRequestTopics("orders", partition_indexes=[0])]
    groups = [
        OffsetFetchRequestGroup(name, topics=topics) for name in ("writers", "nothing", "readers")
    ]
    answer = client.ask(OffsetFetchRequest(groups=groups), 9)
    found = [
        (group.group_id, group.error_code, group.topics[0].partitions[0].committed_offset)
        for group in answer.groups
    ]
    assert found == [("writers", 0, 6), ("nothing", 0, -1), ("readers", 0, 5)]


def test_topics_by_their_ids(room: KafkaRoom, client: KafkaDialog) -> None:
    """Newer clients do not mistake a topic for one that had its name before."""
    topic_id, nobody = room.broker.topic("orders").id, UUID(int=9)
    topics = [
        OffsetCommitRequestTopic(topic_id=one, partitions=[at(0, 5)]) for one in (topic_id, nobody)
    ]
    codes = commit(client, OffsetCommitRequest("readers", topics=topics), 10)
    assert codes == [0, ErrorCode.UNKNOWN_TOPIC_ID]
    wanted = [
        OffsetFetchRequestTopics(topic_id=one, partition_indexes=[0]) for one in (topic_id, nobody)
    ]
    groups = [OffsetFetchRequestGroup("readers", topics=wanted), OffsetFetchRequestGroup("readers")]
    some, every = client.ask(OffsetFetchRequest(groups=groups), 10).groups
    assert [
        (topic.topic_id, topic.partitions[0].committed_offset, topic.partitions[0].error_code)
        for topic in some.topics
    ] == [(topic_id, 5, 0), (nobody, -1, ErrorCode.UNKNOWN_TOPIC_ID)]
    assert [topic.topic_id for topic in every.topics] == [topic_id]


def test_offsets_of_a_deleted_topic_are_gone(client: KafkaDialog) -> None:
    """Nobody has read the next topic of that name."""
    commit(client, committing(at(0, 5)))
    client.ask(delete_topics.DeleteTopicsRequest([delete_topics.DeleteTopicState("orders")]))
    assert said(client.ask(fetching(0), 9)) == {("orders", 0): NOTHING}
    assert said(client.ask(fetching(), 9)) == {}
