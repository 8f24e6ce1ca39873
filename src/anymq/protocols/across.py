"""Across: how each protocol says what a message says, as one table.

docs/protocols/across.md is made of it (`./dev docs`), and tests/conformance/across/ writes and
reads each cell with real clients: what stands here is what happens. The work itself is done by
each protocol's form, and by core/portable for what lies in topics.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import MappingProxyType
from typing import Any


class Protocol(Enum):
    """Those that can write and read a message."""

    KAFKA = "Kafka"
    AMQP = "AMQP 0-9-1"
    MQTT = "MQTT 5"
    STOMP = "STOMP"
    ROCKETMQ = "RocketMQ"


class Place(Enum):
    """Where a client finds it."""

    OWN = "own"  # a part or property of the protocol's messages, by its name there
    HEADER = "header"  # header of a record or frame, user property


class Unit(Enum):
    """How a value is written down, as the page says it. Samples are in the plainest one."""

    PLAIN = ""
    ADDRESS = "levels by `.`"
    MQTT_TOPIC = "levels by `/`"
    DESTINATION = "`/topic/`, levels by `.`"
    MS = "ms"
    BORN = "in ms since 1970"
    SECONDS_UP = "s, rounded up"
    UNTIL_MS = "ms since 1970"
    RESPONSE_TOPIC = "`$queue/NAME`, or a topic"
    REPLY_DESTINATION = "`/reply-queue/NAME`, or `/topic/…`"
    PERSISTENT_MODE = "2"
    QOS = "QoS 1 and 2"
    TRUE = "`true`"
    SOME = "never empty"  # for who writes it: those clients refuse


class Trust(Enum):
    """What becomes of it when a client says it."""

    TAKEN = "taken"
    SHOWN = "shown"  # to be read: a client that says it says but a header of that name
    OWN = "own"  # to be read: it is the client itself that says it, not who uses it


@dataclass(frozen=True, slots=True)
class Cell:
    """How one protocol says one thing."""

    place: Place
    name: str
    unit: Unit = Unit.PLAIN
    trust: Trust = Trust.TAKEN


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a message may say. Who has no cell has no way to say it."""

    name: str
    samples: tuple[Any, ...]
    cells: Mapping[Protocol, Cell]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A value of a header: what each protocol's clients read, and who can write it as it is."""

    name: str
    value: Any
    seen: Mapping[Protocol, Any]
    writers: frozenset[Protocol] = field(default_factory=lambda: frozenset((Protocol.AMQP,)))
    note: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How each protocol calls one place, to write there and to read. NAME is its name there."""

    name: str
    write: Mapping[Protocol, str]
    read: Mapping[Protocol, str]
    note: str = ""


KAFKA, AMQP, MQTT, STOMP, ROCKETMQ = Protocol


def _own(name: str, unit: Unit = Unit.PLAIN, trust: Trust = Trust.TAKEN) -> Cell:
    return Cell(Place.OWN, name, unit, trust)


def _header(name: str, unit: Unit = Unit.PLAIN, trust: Trust = Trust.TAKEN) -> Cell:
    return Cell(Place.HEADER, name, unit, trust)


def _row(
    name: str,
    *samples: Any,
    kafka: Cell | None = None,
    amqp: Cell | None = None,
    mqtt: Cell | None = None,
    stomp: Cell | None = None,
    rocketmq: Cell | None = None,
    note: str = "",
) -> Row:
    cells = {KAFKA: kafka, AMQP: amqp, MQTT: mqtt, STOMP: stomp, ROCKETMQ: rocketmq}
    said = {protocol: cell for protocol, cell in cells.items() if cell is not None}
    return Row(name, samples, MappingProxyType(said), note)


def _kind(
    name: str, value: Any, *texts: Any, writers: tuple[Protocol, ...] = (AMQP,), note: str = ""
) -> Kind:
    """`texts`: of Kafka, MQTT and STOMP; RocketMQ's clients read what STOMP's do."""
    seen = dict(zip((KAFKA, MQTT, STOMP), texts, strict=True))
    seen |= {AMQP: value, ROCKETMQ: seen[STOMP]}
    return Kind(name, value, MappingProxyType(seen), frozenset(writers), note)


ROWS: tuple[Row, ...] = (
    _row(
        "body",
        b"text",
        b"",
        bytes(range(256)),
        b"x" * (1 << 20),
        kafka=_own("value"),
        amqp=_own("body"),
        mqtt=_own("payload"),
        stomp=_own("body"),
        rocketmq=_own("body", Unit.SOME),
        note="A tombstone of Kafka's (no value) is an empty body for the others. What RocketMQ's"
        " clients have compressed stays so: `content-encoding` says how.",
    ),
    _row(
        "address",
        "across.all",
        kafka=_own("topic", Unit.ADDRESS),
        amqp=_own("routing_key", Unit.ADDRESS),
        mqtt=_own("topic", Unit.MQTT_TOPIC),
        stomp=_own("destination", Unit.DESTINATION),
        rocketmq=_own("topic", Unit.ADDRESS),
        note="On the exchange `amq.topic`. MQTT swaps `/` and `.`, `+` and `*`. RocketMQ's clients"
        " for Java, Go and gRPC know no names with a dot: for them an address has one level.",
    ),
    _row(
        "key",
        b"customer-7",
        kafka=_own("key"),
        amqp=_header("x-key"),
        mqtt=_header("x-key"),
        stomp=_header("x-key"),
        rocketmq=_own("keys"),
        note="Without it the key of a record is the routing key it came by; by the default"
        " exchange there is none.",
    ),
    _row(
        "content type",
        "application/json",
        kafka=_header("content-type"),
        amqp=_own("content_type"),
        mqtt=_own("Content Type"),
        stomp=_header("content-type"),
        rocketmq=_header("content-type"),
    ),
    _row(
        "content encoding",
        "gzip",
        kafka=_header("content-encoding"),
        amqp=_own("content_encoding"),
        mqtt=_header("content-encoding"),
        stomp=_header("content-encoding"),
        rocketmq=_header("content-encoding"),
    ),
    _row(
        "correlation",
        "c-1",
        kafka=_header("correlation-id"),
        amqp=_own("correlation_id"),
        mqtt=_own("Correlation Data"),
        stomp=_header("correlation-id"),
        rocketmq=_header("CORRELATION_ID"),
        note="Of MQTT and Kafka it may be any bytes. What is no text, or longer than AMQP's 255"
        " bytes, is the header `correlation-id` for AMQP.",
    ),
    _row(
        "reply to",
        "answers",
        kafka=_header("reply-to"),
        amqp=_own("reply_to"),
        mqtt=_own("Response Topic", Unit.RESPONSE_TOPIC),
        stomp=_header("reply-to", Unit.REPLY_DESTINATION),
        rocketmq=_header("REPLY_TO_CLIENT"),
        note="The name of a queue. MQTT's response topic `a/b` is `/exchanges/amq.topic/a.b`"
        " for the others.",
    ),
    _row(
        "message id",
        "m-1",
        kafka=_header("message-id"),
        amqp=_own("message_id"),
        mqtt=_header("message-id"),
        stomp=_header("amqp-message-id"),
        rocketmq=_own("id", trust=Trust.OWN),
        note="STOMP's own `message-id` is the broker's.",
    ),
    _row(
        "type",
        "created",
        kafka=_header("type"),
        amqp=_own("type"),
        mqtt=_header("type"),
        stomp=_header("type"),
        rocketmq=_own("tags"),
    ),
    _row(
        "application",
        "shop",
        kafka=_header("app-id"),
        amqp=_own("app_id"),
        mqtt=_header("app-id"),
        stomp=_header("app-id"),
        rocketmq=_header("app-id"),
    ),
    _row(
        "user",
        "guest",
        kafka=_header("user-id", trust=Trust.SHOWN),
        amqp=_own("user_id"),
        mqtt=_header("user-id", trust=Trust.SHOWN),
        stomp=_header("user-id"),
        rocketmq=_header("user-id", trust=Trust.SHOWN),
        note="The broker checks that it is the publisher's own name. What clients of Kafka and"
        " MQTT say by that name is a header for the others.",
    ),
    _row(
        "time",
        1_700_000_000,
        kafka=_header("timestamp"),
        amqp=_own("timestamp"),
        mqtt=_header("timestamp"),
        stomp=_header("timestamp"),
        rocketmq=_own("born_timestamp", Unit.BORN, Trust.OWN),
        note="In seconds, as the publisher says; else the record's own time, where there is one.",
    ),
    _row(
        "expiry",
        3_600_000,
        kafka=_header("expires-at", Unit.UNTIL_MS),
        amqp=_own("expiration", Unit.MS),
        mqtt=_own("Message Expiry Interval", Unit.SECONDS_UP),
        stomp=_header("expiration", Unit.MS),
        rocketmq=_header("expires-at", Unit.UNTIL_MS),
        note="For MQTT less what it has waited. Nothing in a topic expires by it.",
    ),
    _row(
        "priority",
        7,
        0,
        kafka=_header("priority"),
        amqp=_own("priority"),
        mqtt=_header("priority"),
        stomp=_header("priority"),
        rocketmq=_header("priority"),
        note="From 0 to 255, as decimal digits.",
    ),
    _row(
        "kept over restarts",
        True,
        amqp=_own("delivery_mode", Unit.PERSISTENT_MODE),
        mqtt=_own("qos", Unit.QOS),
        stomp=_header("persistent", Unit.TRUE),
        note="What is written by Kafka always is, and whatever lies in a topic.",
    ),
)

PLACES: tuple[Way, ...] = (
    Way(
        "queue Q",
        write={
            KAFKA: "topic `Q`",
            AMQP: "default exchange, key `Q`",
            MQTT: "`$queue/Q`",
            STOMP: "`/queue/Q`",
            ROCKETMQ: "topic `Q`",
        },
        read={
            KAFKA: "share group of topic `Q`",
            AMQP: "queue `Q`",
            MQTT: "`$queue/Q`",
            STOMP: "`/queue/Q`",
            ROCKETMQ: "topic `Q`, by POP",
        },
        note="Each message goes to one consumer.",
    ),
    Way(
        "topic T",
        write={
            KAFKA: "topic `T`",
            AMQP: "default exchange, key `T`",
            MQTT: "`$queue/T`",
            STOMP: "`/queue/T`",
            ROCKETMQ: "topic `T`",
        },
        read={
            KAFKA: "topic `T`",
            AMQP: "stream `T`",
            STOMP: "`/queue/T`",
            ROCKETMQ: "topic `T`",
        },
        note="A log: read by any number, from any offset (`x-stream-offset`).",
    ),
    Way(
        "address a.b",
        write={
            KAFKA: "topic `a.b`",
            AMQP: "exchange `amq.topic`, key `a.b`",
            MQTT: "`a/b`",
            STOMP: "`/topic/a.b`",
            ROCKETMQ: "topic `a.b`",
        },
        read={
            KAFKA: "topic `a.b`",
            AMQP: "queue bound to `amq.topic` by `a.b`",
            MQTT: "`a/b`",
            STOMP: "`/topic/a.b`",
            ROCKETMQ: "topic `a.b`",
        },
        note="All who listen get it; so does the topic of that name, if there is one.",
    ),
)

EVERYBODY = tuple(Protocol)

KINDS: tuple[Kind, ...] = (
    _kind("text", "blue", b"blue", "blue", "blue", writers=EVERYBODY),
    _kind("text of any language", "Grüße", "Grüße".encode(), "Grüße", "Grüße", writers=EVERYBODY),
    _kind(
        "empty text",
        *("", b"", "", ""),
        writers=(KAFKA, AMQP, MQTT, STOMP),
        note="For RocketMQ's clients a property without a value is not there.",
    ),
    _kind(
        "text with line ends, colons",
        "a:b\n\\c",
        b"a:b\n\\c",
        "a:b\n\\c",
        "a:b\n\\c",
        writers=EVERYBODY,
    ),
    _kind(
        "several of one name",
        ["a", "b"],
        [b"a", b"b"],
        ["a", "b"],
        '["a","b"]',
        writers=(KAFKA, AMQP, MQTT),
        note="AMQP's clients get and write an array of texts.",
    ),
    _kind(
        "bytes that are no text",
        b"\xff\x00",
        b"\xff\x00",
        "/wA=",
        "/wA=",
        writers=(KAFKA, AMQP),
        note="Base64 where there is only text.",
    ),
    _kind("nothing", None, None, "", "", writers=(KAFKA, AMQP)),
    _kind("whole number", 5, b"5", "5", "5"),
    _kind("large number", 1 << 40, b"1099511627776", "1099511627776", "1099511627776"),
    _kind("fraction", 1.5, b"1.5", "1.5", "1.5"),
    _kind("truth", True, b"true", "true", "true"),
    _kind("decimal", Decimal("12.05"), b"12.05", "12.05", "12.05"),
    _kind(
        "time",
        datetime(2023, 11, 14, 22, 13, 20),  # noqa: DTZ001 - as clients have it
        *(b"1700000000", "1700000000", "1700000000"),
        note="Seconds since 1970.",
    ),
    _kind(
        "table",
        {"a": [1, "b"]},
        b'{"a":[1,"b"]}',
        '{"a":[1,"b"]}',
        '{"a":[1,"b"]}',
        note="JSON for the others.",
    ),
    _kind("array", [1, "b"], b'[1,"b"]', '[1,"b"]', '[1,"b"]'),
)
