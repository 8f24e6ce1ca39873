"""Sending, in all its forms: one message or a batch, long names of fields or short ones."""

from collections.abc import Sequence
from functools import partial

from anymq.core.queues.queue import Queue
from anymq.core.rights.operations import Operation
from anymq.core.streams.topic import Topic
from anymq.protocols.rocketmq import authorization, layout, names, queues, requests
from anymq.protocols.rocketmq.call import INT_MAX, INT_MIN, Call
from anymq.protocols.rocketmq.codec import Answers
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import REFUSALS, Denied, NoTopic, RocketMqError
from anymq.protocols.rocketmq.form import Said
from anymq.protocols.rocketmq.layout import (
    BORN_V6,
    PROPERTIES_BYTES_MAX,
    REPLY_TO_CLIENT,
    STORE_V6,
    UNIQ_KEY,
    MalformedMessage,
)
from anymq.protocols.rocketmq.send_request import LONG, SHORT, Fields, Send
from anymq.protocols.rocketmq.sending import Sent, size_of
from anymq.protocols.rocketmq.topics import queue_of

_UNIQ_KEY = UNIQ_KEY.encode()
_SAME = {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}
_SENT = Answers(("msgId", "queueId", "queueOffset", "transactionId"), _SAME)
_ASKS = REPLY_TO_CLIENT.encode() + b"\1"  # it asks for a reply
_BROKERS_FLAGS = BORN_V6 | STORE_V6  # that say how long hosts are: we write those
_PROPERTIES_MAX = f"msg properties length limit {PROPERTIES_BYTES_MAX >> 10}KB"


def handle(call: Call) -> None:
    """Send with the long names of fields."""
    _handle(call, LONG)


def handle_short(call: Call) -> None:
    """Send with the short ones."""
    _handle(call, SHORT)


def handle_batch(call: Call) -> None:
    """Send a batch; Java and Go use the short names for it."""
    _handle(call, SHORT if SHORT.topic in call.ext else LONG, batch=True)


def _handle(call: Call, fields: Fields, *, batch: bool = False) -> None:
    """Hot: benchmarks/micro/rocketmq.py."""
    name = call.text(fields.topic)
    making = call.rocketmq.making
    names.check_sendable(name)
    authorization.topic(call, Operation.WRITE, name)
    if not call.rocketmq.topic_settings.of(name).is_writable:
        raise Denied(f"the topic [{name}] sending message is forbidden")
    batch = batch or call.flag(fields.batch)
    messages = _messages(call, fields, batch=batch)
    queue = call.number(fields.queue, -1, at_most=INT_MAX)
    group, most = call.text(fields.group, ""), call.number(fields.max_reconsumed, -1)
    send = Send(call, name, queue, messages, group, batch, most)
    if making.is_there(name):
        _there(send, None)
    elif (place := queues.queue_named(call.broker, name)) is not None:
        queues.check_sendable(send)
        queues.publish(send, place, partial(_in_queue, send, place))
    else:
        _may_create(call, name, fields)
        call.later()
        making.make(name, _queues(call, fields, name), partial(_there, send))


def _messages(call: Call, fields: Fields, *, batch: bool) -> Sequence[tuple[Said, bytes]]:
    """Return what is sent, as it will be kept."""
    settings, body = call.rocketmq.settings, call.body
    if len(body) > settings.message_bytes_max:
        raise RocketMqError(
            ResponseCode.MESSAGE_ILLEGAL,
            "the message is illegal, maybe msg body or properties length not matched. msg body"
            f" length limit {settings.message_bytes_max}B, {_PROPERTIES_MAX}.",
        )
    said = _said(call, fields)
    if not batch:
        if len(said.properties) > PROPERTIES_BYTES_MAX:
            raise RocketMqError(
                ResponseCode.MESSAGE_ILLEGAL, f"the message is illegal: {_PROPERTIES_MAX}."
            )
        return ((said, body),)
    try:
        found = layout.read_batch(body)
    except MalformedMessage as error:
        raise RocketMqError(ResponseCode.MESSAGE_ILLEGAL, str(error)) from None
    if not found:
        raise RocketMqError(ResponseCode.MESSAGE_ILLEGAL, "a batch without messages")
    _, _, sys_flag, born_ms, host, reconsumed, prepared = said
    same = sys_flag, born_ms, host, reconsumed, prepared
    # In a batch there is no room for longer properties than are allowed.
    return [
        (tuple.__new__(Said, (properties, flag, *same)), one) for flag, one, properties in found
    ]


