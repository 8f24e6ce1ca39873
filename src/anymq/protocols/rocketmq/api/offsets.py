"""Offsets: the first and the last of a queue, that at a time, and how far a group has read."""

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.streams.group_calls import GroupError
from anymq.core.streams.partition import Partition
from anymq.protocols.rocketmq import authorization
from anymq.protocols.rocketmq.call import INT_MAX, Call
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.queues import no_topic
from anymq.protocols.rocketmq.topics import queue_of

NOTHING = -1  # no message, so no time of one


def partition_of(call: Call, operation: Operation = Operation.DESCRIBE) -> Partition:
    """Return the queue that a request names; refuse one that is not there."""
    name = call.text("topic")
    authorization.topic(call, operation, name)
    topic = call.broker.topics.get(name)
    if topic is None:
        raise no_topic(call, name)
    return topic.partition(queue_of(topic, call.number("queueId", at_most=INT_MAX)))


def last(call: Call) -> None:
    """Say where the next message goes."""
    call.answer({"offset": partition_of(call).visible_end})


def first(call: Call) -> None:
    """Say where the first message is that is kept."""
    call.answer({"offset": partition_of(call).start})


def at_time(call: Call) -> None:
    """Say which is the first message that is not older; with UPPER, the last that is not newer."""
    partition = partition_of(call)
    timestamp = call.number("timestamp")
    upper = call.text("boundaryType", "LOWER").upper() == "UPPER"
    found = partition.log.offset_at(timestamp + upper)
    offset = partition.visible_end if found is None else found[0]
    call.answer({"offset": max(partition.start, offset - upper)})


def oldest_time(call: Call) -> None:
    """Say when the first message came that is kept."""
    found = partition_of(call).log.offset_at(0)
    call.answer({"timestamp": NOTHING if found is None else found[1]})


def progress(call: Call) -> None:
    """Say how far a group has read.

    A group that is new begins where it likes (the client's ConsumeFromWhere), except in a queue
    of which nothing was deleted: it begins there at the start, as it does with RocketMQ.
    """
    group = call.text("consumerGroup")
    authorization.group(call, Operation.READ, group)
    partition = partition_of(call, Operation.READ)
    offset = call.rocketmq.progress.of(group, partition.topic_name, partition.index)
    if offset is None and partition.start == 0 and call.flag("setZeroIfNotFound", True):
        offset = 0
    if offset is None:
        call.refuse(ResponseCode.QUERY_NOT_FOUND, "Not found, maybe this group consumer boot first")
    else:
        call.answer({"offset": offset})


def commit(call: Call) -> None:
    """Keep how far a group has read; the answer waits for the disk."""
    group = call.text("consumerGroup")
    authorization.group(call, Operation.READ, group)
    partition = partition_of(call, Operation.READ)
    offset = call.number("commitOffset", at_least=0)
    place = group, partition.topic_name, partition.index

    def kept(error: GroupError | None) -> None:
        if error is None:
            call.answer()
        else:
            call.fail(Refused(error.value))

    if call.is_oneway:
        call.rocketmq.progress.note(*place, offset)
        call.answer()
        return
    call.later()
    call.rocketmq.progress.commit(*place, offset, kept)


CODES = {
    RequestCode.GET_MAX_OFFSET: last,
    RequestCode.GET_MIN_OFFSET: first,
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: at_time,
    RequestCode.GET_EARLIEST_MSG_STORETIME: oldest_time,
    RequestCode.QUERY_CONSUMER_OFFSET: progress,
    RequestCode.UPDATE_CONSUMER_OFFSET: commit,
}
