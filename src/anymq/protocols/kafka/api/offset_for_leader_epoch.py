"""OffsetForLeaderEpoch: where a leader's epoch ended: has a reader read what is no more?"""

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import offset_for_leader_epoch as schema
from anymq.storage.errors import StorageError

KEY = 23
VERSIONS = range(2, 5)


def handle(call: Call, request: schema.OffsetForLeaderEpochRequest) -> None:
    """Answer for each partition."""
    topics = [
        schema.OffsetForLeaderTopicResult(
            topic.topic, [_answer(call, topic.topic, asked) for asked in topic.partitions]
        )
        for topic in request.topics
    ]
    call.reply(schema.OffsetForLeaderEpochResponse(topics=topics))


def _answer(call: Call, name: str, asked: schema.OffsetForLeaderPartition) -> schema.EpochEndOffset:
    entry = schema.EpochEndOffset(partition=asked.partition)
    try:
        authorization.topic(call, Operation.DESCRIBE, name)
        partition = call.broker.topic(name).partition(asked.partition)
        entry.error_code = errors.epoch_error(asked.current_leader_epoch, partition.leader_epoch)
        # Of an epoch that has not come yet nobody knows where it ends.
        if entry.error_code == ErrorCode.NONE and asked.leader_epoch <= partition.leader_epoch:
            entry.leader_epoch, entry.end_offset = partition.epoch_end(asked.leader_epoch)
    except (Refused, StorageError) as error:
        entry.error_code = errors.code_of(error)
    return entry
