"""Bytes ⇄ packets, of MQTT 3.1, 3.1.1 and 5. Both directions, so that tests can be clients.

Strict: what the specification calls malformed is refused, and nothing is kept of a length that is
only announced.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, NamedTuple

from anymq.protocols.mqtt import properties as props
from anymq.protocols.mqtt.properties import NOTHING, P, Props, ProtocolError
from anymq.protocols.mqtt.reader import (
    VARINT_BYTES_MAX,
    MalformedPacket,
    Reader,
    binary,
    text,
    varint,
)

V31, V311, V5 = 3, 4, 5
NAMES = {"MQIsdp": (V31,), "MQTT": (V311, V5)}
NUMBER_BYTES = 2  # of a packet
FILTERS_MAX = 1000  # in one packet: each costs more memory than it has bytes

__all__ = ["MalformedPacket", "P", "ProtocolError"]


class Kind(IntEnum):
    """The packets, by their number."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class UnknownVersion(MalformedPacket):
    """It is MQTT, of a version that we do not speak."""


class TooLong(MalformedPacket):
    """A packet is longer than it may be."""


class Frame(NamedTuple):
    """Where a packet is: its first octet, and its content."""

    first: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Will:
    """What is to be published when a client is lost."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Connect:
    """Who comes, and with what wishes."""

    KIND: ClassVar[Kind] = Kind.CONNECT
    version: int
    client_id: str
    clean: bool = True
    keep_alive: int = 0
    user: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Connack:
    """What comes of it."""

    KIND: ClassVar[Kind] = Kind.CONNACK
    session_present: bool
    code: int
    properties: Props = NOTHING


# Those that come with every message are not frozen: making a frozen one takes three times as long.


@dataclass(slots=True)
class Publish:
    """A message; `packet_id` is 0 where QoS is."""

    KIND: ClassVar[Kind] = Kind.PUBLISH
    topic: str
    payload: bytes
    qos: int = 0
    packet_id: int = 0
    retain: bool = False
    dup: bool = False
    properties: Props = NOTHING


@dataclass(slots=True)
class Answer:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""

    KIND: ClassVar[Kind]
    packet_id: int
    code: int = 0
    properties: Props = NOTHING


@dataclass(slots=True)
class Puback(Answer):
    """A message of QoS 1 arrived."""

    KIND: ClassVar[Kind] = Kind.PUBACK


@dataclass(slots=True)
class Pubrec(Answer):
    """A message of QoS 2 arrived."""

    KIND: ClassVar[Kind] = Kind.PUBREC


@dataclass(slots=True)
class Pubrel(Answer):
    """It will not be sent again."""

    KIND: ClassVar[Kind] = Kind.PUBREL


@dataclass(slots=True)
class Pubcomp(Answer):
    """Its number is free."""

    KIND: ClassVar[Kind] = Kind.PUBCOMP


class Wish(NamedTuple):
    """One filter of a SUBSCRIBE."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Which messages a client wants."""

    KIND: ClassVar[Kind] = Kind.SUBSCRIBE
    packet_id: int
    wishes: Sequence[Wish]
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Suback:
    """Which of them it gets, and how safely."""

    KIND: ClassVar[Kind] = Kind.SUBACK
    packet_id: int
    codes: Sequence[int]
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Which messages a client wants no more."""

    KIND: ClassVar[Kind] = Kind.UNSUBSCRIBE
    packet_id: int
    filters: Sequence[str]
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Unsuback:
    """What came of that; before MQTT 5, it is always well."""

    KIND: ClassVar[Kind] = Kind.UNSUBACK
    packet_id: int
    codes: Sequence[int] = ()
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Pingreq:
    """Is anybody there?"""

    KIND: ClassVar[Kind] = Kind.PINGREQ


@dataclass(frozen=True, slots=True)
class Pingresp:
    """Yes."""

    KIND: ClassVar[Kind] = Kind.PINGRESP


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The end, and why."""

    KIND: ClassVar[Kind] = Kind.DISCONNECT
    code: int = 0
    properties: Props = NOTHING


@dataclass(frozen=True, slots=True)
class Auth:
    """One step of a login that takes several."""

    KIND: ClassVar[Kind] = Kind.AUTH
    code: int = 0
    properties: Props = NOTHING


# Answers that say nothing but the number: by their first byte, and how they begin.
_SHORT: Mapping[int, type[Answer]] = {0x40: Puback, 0x50: Pubrec, 0x62: Pubrel, 0x70: Pubcomp}
_SHORT_FIRST = {one.KIND: bytes((first, NUMBER_BYTES)) for first, one in _SHORT.items()}

