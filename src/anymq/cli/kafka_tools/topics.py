"""`anymq kafka-topics`: as kafka-topics.sh."""

import argparse
import base64
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.admin import configs
from anymq.cli.kafka.admin import topics as admin
from anymq.cli.kafka.cluster import Cluster, PartitionInfo, TopicInfo
from anymq.cli.kafka.errors import RequestRefused
from anymq.cli.kafka.properties import pairs
from anymq.cli.kafka_tools.flags import add_common, connect, topic_filter
from anymq.protocols.kafka.error_codes import ErrorCode

MIN_ISR = "min.insync.replicas"
Chosen = Callable[[PartitionInfo], bool]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    one = parser.add_mutually_exclusive_group(required=True).add_argument
    one("--create", action="store_true", help="create a topic")
    one("--list", action="store_true", help="list all topics")
    one("--describe", action="store_true", help="list details for the given topics")
    one("--alter", action="store_true", help="alter the number of partitions")
    one("--delete", action="store_true", help="delete a topic")
    add = parser.add_argument
    add("--topic", help="the topic; a regular expression, except for --create")
    add("--topic-id", help="the topic to describe")
    add("--partitions", type=int, help="how many; default: the broker decides")
    add("--replication-factor", type=int, metavar="N", help="default: the broker decides")
    add("--replica-assignment", metavar="1:2,2:3", help="brokers of each partition")
    add("--config", action="append", default=[], metavar="NAME=VALUE", help="for --create")
    add("--delete-config", action="append", help=argparse.SUPPRESS)
    add("--if-exists", action="store_true", help="be content if the topic is not there")
    add("--if-not-exists", action="store_true", help="be content if the topic is there")
    add("--exclude-internal", action="store_true", help="leave out internal topics")
    add("--partition-size-limit-per-response", type=int, help=argparse.SUPPRESS)
    add("--topics-with-overrides", action="store_true", help="only with configs of their own")
    add("--unavailable-partitions", action="store_true", help="only without a leader")
    add("--under-replicated-partitions", action="store_true", help="only under-replicated")
    add("--under-min-isr-partitions", action="store_true", help=f"only below {MIN_ISR}")
    add("--at-min-isr-partitions", action="store_true", help=f"only exactly at {MIN_ISR}")


def run(arguments: argparse.Namespace) -> int:
    """Do it; what went wrong is told as the original does."""
    if not (arguments.list or arguments.describe) and not arguments.topic:
        raise CommandFailed('Missing required argument "[topic]"')
    with connect(arguments) as cluster:
        try:
            _action(arguments)(cluster, arguments)
        except RequestRefused as error:
            print(f"Error while executing topic command : {error}")
            return 1
    return 0


def _action(arguments: argparse.Namespace) -> Callable[[Cluster, argparse.Namespace], None]:
    if arguments.create:
        return create
    if arguments.alter:
        return alter
    if arguments.list:
        return list_names
    return describe if arguments.describe else delete


