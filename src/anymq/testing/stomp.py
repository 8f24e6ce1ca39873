"""Scripted conversations with STOMP sessions: no socket, a clock and a disk that move when told.

room = StompRoom()
client = room.connect()
client >> Frame("SUBSCRIBE", {"id": "1", "destination": "/queue/q"})
client >> Frame("SEND", {"destination": "/queue/q"}, b"hello")
assert client.only().body == b"hello"
"""

from typing import Self

from anymq.protocols.session import Peer
from anymq.protocols.stomp.codec import V12, Decoder, Frame, FrameLimits, encode
from anymq.protocols.stomp.counters import Counters
from anymq.protocols.stomp.dialect import RABBITMQ, Dialect
from anymq.protocols.stomp.session import StompSession
from anymq.protocols.stomp.settings import StompSettings
from anymq.protocols.stomp.stomp import Stomp
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.files import Files
from anymq.testing.clients import Client, ClientsRoom

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 61613)


class StompRoom(ClientsRoom):
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
        self.dialect = dialect
        self.stomp = Stomp(
            broker=self.broker,
            settings=settings or StompSettings(),
            users=self.amqp.users,
            gate=self.amqp.gate,
            counters=Counters(),
            memory=self.amqp.memory,
        )

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


class StompDialog(Client):
    """One client, frame by frame."""

    session: StompSession

    def __init__(
        self, room: StompRoom, version: str, peer: Peer, dialect: Dialect = RABBITMQ
    ) -> None:
        super().__init__(room)
        self.room = room
        self.version = version
        self.session = StompSession(room.stomp, self.outbox, peer, dialect=dialect)
        self.connected = Frame("")

    def __rshift__(self, said: "bytes | Frame") -> Self:
        """Say bytes, or a frame; then everything happens that can."""
        if isinstance(said, Frame):
            said = encode(said.command, said.headers.items(), said.body, self.version)
        self.feed(said)
        self.room.settle(self)
        return self

    def connect(self, **headers: str) -> Frame:
        """Come in, or be refused. `accept_version="1.1"`: a line in a name is a hyphen."""
        said = {"accept-version": self.version, "host": "/"}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        self >> Frame("CONNECT", said)
        self.connected = self.only()
        return self.connected

    def frames(self) -> list[Frame]:
        """Return what came."""
        return frames_of(self.raw(), self.version)

    def only(self) -> Frame:
        """Return the one frame that came."""
        [frame] = self.frames()
        return frame


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
