"""Convert: messages of gRPC become what remoting requests carry, and back.

Names of properties and the rules for them are those of Apache's proxy, so that a message that came
one way is read the other way as if it had come by that.
"""

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from anymq.config.units import KIB
from anymq.protocols.rocketmq.grpc.definition import (
    Code,
    DeadLetterQueue,
    Digest,
    DigestType,
    Encoding,
    Message,
    MessageType,
    Resource,
    SystemProperties,
    Timestamp,
    timestamp_of,
)
from anymq.protocols.rocketmq.grpc.errors import GrpcRefusal
from anymq.protocols.rocketmq.layout import (
    COMPRESSED,
    KEYS,
    PREPARED,
    PROPERTIES_BYTES_MAX,
    SHARDING_KEY,
    TAGS,
    UNIQ_KEY,
    Stored,
    read_properties,
)

USER_PROPERTIES_MAX = 128
USER_PROPERTY_BYTES_MAX = 16 * KIB
GROUP_BYTES_MAX = 64  # of the name of a message group, and one less
RECOVERY_SECONDS_MAX = 3600
MESSAGE_ID_CHARS_MAX = 255
# Names of properties that are RocketMQ's own: users cannot have them.
DELAY, DELIVER_MS, DELAY_SEC, DELAY_MS = (
    "DELAY",
    "TIMER_DELIVER_MS",
    "TIMER_DELAY_SEC",
    "TIMER_DELAY_MS",
)
TRAN_MSG, PGROUP, IMMUNITY = "TRAN_MSG", "PGROUP", "CHECK_IMMUNITY_TIME_IN_SECONDS"
TRACE, BORN_HOST, BORN_TIMESTAMP = "TRACE_CONTEXT", "__BORNHOST", "BORN_TIMESTAMP"
POP_CK, DLQ_TOPIC, DLQ_ID = "POP_CK", "DLQ_ORIGIN_TOPIC", "DLQ_ORIGIN_MESSAGE_ID"
SYSTEM = frozenset(
    (
        *(TAGS, KEYS, UNIQ_KEY, DELAY, DELIVER_MS, DELAY_SEC, DELAY_MS, TRAN_MSG, PGROUP),
        *(BORN_HOST, BORN_TIMESTAMP, POP_CK, DLQ_TOPIC, DLQ_ID, "TRACE_ON", "MSG_REGION"),
        *("WAIT", "RETRY_TOPIC", "REAL_TOPIC", "REAL_QID", "MIN_OFFSET", "MAX_OFFSET", "BUYER_ID"),
        *("ORIGIN_MESSAGE_ID", "TRANSFER_FLAG", "CORRECTION_FLAG", "MQ2_FLAG", "RECONSUME_TIME"),
        *("MAX_RECONSUME_TIMES", "CONSUME_START_TIME", "POP_CK_OFFSET", "1ST_POP_TIME"),
        *("TRAN_PREPARED_QUEUE_OFFSET", "DUP_INFO", "EXTEND_UNIQ_INFO", "INSTANCE_ID"),
        *("CORRELATION_ID", "REPLY_TO_CLIENT", "TTL", "ARRIVE_TIME", "PUSH_REPLY_TIME", "CLUSTER"),
        *("MSG_TYPE", "INNER_MULTI_QUEUE_OFFSET", "TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS"),
        *("TIMER_ROLL_TIMES", "TIMER_OUT_MS", "TIMER_DEL_UNIQKEY", "TIMER_DELAY_LEVEL"),
        "__CRC32#",
    )
)
# Those of them that a reader must not be shown as if a user had set them.
HIDDEN = SYSTEM | {SHARDING_KEY, TRACE, IMMUNITY, "INNER_NUM", "INNER_BASE"}


class Outgoing(NamedTuple):
    """What a request to send says of a message."""

    properties: str
    sys_flag: int
    body: bytes
    group: str  # of messages that stay in order; "": it is in none
    message_id: str
    is_transaction: bool


# In


