"""A blocking AMQP client that does as it is told, wrong things too, and hides nothing."""

import contextlib
import socket
import struct
import time
from collections import defaultdict, deque
from typing import Any, NamedTuple

from tests.differential.amqp import methods

HEADER = b"AMQP\x00\x00\x09\x01"
END = b"\xce"
METHOD, CONTENT, BODY, HEARTBEAT = 1, 2, 3, 8
ANSWER_SECONDS = 5.0
RESET = struct.pack("ii", 1, 0)


class Closed(Exception):
    """The server ended the connection."""


class Received(NamedTuple):
    """A method with its message, where it has one; or something else that came."""

    channel: int
    name: str
    arguments: dict[str, Any]
    properties: dict[str, Any] | None = None
    body: bytes = b""


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + END


def content(channel: int, properties: bytes, body: bytes, frame_max: int) -> bytes:
    """The frames of a message after its method."""
    header = struct.pack(">HHQ", 60, 0, len(body)) + properties
    room = frame_max - 8
    parts = [body[at : at + room] for at in range(0, len(body), room)]
    bodies = b"".join(frame(BODY, channel, part) for part in parts)
    return frame(CONTENT, channel, header) + bodies


class Client:
    """One connection. What comes waits, by channel, until somebody asks for it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        self._inbox: defaultdict[int, deque[Received]] = defaultdict(deque)
        self._partial: dict[int, tuple[Received, int, bytearray]] = {}
        self.frame_max = 131072
        self.heartbeats = 0
        self.ended = False

    # --- sending

    def send(self, data: bytes) -> None:
        """These bytes, if anybody still listens."""
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(data)

    def send_some(self, data: bytes, patience: float = 0.05) -> int:
        """As much of it as the other side takes without a pause; how much that was."""
        sent, view = 0, memoryview(data)
        self._socket.settimeout(patience)
        with contextlib.suppress(TimeoutError, ConnectionError):
            while sent < len(data):
                sent += self._socket.send(view[sent:])
        return sent

    def method(self, channel: int, name: str, **arguments: Any) -> None:
        """One method."""
        self.send(frame(METHOD, channel, methods.encode(name, arguments)))

    def publish(
        self, channel: int, arguments: dict[str, Any], properties: bytes, body: bytes
    ) -> None:
        """basic.publish with its message, in one write."""
        payload = methods.encode("basic.publish", arguments)
        message = content(channel, properties, body, self.frame_max)
        self.send(frame(METHOD, channel, payload) + message)

    # --- receiving

    def next(self, channel: int, timeout: float = ANSWER_SECONDS) -> Received:
        """The next on this channel, or what closes the connection; TimeoutError, Closed."""
        deadline = time.monotonic() + timeout
        while True:
            for each in (*list(self._inbox[channel])[:1], *self._inbox[0]):
                if each.channel == channel or each.name == "connection.close":
                    self._inbox[each.channel].remove(each)
                    return each
            self._read(deadline)

    def reply(self, channel: int, names: set[str], timeout: float = ANSWER_SECONDS) -> Received:
        """The first of these on this channel, or what closes the channel or the connection."""
        deadline = time.monotonic() + timeout
        wanted = names | {"channel.close"}
        while True:
            for where, among in ((channel, wanted), (0, {"connection.close"})):
                for each in self._inbox[where]:
                    if each.name in among:
                        self._inbox[where].remove(each)
                        return each
            self._read(deadline)

    def heard(self, channel: int, name: str) -> Received | None:
        """The next one of this name on this channel, if it is here already."""
        for each in self._inbox[channel]:
            if each.name == name:
                self._inbox[channel].remove(each)
                return each
        return None

    def read_more(self, timeout: float = ANSWER_SECONDS) -> None:
        """Wait for at least one more frame; TimeoutError, Closed."""
        self._read(time.monotonic() + timeout)

    def forget(self, channel: int) -> None:
        """Nobody asks for what came on this channel any more."""
        self._inbox[channel].clear()

    def drain(self, timeout: float) -> list[Received]:
        """What is left, and what comes within this time."""
        with contextlib.suppress(TimeoutError, Closed):
            deadline = time.monotonic() + timeout
            while True:
                self._read(deadline)
        left = [each for channel in sorted(self._inbox) for each in self._inbox[channel]]
        self._inbox.clear()
        return left

    def wait_for_end(self, timeout: float = ANSWER_SECONDS) -> bool:
        """Whether the server ends the connection in time."""
        with contextlib.suppress(TimeoutError, Closed):
            deadline = time.monotonic() + timeout
            while True:
                self._read(deadline)
        return self.ended

    def raw(self, size: int) -> bytes:
        """So many bytes that are no frames, fewer when the server ends the connection."""
        deadline = time.monotonic() + ANSWER_SECONDS
        with contextlib.suppress(Closed):
            while len(self._buffer) < size:
                self._fill(deadline)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def next_heartbeat(self, timeout: float = ANSWER_SECONDS) -> None:
        """Wait for one more; TimeoutError, Closed."""
        deadline, before = time.monotonic() + timeout, self.heartbeats
        while self.heartbeats == before:
            self._read(deadline)

    def abort(self, *, reset: bool = False) -> None:
        """End it without a word; `reset`: as a machine does that has forgotten it."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._socket.close()

    def _read(self, deadline: float) -> None:
        """At least one more frame, or TimeoutError, or Closed."""
        while not self._take_frame():
            self._fill(deadline)

    def _fill(self, deadline: float) -> None:
        if self.ended:
            raise Closed
        self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            data = self._socket.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
            raise Closed
        self._buffer += data

    def _take_frame(self) -> bool:
        if len(self._buffer) < 7:
            return False
        kind, channel, size = struct.unpack_from(">BHI", self._buffer)
        if len(self._buffer) < size + 8:
            return False
        payload = bytes(self._buffer[7 : 7 + size])
        assert self._buffer[7 + size] == END[0], "no frame end"
        del self._buffer[: size + 8]
        self._on_frame(kind, channel, payload)
        return True

    def _on_frame(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == METHOD:
            method, arguments = methods.decode(payload)
            received = Received(channel, method.name, arguments)
            if method.name in methods.WITH_CONTENT:
                self._partial[channel] = (received, -1, bytearray())
            else:
                self._inbox[channel].append(received)
        elif kind == HEARTBEAT:
            self.heartbeats += 1
        else:
            self._on_content(kind, channel, payload)

    def _on_content(self, kind: int, channel: int, payload: bytes) -> None:
        received, size, body = self._partial[channel]
        if kind == CONTENT:
            (size,) = struct.unpack_from(">Q", payload, 4)
            received = received._replace(properties=methods.decode_properties(payload[12:]))
        else:
            body += payload
        self._partial[channel] = (received, size, body)
        if len(body) >= size:
            del self._partial[channel]
            self._inbox[channel].append(received._replace(body=bytes(body)))
