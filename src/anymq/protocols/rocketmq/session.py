"""One RocketMQ connection: frames in, calls on their way, answers out as they come.

Name servers and brokers are asked the same way: a session answers both.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import TYPE_CHECKING

from anymq.config.units import MIB
from anymq.core.flow import MEMORY
from anymq.core.rights.access import ANONYMOUS, Access
from anymq.core.taps import Origin
from anymq.core.vhosts.vhosts import DEFAULT
from anymq.protocols.rocketmq import hosts, login
from anymq.protocols.rocketmq.call import Call
from anymq.protocols.rocketmq.codec import (
    ONEWAY,
    Decoder,
    Frame,
    Kind,
    Limits,
    MalformedFrame,
    encode,
)
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.errors import REFUSALS
from anymq.protocols.session import Outbox, Peer

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

TURN_SECONDS = 0.005  # then it is the turn of the others
LOOK_EVERY = 32  # frames, at the clock
ASKED_MAX = 1000  # requests of ours that the client has not answered
ASKED_SECONDS = 30.0
# Than a message: fields, and what is around it. A message that is too large is better refused with
# a code than by hanging up, so there is room for it, as with RocketMQ (whose frames have 16 MiB).
FRAME_BYTES_MORE = 12 << 20
# The requests that bring messages: they wait, or are refused, when we are short of something.
SENDS = frozenset(
    {
        RequestCode.SEND_MESSAGE,
        RequestCode.SEND_MESSAGE_V2,
        RequestCode.SEND_BATCH_MESSAGE,
        RequestCode.CONSUMER_SEND_MSG_BACK,
        RequestCode.SEND_REPLY_MESSAGE,
        RequestCode.SEND_REPLY_MESSAGE_V2,
    }
)
Answered = Callable[[Frame | None], None]  # None: nobody answers any more


class RocketMqSession:
    """The broker's side of one connection."""

    __slots__ = (
        "__weakref__",
        "_asked",
        "_backlog",
        "_decoder",
        "_frame_began",
        "_last_heard",
        "_opaque",
        "_open_bytes",
        "_open_calls",
        "_outbox",
        "_sends",
        "_waiting",
        "_waits",
        "_who",
        "access",
        "born_host",
        "client_id",
        "closed",
        "gone",
        "held_bytes",
        "language",
        "peer",
        "reason",
        "requests",
        "rocketmq",
        "since_ms",
        "store_host",
        "user",
        "version",
        "vhost_name",
    )

    def __init__(self, rocketmq: "RocketMq", outbox: Outbox, peer: Peer) -> None:
        self.closed = self.gone = False
        self.reason = ""
        self.rocketmq = rocketmq
        self.peer = peer
        self.access: Access | None = None  # of the last user that it showed
        self.user = ""
        self._who = Origin("rocketmq", peer.connection_name, 0, "")
        self.vhost_name = DEFAULT
        self.client_id = ""  # as its heartbeats say
        self.language = ""
        self.version = 0
        self.since_ms = rocketmq.broker.clock.wall_ms()
        self.born_host = hosts.packed(peer.host, peer.port)  # in messages that it sends
        self.store_host = hosts.packed(*self._stored_at())  # in the ids of messages
        self.requests = 0
        self.held_bytes = self._open_bytes = 0
        self._outbox = outbox
        self._backlog = rocketmq.broker.backlog
        self._decoder = Decoder(Limits())
        self._limit()
        self._open_calls: set[Call] = set()  # that wait for the disk
        self._waiting: set[Call] = set()  # that wait for messages
        self._waits = False  # there was no time or no room
        self._sends = False  # it sends messages: it may have to wait for the disk
        self._opaque = 0  # of our own requests
        self._asked: dict[int, tuple[float, Answered]] = {}
        self._last_heard = rocketmq.broker.clock.monotonic()
        self._frame_began: float | None = None
        rocketmq.connected.add(self)
        rocketmq.broker.flow.listen(self.wake)

    # What carries us asks

    @property
    def who(self) -> Origin:
        """Who this is, for whoever listens to what happens. Every send asks."""
        if self._who.user != self.user:
            self._who = Origin("rocketmq", self.peer.connection_name, 0, self.user)
        return self._who

    @property
    def reading(self) -> bool:
        """Who has much under way, or takes nothing of what it is owed, has to wait."""
        self._report()
        return not self._waits and self._may_act

    @property
    def more(self) -> bool:
        """Could it go on with what it left?"""
        return self._waits and not self.closed and self._may_act

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon? Not those that wait for messages."""
        return not self.closed and bool(self._open_calls)

    @property
    def unfinished_bytes(self) -> int:
        """How much waits for its rest, or for its turn."""
        return self._decoder.held_bytes

    def receive(self, data: memoryview) -> None:
        """Act on every whole frame there is now, as long as there is time and room."""
        self._last_heard = self.rocketmq.broker.clock.monotonic()
        self._decoder.feed(data)
        if self._waits or not self._may_act:
            self._waits = True
            return
        self._act()

    def go_on(self) -> None:
        """Act on what is left."""
        if self._waits and self._may_act:
            self._waits = False
            self._act()

    def wake(self) -> None:
        """There is room again: let the carrier see."""
        self._outbox.wake()

    def tick(self, now: float) -> float | None:
        """Hang up on who is silent, or slow; forget questions that nobody answers."""
        settings = self.rocketmq.settings
        for opaque in [one for one, asked in self._asked.items() if asked[0] < now]:
            self._asked.pop(opaque)[1](None)
        reading = self.reading
        if not reading:
            self._last_heard = now  # it may be saying something: we do not listen
            self._frame_began = None
        held = self._decoder.held_bytes
        if not held or self._waits:
            self._frame_began = None
        elif self._frame_began is None:
            self._frame_began = now
        elif now - self._frame_began > settings.frame_seconds_max:
            self.hang_up("a request was not whole in time")
        idle = not (self._open_calls or self._waiting or self._outbox.size)
        if idle and now - self._last_heard > settings.idle_seconds_max:
            self.hang_up("idle")
        elif reading and not (held or self._asked):
            return self._last_heard + settings.idle_seconds_max if idle else inf
        return None

    def peer_gone(self) -> None:
        """Waiting pulls end; what was written stays written."""
        self.closed = self.gone = True
        self.rocketmq.connected.discard(self)
        self.rocketmq.broker.flow.forget(self.wake)
        waiting, self._waiting = self._waiting, set()
        for call in waiting:
            if call.on_gone is not None:
                call.on_gone()
        self._open_calls.clear()
        asked, self._asked = self._asked, {}
        for _, then in asked.values():
            then(None)
        self.rocketmq.clients.closed(self)
        self._decoder.clear()
        self.rocketmq.memory.leave(self)

    # As tools show it

    @property
    def protocol(self) -> str:
        """The protocol, as lists name it."""
        return "RocketMQ"

    @property
    def keep_alive(self) -> int:
        """How many seconds it may be silent."""
        return int(self.rocketmq.settings.idle_seconds_max)

    @property
    def facts(self) -> Mapping[str, object]:
        """What else there is to say of it."""
        return {
            "client_properties": {
                "client_id": self.client_id,
                "platform": self.language,
                "version": str(self.version),
                "groups": sorted({name for _, name in self.rocketmq.clients.groups_of(self)}),
            }
        }

    def hang_up(self, reason: str) -> None:
        """Close, when everything is sent."""
        self.closed = True
        self.reason = self.reason or reason
        self._decoder.clear()
        self._outbox.wake()

    # Calls

    def answered(self, call: Call, head: bytes = b"", body: bytes = b"") -> None:
        """Send an answer, in whatever order they come."""
        if call in self._open_calls:
            self._open_calls.discard(call)
            self._open_bytes -= call.frame.size
        else:
            self._waiting.discard(call)
        if self.gone:
            return
        if head:
            self._outbox.write(head)
            if body:
                self._outbox.write(body)
        elif self._waits:
            self._outbox.wake()  # there may be room

    @property
    def may_take(self) -> bool:
        """Is it given messages that it has waited for? Not while it takes none of what it is owed:
        those who wait are many, and would all get some at once.
        """
        self._report()
        owed, most = self._outbox.size, self.rocketmq.settings.delivery_bytes_max
        return owed < most and self.rocketmq.memory.admits(self)

    def can_wait(self) -> bool:
        """May one more of its pulls wait for messages?"""
        return len(self._waiting) < self.rocketmq.settings.pulls_max

    # Our own requests

    def tell(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> None:
        """Tell the client something; it does not answer."""
        if not self.closed:
            self._opaque += 1
            self._outbox.write(encode(code, self._opaque, ONEWAY, ext, body, kind=self._kind))

    def members_changed(self, group: str) -> None:
        """Have the client look again who is in its group: they share queues among themselves."""
        self.tell(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, {"consumerGroup": group})
        self.wake()

    def ask(self, code: int, ext: Mapping[str, object], then: Answered, body: bytes = b"") -> None:
        """Ask the client something; `then` has its answer, or None when there never is one."""
        if self.closed or len(self._asked) >= ASKED_MAX:
            then(None)
            return
        self._opaque += 1
        until = self.rocketmq.broker.clock.monotonic() + ASKED_SECONDS
        self._asked[self._opaque] = (until, then)
        self._outbox.write(encode(code, self._opaque, 0, ext, body, kind=self._kind))

    # Frames

    def _act(self) -> None:
        changes = self.rocketmq.broker.changes
        changes.actor = self
        try:
            self._act_on_frames()
        finally:
            changes.actor = None

    def _act_on_frames(self) -> None:
        clock, count = self.rocketmq.broker.clock, 0
        turn_ends = self._last_heard + TURN_SECONDS
        while not self.closed and (frame := self._next()) is not None:
            self._on_frame(frame)
            count += 1
            late = count % LOOK_EVERY == 0 and clock.monotonic() > turn_ends
            if self._outbox.memory > self.held_bytes + MIB:
                self._report()
            if self._decoder.held_bytes and (late or not self._may_act):
                self._waits = True
                return

    def _next(self) -> Frame | None:
        try:
            return self._decoder.next()
        except MalformedFrame as error:
            self.rocketmq.counters.malformed += 1
            self.hang_up(f"not RocketMQ's protocol: {error}")
            return None

    def _on_frame(self, frame: Frame) -> None:
        if frame.is_answer:
            asked = self._asked.pop(frame.opaque, None)
            if asked is not None:
                asked[1](frame)
            return
        self.requests += 1
        self.language, self.version = frame.language, frame.version
        self.rocketmq.counters.note(frame.code)
        self._begin(frame)

    def _begin(self, frame: Frame) -> None:
        try:
            access = login.access_of(self, frame)
        except REFUSALS as error:
            self.rocketmq.counters.logins_failed += 1
            Call(self, frame, Access(self.rocketmq.broker.users, ANONYMOUS, self.peer.host)).fail(
                error
            )
            return
        self.user = access.user
        call = Call(self, frame, access)
        handler = self.rocketmq.handlers.get(frame.code)
        if handler is None:
            remark = f"request type {frame.code} not supported"
            call.refuse(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark)
            return
        if frame.code in SENDS:
            self._sends = True
            if MEMORY in self.rocketmq.broker.flow.alarms:
                call.refuse(ResponseCode.SYSTEM_BUSY, "the broker is short of memory")
                return
        self._run(handler, call)

    def _run(self, handler: Callable[[Call], None], call: Call) -> None:
        try:
            handler(call)
        except REFUSALS as error:
            if not call.answered:
                call.fail(error)
        if call.answered:
            return
        if call.on_gone is not None:
            self._waiting.add(call)
        else:
            self._open_calls.add(call)
            self._open_bytes += call.frame.size

    @property
    def _kind(self) -> Kind:
        return Kind.JSON  # every client reads it

    def _stored_at(self) -> tuple[str, int]:
        host, port = hosts.advertised(self.rocketmq, self.peer)
        return (host, port) if hosts.is_ip(host) else (self.peer.local_host, port)

    # Room

    @property
    def _may_act(self) -> bool:
        """Hot: the carrier asks after everything that comes and goes."""
        backlog = self._backlog
        return (
            not self.closed
            and self._has_room()
            and self.rocketmq.memory.admits(self)
            and (not self._sends or backlog.size < backlog.limit or backlog.admits(self.wake))
        )

    def _has_room(self) -> bool:
        settings = self.rocketmq.settings
        return (
            self._open_bytes < settings.requests_bytes_max
            and len(self._open_calls) < settings.requests_max
            and self._outbox.size < settings.unsent_bytes_max
        )

    def _limit(self) -> None:
        settings, limits = self.rocketmq.settings, self._decoder.limits
        limits.header_bytes_max = settings.header_bytes_max
        limits.frame_bytes_max = settings.message_bytes_max + FRAME_BYTES_MORE

    def _report(self) -> None:
        """Say how much memory all this takes."""
        held = self._outbox.memory + self._decoder.held_bytes + self._open_bytes
        if held != self.held_bytes:
            self.rocketmq.memory.report(self, held)
