"""What the value of a parameter says of a shovel, checked as RabbitMQ does, in its words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from anymq.core.errors import Invalid
from anymq.core.policies.checks import failed
from anymq.core.policies.terms import pairs, term
from anymq.protocols.mqtt.topics import check_filter, check_name
from anymq.shovels.uris import (
    URIS_MAX,
    AmqpUri,
    KafkaUri,
    MqttUri,
    WrongUri,
    amqp_uri,
    kafka_uri,
    mqtt_uri,
)

COMPONENT = "shovel"
AMQP = "amqp091"
LOCAL = "local"
KAFKA = "kafka"
MQTT = "mqtt"
PROTOCOLS = (AMQP, KAFKA, LOCAL, MQTT)
ON_CONFIRM = "on-confirm"
ON_PUBLISH = "on-publish"
NO_ACK = "no-ack"
ACK_MODES = (NO_ACK, ON_PUBLISH, ON_CONFIRM)
NEVER = "never"
QUEUE_LENGTH = "queue-length"
EARLIEST = "earliest"
LATEST = "latest"

PREFETCH = 1000
PREFETCH_MAX = 10_000
RECONNECT_SECONDS = 5.0
RECONNECT_SECONDS_MAX = 24 * 3600.0
NAME_CHARS_MAX = 255
FILTERS_MAX = 100  # of a source of MQTT

Value = Mapping[str, Any]
Check = Callable[[str, Any], str]  # what is wrong with it; empty: nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What both ends have."""

    protocol: str
    amqp: tuple[AmqpUri, ...] = ()
    kafka: tuple[KafkaUri, ...] = ()
    mqtt: tuple[MqttUri, ...] = ()
    queue: str = ""
    exchange: str | None = None
    key: str | None = None
    queue_args: Value = field(default_factory=dict)
    predeclared: bool = False
    topic: str = ""
    qos: int = 1
    client_id: str = ""  # empty: one is made of the shovel's name
    strip_prefix: str = ""  # of topics, what goes, and then what comes
    add_prefix: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The URIs without secrets."""
        uris: tuple[AmqpUri | KafkaUri | MqttUri, ...] = (*self.amqp, *self.kafka, *self.mqtt)
        return tuple(one.shown for one in uris)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEnd(End):
    """Where messages come from."""

    prefetch: int = PREFETCH
    consumer_args: Value = field(default_factory=dict)
    consumer_name: str = ""
    delete_after: int | str = NEVER
    group: str = ""
    offset: str = EARLIEST  # where there is nothing committed
    topics: tuple[str, ...] = ()  # filters of MQTT


@dataclass(frozen=True, slots=True, kw_only=True)
class DestEnd(End):
    """Where messages go."""

    forward_headers: bool = False
    timestamp_header: bool = False
    properties: Value = field(default_factory=dict)
    retain: bool | None = None  # None: as it was published


@dataclass(frozen=True, slots=True)
class Definition:
    """One shovel."""

    source: SourceEnd
    dest: DestEnd
    ack_mode: str
    reconnect_s: float  # 0: never again


def parse(name: str, value: Any) -> Definition:
    """Return what a value says; Invalid when it makes no sense."""
    if not isinstance(value, Mapping):
        raise failed([f"{name} should be a map, actually was {term(value)}"])
    if errors := _wrong(name, value):
        raise failed(errors)
    try:
        return _parsed(value)
    except WrongUri as error:
        raise Invalid(f"Validation failed\n\n{name}: a URI is wrong: {error}\n") from None


def _parsed(value: Value) -> Definition:
    return Definition(
        source=_source(value),
        dest=_dest(value),
        ack_mode=value.get("ack-mode", ON_CONFIRM),
        reconnect_s=min(value.get("reconnect-delay", RECONNECT_SECONDS), RECONNECT_SECONDS_MAX),
    )


def _source(value: Value) -> SourceEnd:
    prefetch = value.get("src-prefetch-count", value.get("prefetch-count", PREFETCH))
    exchange = value.get("src-exchange")
    topic = value.get("src-topic", "")
    topics = (topic,) if isinstance(topic, str) else tuple(topic)
    return SourceEnd(
        protocol=_protocol(value, "src"),
        **_uris(value, "src"),
        **_of_mqtt(value, "src"),
        queue=value.get("src-queue", ""),
        exchange=exchange,
        key=value.get("src-exchange-key", "" if exchange is not None else None),
        queue_args=value.get("src-queue-args", {}),
        predeclared=value.get("src-predeclared", False),
        topic=topics[0],
        topics=topics,
        prefetch=min(int(prefetch), PREFETCH_MAX) or PREFETCH_MAX,
        consumer_args=value.get("src-consumer-args", {}),
        consumer_name=value.get("src-consumer-name", ""),
        delete_after=value.get("src-delete-after", value.get("delete-after", NEVER)),
        group=value.get("src-group", ""),
        offset=value.get("src-offset", EARLIEST),
    )


def _dest(value: Value) -> DestEnd:
    def either(name: str, default: Any) -> Any:
        return value.get(f"dest-{name}", value.get(name, default))

    return DestEnd(
        protocol=_protocol(value, "dest"),
        **_uris(value, "dest"),
        **_of_mqtt(value, "dest"),
        retain=value.get("dest-retain"),
        queue=value.get("dest-queue", ""),
        exchange=value.get("dest-exchange"),
        key=value.get("dest-exchange-key"),
        queue_args=value.get("dest-queue-args", {}),
        predeclared=value.get("dest-predeclared", False),
        topic=value.get("dest-topic", ""),
        forward_headers=either("add-forward-headers", False),
        timestamp_header=either("add-timestamp-header", False),
        properties=either("publish-properties", {}),
    )


def _protocol(value: Value, side: str) -> str:
    protocol = value.get(f"{side}-protocol", AMQP)
    return protocol if protocol in PROTOCOLS else AMQP


def _uris(value: Value, side: str) -> dict[str, Any]:
    said = value.get(f"{side}-uri", [])
    uris = [said] if isinstance(said, str) else said
    if _protocol(value, side) == KAFKA:
        return {"kafka": tuple(map(kafka_uri, uris))}
    if _protocol(value, side) == MQTT:
        return {"mqtt": tuple(map(mqtt_uri, uris))}
    read = tuple(map(amqp_uri, uris))
    if _protocol(value, side) == LOCAL and any(one.address for one in read):
        raise WrongUri("a local end has no host")
    return {"amqp": read}


def _of_mqtt(value: Value, side: str) -> dict[str, Any]:
    return {
        "qos": value.get(f"{side}-qos", 1),
        "client_id": value.get(f"{side}-client-id", ""),
        "strip_prefix": value.get(f"{side}-strip-prefix", ""),
        "add_prefix": value.get(f"{side}-add-prefix", ""),
    }


# Checks


def _wrong(name: str, value: Value) -> list[str]:
    known = _keys(value)
    errors = [*_about_source(value), *_about_dest(value)]
    errors += [
        f'Key "{key}" not found in {name}'
        for key in ("src-uri", "dest-uri")
        if key not in value and _protocol(value, key.partition("-")[0]) != LOCAL
    ]
    wrong = (known[key](key, each) for key, each in value.items() if key in known)
    errors += [error for error in wrong if error]
    if strange := {key: each for key, each in value.items() if key not in known}:
        errors.append(f"Unrecognised terms {pairs(strange)} in {name}")
    return errors


def _keys(value: Value) -> Mapping[str, Check]:
    of_source = _OF_SOURCE.get(_protocol(value, "src"), _SOURCE)
    of_dest = _OF_DEST.get(_protocol(value, "dest"), _DEST)
    return {**_BOTH, **of_source, **of_dest}


def _about_source(value: Value) -> list[str]:
    errors: list[str] = []
    if _protocol(value, "src") == KAFKA:
        errors += [
            f"Must specify '{key}'" for key in ("src-topic", "src-group") if not value.get(key)
        ]
    elif _protocol(value, "src") == MQTT:
        errors += [] if value.get("src-topic") else ["Must specify 'src-topic'"]
    else:
        given = [key for key in ("src-exchange", "src-queue") if key in value]
        if not given:
            errors.append("Must specify 'src-exchange' or 'src-queue'")
        if len(given) > 1:
            errors.append("Cannot specify 'src-exchange' and 'src-queue'")
    after = value.get("src-delete-after", value.get("delete-after"))
    if isinstance(after, int) and value.get("ack-mode") == NO_ACK:
        errors.append("Cannot specify 'no-ack' and numerical 'delete-after'")
    return errors


def _about_dest(value: Value) -> list[str]:
    if _protocol(value, "dest") == MQTT:
        return []
    if _protocol(value, "dest") == KAFKA:
        return [] if value.get("dest-topic") else ["Must specify 'dest-topic'"]
    if "dest-exchange" in value and "dest-queue" in value:
        return ["Cannot specify 'dest-exchange' and 'dest-queue'"]
    return []


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        return f"{key} should be binary, actually was {term(value)}"
    too_long = len(value) > NAME_CHARS_MAX
    return f"{key} should have at most {NAME_CHARS_MAX} characters" if too_long else ""


def _boolean(key: str, value: Any) -> str:
    return "" if isinstance(value, bool) else f"{key} should be boolean, actually was {term(value)}"


def _number(key: str, value: Any) -> str:
    good = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return "" if good else f"{key} should be a number, actually was {term(value)}"


def _table(key: str, value: Any) -> str:
    return (
        "" if isinstance(value, Mapping) else f"{key} should be a map, actually was {term(value)}"
    )


def _one_of(*words: str) -> Check:
    def check(key: str, value: Any) -> str:
        if value in words:
            return ""
        listed = "[" + ",".join(f"'{word}'" for word in words) + "]"
        return f"{key} should be one of {listed}, actually was {term(value)}"

    return check


def _uri(key: str, value: Any) -> str:
    """Say nothing of the value itself: there may be a password in it."""
    uris = value if isinstance(value, list) else [value]
    if uris and len(uris) <= URIS_MAX and all(isinstance(one, str) for one in uris):
        return ""
    return f"{key} should be a URI, or a list of up to {URIS_MAX}"


def _delete_after(key: str, value: Any) -> str:
    if value in (NEVER, QUEUE_LENGTH):
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return ""
    wanted = 'a number greater than or equal to 0, "never" or "queue-length"'
    return f"{key} should be {wanted}, actually was {term(value)}"


def _qos(key: str, value: Any) -> str:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2
    return "" if good else f"{key} should be 0, 1 or 2, actually was {term(value)}"


def _topic(key: str, value: Any) -> str:
    if error := _text(key, value):
        return error
    try:
        check_name(value)
    except Invalid as error:
        return f"{key}: {error}"
    return ""


def _prefix(key: str, value: Any) -> str:
    return _topic(key, value) if value else _text(key, value)


def _filters(key: str, value: Any) -> str:
    filters = value if isinstance(value, list) else [value]
    if not 1 <= len(filters) <= FILTERS_MAX or not all(isinstance(one, str) for one in filters):
        return f"{key} should be a filter of MQTT, or a list of up to {FILTERS_MAX}"
    try:
        for one in filters:
            check_filter(one)
    except Invalid as error:
        return f"{key}: {error}"
    return ""


def _properties(key: str, value: Any) -> str:
    if error := _table(key, value):
        return error
    if strange := {each: value[each] for each in value if each not in PROPERTIES}:
        return f"Unrecognised terms {pairs(strange)} in {key}"
    wrong = [each for each, kind in PROPERTIES.items() if not _is(value.get(each), kind)]
    return f"{', '.join(wrong)} in {key} should be something else" if wrong else ""


def _is(value: Any, kind: type) -> bool:
    return value is None or (isinstance(value, kind) and not isinstance(value, bool))


PROPERTIES: Mapping[str, type] = {
    "content_type": str,
    "content_encoding": str,
    "headers": Mapping,
    "delivery_mode": int,
    "priority": int,
    "correlation_id": str,
    "reply_to": str,
    "expiration": str,
    "message_id": str,
    "timestamp": int,
    "type": str,
    "user_id": str,
    "app_id": str,
    "cluster_id": str,
}
_BOTH: Mapping[str, Check] = {
    "reconnect-delay": _number,
    "ack-mode": _one_of(*ACK_MODES),
    "src-protocol": _one_of(*PROTOCOLS),
    "dest-protocol": _one_of(*PROTOCOLS),
    "src-uri": _uri,
    "dest-uri": _uri,
    "prefetch-count": _number,
    "src-prefetch-count": _number,
    "delete-after": _delete_after,
    "src-delete-after": _delete_after,
    "add-forward-headers": _boolean,
    "add-timestamp-header": _boolean,
    "dest-add-forward-headers": _boolean,
    "dest-add-timestamp-header": _boolean,
    "publish-properties": _properties,
    "dest-publish-properties": _properties,
}
_SOURCE: Mapping[str, Check] = {
    "src-exchange": _text,
    "src-exchange-key": _text,
    "src-queue": _text,
    "src-queue-args": _table,
    "src-consumer-args": _table,
    "src-consumer-name": _text,
    "src-predeclared": _boolean,
}
_DEST: Mapping[str, Check] = {
    "dest-exchange": _text,
    "dest-exchange-key": _text,
    "dest-queue": _text,
    "dest-queue-args": _table,
    "dest-predeclared": _boolean,
}
_KAFKA_SOURCE: Mapping[str, Check] = {
    "src-topic": _text,
    "src-group": _text,
    "src-offset": _one_of(EARLIEST, LATEST),
}
_KAFKA_DEST: Mapping[str, Check] = {"dest-topic": _text}
_MQTT_SOURCE: Mapping[str, Check] = {
    "src-topic": _filters,
    "src-qos": _qos,
    "src-client-id": _text,
    "src-strip-prefix": _prefix,
    "src-add-prefix": _prefix,
}
_MQTT_DEST: Mapping[str, Check] = {
    "dest-topic": _topic,
    "dest-qos": _qos,
    "dest-client-id": _text,
    "dest-strip-prefix": _prefix,
    "dest-add-prefix": _prefix,
    "dest-retain": _boolean,
}
_OF_SOURCE = {KAFKA: _KAFKA_SOURCE, MQTT: _MQTT_SOURCE}
_OF_DEST = {KAFKA: _KAFKA_DEST, MQTT: _MQTT_DEST}
