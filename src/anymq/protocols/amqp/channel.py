"""Channel: one conversation within a connection. Its methods, each by the module that knows it.

What a read brings is gathered: messages become runs, acknowledgements lists; at the end of the read
(or before any other method) they go to the core together.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from anymq.core.errors import NotFound, PartlyRejected
from anymq.core.rights.permit import READ
from anymq.core.routing.target import Then
from anymq.core.taps import Origin
from anymq.core.vhosts.kinds import AnyQueue
from anymq.protocols.amqp import (
    consuming,
    declaring,
    direct_reply,
    methods,
    settling,
    transactions,
)
from anymq.protocols.amqp.confirms import Confirms
from anymq.protocols.amqp.consuming import Consumer
from anymq.protocols.amqp.errors import ConnectionFault, ReplyCode, to_amqp
from anymq.protocols.amqp.methods import Method
from anymq.protocols.amqp.publishing import Publisher
from anymq.protocols.amqp.unacked import (
    UNACKED_MAX,
    Ages,
    Groups,
    Taker,
    Unacked,
    UnknownTag,
    grouped,
)
from anymq.protocols.amqp.wire import Done, Wire


class Channel:
    """The broker's side of one channel."""

    def __init__(self, wire: Wire, number: int) -> None:
        self.wire = wire
        self.number = number
        self.who = Origin("amqp", wire.name, number, wire.user)
        self.closed = False
        self.last_queue = ""  # the one declared last: what an empty name means
        self.prefetch = 0  # of each consumer to come; 0: no limit
        self.shared_prefetch = 0  # of all consumers of the channel together
        self.out = 0  # unacknowledged by consumers
        self.consumers: dict[str, Consumer] = {}
        self.replies: direct_reply.ReplyQueue | None = None
        self.unacked = Unacked()
        self.published = self.confirmed = self.returned = self.acknowledged = 0
        self.ages = Ages()
        self.confirms: Confirms | None = None
        self.transaction: transactions.Transaction | None = None
        self.publisher = Publisher(self)
        self.on_publish = self.publisher.on_publish  # directly: every message comes by it
        self._getters: dict[str, Taker] = {}
        self._acked: list[int] = []  # tags, of this read
        self.answers_owed = 0  # that wait for the disk
        self._cancelled: list[str] = []  # tags of consumers whose queue is gone, not told yet
        self._touched = False
        self._next_tag = 1

    # What the connection tells

    def on_ack(self, tag: int, multiple: bool) -> None:
        """Done with one message, or with all up to it."""
        if multiple or tag == 0 or self.transaction is not None:
            self._settle_acked()
            key = methods.BasicAck.KEY
            out = len(self.unacked)
            settling.answer(self, tag, settling.ack, multiple=multiple, key=key)
            self.acknowledged += out - len(self.unacked)
        else:
            self._acked.append(tag)
        if not self._touched:
            self.touch()

    def on_method(self, method: Method) -> None:
        """Do what it says, after all that came before it."""
        self._settle_acked()
        self.publisher.flush()
        handler = _HANDLERS.get(method.KEY)
        if handler is None:
            raise ConnectionFault(ReplyCode.COMMAND_INVALID, "unimplemented method")
        handler(self, method)
        self.touch()

    def on_content(self, method: Method) -> NoReturn:
        """No other method with content comes from a client."""
        raise ConnectionFault(ReplyCode.COMMAND_INVALID, "unimplemented method", method=method.KEY)

    def end_of_read(self) -> None:
        """Publish and settle what was gathered; tell what is safe."""
        self._touched = False
        if self.closed:
            return
        self._settle_acked()
        self.publisher.flush()
        if self.confirms is not None and (frames := self.confirms.take()):
            self.wire.write(frames)
        if self._cancelled and not self.answers_owed:
            self._tell_cancelled()

    def on_room(self) -> None:
        """There is credit again: for all."""
        for consumer in list(self.consumers.values()):
            consumer.more()

    def on_rights(self) -> None:
        """Rights have changed: nobody goes on consuming what it may not read."""
        permit = self.wire.permit
        for consumer in list(self.consumers.values()):
            if not permit.may(READ, consumer.queue.name):
                consumer.end()
                self.forget_consumer(consumer)

    def close(self, then: Done) -> None:
        """Give back what is out; end consumers."""
        self.closed = True
        self._acked.clear()
        if self.transaction is not None:
            self.transaction.undo(self)
        for taker, positions in grouped(self.unacked.remove_all()).items():
            taker.give_back(positions)
        for consumer in self.consumers.values():
            consumer.end()
        self.consumers.clear()
        direct_reply.end(self)
        self.when_settled(lambda _: then())

    @property
    def delivered(self) -> int:
        """How many messages it has sent."""
        return self._next_tag - 1

    def note_time(self, now_ms: int) -> None:
        """Remember what was sent by now: who asks later how old it is learns it by this."""
        self.ages.note(self._next_tag, now_ms, any_out=len(self.unacked) > 0)

    # What its parts use

    def touch(self) -> None:
        """There is something for the end of this read."""
        if not self._touched:
            self._touched = True
            self.wire.touch(self)

    def send(self, method: Method) -> None:
        """Send a method, unless it is too late."""
        if not self.closed:
            self.wire.send(self.number, method)

    def fail(self, error: Exception, method: int = 0) -> None:
        """Close the channel for something that turned out later."""
        if not self.closed:
            self.wire.close_channel(self.number, to_amqp(error), method)

    def answer(self, method: Method, nowait: bool) -> None:
        """Answer, if an answer is wanted."""
        if not nowait:
            self.send(method)

    def answer_later(self, method: Method, nowait: bool, begin: Callable[[Then], Method]) -> None:
        """Answer what goes to the disk when it is there; what comes after it waits until then.

        `begin` begins it, and returns the answer.
        """
        waiting = _Waiting(self, method.KEY)
        answer = begin(waiting.done)
        waiting.begun(None if nowait else answer)

    def next_tags(self, count: int) -> int:
        """Return the delivery tag of the first of the next `count` messages."""
        first = self._next_tag
        self._next_tag += count
        return first

    def queue_name(self, name: str) -> str:
        """Return the name of a queue as it is meant: the empty one is the last declared."""
        if name:
            return name
        if not self.last_queue:
            raise NotFound("no previously declared queue")
        return self.last_queue

    def open_queue(self, name: str) -> AnyQueue:
        """Return a queue that is not exclusive to another connection."""
        return self.wire.vhost.queue(self.queue_name(name), self.wire.owner)

    def getter(self, queue: AnyQueue) -> Taker:
        """Return on whose account messages are out that were got one by one."""
        taker = self._getters.get(queue.name)
        if taker is None or taker.queue is not queue:
            taker = self._getters[queue.name] = Taker(queue)
        return taker

    def forget_consumer(self, consumer: Consumer) -> None:
        """Its queue is gone: tell, if the client wants to know.

        Who deletes a queue gets the answer to that first: some clients fail on a cancel before it.
        """
        if self.consumers.pop(consumer.tag, None) is None:
            return
        if self.wire.client_capabilities.get("consumer_cancel_notify") is True:
            self._cancelled.append(consumer.tag)
            self.touch()

    def _tell_cancelled(self) -> None:
        cancelled, self._cancelled = self._cancelled, []
        for tag in cancelled:
            self.send(methods.BasicCancel(tag, nowait=True))

    def confirm(self) -> None:
        """Confirm what is published from now on."""
        if self.confirms is None:
            self.confirms = Confirms(self.number)

    def answer_of(self, count: int) -> Then | None:
        """Return what confirms the next `count` messages; None where nobody wants that."""
        confirms = self.confirms
        if confirms is None:
            return None
        return partial(self._published, confirms.number(count), count)

    def answer_of_all(self, numbers: Sequence[tuple[int, int]]) -> Then:
        """Return what confirms these messages: pairs of the first number, and how many."""
        return partial(self._all_published, numbers)

    def when_settled(self, then: Then) -> None:
        """Call `then` when all that was settled so far survives a kill."""
        self.wire.broker.when_settled(then)

    @property
    def is_full(self) -> bool:
        """Do all consumers have to wait for a limit that they share?"""
        limit = self.shared_prefetch or UNACKED_MAX
        return self.out >= limit

    def has_room(self) -> bool:
        """May anything be delivered now? If not, `on_room` comes."""
        wire = self.wire
        if wire.outbox.has_room(wire.settings.delivery_bytes_max):
            return True
        self.wire.wait_for_room(self)
        return False

    # Within

    def _published(self, first: int, count: int, error: Exception | None) -> None:
        """Messages are safe, or not."""
        confirms = self.confirms
        if self.closed or confirms is None:
            return
        refused = 0
        if isinstance(error, PartlyRejected):
            refused = len(error.indexes)
            for index in range(count):
                confirms.answer(first + index, 1, ok=index not in error.indexes)
        else:
            refused = 0 if error is None else count
            confirms.answer(first, count, ok=error is None)
        self.wire.counters.refused += refused
        self.wire.counters.confirmed += count - refused
        self.confirmed += count - refused
        self.touch()

    def _all_published(self, numbers: Sequence[tuple[int, int]], error: Exception | None) -> None:
        before = 0
        for first, count in numbers:
            part = error
            if isinstance(error, PartlyRejected):
                here = range(before, before + count)
                part = PartlyRejected(frozenset(i - before for i in error.indexes if i in here))
            self._published(first, count, part)
            before += count

    def _settle_acked(self) -> None:
        """Settle what was acknowledged one by one."""
        tags = self._acked
        if not tags:
            return
        self._acked = []
        self.acknowledged += len(tags)
        groups: Groups = {}
        try:
            self.unacked.take(tags, groups)
        except UnknownTag as error:
            raise settling.unknown_tag(error, methods.BasicAck.KEY) from None
        finally:
            for taker, positions in groups.items():
                taker.settle(positions)


