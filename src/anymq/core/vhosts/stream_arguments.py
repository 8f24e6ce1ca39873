"""What clients say about streams: when they declare one, and where a consumer begins."""

from collections.abc import Mapping
from dataclasses import dataclass

from anymq.config.units import MIB
from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message, Value
from anymq.core.queues.arguments import (
    STREAM,
    age_ms,
    check_consumer,
    check_declaration,
    selector_of,
)
from anymq.core.selectors.selector import Selector
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic_config import TopicConfig
from anymq.core.values import check_argument, type_name

MAX_BYTES, MAX_AGE = "x-max-length-bytes", "x-max-age"
QUEUE_TYPE = "x-queue-type"
SEGMENT_BYTES = "x-stream-max-segment-size-bytes"
SEGMENT_BYTES_MAX = 3_000_000_000  # RabbitMQ's
FILTER_BYTES = "x-stream-filter-size-bytes"
OFFSET, FILTER = "x-stream-offset", "x-stream-filter"
MATCH_UNFILTERED = "x-stream-match-unfiltered"
FILTER_VALUE = "x-stream-filter-value"

# RabbitMQ's biggest message, and what we add to it. A Kafka topic would take 1 MiB.
MESSAGE_BYTES_MAX = 17 * MIB
KAFKA_SEGMENT_BYTES_MAX = (1 << 31) - 1
_UNITS = {"D": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000}
_INTEGERS = frozenset(
    ("byte", "short", "signedint", "long", "unsignedbyte", "unsignedshort", "unsignedint")
)


# Declaring


def check_arguments(of: str, arguments: Mapping[str, Value]) -> None:
    """Refuse what RabbitMQ refuses. `of`: `queue 's' in vhost '/'`."""
    check_declaration(of, STREAM, arguments)
    if (size := arguments.get(SEGMENT_BYTES)) is not None and size > SEGMENT_BYTES_MAX:
        raise PreconditionFailed(f"Exceeded max value for {SEGMENT_BYTES}")
    size = arguments.get(FILTER_BYTES)
    if size is not None and not 16 <= size <= 255:
        raise PreconditionFailed(f"Invalid value for {FILTER_BYTES}")


def to_config(arguments: Mapping[str, Value]) -> dict[str, str]:
    """Return a topic's config for a stream declared so. Nothing goes unless that is said."""
    config = {
        "retention.bytes": str(int(arguments.get(MAX_BYTES) or 0) or -1),
        "retention.ms": str(age_ms(arguments.get(MAX_AGE)) or -1),
        "max.message.bytes": str(MESSAGE_BYTES_MAX),
    }
    if (size := arguments.get(SEGMENT_BYTES)) is not None:
        config["segment.bytes"] = _segment_bytes(size)
    return config


def policy_config(policy: Mapping[str, Value]) -> dict[str, str]:
    """Return the configs of a topic that follow from a policy."""
    config = {}
    if (size := policy.get("max-length-bytes")) is not None:
        config["retention.bytes"] = str(int(size) or -1)
    if (age := age_ms(policy.get("max-age"))) is not None:
        config["retention.ms"] = str(age)
    if (size := policy.get("stream-max-segment-size-bytes")) is not None:
        config["segment.bytes"] = _segment_bytes(size)
    return config


def _segment_bytes(size: Value) -> str:
    return str(min(max(int(size), 1024), KAFKA_SEGMENT_BYTES_MAX))


def of_config(config: TopicConfig) -> dict[str, Value]:
    """Return what a stream would have to be declared with to get this config."""
    arguments: dict[str, Value] = {QUEUE_TYPE: STREAM}
    said = config.overrides
    if (size := int(said.get("retention.bytes", -1))) > 0:
        arguments[MAX_BYTES] = size
    if (age := int(said.get("retention.ms", -1))) > 0:
        arguments[MAX_AGE] = _age(age)
    if (size := int(said.get("segment.bytes", 0))) > 0:
        arguments[SEGMENT_BYTES] = size
    return arguments


