"""Layout: how RocketMQ writes messages down, as brokers store them and clients pull them.

    total size 4 · magic 4 · CRC-32 of the body 4 · queue 4 · flag 4 · queue offset 8
    · physical offset 8 · sysFlag 4 · born 8 · born host (ip 4 or 16, port 4) · stored 8
    · store host (the same) · times reconsumed 4 · offset of the half message 8
    · body (length 4) · topic (length 1, or 2 in version 2) · properties (length 2)

All numbers are big-endian and signed. An answer to a pull is one after the other, nothing between.
Properties are text: name \\x01 value \\x02, and so on.
"""

from collections.abc import Iterable, Iterator, Mapping
from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

from anymq.core.portable.plain import decoded, encoded
from anymq.protocols.rocketmq.checksum import crc32

MAGIC, MAGIC_V2 = -626843481, -626843477
TOPIC_BYTES_V1 = 127  # a longer one needs version 2
PROPERTIES_BYTES_MAX = 0x7FFF

# sysFlag
COMPRESSED, MULTI_TAGS = 1, 2
PREPARED, COMMIT, ROLLBACK, TRANSACTION_MASK = 4, 8, 12, 12
BORN_V6, STORE_V6 = 0x10, 0x20
NEED_UNWRAP, INNER_BATCH = 0x40, 0x80
COMPRESSION_SHIFT, COMPRESSION_MASK = 8, 0x700

NAME_END, PAIR_END = b"\1", b"\2"
_PAIR_END = PAIR_END[0]
# Names of properties that mean something to the broker or to every client.
KEYS, TAGS, UNIQ_KEY, SHARDING_KEY = "KEYS", "TAGS", "UNIQ_KEY", "__SHARDINGKEY"
CORRELATION_ID, REPLY_TO_CLIENT = "CORRELATION_ID", "REPLY_TO_CLIENT"

LOG_ID_SHIFT = 40  # of physical offsets
OFFSET_MASK = (1 << LOG_ID_SHIFT) - 1

# Between the two parts that are the same here and in the form (core/portable): see `form.py`.
HEAD = Struct(">iiii")  # total size, magic, CRC, queue
PLACE = Struct(">qq")  # queue offset, physical offset
TIME = Struct(">q")
SIZE = Struct(">i")
SHORT = Struct(">h")
_BATCHED = Struct(">iiiii")  # total size, magic, CRC, flag, length of the body
_FRONT = Struct(">iiiiiqqiq")  # down to the born time
_BACK = Struct(">iqi")  # times reconsumed, half message, length of the body
_PORT = Struct(">i")
FIXED_BYTES = 91  # of a whole message with IPv4 hosts, beside body, topic and properties


class MalformedMessage(ValueError):
    """These bytes are no message. The connection can go on: frames are not broken by that."""


class Batched(NamedTuple):
    """One message of a batch that is sent."""

    flag: int
    body: bytes
    properties: bytes


class Stored(NamedTuple):
    """One message, as a client reads it."""

    topic: str
    queue: int
    offset: int
    physical_offset: int
    flag: int
    sys_flag: int
    born_ms: int
    born_host: bytes  # ip and port
    stored_ms: int
    store_host: bytes
    reconsumed: int
    prepared_offset: int
    body: bytes
    properties: bytes
    body_crc: int


# Places


def physical_offset(log_id: int, offset: int) -> int:
    """Return where a message is, as one number: RocketMQ has one log for all, we do not."""
    return log_id << LOG_ID_SHIFT | offset


def place_of(physical: int) -> tuple[int, int]:
    """Return log id and offset."""
    return physical >> LOG_ID_SHIFT, physical & OFFSET_MASK


def message_id(host: bytes, physical: int) -> str:
    """Return the id that says where a message is (`offsetMsgId`): a host as packed, and a place."""
    return message_ids(host, physical, 1)


def message_ids(host: bytes, physical: int, count: int) -> str:
    """Return the ids of messages one after another, as answers have them."""
    ids = [host + place.to_bytes(8, "big") for place in range(physical, physical + count)]
    return b"".join(ids).hex(",", len(host) + 8).upper()


def read_message_id(text: str) -> tuple[bytes, int] | None:
    """Return host and physical offset of such an id; None when it is none."""
    try:
        content = bytes.fromhex(text)
    except ValueError:
        return None
    if len(content) not in (16, 28) or len(text) != 2 * len(content):
        return None
    return content[:-8], TIME.unpack(content[-8:])[0]


def packed_host(ip: bytes, port: int) -> bytes:
    """Return a host as messages have it; `ip` has 4 bytes or 16."""
    return ip + _PORT.pack(port)


# Properties


def read_properties(content: bytes) -> dict[str, str]:
    """Read the properties, as leniently as RocketMQ: what has no name or no value is not there."""
    found = {}
    for pair in decoded(content).split("\2"):
        name, _, value = pair.partition("\1")
        if name and value:
            found[name] = value
    return found


