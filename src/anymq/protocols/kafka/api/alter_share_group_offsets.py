"""AlterShareGroupOffsets: where a share group without members goes on."""

from functools import partial

from anymq.core.catalog import Then
from anymq.core.errors import NotFound, Refused
from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import alter_share_group_offsets as schema

KEY = 91
VERSIONS = range(1)

Topic = schema.AlterShareGroupOffsetsRequestTopic
Answer = schema.AlterShareGroupOffsetsResponseTopic
Partition = schema.AlterShareGroupOffsetsResponsePartition


def handle(call: Call, request: schema.AlterShareGroupOffsetsRequest) -> None:
    """Move the group in each topic, each partition of it or none."""
    response = schema.AlterShareGroupOffsetsResponse()
    try:
        authorization.group(call, Operation.READ, request.group_id)
        call.broker.shares.check_may_move(request.group_id)
    except Refused as error:
        errors.explain(response, error)
        call.reply(response)
        return
    pending = Pending(call, response)
    for topic in request.topics:
        answer = Answer(topic.topic_name)
        response.responses.append(answer)
        _move(call, request.group_id, topic, answer, pending)
    pending.all_asked()


def _move(call: Call, group: str, topic: Topic, answer: Answer, pending: Pending) -> None:
    answer.partitions = [Partition(one.partition_index) for one in topic.partitions]
    try:
        authorization.topic(call, Operation.READ, topic.topic_name)
        spot = _spot(call, topic.topic_name)
    except Refused as error:
        for entry in answer.partitions:
            errors.explain(entry, error)
        return
    answer.topic_id = spot.id
    for entry, one in zip(answer.partitions, topic.partitions, strict=True):
        move = partial(_move_one, call, group, spot, one.partition_index, one.start_offset)
        pending.ask(entry, move)


def _spot(call: Call, name: str) -> Spot:
    spot = call.broker.shares.spots.find(name)
    if spot is None:
        raise NotFound("This server does not host this topic-partition.")
    return spot


def _move_one(call: Call, group: str, spot: Spot, partition: int, offset: int, then: Then) -> None:
    call.broker.shares.move(group, spot, {partition: offset}, then)
