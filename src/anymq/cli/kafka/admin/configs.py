"""Configs of topics, brokers and the like: describe, alter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.errors import check
from anymq.protocols.kafka.schema.generated import describe_configs, incremental_alter_configs


class Kind(IntEnum):
    """What has configs."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class Source(IntEnum):
    """Where a value comes from."""

    DYNAMIC_TOPIC_CONFIG = 1
    DYNAMIC_BROKER_CONFIG = 2
    DYNAMIC_DEFAULT_BROKER_CONFIG = 3
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5
    DYNAMIC_BROKER_LOGGER_CONFIG = 6
    DYNAMIC_CLIENT_METRICS_CONFIG = 7
    DYNAMIC_GROUP_CONFIG = 8


SET, DELETE = 0, 1
_PER_BROKER = (Kind.BROKER, Kind.BROKER_LOGGER)


@dataclass(frozen=True, slots=True)
class Synonym:
    """One of the places where a value may come from."""

    name: str
    value: str | None
    source: int


@dataclass(frozen=True, slots=True)
class Config:
    """One config of one thing."""

    name: str
    value: str | None
    source: int
    sensitive: bool
    read_only: bool
    synonyms: Sequence[Synonym] = ()

    @property
    def is_default(self) -> bool:
        """Has nobody set it?"""
        return self.source == Source.DEFAULT_CONFIG


def describe(
    cluster: Cluster, kind: Kind, names: Sequence[str], *, synonyms: bool = False
) -> dict[str, list[Config]]:
    """Return all configs of these things."""
    found: dict[str, list[Config]] = {}
    for node_id, group in _by_node(kind, names).items():
        resources = [describe_configs.DescribeConfigsResource(kind, name) for name in group]
        request = describe_configs.DescribeConfigsRequest(resources, synonyms)
        for each in cluster.ask(describe_configs, request, node_id).results:
            check(each.error_code, each.error_message)
            found[each.resource_name] = [_config(one) for one in each.configs]
    return found


def _config(each: describe_configs.DescribeConfigsResourceResult) -> Config:
    return Config(
        each.name,
        each.value,
        each.config_source,
        each.is_sensitive,
        each.read_only,
        [Synonym(one.name, one.value, one.source) for one in each.synonyms],
    )


def alter(cluster: Cluster, kind: Kind, name: str, changes: Mapping[str, str | None]) -> None:
    """Set configs; None takes one back to its default."""
    configs = [
        incremental_alter_configs.AlterableConfig(key, DELETE if value is None else SET, value)
        for key, value in changes.items()
    ]
    resource = incremental_alter_configs.AlterConfigsResource(kind, name, configs)
    request = incremental_alter_configs.IncrementalAlterConfigsRequest([resource])
    (node_id,) = _by_node(kind, [name])
    if node_id is None:
        answer = cluster.ask_controller(incremental_alter_configs, request)
    else:
        answer = cluster.ask(incremental_alter_configs, request, node_id)
    for each in answer.responses:
        check(each.error_code, each.error_message)


def _by_node(kind: Kind, names: Sequence[str]) -> dict[int | None, list[str]]:
    """Only a broker itself knows its own configs; "" is the default of all."""
    grouped: dict[int | None, list[str]] = {}
    for name in names:
        node_id = int(name) if kind in _PER_BROKER and name.isdecimal() else None
        grouped.setdefault(node_id, []).append(name)
    return grouped
