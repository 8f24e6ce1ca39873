"""Scripted conversations by gRPC: no socket, a clock and a disk that move when told.

room = GrpcRoom()
client = room.grpc_client()
answer = client.call("QueryRoute", QueryRouteRequest(...), QueryRouteResponse)

Needs the extra `anymq[rocketmq-grpc]`.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from typing_extensions import override

from anymq.protocols.rocketmq.grpc.grpc import Grpc
from anymq.protocols.rocketmq.grpc.http2 import PREFIX
from anymq.protocols.rocketmq.grpc.method import SERVICE
from anymq.protocols.rocketmq.grpc.protobuf import Proto
from anymq.protocols.rocketmq.grpc.session import GrpcSession
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.session import Peer
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.files import Files
from anymq.testing.clients import Client
from anymq.testing.rocketmq import RocketMqRoom

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 8081)
P = TypeVar("P", bound=Proto)


@dataclass(slots=True)
class Heard:
    """What came of one call."""

    data: bytearray = field(default_factory=bytearray)
    headers: dict[str, str] = field(default_factory=dict)
    ended: bool = False
    reset: bool = False

    @property
    def status(self) -> int:
        """How it ended, as gRPC says it."""
        return int(self.headers.get("grpc-status", -1))

    def messages(self, of: type[P]) -> list[P]:
        """Return what was answered, and forget it."""
        found: list[P] = []
        while len(self.data) >= PREFIX.size:
            _, size = PREFIX.unpack_from(self.data)
            end = PREFIX.size + size
            if len(self.data) < end:
                break
            found.append(of.decode(bytes(self.data[PREFIX.size : end])))
            del self.data[:end]
        return found


class GrpcRoom(RocketMqRoom):
    """A broker over a simulated disk; clients by remoting and by AMQP may come, too."""

    def __init__(
        self,
        settings: RocketMqSettings | None = None,
        *,
        files: Files | None = None,
        users: Users | None = None,
        gate: Gate | None = None,
    ) -> None:
        super().__init__(settings, files=files, users=users, gate=gate)
        self.grpc = Grpc.of(self.rocketmq)

    def grpc_client(
        self, peer: Peer = PEER, *, client_id: str = "c1", cut: int = 0, preface: bool = True
    ) -> "GrpcDialog":
        """Return a new connection; `cut`: what it says comes in pieces of so many bytes."""
        return GrpcDialog(self, peer, client_id, cut=cut, preface=preface)


class GrpcDialog(Client):
    """One client, call by call."""

    session: GrpcSession

    def __init__(
        self,
        room: GrpcRoom,
        peer: Peer = PEER,
        client_id: str = "c1",
        *,
        cut: int = 0,
        preface: bool = True,
    ) -> None:
        super().__init__(room)
        self.room = room
        self.client_id = client_id
        self.session = GrpcSession(room.grpc, self.outbox, peer)
        self.conn = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.heard: dict[int, Heard] = {}
        self.acknowledges = True  # what it reads makes room for more
        self.terminated = False
        self._cut = cut
        if preface:
            self.conn.initiate_connection()
            self.flush()

    @override
    def feed(self, data: bytes) -> None:
        step = self._cut or len(data) or 1
        for at in range(0, len(data), step):
            super().feed(data[at : at + step])

    # What it says

    def begin(self, name: str, **metadata: str) -> int:
        """Begin a call; return its stream. `x_mq_language="JAVA"`: a line in a name is a hyphen."""
        stream = self.conn.get_next_available_stream_id()
        said = {"x-mq-client-id": self.client_id, "x-mq-language": "JAVA"}
        said |= {key.replace("_", "-"): value for key, value in metadata.items()}
        path = name if name.startswith("/") else f"/{SERVICE}/{name}"
        head = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "b")]
        head += [("te", "trailers"), ("content-type", "application/grpc"), *said.items()]
        self.conn.send_headers(stream, head)
        self.heard[stream] = Heard()
        return stream

    def say(self, stream: int, message: Proto | bytes, *, last: bool = False) -> None:
        """Say a message in a call, and let everything happen that can."""
        data = message if isinstance(message, bytes) else message.encode()
        data = PREFIX.pack(0, len(data)) + data
        while data:
            room = min(
                self.conn.local_flow_control_window(stream), self.conn.max_outbound_frame_size
            )
            assert room > 0, "there is no window"
            part, data = data[:room], data[room:]
            self.conn.send_data(stream, part, end_stream=last and not data)
            self.flush()

    def start(self, name: str, request: Proto, **metadata: str) -> int:
        """Call, and let everything happen that can; return the stream."""
        stream = self.begin(name, **metadata)
        self.say(stream, request, last=True)
        return stream

    def call(self, name: str, request: Proto, of: type[P], **metadata: str) -> P:
        """Call, and return the only answer."""
        heard = self.heard[self.start(name, request, **metadata)]
        assert heard.ended, f"no answer to {name}"
        (answer,) = heard.messages(of)
        assert heard.status == 0
        return answer

    def flush(self) -> None:
        """Have what is written come, and hear what comes of it."""
        self.feed(self.conn.data_to_send())
        self.listen()

    def listen(self) -> None:
        """Hear what came, until nothing more does."""
        while True:
            self.room.settle(self)
            came = self.raw()
            if not came:
                return
            for event in self.conn.receive_data(came):
                self._on_event(event)
            self.feed(self.conn.data_to_send())

    def _on_event(self, event: object) -> None:
        match event:
            case ResponseReceived() | TrailersReceived():
                headers = {str(name): str(value) for name, value in event.headers or []}
                self.heard[event.stream_id or 0].headers |= headers
            case DataReceived():
                self.heard[event.stream_id or 0].data += event.data or b""
                if self.acknowledges and event.flow_controlled_length:
                    self.conn.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id or 0
                    )
            case StreamEnded():
                self.heard[event.stream_id or 0].ended = True
            case StreamReset():
                self.heard[event.stream_id or 0].reset = True
            case ConnectionTerminated():
                self.terminated = True
            case _:
                pass
