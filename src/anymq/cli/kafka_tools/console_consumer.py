"""`anymq kafka-console-consumer`: as kafka-console-consumer.sh.

Without a group it reads all partitions itself; the original makes up a group for that.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from anymq.cli.errors import CommandFailed
from anymq.cli.interrupts import Interrupts
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.connecting import connect_with
from anymq.cli.kafka.consumer import (
    BEGINNING,
    END,
    Consumer,
    GroupConsumer,
    PartitionConsumer,
    Start,
    all_partitions,
)
from anymq.cli.kafka.fetcher import Fetched
from anymq.cli.kafka.offsets import EARLIEST, LATEST, Where
from anymq.cli.kafka.properties import is_true
from anymq.cli.kafka_tools.flags import add_common, properties_of, topic_filter
from anymq.cli.kafka_tools.formatter import DEFAULT, Formatter, formatter_of
from anymq.cli.output import check_reader

WAIT_SECONDS = 0.5
STARTS = {"earliest": BEGINNING, "latest": END}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    add = parser.add_argument
    add("--topic", help="the topic to consume from")
    add("--include", "--whitelist", metavar="REGEX", help="the topics to consume from")
    add("--partition", type=int, help="only this one; from the end unless --offset")
    add("--offset", help="where to begin: a number, earliest or latest (the default)")
    add(
        "--from-beginning", action="store_true", help="where there is no offset: begin at the start"
    )
    add("--group", help="consume as a member of this group")
    add("--max-messages", type=int, metavar="N", help="end after so many")
    add("--timeout-ms", type=int, metavar="MS", help="end when nothing comes for so long")
    add("--isolation-level", choices=("read_uncommitted", "read_committed"))
    formatter = "of the formatter: print.key=true, print.timestamp=true, key.separator=…"
    for flag in ("--formatter-property", "--property"):
        add(flag, dest="formatter_property", action="append", metavar="KEY=VALUE", help=formatter)
    add("--formatter-config", metavar="FILE", help="properties of the formatter")
    add("--formatter", metavar="CLASS", default=DEFAULT, help="Kafka's own, by the Java name")
    add("--key-deserializer", metavar="CLASS", help="String, Long, Integer … by the Java name")
    add("--value-deserializer", metavar="CLASS", help="String, Long, Integer … by the Java name")
    consumer = "of the consumer: group.id=…, auto.offset.reset=…, security.protocol=…"
    for flag in ("--command-property", "--consumer-property"):
        add(flag, dest="consumer_property", action="append", metavar="KEY=VALUE", help=consumer)
    add("--consumer.config", dest="consumer_config", metavar="FILE", help="of the consumer")
    add("--skip-message-on-error", action="store_true", help="accepted")
    add("--enable-systest-events", action="store_true", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Write messages until told to end."""
    files = [arguments.consumer_config, arguments.command_config]
    properties = properties_of(files, arguments.consumer_property or [], "--consumer-property")
    formatter = _formatter(arguments)
    start = _start(arguments, properties)
    count = 0
    servers = arguments.bootstrap_server
    with connect_with(servers, properties) as cluster, Interrupts() as interrupts:
        consumer = _consumer(cluster, arguments, properties, start)
        try:
            messages = _messages(consumer, interrupts, arguments.timeout_ms, arguments.max_messages)
            for fetched in messages:
                count += len(fetched.records)
                sys.stdout.buffer.write(formatter(fetched))
                sys.stdout.buffer.flush()
                consumer.done_with(fetched, len(fetched.records))
        finally:
            consumer.close()
            print(f"Processed a total of {count} messages", file=sys.stderr)
    return 0


def _messages(
    consumer: Consumer, interrupts: Interrupts, timeout_ms: int | None, maximum: int | None
) -> Iterator[Fetched]:
    """Yield what comes, until there is enough of it or nothing comes for too long."""
    left = sys.maxsize if maximum is None or maximum < 0 else maximum
    patience = None if timeout_ms is None or timeout_ms < 0 else timeout_ms / 1000
    heard = time.monotonic()
    while left:
        interrupts.check()
        check_reader()
        waited = time.monotonic() - heard
        if patience is not None and waited > patience:
            return
        wait = WAIT_SECONDS if patience is None else min(WAIT_SECONDS, patience - waited + 0.001)
        for fetched in consumer.poll(wait):
            del fetched.records[left:]
            if fetched.records:
                left -= len(fetched.records)
                yield fetched
                heard = time.monotonic()


def _formatter(arguments: argparse.Namespace) -> Formatter:
    words = arguments.formatter_property or []
    properties = properties_of([arguments.formatter_config], words, "--formatter-property")
    if arguments.key_deserializer:
        properties["key.deserializer"] = arguments.key_deserializer
    if arguments.value_deserializer:
        properties["value.deserializer"] = arguments.value_deserializer
    return formatter_of(arguments.formatter, properties)


def _start(arguments: argparse.Namespace, properties: Mapping[str, str]) -> Start:
    if arguments.offset is not None:
        if arguments.partition is None:
            raise CommandFailed("The partition is required when offset is specified.")
        if arguments.offset in STARTS:
            return STARTS[arguments.offset]
        if not arguments.offset.isdecimal():
            raise CommandFailed(
                f"The provided offset value '{arguments.offset}' is incorrect. Valid values are"
                " 'earliest', 'latest', or a non-negative long."
            )
        return Start(offset=int(arguments.offset))
    if arguments.from_beginning:
        return BEGINNING
    return STARTS.get(properties.get("auto.offset.reset", "latest"), END)


def _consumer(
    cluster: Cluster, arguments: argparse.Namespace, properties: Mapping[str, str], start: Start
) -> Consumer:
    group = arguments.group or properties.get("group.id")
    isolation = arguments.isolation_level or properties.get("isolation.level")
    committed = isolation == "read_committed"
    reset_to = EARLIEST if start == BEGINNING else LATEST
    find = _finder(cluster, arguments)
    if arguments.partition is not None:
        if arguments.group:
            raise CommandFailed("--group and --partition cannot be used together")
        wanted = [(arguments.topic, arguments.partition)]
        if wanted[0] not in find():
            raise CommandFailed(f"{arguments.topic!r} has no partition {arguments.partition}")
        return PartitionConsumer(
            cluster, lambda: wanted, start, read_committed=committed, reset_to=reset_to
        )
    if group is None:
        return PartitionConsumer(cluster, find, start, read_committed=committed, reset_to=reset_to)
    topics = sorted({topic for topic, _ in find()})
    auto_commit = is_true(properties, "enable.auto.commit", default=True)
    return GroupConsumer(
        cluster,
        group,
        topics,
        start,
        read_committed=committed,
        auto_commit=auto_commit,
        reset_to=reset_to,
    )


def _finder(cluster: Cluster, arguments: argparse.Namespace) -> Callable[[], Sequence[Where]]:
    """Return what finds the partitions. A topic that is not there is made, if the broker does."""
    if (arguments.topic is None) == (arguments.include is None):
        raise CommandFailed("Exactly one of --include/--topic is required.")
    if arguments.topic is not None:
        return all_partitions(cluster, [arguments.topic], create=True)
    wanted = topic_filter(arguments.include)

    def find() -> list[Where]:
        topics = [each for each in cluster.metadata().topics.values() if wanted(each.name)]
        return [(topic.name, each.index) for topic in topics for each in topic.partitions]

    return find