Packet = (
    Connect
    | Connack
    | Publish
    | Answer
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
    | Auth
)


def frame_at(data: bytes | bytearray, at: int, bytes_max: int) -> Frame | None:
    """Return the packet that begins at `at`; None: not all of it is there.

    TooLong as soon as it says that it is, whether or not it comes.
    """
    size = shift = 0
    here = at + 1
    end = len(data)
    for _ in range(VARINT_BYTES_MAX):
        if here >= end:
            return None
        octet = data[here]
        here += 1
        size |= (octet & 0x7F) << shift
        if octet < 0x80:
            break
        shift += 7
    else:
        raise MalformedPacket("the length of a packet has more than four bytes")
    if here - at + size > bytes_max:
        raise TooLong(f"a packet of {here - at + size} bytes: more than {bytes_max}")
    return Frame(data[at], here, here + size) if here + size <= end else None


def whole_bytes(data: bytes, at: int) -> int:
    """Return how long the packet is that begins at `at`; 0 when that is not known yet."""
    size = shift = 0
    for here in range(at + 1, min(at + 1 + VARINT_BYTES_MAX, len(data))):
        octet = data[here]
        size |= (octet & 0x7F) << shift
        if octet < 0x80:
            return here + 1 - at + size
        shift += 7
    return 0


def decode(data: bytes, frame: Frame, version: int) -> Packet:
    """Decode one packet; of a client that has not said its version yet, only CONNECT has one."""
    short = _SHORT.get(frame.first)
    if short is not None and frame.end - frame.begin == NUMBER_BYTES:
        number = data[frame.begin] << 8 | data[frame.begin + 1]
        if number:
            return short(number)
    kind, flags = frame.first >> 4, frame.first & 0x0F
    read = _READ.get(kind)
    if read is None:
        raise MalformedPacket("a packet of type 0")
    _check_flags(kind, flags, version)
    reader = Reader(data, frame.begin, frame.end)
    packet = read(reader, flags, version)
    if reader.at != reader.end:
        raise MalformedPacket("a packet is longer than what is in it")
    return packet


def encode(packet: Packet, version: int) -> bytes:
    """Encode one packet."""
    if isinstance(packet, Answer) and not (packet.code or packet.properties):
        return _SHORT_FIRST[packet.KIND] + packet.packet_id.to_bytes(NUMBER_BYTES, "big")
    flags, content = _WRITE[packet.KIND](packet, version)
    return bytes((packet.KIND << 4 | flags,)) + varint(len(content)) + content


def _check_flags(kind: int, flags: int, version: int) -> None:
    if kind == Kind.PUBLISH:
        if flags & 0x06 == 0x06:
            raise MalformedPacket("QoS 3")
        if flags & 0x08 and not flags & 0x06:
            raise MalformedPacket("QoS 0, and a duplicate")
        return
    wanted = 2 if kind in (Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE) else 0
    if flags != wanted and not (version == V31 and flags & ~0x08 == wanted):
        raise MalformedPacket(f"{Kind(kind).name} with flags {flags}")


# Reading


def _read_connect(reader: Reader, _flags: int, _version: int) -> Connect:
    name, version = reader.text(), reader.u8()
    if name not in NAMES:
        raise MalformedPacket("it does not greet as MQTT does")
    if version not in NAMES[name]:
        raise UnknownVersion(f"version {version} of {name}")
    flags = reader.u8()
    if flags & 1:
        raise MalformedPacket("CONNECT with a reserved flag")
    if not flags & 0x80 and flags & 0x40 and version != V5:
        raise MalformedPacket("a password without a user")
    keep_alive = reader.u16()
    properties = props.read(reader, props.CONNECT_MAY) if version == V5 else NOTHING
    if P.AUTH_DATA in properties and P.AUTH_METHOD not in properties:
        raise ProtocolError("authentication data without a method")
    client_id = reader.text()
    will = _read_will(reader, flags, version)
    user = reader.text() if flags & 0x80 else None
    password = reader.binary() if flags & 0x40 else None
    clean = bool(flags & 2)
    return Connect(version, client_id, clean, keep_alive, user, password, will, properties)


def _read_will(reader: Reader, flags: int, version: int) -> Will | None:
    qos = flags >> 3 & 3
    if not flags & 4:
        if flags & 0x38:
            raise MalformedPacket("flags of a will, and no will")
        return None
    if qos == 3:
        raise MalformedPacket("a will of QoS 3")
    properties = props.read(reader, props.WILL_MAY) if version == V5 else NOTHING
    return Will(reader.text(), reader.binary(), qos, bool(flags & 0x20), properties)


