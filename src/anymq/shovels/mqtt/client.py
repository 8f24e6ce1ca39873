"""A client's side of a conversation in MQTT 3.1.1 or 5."""

from typing import Protocol

from anymq.protocols.mqtt.codec import (
    V5,
    Connack,
    Connect,
    Disconnect,
    Frame,
    Packet,
    Pingreq,
    Pingresp,
    decode,
    encode,
    frame_at,
)
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P, Props
from anymq.protocols.mqtt.reader import MalformedPacket
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.uris import MqttUri

UNSENT_BYTES_MAX = 4 * 1024 * 1024
OPENING_SECONDS = 30.0
PATIENCE = 1.5  # times the keep-alive
RECEIVE_MAXIMUM = 65_535
HUNG_UP = "the broker hung up"
UNKNOWN_VERSION = (1, Reason.UNSUPPORTED_VERSION)
RETURN_CODES = {  # of CONNACK, before MQTT 5
    1: "it does not speak this version",
    2: "it does not want this client id",
    3: "it is not available",
    4: "the user or the password is wrong",
    5: "not authorized",
}


class User(Protocol):
    """Whoever uses the connection."""

    def opened(self) -> None:
        """It is let in."""

    def on_packet(self, packet: Packet) -> None:
        """A message came, or an answer."""

    def on_room(self) -> None:
        """What was to be sent is mostly gone."""

    def lost(self, why: str) -> None:
        """The connection is gone."""


class MqttClient:
    """One connection. It begins by itself; `user.opened` says that it is let in."""

    def __init__(
        self,
        outbox: Outbox,
        peer: Peer,
        *,
        uri: MqttUri,
        hello: Connect,
        user: User,
        packet_bytes_max: int,
    ) -> None:
        self.closed = False
        self.reason = ""  # for the log: the shovel says it, nobody else has to
        self.more = False
        self.busy = False
        self.paused = False
        self.version = uri.version
        self.promises: Props = {}  # what CONNACK says of its limits
        self._outbox = outbox
        self._user: User | None = user
        self._packet_bytes_max = packet_bytes_max
        self._rest = bytearray()
        self._keep_alive = uri.keep_alive
        self._open = self._full = False
        self._why = ""
        self._now = self._since = self._heard = self._said = 0.0
        self.say(hello)

    # What the carrier asks

    @property
    def reading(self) -> bool:
        """Not while its user has enough."""
        return not self.paused

    def receive(self, data: memoryview) -> None:
        """Act on every whole packet."""
        self._heard = self._now
        self._rest += data
        try:
            self._act()
        except MalformedPacket as error:
            self.end(f"what came is not MQTT: {error}")
        self._look_for_room()

    def go_on(self) -> None:
        """Nothing is ever left."""

    def tick(self, now: float) -> None:
        """Say that we are there, notice silence. Who does not listen cannot hear any."""
        if not self._now:
            self._since = self._heard = self._said = now
        self._now = now
        self._look_for_room()
        if self.paused:
            self._heard = now
        if not self._open:
            if now - self._since > OPENING_SECONDS:
                self.end("the broker does not answer")
        elif self._keep_alive:
            self._stay(now)

    def _stay(self, now: float) -> None:
        if now - self._heard > PATIENCE * self._keep_alive:
            self.end(f"the broker is silent for more than {PATIENCE * self._keep_alive:.0f} s")
        elif now - self._said >= self._keep_alive / 2:
            self.say(Pingreq())

    def peer_gone(self) -> None:
        """The connection is gone, or was closed by us."""
        self.closed = True
        user, self._user = self._user, None
        self._rest.clear()
        if user is not None:
            user.lost(self._why or self.reason or HUNG_UP)

    # What its user asks

    @property
    def is_open(self) -> bool:
        """Was it ever let in?"""
        return self._open

    @property
    def has_room(self) -> bool:
        """May more be sent?"""
        self._full = self._outbox.size >= UNSENT_BYTES_MAX
        return not self._full

    def say(self, packet: Packet) -> None:
        """Send a packet."""
        self.write(encode(packet, self.version))

    def write(self, data: bytes) -> None:
        """Send a packet that is encoded."""
        self._said = self._now
        self._outbox.write(data)

    def pause(self, paused: bool) -> None:
        """Listen no more, or again."""
        if paused != self.paused:
            self.paused = paused
            self._outbox.wake()

    def close(self) -> None:
        """Say goodbye, and hang up; nobody is told."""
        self._user = None
        if not self.closed:
            if self._open:
                self.say(Disconnect())
            self.closed = True
            self._outbox.wake()

    def end(self, why: str) -> None:
        """Hang up, and say why."""
        self._why = self._why or why
        self.closed = True
        self.paused = False
        self._outbox.wake()

    # What comes

    def _act(self) -> None:
        for packet in self._packets():
            if self.closed:
                return
            self._on_packet(packet)

    def _packets(self) -> list[Packet]:
        """Take all that are whole; the rest is not copied each time that some more of it comes."""
        frames: list[Frame] = []
        at = 0
        while (frame := frame_at(self._rest, at, self._packet_bytes_max)) is not None:
            frames.append(frame)
            at = frame.end
        data = bytes(self._rest[:at])
        del self._rest[:at]
        return [decode(data, frame, self.version) for frame in frames]

    def _on_packet(self, packet: Packet) -> None:
        if isinstance(packet, Connack):
            self._on_connack(packet)
        elif isinstance(packet, Disconnect):
            self.end(f"the broker ends it: {reason_in_words(packet.code, packet.properties)}")
        elif not self._open:
            raise MalformedPacket("the broker does not begin with CONNACK")
        elif self._user is not None and not isinstance(packet, Pingresp):
            self._user.on_packet(packet)

    def _on_connack(self, packet: Connack) -> None:
        if packet.code in UNKNOWN_VERSION and self.version == V5:
            self.end("it does not speak MQTT 5: say ?version=3.1.1")
        elif packet.code:
            said = RETURN_CODES.get(packet.code)
            self.end(f"not let in: {said or reason_in_words(packet.code, packet.properties)}")
        else:
            self._open = True
            self.promises = packet.properties
            self._keep_alive = packet.properties.get(P.SERVER_KEEP_ALIVE, self._keep_alive)
            if self._user is not None:
                self._user.opened()

    def _look_for_room(self) -> None:
        if self._full and self._outbox.size < UNSENT_BYTES_MAX // 2 and self._user is not None:
            self._full = False
            self._user.on_room()


def reason_in_words(code: int, properties: Props) -> str:
    """Return what a broker says of a reason code."""
    try:
        name = Reason(code).name.lower().replace("_", " ")
    except ValueError:
        name = f"reason {code:#04x}"
    text = properties.get(P.REASON_STRING)
    return f"{name}: {text}" if text else name
