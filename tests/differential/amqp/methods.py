"""Every method of AMQP 0-9-1 with RabbitMQ's extensions, as a table, and its two codings."""

import struct
from typing import Any, NamedTuple

from tests.differential.amqp.fields import Reader, long_string, short_string, table

# class.method number, name, arguments as type:name; `=` marks a bit. `?` after the name: it is
# answered by the -ok of the same name.
TABLE = """
10.10 connection.start? octet:version_major octet:version_minor table:server_properties longstr:mechanisms longstr:locales
10.11 connection.start-ok table:client_properties shortstr:mechanism longstr:response shortstr:locale
10.20 connection.secure? longstr:challenge
10.21 connection.secure-ok longstr:response
10.30 connection.tune? short:channel_max long:frame_max short:heartbeat
10.31 connection.tune-ok short:channel_max long:frame_max short:heartbeat
10.40 connection.open? shortstr:virtual_host shortstr:reserved1 bit:reserved2
10.41 connection.open-ok shortstr:reserved1
10.50 connection.close? short:reply_code shortstr:reply_text short:class_id short:method_id
10.51 connection.close-ok
10.60 connection.blocked shortstr:reason
10.61 connection.unblocked
10.70 connection.update-secret? longstr:new_secret shortstr:reason
10.71 connection.update-secret-ok
20.10 channel.open? shortstr:reserved1
20.11 channel.open-ok longstr:reserved1
20.20 channel.flow? bit:active
20.21 channel.flow-ok bit:active
20.40 channel.close? short:reply_code shortstr:reply_text short:class_id short:method_id
20.41 channel.close-ok
30.10 access.request? shortstr:realm bit:exclusive bit:passive bit:active bit:write bit:read
30.11 access.request-ok short:ticket
40.10 exchange.declare? short:ticket shortstr:exchange shortstr:type bit:passive bit:durable bit:auto_delete bit:internal bit:nowait table:arguments
40.11 exchange.declare-ok
40.20 exchange.delete? short:ticket shortstr:exchange bit:if_unused bit:nowait
40.21 exchange.delete-ok
40.30 exchange.bind? short:ticket shortstr:destination shortstr:source shortstr:routing_key bit:nowait table:arguments
40.31 exchange.bind-ok
40.40 exchange.unbind? short:ticket shortstr:destination shortstr:source shortstr:routing_key bit:nowait table:arguments
40.51 exchange.unbind-ok
50.10 queue.declare? short:ticket shortstr:queue bit:passive bit:durable bit:exclusive bit:auto_delete bit:nowait table:arguments
50.11 queue.declare-ok shortstr:queue long:message_count long:consumer_count
50.20 queue.bind? short:ticket shortstr:queue shortstr:exchange shortstr:routing_key bit:nowait table:arguments
50.21 queue.bind-ok
50.30 queue.purge? short:ticket shortstr:queue bit:nowait
50.31 queue.purge-ok long:message_count
50.40 queue.delete? short:ticket shortstr:queue bit:if_unused bit:if_empty bit:nowait
50.41 queue.delete-ok long:message_count
50.50 queue.unbind? short:ticket shortstr:queue shortstr:exchange shortstr:routing_key table:arguments
50.51 queue.unbind-ok
60.10 basic.qos? long:prefetch_size short:prefetch_count bit:global
60.11 basic.qos-ok
60.20 basic.consume? short:ticket shortstr:queue shortstr:consumer_tag bit:no_local bit:no_ack bit:exclusive bit:nowait table:arguments
60.21 basic.consume-ok shortstr:consumer_tag
60.30 basic.cancel? shortstr:consumer_tag bit:nowait
60.31 basic.cancel-ok shortstr:consumer_tag
60.40 basic.publish short:ticket shortstr:exchange shortstr:routing_key bit:mandatory bit:immediate
60.50 basic.return short:reply_code shortstr:reply_text shortstr:exchange shortstr:routing_key
60.60 basic.deliver shortstr:consumer_tag longlong:delivery_tag bit:redelivered shortstr:exchange shortstr:routing_key
60.70 basic.get? short:ticket shortstr:queue bit:no_ack
60.71 basic.get-ok longlong:delivery_tag bit:redelivered shortstr:exchange shortstr:routing_key long:message_count
60.72 basic.get-empty shortstr:cluster_id
60.80 basic.ack longlong:delivery_tag bit:multiple
60.90 basic.reject longlong:delivery_tag bit:requeue
60.100 basic.recover-async bit:requeue
60.110 basic.recover? bit:requeue
60.111 basic.recover-ok
60.120 basic.nack longlong:delivery_tag bit:multiple bit:requeue
85.10 confirm.select? bit:nowait
85.11 confirm.select-ok
90.10 tx.select?
90.11 tx.select-ok
90.20 tx.commit?
90.21 tx.commit-ok
90.30 tx.rollback?
90.31 tx.rollback-ok
"""
NUMBERS = {"octet": ">B", "short": ">H", "long": ">I", "longlong": ">Q"}
WITH_CONTENT = {"basic.publish", "basic.return", "basic.deliver", "basic.get-ok"}
# The header of a message: what each bit from the highest on stands for.
PROPERTIES = {
    "content_type": "shortstr",
    "content_encoding": "shortstr",
    "headers": "table",
    "delivery_mode": "octet",
    "priority": "octet",
    "correlation_id": "shortstr",
    "reply_to": "shortstr",
    "expiration": "shortstr",
    "message_id": "shortstr",
    "timestamp": "longlong",
    "type": "shortstr",
    "user_id": "shortstr",
    "app_id": "shortstr",
    "cluster_id": "shortstr",
}


