"""Scripted conversations with STOMP sessions: no socket, a clock and a disk that move when told.

room = StompRoom()
client = room.connect()
client >> Frame("SUBSCRIBE", {"id": "1", "destination": "/queue/q"})
client >> Frame("SEND", {"destination": "/queue/q"}, b"hello")
assert client.only().body == b"hello"
"""

from typing import Self

from anymq.protocols.session import Outbox, Peer
from anymq.protocols.stomp.codec import V12, Decoder, Frame, FrameLimits, encode
from anymq.protocols.stomp.counters import Counters
from anymq.protocols.stomp.dialect import RABBITMQ, Dialect
from anymq.protocols.stomp.session import StompSession
from anymq.protocols.stomp.settings import StompSettings
from anymq.protocols.stomp.stomp import Stomp
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.files import FileRange, Files
from anymq.testing.amqp import AmqpRoom

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 61613)


class StompRoom(AmqpRoom):
    """A broker over a simulated disk; AMQP clients may come, too."""

    def __init__(
        self,
        settings: StompSettings | None = None,
        *,
        files: Files | None = None,
        users: Users | None = None,
        gate: Gate | None = None,
        dialect: Dialect = RABBITMQ,
    ) -> None:
        super().__init__(files=files, users=users, gate=gate)
        self.dialogs: list[StompDialog] = []
        self.dialect = dialect
        self.stomp = Stomp(
            broker=self.broker,
            settings=settings or StompSettings(),
            users=self.amqp.users,
            gate=self.amqp.gate,
            counters=Counters(),
            memory=self.amqp.memory,
        )

    def settle(self, *dialogs: "StompDialog") -> None:
        """Let the disk, the queues and all connections do what there is to do."""
        self.dialogs.extend(one for one in dialogs if one not in self.dialogs)
        moved = True
        while moved:
            if not self.disk_waits:
                self.write_to_disk()
            self.broker.turn.run()
            moved = sum(dialog.turn() for dialog in self.dialogs) > 0

    def let_pass(self, seconds: float) -> None:
        """Do what falls due meanwhile; the server ticks once a second."""
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            self.clock.seconds = min(until, self.clock.seconds + 1)
            self.timers.run(self.clock.seconds)
            for dialog in self.dialogs:
                if not dialog.session.closed:
                    dialog.session.tick(self.clock.seconds)
            self.settle()

    def stomp_dialog(
        self, version: str = V12, peer: Peer = PEER, dialect: Dialect | None = None
    ) -> "StompDialog":
        """Return a new connection."""
        return StompDialog(self, version, peer, dialect or self.dialect)

    def connect(self, version: str = V12, **headers: str) -> "StompDialog":
        """Return a new connection of a client that is let in."""
        dialog = self.stomp_dialog(version)
        connected = dialog.connect(**headers)
        assert connected.command == "CONNECTED", connected
        return dialog


class StompDialog:
    """One client, frame by frame."""

    def __init__(
        self, room: StompRoom, version: str, peer: Peer, dialect: Dialect = RABBITMQ
    ) -> None:
        self.room = room
        self.version = version
        self.outbox = Outbox(lambda: None)
        self.session = StompSession(room.stomp, self.outbox, peer, dialect=dialect)
        self.connected = Frame("")
        self._received = b""

    def __rshift__(self, said: "bytes | Frame") -> Self:
        """Say bytes, or a frame; then everything happens that can."""
        if isinstance(said, Frame):
            said = encode(said.command, said.headers.items(), said.body, self.version)
        self.feed(said)
        self.room.settle(self)
        return self

    def feed(self, data: bytes) -> None:
        """Say bytes."""
        if not self.session.closed:
            self.session.receive(memoryview(data))
            self.turn()

    def turn(self) -> bool:
        """As the carrier does: send, then go on while there is more. Did anything happen?"""
        moved = self._take()
        while not self.session.closed and self.session.more:
            self.session.go_on()
            self._take()
            moved = True
        return moved

    def connect(self, **headers: str) -> Frame:
        """Come in, or be refused. `accept_version="1.1"`: a line in a name is a hyphen."""
        said = {"accept-version": self.version, "host": "/"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        self >> Frame("CONNECT", said)
        self.connected = self.only()
        return self.connected

    def frames(self) -> list[Frame]:
        """Return what came."""
        self._take()
        data, self._received = self._received, b""
        return frames_of(data, self.version)

    def only(self) -> Frame:
        """Return the one frame that came."""
        [frame] = self.frames()
        return frame

    def raw(self) -> bytes:
        """Return what came, as it came."""
        self._take()
        data, self._received = self._received, b""
        return data

    def hang_up(self) -> None:
        """Lose the connection."""
        self.session.peer_gone()
        self.room.settle(self)

    def _take(self) -> bool:
        pieces = self.outbox.take()
        for each in pieces:
            assert not isinstance(each, FileRange)
            self._received += bytes(each)
            self.outbox.sent(len(each))
        return bool(pieces)


def frames_of(data: bytes, version: str) -> list[Frame]:
    """Cut what a broker sent into frames."""
    decoder = Decoder(FrameLimits(body_bytes_max=1 << 30))
    decoder.version = version
    decoder.sized = ("MESSAGE", "ERROR")
    found: list[Frame] = []
    decoder.feed(data)
    while (frame := decoder.next()) is not None:
        found.append(frame)
    assert not decoder.held_bytes, data
    return found
