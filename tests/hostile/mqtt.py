"""MQTT clients for hostile tests: what they say is theirs, byte by byte."""

import contextlib
from collections.abc import Iterator
from typing import Self, TypeVar

from typing_extensions import override

from anymq.protocols.mqtt.codec import (
    V5,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Wish,
    decode,
    encode,
    frame_at,
)
from tests.hostile.guests import Guest, GuestNeighbour
from tests.hostile.room import MIB, Broker

P = TypeVar("P", bound=Packet)


class Decoder:
    """Cuts what arrives into packets of one version."""

    def __init__(self, version: int) -> None:
        self._version = version
        self._data = bytearray()

    def feed(self, data: memoryview) -> None:
        """Take what came."""
        self._data += data

    def next(self) -> Packet | None:
        """Return the next packet, if it is whole."""
        frame = frame_at(self._data, 0, 64 * MIB)
        if frame is None:
            return None
        packet = decode(bytes(self._data), frame, self._version)
        del self._data[: frame.end]
        return packet


class MqttClient(Guest[Packet]):
    """One connection; packets that came wait in a row."""

    def __init__(self, port: int, *, small: bool = False, version: int = V5) -> None:
        super().__init__(port, Decoder(version), small=small)
        self.version = version

    def log_in(self, name: str = "", *, clean: bool = True, keep_alive: int = 0) -> Self:
        """Be let in."""
        self.say(Connect(self.version, name, clean, keep_alive))
        assert self.await_one(Connack).code == 0
        return self

    def say(self, packet: Packet) -> None:
        """Send a packet."""
        self.send(encode(packet, self.version))

    def await_one(self, kind: type[P]) -> P:
        """The next packet, which is of this kind."""
        packet = self.hear()
        assert isinstance(packet, kind), packet
        return packet

    def subscribe(self, filter_: str, qos: int = 0) -> None:
        """Do so, and hear that it is so."""
        self.say(Subscribe(1, [Wish(filter_, qos)]))
        assert list(self.await_one(Suback).codes) == [qos]

    def ends(self) -> int:
        """Return the reason with which the broker ends it; 0: it hangs up without one."""
        with contextlib.suppress(ConnectionError, AssertionError):
            while not isinstance(packet := self.hear(), Disconnect | Connack):
                pass
            return packet.code
        return 0


class MqttNeighbour(GuestNeighbour[MqttClient]):
    """Publishes, waits for PUBACK, gets it, acknowledges; new connections at times."""

    @override
    def enter(self) -> MqttClient:
        client = MqttClient(self.port).log_in()
        client.subscribe("neighbour", 1)
        return client

    @override
    def round(self, client: MqttClient) -> None:
        body = b"message %d" % self.rounds
        client.say(Publish("neighbour", body, 1, 1))
        heard = {type(packet): packet for packet in (client.hear(), client.hear())}
        assert heard.keys() == {Puback, Publish}, heard
        message = heard[Publish]
        assert isinstance(message, Publish)
        assert message.payload == body
        client.say(Puback(message.packet_id))


@contextlib.contextmanager
def unharmed(broker: Broker, port: int) -> Iterator[None]:
    """Somebody who publishes and reads meanwhile, and must not notice."""
    with MqttNeighbour(broker, port).watching():
        yield