def outgoing_of(message: Message, topic: str, peer: str, body_bytes_max: int) -> Outgoing:
    """Return what to send; refuse what a client could not have meant."""
    said = message.system_properties or SystemProperties()
    _check_body(message.body, body_bytes_max)
    properties = _user_properties(message.user_properties, said)
    if not said.message_id.strip() or len(said.message_id) > MESSAGE_ID_CHARS_MAX:
        raise GrpcRefusal(Code.ILLEGAL_MESSAGE_ID, "message id cannot be empty")
    properties[UNIQ_KEY] = said.message_id
    is_transaction = said.message_type == MessageType.TRANSACTION
    if is_transaction:
        properties[TRAN_MSG] = "true"
        if (recovery := said.orphaned_transaction_recovery_duration) is not None:
            properties[IMMUNITY] = str(_recovery_seconds(recovery.seconds))
    if (deliver := said.delivery_timestamp) is not None:
        properties[DELIVER_MS] = str(deliver.ms)
    properties[PGROUP] = topic  # whose producers are asked what became of a transaction
    group = _message_group(said.message_group or "")
    if group:
        properties[SHARDING_KEY] = group
    if said.trace_context:
        properties[TRACE] = _clean(said.trace_context)
    properties[BORN_HOST] = _clean(said.born_host or peer)
    if (born := said.born_timestamp) is not None:
        properties[BORN_TIMESTAMP] = str(born.ms)
    sys_flag = PREPARED if is_transaction else 0
    if said.body_encoding == Encoding.GZIP:
        sys_flag |= COMPRESSED
    text = "".join([f"{name}\1{value}\2" for name, value in properties.items() if value])
    if len(text.encode()) > PROPERTIES_BYTES_MAX:
        raise GrpcRefusal(Code.MESSAGE_PROPERTIES_TOO_LARGE, "the properties are too large")
    return Outgoing(text, sys_flag, message.body, group, said.message_id, is_transaction)


def _check_body(body: bytes, body_bytes_max: int) -> None:
    if not body:
        raise GrpcRefusal(Code.MESSAGE_BODY_EMPTY, "message body cannot be empty")
    if len(body) > body_bytes_max:
        why = f"message body cannot exceed the max {body_bytes_max}"
        raise GrpcRefusal(Code.MESSAGE_BODY_TOO_LARGE, why)


def _user_properties(users: Mapping[str, str], said: SystemProperties) -> dict[str, str]:
    if len(users) > USER_PROPERTIES_MAX:
        why = f"too many user properties, max is {USER_PROPERTIES_MAX}"
        raise GrpcRefusal(Code.MESSAGE_PROPERTIES_TOO_LARGE, why)
    for name, value in users.items():
        if name in SYSTEM:
            why = f"property is used by system: {name}"
            raise GrpcRefusal(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, why)
        if _has_controls(name) or _has_controls(value):
            why = "properties cannot contain control characters"
            raise GrpcRefusal(Code.ILLEGAL_MESSAGE_PROPERTY_KEY, why)
    properties = dict(users)
    if said.tag:
        properties[TAGS] = _tag(said.tag)
    if said.keys:
        properties[KEYS] = " ".join(_key(one) for one in said.keys)
    # What the producer said, as RocketMQ counts it: not under which names we keep tag and keys.
    texts = (*users, *users.values(), said.tag or "", *said.keys)
    if sum(len(text.encode()) for text in texts) > USER_PROPERTY_BYTES_MAX:
        why = f"the total size of user property is too large, max is {USER_PROPERTY_BYTES_MAX}"
        raise GrpcRefusal(Code.MESSAGE_PROPERTIES_TOO_LARGE, why)
    return properties


def _tag(tag: str) -> str:
    if not tag.strip() or "|" in tag or _has_controls(tag):
        raise GrpcRefusal(Code.ILLEGAL_MESSAGE_TAG, "tag is blank, or contains '|' or controls")
    return tag


def _key(key: str) -> str:
    if not key.strip() or _has_controls(key):
        raise GrpcRefusal(Code.ILLEGAL_MESSAGE_KEY, "key is blank, or contains control characters")
    return key


