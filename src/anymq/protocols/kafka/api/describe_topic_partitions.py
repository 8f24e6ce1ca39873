"""DescribeTopicPartitions: topics page by page, so that huge ones fit."""

from uuid import UUID

from anymq.core.rights.operations import Operation
from anymq.core.streams import naming
from anymq.core.streams.errors import InvalidName
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import authorization, operations
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import describe_topic_partitions as schema

KEY = 75
VERSIONS = range(1)
PARTITIONS_MAX = 2000  # Kafka's max.request.partition.size.limit


def handle(call: Call, request: schema.DescribeTopicPartitionsRequest) -> None:
    """Answer from the cursor on, as many partitions as are wanted."""
    cursor = request.cursor or schema.Cursor()
    named = {topic.name for topic in request.topics}
    astray = request.cursor is not None and bool(named) and cursor.topic_name not in named
    if astray or cursor.partition_index < 0:
        call.reply(_refused(named))
        return
    names = sorted(
        name
        for name in named or call.broker.topics
        if name >= cursor.topic_name
        and (named or authorization.may_topic(call, Operation.DESCRIBE, name))
    )
    limit = max(1, min(request.response_partition_limit, PARTITIONS_MAX))
    call.reply(_page(call, names, cursor, limit, bool(named)))


def _refused(names: set[str]) -> schema.DescribeTopicPartitionsResponse:
    return schema.DescribeTopicPartitionsResponse(
        topics=[_failed(name, ErrorCode.INVALID_REQUEST) for name in sorted(names)]
    )


def _page(
    call: Call, names: list[str], cursor: schema.Cursor, limit: int, named: bool
) -> schema.DescribeTopicPartitionsResponse:
    response = schema.DescribeTopicPartitionsResponse()
    for name in names:
        if limit == 0:
            response.next_cursor = schema.Cursor(name, 0)
            break
        if not authorization.may_topic(call, Operation.DESCRIBE, name):
            response.topics.append(_failed(name, ErrorCode.TOPIC_AUTHORIZATION_FAILED))
            continue
        topic = call.broker.topics.get(name)
        if topic is None:
            if named:
                response.topics.append(_unknown(name))
            continue
        start = cursor.partition_index if name == cursor.topic_name else 0
        end = start + limit
        response.topics.append(_describe(call, topic, topic.partitions[start:end]))
        if end < len(topic.partitions):
            response.next_cursor = schema.Cursor(name, end)
            break
        limit -= len(response.topics[-1].partitions)
    return response


def _describe(
    call: Call, topic: Topic, partitions: list[Partition]
) -> schema.DescribeTopicPartitionsResponseTopic:
    return schema.DescribeTopicPartitionsResponseTopic(
        name=topic.name,
        topic_id=topic.id,
        partitions=[
            schema.DescribeTopicPartitionsResponsePartition(
                partition_index=one.index,
                leader_id=topic.node_id,
                leader_epoch=one.leader_epoch,
                replica_nodes=[topic.node_id],
                isr_nodes=[topic.node_id],
                eligible_leader_replicas=[],
                last_known_elr=[],
            )
            for one in partitions
        ],
        topic_authorized_operations=operations.on_topic(call.session.access, topic.name),
    )


def _unknown(name: str) -> schema.DescribeTopicPartitionsResponseTopic:
    try:
        naming.check_name(name)
    except InvalidName:
        return _failed(name, ErrorCode.INVALID_TOPIC_EXCEPTION)
    return _failed(name, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


def _failed(name: str, code: ErrorCode) -> schema.DescribeTopicPartitionsResponseTopic:
    return schema.DescribeTopicPartitionsResponseTopic(
        error_code=code, name=name, topic_id=UUID(int=0)
    )