class _Waiting:
    """An answer that waits for the disk, and holds up what comes after it."""

    __slots__ = ("_answer", "_channel", "_done", "_error", "_go_on", "_key")

    def __init__(self, channel: Channel, key: int) -> None:
        self._channel = channel
        self._key = key
        self._answer: Method | None = None
        self._done = False
        self._error: Exception | None = None
        self._go_on: Done | None = None

    def begun(self, answer: Method | None) -> None:
        """This is the answer: now, if the disk was as quick as that."""
        self._answer = answer
        if self._done:
            self._give()
        else:
            self._channel.answers_owed += 1
            self._go_on = self._channel.wire.hold()

    def done(self, error: Exception | None) -> None:
        """The disk has it, or will not."""
        self._done, self._error = True, error
        if self._go_on is not None:
            self._channel.answers_owed -= 1
            self._channel.touch()
            self._give()
            self._go_on()

    def _give(self) -> None:
        if self._error is not None:
            self._channel.fail(self._error, self._key)
        elif self._answer is not None:
            self._channel.send(self._answer)


def _open_again(channel: Channel, method: methods.ChannelOpen) -> NoReturn:
    raise ConnectionFault(ReplyCode.CHANNEL_ERROR, "second 'channel.open' seen")


def _flow(channel: Channel, method: methods.ChannelFlow) -> None:
    if not method.active:
        raise ConnectionFault(ReplyCode.NOT_IMPLEMENTED, "active=false")
    channel.send(methods.ChannelFlowOk(active=True))


