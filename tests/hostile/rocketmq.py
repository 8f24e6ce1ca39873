"""RocketMQ clients for hostile tests: what they say is theirs, byte by byte."""

import contextlib
import socket
import time
from collections.abc import Iterator, Mapping

from typing_extensions import override

from anymq.protocols.rocketmq.codec import Decoder, Frame, Limits, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.layout import read_messages
from anymq.testing.rocketmq import pull_fields, send_fields
from tests.hostile.room import KIB, MIB, SECONDS, Broker, Neighbour


class RocketMqClient:
    """One connection; answers that came wait in a row."""

    def __init__(self, port: int, *, small: bool = False) -> None:
        self.sock = socket.socket()
        if small:  # keep small what the system holds for it
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        self.sock.settimeout(SECONDS)
        self.sock.connect(("127.0.0.1", port))
        self._decoder = Decoder(Limits(frame_bytes_max=64 * MIB))
        self._opaque = 0

    def ask(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> Frame:
        """Ask, and hear the answer."""
        self._opaque += 1
        self.send(encode(code, self._opaque, 0, ext, body))
        while (frame := self.hear()).opaque != self._opaque:
            pass
        return frame

    def put(self, topic: str, body: bytes) -> Frame:
        """Send a message."""
        return self.ask(RequestCode.SEND_MESSAGE_V2, send_fields(topic, 0, {}), body)

    def pull(self, topic: str, offset: int = 0) -> Frame:
        """Pull what is there."""
        return self.ask(RequestCode.PULL_MESSAGE, pull_fields(topic, offset, 0, "G"))

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
            self._decoder.feed(data)
        return frame

    def ends(self) -> None:
        """Read until it hangs up."""
        with contextlib.suppress(ConnectionError):
            while self.sock.recv(64 * KIB):
                pass

    def abort(self) -> None:
        """Go without a word."""
        self.sock.close()


class RocketMqNeighbour(Neighbour):
    """Sends, hears that it is safe, pulls it; new connections at times."""

    def __init__(self, broker: Broker, port: int) -> None:
        super().__init__(broker)
        self._port = port

    @override
    def visit(self) -> None:
        began = time.monotonic()
        client = RocketMqClient(self._port)
        client.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, {"topic": "TBW102"})
        self.slowest_connect = max(self.slowest_connect, time.monotonic() - began)
        try:
            self.rounds_of(lambda: self._round(client))
        finally:
            client.abort()

    def _round(self, client: RocketMqClient) -> None:
        body = b"message %d" % self.rounds
        sent = client.put("neighbour", body)
        assert sent.code == ResponseCode.SUCCESS, sent
        pulled = client.pull("neighbour", int(sent.ext["queueOffset"]))
        [message] = read_messages(pulled.body)
        assert message.body == body


@contextlib.contextmanager
def unharmed(broker: Broker, port: int) -> Iterator[None]:
    """Somebody who sends and pulls meanwhile, and must not notice."""
    with RocketMqNeighbour(broker, port).watching():
        yield
