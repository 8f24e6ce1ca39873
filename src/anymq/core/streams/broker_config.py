"""The broker's own configs, under the names that Kafka's tools know.

Each topic config with a broker-wide default has it here (`retention.ms` ← `log.retention.hours`):
those can be changed while the broker runs. The others say how the broker was started: tools and
clients read them, nobody changes them over the wire.
"""

from collections.abc import Iterable, Mapping

from anymq.config.units import MINUTE_MS
from anymq.core.streams.config_def import (
    ConfigDef,
    ConfigType,
    Source,
    Synonym,
    Valid,
    at_least,
    between,
    by_name,
)
from anymq.core.streams.errors import InvalidConfig
from anymq.core.streams.group_calls import GroupSettings
from anymq.core.streams.topic_config import Change, Defaults, Operation
from anymq.core.streams.topic_configs import TOPIC_CONFIGS

INT, LONG = ConfigType.INT, ConfigType.LONG
BOOLEAN, STRING, LIST = ConfigType.BOOLEAN, ConfigType.STRING, ConfigType.LIST

UNSET = ""  # of a config that another one, in other units, speaks for

# name, type, default, what it is. Read-only: they say how this broker was started.
_FIXED: list[tuple[str, ConfigType, str, str]] = [
    ("advertised.listeners", LIST, "", "Where clients are told to connect."),
    ("auto.create.topics.enable", BOOLEAN, "true", "Make a topic when a client first asks for it."),
    ("broker.id", INT, "0", "This node's number."),
    ("broker.rack", STRING, "", "Where this node stands."),
    ("connections.max.idle.ms", LONG, "600000", "Close a connection that is silent so long."),
    ("default.replication.factor", INT, "1", "How many copies a new topic has."),
    ("delete.topic.enable", BOOLEAN, "true", "Whether topics can be deleted."),
    ("fetch.max.bytes", INT, "57671680", "The most that one fetch is answered with."),
    ("group.consumer.heartbeat.interval.ms", INT, "5000", "How often members report."),
    ("group.consumer.session.timeout.ms", INT, "45000", "When a silent member is given up."),
    ("group.initial.rebalance.delay.ms", INT, "0", "How long a new group waits for more members."),
    ("group.max.session.timeout.ms", INT, "1800000", "The longest session time-out of a member."),
    ("group.max.size", INT, "10000", "How many members one group may have."),
    ("group.min.session.timeout.ms", INT, "6000", "The shortest session time-out of a member."),
    ("listeners", LIST, "", "Where this node listens."),
    ("log.dir", STRING, "", "Where the data is."),
    ("log.dirs", STRING, "", "Where the data is."),
    ("log.retention.check.interval.ms", LONG, "30000", "How often old segments are looked for."),
    ("max.connections", INT, "2147483647", "How many connections there may be."),
    ("max.incremental.fetch.session.cache.slots", INT, "1000", "How many fetch sessions are kept."),
    ("node.id", INT, "0", "This node's number."),
    ("num.partitions", INT, "1", "How many partitions a topic gets that does not say."),
    ("offset.metadata.max.bytes", INT, "4096", "The longest note with a committed offset."),
    (
        "offsets.retention.check.interval.ms",
        LONG,
        "600000",
        "How often old offsets are looked for.",
    ),
    ("offsets.retention.minutes", INT, "10080", "How long an unused group's offsets are kept."),
    ("process.roles", LIST, "broker,controller", "A single node is both."),
    (
        "producer.id.expiration.ms",
        INT,
        "86400000",
        "When a silent idempotent producer is forgotten.",
    ),
    ("queued.max.requests", INT, "500", "How many requests one connection may have under way."),
    ("sasl.enabled.mechanisms", LIST, "", "How clients may authenticate."),
    ("socket.request.max.bytes", INT, "104857600", "The biggest request."),
    ("transaction.max.timeout.ms", INT, "900000", "The longest a transaction may stay open."),
    ("transactional.id.expiration.ms", INT, "604800000", "When a silent id is forgotten."),
]


# Of share groups; each may be changed while the broker runs. name, default, limits, what it is.
_SHARES: list[tuple[str, int, Valid, str]] = [
    (
        "group.share.heartbeat.interval.ms",
        5000,
        between(1, 60_000),
        "How often members of share groups say that they live.",
    ),
    (
        "group.share.session.timeout.ms",
        45_000,
        between(1000, 600_000),
        "When a silent member of a share group is given up.",
    ),
    (
        "group.share.record.lock.duration.ms",
        30_000,
        between(1000, 3_600_000),
        "How long a member of a share group may keep a message.",
    ),
    (
        "group.share.delivery.count.limit",
        5,
        between(1, 1000),
        "How often a message of a topic is delivered to a share group.",
    ),
    (
        "group.share.partition.max.record.locks",
        2000,
        between(1, 100_000),
        "How many messages of a partition one share group may have out at once.",
    ),
    ("group.share.max.size", 200, between(1, 10_000), "How many members a share group may have."),
    ("group.share.max.groups", 10_000, at_least(1), "How many share groups there may be."),
    (
        "group.share.max.share.sessions",
        2000,
        at_least(1),
        "How many members of share groups may fetch at a time.",
    ),
]


