"""One AMQP connection: bytes in, frames to whom they are for, and who has to wait.

The loop over the frames is the hottest code there is (benchmarks/micro/amqp_frames.py): there plain
beats pretty.
"""

import struct
from math import inf
from typing import Any

from anymq.protocols.amqp.channels import (
    bad_frame,
    check_frame,
    unexpected_frame,
)
from anymq.protocols.amqp.codec import (
    BASIC,
    BODY,
    EMPTY_FRAME_BYTES,
    END,
    FRAME,
    FRAME_WITH_CONTENT,
    HEADER,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    METHOD,
    method_frame,
)
from anymq.protocols.amqp.conversation import Amqp, Conversation, State
from anymq.protocols.amqp.errors import REFUSALS, to_amqp
from anymq.protocols.amqp.methods import (
    KEY,
    BasicAck,
    BasicPublish,
    ConnectionBlocked,
    ConnectionUnblocked,
    decode,
)
from anymq.protocols.amqp.wire import Channel
from anymq.protocols.session import Outbox, Peer

GREETING_BYTES = 8
TICK_SECONDS = 1.0  # how often we look, about
TURN_SECONDS = 0.005  # then it is the turn of the others
PATTERN_BYTES_MAX = 512  # what comes before a body; longer ones are seldom all the same

NEVER = b""
CONTENT_MIN = 14  # of a header: class, weight, size, flags
PUBLISH = BasicPublish.KEY
PUBLISH_BYTES = KEY.pack(PUBLISH)
ACK = BasicAck.KEY
ACK_BYTES = 13

_FRAME_AND_KEY = struct.Struct(">BHII").unpack_from  # type, channel, size, class and method
_METHOD_FRAME_MIN = 12
_ACK = struct.Struct(">QB").unpack_from

# What comes before the body, the body's size, the channel, its method and properties.
_Pattern = tuple[bytes, int, int, Any, bytes, bytes]
NO_PATTERN: _Pattern = (NEVER, 0, 0, None, b"", b"")


