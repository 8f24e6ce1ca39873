"""Publishing: basic.publish, gathered into runs; returns of what went nowhere.

Whoever publishes much sends the same method frame and often the same properties again and again.
So both are understood once, and a message costs what it takes to remember its body.
"""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from anymq.core.errors import Refused
from anymq.core.message import Envelope, Message, Run, Traits
from anymq.core.rights.permit import WRITE
from anymq.core.routing.topic import TOPIC
from anymq.core.vhosts.publishing import addressed
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
    from anymq.core.routing.target import Target, Then
    from anymq.protocols.amqp.channel import Channel

ADDRESSES_MAX = 1024  # methods that a channel remembers

# What a NamedTuple does, without the function around it.
_new_message = cast(Callable[[tuple[Any, ...]], Message], partial(tuple.__new__, Message))


class Address(NamedTuple):
    """What a publish method says."""

    envelope: Envelope
    mandatory: bool


class Aside:
    """A run that may grow on, while messages for other queues come between."""

    __slots__ = ("envelope", "messages", "numbers", "persistent")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.messages: list[Message] = []
        self.persistent = False
        self.numbers: list[tuple[int, int]] = []  # for the confirms: first, how many


class Publisher:
    """Takes what one channel publishes. Errors come out where it is: they close the channel."""

    __slots__ = (
        "_address",
        "_addresses",
        "_aside",
        "_bodies",
        "_channel",
        "_limited",
        "_messages",
        "_method",
        "_now_ms",
        "_permit",
        "_permitted",
        "_persistent",
        "_plain",
        "_properties",
        "_received",
        "_traits",
    )

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._permit = channel.wire.permit
        self._permitted = -1  # the version of the rights by which the addresses are good
        self._limited = False  # at some exchanges, to some routing keys
        self._addresses: dict[bytes, Address] = {}
        self._method: bytes | None = None  # the last one, and what it says
        self._address: Address | None = None
        self._received: bytes | None = None  # the last properties, and as they are kept
        self._properties = b""
        self._traits = Traits()
        # The run that grows: messages, then bodies that share the last properties.
        self._messages: list[Message] = []
        self._bodies: list[bytes] = []
        self._persistent = False
        self._plain = True  # none of them has headers, or comes later
        self._now_ms = 0
        # Runs that others came after, each with the one queue it goes to.
        self._aside: dict[Target, Aside] = {}

    def on_publish(self, method: bytes, properties: bytes, body: bytes) -> None:
        """Take one message. Every one comes by here: benchmarks/micro/amqp_channel.py."""
        if method is not self._method or properties is not self._received:
            self._turn_to(method, properties)
        self._bodies.append(body)

    def flush(self) -> None:
        """Publish what was gathered."""
        self._received = None  # the next message begins a run
        self._gather()
        if self._aside:
            self._set_aside()
            self._publish_aside()
        elif messages := self._messages:
            self._messages = []
            self._publish_run(messages)

    def _publish_run(self, messages: list[Message]) -> None:
        address = self._address
        assert address is not None
        run = Run(messages, persistent=self._persistent)
        transaction = self._channel.transaction
        if transaction is not None:
            transaction.publish(run, mandatory=address.mandatory)
        else:
            self.publish(run, self._channel.answer_of(len(messages)), mandatory=address.mandatory)

    def _turn_to(self, method: bytes, properties: bytes) -> None:
        """Here is another method than before, or other properties; or a run begins."""
        self._gather()
        if self._permitted != self._permit.version:
            self._forget_addresses()
        if method != self._method:
            if self._messages:
                self._set_aside()
            self._address = self._addresses.get(method) or self._address_of(method)
        self._method = method
        if properties != self._received:
            self._look_at(properties)
        if self._limited:
            self._check_keys()
        traits = self._traits
        if self._messages:
            self._persistent |= traits.persistent
            self._plain &= not traits.has_headers
        else:
            self._persistent, self._plain = traits.persistent, not traits.has_headers
            if not self._aside:
                self._now_ms = self._channel.wire.broker.now_ms()
                self._channel.touch()

    def _forget_addresses(self) -> None:
        """Rights have changed: ask again."""
        if self._messages:
            self._set_aside()  # what came before is published
        self._permitted = self._permit.version
        self._limited = self._permit.has_topics
        self._addresses.clear()
        self._method = None

    def _check_keys(self) -> None:
        """Refuse routing keys that the user may not use at this exchange; CC and BCC are some."""
        address = self._address
        assert address is not None
        envelope = address.envelope
        exchange = self._channel.wire.vhost.exchanges.get(envelope.exchange)
        if exchange is None or exchange.declaration.type != TOPIC:
            return
        message = Message(envelope, self._properties, b"", 0)
        try:
            self._permit.topics(WRITE, envelope.exchange, addressed(message)[0])
        except Refused as refused:
            self.flush()
            raise _about_publish(to_amqp(refused)) from None

    def _gather(self) -> None:
        """Make messages of bodies."""
        bodies, address = self._bodies, self._address
        if not bodies:
            return
        assert address is not None
        self._bodies = []
        self._channel.published += len(bodies)
        same = repeat(address.envelope), repeat(self._properties), bodies, repeat(self._now_ms)
        self._messages += map(_new_message, zip(*same))  # noqa: B905 - three of them are endless

    # Runs that others come between: each queue gets its messages in their order, a run at a time.
    # Measured by `./dev bench amqp --only "T, 1,000 queues"`.

    def _set_aside(self) -> None:
        """Keep the run for later if it goes to one queue whatever is in it; else publish it now."""
        messages = self._messages
        if not messages:
            return
        self._messages = []
        address = self._address
        assert address is not None
        target = self._lone_target(address.envelope)
        if target is None:
            self._publish_aside()
            self._publish_run(messages)
            return
        aside = self._aside.get(target)
        if aside is None or aside.envelope is not address.envelope:
            if aside is not None:
                self._push(target, aside)
            aside = self._aside[target] = Aside(address.envelope)
        aside.messages += messages
        aside.persistent |= self._persistent
        confirms = self._channel.confirms
        if confirms is not None:
            aside.numbers.append((confirms.number(len(messages)), len(messages)))

    def _lone_target(self, envelope: Envelope) -> "Target | None":
        if not self._plain or self._channel.transaction is not None:
            return None
        return self._channel.wire.vhost.publishing.lone(envelope)

    def _publish_aside(self) -> None:
        waiting, self._aside = self._aside, {}
        for target, aside in waiting.items():
            self._push(target, aside)

    def _push(self, target: "Target", aside: Aside) -> None:
        run = Run(aside.messages, persistent=aside.persistent)
        numbers = aside.numbers
        try:
            then = self._channel.answer_of_all(numbers) if numbers else None
            self._channel.wire.vhost.publishing.push_alone(target, run, then)
        except (Refused, StorageError) as refused:
            raise _about_publish(to_amqp(refused)) from None

    def publish(self, run: Run, then: "Then | None", *, mandatory: bool) -> None:
        """Hand a run to its queues; what goes nowhere and must not is sent back."""
        returned = self._send_back if mandatory else self._drop
        try:
            self._channel.wire.vhost.publish(
                run, then, mandatory=mandatory, returned=returned, who=self._channel.who
            )
        except (Refused, StorageError) as refused:
            raise _about_publish(to_amqp(refused)) from None

    def _address_of(self, method: bytes) -> Address:
        address = self._addresses.get(method)
        if address is None:
            address = self._understand(method)
            if len(self._addresses) >= ADDRESSES_MAX:
                self._addresses.clear()
            self._addresses[method] = address
        return address

    def _understand(self, method: bytes) -> Address:
        publish = decode(method)
        assert isinstance(publish, BasicPublish)
        if publish.immediate:
            raise ConnectionFault(ReplyCode.NOT_IMPLEMENTED, "immediate=true")
        self._permit.exchange(WRITE, publish.exchange)
        self._channel.wire.vhost.exchange(publish.exchange)  # NotFound: before tx.commit, too
        envelope = Envelope(publish.exchange, publish.routing_key, AMQP_FORM)
        return Address(envelope, publish.mandatory)

    def _look_at(self, received: bytes) -> None:
        """See what these properties mean for us."""
        properties = received
        try:
            flags = int.from_bytes(received[:2], "big")
            if flags & (REPLY_TO | USER_ID):
                properties = self._checked(received)
            traits = AMQP_FORM.traits(properties)
        except InvalidExpiration as error:
            self.flush()
            raise ChannelError(ReplyCode.PRECONDITION_FAILED, str(error)) from None
        except MalformedFields as error:
            self.flush()
            raise ConnectionFault(ReplyCode.SYNTAX_ERROR, str(error)) from None
        except AmqpError:
            self.flush()
            raise
        self._received, self._properties = received, properties
        self._traits = traits

    def _checked(self, received: bytes) -> bytes:
        """Refuse the name of somebody else; put the real name of the reply queue in."""
        if direct_reply.PSEUDO_QUEUE_BYTES in received:
            return direct_reply.with_real_name(self._channel, received)
        if not int.from_bytes(received[:2], "big") & USER_ID:
            return received
        claimed, user = AMQP_FORM.read(received).user_id, self._channel.wire.user
        if claimed != user and not self._permit.may_pose:
            raise ChannelError(
                ReplyCode.PRECONDITION_FAILED,
                f"user_id property set to '{claimed}' but authenticated user was '{user}'",
            )
        return received

    def _drop(self, _message: Message) -> None:
        self._channel.wire.counters.dropped += 1

    def _send_back(self, message: Message) -> None:
        """Return a message to who published it."""
        channel = self._channel
        channel.wire.counters.returned += 1
        channel.returned += 1
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
