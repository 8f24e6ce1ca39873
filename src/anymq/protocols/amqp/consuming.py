"""Consuming: basic.consume, cancel, get and qos; deliveries and who may have how many."""

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from typing_extensions import override

from anymq.core.queues.arguments import check_consumer
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Subscription
from anymq.core.rights.permit import READ
from anymq.core.taps import Origin
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.stream import Stream
from anymq.protocols.amqp import direct_reply, streams
from anymq.protocols.amqp.content import DeliveryFrames, send_content
from anymq.protocols.amqp.errors import ChannelError, ConnectionFault, ReplyCode
from anymq.protocols.amqp.methods import (
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicQos,
    BasicQosOk,
)
from anymq.protocols.amqp.unacked import UNACKED_MAX, Taker
from anymq.protocols.amqp.wire import Done

if TYPE_CHECKING:
    from anymq.protocols.amqp.channel import Channel

CONSUMERS_MAX = 10_000  # of a channel
UNLIMITED = 1 << 30


class Consumer(Taker):
    """What `basic.consume` began: deliveries of one queue under one tag."""

    __slots__ = ("_channel", "_frames", "no_ack", "prefetch", "tag")

    def __init__(self, channel: "Channel", queue: AnyQueue, tag: str, *, no_ack: bool) -> None:
        super().__init__(queue)
        self._channel = channel
        self._frames = DeliveryFrames(channel.number, tag, channel.wire.frame_max)
        self.tag = tag
        self.no_ack = no_ack
        self.prefetch = channel.prefetch  # 0: as many as there are

    @property
    def channel(self) -> "Channel":
        """Whose it is."""
        return self._channel

    @property
    def credit(self) -> int:
        """How many messages it may get now."""
        channel = self._channel
        if not channel.has_room():
            return 0
        most = 1 if channel.wire.outbox.scarce else UNLIMITED
        if self.no_ack:
            return most
        room = min(most, UNACKED_MAX - channel.out)
        if self.prefetch:
            room = min(room, self.prefetch - self.out)
        if channel.shared_prefetch:
            room = min(room, channel.shared_prefetch - channel.out)
        return max(0, room)

    @property
    def shares(self) -> object | None:
        """Whose limit it shares with other consumers."""
        return self._channel if self._channel.shared_prefetch else None

    @property
    def who(self) -> Origin:
        """Whose it is, for whoever listens to what happens."""
        return self._channel.who

    def deliver(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Send them, and wait to hear about them."""
        channel = self._channel
        tag = channel.next_tags(len(deliveries))
        if not self.no_ack:
            channel.unacked.add(tag, self, [delivery[0] for delivery in deliveries])
            channel.out += len(deliveries)
        channel.wire.counters.delivered += len(deliveries)
        self._frames.send(channel.wire, tag, deliveries)

    def cancelled(self, subscription: Subscription) -> None:
        """Its queue is gone."""
        self._channel.forget_consumer(self)

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """It had something for longer than it may."""
        self._channel.fail(
            ChannelError(
                ReplyCode.PRECONDITION_FAILED,
                f"delivery acknowledgement on channel {self._channel.number} timed out. "
                f"Timeout value used: {after_ms} ms. This timeout value can be configured, "
                "see consumers doc guide to learn more",
            )
        )

    def end(self) -> None:
        """Get no more. What is out stays out."""
        if self.subscription is not None:
            self.queue.unsubscribe(self.subscription)

    def more(self) -> None:
        """There may be credit again."""
        if self.subscription is not None:
            self.subscription.more()

    @override
    def returned(self, count: int) -> None:
        """So many are answered: there may be credit again."""
        channel = self._channel
        was_full = bool(self.prefetch) and self.out >= self.prefetch
        channel_was_full = channel.is_full
        super().returned(count)
        channel.out -= count
        if channel_was_full:
            channel.on_room()
        elif was_full:
            self.more()


class StreamConsumer(Consumer):
    """One of a stream: what it gets says its offset."""

    __slots__ = ("_numbering",)

    def __init__(self, channel: "Channel", queue: AnyQueue, tag: str, *, no_ack: bool) -> None:
        super().__init__(channel, queue, tag, no_ack=no_ack)
        self._frames = DeliveryFrames(
            channel.number, tag, channel.wire.frame_max, attrgetter("properties")
        )
        self._numbering = streams.Numbering()

    @override
    def deliver(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        super().deliver(subscription, self._numbering.numbered(deliveries))


def consume(channel: "Channel", method: BasicConsume) -> None:
    """Begin to deliver what a queue has."""
    check_tag(channel, method.consumer_tag)
    tag = method.consumer_tag or channel.wire.vhost.new_name("amq.ctag-")
    if method.queue == direct_reply.PSEUDO_QUEUE:
        direct_reply.consume(channel, tag, no_ack=method.no_ack)
    else:
        _subscribe(channel, method, tag)
    if not method.nowait:
        channel.send(BasicConsumeOk(tag))


def check_tag(channel: "Channel", tag: str) -> None:
    """Refuse a tag that is in use, and a consumer too many."""
    if tag in channel.consumers:
        raise ConnectionFault(ReplyCode.NOT_ALLOWED, f"attempt to reuse consumer tag '{tag}'")
    if len(channel.consumers) >= CONSUMERS_MAX:
        raise ConnectionFault(
            ReplyCode.NOT_ALLOWED, f"reached maximum ({CONSUMERS_MAX}) of consumers per channel"
        )


def _subscribe(channel: "Channel", method: BasicConsume, tag: str) -> None:
    channel.wire.permit.queue(READ, channel.queue_name(method.queue))
    queue = channel.open_queue(method.queue)
    check_consumer(
        f"queue '{queue.name}' in vhost '{queue.vhost_name}'", queue.kind, method.arguments
    )
    make = Consumer
    if isinstance(queue, Stream):
        prefetch = channel.prefetch or channel.shared_prefetch
        streams.check(queue, method.arguments, prefetch)
        make = StreamConsumer
    consumer = make(channel, queue, tag, no_ack=method.no_ack)
    consumer.subscription = queue.subscribe(
        consumer,
        tag=tag,
        no_ack=method.no_ack,
        exclusive=method.exclusive,
        arguments=method.arguments,
    )
    channel.consumers[tag] = consumer


def cancel(channel: "Channel", method: BasicCancel) -> None:
    """Deliver no more to a consumer. One that is not there is cancelled, too."""
    consumer = channel.consumers.pop(method.consumer_tag, None)
    if consumer is not None:
        consumer.end()
    elif channel.replies is not None and channel.replies.tag == method.consumer_tag:
        direct_reply.end(channel)
    if not method.nowait:
        channel.send(BasicCancelOk(method.consumer_tag))


def cancel_agreed(channel: "Channel", method: BasicCancelOk) -> None:
    """A client agrees that its consumer is gone. There is nothing left to do."""


def get(channel: "Channel", method: BasicGet) -> None:
    """Deliver one message, if there is one; what comes after it waits while it is read."""
    channel.wire.permit.queue(READ, channel.queue_name(method.queue))
    if not method.no_ack and len(channel.unacked) >= UNACKED_MAX:
        raise ChannelError(
            ReplyCode.RESOURCE_ERROR, f"more than {UNACKED_MAX} messages without an answer"
        )
    _Get(channel, channel.open_queue(method.queue), no_ack=method.no_ack).begin()


class _Get:
    """One message, asked for."""

    __slots__ = ("_channel", "_go_on", "_no_ack", "_queue", "_taken")

    def __init__(self, channel: "Channel", queue: AnyQueue, *, no_ack: bool) -> None:
        self._channel = channel
        self._queue = queue
        self._no_ack = no_ack
        self._taken = False
        self._go_on: Done | None = None

    def begin(self) -> None:
        """Ask the queue."""
        self._queue.get(self._take, no_ack=self._no_ack, who=self._channel.who)
        if not self._taken:
            self._go_on = self._channel.wire.hold()

    def _take(self, delivery: Delivery | None) -> None:
        self._taken = True
        channel = self._channel
        if channel.closed:
            if delivery is not None and not self._no_ack:
                self._queue.give_back(None, [delivery.position])
        elif delivery is None:
            channel.send(BasicGetEmpty())
        else:
            self._deliver(channel, delivery)
        if self._go_on is not None:
            self._go_on()

    def _deliver(self, channel: "Channel", delivery: Delivery) -> None:
        tag = channel.next_tags(1)
        channel.wire.counters.delivered += 1
        if not self._no_ack:
            channel.unacked.add(tag, channel.getter(self._queue), [delivery.position])
        envelope = delivery.message.envelope
        answer = BasicGetOk(
            delivery_tag=tag,
            redelivered=delivery.redelivered,
            exchange=envelope.exchange,
            routing_key=envelope.routing_key,
            message_count=self._queue.ready,
        )
        send_content(channel.wire, channel.number, answer, delivery.message)


def qos(channel: "Channel", method: BasicQos) -> None:
    """Limit what is out: of each consumer to come, or (`global`) of the channel, at once."""
    if method.prefetch_size:
        raise ConnectionFault(
            ReplyCode.NOT_IMPLEMENTED, f"prefetch_size!=0 ({method.prefetch_size})"
        )
    if method.global_:
        channel.shared_prefetch = method.prefetch_count
    else:
        channel.prefetch, channel.shared_prefetch = method.prefetch_count, 0
    channel.on_room()
    channel.send(BasicQosOk())
