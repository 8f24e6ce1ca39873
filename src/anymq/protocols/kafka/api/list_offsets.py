"""ListOffsets: the first, the last, or the one at a time."""

from anymq.core.errors import Refused
from anymq.core.streams.partition import Partition
from anymq.protocols.kafka import errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import list_offsets as schema
from anymq.storage.errors import StorageError

KEY = 2
VERSIONS = range(1, 12)

LATEST = -1
EARLIEST = -2
MAX_TIMESTAMP = -3
EARLIEST_LOCAL = -4
LATEST_TIERED = -5
EARLIEST_PENDING_UPLOAD = -6

NOTHING = (-1, -1)  # offset, timestamp


def handle(call: Call, request: schema.ListOffsetsRequest) -> None:
    """Answer each partition."""
    topics = [
        schema.ListOffsetsTopicResponse(
            name=topic.name,
            partitions=[_answer(call, topic.name, asked) for asked in topic.partitions],
        )
        for topic in request.topics
    ]
    call.reply(schema.ListOffsetsResponse(topics=topics))


def _answer(
    call: Call, name: str, asked: schema.ListOffsetsPartition
) -> schema.ListOffsetsPartitionResponse:
    entry = schema.ListOffsetsPartitionResponse(
        partition_index=asked.partition_index, error_code=ErrorCode.NONE, timestamp=-1, offset=-1
    )
    try:
        partition = call.broker.topic(name).partition(asked.partition_index)
        error = errors.epoch_error(asked.current_leader_epoch, partition.leader_epoch)
        if error is not ErrorCode.NONE:
            entry.error_code = error
            return entry
        entry.offset, entry.timestamp = _find(partition, asked.timestamp)
        entry.leader_epoch = partition.leader_epoch
    except (Refused, StorageError) as error:
        entry.error_code = errors.code_of(error)
    return entry


def _find(partition: Partition, timestamp: int) -> tuple[int, int]:
    if timestamp == LATEST:
        return partition.visible_end, -1
    if timestamp in (EARLIEST, EARLIEST_LOCAL):
        return partition.start, -1
    if timestamp == MAX_TIMESTAMP:
        return partition.log.newest_timestamp() or NOTHING
    if timestamp in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        return NOTHING  # nothing is ever tiered here
    return partition.log.offset_at(timestamp) or NOTHING
