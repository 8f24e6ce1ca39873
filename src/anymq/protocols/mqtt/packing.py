"""Packing: messages as PUBLISH packets, many at a time, for all who get the same.

Messages one after another under one envelope differ in little more than their payloads. What is
the same for every subscriber is packed once, and the run remembers it. Hot:
benchmarks/micro/mqtt.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from anymq.core.message import Envelope, Message, Run
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.codec import Kind
from anymq.protocols.mqtt.form import MQTT_FORM, has_properties
from anymq.protocols.mqtt.reader import text, varint
from anymq.protocols.mqtt.wire import Wire

NAME = "mqtt"  # of what envelopes remember
ALIKE = "alike"  # of what runs do
COPIED_BYTES_MAX = 4096  # a payload that is longer goes out as it is, whoever gets it
HEAD_BYTES_MAX = 5  # the kind, and the length of a packet
NO_PROPERTIES = b"\0"


class Packed(NamedTuple):
    """Packets, in pieces; how large the largest is at most."""

    pieces: Sequence[bytes]
    largest: int


def stretches(messages: Sequence[Message]) -> list[tuple[int, int]]:
    """Return where messages one after another are alike: from, to. Most often, all are."""
    found, begin = [], 0
    envelope, properties = messages[0][:2]
    for at, message in enumerate(messages):
        if message[0] is not envelope or message[1] != properties:
            found.append((begin, at))
            begin = at
            envelope, properties = message[:2]
    found.append((begin, len(messages)))
    return found


def is_plain(message: Message, wire: Wire) -> bool:
    """Is there nothing to be said of it but topic and payload?"""
    return not wire.v5 or (
        message.envelope.form is MQTT_FORM and not has_properties(message.properties)
    )


def topic_of(envelope: Envelope) -> bytes | None:
    """Return the topic as it is in packets; None when MQTT has no such name."""
    known = envelope.wire
    if NAME not in known:
        topic = topics.name_of(envelope.routing_key)
        known[NAME] = None if topic is None else text(topic)
    found: bytes | None = known[NAME]
    return found


def is_alike(run: Run) -> bool:
    """Have its messages the same properties?"""
    if run.wire is None:
        properties = run.messages[0].properties
        run.wire = {ALIKE: all(one[1] == properties for one in run.messages)}
    return bool(run.wire[ALIKE])


def packed_run(run: Run, flags: int, first: int, *, v5: bool) -> Packed | None:
    """Return plain messages that are alike, numbered from `first` on; None: it has no such topic.

    0: they are of QoS 0, and have no numbers. Those who get all the same messages have the same
    numbers, too; so what was packed last is remembered.
    """
    assert is_alike(run)
    kind = flags, v5
    known: tuple[int, Packed | None] | None = run.wire.get(kind)
    if known is None or known[0] != first:
        numbers = range(first, first + len(run.messages)) if first else None
        ready = packed(run.envelope, run.messages, flags, numbers, v5=v5)
        known = run.wire[kind] = first, ready
    return known[1]


def packed(
    envelope: Envelope,
    messages: Sequence[Message],
    flags: int,
    numbers: Sequence[int] | None,
    *,
    v5: bool,
) -> Packed | None:
    """Return plain messages of one envelope as packets; None when MQTT has no such topic."""
    topic = topic_of(envelope)
    if topic is None:
        return None
    first = bytes((Kind.PUBLISH << 4 | flags,))
    behind = NO_PROPERTIES if v5 else b""
    rest = len(topic) + len(behind) + (0 if numbers is None else 2)
    bodies = [message[2] for message in messages]
    sizes = set(map(len, bodies))
    heads = {size: first + varint(rest + size) + topic for size in sizes}
    if numbers is None:
        before = [heads[len(body)] + behind for body in bodies]
    else:
        pairs = zip(bodies, numbers, strict=True)
        before = [heads[len(body)] + number.to_bytes(2, "big") + behind for body, number in pairs]
    pieces = [b""] * (2 * len(bodies))
    pieces[::2], pieces[1::2] = before, bodies
    largest = max(sizes)
    if largest <= COPIED_BYTES_MAX:
        pieces = [b"".join(pieces)]
    return Packed(pieces, HEAD_BYTES_MAX + rest + largest)