def _said(call: Call, fields: Fields) -> Said:
    """Return what it says of the message. Numbers are nearly always 0, and then not looked at."""
    ext, host = call.ext, call.client.born_host
    flags = flag = reconsumed = 0
    if not ext.get(fields.sys_flag) == ext.get(fields.flag) == ext.get(fields.reconsumed) == "0":
        flags = call.number(fields.sys_flag, 0, at_least=INT_MIN, at_most=INT_MAX) & ~_BROKERS_FLAGS
        flag = call.number(fields.flag, 0, at_least=INT_MIN, at_most=INT_MAX)
        reconsumed = call.number(fields.reconsumed, 0, at_least=0, at_most=INT_MAX)
    if len(host) > 8:
        flags |= BORN_V6
    born_ms = call.number(fields.born, call.now_ms())
    properties = ext.get(fields.properties, "").encode(errors="surrogateescape")
    if _ASKS in properties:
        properties = requests.marked(call.rocketmq, properties)
    return Said(properties, flag, flags, born_ms, host, reconsumed)


def _may_create(call: Call, name: str, fields: Fields) -> None:
    """Refuse a topic that is not there and may not be made."""
    if name in call.broker.topics:
        return  # it is being made
    if not call.rocketmq.settings.auto_create and not names.is_of_group(name):
        raise NoTopic(name)
    authorization.topic(call, Operation.CREATE, name)


def _queues(call: Call, fields: Fields, name: str) -> int:
    if names.is_of_group(name):
        return 1
    asked = call.number(fields.default_queues, call.rocketmq.settings.queues)
    return max(1, min(asked, call.rocketmq.settings.queues))


def _there(send: Send, error: Exception | None) -> None:
    """The topic is there: append, or let somebody else have it who keeps it for later."""
    call = send.call
    if error is not None:
        call.fail(error)
        return
    try:
        for detour in call.rocketmq.detours:
            if detour(send):
                return
        append(send)
    except REFUSALS as refused:  # it may have waited: nobody above us answers then
        call.fail(refused)


def append(send: Send) -> None:
    """Append to the queue; the answer waits for the disk."""
    call, rocketmq = send.call, send.call.rocketmq
    topic = call.broker.topic(send.topic)
    queue = send.queue if send.queue >= 0 else rocketmq.next_queue(len(topic.partitions))
    partition = topic.partition(queue_of(topic, queue))
    size = size_of(send.messages)
    done = partial(_done, send, topic, queue)
    call.later()
    rocketmq.gatherer.add(topic, partition, Sent(send.messages, size, call.client.who, done))
    counters = rocketmq.counters
    counters.messages_in += len(send.messages)
    counters.bytes_in += len(call.body)


def _done(send: Send, topic: Topic, queue: int, offset: int, error: Exception | None) -> None:
    call = send.call
    if error is not None:
        call.rocketmq.counters.refused += 1
        call.fail(error)
        return
    _answer(send, topic.partitions[queue].log.id, queue, offset)


def _answer(send: Send, log_id: int, queue: int, offset: int) -> None:
    """Say where it is. Nearly all have an id of letters and digits, and come alone."""
    call, messages = send.call, send.messages
    key = layout.property_of(messages[0][0].properties, _UNIQ_KEY)
    if send.is_batch or key is None or not key.isalnum():
        call.answer(answer_of(send, log_id, queue, offset))
        return
    place = layout.physical_offset(log_id, offset)
    message_id = layout.message_ids(call.client.store_host, place, 1).encode()
    call.answer_with(_SENT, (message_id, b"%d" % queue, b"%d" % offset, key))


def _in_queue(send: Send, queue: Queue, error: Exception | None) -> None:
    call = send.call
    if error is not None:
        call.rocketmq.counters.refused += 1
        call.fail(error)
    else:
        call.answer(answer_of(send, min(queue.log_ids), 0, queues.UNKNOWN_OFFSET))


def answer_of(send: Send, log_id: int, queue: int, offset: int) -> dict[str, object]:
    """Return what says where the messages are."""
    host = send.call.client.store_host
    there = max(0, offset)
    place = layout.physical_offset(log_id, there)
    answer: dict[str, object] = {
        "msgId": layout.message_ids(host, place, len(send.messages)),
        "queueId": str(queue),
        "queueOffset": str(offset),
        **_SAME,
    }
    key = layout.property_of(send.messages[0][0].properties, _UNIQ_KEY)
    if key is not None and not send.is_batch:
        answer["transactionId"] = key.decode(errors="replace")
    return answer


CODES = {
    RequestCode.SEND_MESSAGE: handle,
    RequestCode.SEND_MESSAGE_V2: handle_short,
    RequestCode.SEND_BATCH_MESSAGE: handle_batch,
}
