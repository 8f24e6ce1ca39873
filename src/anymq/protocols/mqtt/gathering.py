"""Gathering: PUBLISH and PUBACK, many at a time.

Who publishes much says the same topic again and again. So a topic is understood once, messages one
after another to one topic become a run, and one costs what it takes to remember its payload. What
is rarer (QoS 2, retained, repeated, with properties, malformed) goes packet by packet: see
codec.py. Hot: benchmarks/micro/mqtt.py.
"""

from collections.abc import Callable
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple, cast

from anymq.core.errors import Refused
from anymq.core.message import Envelope, Message, Run
from anymq.protocols.mqtt.codec import V5, Kind
from anymq.protocols.mqtt.form import packed
from anymq.protocols.mqtt.incoming import Ground, Incoming
from anymq.protocols.mqtt.outgoing import Outgoing
from anymq.protocols.mqtt.owed import PUBACK
from anymq.protocols.mqtt.properties import NOTHING
from anymq.protocols.mqtt.wire import Wire

ENVELOPES_MAX = 1000  # that a connection remembers
TOPIC_BYTES_MAX = 200  # of those
AT_ONCE = 512  # packets; then somebody looks at the clock
AT_MOST_ONCE, AT_LEAST_ONCE = Kind.PUBLISH << 4, Kind.PUBLISH << 4 | 2
SIZE_MAX = 1 << 14  # of a packet whose length has two bytes
NO_NUMBER = b"\0\0"  # is malformed

# What a NamedTuple does, without the function around it.
_new_message = cast(Callable[[tuple[Any, ...]], Message], partial(tuple.__new__, Message))


class Taken(NamedTuple):
    """What there was: of which kind, where the next packet begins, and how many they were."""

    kind: Kind
    at: int
    packets: int


class Shape(NamedTuple):
    """What a PUBLISH looks like; the next ones often look the same."""

    prefix: bytes  # up to the topic
    head: bytes  # the topic, with its length
    number_at: int
    body_at: int
    step: int  # how long it is


