"""What the MQTT sessions did so far, for the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from anymq.protocols.mqtt.codec import Kind


@dataclass(slots=True)
class Counters:
    """Plain numbers: counting costs one addition."""

    packets: "Counter[int]" = field(default_factory=Counter)  # that came, by kind
    delivered: int = 0
    dropped: int = 0  # that a client could not be told: too large, or of no name in MQTT
    malformed: int = 0
    logins_failed: int = 0

    def by_kind(self) -> Mapping[tuple[str, str], int]:
        """Return the packets by protocol and name."""
        return {("mqtt", Kind(kind).name): count for kind, count in self.packets.items()}
