"""Streams as AMQP's consumers see them: each message says its offset in `x-stream-offset`.

What a client of this protocol published is not decoded for that: a header is put into the table.
"""

from collections.abc import Iterable
from struct import Struct

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message
from anymq.core.portable.record_form import RECORD_FORM, TIME_BYTES, depends_on_time
from anymq.core.queues.delivery import Delivery
from anymq.core.vhosts.stream import Stream
from anymq.core.vhosts.stream_arguments import OFFSET, check_consuming
from anymq.protocols.amqp.fields import Table
from anymq.protocols.amqp.foreign import properties_of
from anymq.protocols.amqp.properties import (
    AMQP_FORM,
    CONTENT_ENCODING,
    CONTENT_TYPE,
    DELIVERY_MODE,
    HEADERS,
)

REMEMBERED_MAX = 256  # by one consumer
REMEMBERED_BYTES_MAX = 1024

NOT_PERSISTENT = b"\x01"

_U16 = Struct(">H")
_U32 = Struct(">I")
_OFFSET = Struct(">q")
_NAME = OFFSET.encode()
_FIELD = bytes((len(_NAME),)) + _NAME + b"l"

Known = bytes | tuple[bytes, int]
Halves = tuple[bytes, bytes]  # of properties: what comes before the offset, and after it


def check(stream: Stream, arguments: Table, prefetch: int) -> None:
    """Refuse a consumer as RabbitMQ does, in its order. (Auto-ack the stream itself refuses.)"""
    check_consuming(stream.of, arguments)
    if not prefetch:
        raise PreconditionFailed(f"consumer prefetch count is not set for stream {stream.of}")


class Numbering:
    """Tells each message of a stream its offset."""

    __slots__ = ("_remembered",)

    def __init__(self) -> None:
        self._remembered: dict[Known, Halves] = {}

    def numbered(self, deliveries: Iterable[Delivery]) -> list[Delivery]:
        """Return deliveries whose messages say where they are.

        Hot: benchmarks/micro/portable.py.
        """
        numbered: list[Delivery] = []
        pack = _OFFSET.pack
        last: bytes | None = None
        head = tail = b""
        for offset, message, returns, redelivered in deliveries:
            envelope, properties, body, timestamp_ms = message
            if properties is not last:
                head, tail = self._halves(message)
                last = properties
            told = Message(envelope, head + pack(offset) + tail, body, timestamp_ms)
            numbered.append(Delivery(offset, told, returns, redelivered))
        return numbered

    def _halves(self, message: Message) -> Halves:
        properties = message.properties
        known: Known = properties
        if message.envelope.form is RECORD_FORM and not depends_on_time(properties):
            # AMQP tells the second, and most records have the same headers as those before them.
            known = (properties[TIME_BYTES:], message.timestamp_ms // 1000)
        halves = self._remembered.get(known)
        if halves is None:
            halves = _split(properties_of(message))
            if len(properties) <= REMEMBERED_BYTES_MAX:
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[known] = halves
        return halves


def _split(properties: bytes) -> Halves:
    """Return properties in two halves, between which the offset belongs."""
    if _NAME in properties:  # it was in a stream before; that offset says nothing any more
        said = AMQP_FORM.read(properties)
        properties = AMQP_FORM.write(said.with_headers(**{OFFSET: None}))
    flags = _U16.unpack_from(properties)[0]
    at = 2
    for flag in (CONTENT_TYPE, CONTENT_ENCODING):
        if flags & flag:
            at += 1 + properties[at]
    begin, size = at, 0
    if flags & HEADERS:
        size = _U32.unpack_from(properties, at)[0]
        begin += 4
    end = begin + size
    table, rest = properties[begin:end], properties[end:]
    if not flags & DELIVERY_MODE:  # RabbitMQ says what that means
        flags, rest = flags | DELIVERY_MODE, NOT_PERSISTENT + rest
    table_bytes = _U32.pack(size + len(_FIELD) + _OFFSET.size)
    head = b"".join((_U16.pack(flags | HEADERS), properties[2:at], table_bytes, _FIELD))
    return head, table + rest
