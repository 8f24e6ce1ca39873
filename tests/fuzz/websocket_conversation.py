"""Bytes as a conversation with MQTT in a WebSocket, and what must hold.

The first byte says whether the handshake is made before, and whether the bytes are the payloads of
frames or frames themselves; the second where they are cut.
"""

import time
from collections.abc import Iterator

from tests.unit.protocols.websocket.frames import frame, request

from anymq.protocols.mqtt.codec import V311, Connect, Publish, Subscribe, Wish, encode
from anymq.protocols.mqtt.session import MqttSession
from anymq.protocols.session import Outbox, Peer
from anymq.protocols.websocket.framing import as_stream, size_of
from anymq.protocols.websocket.handshake import Manners
from anymq.protocols.websocket.session import Inside, WebSocketSession
from anymq.testing.mqtt import MqttRoom

INPUT_BYTES_MAX = 64 * 1024
STRANGER_BIT, FRAMED_BIT, TEXT_BIT = 1, 2, 4
PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 15_675)
MANNERS = Manners(paths=("/mqtt",), subprotocols=("mqtt",), subprotocol_required=True)


def talk(data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if len(data) < 2 or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = MqttRoom()
    outbox = Outbox(lambda: None)
    inside = Inside(
        speak=lambda outbox, peer: MqttSession(room.mqtt, outbox, peer),
        manners=MANNERS,
        pack=as_stream,
        takes_text=bool(data[0] & TEXT_BIT),
        handshake_seconds_max=lambda: 10.0,
    )
    session = WebSocketSession(inside, outbox, PEER)
    parts = [] if data[0] & STRANGER_BIT else [request()]
    rest = data[2:]
    cut = len(rest) * data[1] // 255
    parts += [rest[:cut], rest[cut:]]
    worst = 0.0
    for number, part in enumerate(parts):
        framed = data[0] & FRAMED_BIT and number > 0
        began = time.process_time()
        _hear(room, session, outbox, frame(2, part) if framed else part)
        worst = max(worst, time.process_time() - began)
    for second in (1.0, 2.0, 20.0):
        session.tick(second)
        _take(outbox)
    session.peer_gone()
    outbox.close()
    room.settle()
    assert room.mqtt.memory.used == 0, "memory that nobody holds"
    assert not room.mqtt.connected
    return worst


def _hear(room: MqttRoom, session: WebSocketSession, outbox: Outbox, data: bytes) -> None:
    session.receive(memoryview(data))
    room.settle()
    _take(outbox)
    while session.more:
        session.go_on()
        room.settle()
        _take(outbox)


def _take(outbox: Outbox) -> None:
    while pieces := outbox.take():
        outbox.sent(sum(map(size_of, pieces)))
    assert outbox.size == 0, "bytes that nobody has"


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    packets = (
        Connect(V311, "c"),
        Subscribe(1, [Wish("a/#", 1)]),
        Publish("a/b", b"hello", 1, 1),
    )
    said = b"".join(encode(one, V311) for one in packets)
    yield bytes((FRAMED_BIT, 100)) + said
    yield bytes((0, 40)) + frame(2, said) + frame(9, b"ping") + frame(8, b"\x03\xe8")
    yield bytes((0, 90)) + frame(2, said[:9], fin=False) + frame(10) + frame(0, said[9:])
    yield bytes((TEXT_BIT, 10)) + frame(1, "häé".encode())
    yield bytes((STRANGER_BIT, 128)) + request() + frame(2, said)
    yield bytes((STRANGER_BIT, 5)) + request(origin="http://elsewhere")
