"""Content: messages as frames, from the bytes that were received.

A delivery is three frames: a method with a delivery tag, a header with the properties, a body. All
but the tag and the body is the same for many messages, so it is put together once.
"""

from collections.abc import Callable, Iterable, Sequence
from struct import Struct
from typing import TYPE_CHECKING

from anymq.core.message import Envelope, Message
from anymq.core.queues.delivery import Delivery
from anymq.protocols.amqp.codec import (
    BASIC,
    BODY,
    CONTENT,
    EMPTY_FRAME_BYTES,
    END_BYTE,
    FRAME,
    FRAME_WITH_CONTENT,
    HEADER,
    METHOD,
    content_header,
    method_frame,
)
from anymq.protocols.amqp.foreign import properties_of, short_name
from anymq.protocols.amqp.methods import KEY, BasicDeliver, Method, short_text
from anymq.storage.files import Buffer

if TYPE_CHECKING:
    from anymq.protocols.amqp.wire import Wire

COPIED_BYTES_MAX = 16 * 1024  # a larger body goes to the socket from where it is

_TAG = Struct(">Q")
_NAMES = "amqp"  # in Envelope.wire


def send_content(wire: "Wire", channel: int, method: Method, message: Message) -> None:
    """Send a message behind a method, for those that are not many: get-ok and return."""
    body = message.body
    head = content_header(channel, properties_of(message), len(body))
    frames = _body_frames(channel, body, wire.frame_max - EMPTY_FRAME_BYTES)
    send(wire, [method_frame(channel, method), head, *frames])


def send(wire: "Wire", pieces: Sequence[Buffer]) -> None:
    """Send pieces of frames: small ones together, large ones without a copy."""
    if sum(map(len, pieces)) <= COPIED_BYTES_MAX:
        wire.write(b"".join(pieces))
        return
    small: list[Buffer] = []
    for piece in pieces:
        if len(piece) <= COPIED_BYTES_MAX:
            small.append(piece)
            continue
        wire.write(b"".join(small))
        wire.write(piece)
        small.clear()
    wire.write(b"".join(small))


def _body_frames(channel: int, body: bytes, room: int) -> list[Buffer]:
    pieces: list[Buffer] = []
    whole = body if len(body) <= room else memoryview(body)
    for at in range(0, len(body), room):
        piece = whole[at : at + room]  # of bytes that is itself
        pieces += (FRAME.pack(BODY, channel, len(piece)), piece, END_BYTE)
    return pieces


class DeliveryFrames:
    """Writes deliveries for one consumer."""

    __slots__ = ("_channel", "_properties_of", "_room", "_tag")

    def __init__(
        self,
        channel: int,
        consumer_tag: str,
        frame_max: int,
        properties_of: Callable[[Message], bytes] = properties_of,
    ) -> None:
        self._channel = channel
        self._properties_of = properties_of
        self._tag = KEY.pack(BasicDeliver.KEY) + short_text(consumer_tag)
        self._room = frame_max - EMPTY_FRAME_BYTES  # for a piece of a body

    def send(self, wire: "Wire", tag: int, deliveries: Iterable[Delivery]) -> None:
        """Send deliveries with tags from `tag` on.

        Every message comes by here, so it is plain and long: benchmarks/micro/amqp_channel.py.
        """
        pieces: list[bytes] = []
        pack_tag = _TAG.pack
        copied_max = min(COPIED_BYTES_MAX, self._room)
        envelope: Envelope | None = None
        properties, size, again = None, -1, False
        head = middle = b""
        for delivery in deliveries:
            message, redelivered = delivery[1], delivery[3]
            body = message[2]
            if message[0] is not envelope:
                envelope, properties = message[0], None
                head = self._head(envelope)
            if message[1] != properties or len(body) != size or redelivered != again:
                properties, size, again = message[1], len(body), redelivered
                middle = self._middle(message, redelivered)
            if 0 < size <= copied_max:
                pieces += (head, pack_tag(tag), middle, body, END_BYTE)
            elif size:
                pieces += (head, pack_tag(tag), middle)
                send(wire, pieces)
                send(wire, _body_frames(self._channel, body, self._room))
                pieces = []
            else:
                pieces += (head, pack_tag(tag), middle)
            tag += 1
        if pieces:
            wire.write(b"".join(pieces))

    def _head(self, envelope: Envelope) -> bytes:
        """Return what comes before the delivery tag."""
        payload_bytes = len(self._tag) + 9 + len(_names(envelope))
        return FRAME.pack(METHOD, self._channel, payload_bytes) + self._tag

    def _middle(self, message: Message, redelivered: bool) -> bytes:
        """Return what comes between the delivery tag and a body that fits into one frame."""
        size = len(message.body)
        flags = b"\1" if redelivered else b"\0"
        properties = self._properties_of(message)
        header_bytes = CONTENT.size + len(properties)
        header = FRAME_WITH_CONTENT.pack(HEADER, self._channel, header_bytes, BASIC, 0, size)
        names = _names(message.envelope) + END_BYTE
        middle = flags + names + header + properties + END_BYTE
        if 0 < size <= min(COPIED_BYTES_MAX, self._room):
            middle += FRAME.pack(BODY, self._channel, size)
        return middle


def _names(envelope: Envelope) -> bytes:
    """Return exchange and routing key as deliveries have them."""
    names: bytes | None = envelope.wire.get(_NAMES)
    if names is None:
        names = short_name(envelope.exchange) + short_name(envelope.routing_key)
        envelope.wire[_NAMES] = names
    return names
