"""The channels of one connection: what is for which, how they open, fail and close."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from anymq.core.broker import Broker
from anymq.core.errors import NotAllowed
from anymq.core.rights.permit import Permit
from anymq.core.vhosts.vhost import VirtualHost
from anymq.protocols.amqp.codec import (
    BODY,
    CONTENT,
    HEADER,
    HEARTBEAT,
    METHOD,
    method_frame,
    snippet,
)
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.errors import (
    REFUSALS,
    AmqpError,
    ChannelError,
    ConnectionFault,
    ReplyCode,
    forced,
    to_amqp,
)
from anymq.protocols.amqp.methods import (
    KEY,
    BasicAck,
    BasicPublish,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ChannelOpenOk,
    Method,
    decode,
)
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.amqp.wire import Channel, Done, MakeChannel
from anymq.protocols.session import Outbox, Peer
from anymq.storage.files import Buffer

MESSAGE_BYTES_MAX = 512 * 1024 * 1024  # RabbitMQ's: beyond it the frame itself is an error


class Content:
    """A method that waits for its header or for the rest of its body."""

    __slots__ = ("method", "parts", "payload", "properties", "size", "waits_for")

    def __init__(self, method: Method, payload: bytes) -> None:
        self.method = method
        self.payload = payload
        self.properties: bytes | None = None  # no header yet
        self.size = 0
        self.waits_for = 0  # bytes of the body
        self.parts: list[bytes] = []

    @property
    def received(self) -> int:
        """How much of it takes memory."""
        return self.size - self.waits_for if self.parts else 0


class Channels:
    """The `Wire` of its channels.

    `ready` are those that are open and between two methods: the session's loop looks there first.
    """

    __slots__ = (
        "_closing",
        "_contents",
        "_ending",
        "_make",
        "_on_fault",
        "_open",
        "acting",
        "broker",
        "channel_max",
        "client_capabilities",
        "counters",
        "frame_max",
        "holds",
        "name",
        "outbox",
        "owner",
        "peer",
        "permit",
        "ready",
        "rights_changed",
        "scheduled",
        "settings",
        "touched",
        "user",
        "vhost",
        "waiting",
    )

    def __init__(
        self,
        broker: Broker,
        vhost: VirtualHost,
        user: str,
        *,
        name: str,
        permit: Permit,
        frame_max: int,
        channel_max: int,
        capabilities: Mapping[str, Any],
        settings: AmqpSettings,
        outbox: Outbox,
        make_channel: MakeChannel,
        counters: Counters,
        on_fault: Callable[[AmqpError, int], None],
    ) -> None:
        self.broker = broker
        self.vhost = vhost
        self.name = name
        self.user = user
        self.permit = permit
        self.rights_changed = False
        self.frame_max = frame_max
        self.channel_max = channel_max
        self.client_capabilities = capabilities
        self.settings = settings
        self.outbox = outbox
        self.counters = counters
        self.owner: object = self
        self.peer: Peer | None = None  # whom tools are shown
        self.ready: dict[int, Channel] = {}
        self.touched: dict[Channel, None] = {}
        self.scheduled = False  # for the end of the turn
        self.acting = False  # is a read acted on? Then who is touched is not forgotten
        self.waiting: dict[Channel, None] = {}  # for room
        self.holds = 0
        self._open: dict[int, Channel] = {}
        self._contents: dict[int, Content] = {}
        self._closing: set[int] = set()  # they have yet to say close-ok
        self._ending: set[int] = set()  # we have yet to say close-ok
        self._make = make_channel
        self._on_fault = on_fault

    def __len__(self) -> int:
        return len(self._open) + len(self._closing) + len(self._ending)

    @property
    def all(self) -> Mapping[int, Channel]:
        """Those that are open, by their numbers."""
        return self._open

    @property
    def busy(self) -> bool:
        """Is something under way that is answered soon?"""
        return bool(self.holds or self._ending or self.touched)

    @property
    def received_bytes(self) -> int:
        """How much there is of bodies that are not whole."""
        if not self._contents:
            return 0
        return sum(content.received for content in self._contents.values())

    # What a channel sees (Wire)

    @property
    def has_room(self) -> bool:
        """May more be delivered now?"""
        return self.outbox.size < self.settings.delivery_bytes_max

    def send(self, channel: int, method: Method) -> None:
        """Send a method that has no content."""
        self.outbox.write(method_frame(channel, method))

    def write(self, data: Buffer) -> None:
        """Send whole frames."""
        self.outbox.write(data)

    def close_channel(self, channel: int, error: AmqpError, method: int = 0) -> None:
        """Close it, or the connection, from outside of a handler."""
        self.fail(channel, error, method)

    def hold(self) -> Done:
        """Act on nothing more until what is returned is called."""
        self.holds += 1
        return partial(_once, [self._release])

    def wait_for_room(self, channel: Channel) -> None:
        """Call its `on_room` when there is some."""
        self.waiting[channel] = None

    def touch(self, channel: Channel) -> None:
        """Call its `end_of_read` soon."""
        self.touched[channel] = None
        if not self.acting:
            self.broker.turn.add(self)

    def on_rights(self) -> None:
        """The user's rights have changed. Many may change in a turn: they are looked at once."""
        self.rights_changed = True
        if not self.acting:
            self.broker.turn.add(self)

    def _look_at_rights(self) -> None:
        self.rights_changed = False
        if self.vhost.ended:
            self._on_fault(forced(f"vhost '{self.vhost.name}' is deleted"), 0)
        elif self.user not in self.broker.users:
            self._on_fault(forced(f"user '{self.user}' is deleted"), 0)
        elif not self.permit.may_enter:
            self._on_fault(ConnectionFault(ReplyCode.NOT_ALLOWED, self.permit.no_entry), 0)
        else:
            for channel in list(self._open.values()):
                self._guarded(channel, channel.on_rights)

    def _release(self) -> None:
        self.holds -= 1
        self.outbox.wake()

    # What the session does with them

    def on_frame(self, kind: int, number: int, payload: bytes) -> None:
        """Act on a frame for a channel."""
        check_frame(kind, payload)
        if kind == HEARTBEAT:
            raise unexpected_frame(kind, payload)
        if number in self._closing or number in self._ending:
            self._on_frame_while_closing(kind, number, payload)
        elif (content := self._contents.get(number)) is not None:
            self._on_content(number, content, kind, payload)
        elif kind != METHOD:
            raise _expected("method frame", "got non method frame instead")
        else:
            method = _decoded(payload)
            self.counters.methods[method.KEY] += 1
            self._on_method(number, method, payload)

    def on_room(self) -> None:
        """Let those deliver again who waited for room."""
        waiting, self.waiting = self.waiting, {}
        for channel in waiting:
            self._guarded(channel, channel.on_room)

    def end_of_read(self) -> None:
        """Let everybody who was touched finish."""
        if self.rights_changed:
            self._look_at_rights()
        touched = self.touched
        while touched:
            channel = next(iter(touched))
            del touched[channel]
            self._guarded(channel, channel.end_of_read)
        self.acting = False

    def pump(self) -> bool:
        """A turn ends: whoever was touched outside of a read (by the disk) finishes now."""
        if not self.acting:
            self.end_of_read()
        return False

    def flush(self) -> None:
        """Nothing goes to the disk from here."""

    def fail(self, number: int, error: Exception, method: int) -> None:
        """Close a channel for an error; or all of them, if it is of that kind."""
        fault = to_amqp(error)
        method = method if fault.method is None else fault.method
        if not isinstance(fault, ChannelError) or not number:
            self._on_fault(fault, method)
        elif (channel := self._forget(number)) is not None:
            self._closing.add(number)
            self._finish(channel)
            channel.close(_nobody_waits)
            close = ChannelClose(fault.code, fault.reply_text, method >> 16, method & 0xFFFF)
            self.send(number, close)

    def end(self, then: Done) -> None:
        """Close them all, and delete their exclusive queues; then `then`."""
        numbers = list(self._open)
        waits = [len(numbers) + 1]

        def one_less() -> None:
            waits[0] -= 1
            if not waits[0]:
                then()

        for number in numbers:
            channel = self._forget(number)
            assert channel is not None
            self._finish(channel)
            channel.close(partial(_once, [one_less]))
        self._closing.clear()
        self._ending.clear()
        self.vhost.owner_gone(self.owner)
        one_less()

    # Opening and closing

    def _on_method(self, number: int, method: Method, payload: bytes) -> None:
        channel = self._open.get(number)
        if channel is None:
            self._begin(number, method)
        elif method.CONTENT:
            self._contents[number] = Content(method, payload)
            del self.ready[number]
        elif type(method) is BasicAck:
            self.touched[channel] = None
            channel.on_ack(method.delivery_tag, method.multiple)
        elif type(method) is ChannelClose:
            self._close_as_asked(number)
        elif type(method) is ChannelOpen:
            raise ConnectionFault(ReplyCode.CHANNEL_ERROR, "second 'channel.open' seen")
        else:
            self.touched[channel] = None
            channel.on_method(method)

    def _begin(self, number: int, method: Method) -> None:
        if self.channel_max and len(self) >= self.channel_max:
            raise ConnectionFault(
                ReplyCode.NOT_ALLOWED,
                f"number of channels opened ({len(self)}) has reached the negotiated channel_max"
                f" ({self.channel_max})",
                method=0,
            )
        if type(method) is not ChannelOpen:
            raise ConnectionFault(ReplyCode.CHANNEL_ERROR, "expected 'channel.open'")
        try:
            self.broker.presence.check_channel(self.user)
        except NotAllowed as refused:
            raise ConnectionFault(ReplyCode.NOT_ALLOWED, str(refused), method=0) from None
        self.broker.presence.open_channel(self.user)
        self._open[number] = self.ready[number] = self._make(self, number)
        self.send(number, ChannelOpenOk())

    def _close_as_asked(self, number: int) -> None:
        channel = self._forget(number)
        assert channel is not None
        self._ending.add(number)
        self._finish(channel)
        channel.close(partial(_once, [partial(self._closed_as_asked, number)]))

    def _closed_as_asked(self, number: int) -> None:
        if number in self._ending:  # else the connection has ended
            self._ending.remove(number)
            self.send(number, ChannelCloseOk())

    def _on_frame_while_closing(self, kind: int, number: int, payload: bytes) -> None:
        """What was on its way when the channel was closed is for nobody."""
        key = KEY.unpack_from(payload)[0] if kind == METHOD else 0
        if number in self._ending:
            return
        if key == ChannelCloseOk.KEY:
            self._closing.discard(number)
        elif key == ChannelClose.KEY:
            self.send(number, ChannelCloseOk())

    def _forget(self, number: int) -> Channel | None:
        self.ready.pop(number, None)
        self._contents.pop(number, None)
        channel = self._open.pop(number, None)
        if channel is not None:
            self.broker.presence.close_channel(self.user)
            self.touched.pop(channel, None)
            self.waiting.pop(channel, None)
        return channel

    def _finish(self, channel: Channel) -> None:
        """What came before the end still counts; nobody hears of what is wrong with it."""
        with suppress(*REFUSALS):
            channel.end_of_read()
        self.touched.pop(channel, None)

    def _guarded(self, channel: Channel, act: Callable[[], None]) -> None:
        try:
            act()
        except REFUSALS as error:
            number = next((n for n, each in self._open.items() if each is channel), 0)
            if number:
                self.fail(number, error, BasicPublish.KEY)

    # Content in pieces

    def _on_content(self, number: int, content: Content, kind: int, payload: bytes) -> None:
        if content.properties is None:
            self._on_header(number, content, kind, payload)
        else:
            self._on_body(number, content, kind, payload)

    def _on_header(self, number: int, content: Content, kind: int, payload: bytes) -> None:
        key = content.method.KEY
        class_id, weight, size = CONTENT.unpack_from(payload) if kind == HEADER else (0, 1, 0)
        if weight:
            raise _expected(
                f"content header for class {key >> 16}",
                "got non content header frame instead",
                key,
            )
        if class_id != key >> 16:
            raise _expected(
                f"content header for class {key >> 16}",
                f"got one for class {class_id} instead",
                key,
            )
        if size > MESSAGE_BYTES_MAX:
            raise ConnectionFault(
                ReplyCode.FRAME_ERROR,
                f"content body size {size} exceeds maximum allowed size {MESSAGE_BYTES_MAX}",
                method=key,
            )
        content.properties = payload[CONTENT.size :]
        content.size = content.waits_for = size
        if not size:
            self._complete(number, content)

    def _on_body(self, number: int, content: Content, kind: int, payload: bytes) -> None:
        if kind != BODY:
            raise _expected(
                "content body", "got non content body frame instead", content.method.KEY
            )
        if len(payload) > content.waits_for:
            raise ConnectionFault(
                ReplyCode.FRAME_ERROR,
                "content body frame exceeds remaining content size",
                method=content.method.KEY,
            )
        content.waits_for -= len(payload)
        if content.size <= self.settings.message_bytes_max:  # else it will be refused anyway
            content.parts.append(payload)
        if not content.waits_for:
            self._complete(number, content)

    def _complete(self, number: int, content: Content) -> None:
        del self._contents[number]
        channel = self.ready[number] = self._open[number]
        limit = self.settings.message_bytes_max
        if content.size > limit:
            raise ChannelError(
                ReplyCode.PRECONDITION_FAILED,
                f"message size {content.size} is larger than configured max size {limit}",
                method=content.method.KEY,
            )
        self.touched[channel] = None
        if type(content.method) is BasicPublish:
            assert content.properties is not None
            body = b"".join(content.parts)
            content.parts.clear()  # a large one is not there twice
            channel.on_publish(content.payload, content.properties, body)
        else:
            channel.on_content(content.method)


