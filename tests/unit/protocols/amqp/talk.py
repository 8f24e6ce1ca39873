"""A connection without a broker below it: channels that note what they are told.

client = Room().dialog()
client.log_in()
client.open(1)
client >> (1, methods.BasicGet("q", no_ack=True))
assert client.room.told == [...]
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from anymq.core.flow import Flow
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import (
    AMQP_0_9_1,
    BODY,
    FRAME,
    HEADER,
    METHOD,
    content_frames,
    method_frame,
)
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.methods import Method, decode, encode
from anymq.protocols.amqp.session import AmqpSession
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.amqp.wire import Wire
from anymq.protocols.memory import Memory
from anymq.protocols.session import Outbox, Peer
from anymq.security.users import Users

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 5672)
ABLE = {
    "capabilities": {
        "authentication_failure_close": True,
        "connection.blocked": True,
        "consumer_cancel_notify": True,
    }
}
PLAIN_GUEST = b"\0guest\0guest"


class Turn:
    runs = 0

    def run(self) -> None:
        self.runs += 1


class Clock:
    seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def wall_ms(self) -> int:
        return int(self.seconds * 1000)


class Vhost:
    name = "/"

    def __init__(self) -> None:
        self.gone: list[object] = []

    def owner_gone(self, owner: object) -> None:
        self.gone.append(owner)


class BrokerInTheAir:
    """As much of a broker as a connection itself needs."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.flow = Flow()
        self.turn = Turn()
        self.vhosts = {"/": Vhost()}


Told = tuple[int, str, Any]


class Noting:
    """A channel that notes what it is told; `does` says what it does about it."""

    def __init__(self, room: "Room", wire: Wire, number: int) -> None:
        self.room = room
        self.wire = wire
        self.number = number
        self.then: Callable[[], None] | None = None

    def on_publish(self, method: bytes, properties: bytes, body: bytes) -> None:
        self._note("publish", (method, properties, body))

    def on_ack(self, tag: int, multiple: bool) -> None:
        self._note("ack", (tag, multiple))

    def on_method(self, method: Method) -> None:
        self._note("method", method)

    def on_content(self, method: Method) -> None:
        self._note("content", method)

    def end_of_read(self) -> None:
        self._note("end_of_read", None)

    def on_room(self) -> None:
        self._note("on_room", None)

    def close(self, then: Callable[[], None]) -> None:
        self._note("close", None)
        if self.room.disk_waits:
            self.then = then
        else:
            then()

    def _note(self, what: str, detail: Any) -> None:
        self.room.told.append((self.number, what, detail))
        if (does := self.room.does.get(what)) is not None:
            does(self)


@dataclass
class Room:
    """What connections share."""

    settings: AmqpSettings = field(default_factory=AmqpSettings)
    users: Users = field(default_factory=lambda: Users({"guest": ("guest",), "ada": ("secret",)}))
    told: list[Told] = field(default_factory=list)
    does: dict[str, Callable[[Noting], None]] = field(default_factory=dict)
    disk_waits: bool = False
    memory_bytes_max: int = 1 << 30

    def __post_init__(self) -> None:
        self.broker = BrokerInTheAir()
        self.channels: dict[int, Noting] = {}
        self.amqp = Amqp(
            broker=self.broker,  # type: ignore[arg-type]
            settings=self.settings,
            users=self.users,
            counters=Counters(),
            memory=Memory(self.memory_bytes_max),
            make_channel=self._make,
        )

    def _make(self, wire: Wire, number: int) -> Noting:
        self.channels[number] = Noting(self, wire, number)
        return self.channels[number]

    def dialog(self, peer: Peer = PEER) -> "Dialog":
        return Dialog(self, peer)

    def pass_time(self, seconds: float, *dialogs: "Dialog") -> None:
        """Second by second, as the server ticks."""
        for _ in range(int(seconds)):
            self.broker.clock.seconds += 1
            for dialog in dialogs:
                if not dialog.session.closed:
                    dialog.session.tick(self.broker.clock.seconds)

    def publishes(self) -> list[tuple[bytes, bytes, bytes]]:
        return [detail for _, what, detail in self.told if what == "publish"]

    def without_ends(self) -> list[Told]:
        """What was told, whatever the reads were."""
        return [told for told in self.told if told[1] != "end_of_read"]


