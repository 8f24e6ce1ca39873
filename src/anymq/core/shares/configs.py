"""The configs of groups, under Kafka's names, and what they and the broker's mean together."""

from collections.abc import Callable, Iterable, Mapping

import msgspec

from anymq.core.catalog import Catalog, Then
from anymq.core.shares.starts import is_reset
from anymq.core.shares.words import LATEST, ShareSettings
from anymq.core.streams.broker_config import BrokerConfig
from anymq.core.streams.config_def import (
    ConfigDef,
    ConfigType,
    Source,
    Valid,
    at_least,
    between,
    by_name,
    one_of,
)
from anymq.core.streams.errors import InvalidConfig
from anymq.core.streams.topic_config import Change, Operation

KIND = "group-configs"
INT, STRING = ConfigType.INT, ConfigType.STRING

_RESET = Valid(
    lambda value: isinstance(value, str) and is_reset(value),
    "earliest, latest or by_duration:<duration as in ISO 8601, PnDTnHnMn.nS>",
)

# A group config, and the broker config that speaks where it is not set.
HEARTBEAT, SESSION = "share.heartbeat.interval.ms", "share.session.timeout.ms"
LOCK, ATTEMPTS = "share.record.lock.duration.ms", "share.delivery.count.limit"
LOCKS, RESET = "share.partition.max.record.locks", "share.auto.offset.reset"
_BROKERS = {name: f"group.{name}" for name in (HEARTBEAT, SESSION, LOCK, ATTEMPTS, LOCKS)}

GROUP_CONFIGS = by_name(
    [
        ConfigDef(
            name=HEARTBEAT,
            type=INT,
            default="5000",
            doc="How often members say that they live.",
            valid=between(1, 60_000),
        ),
        ConfigDef(
            name=SESSION,
            type=INT,
            default="45000",
            doc="When a silent member is given up.",
            valid=between(1000, 600_000),
        ),
        ConfigDef(
            name=LOCK,
            type=INT,
            default="30000",
            doc="How long a member may keep a message before another one gets it.",
            valid=between(1000, 3_600_000),
        ),
        ConfigDef(
            name=ATTEMPTS,
            type=INT,
            default="5",
            doc="How often a message of a topic is delivered before it is given up.",
            valid=between(1, 1000),
        ),
        ConfigDef(
            name=LOCKS,
            type=INT,
            default="2000",
            doc="How many messages of one partition may be out at once.",
            valid=between(1, 100_000),
        ),
        ConfigDef(
            name=RESET,
            type=STRING,
            default=LATEST,
            doc="Where the group begins in a topic that is new to it.",
            valid=_RESET,
        ),
        ConfigDef(
            name="share.isolation.level",
            type=STRING,
            default="read_uncommitted",
            doc="There are no transactions yet, so both read the same.",
            valid=one_of("read_committed", "read_uncommitted"),
        ),
        ConfigDef(
            name="share.renew.acknowledge.enable",
            type=ConfigType.BOOLEAN,
            default="true",
            doc="Whether members may keep a message for longer by asking.",
        ),
        ConfigDef(
            name="consumer.heartbeat.interval.ms",
            type=INT,
            default="5000",
            doc="Of the consumer protocol, which is not spoken yet: no effect.",
            valid=at_least(1),
            hidden=True,
        ),
    ]
)


class GroupConfigRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was set for one group, among the definitions. On disk: see catalog.py."""

    configs: dict[str, str] = {}


_DECODER = msgspec.json.Decoder(GroupConfigRecord)


class GroupConfigs:
    """What was set for groups, whether they are there or not."""

    def __init__(self, catalog: Catalog, broker_config: Callable[[], BrokerConfig]) -> None:
        self._catalog = catalog
        self._broker_config = broker_config
        self._by_group: dict[str, Mapping[str, str]] = {}
        self._settings: dict[str, ShareSettings] = {}  # as far as they were asked for
        self._made_of: BrokerConfig | None = None
        for key, record in catalog.records(f"{KIND}/", _DECODER):
            self._by_group[key.partition("/")[2]] = record.configs
        catalog.listen_to(KIND, self._changed)

    def of(self, group: str) -> Mapping[str, str]:
        """Return what was set for a group itself."""
        return self._by_group.get(group, {})

    def names(self) -> list[str]:
        """Return the groups for which something was set."""
        return sorted(self._by_group)

    def settings(self, group: str) -> ShareSettings:
        """Return the limits of a group."""
        config = self._broker_config()
        if config is not self._made_of:
            self._settings.clear()
            self._made_of = config
        name = group if group in self._by_group else ""  # most have nothing of their own
        found = self._settings.get(name)
        if found is None:
            found = self._settings[name] = self._made(name)
        return found

    def _made(self, group: str) -> ShareSettings:
        def number(name: str) -> int:
            return int(self.value(group, name)[0])

        config = self._broker_config()
        return ShareSettings(
            heartbeat_interval_ms=number(HEARTBEAT),
            session_timeout_ms=number(SESSION),
            lock_ms=number(LOCK),
            deliveries_max=number(ATTEMPTS),
            locks_max=number(LOCKS),
            members_max=int(config.value("group.share.max.size")),
            groups_max=int(config.value("group.share.max.groups")),
            reset=self.value(group, RESET)[0],
        )

    def value(self, group: str, name: str) -> tuple[str, Source]:
        """Return the value that holds, and where it comes from."""
        if name in self.of(group):
            return self.of(group)[name], Source.GROUP
        brokers = _BROKERS.get(name)
        config = self._broker_config()
        if brokers is not None:
            return config.value(brokers), config.source(brokers)
        return GROUP_CONFIGS[name].default, Source.DEFAULT

    def changed(self, group: str, changes: Iterable[Change]) -> dict[str, str]:
        """Return what is set for a group after these changes; refuse what cannot be."""
        values = dict(self.of(group))
        for change in changes:
            declared = GROUP_CONFIGS.get(change.name)
            if declared is None:
                raise InvalidConfig(f"Unknown group config name: {change.name}")
            if change.operation is Operation.DELETE:
                values.pop(change.name, None)
            elif change.operation is Operation.SET and change.value is not None:
                declared.parse(change.value)
                values[change.name] = change.value.strip()
            else:
                raise InvalidConfig(f"{change.name} can only be set or deleted")
        return values

    def put(self, group: str, values: Mapping[str, str], then: Then) -> None:
        """Set these for a group, and nothing else."""
        record = GroupConfigRecord(dict(values)) if values else None
        if record is None and group not in self._by_group:
            then(None)
        else:
            self._catalog.change({f"{KIND}/{group}": record}, then)

    def _changed(self, key: str, value: bytes | None) -> None:
        group = key.partition("/")[2]
        self._settings.clear()
        if value is None:
            self._by_group.pop(group, None)
        else:
            self._by_group[group] = _DECODER.decode(value).configs
