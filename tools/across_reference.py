"""The page of what each protocol calls what the others say, made of the table that tests use."""

import json
from collections.abc import Iterator
from typing import Any

from anymq.protocols.across import (
    KAFKA,
    KINDS,
    PLACES,
    ROWS,
    Cell,
    Kind,
    Place,
    Protocol,
    Row,
    Trust,
    Way,
)

NO_WAY = "-"


def across_page() -> str:
    """Describe every protocol to every other."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield HEAD
    yield _table_head("")
    yield from (_place(way) for way in PLACES)
    yield from _notes(PLACES)
    yield MESSAGE_HEAD
    yield _table_head("")
    yield from (_row(row) for row in ROWS)
    yield from _notes(ROWS)
    yield HEADERS_HEAD
    yield _table_head("header")
    yield from (_kind(kind) for kind in KINDS)
    yield from _notes(KINDS)
    yield TAIL


def _table_head(first: str) -> str:
    names = " | ".join(protocol.value for protocol in Protocol)
    return f"| {first} | {names} |\n|---|" + "---|" * len(Protocol)


def _notes(rows: tuple[Row, ...] | tuple[Kind, ...] | tuple[Way, ...]) -> Iterator[str]:
    yield ""
    yield from (f"- **{row.name}**: {row.note}" for row in rows if row.note)


def _place(way: Way) -> str:
    cells = (_said(way.write.get(one), way.read.get(one)) for one in Protocol)
    return f"| {way.name} | {' | '.join(cells)} |"


def _said(write: str | None, read: str | None) -> str:
    if write == read:
        return write or NO_WAY
    return f"write {write or NO_WAY}; read {read or NO_WAY}"


def _row(row: Row) -> str:
    cells = (_cell(row.cells.get(protocol)) for protocol in Protocol)
    return f"| {row.name} | {' | '.join(cells)} |"


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return NO_WAY
    name = f"header `{cell.name}`" if cell.place is Place.HEADER else f"`{cell.name}`"
    unit = f", {cell.unit.value}" if cell.unit.value else ""
    shown = ", to be read only" if cell.trust is not Trust.TAKEN else ""
    return f"{name}{unit}{shown}"


def _kind(kind: Kind) -> str:
    cells = (_seen(kind, protocol) for protocol in Protocol)
    return f"| {kind.name} | {' | '.join(cells)} |"


def _seen(kind: Kind, protocol: Protocol) -> str:
    seen = kind.seen[protocol]
    text = f"`{_text(seen, protocol)}`" if seen not in ("", b"") else "empty"
    return text if protocol in kind.writers else f"{text} *"


def _text(seen: Any, protocol: Protocol) -> str:
    if protocol is KAFKA and isinstance(seen, list):
        return "`, `".join(_text(one, protocol) for one in seen)
    if isinstance(seen, bytes):
        try:
            shown = seen.decode()
        except UnicodeDecodeError:
            return seen.hex(" ")
        return shown.replace("\n", "⏎")
    if seen is None:
        return "no value"
    shown = seen if isinstance(seen, str) else json.dumps(seen, default=str)
    return shown.strip('"').replace("\n", "⏎")


HEAD = """\
<!-- Made by ./dev docs from src/anymq/protocols/across.py: change it there. -->
# Every protocol to every other

What any protocol writes, every other reads. Nothing has to be installed or declared for that: there
is one set of queues, topics and addresses, and each protocol has names for them. This page is made
of the table with which the tests write and read every cell, with real clients.

## Places
"""

MESSAGE_HEAD = """
## What a message says

Where a client writes it and finds it. What two protocols can both say, neither loses, also when a
client hands on what it read. What a protocol has no word for it does not show; the broker keeps it
for the others.
"""

HEADERS_HEAD = """
## Headers

Headers of AMQP have types, those of Kafka are bytes, those of MQTT (user properties), STOMP and
RocketMQ (properties) are text. The table shows what clients of each read; with a star, where such a
client writes only the text. As long as a message lies in a queue or a topic, types stay: other
readers of the writer's protocol get them as they were. A Kafka client that hands on a record with
all its headers, `anymq` among them, keeps them, too.
"""

TAIL = """
A header of MQTT has at most 65,535 bytes, the name of one in AMQP 255: what is longer is not shown
there. `CC` and `BCC` say in AMQP where else a message goes; what clients of MQTT, STOMP and
RocketMQ call so is `x-mqtt-CC`, `x-stomp-CC` and `x-rocketmq-CC` for the others. All properties of
a RocketMQ message together have at most 32,767 bytes: what does not fit is not shown.

## Promises

- **Order** is that of the queue, the partition, or of who publishes to an address. What a consumer
  gives back returns to its place.
- **Acknowledged** means the same for Kafka's acks, AMQP's confirms, PUBACK and PUBREC, and STOMP's
  receipts: as safe as [promised](../explanation/durability.md).
- **Once to each**: what is published to an address reaches the topic of that name, and every
  binding and subscription that matches, each once.
- **Work is shared**: consumers of one queue share its messages, whatever they speak. What one had
  and did not settle when it went, another gets, marked as redelivered (MQTT has no word for that:
  DUP speaks of one client).
- **Rights**: the same permissions are asked for, by the same names, whatever a client speaks:
  [users and rights](../explanation/rights.md).
- **Too much**: a queue that refuses more (`x-overflow` = `reject-publish`) says so to whoever
  publishes: by nack, reason code 0x97 (MQTT 5), ERROR (STOMP), POLICY_VIOLATION (Kafka). While
  memory or disk is short, whoever publishes waits: we read no further, and AMQP's clients are told
  (Kafka's of a full disk: they try again).
- **Delay**: `x-delay` and `x-deliver-at`, as [headers](../how-to/delay-messages.md). A topic is a
  log and delays nothing.
"""
