"""DescribeShareGroupOffsets: how far share groups are, and how much waits for them."""

from collections.abc import Collection, Iterator, Mapping

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.core.shares.progress import Progress
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import describe_share_group_offsets as schema

KEY = 90
VERSIONS = range(2)

Group = schema.DescribeShareGroupOffsetsResponseGroup
Topic = schema.DescribeShareGroupOffsetsResponseTopic
Partition = schema.DescribeShareGroupOffsetsResponsePartition
Known = list[tuple[Spot, Mapping[int, Progress]]]
_UNKNOWN = Progress(-1, -1)


def handle(call: Call, request: schema.DescribeShareGroupOffsetsRequest) -> None:
    """Answer for each group."""
    groups = [_describe(call, asked) for asked in request.groups]
    call.reply(schema.DescribeShareGroupOffsetsResponse(groups=groups))


def _describe(call: Call, asked: schema.DescribeShareGroupOffsetsRequestGroup) -> Group:
    entry = Group(asked.group_id)
    try:
        authorization.group(call, Operation.DESCRIBE, asked.group_id)
        known = call.broker.shares.progress(asked.group_id)
    except Refused as error:
        errors.explain(entry, error)
        return entry
    if asked.topics is None:
        entry.topics = [
            _topic(call, spot, progress, progress)
            for spot, progress in known
            if authorization.may_topic(call, Operation.DESCRIBE, spot.name)
        ]
    else:
        entry.topics = list(_asked(call, asked.topics, known))
    return entry


def _asked(
    call: Call, topics: list[schema.DescribeShareGroupOffsetsRequestTopic], known: Known
) -> Iterator[Topic]:
    by_name = {spot.name: (spot, progress) for spot, progress in known}
    for topic in topics:
        spot, progress = by_name.get(topic.topic_name, (None, {}))
        entry = _topic(call, spot, progress, topic.partitions)
        entry.topic_name = topic.topic_name
        try:
            authorization.topic(call, Operation.DESCRIBE, topic.topic_name)
        except Refused as error:
            entry = Topic(topic.topic_name)
            entry.partitions = [Partition(index, -1) for index in topic.partitions]
            for one in entry.partitions:
                errors.explain(one, error)
        yield entry


def _topic(
    call: Call, spot: Spot | None, progress: Mapping[int, Progress], wanted: Collection[int]
) -> Topic:
    entry = Topic() if spot is None else Topic(spot.name, spot.id)
    for index in wanted:
        found = progress.get(index, _UNKNOWN)
        entry.partitions.append(Partition(index, found.start, 0, found.lag))
    return entry
