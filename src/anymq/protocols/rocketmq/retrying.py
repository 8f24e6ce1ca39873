"""Retrying: messages that a group could not deal with come to it again, later each time.

They go to `%RETRY%<group>` by the delay levels from 3 on; after so many times, or when the consumer
says so, to `%DLQ%<group>`, from where people bring them back.
"""

from functools import partial
from typing import NamedTuple

from anymq.core.rights.operations import Operation
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.protocols.rocketmq import authorization, layout, names
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.convert import own_form
from anymq.protocols.rocketmq.delaying import DELAY, Due, Waits
from anymq.protocols.rocketmq.errors import REFUSALS, RocketMqError
from anymq.protocols.rocketmq.form import Said, unpacked
from anymq.protocols.rocketmq.send_request import Send
from anymq.protocols.rocketmq.sending import Sent, size_of

RETRY_TOPIC, ORIGIN_ID = "RETRY_TOPIC", "ORIGIN_MESSAGE_ID"
FIRST_LEVEL = 3  # of the first pause
RETRY_QUEUES_MAX = 64


class Back(NamedTuple):
    """A message that a consumer sends back, as it lies in its queue."""

    topic: str  # where it lies
    said: Said
    body: bytes


def detour(send: Send) -> bool:
    """Let what a consumer sends to its retry topic once too often be a dead letter.

    Consumers do that when they cannot send back by the other request. Those that consume in order
    try again by themselves; when they send something, they have given it up.
    """
    if not send.topic.startswith(names.RETRY):
        return False
    call, group = send.call, send.topic.removeprefix(names.RETRY)
    (said, body), *others = send.messages
    in_order = call.broker.groups.queue_locks.is_used(group)
    if others or (not in_order and said.reconsumed <= _max_of(call, group, send.max_reconsumed)):
        return False
    dead = said._replace(properties=layout.with_properties(said.properties, **{DELAY: None}))
    _put(call, names.dead_letter_topic(group), (dead, body), None)
    return True


def send_back(call: Call) -> None:
    """A consumer could not deal with a message: keep it for later, or as a dead letter."""
    group = call.text("group")
    names.check_group(group)
    authorization.group(call, Operation.READ, group)
    settings = call.rocketmq.group_settings.of(group)
    if settings.retry_queue_nums <= 0:
        call.answer()
        return
    back, level = _read(call, group), call.number("delayLevel", 0)
    said = back.said
    if level < 0 or said.reconsumed >= _max_of(call, group, call.number("maxReconsumeTimes", -1)):
        message = _marked(call, back, 0)
        _put(call, names.dead_letter_topic(group), message, None)
        return
    level = level or FIRST_LEVEL + said.reconsumed
    delaying = call.rocketmq.delaying
    due = Due(call.broker.now_ms() + delaying.pause_ms(level), True)
    _put(call, names.retry_topic(group), _marked(call, back, level), due)


def _max_of(call: Call, group: str, said: int) -> int:
    """Return how often a message may come: as the consumer says, else as its group does."""
    return said if said >= 0 else call.rocketmq.group_settings.of(group).retry_max_times


def _marked(call: Call, back: Back, level: int) -> tuple[Said, bytes]:
    """Return the message as it will come again."""
    said = back.said
    before = layout.read_properties(said.properties)
    marks = {
        RETRY_TOPIC: before.get(RETRY_TOPIC, back.topic),
        ORIGIN_ID: before.get(ORIGIN_ID) or _id_of(call),
        DELAY: str(level),
    }
    properties = layout.write_properties({**before, **marks})
    return said._replace(properties=properties, reconsumed=said.reconsumed + 1), back.body


def _id_of(call: Call) -> str:
    return layout.message_id(call.client.store_host, call.number("offset"))


def _read(call: Call, group: str) -> Back:
    """Return the message that is at the place which the consumer names."""
    place = call.number("offset", at_least=0)
    log_id, offset = layout.place_of(place)
    partition = _partition_of(call, group, log_id)
    if partition is not None:
        # Else a group could have messages sent to itself that it may not read.
        authorization.topic(call, Operation.READ, partition.topic_name)
        back = _message_at(call, partition, offset)
        if back is not None:
            return back
    raise RocketMqError(ResponseCode.SYSTEM_ERROR, f"look message by offset failed, {place}")


def _partition_of(call: Call, group: str, log_id: int) -> Partition | None:
    """Return the queue that has this log: of the topic, its retry topic, or any other."""
    topics = call.broker.topics
    likely = (call.text("originTopic", ""), names.retry_topic(group))
    near = [topics[name] for name in likely if name in topics]
    for topic in (*near, *topics.values()):
        for partition in topic.partitions:
            if partition.log.id == log_id:
                return partition
    return None


def _message_at(call: Call, partition: Partition, offset: int) -> Back | None:
    found: list[Back] = []
    topic = partition.topic_name
    teller = call.rocketmq.teller(topic, call.client.store_host)

    def take(at: int, time_ms: int, key: bytes | None, value: bytes | None, headers: bytes) -> bool:
        if at == offset:
            form = own_form(headers) or teller.form(key, value, headers, time_ms)
            found.append(Back(topic, unpacked(form), value or b""))
        return True

    if partition.start <= offset < partition.visible_end:
        Reader(partition, offset, call.rocketmq.unpacked).read(1, 1, take)
    return found[0] if found else None


def _put(call: Call, topic: str, message: tuple[Said, bytes], due: Due | None) -> None:
    """Bring a message to a topic of its group, now or later; that answers the call."""
    settings = call.rocketmq.group_settings.of(topic.removeprefix(names.RETRY))
    queues = max(1, min(settings.retry_queue_nums, RETRY_QUEUES_MAX))
    call.later()
    there = partial(_there, call, topic, message, due)
    call.rocketmq.making.make(topic, queues if due is not None else 1, there)


def _there(
    call: Call,
    topic_name: str,
    message: tuple[Said, bytes],
    due: Due | None,
    error: Exception | None,
) -> None:
    rocketmq = call.rocketmq
    try:
        if error is not None:
            raise error
        topic = call.broker.topic(topic_name)
        queue = rocketmq.next_queue(len(topic.partitions))
        if due is None:
            partition = topic.partitions[queue]
            done = partial(_answer_dead, call, partition)
            sent = Sent([message], size_of([message]), call.client.who, done)
            rocketmq.gatherer.add(topic, partition, sent)
        else:
            rocketmq.delaying.gather(topic_name, queue, message, due, partial(_answer, call))
    except REFUSALS as refusal:
        call.fail(refusal)


def _answer_dead(call: Call, partition: Partition, offset: int, error: Exception | None) -> None:
    """A dead letter has its place: who sent it as a message hears where."""
    if error is not None:
        call.fail(error)
    else:
        place = layout.physical_offset(partition.log.id, offset)
        message_id = layout.message_id(call.client.store_host, place)
        call.answer({"msgId": message_id, "queueId": partition.index, "queueOffset": offset})


def _answer(call: Call, _: Waits, error: Exception | None) -> None:
    if error is not None:
        call.fail(error)
    else:
        call.answer()