def _decoded(payload: bytes) -> Method:
    try:
        return decode(payload)
    except ConnectionFault as fault:
        # Of what is no UTF-8 RabbitMQ does not say the method, unless it is the connection's.
        fault.method = fault.method or 0
        raise


def _expected(what: str, instead: str, method: int = 0) -> ConnectionFault:
    text = f"expected {what}, {instead}"
    return ConnectionFault(ReplyCode.UNEXPECTED_FRAME, text, method=method)


def check_frame(kind: int, payload: bytes) -> None:
    """Refuse what is no frame: of an unknown type, or too short for its type."""
    least = _PAYLOAD_BYTES_MIN.get(kind)
    if least is None or len(payload) < least or (kind == HEARTBEAT and payload):
        raise bad_frame(kind, payload, "unknown_frame")


_PAYLOAD_BYTES_MIN = {METHOD: KEY.size, HEADER: CONTENT.size, BODY: 0, HEARTBEAT: 0}


def unexpected_frame(kind: int, payload: bytes) -> ConnectionFault:
    """Say that this frame has no place here."""
    text = f"type {kind}, {snippet(payload)}"
    return ConnectionFault(ReplyCode.UNEXPECTED_FRAME, text, method=0)


def bad_frame(kind: int, payload: bytes, what: str) -> ConnectionFault:
    """Say that this is no frame, and what is wrong with it."""
    text = f"type {kind}, {snippet(payload)}: {what}"
    return ConnectionFault(ReplyCode.FRAME_ERROR, text, method=0)


def _once(then: list[Done]) -> None:
    """Call what is in there, the first time."""
    if then:
        then.pop()()


def _nobody_waits() -> None:
    pass
