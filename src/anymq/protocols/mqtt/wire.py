"""Wire: the way to one client."""

from collections.abc import Sequence

from anymq.core.taps import Origin
from anymq.protocols.mqtt.codec import V5, Packet, Publish, encode
from anymq.protocols.mqtt.counters import Counters
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.properties import P
from anymq.protocols.mqtt.reader import VARINT_MAX
from anymq.protocols.session import Outbox

WITHOUT_LIMIT = VARINT_MAX + 5


class Wire:
    """Encodes for a client, of its version, no more than it takes."""

    __slots__ = ("counters", "ended", "outbox", "packet_bytes_max", "problems", "version", "who")

    def __init__(self, outbox: Outbox, counters: Counters) -> None:
        self.outbox = outbox
        self.counters = counters
        self.version = 0
        self.packet_bytes_max = WITHOUT_LIMIT
        self.problems = True  # does it want to read reasons?
        self.ended = False
        self.who = Origin("mqtt")

    @property
    def v5(self) -> bool:
        """Does it speak MQTT 5?"""
        return self.version == V5

    def send(self, packet: Packet) -> bool:
        """Send a packet; False when the client takes none that large."""
        if self.ended:
            return True
        data = encode(packet, self.version)
        if len(data) > self.packet_bytes_max:
            return False
        self.outbox.write(data)
        if isinstance(packet, Publish):
            self.counters.delivered += 1
        return True

    def send_raw(self, data: bytes) -> None:
        """Send packets that the client takes, and that are encoded."""
        if not self.ended:
            self.outbox.write(data)

    def send_all(self, pieces: Sequence[bytes], count: int) -> None:
        """Send so many messages, which the client takes, and which are encoded."""
        if not self.ended:
            for one in pieces:
                self.outbox.write(one)
            self.counters.delivered += count

    def why(self, error: Exception | str, code: Reason) -> dict[int, str]:
        """Return the reason as properties, for clients that read such."""
        told = str(error)
        if not (self.v5 and self.problems and told and code >= Reason.UNSPECIFIED):
            return {}
        return {P.REASON_STRING: told.replace("\0", "")[:1000]}
