"""Topics of another broker of MQTT, as the destination of a shovel."""

from collections.abc import Callable
from typing import Any

from typing_extensions import override

from anymq.core.message import Message
from anymq.core.routing.target import Then
from anymq.protocols.mqtt.codec import (
    V5,
    Answer,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    encode,
)
from anymq.protocols.mqtt.form import MQTT_FORM, is_retained, sayable, unpacked
from anymq.protocols.mqtt.properties import NOTHING, P, Props
from anymq.protocols.mqtt.topics import name_of, swapped
from anymq.shovels.definition import Definition
from anymq.shovels.ends import Refusal, Worker
from anymq.shovels.mqtt.client import RECEIVE_MAXIMUM, reason_in_words
from anymq.shovels.mqtt.end import Means, MqttEnd
from anymq.shovels.mqtt.way import Renaming, goes_round, way_of, with_step

IN_FLIGHT_MAX = 1000
NUMBERS = 65_535
REFUSED = 0x80  # reason codes from here on


class MqttDest(MqttEnd):
    """Publishes there."""

    side = "out"
    blocked = False

    def __init__(self, means: Means, definition: Definition, worker: Worker) -> None:
        super().__init__(means, definition.dest, worker)
        self._said = definition.dest
        self._renaming = Renaming(self._said.strip_prefix, self._said.add_prefix)
        self._qos = self._said.qos
        self._under_way: dict[int, Then | None] = {}  # by number; None: nobody waits any more
        self._next = 1
        self._most = IN_FLIGHT_MAX
        self._full = False

    @property
    def room(self) -> bool:
        """May more be published now?"""
        self._full = len(self._under_way) >= self._most
        return self.client is not None and not self._full and self.client.has_room

    def send(self, message: Message, then: Then | None) -> None:
        """Publish it under its topic, unless it was there already."""
        said = _properties(message, self._means.now_ms())
        topic = self._topic(message)
        if topic is None:
            self._later(then, Refusal("no topic of MQTT can be called so"))
        elif goes_round(way_of(said), self.place):
            self._later(then, None)
        else:
            self._publish(topic, message, with_step(said, self._means.ours), then)

    def _topic(self, message: Message) -> str | None:
        if self._said.topic:
            return self._said.topic
        topic = name_of(message.envelope.routing_key)
        if topic is None:
            return None
        return name_of(swapped(self._renaming.of(topic)))

    def _publish(self, topic: str, message: Message, said: Props, then: Then | None) -> None:
        client = self._client
        qos = min(self._qos, client.promises.get(P.MAXIMUM_QOS, 2))
        number = self._free() if qos else 0
        retain = is_retained(message) if self._said.retain is None else self._said.retain
        properties = said if client.version == V5 else NOTHING
        packet = Publish(topic, message.body, qos, number, retain, False, properties)
        data = encode(packet, client.version)
        if len(data) > client.promises.get(P.MAXIMUM_PACKET, len(data)):
            self._later(then, Refusal("it is larger than the destination takes"))
            return
        client.write(data)
        if qos:
            self._under_way[number] = then
        else:
            self._later(then, None)

    def _free(self) -> int:
        while self._next in self._under_way:
            self._next = self._next % NUMBERS + 1
        number, self._next = self._next, self._next % NUMBERS + 1
        return number

    def _later(self, then: Then | None, error: Exception | None) -> None:
        """Who is told is never told within his own call."""
        if then is not None:
            told: Callable[[Exception | None], Any] = then
            self._means.soon(lambda: told(error))

    # What the client says

    @override
    def opened(self) -> None:
        """Nothing is to be made there."""
        allowed = self._client.promises.get(P.RECEIVE_MAXIMUM, RECEIVE_MAXIMUM)
        self._most = min(allowed, IN_FLIGHT_MAX)
        self._worker.dest_ready()

    @override
    def on_packet(self, packet: Packet) -> None:
        """Answers. From PUBREC on the message is safe there; its number is not free yet."""
        match packet:
            case Puback():
                self._told(packet)
                self._freed(packet.packet_id)
            case Pubrec() if packet.packet_id in self._under_way:
                self._told(packet)
                if packet.code < REFUSED:
                    self._client.say(Pubrel(packet.packet_id))
                else:
                    self._freed(packet.packet_id)
            case Pubcomp():
                self._freed(packet.packet_id)

    def _told(self, answer: Answer) -> None:
        then = self._under_way.get(answer.packet_id)
        if then is None:
            return
        self._under_way[answer.packet_id] = None
        refused = answer.code >= REFUSED
        then(Refusal(reason_in_words(answer.code, answer.properties)) if refused else None)

    def _freed(self, number: int) -> None:
        self._under_way.pop(number, None)
        if self._full and len(self._under_way) <= self._most // 2:
            self._full = False
            self._worker.dest_changed()

    @override
    def on_room(self) -> None:
        """There is room again."""
        self._worker.dest_changed()


def _properties(message: Message, now_ms: int) -> dict[int, Any]:
    """Return what a message says, in MQTT; of its time, what is left."""
    if message.envelope.form is MQTT_FORM:
        said = dict(unpacked(message.properties)[2])
    else:
        said = sayable(message.read())
    expiry_s = said.get(P.MESSAGE_EXPIRY)
    if expiry_s is not None:
        waited_s = max(0, now_ms - message.timestamp_ms) // 1000
        said[P.MESSAGE_EXPIRY] = max(0, expiry_s - waited_s)
    return said
