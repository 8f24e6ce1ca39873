"""Samples of the table in the words of a protocol."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from anymq.protocols.across import AMQP, KAFKA, MQTT, ROCKETMQ, Cell, Place, Protocol, Unit

TIME = int(time.time() * 1000)  # of what Kafka clients write


def native(protocol: Protocol, cell: Cell, sample: Any, record_ms: int = 0) -> Any:
    """Return a sample as a client of this protocol writes and reads it.

    `record_ms`: the time of the record, where the sample counts from that.
    """
    say: Callable[[Any], Any] | None = _UNITS.get(cell.unit)
    if cell.unit is Unit.UNTIL_MS:
        told = str(record_ms + sample)
    else:
        told = sample if say is None else say(sample)
    return _typed(protocol, cell, told)


_UNITS: dict[Unit, Callable[[Any], Any]] = {
    Unit.MS: str,
    Unit.SECONDS_UP: lambda ms: -(-ms // 1000),
    Unit.MQTT_TOPIC: lambda address: address.replace(".", "/"),
    Unit.DESTINATION: "/topic/{}".format,
    Unit.RESPONSE_TOPIC: "$queue/{}".format,
    Unit.REPLY_DESTINATION: "/reply-queue/{}".format,
    Unit.PERSISTENT_MODE: lambda _: 2,
    Unit.QOS: lambda _: 1,
    Unit.TRUE: lambda _: "true",
    Unit.BORN: lambda seconds: seconds * 1000,
}


def _typed(protocol: Protocol, cell: Cell, told: Any) -> Any:
    """Headers are bytes for Kafka, text for all but AMQP; and so are some properties."""
    if protocol is ROCKETMQ and cell.name == "keys":
        return told.decode()
    if cell.place is Place.OWN:
        return told.encode() if cell.name == "Correlation Data" else told
    if protocol is AMQP:
        return told.decode() if isinstance(told, bytes) else told
    text = told.decode() if isinstance(told, bytes) else str(told)
    return text.encode() if protocol is KAFKA else text


def as_header(protocol: Protocol, name: str, value: Any) -> list[tuple[str, Any]]:
    """Return a value of a header as headers: one that comes again is a list.

    RocketMQ's clients know no property without a value.
    """
    if protocol is ROCKETMQ and value == "":
        return []
    repeats = protocol in (KAFKA, MQTT) and isinstance(value, list)
    return [(name, one) for one in value] if repeats else [(name, value)]


def handed_on(protocol: Protocol, seen: Any) -> Any:
    """Return what a client of `protocol` reads when one that knows text only hands on a header."""
    if isinstance(seen, list):
        return [handed_on(protocol, one) for one in seen]
    return seen.encode() if protocol is KAFKA else seen


def reply_to_topic(address: str) -> str:
    """Return how AMQP says a response topic of MQTT."""
    return f"/exchanges/amq.topic/{quote(address, safe='')}"
