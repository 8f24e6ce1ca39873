"""Bytes as a conversation with a STOMP session over a whole broker, and what must hold.

The first byte says of which version, and how it begins: with nothing, or as a client with two
subscriptions and messages. What follows is a stream of bytes, cut where the second byte says.
"""

import time
from collections.abc import Iterator

from anymq.protocols.stomp.codec import V10, V11, V12, Frame, encode
from anymq.testing.stomp import StompDialog, StompRoom

INPUT_BYTES_MAX = 64 * 1024
CONVERSATIONS_PER_ROOM = 200  # what one leaves behind, the next ones find
VERSIONS = (V12, V11, V10)
STRANGER_BIT = 4
SESSION = b"session-SESSION"  # stands for the real one, which seeds cannot know


class Rooms:
    """A room to talk in; now and then a new one."""

    def __init__(self) -> None:
        self._room: StompRoom | None = None
        self._used = 0

    def pick(self) -> StompRoom:
        """Return a room with a queue that has messages."""
        if self._room is None or self._used % CONVERSATIONS_PER_ROOM == 0:
            self._room = StompRoom()
            writer = self._room.connect()
            for number in range(3):
                writer >> Frame("SEND", {"destination": "/queue/full"}, b"%d" % number)
            writer.hang_up()
        self._used += 1
        return self._room


def talk(rooms: Rooms, data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if len(data) < 2 or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = rooms.pick()
    client = room.stomp_dialog(VERSIONS[(data[0] & 3) % len(VERSIONS)])
    if not data[0] & STRANGER_BIT:
        _begin(client)
    session = client.connected.headers.get("session", "").encode()
    rest = data[2:].replace(SESSION, session)
    cut = len(rest) * data[1] // 255
    worst = 0.0
    for part in (rest[:cut], rest[cut:]):
        began = time.process_time()
        client >> part
        worst = max(worst, time.process_time() - began)
    room.let_pass(2)
    assert client.session.reading in (True, False)
    client.frames()  # all of them are some
    client.hang_up()
    room.dialogs.clear()
    assert room.stomp.memory.used == 0, "memory that nobody holds"
    assert not room.stomp.connected
    return worst


def _begin(client: StompDialog) -> None:
    client.connect()
    client >> Frame(
        "SUBSCRIBE",
        {"id": "1", "destination": "/queue/full", "ack": "client", "prefetch-count": "2"},
    )
    client >> Frame("SUBSCRIBE", {"id": "2", "destination": "/topic/a.#"})
    client >> Frame("SEND", {"destination": "/queue/full", "persistent": "true"}, b"x")


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    for place, version in enumerate(VERSIONS):
        frames = list(_examples(version))
        for frame in frames:
            yield bytes((place, 100)) + _said(frame, version)
        yield bytes((place, 50)) + b"".join(_said(frame, version) for frame in frames)
        connect = Frame("CONNECT", {"accept-version": version, "host": "/", "heart-beat": "1000,5"})
        yield (
            bytes((place | STRANGER_BIT, 10))
            + _said(connect, version)
            + b"\n"
            + _said(frames[0], version)
        )


def _said(frame: Frame, version: str) -> bytes:
    return encode(frame.command, frame.headers.items(), frame.body, version)


def _examples(version: str) -> Iterator[Frame]:
    topic = {"destination": "/topic/a.b"}
    name = "id" if version == V12 else "message-id"
    first = {name: f"T_1@@{SESSION.decode()}@@0"}
    yield Frame("SEND", {**topic, "receipt": "r", "color": "blue:\n"}, b"hello\0")
    yield Frame("SEND", {**topic, "reply-to": "/temp-queue/t", "expiration": "5", "x-delay": "9"})
    yield Frame("SEND", {"destination": "/exchange/amq.fanout/k%2Fl", "persistent": "true"})
    yield Frame("SUBSCRIBE", {"id": "3", "destination": "/topic/a.*", "durable": "true"})
    yield Frame("SUBSCRIBE", {"id": "4", "destination": "/queue/new", "x-max-length": "5"})
    yield Frame("BEGIN", {"transaction": "t"})
    yield Frame("SEND", {**topic, "transaction": "t", "receipt": "s"}, b"later")
    yield Frame("ACK", {**first, "transaction": "t"})
    yield Frame("COMMIT", {"transaction": "t", "receipt": "c"})
    yield Frame("BEGIN", {"transaction": "u"})
    yield Frame("NACK", {**first, "transaction": "u", "requeue": "false"})
    yield Frame("ABORT", {"transaction": "u"})
    yield Frame("NACK", first)
    yield Frame("UNSUBSCRIBE", {"id": "3", "durable": "true"})
    yield Frame("UNSUBSCRIBE", {"id": "2"})
    yield Frame("DISCONNECT", {"receipt": "bye"})