def write_properties(properties: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """Write properties."""
    pairs = properties.items() if isinstance(properties, Mapping) else properties
    return encoded("".join([f"{name}\1{value}\2" for name, value in pairs]))


def property_of(content: bytes, name: bytes) -> bytes | None:
    """Return the value of one property, without reading the others. Hot: every filter by tag."""
    start = name + NAME_END
    at = content.rfind(start)  # the last one counts, as for clients
    while at > 0 and content[at - 1] != _PAIR_END:  # it is the end of a longer name
        at = content.rfind(start, 0, at)
    if at < 0:
        return None
    at += len(start)
    end = content.find(PAIR_END, at)
    return (content[at:] if end < 0 else content[at:end]) or None


def with_properties(content: bytes, **changed: str | None) -> bytes:
    """Return properties with some of them set, or gone where they are None."""
    properties = read_properties(content)
    for name, value in changed.items():
        if value is None:
            properties.pop(name, None)
        else:
            properties[name] = value
    return write_properties(properties)


# Batches


def read_batch(body: bytes) -> list[Batched]:
    """Take apart the body of a batch; MalformedMessage when it is none.

    Hot: `tuple.__new__` takes half the time of the class.
    """
    found: list[Batched] = []
    at, size = 0, len(body)
    try:
        while at < size:
            total, _, _, flag, length = _BATCHED.unpack_from(body, at)
            start = at + _BATCHED.size
            properties = start + length + 2
            (properties_size,) = SHORT.unpack_from(body, properties - 2)
            end = properties + properties_size
            if length < 0 or properties_size < 0 or end != at + total or end > size:
                raise MalformedMessage("a message does not fit into its batch")
            value = body[start : start + length]
            found.append(tuple.__new__(Batched, (flag, value, body[properties:end])))
            at = end
    except struct_error:
        raise MalformedMessage("a batch ends in the middle of a message") from None
    return found


def write_batch(messages: Iterable[Batched]) -> bytes:
    """Put a batch together, as clients do."""
    parts: list[bytes] = []
    for flag, body, properties in messages:
        total = _BATCHED.size + len(body) + 2 + len(properties)
        parts += (_BATCHED.pack(total, 0, 0, flag, len(body)), body)
        parts += (SHORT.pack(len(properties)), properties)
    return b"".join(parts)


# Whole messages


def body_crc(body: bytes) -> int:
    """Return the checksum of a body as clients check it: 31 bits."""
    return crc32(body) & 0x7FFF_FFFF


def sized_topic(topic: bytes) -> tuple[int, bytes]:
    """Return the magic number that a topic's name asks for, and the name with its length."""
    size = len(topic)
    if size <= TOPIC_BYTES_V1:
        return MAGIC, bytes((size,)) + topic
    return MAGIC_V2, SHORT.pack(size) + topic


def read_messages(content: bytes) -> Iterator[Stored]:
    """Read messages one after another, as clients do; MalformedMessage when they do not add up."""
    at = 0
    try:
        while at < len(content):
            message, end = _read_message(content, at)
            yield message
            at = end
    except (struct_error, IndexError):
        raise MalformedMessage("a message ends in the middle") from None


def _read_message(content: bytes, start: int) -> tuple[Stored, int]:
    front = _FRONT.unpack_from(content, start)
    total, magic, crc, queue, flag, offset, physical, sys_flag, born_ms = front
    at = start + _FRONT.size
    born_end = at + (20 if sys_flag & BORN_V6 else 8)
    (stored_ms,) = TIME.unpack_from(content, born_end)
    host_at = born_end + TIME.size
    host_end = host_at + (20 if sys_flag & STORE_V6 else 8)
    reconsumed, prepared, size = _BACK.unpack_from(content, host_end)
    body_at = host_end + _BACK.size
    body = content[body_at : body_at + size]
    topic, properties, end = _read_tail(content, body_at + size, magic)
    if size < 0 or end != start + total:
        raise MalformedMessage("a message ends elsewhere than it says")
    hosts = content[at:born_end], content[host_at:host_end]
    said = (queue, offset, physical, flag, sys_flag, born_ms, hosts[0], stored_ms, hosts[1])
    return Stored(decoded(topic), *said, reconsumed, prepared, body, properties, crc), end


def _read_tail(content: bytes, at: int, magic: int) -> tuple[bytes, bytes, int]:
    """Return topic, properties, and where they end."""
    if magic == MAGIC:
        topic_at, size = at + 1, content[at]
    elif magic == MAGIC_V2:
        topic_at, size = at + 2, SHORT.unpack_from(content, at)[0]
    else:
        raise MalformedMessage(f"not the magic number of a message: {magic}")
    properties_at = topic_at + size + 2
    (properties_size,) = SHORT.unpack_from(content, properties_at - 2)
    end = properties_at + properties_size
    if size < 0 or properties_size < 0 or end > len(content):
        raise MalformedMessage("a message ends in the middle")
    return content[topic_at : topic_at + size], content[properties_at:end], end
