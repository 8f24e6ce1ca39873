"""The few AMQP frames that a load is made of, encoded beforehand."""

import socket
from collections.abc import Sequence
from struct import Struct

FRAME_END = b"\xce"
FRAME_BYTES_MAX = 131_072
_FRAME = Struct(">BHI")
HEADER = b"AMQP\0\0\x09\x01"
TUNE, OPEN_OK, CHANNEL_OPEN_OK = (10, 30), (10, 41), (20, 11)
EXCHANGE_DECLARE_OK, QUEUE_DECLARE_OK = (40, 11), (50, 11)
CONSUME_OK, CONFIRM_OK, QUEUE_DELETE_OK = (60, 21), (85, 11), (50, 41)
ACK, NACK = (60, 80), (60, 120)


def text(value: str) -> bytes:
    """A short string."""
    return bytes([len(value)]) + value.encode()


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    """A whole frame."""
    return _FRAME.pack(kind, channel, len(payload)) + payload + FRAME_END


def method(channel: int, class_id: int, method_id: int, arguments: bytes) -> bytes:
    """A method frame."""
    return frame(1, channel, class_id.to_bytes(2) + method_id.to_bytes(2) + arguments)


def publish(exchange: str, key: str, body: bytes, *, persistent: bool) -> bytes:
    """A whole message, on channel 1."""
    arguments = b"\0\0" + text(exchange) + text(key) + b"\0"
    mode = b"\x02" if persistent else b"\x01"
    header = b"\0\x3c\0\0" + len(body).to_bytes(8) + b"\x10\0" + mode
    return method(1, 60, 40, arguments) + frame(2, 1, header) + frame(3, 1, body)


def declare(queue: str, *, durable: bool, nowait: bool) -> bytes:
    """A queue, on channel 1."""
    flags = 2 * durable + 16 * nowait
    return method(1, 50, 10, b"\0\0" + text(queue) + bytes([flags]) + b"\0\0\0\0")


def bind(queue: str, exchange: str) -> bytes:
    """Bind without a key, on channel 1; no answer."""
    arguments = b"\0\0" + text(queue) + text(exchange) + text("") + b"\1" + b"\0\0\0\0"
    return method(1, 50, 20, arguments)


def declare_fanout(exchange: str) -> bytes:
    """A fanout exchange, gone with its last binding."""
    arguments = b"\0\0" + text(exchange) + text("fanout") + b"\x04" + b"\0\0\0\0"
    return method(1, 40, 10, arguments)


def consume(queue: str, tag: str, *, nowait: bool) -> bytes:
    """Take everything without acknowledging it, on channel 1."""
    flags = 2 + 8 * nowait
    return method(1, 60, 20, b"\0\0" + text(queue) + text(tag) + bytes([flags]) + b"\0\0\0\0")


def delete(queue: str, *, nowait: bool) -> bytes:
    """Away with it, on channel 1."""
    return method(1, 50, 40, b"\0\0" + text(queue) + bytes([4 * nowait]))


def delivery_bytes(tag: str, exchange: str, key: str, size: int) -> int:
    """How long a delivered message is on the wire."""
    prefix = 4 + 1 + len(tag) + 8 + 1 + 1 + len(exchange) + 1 + len(key)
    return 8 + prefix + 8 + 12 + 3 + 8 + size


class Connection:
    """A connection with one channel, from the point of view of a load."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self.socket.sendall(HEADER)
        plain = b"\0guest\0guest"
        start_ok = b"\0\0\0\0" + text("PLAIN") + len(plain).to_bytes(4) + plain + text("en_US")
        self.wait_for((10, 10))
        self.socket.sendall(method(0, 10, 11, start_ok))
        self.wait_for(TUNE)
        limits = (2047).to_bytes(2) + FRAME_BYTES_MAX.to_bytes(4) + b"\0\0"
        self.socket.sendall(method(0, 10, 31, limits))
        self.ask(method(0, 10, 40, text("/") + b"\0\0"), OPEN_OK)
        self.ask(method(1, 20, 10, b"\0"), CHANNEL_OPEN_OK)

    def ask(self, request: bytes, answer: tuple[int, int]) -> bytes:
        """Send a request; return the payload of its answer."""
        self.socket.sendall(request)
        return self.wait_for(answer)

    def wait_for(self, wanted: tuple[int, int]) -> bytes:
        """Skip frames until this method comes."""
        while True:
            kind, payload = self.frame()
            found = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
            if kind == 1 and found == wanted:
                return payload
            if kind == 1 and found in ((10, 50), (20, 40)):
                raise RuntimeError(payload[7 : 7 + payload[6]].decode())

    def frame(self) -> tuple[int, bytes]:
        """The next frame: its kind and payload."""
        while True:
            data = self._received
            if len(data) >= _FRAME.size:
                kind, _channel, size = _FRAME.unpack_from(data)
                end = _FRAME.size + size + 1
                if len(data) >= end:
                    payload = bytes(data[_FRAME.size : end - 1])
                    del data[:end]
                    return kind, payload
            more = self.socket.recv(1 << 16)
            if not more:
                raise RuntimeError("the broker hung up")
            data += more

    def skip(self, size: int) -> None:
        """Take so many bytes without looking at them."""
        taken = min(size, len(self._received))
        del self._received[:taken]
        buffer = bytearray(1 << 20)
        while taken < size:
            got = self.socket.recv_into(buffer, min(len(buffer), size - taken))
            if not got:
                raise RuntimeError("the broker hung up")
            taken += got


def in_parts(requests: Sequence[bytes]) -> list[bytes]:
    """Joined, some hundred at a time."""
    return [b"".join(requests[first : first + 200]) for first in range(0, len(requests), 200)]
