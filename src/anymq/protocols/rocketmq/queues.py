"""Queues as topics of one queue: what clients send there, workers of every protocol share.

It is taken by POP (api/pop.py); who pulls by offsets needs a topic.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from anymq.core.broker import Broker
from anymq.core.errors import Refused
from anymq.core.message import Envelope, Message, Run
from anymq.core.queues.queue import Queue
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, NoTopic, RocketMqError
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM, packed
from anymq.protocols.rocketmq.layout import PREPARED, TRANSACTION_MASK
from anymq.protocols.rocketmq.send_request import Send

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.call import Call

Then = Callable[[Exception | None], None]
UNKNOWN_OFFSET = -1  # a message may be somebody's before anyone could ask where it was


def queue_named(broker: Broker, name: str) -> Queue | None:
    """Return the queue of this name, unless it is a topic's."""
    return None if name in broker.topics else broker.shares.spots.queue(name)


def no_topic(call: "Call", name: str) -> RocketMqError:
    """Say that there is no such topic; or that it is a queue, where a topic is needed."""
    if queue_named(call.broker, name) is None:
        return NoTopic(name)
    return RocketMqError(
        ResponseCode.NO_PERMISSION, f"[{name}] is a queue, which has no offsets: consume it by POP"
    )


def check_sendable(send: Send) -> None:
    """Refuse what only topics do."""
    for said, _ in send.messages:
        if said.sys_flag & TRANSACTION_MASK == PREPARED:
            raise BadRequest(f"[{send.topic}] is a queue: transactional messages go to topics")


def publish(send: Send, queue: Queue, then: Then) -> None:
    """Put messages into a queue, now or when they are due; `then`: they are safe, or why not."""
    call = send.call
    due = None if send.is_batch else call.rocketmq.delaying.due(send.messages[0][0].properties)
    now_ms = call.now_ms()
    envelope = Envelope("", queue.name, ROCKETMQ_FORM)
    messages = [Message(envelope, packed(said), body, now_ms) for said, body in send.messages]
    call.later()
    counters = call.rocketmq.counters
    counters.messages_in += len(messages)
    counters.bytes_in += len(call.body)
    if due is not None:
        call.broker.delays.add(queue.vhost_name, messages[0], due.due_ms, then)
        return
    vhost = call.broker.vhosts[queue.vhost_name]
    try:
        vhost.publish(Run(messages, persistent=True), then, who=call.client.who)
    except Refused as error:
        then(error)
