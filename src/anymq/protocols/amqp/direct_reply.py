"""Direct reply-to: answers to requests, without a queue.

A client consumes from `amq.rabbitmq.reply-to` and names it in `reply_to`; its requests carry a real
name instead, which nobody can guess. Whoever publishes to that by the default exchange reaches the
consumer at once. Nothing is stored: if the client is gone, so is the answer.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from anymq.core.message import Run
from anymq.core.queues.delivery import Delivery
from anymq.protocols.amqp.content import DeliveryFrames
from anymq.protocols.amqp.errors import ChannelError, ReplyCode
from anymq.protocols.amqp.properties import AMQP_FORM

if TYPE_CHECKING:
    from anymq.core.routing.target import Then
    from anymq.protocols.amqp.channel import Channel

PSEUDO_QUEUE = "amq.rabbitmq.reply-to"
PSEUDO_QUEUE_BYTES = PSEUDO_QUEUE.encode()
PREFIX = PSEUDO_QUEUE + ".g"  # with which RabbitMQ's names go on, too


class ReplyQueue:
    """Hands answers to the consumer of one channel. A target of routing, by its real name."""

    singles = False

    __slots__ = ("_channel", "_frames", "name", "tag")

    def __init__(self, channel: "Channel", tag: str) -> None:
        self._channel = channel
        self._frames = DeliveryFrames(channel.number, tag, channel.wire.frame_max)
        self.name = channel.wire.vhost.new_name(channel.wire.vhost.new_name(PREFIX) + ".")
        self.tag = tag

    def push(self, run: Run, then: "Then | None") -> None:
        """Deliver at once, if the client takes what it is owed; what it does not take is lost."""
        channel = self._channel
        if channel.wire.has_room:
            tag = channel.next_tags(len(run.messages))
            it = [Delivery(0, message, 0, False) for message in run.messages]
            channel.wire.counters.delivered += len(it)
            self._frames.send(channel.wire, tag, it)
        if then is not None:
            then(None)


def consume(channel: "Channel", tag: str, *, no_ack: bool) -> None:
    """Have answers delivered under this tag."""
    if not no_ack:
        raise ChannelError(ReplyCode.PRECONDITION_FAILED, "reply consumer cannot acknowledge")
    if channel.replies is not None:
        raise ChannelError(ReplyCode.PRECONDITION_FAILED, "reply consumer already set")
    channel.replies = ReplyQueue(channel, tag)
    channel.wire.vhost.topology.put_reply(channel.replies)


def end(channel: "Channel") -> None:
    """Deliver answers no more."""
    if channel.replies is not None:
        channel.wire.vhost.topology.drop_reply(channel.replies)
        channel.replies = None


def is_there(channel: "Channel", name: str) -> bool:
    """Does somebody wait for answers under this name?"""
    return name == PSEUDO_QUEUE or name in channel.wire.vhost.topology.replies


def with_real_name(channel: "Channel", received: bytes) -> bytes:
    """Return properties with the real name in `reply_to`, where the pseudo queue is named."""
    properties = AMQP_FORM.read(received)
    if properties.reply_to != PSEUDO_QUEUE:
        return received
    if channel.replies is None:
        raise ChannelError(ReplyCode.PRECONDITION_FAILED, "fast reply consumer does not exist")
    return AMQP_FORM.write(replace(properties, reply_to=channel.replies.name))
