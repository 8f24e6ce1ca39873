"""Handles: by which consumers say what became of a message that was lent to them.

They are what remoting clients make of an answer to POP ("extra info"), so that a message that came
one way can be settled the other way:

    first offset · pop time · invisible time · revive queue · kind of topic · broker · queue
    · offset · physical offset
"""

from collections.abc import Mapping
from typing import NamedTuple

from anymq.protocols.rocketmq.grpc.convert import POP_CK
from anymq.protocols.rocketmq.grpc.definition import Code
from anymq.protocols.rocketmq.grpc.errors import GrpcRefusal
from anymq.protocols.rocketmq.grpc.inner import Answer
from anymq.protocols.rocketmq.layout import Stored, read_properties
from anymq.protocols.rocketmq.names import RETRY

NORMAL, RETRY_V1, RETRY_V2 = "0", "1", "2"  # kinds of topics
PARTS_MIN = 8
HANDLE_CHARS_MAX = 1024


class Handle(NamedTuple):
    """One message, as it is lent."""

    text: str
    first: int
    revive_queue: str
    kind: str
    broker: str
    queue: int
    offset: int
    physical_offset: int

    def topic(self, name: str, group: str) -> str:
        """Return the topic that it lies in: that of retries, if it came from there."""
        if self.kind == RETRY_V1:
            return f"{RETRY}{group}_{name}"
        return f"{RETRY}{group}+{name}" if self.kind == RETRY_V2 else name

    def renewed(self, answer: Answer) -> str:
        """Return the handle of the same message after its time was changed."""
        said = (
            *(self.first, answer.number("popTime"), answer.number("invisibleTime")),
            *(answer.number("reviveQid"), self.kind, self.broker, self.queue, self.offset),
            self.physical_offset,
        )
        return " ".join(map(str, said))


def handle_of(text: str) -> Handle:
    """Read one; refuse what is none."""
    parts = text.split(" ") if len(text) <= HANDLE_CHARS_MAX else []
    try:
        if len(parts) < PARTS_MIN:
            raise ValueError
        physical = int(parts[8]) if len(parts) > PARTS_MIN else -1
        return Handle(
            text,
            int(parts[0]),
            parts[3],
            parts[4],
            parts[5],
            int(parts[6]),
            int(parts[7]),
            physical,
        )
    except ValueError:
        raise GrpcRefusal(Code.INVALID_RECEIPT_HANDLE, "no message has this handle") from None


def about(handle: Handle, name: str, group: str) -> dict[str, object]:
    """Return what requests of remoting say of a message that is lent."""
    return {
        "consumerGroup": group,
        "topic": handle.topic(name, group),
        "queueId": handle.queue,
        "offset": handle.offset,
        "extraInfo": handle.text,
    }


class Lent:
    """An answer to POP: makes handles of the messages in it."""

    def __init__(self, answer: Answer, broker: str) -> None:
        self._answer = answer
        self._broker = broker
        self._firsts = _firsts_of(answer.text("startOffsetInfo"))

    def handle(self, stored: Stored) -> str:
        """Return the handle of a message."""
        own = read_properties(stored.properties).get(POP_CK)
        if own is not None:
            parts = own.split(" ")
            return own if len(parts) > PARTS_MIN else f"{own} {stored.physical_offset}"
        kind = _kind_of(stored.topic)
        first = self._firsts.get((kind, stored.queue), stored.offset)
        answer = self._answer
        said = (
            *(first, answer.number("popTime"), answer.number("invisibleTime")),
            *(answer.number("reviveQid"), kind, self._broker, stored.queue, stored.offset),
            stored.physical_offset,
        )
        return " ".join(map(str, said))


def _kind_of(topic: str) -> str:
    if not topic.startswith(RETRY):
        return NORMAL
    return RETRY_V2 if "+" in topic else RETRY_V1


def _firsts_of(text: str) -> Mapping[tuple[str, int], int]:
    """Read `kind queue number;...`."""
    found: dict[tuple[str, int], int] = {}
    for one in text.split(";"):
        parts = one.split(" ")
        if len(parts) == 3 and parts[1].isdigit():
            found[parts[0], int(parts[1])] = int(parts[2])
    return found