def create(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Make one topic."""
    name = arguments.topic
    if "." in name or "_" in name:
        print(
            "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore"
            " ('_') could collide. To avoid issues it is best to use either, but not both."
        )
    _check_at_least_one(arguments)
    try:
        admin.create(
            cluster,
            name,
            partitions=-1 if arguments.partitions is None else arguments.partitions,
            replication=arguments.replication_factor or -1,
            assignment=_assignment(arguments.replica_assignment),
            configs=pairs(arguments.config, "--config"),
        )
    except RequestRefused as error:
        if error.code == ErrorCode.TOPIC_ALREADY_EXISTS and arguments.if_not_exists:
            return
        raise
    print(f"Created topic {name}.")


def _check_at_least_one(arguments: argparse.Namespace) -> None:
    if arguments.replication_factor is not None and not 0 < arguments.replication_factor < 32768:
        text = "The replication factor must be between 1 and 32767 inclusive"
        raise RequestRefused(ErrorCode.INVALID_REPLICATION_FACTOR, text)
    if arguments.partitions is not None and arguments.partitions < 1:
        text = "The partitions must be greater than 0"
        raise RequestRefused(ErrorCode.INVALID_PARTITIONS, text)


def _assignment(text: str | None) -> dict[int, list[int]] | None:
    if text is None:
        return None
    try:
        lists = [[int(broker) for broker in each.split(":")] for each in text.split(",")]
    except ValueError:
        raise CommandFailed(
            f"--replica-assignment takes 1:2,2:3 and the like, not {text}"
        ) from None
    return dict(enumerate(lists))


def list_names(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Print names; an empty line if there are none, as there."""
    print("\n".join(_names(cluster, arguments)))


def alter(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Add partitions."""
    if arguments.partitions is None:
        raise CommandFailed('Missing required argument "[partitions]"')
    names = _existing(cluster, arguments)
    assignment = _assignment(arguments.replica_assignment) or {}
    known = cluster.topics(names)
    new = {
        name: [each for index, each in assignment.items() if index >= len(known[name].partitions)]
        for name in names
    }
    if names:
        admin.grow(cluster, dict.fromkeys(names, arguments.partitions), new)


def delete(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Delete topics."""
    for error in admin.delete(cluster, _existing(cluster, arguments)).values():
        if error is not None:
            raise error


def _existing(cluster: Cluster, arguments: argparse.Namespace) -> list[str]:
    names = _names(cluster, arguments)
    if arguments.topic and not names and not arguments.if_exists:
        text = f"Topic '{arguments.topic}' does not exist as expected"
        raise RequestRefused(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, text)
    return names


def _names(cluster: Cluster, arguments: argparse.Namespace) -> list[str]:
    wanted = topic_filter(arguments.topic)
    topics = cluster.metadata().topics.values()
    return sorted(
        topic.name
        for topic in topics
        if wanted(topic.name) and not (topic.internal and arguments.exclude_internal)
    )


# --- describe ----------------------------------------------------------------------------------


def describe(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Print a line per topic, and one per partition."""
    names = _by_id(cluster, arguments) if arguments.topic_id else _existing(cluster, arguments)
    settings = configs.describe(cluster, configs.Kind.TOPIC, names) if names else {}
    live = set(cluster.metadata([]).nodes)
    for topic in admin.describe(cluster, names):
        own = [each for each in settings[topic.name] if not each.is_default]
        minimum = next((int(c.value or 1) for c in settings[topic.name] if c.name == MIN_ISR), 1)
        chosen = _chosen(arguments, live, minimum)
        if chosen is None and (own or not arguments.topics_with_overrides):
            print(topic_line(topic, own))
        if not arguments.topics_with_overrides:
            for partition in topic.partitions:
                if chosen is None or chosen(partition):
                    print(partition_line(topic.name, partition))


def _chosen(arguments: argparse.Namespace, live: set[int], minimum: int) -> Chosen | None:
    """Return which partitions are asked for; None for all, and the topics too."""
    reports: list[tuple[bool, Chosen]] = [
        (arguments.under_replicated_partitions, lambda p: len(p.isr) < len(p.replicas)),
        (arguments.unavailable_partitions, lambda p: p.leader not in live),
        (arguments.under_min_isr_partitions, lambda p: p.leader < 0 or len(p.isr) < minimum),
        (arguments.at_min_isr_partitions, lambda p: len(p.isr) == minimum),
    ]
    asked = [report for wanted, report in reports if wanted]
    return (lambda partition: any(each(partition) for each in asked)) if asked else None


def _by_id(cluster: Cluster, arguments: argparse.Namespace) -> list[str]:
    topics = cluster.metadata().topics.values()
    names = [topic.name for topic in topics if id_text(topic.id) == arguments.topic_id]
    if not names and not arguments.if_exists:
        text = f"TopicId '{arguments.topic_id}' does not exist as expected"
        raise RequestRefused(ErrorCode.UNKNOWN_TOPIC_ID, text)
    return names


def topic_line(topic: TopicInfo, own: Sequence[configs.Config]) -> str:
    """Write the line of a topic."""
    replicas = len(topic.partitions[0].replicas) if topic.partitions else 0
    parts = [
        f"Topic: {topic.name}",
        f"TopicId: {id_text(topic.id)}",
        f"PartitionCount: {len(topic.partitions)}",
        f"ReplicationFactor: {replicas}",
        f"Configs: {','.join(f'{each.name}={each.value}' for each in own)}",
    ]
    return "\t".join(part for part in parts if topic.id.int or "TopicId" not in part)


def partition_line(topic: str, partition: PartitionInfo) -> str:
    """Write the line of a partition."""
    leader = "none" if partition.leader < 0 else str(partition.leader)
    return "\t".join(
        (
            "",
            f"Topic: {topic}",
            f"Partition: {partition.index}",
            f"Leader: {leader}",
            f"Replicas: {_ids(partition.replicas)}",
            f"Isr: {_ids(partition.isr)}",
            f"Elr: {_ids(partition.eligible or ())}",
            f"LastKnownElr: {_ids(partition.last_eligible or ())}",
        )
    )


def id_text(topic_id: UUID) -> str:
    """Write an id as Kafka does: base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(topic_id.bytes).decode().rstrip("=")


def _ids(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))
