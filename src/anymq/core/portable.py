"""The portable form: how a topic keeps a message, so that every Kafka tool can read it.

What a message says becomes plain record headers, as text. What text cannot say goes into one
reserved header, `anymq`, the first one: where the message was published to, and its properties in
the wire form of the protocol that wrote it. Whoever reads the topic in that protocol gets them back
as they were. The reserved header carries a checksum of the plain ones: when somebody has changed
those on the way (a stream processor, a tracing library), it counts for the origin only.

    anymq = version 1 · flags 1 · form 1 · CRC-32C of the other headers 4
            · exchange, unless it is the default one · routing key, unless the flags say what it is
            · properties                                    (texts: length 2, UTF-8)

What a Kafka client wrote has no such header and needs none: `RecordForm` reads its headers.
On disk: a change of meaning needs another version. The mapping is in docs/explanation/one-model.md.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from struct import Struct
from struct import error as struct_error
from typing import Any, NamedTuple

from crc32c import crc32c

from anymq.core.message import Envelope, Form, Message, Properties, Traits, Value
from anymq.storage import varints
from anymq.storage.records import Header, encode_headers, headers_of

RESERVED = b"anymq"
KEY_HEADER = "x-key"  # a record's key, where the routing key is not meant or cannot say it
VERSION = 1
RECORD_FORM_NUMBER = 2  # on disk
REMEMBERED_MAX = 4096
REMEMBERED_BYTES_MAX = 1024  # longer headers seldom come twice
ROUTING_KEY_BYTES_MAX = 255  # of AMQP's short strings
PERSISTENT = 2

_DEFAULT_EXCHANGE, _KEY_IS_KEY, _KEY_IS_TOPIC = 1, 2, 4
_HEAD = Struct(">BBBI")
_U16 = Struct(">H")
_TIME = Struct(">q")
_NO_KEY = b"\xff\xff\xff\xff"
# How the reserved header begins, as the first of fewer than 64.
_RESERVED_START = varints.encode(len(RESERVED)) + RESERVED

# Which property is which header, where both are texts.
_TEXTS = {
    b"content-type": "content_type",
    b"content-encoding": "content_encoding",
    b"correlation-id": "correlation_id",
    b"reply-to": "reply_to",
    b"message-id": "message_id",
    b"type": "type",
    b"app-id": "app_id",
}
_NUMBER = re.compile(rb"[0-9]{1,18}")


class Repeated(list[Value]):
    """The values of a header that comes more than once."""


class Portable(NamedTuple):
    """All of a record but its value and time."""

    key: bytes | None
    headers: bytes  # as they are written in a record


# From messages to records


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
        reserved = _reserved(message, key, self._topic, crc32c(rest))
        parts = (number(len(plain) + 1), _RESERVED_START, number(len(reserved)), reserved, rest)
        return Portable(key, b"".join(parts))


def _key_of(envelope: Envelope, says: Properties) -> bytes | None:
    """Return the record's key: what the publisher says it is, else the routing key.

    On the default exchange that is but the topic's name, which is no key: all records would have
    the same one, and go to the same partition.
    """
    if KEY_HEADER in says.headers:
        return _to_bytes(says.headers[KEY_HEADER])
    return _encoded(envelope.routing_key) if envelope.exchange else None


def _reserved(message: Message, key: bytes | None, topic: str, checksum: int) -> bytes:
    envelope = message.envelope
    parts = [b""]
    flags = 0
    if envelope.exchange:
        parts.append(_sized(envelope.exchange))
    else:
        flags |= _DEFAULT_EXCHANGE
    if _encoded(envelope.routing_key) == key:
        flags |= _KEY_IS_KEY
    elif envelope.routing_key == topic:
        flags |= _KEY_IS_TOPIC
    else:
        parts.append(_sized(envelope.routing_key))
    parts[0] = _HEAD.pack(VERSION, flags, envelope.form.number, checksum)
    parts.append(message.properties)
    return b"".join(parts)


def plain_headers(says: Properties, timestamp_ms: int) -> list[Header]:
    """Return what a message says as headers that every tool can read."""
    plain: list[Header] = []
    for name, attribute in _TEXTS.items():
        if (text := getattr(says, attribute)) is not None:
            plain.append((name, _encoded(text)))
    if says.user_id is not None:
        plain.append((b"user-id", _encoded(says.user_id)))
    if says.priority is not None:
        plain.append((b"priority", b"%d" % says.priority))
    if says.timestamp is not None:
        plain.append((b"timestamp", b"%d" % says.timestamp))
    if says.expiration is not None and says.expiration.isdecimal():
        plain.append((b"expires-at", b"%d" % (timestamp_ms + int(says.expiration))))
    for header, value in says.headers.items():
        if (name := _encoded(header)) != RESERVED:
            plain += [(name, one) for one in _repeated(value)]
    return plain


def _repeated(value: Value) -> list[bytes | None]:
    """Return one value, or those of a header that comes more than once."""
    if isinstance(value, Repeated):
        return [_to_bytes(one) for one in value]
    return [_to_bytes(value)]


def _to_bytes(value: Value) -> bytes | None:
    """Return a value as text in UTF-8; bytes stay what they are, tables and lists are JSON."""
    if value is None or isinstance(value, bytes):
        return None if value is None else bytes(value)
    if isinstance(value, str):
        return _encoded(value)
    return _encoded(json.dumps(_to_json(value), ensure_ascii=False, separators=(",", ":")))


def _to_json(value: Value) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _to_json(one) for name, one in value.items()}
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return b64encode(value).decode()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_to_json(one) for one in value]
    return value


# From records to messages


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
            properties = _TIME.pack(timestamp_ms) + properties
        return Message(envelope, properties, value or b"", timestamp_ms)

    def _original(self, key: bytes | None, written: bytes) -> tuple[Envelope, bytes] | None:
        """Return the envelope and properties that it had, if they still hold."""
        if not written.startswith(_RESERVED_START, 1) or written[0] >= 0x80:
            return self._original_slowly(key, written) if RESERVED in written else None
        size, at = varints.decode(written, 1 + len(_RESERVED_START))
        origin = _read_origin(written[at : at + size])
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
                origin = _read_origin(value)
                if origin is not None and crc32c(rest) == origin.checksum:
                    return self._known(origin, key)
        return None

    def _known(self, origin: "_Origin", key: bytes | None) -> tuple[Envelope, bytes] | None:
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
        origin = _origin_of(headers)
        if origin is not None:
            exchange, routing_key = self._address(origin, key)
            written = encode_headers([one for one in headers if one[0] != RESERVED])
            key = None  # it is a header too, if the publisher said what it is
        else:
            exchange, routing_key = "", _text_of(key) or self._topic
            key = None if routing_key.encode() == key else key
        return self._envelope(exchange, routing_key, RECORD_FORM), _sized_key(key) + written

    def _address(self, origin: "_Origin", key: bytes | None) -> tuple[str, str]:
        if not origin.flags & (_KEY_IS_KEY | _KEY_IS_TOPIC):
            return origin.exchange, origin.routing_key
        if origin.flags & _KEY_IS_TOPIC or key is None or len(key) > ROUTING_KEY_BYTES_MAX:
            return origin.exchange, self._topic
        return origin.exchange, _decoded(key)

    def _envelope(self, exchange: str, routing_key: str, form: Form) -> Envelope:
        address = (exchange, routing_key, form.number)
        envelope = self._envelopes.get(address)
        if envelope is None:
            if len(self._envelopes) >= REMEMBERED_MAX:
                self._envelopes.clear()
            envelope = self._envelopes[address] = Envelope(exchange, routing_key, form)
        return envelope


class _Origin(NamedTuple):
    """What the reserved header says."""

    flags: int
    form: int
    checksum: int
    exchange: str
    routing_key: str
    properties: bytes


def _read_origin(content: bytes) -> _Origin | None:
    """Read the reserved header; None when it is of a newer version, or somebody else's."""
    try:
        version, flags, form, checksum = _HEAD.unpack_from(content)
        if version != VERSION:
            return None
        exchange, routing_key, at = "", "", _HEAD.size
        if not flags & _DEFAULT_EXCHANGE:
            exchange, at = _text_at(content, at)
        if not flags & (_KEY_IS_KEY | _KEY_IS_TOPIC):
            routing_key, at = _text_at(content, at)
    except struct_error:
        return None
    return _Origin(flags, form, checksum, exchange, routing_key, content[at:])