class Method(NamedTuple):
    """One line of the table."""

    class_id: int
    method_id: int
    name: str
    answered: bool
    arguments: tuple[tuple[str, str], ...]  # type, name


def _line(text: str) -> Method:
    number, name, *arguments = text.split()
    class_id, method_id = map(int, number.split("."))
    pairs = tuple((kind, each) for kind, _, each in (a.partition(":") for a in arguments))
    return Method(class_id, method_id, name.rstrip("?"), name.endswith("?"), pairs)


METHODS = {each.name: each for each in map(_line, TABLE.strip().splitlines())}
BY_NUMBER = {(each.class_id, each.method_id): each for each in METHODS.values()}


def encode(name: str, arguments: dict[str, Any]) -> bytes:
    """The payload of a method frame; what is not given is empty."""
    method = METHODS[name]
    if unknown := set(arguments) - {each for _, each in method.arguments}:
        raise TypeError(f"{name} has no {unknown}")
    parts = [struct.pack(">HH", method.class_id, method.method_id)]
    bits: list[bool] = []
    for kind, argument in method.arguments:
        if kind == "bit":
            bits.append(bool(arguments.get(argument)))
            continue
        parts += [_bits(bits), field(kind, arguments.get(argument))]
        bits = []
    return b"".join([*parts, _bits(bits)])


def _bits(bits: list[bool]) -> bytes:
    return bytes([sum(on << place for place, on in enumerate(bits))]) if bits else b""


def field(kind: str, value: Any) -> bytes:
    """One argument."""
    if kind in NUMBERS:
        return struct.pack(NUMBERS[kind], value or 0)
    if kind == "table":
        return table(value or {})
    return (short_string if kind == "shortstr" else long_string)(value or "")


def decode(payload: bytes) -> tuple[Method, dict[str, Any]]:
    """The method in a frame, and its arguments."""
    reader = Reader(payload)
    method = BY_NUMBER[reader.take(">HH")]
    values: dict[str, Any] = {}
    bit = 8
    octet = 0
    for kind, name in method.arguments:
        if kind != "bit":
            values[name], bit = read(reader, kind), 8
            continue
        if bit == 8:
            octet, bit = reader.take(">B"), 0
        values[name] = bool(octet >> bit & 1)
        bit += 1
    return method, values


def read(reader: Reader, kind: str) -> Any:
    """One argument."""
    if kind in NUMBERS:
        return reader.take(NUMBERS[kind])
    if kind == "table":
        return reader.table()
    if kind == "shortstr":
        return reader.short_string()
    return reader.long_string().decode(errors="backslashreplace")


def encode_properties(values: dict[str, Any]) -> bytes:
    """Flags, then the values that are there."""
    if unknown := set(values) - set(PROPERTIES):
        raise TypeError(f"no properties {unknown}")
    flags = sum(1 << (15 - at) for at, name in enumerate(PROPERTIES) if name in values)
    parts = [field(kind, values[name]) for name, kind in PROPERTIES.items() if name in values]
    return struct.pack(">H", flags) + b"".join(parts)


def decode_properties(data: bytes) -> dict[str, Any]:
    """The properties that are there."""
    reader = Reader(data)
    flags = reader.take(">H")
    return {
        name: read(reader, kind)
        for at, (name, kind) in enumerate(PROPERTIES.items())
        if flags >> (15 - at) & 1
    }
