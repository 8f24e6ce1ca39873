"""Coming: how far a message is that must come once, as it is written down.

Whoever must not publish a message twice keeps one of these in a log that leads (`LogConfig.leads`),
with the places that `witness.Witness` named: MQTT for QoS 2, transactions for half messages.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from anymq.core.queues.witness import Places
from anymq.storage import varints


class Stage(IntEnum):
    """How far a message is that must come once."""

    COMPLETE = 0  # it is everywhere
    COMING = 1  # it is on its way to all of these places, or was when the broker died
    BEGUN = 2  # a restart found it in these places, and it lacks others


@dataclass(frozen=True, slots=True)
class Coming:
    """Where a message goes, and how far it is."""

    stage: Stage
    places: Places

    def found(self, has: Callable[[int, int], bool]) -> "Coming | None":
        """Return what a restart makes of it; None: the message is nowhere, and never came."""
        there = [place for place in self.places if has(*place)]
        if self.stage is Stage.COMPLETE or (self.stage is Stage.COMING and there == self.places):
            return Coming(Stage.COMPLETE, [])
        return Coming(Stage.BEGUN, there) if there else None

    def encode(self) -> bytes:
        """Return it as it is kept: nothing when it is complete."""
        if self.stage is Stage.COMPLETE:
            return b""
        numbers = [number for place in self.places for number in place]
        return bytes((self.stage,)) + b"".join(map(varints.encode, numbers))

    @classmethod
    def decode(cls, data: bytes) -> "Coming":
        """Read it again."""
        if not data:
            return cls(Stage.COMPLETE, [])
        places, at = [], 1
        while at < len(data):
            log_id, at = varints.decode(data, at)
            position, at = varints.decode(data, at)
            places.append((log_id, position))
        return cls(Stage(data[0]), places)