def _origin_of(headers: Sequence[Header]) -> _Origin | None:
    for name, value in headers:
        if name == RESERVED and value is not None:
            return _read_origin(value)
    return None


class RecordForm:
    """How a Kafka record says what a message says.

    As properties: timestamp 8 · length of the key 4 (0 and none: FFFFFFFF) · key · headers.
    """

    number = RECORD_FORM_NUMBER

    def headers(self, properties: bytes) -> bytes:
        """Return the record's headers."""
        return properties[_key_at(properties)[1] :]

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know."""
        _, at = _key_at(properties)
        if properties[at:] == b"\0":
            return _NO_HEADERS
        says = self.read(properties)
        return Traits(
            persistent=True,
            priority=says.priority,
            expiration_ms=int(says.expiration) if says.expiration is not None else None,
            has_headers=bool(says.headers),
        )

    def read(self, properties: bytes) -> Properties:
        """Decode everything."""
        time = _TIME.unpack_from(properties)[0]
        key, at = _key_at(properties)
        fields: dict[str, Any] = {"delivery_mode": PERSISTENT}
        if time >= 0:
            fields["timestamp"] = time // 1000
        headers: dict[str, Value] = {}
        for name, value in headers_of(properties[at:]):
            if not _take(fields, name, value, time):
                _add(headers, _decoded(name), _value(value))
        if key is not None:
            headers.setdefault(KEY_HEADER, _value(key))
        return Properties(headers=headers, **fields)

    def write(self, properties: Properties) -> bytes:
        """Encode everything; numbers, tables and lists in the headers become text."""
        time = -1 if properties.timestamp is None else properties.timestamp * 1000
        plain = plain_headers(replace(properties, timestamp=None), max(time, 0))
        return _TIME.pack(time) + _NO_KEY + encode_headers(plain)


RECORD_FORM = RecordForm()
TIME_BYTES = _TIME.size  # in front of a record's properties


def depends_on_time(properties: bytes) -> bool:
    """Do a record's properties say something else a millisecond later? When it expires."""
    return b"expires-at" in properties


