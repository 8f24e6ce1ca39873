"""Events: what can happen to a message, and how it is told from others."""

from hashlib import blake2b

from msgspec import Struct

from anymq.core.message import Message, Properties
from anymq.core.taps import Origin

PUBLISHED = "published"
RETURNED = "unroutable"  # published, and no queue wanted it
DELIVERED = "delivered"
DEAD_LETTERED = "dead-lettered"
DROPPED = "dropped"

NO_POSITION = -1


class Event(Struct, frozen=True, kw_only=True):
    """One thing that happened to one message. A queue's positions name messages that are in it."""

    time_ms: int
    event: str
    who: Origin
    exchange: str = ""
    routing_key: str = ""
    queues: tuple[str, ...] = ()
    partition: int | None = None  # of a topic
    position: int = NO_POSITION  # in the queue, or the offset
    fingerprint: bytes = b""
    becomes: bytes = b""  # of the message that it goes on as
    message_id: str = ""
    correlation_id: str = ""
    reason: str = ""
    redelivered: bool = False
    no_ack: bool = False
    message: Message | None = None  # its body cut to what the trace keeps
    payload_bytes: int = 0


def fingerprint(message: Message) -> bytes:
    """Return what tells a message from all others, wherever it is.

    Equal ones that came within one millisecond have the same: nobody could tell them apart.
    """
    envelope = message.envelope
    made = blake2b(digest_size=12)
    for part in (envelope.exchange.encode(), envelope.routing_key.encode(), message.properties):
        made.update(len(part).to_bytes(4, "big"))
        made.update(part)
    made.update(message.timestamp_ms.to_bytes(8, "big", signed=True))
    made.update(message.body)
    return made.digest()


def read(message: Message) -> Properties:
    """Return what a message says; nothing, if its properties cannot be read."""
    try:
        return message.read()
    except ValueError:
        return Properties()
