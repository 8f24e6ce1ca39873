"""TopicConfig: what one topic is told, as text for people and as numbers for the hot path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from anymq.core.streams.config_def import (
    LONG_MAX,
    ConfigDef,
    ConfigType,
    ConfigValue,
    Source,
    split_list,
)
from anymq.core.streams.errors import InvalidConfig
from anymq.core.streams.topic_configs import TOPIC_CONFIGS
from anymq.storage.log import Durability, LogConfig

CONFIG_LENGTH_MAX = 32_767  # of one value: definitions stay small


COMPRESSIONS = {"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
_LEVELS = {"gzip": "compression.gzip.level", "lz4": "compression.lz4.level"}
_LEVELS["zstd"] = "compression.zstd.level"


class Defaults:
    """What a topic has that says nothing, and where it comes from. Parsed once for all topics."""

    def __init__(self, given: Mapping[str, tuple[str, Source]] | None = None) -> None:
        given = given or {}
        self.texts = {
            name: given.get(name, (config.default, Source.DEFAULT))
            for name, config in TOPIC_CONFIGS.items()
        }
        self.values = {
            name: TOPIC_CONFIGS[name].parse(text) for name, (text, _) in self.texts.items()
        }
        _check_together(self.values)


class Operation(IntEnum):
    """How to change one config; the numbers are those of IncrementalAlterConfigs."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one config."""

    name: str
    operation: Operation
    value: str | None = None


class TopicConfig:
    """The effective config of one topic; immutable, replaced as a whole."""

    __slots__ = (
        "_defaults",
        "_policy",
        "compact",
        "compression",
        "compression_level",
        "deletable",
        "keeps_as_sent",
        "log",
        "log_append_time",
        "max_decompressed_bytes",
        "max_message_bytes",
        "overrides",
        "timestamp_after_max_ms",
        "timestamp_before_max_ms",
    )

    def __init__(
        self,
        overrides: Mapping[str, str],
        defaults: Defaults | None = None,
        policy: Mapping[str, str] | None = None,
    ) -> None:
        """`overrides` are the topic's own; what a policy says comes before them."""
        defaults = defaults or KAFKA_DEFAULTS
        self.overrides = dict(overrides)
        self._policy = policy or {}
        self._defaults = defaults
        values = _parsed({**self.overrides, **self._policy}, defaults)
        _check_together(values)
        self.max_message_bytes = _int(values, "max.message.bytes")
        self.max_decompressed_bytes = _int(values, "max.decompressed.message.bytes")
        self.log_append_time = values["message.timestamp.type"] == "LogAppendTime"
        self.timestamp_before_max_ms = _int(values, "message.timestamp.before.max.ms")
        self.timestamp_after_max_ms = _int(values, "message.timestamp.after.max.ms")
        compression = str(values["compression.type"])
        # None: as the producer has it.
        self.compression = COMPRESSIONS.get(compression)
        self.compression_level = _level(values, compression)
        self.log = _log_config(values)
        self.compact = self.log.compact
        self.deletable = self.log.delete
        self.keeps_as_sent = not (
            self.compact or self.log_append_time or self.compression is not None
        )

    def value(self, name: str) -> str:
        """Return the value that holds, as text."""
        if name in self._policy:
            return self._policy[name]
        return self.overrides[name] if name in self.overrides else self._defaults.texts[name][0]

    def source(self, name: str) -> Source:
        """Return where that value comes from. Kafka knows no policies; they are the operator's."""
        if name in self._policy:
            return Source.DYNAMIC_DEFAULT_BROKER
        return Source.TOPIC if name in self.overrides else self._defaults.texts[name][1]

    def default(self, name: str) -> tuple[str, Source]:
        """Return what would hold if the topic said nothing."""
        return self._defaults.texts[name]

    def replace(self, overrides: Mapping[str, str]) -> "TopicConfig":
        """Return this config with other overrides."""
        return TopicConfig(overrides, self._defaults, self._policy)

    def changed(self, changes: Iterable[Change]) -> dict[str, str]:
        """Return the overrides after these changes; InvalidConfig when they make no sense."""
        overrides = dict(self.overrides)
        for change in changes:
            _apply(change, overrides, self._defaults)
        return overrides


