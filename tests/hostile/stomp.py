"""STOMP clients for hostile tests: what they say is theirs, byte by byte."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Self

from typing_extensions import override

from anymq.protocols.stomp.codec import V12, Decoder, Frame, FrameLimits, encode
from tests.hostile.room import KIB, MIB, SECONDS, Broker, Neighbour


class StompClient:
    """One connection; frames that came wait in a row."""

    def __init__(self, port: int, *, small: bool = False) -> None:
        self.sock = socket.socket()
        if small:  # keep small what the system holds for it
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        self.sock.settimeout(SECONDS)
        self.sock.connect(("127.0.0.1", port))
        self._decoder = Decoder(FrameLimits(body_bytes_max=64 * MIB))
        self._decoder.version = V12
        self._decoder.sized = ("MESSAGE", "ERROR")

    def log_in(self) -> Self:
        """Be let in."""
        self.say("CONNECT", accept_version="1.2", host="/")
        assert self.hear().command == "CONNECTED"
        return self

    def say(self, command: str, body: bytes = b"", **headers: str) -> None:
        """Send a frame: a line in a name is a hyphen."""
        said = [(name.replace("_", "-"), value) for name, value in headers.items()]
        self.send(encode(command, said, body, V12))

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.sock.sendall(data)

    def send_some(self, data: bytes) -> int:
        """Send what the other side takes; return how much that was."""
        sent = 0
        self.sock.settimeout(1.0)
        with contextlib.suppress(TimeoutError, ConnectionError):
            view = memoryview(data)
            while sent < len(data):
                sent += self.sock.send(view[sent:])
        self.sock.settimeout(SECONDS)
        return sent

    def hear(self) -> Frame:
        """The next frame."""
        while (frame := self._decoder.next()) is None:
            data = self.sock.recv(64 * KIB)
            assert data, "it hung up"
            self._decoder.feed(memoryview(data))
        return frame

    def ends(self) -> str:
        """What the broker says before it hangs up; "": nothing, though it did."""
        said = ""
        with contextlib.suppress(ConnectionError, AssertionError):
            while True:
                frame = self.hear()
                if frame.command == "ERROR":
                    said = f"{frame.headers['message']}: {frame.body.decode()}"
        return said

    def abort(self) -> None:
        """Hang up."""
        self.sock.close()


class StompNeighbour(Neighbour):
    """Sends, waits for the receipt, gets it, acknowledges; new connections at times."""

    def __init__(self, broker: Broker, port: int) -> None:
        super().__init__(broker)
        self._port = port

    @override
    def visit(self) -> None:
        began = time.monotonic()
        client = StompClient(self._port).log_in()
        self.slowest_connect = max(self.slowest_connect, time.monotonic() - began)
        client.say("SUBSCRIBE", id="1", destination="/queue/neighbour", ack="client")
        try:
            self.rounds_of(lambda: self._round(client))
        finally:
            client.abort()

    def _round(self, client: StompClient) -> None:
        body = b"message %d" % self.rounds
        client.say("SEND", body, destination="/queue/neighbour", receipt="r", persistent="true")
        heard = {frame.command: frame for frame in (client.hear(), client.hear())}
        assert heard.keys() == {"RECEIPT", "MESSAGE"}, heard
        client.say("ACK", id=heard["MESSAGE"].headers["ack"], receipt="a")
        assert client.hear().command == "RECEIPT"


@contextlib.contextmanager
def unharmed(broker: Broker, port: int) -> Iterator[None]:
    """Somebody who sends and reads meanwhile, and must not notice."""
    with StompNeighbour(broker, port).watching():
        yield
