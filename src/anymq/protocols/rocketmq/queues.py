"""Queues as topics of one queue: what clients send there, workers of every protocol share.

It is taken by POP (api/pop.py); who pulls by offsets needs a topic.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from anymq.core.errors import Refused
from anymq.core.message import Envelope, Message, Run
from anymq.core.queues.queue import Queue
from anymq.protocols.rocketmq.codes import ResponseCode
from anymq.protocols.rocketmq.errors import BadRequest, NoTopic, RocketMqError
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM, packed
from anymq.protocols.rocketmq.layout import PREPARED, TRANSACTION_MASK, property_of
from anymq.protocols.rocketmq.send_request import Send

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.call import Call

Then = Callable[[Exception | None], None]
UNKNOWN_OFFSET = -1  # a message may be somebody's before anyone could ask where it was
_DELAYS = (b"DELAY", b"TIMER_DELAY_SEC", b"TIMER_DELAY_MS", b"TIMER_DELIVER_MS")


def queue_named(call: "Call", name: str) -> Queue | None:
    """Return the queue of this name, unless it is a topic's."""
    return None if name in call.broker.topics else call.broker.shares.spots.queue(name)


def no_topic(call: "Call", name: str) -> RocketMqError:
    """Say that there is no such topic; or that it is a queue, where a topic is needed."""
    if queue_named(call, name) is None:
        return NoTopic(name)
    return RocketMqError(
        ResponseCode.NO_PERMISSION, f"[{name}] is a queue, which has no offsets: consume it by POP"
    )


def check_sendable(send: Send) -> None:
    """Refuse what only topics do."""
    for said, _ in send.messages:
        if said.sys_flag & TRANSACTION_MASK == PREPARED:
            raise BadRequest(f"[{send.topic}] is a queue: transactional messages go to topics")
        if any(property_of(said.properties, name) is not None for name in _DELAYS):
            raise BadRequest(f"[{send.topic}] is a queue: delayed messages go to topics")


def publish(send: Send, queue: Queue, then: Then) -> None:
    """Put messages into a queue; `then` when they are as safe as it promises, or why not."""
    call = send.call
    now_ms = call.now_ms()
    envelope = Envelope("", queue.name, ROCKETMQ_FORM)
    messages = [Message(envelope, packed(said), body, now_ms) for said, body in send.messages]
    call.later()
    counters = call.rocketmq.counters
    counters.messages_in += len(messages)
    counters.bytes_in += len(call.body)
    vhost = call.broker.vhosts[queue.vhost_name]
    try:
        vhost.publish(Run(messages, persistent=True), then, who=call.client.who)
    except Refused as error:
        then(error)
