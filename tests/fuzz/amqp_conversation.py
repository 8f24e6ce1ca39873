"""Bytes as a conversation with AMQP sessions over a whole broker, and what must hold.

The first byte says how it begins: with nothing, or logged in with two channels; what follows is
either a stream of bytes, cut where the second byte says, or a list of frames: (type and channel,
which method, how many bytes, and those).
"""

import struct
import time
from collections.abc import Iterator
from dataclasses import fields as fields_of

from anymq.core.message import Properties
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import BODY, HEADER, METHOD, content_frames, frame, method_frame
from anymq.protocols.amqp.methods import METHODS, Method, encode
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.testing.amqp import AmqpDialog, AmqpRoom

INPUT_BYTES_MAX = 64 * 1024
FRAMES_MAX = 50
CONVERSATIONS_PER_ROOM = 200  # what one leaves behind, the next ones find
STRANGER_BIT, STREAM_BIT = 1, 2
KEYS = sorted(METHODS)
KINDS = (METHOD, METHOD, METHOD, HEADER, BODY, 8, 0)


class Rooms:
    """A room to talk in; now and then a new one."""

    def __init__(self) -> None:
        self._room: AmqpRoom | None = None
        self._used = 0

    def pick(self) -> AmqpRoom:
        """Return a room with a queue in it."""
        if self._room is None or self._used % CONVERSATIONS_PER_ROOM == 0:
            self._room = _furnished()
        self._used += 1
        return self._room


def _furnished() -> AmqpRoom:
    room = AmqpRoom()
    client = room.dialog().log_in().open(1)
    client >> (1, methods.QueueDeclare("q", False, True, False, False, False, {}))
    room.go_on(client)
    client.hang_up()
    return room


def talk(rooms: Rooms, data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if not data or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = rooms.pick()
    client = room.dialog()
    if not data[0] & STRANGER_BIT:
        client.log_in().open(1).open(2)
    worst = 0.0
    for part in _pieces(data) if data[0] & STREAM_BIT else _frames(data):
        began = time.process_time()
        client.feed(part)
        room.go_on(client)
        worst = max(worst, time.process_time() - began)
        if client.session.closed:
            break
    _leave(room, client)
    return worst


def _leave(room: AmqpRoom, client: AmqpDialog) -> None:
    room.pass_time(2, client)
    assert client.session.reading in (True, False)
    client.hang_up()
    room.write_to_disk()
    room.pass_time(1)
    assert room.amqp.memory.used == 0, "memory that nobody holds"
    assert not room.amqp.conversations


def _pieces(data: bytes) -> Iterator[bytes]:
    rest = data[2:]
    cut = len(rest) * data[1] // 255 if len(data) > 1 else 0
    yield rest[:cut]
    yield rest[cut:]


def _frames(data: bytes) -> Iterator[bytes]:
    at = 1
    for _ in range(FRAMES_MAX):
        if len(data) - at < 4:
            return
        what, which, size = struct.unpack_from(">BBH", data, at)
        payload = data[at + 4 : at + 4 + size]
        at += 4 + size
        kind, channel = KINDS[what % len(KINDS)], (what >> 4) % 4
        if kind == METHOD:
            payload = struct.pack(">I", KEYS[which % len(KEYS)]) + payload
        elif kind == HEADER:
            payload = struct.pack(">HHQ", 60, 0, which) + payload
        yield frame(kind, channel, payload)


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    for key in KEYS:
        for cls in (METHODS[key],):
            payload = encode(_example(cls))[4:]
            one = struct.pack(">BBH", 1 << 4, KEYS.index(key), len(payload)) + payload
            yield b"\0" + one + one
    yield bytes((STREAM_BIT, 100)) + _story()
    yield bytes((STRANGER_BIT | STREAM_BIT, 10)) + _greeting()


_EXAMPLES: dict[str, object] = {
    "shortstr": "q",
    "longstr": b"long",
    "bit": False,
    "table": {"x-max-length": 5, "a": [1, {"b": None}]},
}


def _example(cls: type[Method]) -> Method:
    kinds = dict(cls.LAYOUT)
    names = [each.name for each in fields_of(cls)]  # type: ignore[arg-type]  # a dataclass
    return cls(*(_EXAMPLES.get(kinds[name], 1) for name in names))


def _story() -> bytes:
    """Publish, consume, acknowledge."""
    properties = AMQP_FORM.write(
        Properties(headers={"a": 1, "CC": ["q"]}, delivery_mode=2, expiration="1000")
    )
    said = [
        method_frame(1, methods.ConfirmSelect(False)),
        method_frame(1, methods.BasicPublish("", "q", True, False)),
        content_frames(1, properties, b"hello", 4096),
        method_frame(2, methods.BasicQos(0, 10, False)),
        method_frame(2, methods.BasicConsume("q", "tag", False, False, False, False, {})),
        method_frame(2, methods.BasicAck(1, False)),
        method_frame(2, methods.BasicNack(1, True, True)),
        method_frame(1, methods.TxSelect()),
        method_frame(0, methods.ConnectionClose(200, "", 0, 0)),
    ]
    return b"".join(said)


def _greeting() -> bytes:
    start = methods.ConnectionStartOk({"a": True}, "PLAIN", b"\0guest\0guest", "en_US")
    return b"AMQP\0\0\x09\x01" + method_frame(0, start)
