"""One STOMP connection: bytes in, frames to whom they are for, and who has to wait."""

from math import inf

from anymq.protocols.session import Outbox, Peer
from anymq.protocols.stomp.codec import Decoder, Frame, FrameLimits, MalformedFrame
from anymq.protocols.stomp.conversation import Conversation, State
from anymq.protocols.stomp.dialect import RABBITMQ, Dialect
from anymq.protocols.stomp.errors import StompError
from anymq.protocols.stomp.stomp import Stomp

TURN_SECONDS = 0.005  # then it is the turn of the others
LOOK_EVERY = 32  # frames, at the clock
PATIENCE = 2.0  # times what the client promised: clocks and networks are not exact
DEAF_SECONDS = 0.25  # for the client to read why; if we hung up at once, it might never get it
HEART_BEAT = b"\n"


class StompSession:
    """The broker's side of one STOMP connection."""

    def __init__(
        self, stomp: Stomp, outbox: Outbox, peer: Peer, *, dialect: Dialect = RABBITMQ
    ) -> None:
        self.closed = False
        self.reason = ""
        self.held_bytes = 0
        self.conversation = Conversation(stomp, outbox, peer, dialect=dialect, on_end=self._go_deaf)
        self._stomp = stomp
        self._outbox = outbox
        outbox.common = stomp.memory
        self._decoder = Decoder(FrameLimits())
        self._limit(logged_in=False)
        self._waits = False  # there was no time or no room
        self._sends = False  # messages: it may have to wait for the broker
        self._deaf_since: float | None = None  # what comes now is read, and forgotten
        self._came = self._last_heard = self._last_said = stomp.broker.clock.monotonic()
        self._said = 0
        stomp.broker.flow.listen(self.wake)

    # What carries us asks

    @property
    def reading(self) -> bool:
        """Who has much under way, takes nothing of what it is owed, or floods us, has to wait."""
        self._report()
        if self._deaf_since is not None:
            return not self.closed
        return not self._waits and self._may_act

    @property
    def more(self) -> bool:
        """Could it go on with what it left?"""
        if self.closed or self._deaf_since is not None:
            return False
        talk = self.conversation.talk
        if talk is not None and talk.subscriptions.unsettled.has_news:
            return True
        return self._waits and self._may_act

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon?"""
        return not self.closed and self._deaf_since is None and bool(self.conversation.wire.owed)

    @property
    def unfinished_bytes(self) -> int:
        """How much waits for its rest, or for its turn."""
        return self._decoder.held_bytes

    def receive(self, data: memoryview) -> None:
        """Act on every whole frame there is now, as long as there is time and room."""
        if self._deaf_since is not None:
            return
        self._last_heard = self._stomp.broker.clock.monotonic()
        self._decoder.feed(data)
        if self._waits or not self._may_go_on:
            self._waits = True
            return
        self._go()

    def go_on(self) -> None:
        """Act on what is left, and on what came of it."""
        talk = self.conversation.talk
        if talk is not None and talk.subscriptions.unsettled.has_news:
            talk.subscriptions.look_again()
        if self._waits and self._may_act:
            self._waits = False
            self._go()
        else:
            self._stomp.broker.turn.run()

    def wake(self) -> None:
        """There is room again: let the carrier see."""
        self._outbox.wake()

    def tick(self, now: float) -> float | None:
        """Send heart-beats, notice silence, and who does not say who he is."""
        conversation = self.conversation
        if self._deaf_since is not None:
            if now - self._deaf_since >= DEAF_SECONDS:
                self._end(self.reason)
        elif conversation.state < State.RUNNING:
            if now - self._came > self._stomp.settings.handshake_seconds_max:
                conversation.peer_gone()
                self._end("no CONNECT in time, or its password is still looked at")
        else:
            self._beat(now)
            if conversation.talk is not None:
                conversation.talk.tick()
            self._listen_for_beats(now)
            return self._quiet_until()
        return None

    def peer_gone(self) -> None:
        """Give back what the peer held."""
        self._stomp.broker.flow.forget(self.wake)
        self.conversation.peer_gone()
        self.closed = True
        self._decoder.clear()
        self._stomp.memory.leave(self)
        self._stomp.broker.turn.run()

    # Frames

    def _go(self) -> None:
        turn, changes = self._stomp.broker.turn, self._stomp.broker.changes
        changes.actor = self.conversation
        try:
            self._act()
        finally:
            changes.actor = None
            turn.run()

    def _act(self) -> None:
        clock, count = self._stomp.broker.clock, 0
        turn_ends = clock.monotonic() + TURN_SECONDS
        while not self.closed and self._deaf_since is None:
            if not self._may_go_on:
                self._waits = True
                return
            count += 1
            if count % LOOK_EVERY == 0 and clock.monotonic() > turn_ends:
                self._waits = True
                return
            frame = self._next()
            if frame is None:
                return
            self._stomp.counters.note(frame.command)
            self._sends = self._sends or frame.command == "SEND"
            self.conversation.on_frame(frame)

    def _next(self) -> Frame | None:
        """Return the next frame; one that is none is the end."""
        conversation = self.conversation
        self._decoder.version = conversation.version
        self._limit(logged_in=conversation.state is State.RUNNING)
        try:
            return self._decoder.next()
        except MalformedFrame as error:
            self._stomp.counters.malformed += 1
            conversation.fault(StompError("Malformed frame", str(error), fatal=True))
            self._decoder.clear()
            return None

    def _limit(self, *, logged_in: bool) -> None:
        settings, limits = self._stomp.settings, self._decoder.limits
        limits.head_bytes_max = settings.head_bytes_max
        limits.headers_max = settings.headers_max
        limits.body_bytes_max = (
            settings.body_bytes_max if logged_in else settings.body_bytes_max_before_login
        )

    @property
    def _may_go_on(self) -> bool:
        """Is there somebody to act on the next frame now?"""
        conversation = self.conversation
        if conversation.state is State.CHECKING or conversation.wire.ending:
            return False
        return conversation.talk is None or conversation.talk.has_room

    @property
    def _may_act(self) -> bool:
        broker = self._stomp.broker
        return (
            not self.closed
            and self._may_go_on
            and self._outbox.size < self._stomp.settings.unsent_bytes_max
            and self._stomp.memory.admits(self)
            and not (self._sends and broker.flow.short)
            and (not self._sends or broker.backlog.admits(self.wake))
        )

    # Heart-beats

    def _beat(self, now: float) -> None:
        """Say something, where nothing else was said."""
        ours_ms = self.conversation.heart_beat[0]
        wire = self.conversation.wire
        if wire.sent != self._said:
            self._said, self._last_said = wire.sent, now
        elif ours_ms and (now - self._last_said) * 1000 >= ours_ms / 2 and not self._outbox.size:
            self._outbox.write(HEART_BEAT)
            self._last_said = now

    def _listen_for_beats(self, now: float) -> None:
        theirs_ms = self.conversation.heart_beat[1]
        if not self.reading:
            self._last_heard = now  # it may be saying something: we do not listen
        elif theirs_ms and (now - self._last_heard) * 1000 > theirs_ms * PATIENCE + 1000:
            self.conversation.end("no heart-beat came")
            self._stomp.broker.turn.run()

    def _quiet_until(self) -> float | None:
        """Say when a heart-beat is due, of ours or of theirs; None: there may be more to do."""
        talk = self.conversation.talk
        if talk is None or talk.subscriptions.gatherings or not self.reading:
            return None
        ours_ms, theirs_ms = self.conversation.heart_beat
        ours = self._last_said + ours_ms / 2000 if ours_ms else inf
        theirs = self._last_heard + (theirs_ms * PATIENCE + 1000) / 1000 if theirs_ms else inf
        return min(ours, theirs)

    # The end

    def _end(self, why: str) -> None:
        """Hang up when everything is sent."""
        self.closed = True
        self.reason = self.reason or why
        self._outbox.wake()

    def _go_deaf(self, why: str) -> None:
        """Let the client read our last words, and hang up."""
        self.reason = why
        self._decoder.clear()
        self._waits = False
        if why:
            now = self._deaf_since = self._stomp.broker.clock.monotonic()
            self._stomp.broker.timers.at(now + DEAF_SECONDS, lambda: self._end(why))
        else:
            self._end("")

    def _report(self) -> None:
        """Say how much memory all this takes."""
        held = self._outbox.memory + self.unfinished_bytes
        if held != self.held_bytes:
            self._stomp.memory.report(self, held)
