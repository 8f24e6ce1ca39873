"""Publishers and subscribers of MQTT, which count on exactly once."""

from collections.abc import Iterable

from typing_extensions import override

from anymq.protocols.mqtt.codec import (
    V311,
    Connack,
    Connect,
    Packet,
    Suback,
    Subscribe,
    Wish,
    decode,
    encode,
    frame_at,
)
from anymq.protocols.mqtt.properties import NOTHING
from tests.crash.once_model import Publisher, Subscriber
from tests.simulation.actor import Actor, Place
from tests.simulation.world import World

BYTES_MAX = 1 << 20
REFUSED = 0x80


class MqttActor(Actor):
    """A session that outlives its connections."""

    protocol = "mqtt"
    version = V311

    @override
    def greet(self) -> None:
        self.say([Connect(self.version, self.name, False, 0, None, None, None, NOTHING)])

    @override
    def listen(self) -> None:
        at = 0
        while (frame := frame_at(self.heard, at, BYTES_MAX)) is not None:
            packet = decode(self.heard, frame, self.version)
            at = frame.end
            if isinstance(packet, Connack):
                assert packet.code == 0, packet
                self.begin(known=packet.session_present)
            else:
                self.on_packet(packet)
            if self.link is None:
                return
        self.heard = self.heard[at:]

    def say(self, packets: Iterable[Packet]) -> None:
        if self.link is not None:
            self.link.say(b"".join(encode(one, self.version) for one in packets))

    def begin(self, *, known: bool) -> None:
        """We are in."""

    def on_packet(self, packet: Packet) -> None:
        """One of the rest."""


class MqttPublisher(MqttActor):
    """Publishes numbered messages with QoS 2 until all are there."""

    def __init__(self, world: World, place: Place, name: str, bodies: Iterable[bytes]) -> None:
        self._model = Publisher(numbers=world.rng.choice((1, 3, 10)))
        self._left = list(bodies)
        super().__init__(world, place, name)

    @property
    @override
    def done(self) -> bool:
        return not (self._left or self._model.waiting or self._model.under_way)

    @override
    def begin(self, *, known: bool) -> None:
        self.say(self._model.resume())
        self._publish()

    def _publish(self) -> None:
        if self._left and self.place.subscribed:  # type: ignore[attr-defined]
            self._model.waiting.append(("t/x", self._left.pop(0)))
        self.say(self._model.publish())
        if self._left:
            self.later(self.world.between(0.001, 0.3), self._publish)

    @override
    def on_packet(self, packet: Packet) -> None:
        self.say(self._model.hear([packet]))
        self.say(self._model.publish())


class MqttSubscriber(MqttActor):
    """Has everything of a filter, each once."""

    def __init__(self, world: World, place: Place, name: str, filter_: str) -> None:
        self.model = Subscriber()
        self._filter = filter_
        self.is_subscribed = False
        super().__init__(world, place, name)

    @override
    def begin(self, *, known: bool) -> None:
        if not self.is_subscribed:
            self.say([Subscribe(1, [Wish(self._filter, 2)])])
        else:
            assert known, f"{self.name}: the session is gone"

    @override
    def on_packet(self, packet: Packet) -> None:
        if isinstance(packet, Suback):
            self.is_subscribed = packet.codes[0] != REFUSED
            if not self.is_subscribed and self.link is not None:
                self.link.cut()  # and begin anew
                return
        answers = self.model.hear([packet])
        self.later(self.world.between(0.0001, 0.1), lambda: self.say(answers))
