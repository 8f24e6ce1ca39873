"""ListOffsets and OffsetForLeaderEpoch: where reading can begin."""

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import create_topics, delete_records, produce
from anymq.protocols.kafka.schema.generated import offset_for_leader_epoch as epochs
from anymq.protocols.kafka.schema.generated.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsTopic,
)
from anymq.storage import records
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

T0 = 1_600_000_000_000
NEWEST = 11


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    """Three batches of one record each, ten seconds apart; the second one is the newest."""
    client = room.dialog()
    client.ask(create_topics.CreateTopicsRequest([create_topics.CreatableTopic("orders", 1, 1)]))
    for seconds in (0, 20, 10):
        batch = records.build([Record(b"x", timestamp=T0 + seconds * 1000)])
        data = [produce.PartitionProduceData(0, batch)]
        topics = [produce.TopicProduceData("orders", partition_data=data)]
        client.ask(produce.ProduceRequest(None, -1, 1000, topics), 9)
    return client


def ask(
    client: KafkaDialog, timestamp: int, version: int = NEWEST, partition: int = 0, epoch: int = -1
) -> ListOffsetsPartitionResponse:
    asked = [ListOffsetsPartition(partition, epoch, timestamp)]
    request = ListOffsetsRequest(-1, topics=[ListOffsetsTopic("orders", asked)])
    answer: ListOffsetsPartitionResponse = client.ask(request, version).topics[0].partitions[0]
    return answer


@pytest.mark.parametrize(
    ("timestamp", "offset", "found"),
    [
        (-1, 3, -1),  # the end
        (-2, 0, -1),  # the start
        (-3, 1, T0 + 20_000),  # the newest record
        (-4, 0, -1),  # the start of what is here
        (-5, -1, -1),  # nothing is elsewhere
        (-6, -1, -1),
        (T0 - 1, 0, T0),
        (T0 + 1, 1, T0 + 20_000),
        (T0 + 20_001, -1, -1),
    ],
)
def test_an_offset_by_time(client: KafkaDialog, timestamp: int, offset: int, found: int) -> None:
    said = ask(client, timestamp)
    assert (said.error_code, said.offset, said.timestamp) == (0, offset, found)
    assert said.leader_epoch == (0 if offset >= 0 else -1)


@pytest.mark.parametrize(
    ("timestamp", "version"), [(-3, 6), (-4, 7), (-5, 8), (-6, 10), (-7, NEWEST)]
)
def test_times_with_a_meaning_that_this_version_does_not_know(
    client: KafkaDialog, timestamp: int, version: int
) -> None:
    assert ask(client, timestamp, version).error_code == ErrorCode.UNSUPPORTED_VERSION


def test_the_start_moves_when_records_are_deleted(client: KafkaDialog) -> None:
    topic = delete_records.DeleteRecordsTopic(
        "orders", [delete_records.DeleteRecordsPartition(0, 2)]
    )
    client.ask(delete_records.DeleteRecordsRequest([topic], 1000))
    assert ask(client, -2).offset == 2


def test_an_unknown_partition_is_answered(client: KafkaDialog) -> None:
    assert ask(client, -1, partition=5).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_leader_epoch_from_the_future(client: KafkaDialog) -> None:
    assert ask(client, -1, epoch=9).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH


def test_a_partition_named_twice(client: KafkaDialog) -> None:
    asked = [ListOffsetsPartition(0, -1, -1), ListOffsetsPartition(0, -1, -2)]
    answer = client.ask(ListOffsetsRequest(-1, topics=[ListOffsetsTopic("orders", asked)]))
    codes = [one.error_code for one in answer.topics[0].partitions]
    assert codes == [ErrorCode.INVALID_REQUEST] * 2


def test_where_a_leaders_epoch_ended(client: KafkaDialog) -> None:
    """A consumer that knows an epoch finds out whether it has read what is no more."""
    asked = [
        epochs.OffsetForLeaderPartition(0, -1, 0),
        epochs.OffsetForLeaderPartition(0, -1, 8),
        epochs.OffsetForLeaderPartition(0, 8, 0),
        epochs.OffsetForLeaderPartition(7, -1, 0),
    ]
    request = epochs.OffsetForLeaderEpochRequest(
        topics=[epochs.OffsetForLeaderTopic("orders", asked)]
    )
    said = client.ask(request).topics[0].partitions
    assert [(one.error_code, one.leader_epoch, one.end_offset) for one in said] == [
        (0, 0, 3),
        (0, -1, -1),
        (ErrorCode.UNKNOWN_LEADER_EPOCH, -1, -1),
        (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1, -1),
    ]