_NO_HEADERS = Traits(persistent=True)


def _take(fields: dict[str, Any], name: bytes, value: bytes | None, time: int) -> bool:
    """Let a header be the property that it stands for; not if it cannot, or was there before."""
    attribute = _TEXTS.get(name)
    if attribute is not None:
        text = _text_of(value)
        return text is not None and fields.setdefault(attribute, text) is text
    if value is None or _NUMBER.fullmatch(value) is None:
        return False
    number = int(value)
    if name == b"priority" and number <= 255:
        return fields.setdefault("priority", number) is number
    if name == b"expires-at":
        left = str(max(0, number - max(time, 0)))
        return fields.setdefault("expiration", left) is left
    return False


def _add(headers: dict[str, Value], name: str, value: Value) -> None:
    """Add a header; one that comes again makes it a list."""
    if name not in headers:
        headers[name] = value
    elif isinstance(headers[name], Repeated):
        headers[name].append(value)
    else:
        headers[name] = Repeated((headers[name], value))


def _value(content: bytes | None) -> Value:
    """Return text where it is text."""
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return content


def _text_of(content: bytes | None) -> str | None:
    """Return a text that every protocol can hold as a key or property; None when it is none."""
    if content is None or len(content) > ROUTING_KEY_BYTES_MAX:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _encoded(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


def _decoded(content: bytes) -> str:
    return content.decode(errors="surrogateescape")


def _sized(text: str) -> bytes:
    content = _encoded(text)
    return _U16.pack(len(content)) + content


def _text_at(content: bytes, at: int) -> tuple[str, int]:
    end = at + 2 + _U16.unpack_from(content, at)[0]
    return _decoded(content[at + 2 : end]), end


def _sized_key(key: bytes | None) -> bytes:
    return _NO_KEY if key is None else len(key).to_bytes(4, "big") + key


def _key_at(properties: bytes) -> tuple[bytes | None, int]:
    """Return the key in a record's properties, and where the headers begin."""
    size = properties[8:12]
    if size == _NO_KEY:
        return None, 12
    end = 12 + int.from_bytes(size, "big")
    return properties[12:end], end