def _read_connack(reader: Reader, _flags: int, version: int) -> Connack:
    present, code = reader.u8(), reader.u8()
    return Connack(bool(present & 1), code, _properties(reader, props.CONNACK_MAY, version))


def _read_publish(reader: Reader, flags: int, version: int) -> Publish:
    qos = flags >> 1 & 3
    topic = reader.text()
    packet_id = _packet_id(reader) if qos else 0
    properties = _properties(reader, props.PUBLISH_MAY, version)
    return Publish(
        topic, reader.rest(), qos, packet_id, bool(flags & 1), bool(flags & 8), properties
    )


def _read_answer(make: type[Answer]) -> "_Read":
    def read(reader: Reader, _flags: int, version: int) -> Answer:
        packet_id = _packet_id(reader)
        if version != V5 or reader.at == reader.end:
            return make(packet_id)
        code = reader.u8()
        if reader.at == reader.end:
            return make(packet_id, code)
        return make(packet_id, code, props.read(reader, props.ANSWER_MAY))

    return read


def _read_subscribe(reader: Reader, _flags: int, version: int) -> Subscribe:
    packet_id = _packet_id(reader)
    properties = _properties(reader, props.SUBSCRIBE_MAY, version)
    if len(properties.get(P.SUBSCRIPTION_ID, ())) > 1:
        raise ProtocolError("more than one subscription identifier")
    wishes: list[Wish] = []
    while reader.at < reader.end:
        wishes.append(_read_wish(reader, version))
        _check_filters(wishes)
    if not wishes:
        raise ProtocolError("a SUBSCRIBE without filters")
    return Subscribe(packet_id, wishes, properties)


def _read_wish(reader: Reader, version: int) -> Wish:
    name, options = reader.text(), reader.u8()
    qos, handling = options & 3, options >> 4 & 3
    if qos == 3 or handling == 3 or options & (0xC0 if version == V5 else 0xFC):
        raise MalformedPacket("subscription options that do not exist")
    return Wish(name, qos, bool(options & 4), bool(options & 8), handling)


def _read_suback(reader: Reader, _flags: int, version: int) -> Suback:
    packet_id = _packet_id(reader)
    properties = _properties(reader, props.ANSWER_MAY, version)
    return Suback(packet_id, list(reader.rest()), properties)


def _read_unsubscribe(reader: Reader, _flags: int, version: int) -> Unsubscribe:
    packet_id = _packet_id(reader)
    properties = _properties(reader, props.UNSUBSCRIBE_MAY, version)
    filters: list[str] = []
    while reader.at < reader.end:
        filters.append(reader.text())
        _check_filters(filters)
    if not filters:
        raise ProtocolError("an UNSUBSCRIBE without filters")
    return Unsubscribe(packet_id, filters, properties)


def _read_unsuback(reader: Reader, _flags: int, version: int) -> Unsuback:
    packet_id = _packet_id(reader)
    properties = _properties(reader, props.ANSWER_MAY, version)
    return Unsuback(packet_id, list(reader.rest()), properties)


def _read_disconnect(reader: Reader, _flags: int, version: int) -> Disconnect:
    if version != V5 or reader.at == reader.end:
        return Disconnect()
    code = reader.u8()
    if reader.at == reader.end:
        return Disconnect(code)
    return Disconnect(code, props.read(reader, props.DISCONNECT_MAY))


def _read_auth(reader: Reader, _flags: int, version: int) -> Auth:
    if version != V5:
        raise MalformedPacket("AUTH is of MQTT 5")
    if reader.at == reader.end:
        return Auth()
    return Auth(reader.u8(), props.read(reader, props.AUTH_MAY))


def _properties(reader: Reader, may: frozenset[P], version: int) -> Props:
    return props.read(reader, may) if version == V5 else NOTHING


def _packet_id(reader: Reader) -> int:
    packet_id = reader.u16()
    if not packet_id:
        raise MalformedPacket("a packet identifier of 0")
    return packet_id


def _check_filters(filters: Sequence[object]) -> None:
    if len(filters) > FILTERS_MAX:
        raise MalformedPacket(f"more than {FILTERS_MAX} filters in one packet")


# Writing: the flags, and the content


