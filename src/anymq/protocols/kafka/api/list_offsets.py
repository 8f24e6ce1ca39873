"""ListOffsets: the first, the last, or the one at a time."""

from collections import Counter

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.queue_view import QueueView
from anymq.core.streams.partition import Partition
from anymq.protocols.kafka import authorization, errors
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

# The first version that knows each of them.
_SINCE = {
    LATEST: 1,
    EARLIEST: 1,
    MAX_TIMESTAMP: 7,
    EARLIEST_LOCAL: 8,
    LATEST_TIERED: 9,
    EARLIEST_PENDING_UPLOAD: 11,
}
_NEVER = 1 << 15

NOTHING = (-1, -1)  # offset, timestamp


def handle(call: Call, request: schema.ListOffsetsRequest) -> None:
    """Answer for each partition."""
    times_named = Counter(
        (topic.name, asked.partition_index)
        for topic in request.topics
        for asked in topic.partitions
    )
    topics = [
        schema.ListOffsetsTopicResponse(
            topic.name,
            [
                _answer(call, topic.name, asked, times_named[topic.name, asked.partition_index])
                for asked in topic.partitions
            ],
        )
        for topic in request.topics
    ]
    call.reply(schema.ListOffsetsResponse(topics=topics))


def _answer(
    call: Call, name: str, asked: schema.ListOffsetsPartition, times_named: int
) -> schema.ListOffsetsPartitionResponse:
    entry = schema.ListOffsetsPartitionResponse(asked.partition_index)
    if times_named > 1:
        entry.error_code = ErrorCode.INVALID_REQUEST
    elif asked.timestamp < 0 and call.version < _SINCE.get(asked.timestamp, _NEVER):
        entry.error_code = ErrorCode.UNSUPPORTED_VERSION
    else:
        _look_up(call, name, asked, entry)
    return entry


def _look_up(
    call: Call,
    name: str,
    asked: schema.ListOffsetsPartition,
    entry: schema.ListOffsetsPartitionResponse,
) -> None:
    try:
        authorization.topic(call, Operation.DESCRIBE, name)
        partition = call.broker.shares.spots.readable(name).partition(asked.partition_index)
        entry.error_code = errors.epoch_error(asked.current_leader_epoch, partition.leader_epoch)
        if entry.error_code == ErrorCode.NONE:
            entry.offset, entry.timestamp = _find(partition, asked.timestamp)
            entry.leader_epoch = partition.leader_epoch if entry.offset >= 0 else -1
    except (Refused, StorageError) as error:
        entry.error_code = errors.code_of(error)


def _find(partition: Partition | QueueView, timestamp: int) -> tuple[int, int]:
    if timestamp == LATEST:
        return partition.visible_end, -1
    if timestamp in (EARLIEST, EARLIEST_LOCAL):
        return partition.start, -1
    if isinstance(partition, QueueView):
        return NOTHING if timestamp < 0 else partition.first_at(timestamp) or NOTHING
    if timestamp == MAX_TIMESTAMP:
        return partition.log.newest_timestamp() or NOTHING
    if timestamp in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        return NOTHING  # nothing is ever tiered here
    return partition.log.offset_at(timestamp) or NOTHING
