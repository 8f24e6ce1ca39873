"""The properties of MQTT 5: numbered values that most packets may bear."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from typing_extensions import override

from anymq.protocols.mqtt.reader import MalformedPacket, Reader, binary, text, varint


class P(IntEnum):
    """Each by its number."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_ID = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTH_METHOD = 0x15
    AUTH_DATA = 0x16
    REQUEST_PROBLEM = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE = 0x19
    RESPONSE_INFORMATION = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET = 0x27
    WILDCARDS_AVAILABLE = 0x28
    SUBSCRIPTION_IDS_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


# By number; a user property is a list of pairs, a subscription identifier a list of numbers.
Props = Mapping[int, Any]


class _Nothing(dict[int, Any]):
    """No properties, for defaults: those must be hashable, and nobody changes them."""

    @override
    def __hash__(self) -> int:  # type: ignore[override]
        return 0


NOTHING: Props = _Nothing()
USER_PROPERTIES_MAX = 1000  # of a packet: each costs far more memory than it has bytes

CONNECT_MAY = frozenset(
    {P.SESSION_EXPIRY, P.RECEIVE_MAXIMUM, P.MAXIMUM_PACKET, P.TOPIC_ALIAS_MAXIMUM}
    | {P.REQUEST_RESPONSE, P.REQUEST_PROBLEM, P.USER_PROPERTY, P.AUTH_METHOD, P.AUTH_DATA}
)
MESSAGE_MAY = frozenset(
    {P.PAYLOAD_FORMAT, P.MESSAGE_EXPIRY, P.CONTENT_TYPE, P.RESPONSE_TOPIC}
    | {P.CORRELATION_DATA, P.USER_PROPERTY}
)
WILL_MAY = MESSAGE_MAY | {P.WILL_DELAY}
PUBLISH_MAY = MESSAGE_MAY | {P.TOPIC_ALIAS, P.SUBSCRIPTION_ID}
CONNACK_MAY = frozenset(
    {P.SESSION_EXPIRY, P.RECEIVE_MAXIMUM, P.MAXIMUM_QOS, P.RETAIN_AVAILABLE, P.MAXIMUM_PACKET}
    | {P.ASSIGNED_CLIENT_ID, P.TOPIC_ALIAS_MAXIMUM, P.REASON_STRING, P.USER_PROPERTY}
    | {P.WILDCARDS_AVAILABLE, P.SUBSCRIPTION_IDS_AVAILABLE, P.SHARED_AVAILABLE}
    | {P.SERVER_KEEP_ALIVE, P.RESPONSE_INFORMATION, P.SERVER_REFERENCE}
    | {P.AUTH_METHOD, P.AUTH_DATA}
)
ANSWER_MAY = frozenset({P.REASON_STRING, P.USER_PROPERTY})
SUBSCRIBE_MAY = frozenset({P.SUBSCRIPTION_ID, P.USER_PROPERTY})
UNSUBSCRIBE_MAY = frozenset({P.USER_PROPERTY})
DISCONNECT_MAY = ANSWER_MAY | {P.SESSION_EXPIRY, P.SERVER_REFERENCE}
AUTH_MAY = ANSWER_MAY | {P.AUTH_METHOD, P.AUTH_DATA}


def read(reader: Reader, may: frozenset[P]) -> Props:
    """Read the properties of a packet that may have these; each once, but user properties."""
    end = reader.varint()
    end += reader.at
    if end > reader.end:
        raise MalformedPacket("the properties are longer than the packet")
    if reader.at == end:
        return NOTHING
    found: dict[int, Any] = {}
    while reader.at < end:
        number = reader.varint()
        if number not in may:
            raise MalformedPacket(f"property {number} has no place here")
        _take(found, number, _LAYOUT[P(number)][0](reader))
    if reader.at != end:
        raise MalformedPacket("a property is longer than all of them")
    return found


def _take(found: dict[int, Any], number: int, value: Any) -> None:
    if number in (P.USER_PROPERTY, P.SUBSCRIPTION_ID):
        values = found.setdefault(number, [])
        if len(values) >= USER_PROPERTIES_MAX:
            raise MalformedPacket(f"more than {USER_PROPERTIES_MAX} user properties")
        values.append(value)
    elif number in found:
        raise ProtocolError(f"property {number} is there twice")
    else:
        found[number] = value


class ProtocolError(MalformedPacket):
    """It can be read, and must not be said."""


def write(properties: Props) -> bytes:
    """Encode them, with their length."""
    if not properties:
        return b"\0"
    parts = [
        bytes((number,)) + _LAYOUT[P(number)][1](one)
        for number, value in properties.items()
        for one in (value if number in (P.USER_PROPERTY, P.SUBSCRIPTION_ID) else (value,))
    ]
    content = b"".join(parts)
    return varint(len(content)) + content


def _flag(reader: Reader) -> int:
    value = reader.u8()
    if value > 1:
        raise ProtocolError("a property that is 0 or 1 is neither")
    return value


def _positive(read_number: Callable[[Reader], int]) -> Callable[[Reader], int]:
    def read_one(reader: Reader) -> int:
        value = read_number(reader)
        if not value:
            raise ProtocolError("a property that must not be 0 is")
        return value

    return read_one


def _pair(reader: Reader) -> tuple[str, str]:
    return reader.text(), reader.text()


def _write_pair(pair: tuple[str, str]) -> bytes:
    return text(pair[0]) + text(pair[1])


def _octet(value: int) -> bytes:
    return bytes((value,))


def _two(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _four(value: int) -> bytes:
    return value.to_bytes(4, "big")


_Layout = tuple[Callable[[Reader], Any], Callable[[Any], bytes]]
_FLAG: _Layout = (_flag, _octet)
_U16: _Layout = (Reader.u16, _two)
_POSITIVE_U16: _Layout = (_positive(Reader.u16), _two)
_U32: _Layout = (Reader.u32, _four)
_TEXT: _Layout = (Reader.text, text)
_BINARY: _Layout = (Reader.binary, binary)

_LAYOUT: Mapping[P, _Layout] = {
    P.PAYLOAD_FORMAT: _FLAG,
    P.MESSAGE_EXPIRY: _U32,
    P.CONTENT_TYPE: _TEXT,
    P.RESPONSE_TOPIC: _TEXT,
    P.CORRELATION_DATA: _BINARY,
    P.SUBSCRIPTION_ID: (_positive(Reader.varint), varint),
    P.SESSION_EXPIRY: _U32,
    P.ASSIGNED_CLIENT_ID: _TEXT,
    P.SERVER_KEEP_ALIVE: _U16,
    P.AUTH_METHOD: _TEXT,
    P.AUTH_DATA: _BINARY,
    P.REQUEST_PROBLEM: _FLAG,
    P.WILL_DELAY: _U32,
    P.REQUEST_RESPONSE: _FLAG,
    P.RESPONSE_INFORMATION: _TEXT,
    P.SERVER_REFERENCE: _TEXT,
    P.REASON_STRING: _TEXT,
    P.RECEIVE_MAXIMUM: _POSITIVE_U16,
    P.TOPIC_ALIAS_MAXIMUM: _U16,
    P.TOPIC_ALIAS: _U16,
    P.MAXIMUM_QOS: _FLAG,
    P.RETAIN_AVAILABLE: _FLAG,
    P.USER_PROPERTY: (_pair, _write_pair),
    P.MAXIMUM_PACKET: (_positive(Reader.u32), _four),
    P.WILDCARDS_AVAILABLE: _FLAG,
    P.SUBSCRIPTION_IDS_AVAILABLE: _FLAG,
    P.SHARED_AVAILABLE: _FLAG,
}
