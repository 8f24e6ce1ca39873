"""OffsetDelete: forget how far a group has read some partitions."""

from functools import partial

from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import OffsetsResult
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import offset_delete as schema

KEY = 47
VERSIONS = range(1)


def handle(call: Call, request: schema.OffsetDeleteRequest) -> None:
    """Delete those of partitions that exist."""
    denied = authorization.group_error(call, Operation.DELETE, request.group_id)
    if denied:
        call.reply(schema.OffsetDeleteResponse(error_code=denied))
        return
    if not request.group_id:
        call.reply(schema.OffsetDeleteResponse(error_code=ErrorCode.INVALID_GROUP_ID))
        return
    response = schema.OffsetDeleteResponse(
        topics=[_entries(call, topic) for topic in request.topics]
    )
    wanted = [
        (topic.name, entry.partition_index)
        for topic in response.topics
        for entry in topic.partitions
        if entry.error_code == ErrorCode.NONE
    ]
    then = partial(_reply, call, response)
    call.broker.groups.delete_offsets(request.group_id, wanted, then)


def _entries(
    call: Call, topic: schema.OffsetDeleteRequestTopic
) -> schema.OffsetDeleteResponseTopic:
    if not authorization.may_topic(call, Operation.READ, topic.name):
        denied = ErrorCode.TOPIC_AUTHORIZATION_FAILED
        entries = [
            schema.OffsetDeleteResponsePartition(one.partition_index, denied)
            for one in topic.partitions
        ]
        return schema.OffsetDeleteResponseTopic(topic.name, entries)
    found = call.broker.topics.get(topic.name)
    count = len(found.partitions) if found is not None else 0
    return schema.OffsetDeleteResponseTopic(
        topic.name, [_entry(one.partition_index, count) for one in topic.partitions]
    )


def _entry(index: int, count: int) -> schema.OffsetDeleteResponsePartition:
    known = 0 <= index < count
    code = ErrorCode.NONE if known else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return schema.OffsetDeleteResponsePartition(index, code)


def _reply(call: Call, response: schema.OffsetDeleteResponse, result: OffsetsResult) -> None:
    if result.error is not None:
        call.reply(schema.OffsetDeleteResponse(error_code=errors.group_code(result.error)))
        return
    for topic in response.topics:
        for entry in topic.partitions:
            refused = result.refused.get((topic.name, entry.partition_index))
            if refused is not None:
                entry.error_code = errors.group_code(refused)
    call.reply(response)