def config_def(name: str) -> ConfigDef:
    """Return the declaration of a topic config; InvalidConfig when there is none."""
    try:
        return TOPIC_CONFIGS[name]
    except KeyError:
        raise InvalidConfig(f"Unknown topic config name: {name}") from None


def check_overrides(overrides: Mapping[str, str | None]) -> dict[str, str]:
    """Return what a client wants a topic to have, if it makes sense; a missing value is refused."""
    checked = {}
    for name, value in overrides.items():
        config = config_def(name)
        checked[name] = _checked_value(config, value)
    return checked


def _checked_value(config: ConfigDef, value: str | None) -> str:
    if value is None:
        raise InvalidConfig(f"Null value not supported for topic configs: {config.name}")
    if len(value) > CONFIG_LENGTH_MAX:
        raise InvalidConfig(f"The value of {config.name} is longer than {CONFIG_LENGTH_MAX}")
    config.parse(value)
    return value.strip()


def _apply(change: Change, overrides: dict[str, str], defaults: Defaults) -> None:
    config = config_def(change.name)
    match change.operation:
        case Operation.SET:
            overrides[config.name] = _checked_value(config, change.value)
        case Operation.DELETE:
            overrides.pop(config.name, None)
        case Operation.APPEND | Operation.SUBTRACT:
            before = overrides.get(config.name, defaults.texts[config.name][0])
            overrides[config.name] = _changed_list(config, change, before)


def _changed_list(config: ConfigDef, change: Change, before: str) -> str:
    if config.type is not ConfigType.LIST:
        raise InvalidConfig(
            f"Config value {change.operation.name} is not allowed for config key: {config.name}"
        )
    given = split_list(_checked_value(config, change.value))
    items = split_list(before)
    if change.operation is Operation.APPEND:
        return ",".join(dict.fromkeys(items + given))
    return ",".join(item for item in items if item not in given)


def _parsed(overrides: Mapping[str, str], defaults: Defaults) -> dict[str, ConfigValue]:
    values = dict(defaults.values)
    for name, text in overrides.items():
        values[name] = config_def(name).parse(text)
    return values


def _check_together(values: Mapping[str, ConfigValue]) -> None:
    least = _int(values, "min.compaction.lag.ms")
    most = _int(values, "max.compaction.lag.ms")
    if least > most:
        raise InvalidConfig(
            f"conflict topic config setting min.compaction.lag.ms ({least}) > "
            f"max.compaction.lag.ms ({most})"
        )


def _log_config(values: Mapping[str, ConfigValue]) -> LogConfig:
    policies = values["cleanup.policy"]
    ratio = values["min.cleanable.dirty.ratio"]
    assert isinstance(policies, tuple)
    assert isinstance(ratio, float)
    compact = "compact" in policies
    return LogConfig(
        segment_bytes=_int(values, "internal.segment.bytes") or _int(values, "segment.bytes"),
        segment_ms=_segment_ms(values, compact=compact),
        index_interval_bytes=_int(values, "index.interval.bytes"),
        retention_ms=_int(values, "retention.ms"),
        retention_bytes=_int(values, "retention.bytes"),
        delete="delete" in policies,
        compact=compact,
        delete_retention_ms=_int(values, "delete.retention.ms"),
        min_compaction_lag_ms=_int(values, "min.compaction.lag.ms"),
        max_compaction_lag_ms=_int(values, "max.compaction.lag.ms"),
        min_cleanable_dirty_ratio=ratio,
        durability=Durability(values["anymq.durability"]),
    )


def _segment_ms(values: Mapping[str, ConfigValue], *, compact: bool) -> int:
    # The open segment is never compacted, so it must close before its records are due for it.
    lag = _int(values, "max.compaction.lag.ms") if compact else LONG_MAX
    return min(_int(values, "segment.ms"), lag)


def _level(values: Mapping[str, ConfigValue], compression: str) -> int | None:
    return _int(values, _LEVELS[compression]) if compression in _LEVELS else None


def _int(values: Mapping[str, ConfigValue], name: str) -> int:
    value = values[name]
    assert isinstance(value, int)
    return value


KAFKA_DEFAULTS = Defaults()
