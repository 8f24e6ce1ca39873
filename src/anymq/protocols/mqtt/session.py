"""One MQTT connection: bytes in, packets to whom they are for, and who has to wait."""

from math import inf

from anymq.protocols.mqtt.codec import Kind, Packet, decode, frame_at, whole_bytes
from anymq.protocols.mqtt.conversation import Conversation, State
from anymq.protocols.mqtt.errors import MqttFault, Reason, reason_of
from anymq.protocols.mqtt.gathering import AT_LEAST_ONCE, AT_MOST_ONCE
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.owed import PUBACK
from anymq.protocols.mqtt.reader import MalformedPacket
from anymq.protocols.session import Outbox, Peer

TURN_SECONDS = 0.005  # then it is the turn of the others
LOOK_EVERY = 32  # packets, at the clock
CONNECT = bytes((Kind.CONNECT << 4,))
GATHERED = frozenset(bytes((first,)) for first in (AT_MOST_ONCE, AT_LEAST_ONCE, PUBACK[0]))
PATIENCE = 1.5  # times the keep-alive
DEAF_SECONDS = 2.0  # for the client to read why; if we hung up at once, it might never get it


class MqttSession:
    """The broker's side of one MQTT connection."""

    def __init__(self, mqtt: Mqtt, outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.reason = ""
        self.held_bytes = 0
        self.conversation = Conversation(
            mqtt, outbox, peer, on_end=self._end, on_last_words=self._go_deaf
        )
        self._mqtt = mqtt
        self._outbox = outbox
        outbox.common = mqtt.memory
        self._rest = bytearray()  # of a packet, or of more of them, if `_waits`
        self._wanted = 0  # so much of it must be there before there is something to do
        self._waits = False  # there was no time or no room
        self._publishes = False
        self._deaf_since: float | None = None  # what comes now is read, and forgotten
        self._came = self._last_heard = mqtt.broker.clock.monotonic()
        mqtt.broker.flow.listen(self.wake)

    # What carries us asks

    @property
    def reading(self) -> bool:
        """Who has much under way, takes nothing of what it is owed, or floods us, has to wait."""
        held = self._outbox.memory + len(self._rest)
        if held != self.held_bytes:
            self._mqtt.memory.report(self, held)
        if self._deaf_since is not None:
            return not self.closed
        return not self._waits and self._may_act

    @property
    def more(self) -> bool:
        """Could it go on with what it left?"""
        conversation = self.conversation
        if self.closed or self._deaf_since is not None:
            return False
        if conversation.outgoing is not None and conversation.outgoing.has_news:
            return True
        if conversation.subscribing is not None and conversation.subscribing.has_more:
            return True
        return self._waits and self._may_act

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon?"""
        incoming = self.conversation.incoming
        is_over = self.closed or self._deaf_since is not None
        return not is_over and incoming is not None and incoming.busy

    @property
    def unfinished_bytes(self) -> int:
        """How much waits for its rest, or for its turn."""
        return len(self._rest)

    def receive(self, data: memoryview) -> None:
        """Act on every whole packet there is now, as long as there is time and room."""
        if self._deaf_since is not None:
            return
        self._last_heard = self._mqtt.broker.clock.monotonic()
        if self._waits or not self._may_go_on:
            self._waits = True
            self._rest += data
        elif not self._rest:
            self._go(bytes(data))
        else:
            self._rest += data
            if len(self._rest) >= self._wanted:
                self._go_on()

    def go_on(self) -> None:
        """Act on what is left, and on what came of it."""
        conversation = self.conversation
        if conversation.outgoing is not None and conversation.outgoing.has_news:
            conversation.outgoing.go_on()
        if conversation.subscribing is not None:
            conversation.subscribing.go_on()
        if self._waits and self._may_act:
            self._waits = False
            self._go_on()
        else:
            self._mqtt.broker.turn.run()

    def wake(self) -> None:
        """There is room again: let the carrier see."""
        self._outbox.wake()

    def tick(self, now: float) -> float | None:
        """Notice silence, and who does not say who he is."""
        conversation = self.conversation
        if self._deaf_since is not None:
            if now - self._deaf_since >= DEAF_SECONDS:
                self._end(self.reason)
            return None
        if conversation.state < State.RUNNING:
            if now - self._came > self._mqtt.settings.handshake_seconds_max:
                self._end("no CONNECT in time, or its password is still looked at")
                conversation.peer_gone()
            return None
        if not self.reading:
            self._last_heard = now  # it may be saying something: we do not listen
            return None
        patience = PATIENCE * conversation.keep_alive
        if patience and now - self._last_heard > patience:
            conversation.on_silence()
            self._mqtt.broker.turn.run()
            return None
        return self._last_heard + patience if patience else inf

    def peer_gone(self) -> None:
        """Give back what the peer held."""
        self._mqtt.broker.flow.forget(self.wake)
        self.conversation.peer_gone()
        self.closed = True
        self._rest.clear()
        self._mqtt.memory.leave(self)
        self._mqtt.broker.turn.run()

    # Packets

    def _go_on(self) -> None:
        data = bytes(self._rest)
        self._rest.clear()
        self._go(data)

    def _go(self, data: bytes) -> None:
        turn, changes = self._mqtt.broker.turn, self._mqtt.broker.changes
        changes.actor = self.conversation
        try:
            used = self._act_on(data)
        finally:
            changes.actor = None
            turn.run()
        if used < len(data):
            self._rest += data[used:]
            self._wanted = whole_bytes(data, used)

    def _act_on(self, data: bytes) -> int:
        """Act on packets; return how many bytes that were."""
        clock, at, count = self._mqtt.broker.clock, 0, 0
        turn_ends = clock.monotonic() + TURN_SECONDS
        while at < len(data) and not self.closed and self._deaf_since is None:
            if not self._may_go_on:
                self._waits = True
                break
            at, taken = self._gather(data, at)
            count += 1 + taken
            if count >= LOOK_EVERY:
                count = 0
                if clock.monotonic() > turn_ends:
                    self._waits = at < len(data)
                    break
            if taken:
                continue
            following = self._act(data, at)
            if following is None:
                break
            at = following
        return len(data) if self.closed or self._deaf_since is not None else at

    def _gather(self, data: bytes, at: int) -> tuple[int, int]:
        """Act on simple packets, many at a time; return where the next is, and how many it was."""
        conversation = self.conversation
        if conversation.state is not State.RUNNING or data[at : at + 1] not in GATHERED:
            return at, 0
        gathering = conversation.gathering or conversation.begin_gathering()
        kind, at, count = gathering.take(data, at, self._mqtt.settings.packet_bytes_max)
        if count:
            self._mqtt.counters.packets[kind] += count
            self._publishes = self._publishes or kind is Kind.PUBLISH
        return at, count

    def _act(self, data: bytes, at: int) -> int | None:
        """Act on one packet; return where it ends, None when not all of it is there."""
        conversation = self.conversation
        try:
            if conversation.state is State.GREETING and data[at : at + 1] not in (b"", CONNECT):
                raise MqttFault(Reason.PROTOCOL_ERROR, "it did not greet as MQTT does")
            frame = frame_at(data, at, self._bytes_max)
            if frame is None:
                return None
            packet = decode(data, frame, conversation.wire.version)
            self._note(packet)
            conversation.on_packet(packet)
        except MalformedPacket as error:
            self._mqtt.counters.malformed += 1
            conversation.fault(MqttFault(reason_of(error), str(error)))
            return None
        except MqttFault as fault:
            conversation.fault(fault)
            return None
        return frame.end

    def _note(self, packet: Packet) -> None:
        kind = packet.KIND
        self._mqtt.counters.packets[kind] += 1
        if kind is Kind.PUBLISH:
            self._publishes = True

    @property
    def _bytes_max(self) -> int:
        settings = self._mqtt.settings
        if self.conversation.state is State.RUNNING:
            return settings.packet_bytes_max
        return min(settings.packet_bytes_max, settings.packet_bytes_max_before_login)

    @property
    def _may_go_on(self) -> bool:
        """Is there somebody to act on the next packet now?"""
        conversation = self.conversation
        if conversation.state is State.CHECKING:
            return False
        return conversation.incoming is None or conversation.incoming.has_room

    @property
    def _may_act(self) -> bool:
        broker = self._mqtt.broker
        return (
            not self.closed
            and self._may_go_on
            and self._outbox.size < self._mqtt.settings.unsent_bytes_max
            and self._mqtt.memory.admits(self)
            and not (self._publishes and broker.flow.short)
            and (not self._publishes or broker.backlog.admits(self.wake))
        )

    def _end(self, why: str) -> None:
        """Hang up when everything is sent."""
        self.closed = True
        self.reason = self.reason or why
        self._outbox.wake()

    def _go_deaf(self, why: str) -> None:
        """Let the client read our last words, and hang up."""
        self._deaf_since = self._mqtt.broker.clock.monotonic()
        self.reason = why
        self._rest.clear()
        self._waits = False
