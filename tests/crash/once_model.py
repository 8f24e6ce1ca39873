"""Clients of MQTT that keep to exactly once: they never forget."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from anymq.protocols.mqtt.codec import (
    Packet,
    Pubcomp,
    Publish,
    Pubrec,
    Pubrel,
)


@dataclass
class Publisher:
    """Publishes with QoS 2. What it has under way outlives connections and brokers."""

    numbers: int  # of messages under way: reused as fast as they can be
    waiting: deque[tuple[str, bytes]] = field(default_factory=deque)
    under_way: dict[int, Publish | None] = field(default_factory=dict)  # None: it was received

    def publish(self) -> list[Packet]:
        """Return the packets of what may go now."""
        said: list[Packet] = []
        for number in range(1, self.numbers + 1):
            if self.waiting and number not in self.under_way:
                topic, payload = self.waiting.popleft()
                packet = self.under_way[number] = Publish(topic, payload, 2, number)
                said.append(packet)
        return said

    def resume(self) -> list[Packet]:
        """Say again what has no answer, in its order."""
        return [
            Pubrel(number) if packet is None else replace(packet, dup=True)
            for number, packet in self.under_way.items()
        ]

    def hear(self, packets: Iterable[Packet]) -> list[Packet]:
        """Return what is to be said to these."""
        said: list[Packet] = []
        for packet in packets:
            if isinstance(packet, Pubrec):
                assert packet.code < 0x80, packet
                self.under_way[packet.packet_id] = None
                said.append(Pubrel(packet.packet_id))
            elif isinstance(packet, Pubcomp):
                del self.under_way[packet.packet_id]
        return said


@dataclass
class Subscriber:
    """Takes each number once until it is released, as MQTT wants it."""

    got: list[bytes] = field(default_factory=list)
    unreleased: set[int] = field(default_factory=set)

    def hear(self, packets: Iterable[Packet]) -> list[Packet]:
        """Return what is to be said to these."""
        said: list[Packet] = []
        for packet in packets:
            if isinstance(packet, Publish) and packet.qos == 2:
                if packet.packet_id not in self.unreleased:
                    self.unreleased.add(packet.packet_id)
                    self.got.append(packet.payload)
                said.append(Pubrec(packet.packet_id))
            elif isinstance(packet, Pubrel):
                self.unreleased.discard(packet.packet_id)
                said.append(Pubcomp(packet.packet_id))
        return said
