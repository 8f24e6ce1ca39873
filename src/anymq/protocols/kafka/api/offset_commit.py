"""OffsetCommit: keep how far a group has read."""

from functools import partial

from anymq.core.errors import NotAllowed, NotFound
from anymq.core.rights.operations import Operation
from anymq.core.shares.queue_view import QueueAsTopic
from anymq.core.streams.group_calls import CommitRequest, GroupError, NewOffset, OffsetsResult
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import offset_commit as schema

KEY = 8
VERSIONS = range(2, 11)
GROUP_NOT_FOUND = 9
TOPIC_IDS = 10

# What is to be kept, and where the answer says how that went.
Asked = list[tuple[NewOffset, schema.OffsetCommitResponsePartition]]


def handle(call: Call, request: schema.OffsetCommitRequest) -> None:
    """Commit what is of partitions that exist; the answer waits for the disk."""
    denied = authorization.group_error(call, Operation.READ, request.group_id)
    if denied:
        call.reply(_refused(request, denied))
        return
    asked: Asked = []
    response = schema.OffsetCommitResponse(
        topics=[_topic(call, topic, asked) for topic in request.topics]
    )
    if not asked:
        call.reply(response)
        return
    wanted = CommitRequest(
        group=request.group_id,
        offsets=[offset for offset, _ in asked],
        generation=request.generation_id_or_member_epoch,
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        retention_ms=request.retention_time_ms,
    )
    call.broker.groups.commit(wanted, partial(_reply, call, response, asked))


def _refused(request: schema.OffsetCommitRequest, code: ErrorCode) -> schema.OffsetCommitResponse:
    return schema.OffsetCommitResponse(
        topics=[
            schema.OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[
                    schema.OffsetCommitResponsePartition(one.partition_index, code)
                    for one in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _topic(
    call: Call, asked_for: schema.OffsetCommitRequestTopic, asked: Asked
) -> schema.OffsetCommitResponseTopic:
    answer = schema.OffsetCommitResponseTopic(name=asked_for.name, topic_id=asked_for.topic_id)
    try:
        topic = _find(call, asked_for)
    except (NotFound, NotAllowed) as error:
        code = errors.code_of(error)
        answer.partitions = [
            schema.OffsetCommitResponsePartition(one.partition_index, code)
            for one in asked_for.partitions
        ]
        return answer
    for wanted in asked_for.partitions:
        answer.partitions.append(_partition(topic, wanted, asked))
    return answer


def _find(call: Call, asked_for: schema.OffsetCommitRequestTopic) -> Topic | QueueAsTopic:
    if call.version >= TOPIC_IDS:
        topic = call.broker.shares.spots.readable(asked_for.topic_id)
        authorization.topic(call, Operation.READ, topic.name)
        return topic
    authorization.topic(call, Operation.READ, asked_for.name)
    return call.broker.shares.spots.readable(asked_for.name)


def _partition(
    topic: Topic | QueueAsTopic, wanted: schema.OffsetCommitRequestPartition, asked: Asked
) -> schema.OffsetCommitResponsePartition:
    entry = schema.OffsetCommitResponsePartition(wanted.partition_index)
    if not 0 <= wanted.partition_index < len(topic.partitions):
        entry.error_code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        return entry
    offset = NewOffset(
        topic.name,
        wanted.partition_index,
        wanted.committed_offset,
        wanted.committed_leader_epoch,
        wanted.committed_metadata or "",
    )
    asked.append((offset, entry))
    return entry


def _reply(
    call: Call, response: schema.OffsetCommitResponse, asked: Asked, result: OffsetsResult
) -> None:
    for offset, entry in asked:
        error = result.error or result.refused.get((offset.topic, offset.partition))
        entry.error_code = _code(call.version, error)
    call.reply(response)


def _code(version: int, error: GroupError | None) -> ErrorCode:
    if error is GroupError.NOT_FOUND and version < GROUP_NOT_FOUND:
        return ErrorCode.ILLEGAL_GENERATION
    return errors.group_code(error)
