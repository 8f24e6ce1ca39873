"""A client of MQTT that may be killed at any moment: what it knows is in a file.

`python -m tests.crash.once_client publish|subscribe PORT FILE COUNT` ends when all is done.
"""

import os
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from anymq.protocols.mqtt.codec import (
    V311,
    Connack,
    Connect,
    Packet,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Wish,
    decode,
    encode,
    frame_at,
)
from tests.crash.once_model import Publisher, Subscriber

TOPIC = "once"
UNDER_WAY = 20
AGAIN_SECONDS = 0.05
SILENCE_SECONDS = 20
READY, SENT, RECEIVED, COMPLETE = "ready", "sent", "received", "complete"
GOT, RELEASED = "got", "released"


class Notes:
    """Lines in a file: what is written there outlives us, whatever happens."""

    def __init__(self, path: str) -> None:
        self.lines = lines_of(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def add(self, *words: object) -> None:
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def lines_of(path: str) -> list[list[str]]:
    """Return the words of every line that is there."""
    try:
        with open(path) as file:
            return [line.split() for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


class Publishing:
    """Publishes numbers; before anything is said, it is written down."""

    name = "publisher"

    def __init__(self, notes: Notes, count: int) -> None:
        self._notes = notes
        self._model = Publisher(UNDER_WAY)
        under_way, sent = self._model.under_way, 0
        for what, number, *rest in notes.lines:
            if what == SENT:
                under_way[int(number)] = Publish(TOPIC, rest[0].encode(), 2, int(number))
                sent += 1
            elif what == RECEIVED:
                under_way[int(number)] = None
            else:
                del under_way[int(number)]
        self._model.waiting.extend((TOPIC, b"%d" % one) for one in range(sent, count))

    @property
    def done(self) -> bool:
        return not self._model.waiting and not self._model.under_way

    def begin(self) -> Iterator[Packet]:
        yield from self._model.resume()
        yield from self._go_on()

    def hear(self, packet: Packet) -> Iterator[Packet]:
        if isinstance(packet, Pubrec):
            self._notes.add(RECEIVED, packet.packet_id)
        elif isinstance(packet, Pubcomp):
            self._notes.add(COMPLETE, packet.packet_id)
        yield from self._model.hear([packet])
        yield from self._go_on()

    def _go_on(self) -> Iterator[Packet]:
        for packet in self._model.publish():
            assert isinstance(packet, Publish)
            self._notes.add(SENT, packet.packet_id, packet.payload.decode())
            yield packet


class Subscribing:
    """Takes them."""

    name = "subscriber"

    def __init__(self, notes: Notes, count: int) -> None:
        self._notes = notes
        self._count = count
        self._model = Subscriber()
        self._is_subscribed = False
        for what, *rest in notes.lines:
            if what == GOT:
                self._model.unreleased.add(int(rest[0]))
                self._model.got.append(rest[1].encode())
            elif what == RELEASED:
                self._model.unreleased.discard(int(rest[0]))
            else:
                self._is_subscribed = True

    @property
    def done(self) -> bool:
        return len(self._model.got) >= self._count and not self._model.unreleased

    def begin(self) -> Iterator[Packet]:
        if not self._is_subscribed:
            yield Subscribe(1, [Wish(TOPIC, 2)])

    def hear(self, packet: Packet) -> Iterable[Packet]:
        if isinstance(packet, Suback):
            self._notes.add(READY)
            self._is_subscribed = True
        elif isinstance(packet, Publish) and packet.packet_id not in self._model.unreleased:
            self._notes.add(GOT, packet.packet_id, packet.payload.decode())
        elif isinstance(packet, Pubrel):
            self._notes.add(RELEASED, packet.packet_id)
        return self._model.hear([packet])


def packets_of(connection: socket.socket) -> Iterator[Packet]:
    data = b""
    while more := connection.recv(65_536):
        data += more
        at = 0
        while (frame := frame_at(data, at, len(data))) is not None:
            yield decode(data, frame, V311)
            at = frame.end
        data = data[at:]


def talk(connection: socket.socket, client: Publishing | Subscribing) -> None:
    def say(packets: Iterable[Packet]) -> None:
        for packet in packets:
            connection.sendall(encode(packet, V311))

    say([Connect(V311, client.name, clean=False)])
    for packet in packets_of(connection):
        if isinstance(packet, Connack):
            assert packet.code == 0, packet
            say(client.begin())
        else:
            say(client.hear(packet))
        if client.done:
            return


def main(what: str, port: str, path: str, count: str) -> None:
    kind = Publishing if what == "publish" else Subscribing
    client: Publishing | Subscribing = kind(Notes(path), int(count))
    while not client.done:
        with (
            suppress(ConnectionError, TimeoutError),
            socket.create_connection(("127.0.0.1", int(port)), SILENCE_SECONDS) as connection,
        ):
            talk(connection, client)
        time.sleep(AGAIN_SECONDS)  # the broker may have been killed


if __name__ == "__main__":
    main(*sys.argv[1:])
