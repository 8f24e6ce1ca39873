"""MqttForm: how MQTT writes down what a message says.

flags 1 (QoS 2 bits, 4: retain as published, 8: sent because it was retained)
· client that published it (length 2, UTF-8) · properties of MQTT 5, with their length
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from anymq.core.message import Message, Properties, Traits, Value
from anymq.core.portable.plain import (
    NUMBERS,
    TEXT_BYTES_MAX,
    TEXTS,
    add_header,
    encoded,
    is_repeated,
    take_field,
    text_of,
    to_text,
)
from anymq.protocols.mqtt import properties as props
from anymq.protocols.mqtt import topics
from anymq.protocols.mqtt.properties import P, Props
from anymq.protocols.mqtt.reader import SIZED_BYTES_MAX, MalformedPacket, Reader, text

FORM_NUMBER = 3  # on disk
QOS_BITS, RETAIN, RETAINED = 3, 4, 8
PERSISTENT, TRANSIENT = 2, 1
REMEMBERED_MAX = 4096
REMEMBERED_BYTES_MAX = 256
EXPIRY_S_MAX = 0xFFFF_FFFF

DELAY, DELIVER_AT = "x-delay", "x-deliver-at"  # user properties, as the headers of AMQP
NUMBER_DIGITS_MAX = 18
QOS_HEADER = "x-mqtt-publish-qos"  # as RabbitMQ calls it
FORMAT_HEADER = "x-mqtt-payload-format"
LONG = {  # where a property goes that is too long to be one elsewhere
    P.CONTENT_TYPE: "x-mqtt-content-type",
    P.RESPONSE_TOPIC: "x-mqtt-response-topic",
}
CORRELATION_HEADER = "correlation-id"  # where that is too long, or no text: as Kafka has it
OURS = (QOS_HEADER, FORMAT_HEADER, *LONG.values())
# Names that mean something to the core in the headers of others, but nothing in MQTT: a message
# must not go where its CC says, which nobody has asked the rights for.
_ELSEWHERE = {"CC": "x-mqtt-CC", "BCC": "x-mqtt-BCC"}
_BACK = {name: mine for mine, name in _ELSEWHERE.items()}
# User properties that are properties elsewhere.
_HERE = ("content_type", "reply_to", "correlation_id")
_FIELDS = {name.decode(): field for name, field in TEXTS.items() if field not in _HERE}
_FIELDS |= {name.decode(): name.decode() for name in NUMBERS}
_JSON = "x-json:"  # what headers of others say that is no text

_PERSISTENT = Traits(persistent=True)
_TRANSIENT = Traits()


class MqttForm:
    """Reads and writes it; what the core asks for again and again is remembered."""

    number = FORM_NUMBER

    def __init__(self) -> None:
        self._remembered: dict[bytes, Traits] = {}

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know; ValueError when these bytes are not ours."""
        traits = self._remembered.get(properties)
        if traits is None:
            traits = _traits(properties)
            if len(properties) <= REMEMBERED_BYTES_MAX:
                if len(self._remembered) >= REMEMBERED_MAX:
                    self._remembered.clear()
                self._remembered[properties] = traits
        return traits

    def read(self, properties: bytes) -> Properties:
        """Decode everything."""
        flags, _, said = unpacked(properties)
        qos = flags & QOS_BITS
        fields: dict[str, Any] = {"delivery_mode": PERSISTENT if qos else TRANSIENT}
        headers = _headers(said, fields)
        headers[QOS_HEADER] = qos
        if P.PAYLOAD_FORMAT in said:
            headers[FORMAT_HEADER] = said[P.PAYLOAD_FORMAT]
        if P.MESSAGE_EXPIRY in said:
            fields["expiration"] = str(said[P.MESSAGE_EXPIRY] * 1000)
        _short(fields, headers, "content_type", P.CONTENT_TYPE, said.get(P.CONTENT_TYPE))
        _short(fields, headers, "reply_to", P.RESPONSE_TOPIC, said.get(P.RESPONSE_TOPIC))
        _correlation(fields, headers, said.get(P.CORRELATION_DATA))
        return Properties(headers=headers, **fields)

    def write(self, properties: Properties) -> bytes:
        """Encode everything; what is no text is JSON, so that it can be read again."""
        qos = properties.headers.get(QOS_HEADER)
        if not isinstance(qos, int) or not 0 <= qos <= 2:
            qos = int(properties.delivery_mode == PERSISTENT)
        return packed(qos, "", sayable(properties, exact=True))


