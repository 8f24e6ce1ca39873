"""The way of a message over bridges: where it has been, and what its topic becomes.

Two bridges, one there and one back, would carry a message round and round. So each that carries one
notes in a user property of MQTT 5 where it came from: the other broker by host and port when it
comes, this one by its cluster's id when it goes. What was there already is not carried there again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anymq.protocols.mqtt.properties import P

WAY = "x-anymq-way"
STEPS_MAX = 16  # longer ways are those of loops that we cannot see


@dataclass(frozen=True, slots=True)
class Renaming:
    """What a topic becomes: a beginning goes, another comes."""

    strip: str = ""
    add: str = ""

    def of(self, topic: str) -> str:
        """Return the new name. What does not begin so keeps its name."""
        return self.add + topic.removeprefix(self.strip)


def way_of(properties: Mapping[int, Any]) -> Sequence[str]:
    """Return where a message has been."""
    return [value for name, value in properties.get(P.USER_PROPERTY, ()) if name == WAY]


def goes_round(way: Sequence[str], place: str) -> bool:
    """Was it there already, or is it on a way without end?"""
    return place in way or len(way) >= STEPS_MAX


def with_step(properties: Mapping[int, Any], place: str) -> dict[int, Any]:
    """Return the same of a message that comes from there."""
    pairs = [*properties.get(P.USER_PROPERTY, ()), (WAY, place)]
    return {**properties, P.USER_PROPERTY: pairs}
