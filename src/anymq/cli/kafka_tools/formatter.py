"""How kafka-console-consumer writes messages: Kafka's DefaultMessageFormatter."""

import struct
from collections.abc import Callable, Mapping
from uuid import UUID

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.fetcher import Fetched
from anymq.cli.kafka.properties import is_true
from anymq.storage.records import Header, Record

Deserializer = Callable[[bytes], bytes]
Part = Callable[[Fetched, Record], bytes]
Formatter = Callable[[Fetched], bytes]


def _number(layout: str) -> Deserializer:
    reader = struct.Struct(f">{layout}")

    def read(data: bytes) -> bytes:
        try:
            return str(reader.unpack(data)[0]).encode()
        except struct.error:
            text = f"{len(data)} bytes are no number of {reader.size}: another deserializer?"
            raise CommandFailed(text) from None

    return read


DESERIALIZERS: Mapping[str, Deserializer] = {
    "String": bytes,
    "ByteArray": bytes,
    "Bytes": bytes,
    "Short": _number("h"),
    "Integer": _number("i"),
    "Long": _number("q"),
    "Float": _number("f"),
    "Double": _number("d"),
    "UUID": lambda data: str(UUID(data.decode())).encode(),
    "Boolean": lambda data: b"false" if data == b"\0" else b"true",
}
DEFAULT, NOTHING = "DefaultMessageFormatter", "NoOpMessageFormatter"


def formatter_of(name: str, properties: Mapping[str, str]) -> Formatter:
    """Return what writes messages; `name` is that of the Java class."""
    kind = name.rpartition(".")[2]
    if kind == NOTHING:
        return lambda _: b""
    if kind != DEFAULT:
        raise CommandFailed(f"--formatter: only {DEFAULT} and {NOTHING} are known here")
    return _default(properties)


def _default(properties: Mapping[str, str]) -> Formatter:
    separator = properties.get("key.separator", "\t").encode()
    line_end = properties.get("line.separator", "\n").encode()
    parts = _parts(properties)
    if is_true(properties, "print.value", default=True):
        parts.append(_value(properties))
        end = line_end
    else:
        end = line_end if parts else b""
    if len(parts) == 1:
        (part,) = parts
        return lambda fetched: b"".join([part(fetched, each) + end for each in fetched.records])
    return lambda fetched: b"".join(
        [separator.join([part(fetched, each) for part in parts]) + end for each in fetched.records]
    )


def _parts(properties: Mapping[str, str]) -> list[Part]:
    """Return what comes before the value, in the order of the original."""
    possible: dict[str, Part] = {
        "print.timestamp": _timestamp,
        "print.partition": lambda fetched, _: b"Partition:%d" % fetched.partition,
        "print.offset": lambda _, record: b"Offset:%d" % record.offset,
        "print.delivery": lambda *_: b"Delivery:NOT_PRESENT",
        "print.epoch": lambda *_: b"Epoch:NOT_PRESENT",
        "print.headers": _headers(properties),
        "print.key": _key(properties),
    }
    return [part for name, part in possible.items() if is_true(properties, name)]


def _timestamp(fetched: Fetched, record: Record) -> bytes:
    if record.timestamp < 0:
        return b"NO_TIMESTAMP"
    return b"%s:%d" % (b"LogAppendTime" if fetched.append_time else b"CreateTime", record.timestamp)


def _headers(properties: Mapping[str, str]) -> Part:
    separator = properties.get("headers.separator", ",").encode()
    show = _shown(properties, "headers.deserializer")

    def write(fetched: Fetched, record: Record) -> bytes:
        pairs: list[Header] = list(record.headers)
        if not pairs:
            return b"NO_HEADERS"
        return separator.join([name + b":" + show(value) for name, value in pairs])

    return write


def _key(properties: Mapping[str, str]) -> Part:
    show = _shown(properties, "key.deserializer")
    return lambda _, record: show(record.key)


def _value(properties: Mapping[str, str]) -> Part:
    show = _shown(properties, "value.deserializer")
    return lambda _, record: show(record.value)


def _shown(properties: Mapping[str, str], key: str) -> Callable[[bytes | None], bytes]:
    null = properties.get("null.literal", "null").encode()
    name = properties.get(key, "String").rpartition(".")[2].removesuffix("Deserializer")
    if name not in DESERIALIZERS:
        raise CommandFailed(f"{key}: only {', '.join(DESERIALIZERS)} are known here")
    read = DESERIALIZERS[name]
    return lambda data: null if data is None else read(data)