def _message_group(group: str) -> str:
    if group and (not group.strip() or _has_controls(group)):
        why = "message group is blank, or contains control characters"
        raise GrpcRefusal(Code.ILLEGAL_MESSAGE_GROUP, why)
    if len(group.encode()) >= GROUP_BYTES_MAX:
        why = f"message group exceed the max size {GROUP_BYTES_MAX}"
        raise GrpcRefusal(Code.ILLEGAL_MESSAGE_GROUP, why)
    return group


def _recovery_seconds(seconds: int) -> int:
    if not 0 <= seconds <= RECOVERY_SECONDS_MAX:
        why = f"the max transaction recovery time of message is {RECOVERY_SECONDS_MAX}"
        raise GrpcRefusal(Code.BAD_REQUEST, why)
    return seconds


def _has_controls(text: str) -> bool:
    return not text.isprintable() and any(ord(c) < 0x20 or 0x7F <= ord(c) <= 0x9F for c in text)


def _clean(text: str) -> str:
    return text.replace("\1", " ").replace("\2", " ")


# Out


def message_of(stored: Stored, topic: Resource, handle: str | None = None) -> Message:
    """Return a message as clients read it; `handle`: by which they say what became of it."""
    properties = read_properties(stored.properties)
    return Message(
        topic=topic,
        user_properties={n: v for n, v in properties.items() if n not in HIDDEN},
        system_properties=_system_properties(stored, properties, handle),
        body=stored.body,
    )


def _system_properties(
    stored: Stored, properties: Mapping[str, str], handle: str | None
) -> SystemProperties:
    compressed = bool(stored.sys_flag & COMPRESSED)
    said = SystemProperties(
        tag=properties.get(TAGS),
        keys=properties.get(KEYS, "").split(),
        message_id=properties.get(UNIQ_KEY) or _place_of(stored),
        body_digest=_digest(stored.body),
        body_encoding=Encoding.GZIP if compressed else Encoding.IDENTITY,
        message_type=_type_of(properties),
        born_timestamp=timestamp_of(stored.born_ms),
        born_host=properties.get(BORN_HOST) or _host(stored.born_host),
        store_timestamp=timestamp_of(stored.stored_ms),
        store_host=_host(stored.store_host),
        delivery_timestamp=_delivery_timestamp(properties),
        receipt_handle=handle,
        queue_id=stored.queue,
        queue_offset=stored.offset,
        delivery_attempt=stored.reconsumed + 1,
        message_group=properties.get(SHARDING_KEY),
        trace_context=properties.get(TRACE),
    )
    if DLQ_TOPIC in properties and DLQ_ID in properties:
        said.dead_letter_queue = DeadLetterQueue(properties[DLQ_TOPIC], properties[DLQ_ID])
    return said


def _type_of(properties: Mapping[str, str]) -> MessageType:
    if properties.get(TRAN_MSG) == "true":
        return MessageType.TRANSACTION
    if any(name in properties for name in (DELAY, DELIVER_MS, DELAY_SEC)):
        return MessageType.DELAY
    return MessageType.FIFO if SHARDING_KEY in properties else MessageType.NORMAL


def _delivery_timestamp(properties: Mapping[str, str]) -> Timestamp | None:
    said = properties.get(DELIVER_MS, "")
    return timestamp_of(int(said)) if said.isascii() and said.isdigit() else None


def _digest(body: bytes) -> Digest:
    """MD5, as Apache's proxy: clients of different languages disagree on how CRC-32 is written."""
    checksum = hashlib.md5(body, usedforsecurity=False).hexdigest().upper()
    return Digest(DigestType.MD5, checksum)


def _place_of(stored: Stored) -> str:
    """Return an id for what no RocketMQ client sent."""
    return f"{stored.physical_offset:032X}"


def _host(packed: bytes) -> str:
    ip, port = packed[:-4], int.from_bytes(packed[-4:], "big")
    address = ipaddress.ip_address(ip)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


__all__ = ["Outgoing", "message_of", "outgoing_of"]
