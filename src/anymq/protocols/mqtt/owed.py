"""Owed: the answers that a client waits for, in the order in which it asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from anymq.core.message import Message
from anymq.protocols.mqtt.codec import Answer, Kind, Puback
from anymq.protocols.mqtt.errors import Reason
from anymq.protocols.mqtt.wire import Wire

PUBACK = bytes((Kind.PUBACK << 4, 2))  # of success: the number follows


@dataclass(slots=True)
class Owed:
    """An answer that is due, once the disk has what it is about."""

    make: type[Answer]
    number: int
    code: Reason | None = None
    why: str = ""
    nowhere: bool = False  # nobody gets the message now

    @property
    def is_known(self) -> bool:
        """Can it be sent?"""
        return self.code is not None

    @property
    def count(self) -> int:
        """How many answers it is."""
        return 1

    def send(self, wire: Wire) -> None:
        """Send it."""
        assert self.code is not None
        wire.send(self.make(self.number, self.code, wire.why(self.why, self.code)))


class OwedRun:
    """Those for a run of messages of QoS 1, by their numbers as they came."""

    __slots__ = ("_messages", "_numbers", "_places", "_reasons", "is_known")

    def __init__(self, numbers: Sequence[bytes], messages: Sequence[Message]) -> None:
        self.is_known = False
        self._numbers = numbers
        self._messages = messages
        self._places: dict[int, int] = {}  # by identity: messages may be equal
        self._reasons: dict[int, tuple[Reason, str]] = {}  # by place in the run; else: success

    @property
    def count(self) -> int:
        """How many answers it is."""
        return len(self._numbers)

    def note_nowhere(self, message: Message) -> None:
        """Nobody gets this one now."""
        if not self._places:
            self._places = {id(one): place for place, one in enumerate(self._messages)}
        self._reasons[self._places[id(message)]] = (Reason.NO_SUBSCRIBERS, "")

    def refuse(self, places: Collection[int], code: Reason, why: str) -> None:
        """These are not to be answered by success."""
        self._reasons.update((place, (code, why)) for place in places)

    def send(self, wire: Wire) -> None:
        """Send them."""
        if not self._reasons and wire.packet_bytes_max >= len(PUBACK) + 2:
            wire.send_raw(PUBACK + PUBACK.join(self._numbers))
            return
        for place, number in enumerate(self._numbers):
            code, why = self._reasons.get(place, (Reason.SUCCESS, ""))
            wire.send(Puback(int.from_bytes(number, "big"), code, wire.why(why, code)))
