"""Packer: messages become records of a topic."""

from typing import NamedTuple

from crc32c import crc32c

from anymq.core.message import Envelope, Message, Properties
from anymq.core.portable.plain import encoded, plain_headers, to_bytes
from anymq.core.portable.record_form import KEY_HEADER, RecordForm
from anymq.core.portable.reserved import RESERVED_START, write_reserved
from anymq.storage import varints
from anymq.storage.records import encode_headers

REMEMBERED_MAX = 500  # by each topic in use
REMEMBERED_BYTES_MAX = 1024  # longer properties seldom come twice


class Portable(NamedTuple):
    """All of a record but its value and time."""

    key: bytes | None
    headers: bytes  # as they are written in a record


class Packer:
    """Makes records of messages for one topic. Remembers what it made: most messages are alike."""

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._remembered: dict[tuple[str, str, int, bytes], Portable] = {}

    def pack(self, message: Message) -> Portable:
        """Return what the record of this message says."""
        envelope, properties = message.envelope, message.properties
        known = (envelope.exchange, envelope.routing_key, envelope.form.number, properties)
        packed = self._remembered.get(known)
        if packed is not None:
            return packed
        says = message.read()
        packed = self._packed(message, says)
        # When it expires is a moment: another one for each message.
        if says.expiration is None and len(properties) <= REMEMBERED_BYTES_MAX:
            if len(self._remembered) >= REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[known] = packed
        return packed

    def _packed(self, message: Message, says: Properties) -> Portable:
        key = _key_of(message.envelope, says)
        if isinstance(message.envelope.form, RecordForm):
            return Portable(key, message.envelope.form.headers(message.properties))
        plain = plain_headers(says, message.timestamp_ms)
        number = varints.encode
        rest = encode_headers(plain)[len(number(len(plain))) :]
        reserved = write_reserved(message, key, self._topic, crc32c(rest))
        parts = (number(len(plain) + 1), RESERVED_START, number(len(reserved)), reserved, rest)
        return Portable(key, b"".join(parts))


def _key_of(envelope: Envelope, says: Properties) -> bytes | None:
    """Return the record's key: what the publisher says it is, else the routing key.

    On the default exchange that is but the topic's name, which is no key: all records would have
    the same one, and go to the same partition.
    """
    if KEY_HEADER in says.headers:
        return to_bytes(says.headers[KEY_HEADER])
    return encoded(envelope.routing_key) if envelope.exchange else None
