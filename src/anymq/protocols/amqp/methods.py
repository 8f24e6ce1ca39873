"""Every method of AMQP 0-9-1 with RabbitMQ's extensions: declared here, coded by that.

A class is a method, its annotations are the fields in the order of the wire. The ticket, which
nobody has used since AMQP 0-8, is skipped (`ticket=True`).
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, TypeVar, get_type_hints

from anymq.protocols.amqp.errors import ConnectionFault, ReplyCode
from anymq.protocols.amqp.fields import MalformedFields, Table, decode_table, encode_table

KEY = struct.Struct(">I")  # class and method as one number
SHORT_TEXT_BYTES_MAX = 255

ShortText = Annotated[str, "shortstr"]
LongText = Annotated[bytes, "longstr"]
Bit = Annotated[bool, "bit"]
U8 = Annotated[int, "B"]
U16 = Annotated[int, "H"]
U32 = Annotated[int, "I"]
U64 = Annotated[int, "Q"]
Arguments = Annotated[Table, "table"]


class Method:
    """A method, and the values that come with it."""

    __slots__ = ()

    KEY: ClassVar[int]  # class id << 16 | method id
    NAME: ClassVar[str]  # as RabbitMQ's texts have it: basic.consume
    CONTENT: ClassVar[bool] = False  # do a header and a body follow?
    LAYOUT: ClassVar[Sequence[tuple[str, str]]]  # field, type
    TICKET: ClassVar[bool]


METHODS: dict[int, type[Method]] = {}

_M = TypeVar("_M", bound=type[Method])


def _method(
    name: str, class_id: int, method_id: int, *, ticket: bool = False, content: bool = False
) -> Callable[[_M], _M]:
    def declare(cls: _M) -> _M:
        hints = get_type_hints(cls, include_extras=True)
        cls.KEY, cls.NAME = class_id << 16 | method_id, name
        cls.CONTENT, cls.TICKET = content, ticket
        cls.LAYOUT = tuple(
            (each.name, hints[each.name].__metadata__[0])
            for each in fields(cls)  # type: ignore[arg-type]  # each is a dataclass
        )
        METHODS[cls.KEY] = cls
        return cls

    return declare


# Connection


@_method("connection.start", 10, 10)
@dataclass(frozen=True, slots=True)
class ConnectionStart(Method):
    """Who we are, and how one may log in."""

    version_major: U8
    version_minor: U8
    server_properties: Arguments
    mechanisms: LongText
    locales: LongText


@_method("connection.start_ok", 10, 11)
@dataclass(frozen=True, slots=True)
class ConnectionStartOk(Method):
    """Who they are, and the first token."""

    client_properties: Arguments
    mechanism: ShortText
    response: LongText
    locale: ShortText


@_method("connection.secure", 10, 20)
@dataclass(frozen=True, slots=True)
class ConnectionSecure(Method):
    """Another token is wanted."""

    challenge: LongText


@_method("connection.secure_ok", 10, 21)
@dataclass(frozen=True, slots=True)
class ConnectionSecureOk(Method):
    """Another token."""

    response: LongText


@_method("connection.tune", 10, 30)
@dataclass(frozen=True, slots=True)
class ConnectionTune(Method):
    """Our limits."""

    channel_max: U16
    frame_max: U32
    heartbeat: U16


@_method("connection.tune_ok", 10, 31)
@dataclass(frozen=True, slots=True)
class ConnectionTuneOk(Method):
    """The limits to be used."""

    channel_max: U16
    frame_max: U32
    heartbeat: U16


@_method("connection.open", 10, 40)
@dataclass(frozen=True, slots=True)
class ConnectionOpen(Method):
    """Which virtual host."""

    virtual_host: ShortText
    capabilities: ShortText = ""
    insist: Bit = False


@_method("connection.open_ok", 10, 41)
@dataclass(frozen=True, slots=True)
class ConnectionOpenOk(Method):
    """It is yours."""

    known_hosts: ShortText = ""


@_method("connection.close", 10, 50)
@dataclass(frozen=True, slots=True)
class ConnectionClose(Method):
    """The end, and why."""

    reply_code: U16
    reply_text: ShortText
    class_id: U16
    method_id: U16


@_method("connection.close_ok", 10, 51)
@dataclass(frozen=True, slots=True)
class ConnectionCloseOk(Method):
    """Agreed."""


@_method("connection.blocked", 10, 60)
@dataclass(frozen=True, slots=True)
class ConnectionBlocked(Method):
    """Publishing has to wait."""

    reason: ShortText


@_method("connection.unblocked", 10, 61)
@dataclass(frozen=True, slots=True)
class ConnectionUnblocked(Method):
    """It goes on."""


@_method("connection.update_secret", 10, 70)
@dataclass(frozen=True, slots=True)
class ConnectionUpdateSecret(Method):
    """Another password from now on."""

    new_secret: LongText
    reason: ShortText


@_method("connection.update_secret_ok", 10, 71)
@dataclass(frozen=True, slots=True)
class ConnectionUpdateSecretOk(Method):
    """Taken."""


# Channel


@_method("channel.open", 20, 10)
@dataclass(frozen=True, slots=True)
class ChannelOpen(Method):
    """Begin."""

    out_of_band: ShortText = ""


@_method("channel.open_ok", 20, 11)
@dataclass(frozen=True, slots=True)
class ChannelOpenOk(Method):
    """Begun."""

    channel_id: LongText = b""


@_method("channel.flow", 20, 20)
@dataclass(frozen=True, slots=True)
class ChannelFlow(Method):
    """Stop or go."""

    active: Bit


@_method("channel.flow_ok", 20, 21)
@dataclass(frozen=True, slots=True)
class ChannelFlowOk(Method):
    """Stopped or gone."""

    active: Bit


@_method("channel.close", 20, 40)
@dataclass(frozen=True, slots=True)
class ChannelClose(Method):
    """The end, and why."""

    reply_code: U16
    reply_text: ShortText
    class_id: U16
    method_id: U16


@_method("channel.close_ok", 20, 41)
@dataclass(frozen=True, slots=True)
class ChannelCloseOk(Method):
    """Agreed."""


# Access (of AMQP 0-8; some clients still ask)


@_method("access.request", 30, 10)
@dataclass(frozen=True, slots=True)
class AccessRequest(Method):
    """A ticket, please."""

    realm: ShortText = "/data"
    exclusive: Bit = False
    passive: Bit = True
    active: Bit = True
    write: Bit = True
    read: Bit = True


@_method("access.request_ok", 30, 11)
@dataclass(frozen=True, slots=True)
class AccessRequestOk(Method):
    """A ticket."""

    ticket: U16 = 1


# Exchange


@_method("exchange.declare", 40, 10, ticket=True)
@dataclass(frozen=True, slots=True)
class ExchangeDeclare(Method):
    """Make it, or see that it is there."""

    exchange: ShortText
    type: ShortText
    passive: Bit
    durable: Bit
    auto_delete: Bit
    internal: Bit
    nowait: Bit
    arguments: Arguments


@_method("exchange.declare_ok", 40, 11)
@dataclass(frozen=True, slots=True)
class ExchangeDeclareOk(Method):
    """It is there."""


@_method("exchange.delete", 40, 20, ticket=True)
@dataclass(frozen=True, slots=True)
class ExchangeDelete(Method):
    """Away with it."""

    exchange: ShortText
    if_unused: Bit
    nowait: Bit


@_method("exchange.delete_ok", 40, 21)
@dataclass(frozen=True, slots=True)
class ExchangeDeleteOk(Method):
    """It is gone."""


@_method("exchange.bind", 40, 30, ticket=True)
@dataclass(frozen=True, slots=True)
class ExchangeBind(Method):
    """From exchange to exchange."""

    destination: ShortText
    source: ShortText
    routing_key: ShortText
    nowait: Bit
    arguments: Arguments


@_method("exchange.bind_ok", 40, 31)
@dataclass(frozen=True, slots=True)
class ExchangeBindOk(Method):
    """Bound."""


@_method("exchange.unbind", 40, 40, ticket=True)
@dataclass(frozen=True, slots=True)
class ExchangeUnbind(Method):
    """No more from exchange to exchange."""

    destination: ShortText
    source: ShortText
    routing_key: ShortText
    nowait: Bit
    arguments: Arguments


@_method("exchange.unbind_ok", 40, 51)
@dataclass(frozen=True, slots=True)
class ExchangeUnbindOk(Method):
    """Unbound. Its number really is 51."""


# Queue


@_method("queue.declare", 50, 10, ticket=True)
@dataclass(frozen=True, slots=True)
class QueueDeclare(Method):
    """Make it, or see that it is there."""

    queue: ShortText
    passive: Bit
    durable: Bit
    exclusive: Bit
    auto_delete: Bit
    nowait: Bit
    arguments: Arguments


@_method("queue.declare_ok", 50, 11)
@dataclass(frozen=True, slots=True)
class QueueDeclareOk(Method):
    """It is there, and how full."""

    queue: ShortText
    message_count: U32
    consumer_count: U32


@_method("queue.bind", 50, 20, ticket=True)
@dataclass(frozen=True, slots=True)
class QueueBind(Method):
    """From exchange to queue."""

    queue: ShortText
    exchange: ShortText
    routing_key: ShortText
    nowait: Bit
    arguments: Arguments


@_method("queue.bind_ok", 50, 21)
@dataclass(frozen=True, slots=True)
class QueueBindOk(Method):
    """Bound."""


@_method("queue.purge", 50, 30, ticket=True)
@dataclass(frozen=True, slots=True)
class QueuePurge(Method):
    """Empty it."""

    queue: ShortText
    nowait: Bit


@_method("queue.purge_ok", 50, 31)
@dataclass(frozen=True, slots=True)
class QueuePurgeOk(Method):
    """It is empty."""

    message_count: U32


@_method("queue.delete", 50, 40, ticket=True)
@dataclass(frozen=True, slots=True)
class QueueDelete(Method):
    """Away with it."""

    queue: ShortText
    if_unused: Bit
    if_empty: Bit
    nowait: Bit


@_method("queue.delete_ok", 50, 41)
@dataclass(frozen=True, slots=True)
class QueueDeleteOk(Method):
    """It is gone."""

    message_count: U32


@_method("queue.unbind", 50, 50, ticket=True)
@dataclass(frozen=True, slots=True)
class QueueUnbind(Method):
    """No more from exchange to queue."""

    queue: ShortText
    exchange: ShortText
    routing_key: ShortText
    arguments: Arguments


@_method("queue.unbind_ok", 50, 51)
@dataclass(frozen=True, slots=True)
class QueueUnbindOk(Method):
    """Unbound."""


# Basic


@_method("basic.qos", 60, 10)
@dataclass(frozen=True, slots=True)
class BasicQos(Method):
    """How many may be unacknowledged."""

    prefetch_size: U32
    prefetch_count: U16
    global_: Bit


@_method("basic.qos_ok", 60, 11)
@dataclass(frozen=True, slots=True)
class BasicQosOk(Method):
    """So be it."""


@_method("basic.consume", 60, 20, ticket=True)
@dataclass(frozen=True, slots=True)
class BasicConsume(Method):
    """Send me what there is."""

    queue: ShortText
    consumer_tag: ShortText
    no_local: Bit
    no_ack: Bit
    exclusive: Bit
    nowait: Bit
    arguments: Arguments


@_method("basic.consume_ok", 60, 21)
@dataclass(frozen=True, slots=True)
class BasicConsumeOk(Method):
    """It will come under this tag."""

    consumer_tag: ShortText


@_method("basic.cancel", 60, 30)
@dataclass(frozen=True, slots=True)
class BasicCancel(Method):
    """No more. Also from us to them: the queue is gone."""

    consumer_tag: ShortText
    nowait: Bit


@_method("basic.cancel_ok", 60, 31)
@dataclass(frozen=True, slots=True)
class BasicCancelOk(Method):
    """No more comes."""

    consumer_tag: ShortText


@_method("basic.publish", 60, 40, ticket=True, content=True)
@dataclass(frozen=True, slots=True)
class BasicPublish(Method):
    """A message for an exchange."""

    exchange: ShortText
    routing_key: ShortText
    mandatory: Bit
    immediate: Bit


@_method("basic.return", 60, 50, content=True)
@dataclass(frozen=True, slots=True)
class BasicReturn(Method):
    """It went nowhere."""

    reply_code: U16
    reply_text: ShortText
    exchange: ShortText
    routing_key: ShortText


@_method("basic.deliver", 60, 60, content=True)
@dataclass(frozen=True, slots=True)
class BasicDeliver(Method):
    """A message for a consumer."""

    consumer_tag: ShortText
    delivery_tag: U64
    redelivered: Bit
    exchange: ShortText
    routing_key: ShortText


@_method("basic.get", 60, 70, ticket=True)
@dataclass(frozen=True, slots=True)
class BasicGet(Method):
    """One message, if there is one."""

    queue: ShortText
    no_ack: Bit


@_method("basic.get_ok", 60, 71, content=True)
@dataclass(frozen=True, slots=True)
class BasicGetOk(Method):
    """Here it is."""

    delivery_tag: U64
    redelivered: Bit
    exchange: ShortText
    routing_key: ShortText
    message_count: U32


@_method("basic.get_empty", 60, 72)
@dataclass(frozen=True, slots=True)
class BasicGetEmpty(Method):
    """There is none."""

    cluster_id: ShortText = ""


@_method("basic.ack", 60, 80)
@dataclass(frozen=True, slots=True)
class BasicAck(Method):
    """Done. From us: it is safe."""

    delivery_tag: U64
    multiple: Bit


@_method("basic.reject", 60, 90)
@dataclass(frozen=True, slots=True)
class BasicReject(Method):
    """Not this one."""

    delivery_tag: U64
    requeue: Bit


@_method("basic.recover_async", 60, 100)
@dataclass(frozen=True, slots=True)
class BasicRecoverAsync(Method):
    """Again from the start, without an answer."""

    requeue: Bit


@_method("basic.recover", 60, 110)
@dataclass(frozen=True, slots=True)
class BasicRecover(Method):
    """Again from the start."""

    requeue: Bit


@_method("basic.recover_ok", 60, 111)
@dataclass(frozen=True, slots=True)
class BasicRecoverOk(Method):
    """It comes again."""


@_method("basic.nack", 60, 120)
@dataclass(frozen=True, slots=True)
class BasicNack(Method):
    """Not these. From us: it is not safe."""

    delivery_tag: U64
    multiple: Bit
    requeue: Bit


# Confirm, tx


@_method("confirm.select", 85, 10)
@dataclass(frozen=True, slots=True)
class ConfirmSelect(Method):
    """Confirm what is published."""

    nowait: Bit


@_method("confirm.select_ok", 85, 11)
@dataclass(frozen=True, slots=True)
class ConfirmSelectOk(Method):
    """From now on."""


@_method("tx.select", 90, 10)
@dataclass(frozen=True, slots=True)
class TxSelect(Method):
    """All or nothing from now on."""


@_method("tx.select_ok", 90, 11)
@dataclass(frozen=True, slots=True)
class TxSelectOk(Method):
    """So be it."""


@_method("tx.commit", 90, 20)
@dataclass(frozen=True, slots=True)
class TxCommit(Method):
    """All."""


@_method("tx.commit_ok", 90, 21)
@dataclass(frozen=True, slots=True)
class TxCommitOk(Method):
    """All of it is safe."""


@_method("tx.rollback", 90, 30)
@dataclass(frozen=True, slots=True)
class TxRollback(Method):
    """Nothing."""


@_method("tx.rollback_ok", 90, 31)
@dataclass(frozen=True, slots=True)
class TxRollbackOk(Method):
    """Nothing happened."""


# Coding

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8}


def decode(payload: bytes) -> Method:
    """Return the method that is the payload of a method frame; ConnectionFault if there is none."""
    if len(payload) < KEY.size:
        raise ConnectionFault(ReplyCode.FRAME_ERROR, "a method frame without a method")
    key: int = KEY.unpack_from(payload)[0]
    method = METHODS.get(key)
    if method is None:
        raise ConnectionFault(
            ReplyCode.COMMAND_INVALID, f"unknown method {{{key >> 16},{key & 0xFFFF}}}", method=key
        )
    try:
        return _decode_fields(method, payload)
    except UnicodeDecodeError:
        raise ConnectionFault(ReplyCode.FRAME_ERROR, "Malformed UTF-8 in shortstr") from None
    except (MalformedFields, struct.error, IndexError):
        octets = ",".join(map(str, payload[KEY.size :]))
        raise ConnectionFault(
            ReplyCode.FRAME_ERROR, f"cannot decode <<{octets}>>", method=key
        ) from None


def _decode_fields(method: type[Method], payload: bytes) -> Method:
    at = 6 if method.TICKET else 4
    values: list[Any] = []
    bit = 0  # the next one of the octet at `at - 1`; 0: it begins another octet
    for _, kind in method.LAYOUT:
        if kind == "bit":
            if not bit:
                bit, at = 1, at + 1
            values.append(bool(payload[at - 1] & bit))
            bit <<= 1
            continue
        bit = 0
        value, at = _decode_field(kind, payload, at)
        values.append(value)
    if at != len(payload):
        raise MalformedFields("longer or shorter than its fields")
    return method(*values)


def _decode_field(kind: str, payload: bytes, at: int) -> tuple[Any, int]:
    if kind == "shortstr":
        end = at + 1 + payload[at]
        value: Any = payload[at + 1 : end].decode()
    elif kind in _SIZES:
        end = at + _SIZES[kind]
        value = int.from_bytes(payload[at:end], "big")
    else:
        begin = at + 4
        end = begin + int.from_bytes(payload[at:begin], "big")
        if end > len(payload):
            raise MalformedFields("a field is longer than its method")
        longtext = kind == "longstr"
        value = payload[begin:end] if longtext else decode_table(payload, begin, end)
    return value, end


def encode(method: Method) -> bytes:
    """Return the payload of a method frame."""
    parts = [KEY.pack(method.KEY)]
    if method.TICKET:
        parts.append(b"\0\0")
    bits, bit = 0, 0
    for name, kind in method.LAYOUT:
        value = getattr(method, name)
        if kind == "bit":
            bits |= int(value) << bit
            bit += 1
            continue
        if bit:
            parts.append(bytes((bits,)))
            bits = bit = 0
        parts.append(_encode_field(kind, value))
    if bit:
        parts.append(bytes((bits,)))
    return b"".join(parts)


def _encode_field(kind: str, value: Any) -> bytes:
    if kind == "shortstr":
        return short_text(value)
    if kind == "longstr":
        return len(value).to_bytes(4, "big") + bytes(value)
    if kind == "table":
        return encode_table(value)
    return int(value).to_bytes(_SIZES[kind], "big")


def short_text(text: str) -> bytes:
    """Return a short string as it is on the wire."""
    data = text.encode()
    if len(data) > SHORT_TEXT_BYTES_MAX:
        raise MalformedFields("a short string of more than 255 bytes")
    return bytes((len(data),)) + data
