"""Opener: records of a topic become messages."""

from collections.abc import Mapping

from crc32c import crc32c

from anymq.core.message import Envelope, Form, Message
from anymq.core.portable.plain import RESERVED, text_of
from anymq.core.portable.record_form import RECORD_FORM, TIME, sized_key
from anymq.core.portable.reserved import (
    KEY_IS_KEY,
    KEY_IS_TOPIC,
    RESERVED_START,
    Origin,
    origin_of,
    read_origin,
)
from anymq.storage import varints
from anymq.storage.records import encode_headers, headers_of

REMEMBERED_MAX = 500  # by each topic in use
REMEMBERED_BYTES_MAX = 1024  # longer headers seldom come twice


class Opener:
    """Makes messages of the records of one topic. Remembers those that were alike."""

    def __init__(self, topic: str, forms: Mapping[int, Form]) -> None:
        self._topic = topic
        self._forms = forms
        self._remembered: dict[tuple[bytes | None, bytes], tuple[Envelope, bytes]] = {}
        self._envelopes: dict[tuple[str, str, int], Envelope] = {}

    def open(
        self, key: bytes | None, value: bytes | None, headers: bytes, timestamp_ms: int
    ) -> Message:
        """Return the message that this record is. CorruptBatch when its headers are none.

        Hot: benchmarks/micro/portable.py.
        """
        known = self._remembered.get((key, headers))
        if known is None:
            known = self._original(key, headers) or self._of_record(key, headers)
            if len(headers) <= REMEMBERED_BYTES_MAX:
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[key, headers] = known
        envelope, properties = known
        if envelope.form is RECORD_FORM:
            properties = TIME.pack(timestamp_ms) + properties
        return Message(envelope, properties, value or b"", timestamp_ms)

    def _original(self, key: bytes | None, written: bytes) -> tuple[Envelope, bytes] | None:
        """Return the envelope and properties that it had, if they still hold."""
        if not written.startswith(RESERVED_START, 1) or written[0] >= 0x80:
            return self._original_slowly(key, written) if RESERVED in written else None
        size, at = varints.decode(written, 1 + len(RESERVED_START))
        origin = read_origin(written[at : at + size])
        if origin is None or crc32c(written[at + size :]) != origin.checksum:
            return None
        return self._known(origin, key)

    def _original_slowly(self, key: bytes | None, written: bytes) -> tuple[Envelope, bytes] | None:
        """As `_original`, wherever the reserved header is."""
        headers = headers_of(written)
        for index, (name, value) in enumerate(headers):
            if name == RESERVED and value is not None:
                plain = headers[:index] + headers[index + 1 :]
                rest = encode_headers(plain)[len(varints.encode(len(plain))) :]
                origin = read_origin(value)
                if origin is not None and crc32c(rest) == origin.checksum:
                    return self._known(origin, key)
        return None

    def _known(self, origin: Origin, key: bytes | None) -> tuple[Envelope, bytes] | None:
        form = self._forms.get(origin.form)
        # Of a protocol that this version does not speak, or a lie: no record is kept like that.
        if form is None or form is RECORD_FORM:
            return None
        try:
            form.traits(origin.properties)
        except ValueError:  # anybody can write a header of this name
            return None
        return self._envelope(*self._address(origin, key), form), origin.properties

    def _of_record(self, key: bytes | None, written: bytes) -> tuple[Envelope, bytes]:
        """Return what a Kafka client wrote, or has changed: the properties without their time."""
        headers = headers_of(written)
        origin = origin_of(headers)
        if origin is not None:
            exchange, routing_key = self._address(origin, key)
            written = encode_headers([one for one in headers if one[0] != RESERVED])
            key = None  # it is a header too, if the publisher said what it is
        else:
            exchange, routing_key = "", text_of(key) or self._topic
            key = None if routing_key.encode() == key else key
        return self._envelope(exchange, routing_key, RECORD_FORM), sized_key(key) + written

    def _address(self, origin: Origin, key: bytes | None) -> tuple[str, str]:
        if not origin.flags & (KEY_IS_KEY | KEY_IS_TOPIC):
            return origin.exchange, origin.routing_key
        routing_key = None if origin.flags & KEY_IS_TOPIC else text_of(key)
        return origin.exchange, self._topic if routing_key is None else routing_key

    def _envelope(self, exchange: str, routing_key: str, form: Form) -> Envelope:
        address = (exchange, routing_key, form.number)
        envelope = self._envelopes.get(address)
        if envelope is None:
            if len(self._envelopes) >= REMEMBERED_MAX:
                self._envelopes.clear()
            envelope = self._envelopes[address] = Envelope(exchange, routing_key, form)
        return envelope