def check_same(of: str, config: TopicConfig, received: Mapping[str, Value]) -> None:
    """Refuse to declare a stream again in another way.

    Of a topic that a Kafka client made, nobody said in these words how it is to be: only what is
    asked for now has to be true.
    """
    current = of_config(config)
    declared = config.overrides.keys() >= to_config({}).keys()
    asked = dict(received)
    if age_ms(asked.get(MAX_AGE)) == age_ms(current.get(MAX_AGE)):
        asked[MAX_AGE] = current.get(MAX_AGE)  # "24h" is "1D"
    for key in (MAX_BYTES, QUEUE_TYPE, MAX_AGE, SEGMENT_BYTES):
        if declared or key == QUEUE_TYPE or asked.get(key) is not None:
            check_argument(key, of, current.get(key), asked.get(key))


def _age(milliseconds: int) -> str:
    for unit, size in _UNITS.items():
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{-(-milliseconds // 1000)}s"  # Kafka clients may say less than a second


# Consuming


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages a consumer wants to see."""

    values: frozenset[str] | None  # of the header for filters; None: any
    unfiltered: bool  # also those that have no filter value
    selector: Selector | None = None

    def matches(self, message: Message) -> bool:
        """Does it want this one? Most are told apart without decoding."""
        return self._has_value(message) and (
            self.selector is None or self.selector.matches(message)
        )

    def _has_value(self, message: Message) -> bool:
        if self.values is None:
            return True
        if FILTER_VALUE.encode() not in message.properties:
            return self.unfiltered
        value = message.read().headers.get(FILTER_VALUE)
        return self.unfiltered if not isinstance(value, str) else value in self.values


def wanted_of(of: str, arguments: Mapping[str, Value]) -> Wanted | None:
    """Return what a consumer asks for; None: everything."""
    selector, asked = selector_of(of, arguments), arguments.get(FILTER)
    values: frozenset[str] | None = None
    if isinstance(asked, str):
        values = frozenset((asked,))
    elif isinstance(asked, (list, tuple)):
        values = frozenset(value for value in asked if isinstance(value, str))
    if values is None and selector is None:
        return None
    return Wanted(values, arguments.get(MATCH_UNFILTERED) is True, selector)


def check_consuming(of: str, arguments: Mapping[str, Value]) -> None:
    """Refuse arguments of a consumer that no stream knows or that make no sense."""
    check_consumer(of, STREAM, arguments)
    offset = arguments.get(OFFSET)
    if offset is None or _is_place(offset):
        return
    kind, shown = type_name(offset), offset
    if isinstance(offset, str):
        shown = f'<<"{offset}">>'
    elif isinstance(offset, bool):
        shown = str(offset).lower()
    raise PreconditionFailed(
        f"invalid arg '{OFFSET}' for {of}: {{invalid_stream_offset_arg,{{{kind},{shown}}}}}"
    )


def _is_place(offset: Value) -> bool:
    if offset in _WORDS or age_ms(offset) is not None:
        return True
    return type_name(offset) in _INTEGERS | {"timestamp"}


_WORDS = ("first", "last", "next", b"first", b"last", b"next")


def start_of(partition: Partition, offset: Value, now_ms: int) -> int:
    """Return where in a partition a consumer begins that said this; it may still be to come."""
    if isinstance(offset, bytes):
        offset = offset.decode()
    if offset is None or offset == "next":
        return partition.visible_end
    if offset == "first":
        return partition.start
    if offset == "last":
        return _last_batch(partition)
    if (age := age_ms(offset)) is not None:
        return _since(partition, now_ms - age)
    if type_name(offset) == "timestamp":
        return _since(partition, offset * 1000)
    return max(int(offset), partition.start)


def _last_batch(partition: Partition) -> int:
    """Return where the last batch begins: RabbitMQ goes by what was written at once, too."""
    end = partition.visible_end
    if end <= partition.start:
        return end
    headers = partition.log.headers(end - 1)
    return max(headers[0].base_offset, partition.start) if headers else end


def _since(partition: Partition, timestamp_ms: int) -> int:
    found = partition.log.offset_at(timestamp_ms)
    return partition.visible_end if found is None else min(found[0], partition.visible_end)