class Dialog:
    """One client, frame by frame."""

    def __init__(self, room: Room, peer: Peer) -> None:
        self.room = room
        self.outbox = Outbox(lambda: None)
        self.session = AmqpSession(room.amqp, self.outbox, peer)
        self._received = b""
        self.gone = False

    def __rshift__(self, said: "bytes | tuple[int, Method]") -> "Dialog":
        """Say bytes, or a method on a channel."""
        data = said if isinstance(said, bytes) else method_frame(*said)
        self.feed(data)
        return self

    def feed(self, data: bytes) -> None:
        """As the carrier does: receive, then go on while there is more."""
        if self.session.closed:
            return
        self.session.receive(memoryview(data))
        self.turn()

    def turn(self) -> None:
        self._take()
        while not self.session.closed and self.session.more:
            self.session.go_on()
            self._take()

    def _take(self) -> None:
        for each in self.outbox.take():
            assert isinstance(each, bytes)
            self._received += each
            self.outbox.sent(len(each))

    def raw(self) -> bytes:
        """What came and was not looked at."""
        self._take()
        received, self._received = self._received, b""
        return received

    def frames(self) -> list[tuple[int, int, bytes]]:
        """The frames that came: type, channel, payload."""
        data, at, frames = self.raw(), 0, []
        while at < len(data):
            kind, number, size = FRAME.unpack_from(data, at)
            frames.append((kind, number, data[at + 7 : at + 7 + size]))
            assert data[at + 7 + size] == 0xCE
            at += size + 8
        return frames

    def answers(self) -> list[tuple[int, Method]]:
        """The methods that came; nothing else did."""
        frames = self.frames()
        assert all(kind == METHOD for kind, _, _ in frames), frames
        return [(number, decode(payload)) for _, number, payload in frames]

    def only(self) -> Method:
        """The one method that came."""
        [(_, method)] = self.answers()
        return method

    def hang_up(self) -> None:
        self.session.peer_gone()
        self.gone = True

    # Steps that most conversations begin with

    def greet(self) -> methods.ConnectionStart:
        self >> AMQP_0_9_1
        start = self.only()
        assert isinstance(start, methods.ConnectionStart)
        return start

    def start_ok(
        self,
        mechanism: str = "PLAIN",
        response: bytes = PLAIN_GUEST,
        properties: dict[str, Any] | None = None,
    ) -> None:
        known = ABLE if properties is None else properties
        self >> (0, methods.ConnectionStartOk(known, mechanism, response, "en_US"))

    def log_in(self, heartbeat: int = 0, properties: dict[str, Any] | None = None) -> "Dialog":
        self.greet()
        self.start_ok(properties=properties)
        tune = self.only()
        assert isinstance(tune, methods.ConnectionTune)
        self >> (0, methods.ConnectionTuneOk(tune.channel_max, tune.frame_max, heartbeat))
        self >> (0, methods.ConnectionOpen("/"))
        assert isinstance(self.only(), methods.ConnectionOpenOk)
        return self

    def open(self, number: int = 1) -> "Dialog":
        self >> (number, methods.ChannelOpen())
        assert self.answers() == [(number, methods.ChannelOpenOk())]
        return self


def published(
    channel: int = 1,
    body: bytes = b"hello",
    *,
    exchange: str = "",
    routing_key: str = "q",
    properties: bytes = b"\x10\0\x02",
    frame_max: int = 131_072,
) -> bytes:
    """A message as a client sends it."""
    publish = methods.BasicPublish(exchange, routing_key, False, False)
    content = content_frames(channel, properties, body, frame_max)
    return method_frame(channel, publish) + content


def publish_payload(exchange: str = "", routing_key: str = "q") -> bytes:
    return encode(methods.BasicPublish(exchange, routing_key, False, False))


__all__ = ["BODY", "HEADER", "METHOD", "Dialog", "Room", "published"]