def _access(channel: Channel, method: methods.AccessRequest) -> None:
    channel.send(methods.AccessRequestOk())


_HANDLERS: dict[int, Callable[[Channel, Any], None]] = {
    methods.ChannelOpen.KEY: _open_again,
    methods.ChannelFlow.KEY: _flow,
    methods.AccessRequest.KEY: _access,
    methods.ExchangeDeclare.KEY: declaring.declare_exchange,
    methods.ExchangeDelete.KEY: declaring.delete_exchange,
    methods.ExchangeBind.KEY: declaring.bind_exchange,
    methods.ExchangeUnbind.KEY: declaring.unbind_exchange,
    methods.QueueDeclare.KEY: declaring.declare_queue,
    methods.QueueDelete.KEY: declaring.delete_queue,
    methods.QueuePurge.KEY: declaring.purge_queue,
    methods.QueueBind.KEY: declaring.bind_queue,
    methods.QueueUnbind.KEY: declaring.unbind_queue,
    methods.BasicQos.KEY: consuming.qos,
    methods.BasicConsume.KEY: consuming.consume,
    methods.BasicCancel.KEY: consuming.cancel,
    methods.BasicCancelOk.KEY: consuming.cancel_agreed,
    methods.BasicGet.KEY: consuming.get,
    methods.BasicReject.KEY: settling.reject,
    methods.BasicNack.KEY: settling.nack,
    methods.BasicRecover.KEY: settling.recover,
    methods.BasicRecoverAsync.KEY: settling.recover,
    methods.ConfirmSelect.KEY: transactions.confirm,
    methods.TxSelect.KEY: transactions.select,
    methods.TxCommit.KEY: transactions.commit,
    methods.TxRollback.KEY: transactions.rollback,
}