class AmqpSession:
    """The broker's side of one AMQP connection."""

    __slots__ = (
        "_amqp",
        "_blocked",
        "_body_limit",
        "_last_heard",
        "_last_sent",
        "_limit",
        "_needed",
        "_outbox",
        "_pattern",
        "_published",
        "_publishes",
        "_ready",
        "_rest",
        "_told_blocked",
        "_turn_ends",
        "_waits",
        "closed",
        "conversation",
        "held_bytes",
        "reason",
    )

    def __init__(self, amqp: Amqp, outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.reason = ""
        self.conversation = Conversation(amqp, outbox, peer, self._end)
        self.held_bytes = 0
        self._amqp = amqp
        self._outbox = outbox
        outbox.common = amqp.memory
        self._rest = bytearray()  # of a frame, or of more of them, if `_waits`
        self._needed = 0  # with so much, the rest is worth looking at
        self._waits = False  # there was no time or no room
        self._limit = self.conversation.frame_max  # of a frame's payload: 8 more than allowed
        self._body_limit = 0
        self._ready: dict[int, Channel] = {}
        self._last_heard = self._last_sent = amqp.broker.clock.monotonic()
        self._published = False  # did it ever publish while we are short of something?
        self._publishes = False  # did it ever publish?
        self._blocked = self._told_blocked = False
        self._turn_ends = 0.0
        # The last message: most look like the one before, up to the body.
        self._pattern: _Pattern = NO_PATTERN
        amqp.broker.flow.listen(self._on_alarms)

    @property
    def reading(self) -> bool:
        """Who has much under way, does not take what it is owed, or is blocked, has to wait.

        And who publishes, while the disk is behind.
        """
        self._report()
        return (
            not self._waits
            and self._has_room()
            and self._amqp.memory.admits(self)
            and (not self._publishes or self._amqp.broker.backlog.admits(self.wake))
        )

    @property
    def more(self) -> bool:
        """Could it go on with what it left?"""
        channels = self.conversation.channels
        if channels is not None:
            room = self._amqp.settings.delivery_bytes_max // 2
            if channels.waiting and self._outbox.has_room(room):
                return True
            if channels.holds:
                return False
        return (
            self._waits
            and not self.conversation.checking
            and not self._blocked
            and self._has_room()
            and self._amqp.memory.admits(self)
        )

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon?"""
        channels = self.conversation.channels
        closing = self.conversation.state is State.CLOSING and not self.closed
        return closing or (channels is not None and channels.busy)

    @property
    def unfinished_bytes(self) -> int:
        """How much waits for its rest, or for its turn."""
        channels = self.conversation.channels
        bodies = channels.received_bytes if channels is not None else 0
        return len(self._rest) + bodies

    def receive(self, data: memoryview) -> None:
        """Act on every whole frame there is now, as long as there is time and room."""
        self._last_heard = self._amqp.broker.clock.monotonic()
        rest = self._rest
        channels = self.conversation.channels
        if channels.holds if channels is not None else self.conversation.checking:
            rest += data
            self._waits = True
            return
        if not rest:
            whole = bytes(data)
        else:
            rest += data
            if self._waits or len(rest) < self._needed:
                return
            whole = bytes(rest)
            rest.clear()
        self._go(whole)

    def go_on(self) -> None:
        """Act on what is left, and on what came of it."""
        channels = self.conversation.channels
        if channels is not None and channels.waiting and channels.has_room:
            channels.on_room()
        whole = b""
        held = channels.holds if channels is not None else self.conversation.checking
        if self._waits and not held and not self._blocked:
            whole = bytes(self._rest)
            self._rest.clear()
            self._waits = False
        self._go(whole)

    def wake(self) -> None:
        """There is room again: let the carrier see."""
        self._outbox.wake()

    def tick(self, now: float) -> float | None:
        """Send heartbeats, notice silence, end what takes too long."""
        conversation = self.conversation
        conversation.tick(now)
        reading = self.reading
        if not reading:
            self._last_heard = now  # it may be saying something: we do not listen
        interval, due = conversation.heartbeat, inf
        if interval and not self.closed:
            pause = interval / 2 - TICK_SECONDS / 2
            if not self._outbox.size and now - self._last_sent >= pause:
                self._last_sent = now
                self._outbox.write(HEARTBEAT_FRAME)
            if now - self._last_heard > 2 * interval:
                conversation.end(f"missed heartbeats from client, timeout: {interval}s")
            due = min(self._last_sent + pause, self._last_heard + 2 * interval)
        return due if reading and conversation.state is State.RUNNING else None

    def peer_gone(self) -> None:
        """Give back what the peer held."""
        self._amqp.broker.flow.forget(self._on_alarms)
        self.conversation.peer_gone()
        self._pattern, self._ready = NO_PATTERN, {}
        self._rest.clear()
        self._amqp.memory.leave(self)
        self._amqp.broker.turn.run()

    def _end(self, why: str) -> None:
        """Hang up when everything is sent."""
        self.closed = True
        self.reason = self.reason or why

    # Frames

    def _go(self, data: bytes) -> None:
        """Act on what came, then on what that brought about."""
        turn, changes = self._amqp.broker.turn, self._amqp.broker.changes
        turn.attended, changes.actor = True, self.conversation
        try:
            self._act_on(data)
        finally:
            changes.actor = None
            turn.run()
        if self._published:
            self._published, self._publishes = False, True
            self._block_publisher()

    def _act_on(self, data: bytes) -> None:
        channels = self.conversation.channels
        if channels is not None:
            channels.acting = True
        if data:
            self._turn_ends = self._amqp.broker.clock.monotonic() + TURN_SECONDS
            at = self._begin(data) if self.conversation.state is State.GREETING else 0
            while 0 <= at < len(data):
                if self.conversation.state >= State.DEAF:
                    break
                at = self._act(data, at)
        if (channels := self.conversation.channels) is not None:
            channels.end_of_read()

    def _begin(self, data: bytes) -> int:
        """Read the greeting; return where the frames begin, or -1."""
        if len(data) < GREETING_BYTES:
            return self._keep(data, 0, GREETING_BYTES)
        self.conversation.greet(data[:GREETING_BYTES])
        return GREETING_BYTES if not self.closed else -1

    def _keep(self, data: bytes, at: int, needed: int) -> int:
        """Leave the rest until there is so much of it."""
        self._rest += memoryview(data)[at:]
        self._needed = needed
        return -1

    def _act(self, data: bytes, at: int) -> int:  # noqa: C901, PLR0915 - the hot loop
        """Act on frames from `at`; return from where to go on, or -1 when there is nothing to do.

        Here are messages and acks that are whole, for channels that are ready; `_one` has the rest.
        """
        end = len(data)
        last = end - _METHOD_FRAME_MIN
        ready, limit, body_limit = self._ready, self._limit, self._body_limit
        read_frame, read_header, read_ack = _FRAME_AND_KEY, FRAME_WITH_CONTENT.unpack_from, _ACK
        channels = self.conversation.channels
        touched = channels.touched if channels is not None else {}
        pattern, body_bytes, number, channel, method, properties = self._pattern
        ahead = len(pattern) if ready.get(number) is channel else 0
        current: Channel | None = None
        published = acks = key = acting = 0
        try:
            while True:
                if ahead and data.startswith(
                    pattern, at
                ):  # all as in the message before, but its body
                    stop = at + ahead + body_bytes
                    if stop < end and data[stop] == END:
                        body = data[at + ahead : stop]
                        at = stop + 1
                        key = PUBLISH
                        published += 1
                        if channel is not current:
                            current, acting = channel, number
                            touched[channel] = None
                        channel.on_publish(method, properties, body)
                        continue
                if at <= last:
                    kind, to, size, key = read_frame(data, at)
                    stop = at + 7 + size
                    if kind != METHOD:
                        pass
                    elif key == PUBLISH:
                        header = stop + 1
                        if (
                            header + 22 <= end
                            and size <= limit
                            and data[stop] == END
                            and to in ready
                        ):
                            kind, to_, header_size, class_, weight, body_size = read_header(
                                data, header
                            )
                            header_stop = header + 7 + header_size
                            begin = header_stop + 8 if body_size else header_stop
                            body_stop = begin + body_size
                            if (
                                body_stop < end
                                and data[header_stop] == data[body_stop] == END
                                and kind == HEADER
                                and to_ == to
                                and class_ == BASIC
                                and not weight
                                and CONTENT_MIN <= header_size <= limit
                                and body_size <= body_limit
                                and (
                                    not body_size
                                    or data.startswith(FRAME.pack(BODY, to, body_size), begin - 7)
                                )
                            ):
                                payload = data[at + 7 : stop]
                                if payload != method:
                                    method = payload
                                properties = data[header + 19 : header_stop]
                                body = data[begin:body_stop]
                                number, channel = to, ready[to]
                                ahead, body_bytes = begin - at, body_size
                                pattern = data[at:begin] if ahead <= PATTERN_BYTES_MAX else NEVER
                                if not (pattern and body_size):
                                    ahead = 0
                                at = body_stop + 1
                                published += 1
                                if channel is not current:
                                    current, acting = channel, number
                                    touched[channel] = None
                                channel.on_publish(method, properties, body)
                                continue
                    elif (
                        key == ACK
                        and size == ACK_BYTES
                        and stop < end
                        and data[stop] == END
                        and (acking := ready.get(to)) is not None
                    ):
                        tag, bits = read_ack(data, at + 11)
                        at = stop + 1
                        acks += 1
                        if acking is not current:
                            current, acting = acking, to
                            touched[acking] = None
                        acking.on_ack(tag, bits & 1 == 1)
                        continue
                ahead = 0
                at = self._one(data, at)
                if at < 0 or self._ready is not ready:
                    return at
                current = None
        except REFUSALS as error:
            ahead = 0
            assert channels is not None
            channels.fail(acting, error, key)
            return at
        finally:
            self._pattern = (
                pattern if ahead else NEVER,
                body_bytes,
                number,
                channel,
                method,
                properties,
            )
            self._published = self._published or published > 0
            self._amqp.counters.published += published
            self._amqp.counters.acks += acks

    def _one(self, data: bytes, at: int) -> int:
        """Act on one frame, whatever it is; return where the next begins, or -1 to stop here."""
        left = len(data) - at
        if left < FRAME.size:
            return self._keep(data, at, FRAME.size)
        kind, number, size = FRAME.unpack_from(data, at)
        payload_at = at + FRAME.size
        if size > self._limit:
            too_large = f"{{frame_too_large,{size},{self._limit - EMPTY_FRAME_BYTES}}}"
            self.conversation.fault(bad_frame(kind, b"", too_large), deaf=True)
            return -1
        if left < size + EMPTY_FRAME_BYTES:
            return self._keep(data, at, size + EMPTY_FRAME_BYTES)
        payload = data[payload_at : payload_at + size]
        if self._blocked and kind == METHOD and payload.startswith(PUBLISH_BYTES):
            self._waits = True
            return self._keep(data, at, 0)
        if (mark := data[payload_at + size]) != END:
            wrong = f"{{invalid_frame_end_marker,{mark}}}"
            self.conversation.fault(bad_frame(kind, payload, wrong), deaf=True)
            return -1
        self._on_frame(kind, number, payload)
        return self._after_frame(data, at + size + EMPTY_FRAME_BYTES)

    def _after_frame(self, data: bytes, at: int) -> int:
        """Go on, unless something is to be waited for, or it is the turn of the others."""
        if self.closed:
            return -1
        channels = self.conversation.channels
        held = channels.holds if channels is not None else self.conversation.checking
        if held or self._amqp.broker.clock.monotonic() > self._turn_ends:
            self._keep(data, at, 0)
            self._waits = bool(self._rest)
            return -1
        return at

    def _on_frame(self, kind: int, number: int, payload: bytes) -> None:
        conversation = self.conversation
        channels = conversation.channels
        try:
            if not number:
                self._on_connection_frame(kind, payload)
            elif conversation.state is State.RUNNING:
                assert channels is not None
                self._published = self._published or kind in (HEADER, BODY)
                channels.on_frame(kind, number, payload)
            elif conversation.state < State.RUNNING:
                raise unexpected_frame(kind, payload)
        except REFUSALS as error:
            key = KEY.unpack_from(payload)[0] if kind == METHOD and len(payload) >= 4 else 0
            if channels is not None:
                channels.fail(number, error, key)
            else:
                conversation.fault(to_amqp(error), key)

    def _on_connection_frame(self, kind: int, payload: bytes) -> None:
        conversation = self.conversation
        check_frame(kind, payload)
        if kind == METHOD:
            method = decode(payload)
            self._amqp.counters.methods[method.KEY] += 1
            conversation.on_method(method)
            self._take_over()
        elif kind != HEARTBEAT and conversation.state < State.CLOSING:
            raise unexpected_frame(kind, payload)

    def _take_over(self) -> None:
        """Use what may have been agreed on."""
        conversation = self.conversation
        self._limit = conversation.frame_max
        self._body_limit = min(self._limit, conversation.settings.message_bytes_max)
        if conversation.channels is not None and not self._blocked:
            self._ready = conversation.channels.ready

    # Back-pressure

    def _on_alarms(self) -> None:
        """Whoever was blocked goes on when we are short of nothing any more."""
        if self._blocked and not self._amqp.broker.flow.short:
            self._blocked = False
            self._take_over()
            if self._told_blocked:
                self._told_blocked = False
                self._outbox.write(method_frame(0, ConnectionUnblocked()))
            self._outbox.wake()

    def _block_publisher(self) -> None:
        """Who publishes while we are short of something has to wait; the others do not notice.

        It may say anything else: RabbitMQ reads nothing more, not even a goodbye. From now on all
        goes the slow way, which stops before the next message.
        """
        alarms = self._amqp.broker.flow.alarms
        if not alarms or self._blocked or self.conversation.state is not State.RUNNING:
            return
        self._blocked = True
        self._ready = {}
        if self.conversation.capabilities.get("connection.blocked") is True:
            self._told_blocked = True
            reason = f"low on {' & '.join(alarms)}"
            self._outbox.write(method_frame(0, ConnectionBlocked(reason)))

    def _has_room(self) -> bool:
        return self._outbox.size < self._amqp.settings.unsent_bytes_max

    def _report(self) -> None:
        """Say how much memory all this takes."""
        held = self._outbox.memory + self.unfinished_bytes
        if held != self.held_bytes:
            self._amqp.memory.report(self, held)
