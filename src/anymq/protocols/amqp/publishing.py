"""Publishing: basic.publish, gathered into runs; returns of what went nowhere.

Whoever publishes much sends the same method frame and often the same properties again and again.
So both are understood once, and a message costs what it takes to remember its body.
"""

from typing import TYPE_CHECKING, NamedTuple

from anymq.core.errors import Refused
from anymq.core.message import Envelope, Message, Run
from anymq.protocols.amqp import direct_reply
from anymq.protocols.amqp.content import send_content
from anymq.protocols.amqp.errors import (
    AmqpError,
    ChannelError,
    ConnectionFault,
    ReplyCode,
    to_amqp,
)
from anymq.protocols.amqp.fields import MalformedFields
from anymq.protocols.amqp.methods import BasicPublish, BasicReturn, decode
from anymq.protocols.amqp.properties import AMQP_FORM, REPLY_TO, USER_ID, InvalidExpiration
from anymq.storage.errors import StorageError

if TYPE_CHECKING:
    from anymq.core.routing.target import Then
    from anymq.protocols.amqp.channel import Channel

ADDRESSES_MAX = 1024  # methods that a channel remembers
RUN_BYTES_MAX = 1 << 20  # then a run goes to its queues, though more of its kind may come

_new_tuple = tuple.__new__  # what NamedTuple does, without the function around it


class Address(NamedTuple):
    """What a publish method says."""

    envelope: Envelope
    mandatory: bool


class Publisher:
    """Takes what one channel publishes. Errors come out where it is: they close the channel."""

    __slots__ = (
        "_address",
        "_addresses",
        "_channel",
        "_envelope",
        "_messages",
        "_method",
        "_now_ms",
        "_persistent",
        "_properties",
        "_received",
        "_run_persistent",
        "_size",
        "published",
    )

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._addresses: dict[bytes, Address] = {}
        self._method: bytes | None = None  # the last one, and what it says
        self._address: Address | None = None
        self._envelope: Envelope | None = None
        self._received: bytes | None = None  # the last properties, and as they are kept
        self._properties = b""
        self._persistent = False
        self._messages: list[Message] = []  # the run that grows
        self._run_persistent = False
        self._size = 0
        self._now_ms = 0
        self.published = 0

    def on_publish(self, method: bytes, properties: bytes, body: bytes) -> None:
        """Take one message. Every one comes by here: benchmarks/amqp."""
        if method is not self._method and method != self._method:
            self._turn_to(method)
        if properties != self._received:
            self._look_at(properties)
        messages = self._messages
        if not messages:
            self._begin_run()
        messages.append(
            _new_tuple(Message, (self._envelope, self._properties, body, self._now_ms))
        )
        self._size += len(body)
        if self._size > RUN_BYTES_MAX:
            self.flush()

    def flush(self) -> None:
        """Publish the run that grew."""
        messages = self._messages
        if not messages:
            return
        self._messages, self._size = [], 0
        address = self._address
        assert address is not None
        run = Run(messages, persistent=self._run_persistent)
        self.published += len(messages)
        transaction = self._channel.transaction
        if transaction is not None:
            transaction.publish(run, mandatory=address.mandatory)
        else:
            self.publish(run, self._channel.answer_of(len(messages)), mandatory=address.mandatory)

    def publish(self, run: Run, then: "Then | None", *, mandatory: bool) -> None:
        """Hand a run to its queues; what goes nowhere and must not is sent back."""
        returned = self._send_back if mandatory else None
        try:
            self._channel.wire.vhost.publish(run, then, mandatory=mandatory, returned=returned)
        except (Refused, StorageError) as refused:
            raise _about_publish(to_amqp(refused)) from None

    def _begin_run(self) -> None:
        channel = self._channel
        self._now_ms = channel.wire.broker.now_ms()
        self._run_persistent = self._persistent
        channel.touch()

    def _turn_to(self, method: bytes) -> None:
        """Another method: where its messages go."""
        self.flush()
        address = self._addresses.get(method)
        if address is None:
            address = self._understand(method)
            if len(self._addresses) >= ADDRESSES_MAX:
                self._addresses.clear()
            self._addresses[method] = address
        self._method, self._address, self._envelope = method, address, address.envelope

    def _understand(self, method: bytes) -> Address:
        publish = decode(method)
        assert isinstance(publish, BasicPublish)
        if publish.immediate:
            raise ConnectionFault(ReplyCode.NOT_IMPLEMENTED, "immediate=true")
        self._channel.wire.vhost.exchange(publish.exchange)  # NotFound: before tx.commit, too
        envelope = Envelope(publish.exchange, publish.routing_key, AMQP_FORM)
        return Address(envelope, publish.mandatory)

    def _look_at(self, received: bytes) -> None:
        """Other properties: what they mean for us."""
        properties = received
        try:
            flags = int.from_bytes(received[:2], "big")
            if flags & (REPLY_TO | USER_ID):
                properties = self._checked(received)
            persistent = AMQP_FORM.traits(properties).persistent
        except InvalidExpiration as error:
            self.flush()
            raise ChannelError(ReplyCode.PRECONDITION_FAILED, str(error)) from None
        except MalformedFields as error:
            self.flush()
            raise ConnectionFault(ReplyCode.SYNTAX_ERROR, str(error)) from None
        except AmqpError:
            self.flush()
            raise
        self._received, self._properties, self._persistent = received, properties, persistent
        self._run_persistent |= persistent

    def _checked(self, received: bytes) -> bytes:
        """Refuse the name of somebody else; put the real name of the reply queue in."""
        if direct_reply.PSEUDO_QUEUE_BYTES in received:
            return direct_reply.with_real_name(self._channel, received)
        if not int.from_bytes(received[:2], "big") & USER_ID:
            return received
        claimed, user = AMQP_FORM.read(received).user_id, self._channel.wire.user
        if claimed != user:
            raise ChannelError(
                ReplyCode.PRECONDITION_FAILED,
                f"user_id property set to '{claimed}' but authenticated user was '{user}'",
            )
        return received

    def _send_back(self, message: Message) -> None:
        """Return a message to who published it."""
        channel = self._channel
        envelope = message.envelope
        method = BasicReturn(
            reply_code=ReplyCode.NO_ROUTE,
            reply_text=ReplyCode.NO_ROUTE.name,
            exchange=envelope.exchange,
            routing_key=envelope.routing_key,
        )
        send_content(channel.wire, channel.number, method, message)


def _about_publish(error: AmqpError) -> AmqpError:
    error.method = BasicPublish.KEY
    return error
