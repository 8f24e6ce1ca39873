"""A client's side of a conversation in AMQP 0-9-1: one connection, one channel."""

from collections import deque
from collections.abc import Callable
from struct import Struct
from typing import Any, Protocol

import anymq
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import (
    AMQP_0_9_1,
    BODY,
    EMPTY_FRAME_BYTES,
    END,
    FRAME,
    HEADER,
    HEARTBEAT_FRAME,
    METHOD,
    content_frames,
    method_frame,
)
from anymq.protocols.amqp.errors import AmqpError, ReplyCode
from anymq.protocols.amqp.method import Method, decode
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.uris import AmqpUri

CHANNEL = 1
FRAME_BYTES_MAX = 131_072
FRAME_BYTES_MIN = 4096
UNSENT_BYTES_MAX = 4 * 1024 * 1024
OPENING_SECONDS = 30.0
GOODBYE = "Goodbye"
HUNG_UP = "the broker hung up"
OK = 200

CAPABILITIES = {
    "basic.nack": True,
    "connection.blocked": True,
    "consumer_cancel_notify": True,
    "publisher_confirms": True,
    "authentication_failure_close": True,
    "exchange_exchange_bindings": True,
}

_SIZE = Struct(">HHQ")  # of a header frame: class, weight, size of the body

Answered = Callable[[Any], None]


class Malformed(Exception):
    """What came is not the protocol."""


class User(Protocol):
    """Whoever uses the channel."""

    def opened(self) -> None:
        """The channel is open."""

    def on_content(self, method: Method, properties: bytes, body: bytes) -> None:
        """A message came: delivered, or returned."""

    def on_method(self, method: Method) -> None:
        """Something came that nobody asked for: confirms, a cancelled consumer."""

    def on_blocked(self, blocked: bool) -> None:
        """The broker wants nothing published, or does again."""

    def on_room(self) -> None:
        """What was to be sent is mostly gone."""

    def lost(self, why: str) -> None:
        """The connection is gone."""