MQTT_FORM = MqttForm()  # one for all: envelopes are compared by it


def packed(flags: int, client_id: str, properties: Props) -> bytes:
    """Put it together."""
    return bytes((flags,)) + text(client_id) + props.write(properties)


def unpacked(properties: bytes) -> tuple[int, str, Props]:
    """Return flags, who published it, and the properties; ValueError when it is not ours."""
    try:
        reader = Reader(properties, 0, len(properties))
        return reader.u8(), reader.text(), props.read(reader, props.MESSAGE_MAY)
    except MalformedPacket as error:
        raise ValueError(str(error)) from None


def has_properties(properties: bytes) -> bool:
    """Is there anything in it beside the flags, and who published it?"""
    client_bytes = properties[1] << 8 | properties[2]
    return len(properties) != 3 + client_bytes + 1


def is_retained(message: Message) -> bool:
    """Did its publisher want it to be retained, under the topic that it has?"""
    envelope = message.envelope
    ours = envelope.form is MQTT_FORM and envelope.exchange == topics.EXCHANGE
    return ours and bool(message.properties[0] & RETAIN)


def as_retained(properties: bytes) -> bytes:
    """Return the same for a message that is sent because it was retained."""
    return bytes((properties[0] | RETAINED,)) + properties[1:]


def sayable(said: Properties, *, exact: bool = False) -> dict[int, Any]:
    """Return what MQTT can say of a message, as properties.

    `exact`: to be read again by us. Otherwise for a client, who gets plain text.
    """
    found: dict[int, Any] = {}
    headers = said.headers
    if headers.get(FORMAT_HEADER) in (0, 1):
        found[P.PAYLOAD_FORMAT] = int(headers[FORMAT_HEADER])
    if said.expiration is not None and said.expiration.isdecimal():
        found[P.MESSAGE_EXPIRY] = min(-(-int(said.expiration) // 1000), EXPIRY_S_MAX)
    _long(found, P.CONTENT_TYPE, headers, said.content_type)
    topic = None if said.reply_to is None else topics.response_topic_of(said.reply_to)
    _long(found, P.RESPONSE_TOPIC, headers, topic)
    data, headers = _correlation_of(said)
    if data is not None:
        found[P.CORRELATION_DATA] = data
    pairs = _beside(said) + _pairs(headers, exact=exact)
    if pairs:
        found[P.USER_PROPERTY] = pairs[: props.USER_PROPERTIES_MAX]
    return found


def _traits(properties: bytes) -> Traits:
    flags, _, said = unpacked(properties)
    if not said:
        return _PERSISTENT if flags & QOS_BITS else _TRANSIENT
    expiry = said.get(P.MESSAGE_EXPIRY)
    fields: dict[str, Any] = {}
    headers = _headers(said, fields)
    return Traits(
        persistent=bool(flags & QOS_BITS),
        priority=fields.get("priority"),
        expiration_ms=None if expiry is None else expiry * 1000,
        has_headers=P.USER_PROPERTY in said,
        delay_ms=_milliseconds(headers.get(DELAY)),
        deliver_at_ms=_milliseconds(headers.get(DELIVER_AT)),
    )


def _milliseconds(value: Value) -> int | None:
    """Return a whole number; what is none means nothing."""
    text = value if isinstance(value, str) else ""
    is_number = text.isascii() and text.isdecimal() and len(text) <= NUMBER_DIGITS_MAX
    return int(text) if is_number else None


def _headers(said: Props, fields: dict[str, Any]) -> dict[str, Value]:
    """Return the user properties as headers; one that comes again makes it a list.

    Those that are properties elsewhere go to `fields`: what MQTT's clients get comes back.
    """
    headers: dict[str, Value] = {}
    for name, value in said.get(P.USER_PROPERTY, ()):
        if name not in _FIELDS or not take_field(fields, name.encode(), value.encode()):
            add_header(headers, *_as_header(name, value))
    return headers


def _as_header(name: str, value: str) -> tuple[str, Value]:
    if not name.startswith(_JSON):
        return _ELSEWHERE.get(name, name), value
    meant = name[len(_JSON) :]  # by us, or by a client that calls its own so
    try:
        return _ELSEWHERE.get(meant, meant), json.loads(value)
    except (ValueError, RecursionError):
        return name, value


def _short(
    fields: dict[str, Any], headers: dict[str, Value], field: str, number: P, value: str | None
) -> None:
    """Let a property be what it is elsewhere, or a header where there is no room for it."""
    if value is None:
        return
    told = topics.reply_to_of(value) if number == P.RESPONSE_TOPIC else value
    if len(told.encode()) <= TEXT_BYTES_MAX:
        fields[field] = told
    else:
        headers[LONG[number]] = value


def _correlation(fields: dict[str, Any], headers: dict[str, Value], value: bytes | None) -> None:
    """Let it be text elsewhere, if it is; clients of AMQP may break on others."""
    if value is None:
        return
    text = text_of(value)
    if text is not None:
        fields["correlation_id"] = text
    else:
        headers[CORRELATION_HEADER] = value


def _correlation_of(said: Properties) -> tuple[bytes | None, Mapping[str, Value]]:
    """Return the correlation data, and the headers that are left.

    Only bytes can be it as a header: a user property of that name is text.
    """
    data, headers = said.headers.get(CORRELATION_HEADER), said.headers
    if said.correlation_id is not None:
        data = encoded(said.correlation_id)
    elif isinstance(data, bytes):
        headers = {name: value for name, value in headers.items() if name != CORRELATION_HEADER}
    if not isinstance(data, bytes) or len(data) > SIZED_BYTES_MAX:
        return None, said.headers
    return bytes(data), headers


def _long(
    found: dict[int, Any], number: P, headers: Mapping[str, Value], value: str | None
) -> None:
    value = headers.get(LONG[number]) if value is None else value
    if isinstance(value, str) and (told := _text(value)) is not None:
        found[number] = told


def _pairs(headers: Mapping[str, Value], *, exact: bool) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in headers.items():
        if name not in OURS:
            values = value if is_repeated(value) else (value,)
            pairs += _told(_BACK.get(name, name), values, exact=exact)
    return pairs


def _told(name: str, values: Sequence[Value], *, exact: bool) -> list[tuple[str, str]]:
    """Return user properties; without what MQTT has no room for."""
    pairs = []
    for value in values:
        if exact and not isinstance(value, str):
            pair = (_text(_JSON + name), _text(json.dumps(value, default=_in_json)))
        else:
            pair = (_text(name), _text(to_text(value)))
        if pair[0] is not None and pair[1] is not None:
            pairs.append((pair[0], pair[1]))
    return pairs


def _beside(said: Properties) -> list[tuple[str, str]]:
    """Return the properties that MQTT has no place for, as user properties."""
    fields = {name: getattr(said, attribute) for name, attribute in _FIELDS.items()}
    fields["user-id"] = said.user_id
    told = [(name, _text(str(value))) for name, value in fields.items() if value is not None]
    return [(name, value) for name, value in told if value is not None]


def _in_json(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode(errors="replace")
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _text(told: str) -> str | None:
    """Return what MQTT can say; None when it is too long, or no text."""
    content = told.encode(errors="replace")
    if len(content) > SIZED_BYTES_MAX or b"\0" in content:
        return None
    return content.decode()
