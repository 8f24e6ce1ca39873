"""RocketMqForm: how RocketMQ writes down what a message says.

    flag 4 · sysFlag 4 · born 8 · born host (ip 4, or 16 as sysFlag says, port 4)
    · times reconsumed 4 · offset of the half message 8 · properties as text

The parts are as they are in the layout of messages that clients pull, where other fields stand
between them: most of the time another RocketMQ client reads them, and delivering copies bytes.

What text cannot say (values of other protocols) is JSON under a name that begins with `x-json:`.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from struct import Struct
from typing import Any, NamedTuple

from anymq.core.message import Properties, Traits, Value
from anymq.core.portable.plain import (
    NUMBERS,
    TEXT_BYTES_MAX,
    TEXTS,
    encoded,
    take_field,
    to_bytes,
    to_text,
)
from anymq.core.portable.record_form import KEY_HEADER
from anymq.protocols.rocketmq.layout import (
    BORN_V6,
    COMPRESSED,
    COMPRESSION_MASK,
    COMPRESSION_SHIFT,
    CORRELATION_ID,
    KEYS,
    PROPERTIES_BYTES_MAX,
    REPLY_TO_CLIENT,
    SHARDING_KEY,
    STORE_V6,
    TAGS,
    UNIQ_KEY,
    read_properties,
    write_properties,
)

FORM_NUMBER = 5  # on disk
PERSISTENT = 2
SHORT_BYTES = 36  # of all before the properties, with an IPv4 host
V6_BYTES = 12  # more of an IPv6 host
NOBODY = bytes(8)  # a born host that nobody knows
BORN_MS_MAX = (1 << 33) * 1000 - 1  # of the seconds that others know

FRONT = Struct(">iiq")  # flag, sysFlag, born
BACK = Struct(">iq")  # times reconsumed, half message
_HOSTS_V6 = BORN_V6 | STORE_V6  # what clients say of that does not count
_CODECS = {0: "zlib", 1: "lz4", 2: "zstd", 3: "zlib"}  # of compressed bodies, by bits of sysFlag

# Which property is which elsewhere, where both are texts.
OWN = {
    UNIQ_KEY: "message_id",
    TAGS: "type",
    CORRELATION_ID: "correlation_id",
    REPLY_TO_CLIENT: "reply_to",
}
OWN_BYTES = {name.encode(): field for name, field in OWN.items()}
# What a client says to a broker, or a broker to a client, and no message does.
BETWEEN_US = frozenset(("WAIT", "TRACE_ON", "MSG_REGION", "CLUSTER"))
# User properties that are properties elsewhere, unless those above say so.
FIELDS = {name.decode(): field for name, field in TEXTS.items()}
FIELDS |= {name.decode(): name.decode() for name in NUMBERS if name != b"timestamp"}
_BESIDE = {name: field for name, field in FIELDS.items() if field not in OWN.values()}
EXPIRES_AT = "expires-at"  # in milliseconds since 1970
NUMBER_DIGITS_MAX = 18
CONTENT_ENCODING = "content-encoding"
# Names that mean something to the core in the headers of others, but nothing in RocketMQ: a message
# must not go where its CC says, which nobody has asked the rights for.
ELSEWHERE = {"CC": "x-rocketmq-CC", "BCC": "x-rocketmq-BCC"}
_HERE = {name: mine for mine, name in ELSEWHERE.items()}
# What the numbers before the properties are as headers, where they are not 0.
FLAG_HEADER, SYS_FLAG_HEADER = "x-rocketmq-flag", "x-rocketmq-sys-flag"
RECONSUMED_HEADER = "x-rocketmq-reconsume-times"
_NUMBER_HEADERS = (FLAG_HEADER, SYS_FLAG_HEADER, RECONSUMED_HEADER)
_JSON = "x-json:"

_TRAITS = Traits(persistent=True, has_headers=True)
_NO_HEADERS = Traits(persistent=True)


class Said(NamedTuple):
    """What a client says of a message, beside topic and body."""

    properties: bytes  # as text
    flag: int = 0
    sys_flag: int = 0
    born_ms: int = 0
    born_host: bytes = NOBODY  # ip and port; `sys_flag` knows how long it is
    reconsumed: int = 0
    prepared_offset: int = 0


class RocketMqForm:
    """Reads and writes it."""

    number = FORM_NUMBER

    def traits(self, properties: bytes) -> Traits:
        """Return what the core must know; ValueError when these bytes are not ours."""
        size = fixed_bytes(properties)
        if len(properties) == size:
            return _NO_HEADERS
        if b"priority\1" not in properties and b"expires-at\1" not in properties:
            return _TRAITS
        says = self.read(properties)
        expiration_ms = None if says.expiration is None else int(says.expiration)
        return _TRAITS._replace(priority=says.priority, expiration_ms=expiration_ms)

    def read(self, properties: bytes) -> Properties:
        """Decode everything."""
        said = unpacked(properties)
        fields: dict[str, Any] = {"delivery_mode": PERSISTENT}
        if 0 < said.born_ms <= BORN_MS_MAX:
            fields["timestamp"] = said.born_ms // 1000
        if said.sys_flag & COMPRESSED:
            fields["content_encoding"] = codec_of(said.sys_flag)
        told = read_properties(said.properties)
        _take_own(told, said.born_ms, fields)
        headers = _headers(told, fields)
        numbers = said.flag, said.sys_flag & ~BORN_V6, said.reconsumed
        headers |= {n: value for n, value in zip(_NUMBER_HEADERS, numbers, strict=True) if value}
        return Properties(headers=headers, **fields)

    def write(self, properties: Properties) -> bytes:
        """Encode everything; what is no text is JSON, so that it can be read again.

        Where a message was born is forgotten: no other protocol can say it.
        """
        numbers = [_number(properties.headers.get(name)) for name in _NUMBER_HEADERS]
        flag, sys_flag, reconsumed = numbers
        born_ms = born_at(properties.timestamp or 0)
        pairs = list(_pairs(properties, exact=True, compressed=bool(sys_flag & COMPRESSED)))
        said = write_properties(pairs + _expiry(properties, born_ms))
        return packed(Said(said, flag, sys_flag & ~BORN_V6, born_ms, NOBODY, reconsumed))


ROCKETMQ_FORM = RocketMqForm()  # one for all: envelopes are compared by it


def packed(said: Said) -> bytes:
    """Put it together; numbers must fit. Hot: every message that is sent."""
    return packed_numbers(said) + said[0]


def packed_numbers(said: Said) -> bytes:
    """Return all of that before the properties."""
    _, flag, sys_flag, born_ms, host, reconsumed, prepared = said
    sys_flag = sys_flag & ~_HOSTS_V6 | (BORN_V6 if len(host) > len(NOBODY) else 0)
    return FRONT.pack(flag, sys_flag, born_ms) + host + BACK.pack(reconsumed, prepared)


def fixed_bytes(properties: bytes) -> int:
    """Return how much is before the properties; ValueError when these bytes are not ours."""
    size = SHORT_BYTES
    if len(properties) >= size and properties[7] & BORN_V6:
        size += V6_BYTES
    if len(properties) < size:
        raise ValueError("not what RocketMQ says of a message")
    return size


def unpacked(properties: bytes) -> Said:
    """Take it apart; ValueError when it is not ours."""
    size = fixed_bytes(properties)
    flag, sys_flag, born_ms = FRONT.unpack_from(properties)
    reconsumed, prepared = BACK.unpack_from(properties, size - BACK.size)
    host = properties[FRONT.size : size - BACK.size]
    return Said(properties[size:], flag, sys_flag, born_ms, host, reconsumed, prepared)


def born_at(seconds: int) -> int:
    """Return a time as others say it, in milliseconds; those of AMQP may be any number."""
    return max(0, min(seconds * 1000, BORN_MS_MAX))


def codec_of(sys_flag: int) -> str:
    """Return what a compressed body is compressed with."""
    return _CODECS.get((sys_flag & COMPRESSION_MASK) >> COMPRESSION_SHIFT, "zlib")


def sayable(said: Properties, timestamp_ms: int) -> bytes:
    """Return what another protocol wrote as a RocketMQ client reads it: plain text, as properties.

    Those for which there is no room are left out. `timestamp_ms`: when the message came to us.
    """
    pairs = list(_pairs(said, exact=False, compressed=False))
    if said.user_id is not None:
        pairs.append(("user-id", _clean(said.user_id)))
    told: dict[str, bytes] = {}
    room = PROPERTIES_BYTES_MAX
    for name, value in pairs + _expiry(said, timestamp_ms):
        pair = write_properties(((name, value),))
        if name and value and name not in told and len(pair) <= room:
            told[name] = pair
            room -= len(pair)
    return b"".join(told.values())


# Reading


def _take_own(properties: dict[str, str], born_ms: int, fields: dict[str, Any]) -> None:
    """Move to `fields` what only these properties say."""
    for name, field in OWN.items():
        value = properties.get(name)
        if value is not None and len(encoded(value)) <= TEXT_BYTES_MAX:
            fields[field] = properties.pop(name)
    at = properties.get(EXPIRES_AT, "")
    if at.isascii() and at.isdecimal() and len(at) <= NUMBER_DIGITS_MAX:
        fields["expiration"] = str(max(0, int(properties.pop(EXPIRES_AT)) - max(0, born_ms)))


def _headers(properties: Mapping[str, str], fields: dict[str, Any]) -> dict[str, Value]:
    """Return properties as headers; those that are more than that elsewhere go to `fields`."""
    headers: dict[str, Value] = {}
    sharding = properties.get(SHARDING_KEY)
    for name, value in properties.items():
        if name == SHARDING_KEY or (name == KEYS and sharding is None):
            headers[KEY_HEADER] = value
        elif name in BETWEEN_US or _is_field(name, value, fields):
            continue
        elif name.startswith(_JSON):
            headers[name[len(_JSON) :]] = _of_json(value)
        else:
            headers[ELSEWHERE.get(name, name)] = value
    return headers


def _is_field(name: str, value: str, fields: dict[str, Any]) -> bool:
    return name in FIELDS and take_field(fields, name.encode(), encoded(value))


def _of_json(text: str) -> Value:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


# Writing


def _pairs(said: Properties, *, exact: bool, compressed: bool) -> Iterable[tuple[str, str]]:
    """Yield properties; `exact`: to be read again by us. Otherwise for a client: plain text.

    `compressed`: sysFlag says how the body is compressed.
    """
    for name, field in OWN.items():
        if (value := getattr(said, field)) is not None:
            yield name, _clean(value)
    if KEY_HEADER in said.headers:
        name = SHARDING_KEY if KEYS in said.headers else KEYS
        yield name, _clean(to_text(said.headers[KEY_HEADER]))
    for name, field in _BESIDE.items():
        value = getattr(said, field)
        if value is not None and not (compressed and name == CONTENT_ENCODING):
            yield name, _clean(str(value))
    for name, value in said.headers.items():
        if name != KEY_HEADER and name not in _NUMBER_HEADERS:
            yield _pair(_HERE.get(name, name), value, exact=exact)


def _expiry(said: Properties, since_ms: int) -> list[tuple[str, str]]:
    """Return when it expires, as a property; `since_ms`: from when on that is counted."""
    if said.expiration is None or not said.expiration.isdecimal():
        return []
    return [(EXPIRES_AT, str(since_ms + int(said.expiration)))]


def _pair(name: str, value: Value, *, exact: bool) -> tuple[str, str]:
    name = name.replace("\1", " ").replace("\2", " ")
    if exact and (not isinstance(value, str) or value != _clean(value)):
        return _JSON + name, json.dumps(value, default=_in_json)
    return name, _clean(to_text(value))


def _clean(text: str) -> str:
    """Return a text that can be a property: what has the signs between them is base64."""
    if "\1" in text or "\2" in text:
        return b64encode(to_bytes(text) or b"").decode()
    return text


def _in_json(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode(errors="replace")
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _number(value: Value) -> int:
    is_number = isinstance(value, int) and -(1 << 31) <= value < 1 << 31
    return int(value) if is_number else 0