def _write_connect(packet: Connect, _version: int) -> tuple[int, bytes]:
    v5 = packet.version == V5
    will = packet.will
    flags = packet.clean << 1 | (packet.user is not None) << 7 | (packet.password is not None) << 6
    name = "MQIsdp" if packet.version == V31 else "MQTT"
    parts = [props.write(packet.properties) if v5 else b"", text(packet.client_id)]
    if will is not None:
        flags |= 4 | will.qos << 3 | will.retain << 5
        parts += [props.write(will.properties) if v5 else b"", text(will.topic)]
        parts.append(binary(will.payload))
    if packet.user is not None:
        parts.append(text(packet.user))
    if packet.password is not None:
        parts.append(binary(packet.password))
    head = text(name) + bytes((packet.version, flags)) + packet.keep_alive.to_bytes(2, "big")
    return 0, head + b"".join(parts)


def _write_connack(packet: Connack, version: int) -> tuple[int, bytes]:
    head = bytes((packet.session_present, packet.code))
    return 0, head + _written(packet.properties, version)


def _write_publish(packet: Publish, version: int) -> tuple[int, bytes]:
    flags = packet.dup << 3 | packet.qos << 1 | packet.retain
    number = packet.packet_id.to_bytes(2, "big") if packet.qos else b""
    written = _written(packet.properties, version)
    return flags, b"".join((text(packet.topic), number, written, packet.payload))


def _write_answer(packet: Answer, version: int) -> tuple[int, bytes]:
    flags = 2 if packet.KIND is Kind.PUBREL else 0
    content = packet.packet_id.to_bytes(2, "big")
    if version == V5 and (packet.code or packet.properties):
        content += bytes((packet.code,))
        content += props.write(packet.properties) if packet.properties else b""
    return flags, content


def _write_subscribe(packet: Subscribe, version: int) -> tuple[int, bytes]:
    wishes = [
        text(one.filter)
        + bytes(
            (one.qos | one.no_local << 2 | one.retain_as_published << 3 | one.retain_handling << 4,)
        )
        for one in packet.wishes
    ]
    return 2, _numbered(packet.packet_id, packet.properties, version) + b"".join(wishes)


def _write_suback(packet: Suback | Unsuback, version: int) -> tuple[int, bytes]:
    head = _numbered(packet.packet_id, packet.properties, version)
    return 0, head + bytes(packet.codes)


def _write_unsubscribe(packet: Unsubscribe, version: int) -> tuple[int, bytes]:
    head = _numbered(packet.packet_id, packet.properties, version)
    return 2, head + b"".join(map(text, packet.filters))


def _write_nothing(_packet: Packet, _version: int) -> tuple[int, bytes]:
    return 0, b""


def _write_end(packet: Disconnect | Auth, version: int) -> tuple[int, bytes]:
    if version != V5 or not (packet.code or packet.properties):
        return 0, b""
    return 0, bytes((packet.code,)) + props.write(packet.properties)


def _written(properties: Props, version: int) -> bytes:
    return props.write(properties) if version == V5 else b""


def _numbered(packet_id: int, properties: Props, version: int) -> bytes:
    return packet_id.to_bytes(2, "big") + _written(properties, version)


_Read = Callable[[Reader, int, int], Packet]
_READ: Mapping[int, _Read] = {
    Kind.CONNECT: _read_connect,
    Kind.CONNACK: _read_connack,
    Kind.PUBLISH: _read_publish,
    Kind.PUBACK: _read_answer(Puback),
    Kind.PUBREC: _read_answer(Pubrec),
    Kind.PUBREL: _read_answer(Pubrel),
    Kind.PUBCOMP: _read_answer(Pubcomp),
    Kind.SUBSCRIBE: _read_subscribe,
    Kind.SUBACK: _read_suback,
    Kind.UNSUBSCRIBE: _read_unsubscribe,
    Kind.UNSUBACK: _read_unsuback,
    Kind.PINGREQ: lambda *_: Pingreq(),
    Kind.PINGRESP: lambda *_: Pingresp(),
    Kind.DISCONNECT: _read_disconnect,
    Kind.AUTH: _read_auth,
}
_WRITE: Mapping[Kind, Callable[..., tuple[int, bytes]]] = {
    Kind.CONNECT: _write_connect,
    Kind.CONNACK: _write_connack,
    Kind.PUBLISH: _write_publish,
    Kind.PUBACK: _write_answer,
    Kind.PUBREC: _write_answer,
    Kind.PUBREL: _write_answer,
    Kind.PUBCOMP: _write_answer,
    Kind.SUBSCRIBE: _write_subscribe,
    Kind.SUBACK: _write_suback,
    Kind.UNSUBSCRIBE: _write_unsubscribe,
    Kind.UNSUBACK: _write_suback,
    Kind.PINGREQ: _write_nothing,
    Kind.PINGRESP: _write_nothing,
    Kind.DISCONNECT: _write_end,
    Kind.AUTH: _write_end,
}
