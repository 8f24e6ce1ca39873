"""`anymq topics`: list, describe, create, alter, delete."""

import argparse
from collections.abc import Sequence

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin import configs
from anymq.cli.kafka.admin import topics as admin
from anymq.cli.kafka.cluster import Cluster, TopicInfo
from anymq.cli.kafka.connecting import add_connection_flags, connect
from anymq.cli.kafka.offsets import EARLIEST, LATEST, offsets_at
from anymq.cli.kafka.properties import pairs
from anymq.cli.output import print_json, print_table


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    action = actions.add_parser("list", help="all topics")
    action.add_argument("--internal", action="store_true", help="those of the broker too")
    action.set_defaults(do=list_topics)
    _json(action)
    action = actions.add_parser("describe", help="partitions, offsets, configs")
    action.add_argument("topics", nargs="+", metavar="TOPIC")
    action.set_defaults(do=describe_topics)
    _json(action)
    action = actions.add_parser("create", help="make topics")
    action.add_argument("topics", nargs="+", metavar="TOPIC")
    action.add_argument("--partitions", type=int, default=-1, help="default: the broker decides")
    action.add_argument("--replication-factor", type=int, default=-1, metavar="N")
    _configs(action)
    action.add_argument("--if-not-exists", action="store_true", help="be content if it is there")
    action.set_defaults(do=create_topics)
    action = actions.add_parser("alter", help="add partitions, change configs")
    action.add_argument("topics", nargs="+", metavar="TOPIC")
    action.add_argument("--partitions", type=int, metavar="TOTAL", help="never fewer than before")
    _configs(action)
    action.add_argument(
        "--reset", action="append", default=[], metavar="NAME", help="take a config to its default"
    )
    action.set_defaults(do=alter_topics)
    action = actions.add_parser("delete", help="delete topics and all their messages")
    action.add_argument("topics", nargs="+", metavar="TOPIC")
    action.add_argument("--if-exists", action="store_true", help="be content if it is not there")
    action.set_defaults(do=delete_topics)
    for action in actions.choices.values():
        add_connection_flags(action)


def run(arguments: argparse.Namespace) -> int:
    """Do it."""
    with connect(arguments) as cluster:
        arguments.do(cluster, arguments)
    return 0


def list_topics(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Print what there is."""
    found = sorted(cluster.metadata().topics.values(), key=lambda topic: topic.name)
    topics = [topic for topic in found if arguments.internal or not topic.internal]
    if arguments.json:
        print_json([{"name": each.name, "partitions": len(each.partitions)} for each in topics])
    elif topics:
        print_table(["TOPIC", "PARTITIONS"], [(t.name, len(t.partitions)) for t in topics])


def describe_topics(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Print what is to be known of some topics."""
    names = arguments.topics
    settings = {}
    topics = admin.describe(cluster, names)
    for name, values in configs.describe(cluster, configs.Kind.TOPIC, names).items():
        settings[name] = {each.name: each.value for each in values if _is_own(each)}
    partitions = {topic.name: _partitions(cluster, topic) for topic in topics}
    if arguments.json:
        print_json([_as_json(each, partitions[each.name], settings[each.name]) for each in topics])
        return
    for topic in topics:
        own = " ".join(f"{name}={value}" for name, value in settings[topic.name].items())
        print(f"{topic.name}  (id {topic.id})  {own or 'no configs of its own'}")
        rows = [[_cell(each) for each in row.values()] for row in partitions[topic.name]]
        print_table(["PARTITION", "LEADER", "REPLICAS", "IN SYNC", "START", "END"], rows)


def _is_own(config: configs.Config) -> bool:
    return config.source == configs.Source.DYNAMIC_TOPIC_CONFIG


def _partitions(cluster: Cluster, topic: TopicInfo) -> list[dict[str, object]]:
    wanted = [(topic.name, each.index) for each in topic.partitions]
    starts = offsets_at(cluster, dict.fromkeys(wanted, EARLIEST))
    ends = offsets_at(cluster, dict.fromkeys(wanted, LATEST))
    return [
        {
            "partition": each.index,
            "leader": each.leader,
            "replicas": list(each.replicas),
            "in_sync": list(each.isr),
            "start": starts[topic.name, each.index],
            "end": ends[topic.name, each.index],
        }
        for each in topic.partitions
    ]


def _cell(value: object) -> object:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _as_json(
    topic: TopicInfo, partitions: Sequence[object], settings: dict[str, str | None]
) -> dict[str, object]:
    return {
        "name": topic.name,
        "id": str(topic.id),
        "internal": topic.internal,
        "configs": settings,
        "partitions": partitions,
    }


def create_topics(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Make them one after the other."""
    for name in arguments.topics:
        if arguments.if_not_exists and name in cluster.metadata([name]).topics:
            continue
        admin.create(
            cluster,
            name,
            partitions=arguments.partitions,
            replication=arguments.replication_factor,
            configs=pairs(arguments.config, "--config"),
        )


def alter_topics(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Change them."""
    changes: dict[str, str | None] = {**pairs(arguments.config, "--config")}
    changes |= dict.fromkeys(arguments.reset)
    if not changes and arguments.partitions is None:
        raise CommandFailed("nothing to change: --partitions, --config or --reset")
    cluster.topics(arguments.topics)
    for name in arguments.topics:
        if changes:
            configs.alter(cluster, configs.Kind.TOPIC, name, changes)
        if arguments.partitions is not None:
            admin.grow(cluster, {name: arguments.partitions})


def delete_topics(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Delete them all, or none if one is not there."""
    known = cluster.metadata(arguments.topics).topics
    for name in arguments.topics:
        if name not in known and not arguments.if_exists:
            raise cluster.no_such_topic(name)
    names = [name for name in arguments.topics if name in known]
    for name, error in admin.delete(cluster, names).items():
        if error is not None:
            raise CommandFailed(f"{name}: {error}")


def _json(action: argparse.ArgumentParser) -> None:
    action.add_argument("--json", action="store_true", help="for programs")


def _configs(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--config", action="append", default=[], metavar="NAME=VALUE", help="repeatable"
    )
