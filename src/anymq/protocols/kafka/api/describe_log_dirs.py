"""DescribeLogDirs: how much disk each partition takes."""

from collections.abc import Iterable

from anymq.core.broker import Broker
from anymq.core.rights.operations import Operation
from anymq.core.streams.topic import Topic
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import describe_log_dirs as schema

KEY = 35
VERSIONS = range(1, 6)

Partition = schema.DescribeLogDirsPartition


def handle(call: Call, request: schema.DescribeLogDirsRequest) -> None:
    """Answer with our one directory, and what was asked for in it."""
    denied = authorization.cluster_error(call, Operation.DESCRIBE)
    if denied:
        call.reply(schema.DescribeLogDirsResponse(error_code=denied))
        return
    topics = call.broker.topics
    if request.topics is None:
        found = [_topic(topic, range(len(topic.partitions))) for topic in topics.values()]
    else:
        wanted = [one for one in request.topics if one.topic in topics]
        found = [_topic(topics[one.topic], one.partitions) for one in wanted]
    directory = schema.DescribeLogDirsResult(
        log_dir=directory_of(call.broker),
        topics=[topic for topic in found if topic.partitions],
    )
    call.reply(schema.DescribeLogDirsResponse(results=[directory]))


def directory_of(broker: Broker) -> str:
    """Return where the data is; not always the real path, but always the same."""
    return broker.config.value("log.dirs") or "data"


def _topic(topic: Topic, indexes: Iterable[int]) -> schema.DescribeLogDirsTopic:
    count = len(topic.partitions)
    partitions = [
        Partition(index, topic.partitions[index].log.size_bytes())
        for index in indexes
        if 0 <= index < count
    ]
    return schema.DescribeLogDirsTopic(topic.name, partitions)
