"""Topics of another broker of MQTT, as the source of a shovel.

What is acknowledged there is what is safe at the destination, in the order in which it came: MQTT
wants that. Messages that came while we were away wait there in a session of ours.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from typing_extensions import override

from anymq.core.message import Envelope, Message
from anymq.protocols.mqtt.codec import (
    V5,
    Answer,
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
    Suback,
    Subscribe,
    Wish,
)
from anymq.protocols.mqtt.form import MQTT_FORM, RETAIN, packed
from anymq.protocols.mqtt.properties import MESSAGE_MAY
from anymq.protocols.mqtt.topics import EXCHANGE, SHARE_PREFIX, swapped
from anymq.shovels.definition import NO_ACK, Definition
from anymq.shovels.ends import Arrival, Worker
from anymq.shovels.mqtt.client import RECEIVE_MAXIMUM, reason_in_words
from anymq.shovels.mqtt.end import Means, MqttEnd
from anymq.shovels.mqtt.way import Renaming, goes_round, way_of, with_step

REFUSED = 0x80  # reason codes from here on
ONLY_NEW = 1  # of retain handling: retained messages only when we were not subscribed
OURS = "$"  # topics that brokers keep for themselves begin so


@dataclass(slots=True)
class Owed:
    """An answer that is due when the message is safe, and all before it are."""

    answer: Answer | None  # QoS 0: none
    done: bool = False


class MqttSource(MqttEnd):
    """Subscribes there."""

    side = "in"

    def __init__(self, means: Means, definition: Definition, worker: Worker) -> None:
        super().__init__(means, definition.source, worker)
        self._said = definition.source
        self._qos = 0 if definition.ack_mode == NO_ACK else self._said.qos
        self._renaming = Renaming(self._said.strip_prefix, self._said.add_prefix)
        self._paused = True
        self._owed: deque[Owed] = deque()

    @property
    @override
    def lasts(self) -> bool:  # type: ignore[override]
        """Messages without acknowledgement are not worth a session."""
        return self._qos > 0

    @property
    @override
    def receive_maximum(self) -> int:
        return min(self._said.prefetch, RECEIVE_MAXIMUM)

    def pause(self, paused: bool) -> None:
        """Listen no more, or again."""
        self._paused = paused
        if self.client is not None:
            self.client.pause(paused)

    def ack(self, tokens: Sequence[Any]) -> None:
        """These are done."""
        for owed in tokens:
            owed.done = True
        while self._owed and self._owed[0].done:
            answer = self._owed.popleft().answer
            if answer is not None and self.client is not None:
                self.client.say(answer)

    # What the client says

    @override
    def opened(self) -> None:
        """Subscribe, each time: perhaps the session was forgotten, or we want others now."""
        self._client.say(Subscribe(1, [self._wish(one) for one in self._said.topics]))

    def _wish(self, said: str) -> Wish:
        if self._client.version != V5:
            return Wish(said, self._qos)
        no_local = not said.startswith(SHARE_PREFIX)  # MQTT does not allow both
        return Wish(said, self._qos, no_local, True, ONLY_NEW if self.lasts else 0)

    @override
    def on_packet(self, packet: Packet) -> None:
        """Messages, and what they need."""
        match packet:
            case Publish():
                self._on_publish(packet)
            case Pubrel():
                self._client.say(Pubcomp(packet.packet_id))
            case Suback():
                self._on_suback(packet)

    def _on_suback(self, packet: Suback) -> None:
        refused = [code for code in packet.codes if code >= REFUSED]
        if refused:
            why = reason_in_words(refused[0], packet.properties)
            self._worker.failed(f"{self.uri}: the subscription was refused: {why}")
            return
        self._worker.source_ready(None)
        if self.client is not None:
            self.client.pause(self._paused)

    def _on_publish(self, packet: Publish) -> None:
        owed = Owed(_answer_to(packet))
        self._owed.append(owed)
        topic = self._renaming.of(packet.topic)
        if topic.startswith(OURS) or goes_round(way_of(packet.properties), self._means.ours):
            self.ack([owed])  # not for us
            return
        self._worker.arrived([Arrival(owed, self._message(topic, packet))])

    def _message(self, topic: str, packet: Publish) -> Message:
        said = {key: value for key, value in packet.properties.items() if key in MESSAGE_MAY}
        flags = packet.qos | (RETAIN if packet.retain else 0)
        properties = packed(flags, "", with_step(said, self.place))
        return Message(_envelope(topic), properties, packet.payload, self._means.now_ms())


def _answer_to(packet: Publish) -> Answer | None:
    if packet.qos == 0:
        return None
    return Puback(packet.packet_id) if packet.qos == 1 else Pubrec(packet.packet_id)


@lru_cache(maxsize=1000)
def _envelope(topic: str) -> Envelope:
    """One object for all with one address: routes are remembered by it."""
    return Envelope(EXCHANGE, swapped(topic), MQTT_FORM)