def _broker_defaults(topic_config: ConfigDef) -> Iterable[ConfigDef]:
    """The broker configs behind one topic config; the last one holds the default, as in Kafka."""
    last = len(topic_config.synonyms) - 1
    for position, synonym in enumerate(topic_config.synonyms):
        held = _divided(topic_config.default, synonym) if position == last else UNSET
        yield ConfigDef(
            name=synonym.name,
            type=topic_config.type,
            default=held,
            doc=f"The {topic_config.name} of topics that do not say. {topic_config.doc}",
            valid=topic_config.valid,
            importance=topic_config.importance,
        )


def _divided(text: str, synonym: Synonym) -> str:
    return text if synonym.factor == 1 else str(int(text) // synonym.factor)


def _share_configs() -> Iterable[ConfigDef]:
    for name, default, valid, doc in _SHARES:
        yield ConfigDef(name=name, type=INT, default=str(default), doc=doc, valid=valid)


def _fixed_configs() -> Iterable[ConfigDef]:
    for name, kind, default, doc in _FIXED:
        valid = at_least(1) if name == "num.partitions" else None
        yield ConfigDef(name=name, type=kind, default=default, doc=doc, valid=valid, read_only=True)


BROKER_CONFIGS = by_name(
    [
        *_fixed_configs(),
        *_share_configs(),
        *(one for config in TOPIC_CONFIGS.values() for one in _broker_defaults(config)),
    ]
)


class BrokerConfig:
    """What holds for the whole broker; immutable, replaced as a whole.

    Strongest first: changed for this node, changed for every node, given at the start, default.
    """

    def __init__(
        self,
        static: Mapping[str, str] | None = None,
        *,
        for_all: Mapping[str, str] | None = None,
        for_node: Mapping[str, str] | None = None,
    ) -> None:
        self.static = dict(static or {})
        self.for_all = dict(for_all or {})
        self.for_node = dict(for_node or {})
        self.topic_defaults = Defaults(dict(self._defaults()))

    def value(self, name: str) -> str:
        """Return the value that holds, as text."""
        return self._find(name)[0]

    def source(self, name: str) -> Source:
        """Return where that value comes from."""
        return self._find(name)[1]

    def _find(self, name: str) -> tuple[str, Source]:
        for values, source in (
            (self.for_node, Source.DYNAMIC_BROKER),
            (self.for_all, Source.DYNAMIC_DEFAULT_BROKER),
            (self.static, Source.STATIC_BROKER),
        ):
            if name in values:
                return values[name], source
        return broker_config_def(name).default, Source.DEFAULT

    def _defaults(self) -> Iterable[tuple[str, tuple[str, Source]]]:
        for config in TOPIC_CONFIGS.values():
            for synonym in config.synonyms:
                text, source = self._find(synonym.name)
                if source is not Source.DEFAULT and text != UNSET:
                    yield config.name, (_multiplied(text, synonym), source)
                    break


def broker_config_def(name: str) -> ConfigDef:
    """Return the declaration of a broker config; InvalidConfig when there is none."""
    try:
        return BROKER_CONFIGS[name]
    except KeyError:
        raise InvalidConfig(f"Unknown broker config name: {name}") from None


def group_settings(config: BrokerConfig) -> GroupSettings:
    """Return what groups are told."""

    def number(name: str) -> int:
        return int(config.value(name))

    return GroupSettings(
        session_timeout_ms_min=number("group.min.session.timeout.ms"),
        session_timeout_ms_max=number("group.max.session.timeout.ms"),
        initial_rebalance_delay_ms=number("group.initial.rebalance.delay.ms"),
        members_max=number("group.max.size"),
        offset_metadata_max=number("offset.metadata.max.bytes"),
        offsets_retention_ms=number("offsets.retention.minutes") * MINUTE_MS,
        offsets_check_ms=number("offsets.retention.check.interval.ms"),
    )


def check_static(values: Mapping[str, str]) -> None:
    """Refuse a configuration to start with that makes no sense."""
    for name, value in values.items():
        if value != UNSET:
            broker_config_def(name).parse(value)
    BrokerConfig(values)


def changed(before: Mapping[str, str], changes: Iterable[Change]) -> dict[str, str]:
    """Return dynamic values after these changes; InvalidConfig when they cannot be."""
    values = dict(before)
    for change in changes:
        config = broker_config_def(change.name)
        if config.read_only:
            raise InvalidConfig(f"Cannot update these configs dynamically: {change.name}")
        if change.operation is Operation.DELETE:
            values.pop(change.name, None)
        elif change.operation is Operation.SET and change.value is not None:
            config.parse(change.value)
            values[change.name] = change.value.strip()
        else:
            raise InvalidConfig(f"{change.name} can only be set or deleted")
    return values


def _multiplied(text: str, synonym: Synonym) -> str:
    """-1 hours are no limit, not minus an hour."""
    return text if synonym.factor == 1 or int(text) < 0 else str(int(text) * synonym.factor)
