"""`anymq kafka-configs`: as kafka-configs.sh, for topics, brokers, groups and the like."""

import argparse
import re
from collections.abc import Sequence

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin import groups
from anymq.cli.kafka.admin.configs import Config, Kind, Source, alter, describe
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.properties import load_properties
from anymq.cli.kafka_tools.flags import add_common, connect

KINDS = {
    "topics": Kind.TOPIC,
    "brokers": Kind.BROKER,
    "broker-loggers": Kind.BROKER_LOGGER,
    "client-metrics": Kind.CLIENT_METRICS,
    "groups": Kind.GROUP,
}
ELSEWHERE = ("users", "clients", "ips")
DYNAMIC = {
    Kind.TOPIC: Source.DYNAMIC_TOPIC_CONFIG,
    Kind.BROKER: Source.DYNAMIC_BROKER_CONFIG,
    Kind.CLIENT_METRICS: Source.DYNAMIC_CLIENT_METRICS_CONFIG,
    Kind.GROUP: Source.DYNAMIC_GROUP_CONFIG,
}
DEFAULT_NAME = ""  # the default of all brokers
# Short forms: --topic NAME and so on.
SHORT = {"topic": "topics", "broker": "brokers", "broker-logger": "broker-loggers"}
SHORT |= {"client-metrics": "client-metrics", "group": "groups"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    one = parser.add_mutually_exclusive_group(required=True).add_argument
    one("--describe", action="store_true", help="list configs")
    one("--alter", action="store_true", help="change configs")
    add = parser.add_argument
    kinds = (*KINDS, *ELSEWHERE)
    add("--entity-type", choices=kinds, help="what has the configs")
    add("--entity-name", metavar="NAME", help="its name: a topic, the id of a broker …")
    add("--entity-default", action="store_true", help="the default of all brokers")
    for flag, kind in SHORT.items():
        add(f"--{flag}", metavar="NAME", help=f"short for --entity-type {kind} --entity-name NAME")
    add("--broker-defaults", action="store_true", help="the default of all brokers")
    add("--all", action="store_true", help="describe all configs, not only those that were set")
    add("--add-config", metavar="K1=V1,K2=[V2,V3]", help="set these")
    add("--add-config-file", metavar="FILE", help="set what is in this property file")
    add("--delete-config", metavar="K1,K2", help="take these to their defaults")


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    kind_name, name = _entity(arguments)
    if kind_name in ELSEWHERE:
        raise CommandFailed(f"configs of {kind_name} are not kept by this broker yet")
    kind = KINDS[kind_name]
    with connect(arguments) as cluster:
        if arguments.alter:
            if name is None:
                raise CommandFailed("An entity name must be specified for every entity type")
            _alter(cluster, kind, name, arguments)
            _print_altered(kind_name, name)
        else:
            _describe(cluster, kind, kind_name, name, arguments.all)
    return 0


def _entity(arguments: argparse.Namespace) -> tuple[str, str | None]:
    """Return the kind and the name; no name means all of them."""
    for flag, kind in SHORT.items():
        given: str | None = getattr(arguments, flag.replace("-", "_"))
        if given is not None:
            return kind, given
    if arguments.broker_defaults:
        return "brokers", DEFAULT_NAME
    if arguments.entity_type is None:
        raise CommandFailed("At least one entity type must be specified with --entity-type")
    return (
        arguments.entity_type,
        DEFAULT_NAME if arguments.entity_default else arguments.entity_name,
    )


def _alter(cluster: Cluster, kind: Kind, name: str, arguments: argparse.Namespace) -> None:
    changes: dict[str, str | None] = {}
    if arguments.add_config_file:
        changes |= load_properties(arguments.add_config_file)
    changes |= parse_configs(arguments.add_config or "")
    removed = [each.strip() for each in (arguments.delete_config or "").split(",") if each.strip()]
    if not changes and not removed:
        raise CommandFailed("one of --add-config, --add-config-file, --delete-config is needed")
    alter(cluster, kind, name, changes | dict.fromkeys(removed))


def parse_configs(text: str) -> dict[str, str]:
    """Read "k1=v1,k2=[v2,v3]": commas in brackets belong to the value."""
    found = {}
    for word in filter(None, re.split(r",(?=[^\]]*(?:\[|$))", text)):
        key, separator, value = word.partition("=")
        if not separator:
            raise CommandFailed(
                "Invalid entity config: all configs to be added must be in the format"
                ' "key=val" or "key=[val1,val2]"'
            )
        if not re.fullmatch(r"[a-zA-Z0-9._-]*", key.strip()):
            raise CommandFailed(f"Invalid character found for config key: {key.strip()}")
        found[key.strip()] = re.sub(r"[\[\]]", "", value).strip()
    return found


def _print_altered(kind: str, name: str) -> None:
    if name == DEFAULT_NAME:
        print(f"Completed updating default config for {kind} in the cluster.")
    else:
        print(f"Completed updating config for {singular(kind)} {name}.")


def _describe(cluster: Cluster, kind: Kind, kind_name: str, name: str | None, all_: bool) -> None:
    for each in [name] if name is not None else _names(cluster, kind):
        if kind is Kind.TOPIC and each not in cluster.metadata([each]).topics:
            print(f"The topic '{each}' doesn't exist and doesn't have dynamic config.")
            continue
        if each == DEFAULT_NAME:
            print(f"Default configs for {kind_name} in the cluster are:")
        else:
            print(f"{'All' if all_ else 'Dynamic'} configs for {singular(kind_name)} {each} are:")
        for config in describe(cluster, kind, [each], synonyms=True)[each]:
            if all_ or config.source == _dynamic(kind, each):
                print(config_line(config))


def _dynamic(kind: Kind, name: str) -> int | None:
    if kind is Kind.BROKER and name == DEFAULT_NAME:
        return Source.DYNAMIC_DEFAULT_BROKER_CONFIG
    return DYNAMIC.get(kind, Source.DYNAMIC_BROKER_LOGGER_CONFIG)


def _names(cluster: Cluster, kind: Kind) -> Sequence[str]:
    if kind is Kind.TOPIC:
        return sorted(cluster.metadata().topics)
    if kind in (Kind.BROKER, Kind.BROKER_LOGGER):
        return [*map(str, cluster.metadata([]).nodes), DEFAULT_NAME]
    if kind is Kind.GROUP:
        return [group.id for group in groups.listing(cluster)]
    return []


def singular(kind: str) -> str:
    """Say "topic" for "topics"."""
    return kind.removesuffix("s")


def config_line(config: Config) -> str:
    """Write one config."""
    synonyms = ", ".join(
        f"{Source(each.source).name}:{each.name}={_value(each.value)}" for each in config.synonyms
    )
    sensitive = str(config.sensitive).lower()
    value = _value(config.value)
    return f"  {config.name}={value} sensitive={sensitive} synonyms={{{synonyms}}}"


def _value(value: str | None) -> str:
    return "null" if value is None else value
