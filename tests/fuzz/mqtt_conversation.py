"""Bytes as a conversation with an MQTT session over a whole broker, and what must hold.

The first byte says of which version, and how it begins: with nothing, or as a client with a mailbox
and messages in it. What follows is a stream of bytes, cut where the second byte says.
"""

import time
from collections.abc import Iterator

from anymq.protocols.mqtt.codec import (
    V5,
    V31,
    V311,
    Connect,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Subscribe,
    Unsubscribe,
    Will,
    Wish,
    encode,
)
from anymq.protocols.mqtt.properties import P
from anymq.testing.mqtt import MqttRoom

INPUT_BYTES_MAX = 64 * 1024
CONVERSATIONS_PER_ROOM = 200  # what one leaves behind, the next ones find
VERSIONS = (V5, V311, V31)
STRANGER_BIT = 4


class Rooms:
    """A room to talk in; now and then a new one."""

    def __init__(self) -> None:
        self._room: MqttRoom | None = None
        self._used = 0

    def pick(self) -> MqttRoom:
        """Return a room in which something is retained."""
        if self._room is None or self._used % CONVERSATIONS_PER_ROOM == 0:
            self._room = MqttRoom()
            writer = self._room.connect("w")
            writer >> Publish("a/b", b"kept", 1, 1, retain=True)
            writer.hang_up()
        self._used += 1
        return self._room


def talk(rooms: Rooms, data: bytes) -> float:
    """Have the conversation; return how many seconds of the processor the worst step took."""
    if len(data) < 2 or len(data) > INPUT_BYTES_MAX:
        return 0.0
    room = rooms.pick()
    version = VERSIONS[(data[0] & 3) % len(VERSIONS)]
    client = room.mqtt_dialog(version)
    if not data[0] & STRANGER_BIT:
        client.connect("c", clean=False, expiry_s=60 if version == V5 else 0)
        client >> Subscribe(1, [Wish("a/#", 2)])
    rest = data[2:]
    cut = len(rest) * data[1] // 255
    worst = 0.0
    for part in (rest[:cut], rest[cut:]):
        began = time.process_time()
        client >> part
        worst = max(worst, time.process_time() - began)
    room.let_pass(2)
    assert client.session.reading in (True, False)
    client.hang_up()
    room.dialogs.clear()
    assert room.mqtt.memory.used == 0, "memory that nobody holds"
    assert not room.mqtt.connected
    return worst


def seeds() -> Iterator[bytes]:
    """Conversations that make sense, for the search to begin with."""
    for place, version in enumerate(VERSIONS):
        for packet in _examples(version):
            yield bytes((place, 100)) + encode(packet, version)
        yield bytes((place, 50)) + b"".join(encode(one, version) for one in _examples(version))
        will = Will("a/w", b"gone", 1, True)
        connect = Connect(version, "d", True, 5, "guest", b"guest", will)
        yield bytes((place | STRANGER_BIT, 10)) + encode(connect, version)


def _examples(version: int) -> Iterator[Packet]:
    said: dict[int, object] = {P.USER_PROPERTY: [("a", "1")], P.TOPIC_ALIAS: 1, P.MESSAGE_EXPIRY: 5}
    more = said if version == V5 else {}
    yield Publish("a/b", b"hello", 0, 0, properties=more)
    yield Publish("a/c", b"hello", 1, 1, retain=True)
    yield Publish("a/d", b"hello", 2, 2)
    yield Pubrel(2)
    yield from (Puback(1), Pubrec(2), Pubcomp(2))
    yield Subscribe(3, [Wish("$share/g/a/+", 1), Wish("#", 2)])
    yield Unsubscribe(4, ["#", "a/#"])