class AmqpClient:
    """One conversation. It begins by itself; `user.opened` says that its channel is open."""

    def __init__(
        self,
        outbox: Outbox,
        peer: Peer,
        *,
        uri: AmqpUri,
        name: str,
        user: User,
        message_bytes_max: int,
    ) -> None:
        self.closed = False
        self.reason = ""  # for the log: the shovel says it, nobody else has to
        self.more = False
        self.busy = False
        self.paused = False
        self._outbox = outbox
        self._uri = uri
        self._name = name
        self._user = user
        self._message_bytes_max = message_bytes_max
        self._rest = bytearray()
        self._frame_max = FRAME_BYTES_MAX
        self._heartbeat = 0
        self._why = ""
        self._open = self._full = False
        self._asked: deque[tuple[type[Method], Answered]] = deque()
        self._absent: Callable[[], None] | None = None  # what to do when it is not there
        self._method: Method | None = None  # whose content is on its way
        self._properties = b""
        self._body: list[bytes] = []
        self._missing = -1  # bytes of its body; -1: the header
        self._now = self._since = self._heard = self._sent = 0.0
        outbox.write(AMQP_0_9_1)

    # What the carrier asks

    @property
    def reading(self) -> bool:
        """Not while its user has enough."""
        return not self.paused

    def receive(self, data: memoryview) -> None:
        """Act on every whole frame."""
        self._heard = self._now
        self._rest += data
        try:
            self._act()
        except (Malformed, AmqpError) as error:
            self._end(f"what came is not AMQP 0-9-1: {error}")
        self._look_for_room()

    def go_on(self) -> None:
        """Nothing is ever left."""

    def tick(self, now: float) -> None:
        """Send heartbeats, notice silence. Who does not listen cannot hear any."""
        if not self._now:
            self._since = self._heard = self._sent = now
        self._now = now
        self._look_for_room()
        if self.paused:
            self._heard = now
        if not self._open:
            if now - self._since > OPENING_SECONDS:
                self._end("the broker does not answer")
        elif self._heartbeat:
            self._beat(now)

    def _beat(self, now: float) -> None:
        if now - self._heard > 2 * self._heartbeat:
            self._end(f"the broker is silent for more than {2 * self._heartbeat} s")
        elif now - self._sent >= self._heartbeat / 2:
            self._sent = now
            self._outbox.write(HEARTBEAT_FRAME)

    def peer_gone(self) -> None:
        """The connection is gone, or was closed by us."""
        self.closed = True
        user, self._user = self._user, _NOBODY
        self._rest.clear()
        self._asked.clear()
        user.lost(self._why or self.reason or HUNG_UP)

    # What its user asks

    @property
    def is_open(self) -> bool:
        """Was there ever a channel?"""
        return self._open

    @property
    def has_room(self) -> bool:
        """May more be sent?"""
        if self._outbox.size < UNSENT_BYTES_MAX:
            return True
        self._full = True
        return False

    def ask(self, method: Method, answer: type[Method], then: Answered) -> None:
        """Say something that is answered, in the order of asking."""
        self._asked.append((answer, then))
        self.say(method)

    def look_for(self, queue: str, then: Answered, absent: Callable[[], None]) -> None:
        """Is this queue there? If not, the channel is opened anew. Ask nothing else meanwhile."""

        def found(answer: Method) -> None:
            self._absent = None
            then(answer)

        self._absent = absent
        look = methods.QueueDeclare(queue, True, False, False, False, False, {})
        self.ask(look, methods.QueueDeclareOk, found)

    def say(self, method: Method) -> None:
        """Say something that is not."""
        self._outbox.write(method_frame(CHANNEL, method))

    def publish(self, method: methods.BasicPublish, properties: bytes, body: bytes) -> None:
        """Publish a message."""
        content = content_frames(CHANNEL, properties, body, self._frame_max)
        self._outbox.write(method_frame(CHANNEL, method) + content)

    def pause(self, paused: bool) -> None:
        """Listen no more, or again."""
        if paused != self.paused:
            self.paused = paused
            self._outbox.wake()

    def close(self) -> None:
        """Say goodbye, and hang up when it is answered, or was not for a while."""
        self._user = _NOBODY
        if self.closed:
            return
        self.paused = False
        if self._open:
            close = methods.ConnectionClose(OK, GOODBYE, 0, 0)
            self._outbox.write(method_frame(0, close))
        self.closed = True
        self._outbox.wake()

    # Frames

    def _act(self) -> None:
        data, at = bytes(self._rest), 0
        self._rest.clear()
        if data.startswith(b"AMQP"):
            raise Malformed("it wants another version")
        while len(data) - at >= FRAME.size and not self.closed:
            kind, channel, size = FRAME.unpack_from(data, at)
            if size > self._frame_max:
                raise Malformed("a frame is too large")
            end = at + EMPTY_FRAME_BYTES + size
            if end > len(data):
                break
            if data[end - 1] != END:
                raise Malformed("a frame has no end")
            self._on_frame(kind, channel, data[at + FRAME.size : end - 1])
            at = end
        self._rest += memoryview(data)[at:]

    def _on_frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == METHOD:
            self._on_method(channel, decode(payload))
        elif kind == HEADER and self._method is not None and self._missing < 0:
            self._on_header(payload)
        elif kind == BODY and self._missing > 0:
            self._body.append(payload)
            self._missing -= len(payload)
            self._content_came()
        elif kind in (HEADER, BODY):
            raise Malformed("content that nobody announced")

    def _on_header(self, payload: bytes) -> None:
        if len(payload) < _SIZE.size:
            raise Malformed("a header is too short")
        size: int = _SIZE.unpack_from(payload)[2]
        if size > self._message_bytes_max:
            raise Malformed(f"a message of {size} bytes is too large")
        self._properties, self._missing = payload[_SIZE.size :], size
        self._content_came()

    def _content_came(self) -> None:
        if self._missing > 0:
            return
        if self._missing < 0:
            raise Malformed("a body is longer than its header says")
        method, self._method, self._missing = self._method, None, -1
        body, self._body = b"".join(self._body), []
        assert method is not None
        self._user.on_content(method, self._properties, body)

    def _on_method(self, channel: int, method: Method) -> None:
        if self._method is not None:
            raise Malformed("a message without its content")
        if method.CONTENT:
            self._method = method
        elif channel == 0:
            self._on_connection(method)
        elif isinstance(method, methods.ChannelClose):
            self._on_channel_close(method)
        elif self._asked and isinstance(method, self._asked[0][0]):
            self._asked.popleft()[1](method)
        else:
            self._user.on_method(method)

    def _on_channel_close(self, close: methods.ChannelClose) -> None:
        absent, self._absent = self._absent, None
        if absent is None or close.reply_code != ReplyCode.NOT_FOUND:
            self._end(f"{close.reply_code} {close.reply_text}")
            return
        self._asked.clear()
        self.say(methods.ChannelCloseOk())
        self.ask(methods.ChannelOpen(), methods.ChannelOpenOk, lambda _: absent())

    def _on_connection(self, method: Method) -> None:
        match method:
            case methods.ConnectionStart():
                self._log_in()
            case methods.ConnectionTune():
                self._tune(method)
            case methods.ConnectionOpenOk():
                self.ask(methods.ChannelOpen(), methods.ChannelOpenOk, self._opened)
            case methods.ConnectionClose():
                self._outbox.write(method_frame(0, methods.ConnectionCloseOk()))
                self._end(f"{method.reply_code} {method.reply_text}")
            case methods.ConnectionBlocked():
                self._user.on_blocked(True)
            case methods.ConnectionUnblocked():
                self._user.on_blocked(False)

    def _log_in(self) -> None:
        uri = self._uri
        said = {
            "product": "anymq",
            "version": anymq.__version__,
            "connection_name": self._name,
            "capabilities": CAPABILITIES,
        }
        secret = b"" if uri.external else f"\0{uri.user}\0{uri.password}".encode()
        mechanism = "EXTERNAL" if uri.external else "PLAIN"
        answer = methods.ConnectionStartOk(said, mechanism, secret, "en_US")
        self._outbox.write(method_frame(0, answer))

    def _tune(self, tune: methods.ConnectionTune) -> None:
        self._frame_max = min(tune.frame_max or FRAME_BYTES_MAX, FRAME_BYTES_MAX)
        if self._frame_max < FRAME_BYTES_MIN:
            raise Malformed("its frames are too small")
        self._heartbeat = self._uri.heartbeat
        answer = methods.ConnectionTuneOk(tune.channel_max, self._frame_max, self._heartbeat)
        self._outbox.write(method_frame(0, answer))
        self._outbox.write(method_frame(0, methods.ConnectionOpen(self._uri.vhost)))

    def _opened(self, _: Method) -> None:
        self._open = True
        self._user.opened()

    def _look_for_room(self) -> None:
        if self._full and self._outbox.size < UNSENT_BYTES_MAX // 2:
            self._full = False
            self._user.on_room()

    def _end(self, why: str) -> None:
        """Hang up, and say why."""
        self._why = why
        self.closed = True
        self.paused = False
        self._outbox.wake()


class _Nobody:
    """Who uses a connection that is being closed."""

    def opened(self) -> None:
        pass

    def on_content(self, method: Method, properties: bytes, body: bytes) -> None:
        pass

    def on_method(self, method: Method) -> None:
        pass

    def on_blocked(self, blocked: bool) -> None:
        pass

    def on_room(self) -> None:
        pass

    def lost(self, why: str) -> None:
        pass


_NOBODY = _Nobody()