class Gathering:
    """What one client says, as far as it is simple. Everything is published when `take` is done."""

    __slots__ = (
        "_envelopes",
        "_ground",
        "_incoming",
        "_outgoing",
        "_permitted",
        "_properties",
        "_v5",
        "_wire",
    )

    def __init__(self, ground: Ground, wire: Wire, incoming: Incoming, outgoing: Outgoing) -> None:
        self._ground = ground
        self._wire = wire
        self._incoming = incoming
        self._outgoing = outgoing
        self._v5 = wire.version == V5
        self._permitted = -1  # the version of the rights by which the envelopes are good
        self._envelopes: dict[bytes, Envelope | None] = {}  # by topic, as it comes
        client = ground.mailbox.client_id
        self._properties = {
            first: packed(qos, client, NOTHING)
            for qos, first in enumerate((AT_MOST_ONCE, AT_LEAST_ONCE))
        }

    def take(self, data: bytes, at: int, bytes_max: int) -> Taken:
        """Act on the packets at `at`, up to one that is not simple, or not all there."""
        if at + 4 > len(data):
            return Taken(Kind.PUBLISH, at, 0)
        first = data[at]
        if first in self._properties:
            return self._publish_all(data, at, min(bytes_max, SIZE_MAX))
        if data[at : at + 2] == PUBACK:
            return self._acknowledge_all(data, at)
        return Taken(Kind.PUBLISH, at, 0)

    # PUBACK

    def _acknowledge_all(self, data: bytes, at: int) -> Taken:
        numbers: list[int] = []
        begun, end = at, min(len(data) - 3, at + 4 * AT_ONCE)
        while at < end and data[at] == PUBACK[0] and data[at + 1] == PUBACK[1]:
            numbers.append(data[at + 2] << 8 | data[at + 3])
            at += 4
        if 0 in numbers:
            return Taken(Kind.PUBACK, begun, 0)  # malformed
        self._outgoing.on_pubacks(numbers)
        return Taken(Kind.PUBACK, at, len(numbers))

    # PUBLISH

    def _publish_all(self, data: bytes, at: int, bytes_max: int) -> Taken:
        count = 0
        while count < AT_ONCE:
            taken = self._publish_some(data, at, bytes_max, AT_ONCE - count)
            if taken.at == at:
                break
            at, count = taken.at, count + taken.packets
            if self._wire.ended:
                break  # it was refused, and that is the end of it
        return Taken(Kind.PUBLISH, at, count)

    def _publish_some(self, data: bytes, at: int, bytes_max: int, most: int) -> Taken:
        """Publish the messages at `at` that have one topic and one quality of service."""
        shape = self._shape(data, at, bytes_max)
        envelope = None if shape is None else self._envelope(shape.head)
        if shape is None or envelope is None:
            return Taken(Kind.PUBLISH, at, 0)
        first, head = data[at], shape.head
        bodies: list[bytes] = []
        numbers: list[bytes] | None = None
        if first == AT_LEAST_ONCE:
            numbers, most = [], min(most, self._incoming.room)
        while shape is not None and shape.head == head and data[at] == first:
            stop = self._gather(data, at, shape, most, bodies, numbers)
            if stop == at:
                break
            at = stop
            shape = self._shape(data, at, bytes_max)
        if bodies:
            self._publish(envelope, self._properties[first], bodies, numbers)
        return Taken(Kind.PUBLISH, at, len(bodies))

    def _gather(
        self,
        data: bytes,
        at: int,
        shape: Shape,
        most: int,
        bodies: list[bytes],
        numbers: list[bytes] | None,
    ) -> int:
        """Take all that are like the first one, of the same size, too; return where they end."""
        prefix, _, number_at, body_at, step = shape
        last, v5 = len(data) - step, self._v5
        while at <= last and len(bodies) < most and data.startswith(prefix, at):
            if v5 and data[at + body_at - 1]:
                break  # it has properties
            if numbers is not None:
                number = data[at + number_at : at + number_at + 2]
                if number == NO_NUMBER:
                    break
                numbers.append(number)
            bodies.append(data[at + body_at : at + step])
            at += step
        return at

    def _shape(self, data: bytes, at: int, bytes_max: int) -> Shape | None:
        """Look at one PUBLISH; None: it is no simple one, or not all there."""
        if at + 4 >= len(data) or data[at] not in self._properties:
            return None
        size, begin = data[at + 1], at + 2
        if size > 0x7F:
            if data[begin] > 0x7F:
                return None  # a large one
            size, begin = size & 0x7F | data[begin] << 7, begin + 1
        stop, number_at = begin + size, begin + 2 + (data[begin] << 8 | data[begin + 1])
        body_at = number_at + (2 if data[at] == AT_LEAST_ONCE else 0) + self._v5
        if body_at > stop or stop > len(data) or stop - at > bytes_max:
            return None
        prefix, head = data[at:number_at], data[begin:number_at]
        return Shape(prefix, head, number_at - at, body_at - at, stop - at)

    def _publish(
        self,
        envelope: Envelope,
        properties: bytes,
        bodies: list[bytes],
        numbers: list[bytes] | None,
    ) -> None:
        same = repeat(envelope), repeat(properties), bodies, repeat(self._ground.now_ms())
        run = Run(list(map(_new_message, zip(*same))), persistent=numbers is not None)  # noqa: B905
        if numbers is None:
            self._incoming.publish_unanswered(run)
        else:
            self._incoming.publish_run(run, numbers)

    def _envelope(self, head: bytes) -> Envelope | None:
        """Return where messages to a topic go; None: it must be looked at closely."""
        version = self._ground.permit.version
        if version != self._permitted:
            self._permitted = version
            self._envelopes.clear()
        try:
            return self._envelopes[head]
        except KeyError:
            pass
        envelope = self._understood(head)
        if len(head) <= TOPIC_BYTES_MAX:
            if len(self._envelopes) >= ENVELOPES_MAX:
                self._envelopes.clear()
            self._envelopes[head] = envelope
        return envelope

    def _understood(self, head: bytes) -> Envelope | None:
        if len(head) < 3 or b"\0" in head[2:]:
            return None
        try:
            topic = head[2:].decode()
            self._incoming.publisher.check(topic)
        except (UnicodeDecodeError, Refused):
            return None
        return self._incoming.publisher.envelope(topic)
