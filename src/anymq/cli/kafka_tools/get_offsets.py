"""`anymq kafka-get-offsets`: as kafka-get-offsets.sh."""

import argparse
import re
import sys
from collections.abc import Callable

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.offsets import (
    EARLIEST,
    EARLIEST_LOCAL,
    LATEST,
    LATEST_TIERED,
    MAX_TIMESTAMP,
    Where,
    lookup,
)
from anymq.cli.kafka_tools.flags import add_common, connect, topic_filter

TIMES = {
    "latest": LATEST,
    "earliest": EARLIEST,
    "max-timestamp": MAX_TIMESTAMP,
    "earliest-local": EARLIEST_LOCAL,
    "latest-tiered": LATEST_TIERED,
}
_RULE = re.compile(r"([^:,]*)(?::(?:(\d*)|(?:(\d*)-(\d*))))?")
Wanted = Callable[[Where], bool]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    add = parser.add_argument
    add("--topic", metavar="REGEX", help="the topics; default: all")
    add("--partitions", metavar="0,1", help="the partitions; default: all")
    add("--topic-partitions", metavar="TOPIC:0,TOPIC:1-3", help="both in one; ranges end before")
    names = ", ".join(f"{number} or {name}" for name, number in TIMES.items())
    add("--time", default="latest", help=f"milliseconds, {names}; default: latest")
    add("--exclude-internal-topics", action="store_true", help="leave out internal topics")


def run(arguments: argparse.Namespace) -> int:
    """Print topic:partition:offset."""
    time, wanted = parse_time(arguments.time), _wanted(arguments)
    with connect(arguments) as cluster:
        topics = cluster.metadata().topics.values()
        partitions = [
            (topic.name, each.index)
            for topic in topics
            for each in topic.partitions
            if not (topic.internal and arguments.exclude_internal_topics)
        ]
        chosen = {where: time for where in partitions if wanted(where)}
        if not chosen:
            raise CommandFailed("Could not match any topic-partitions with the specified filters")
        found, errors = lookup(cluster, chosen)
    for (topic, index), error in errors.items():
        text = f"Skip getting offsets for topic-partition {topic}-{index} due to error: {error}"
        print(text, file=sys.stderr)
    for topic, index in sorted(found, key=lambda where: f"{where[0]}-{where[1]}"):
        if (offset := found[topic, index]) >= 0:
            print(f"{topic}:{index}:{offset}")
    return 0


def parse_time(text: str) -> int:
    """Read a time."""
    if text in TIMES:
        return TIMES[text]
    try:
        return int(text)
    except ValueError:
        raise CommandFailed(f"Malformed time argument {text}: {', '.join(TIMES)}, or ms") from None


def _wanted(arguments: argparse.Namespace) -> Wanted:
    if arguments.topic_partitions is not None:
        if arguments.topic or arguments.partitions:
            raise CommandFailed("--topic-partitions cannot be used with --topic or --partitions")
        rules = [_rule(word) for word in arguments.topic_partitions.split(",")]
        return lambda where: any(rule(where) for rule in rules)
    of_topic = topic_filter(arguments.topic)
    try:
        indexes = {int(word) for word in (arguments.partitions or "").split(",") if word}
    except ValueError:
        raise CommandFailed(
            f"--partitions takes 0,1 and so on, not {arguments.partitions}"
        ) from None
    return lambda where: of_topic(where[0]) and (not indexes or where[1] in indexes)


def _rule(word: str) -> Wanted:
    """Read TOPIC, TOPIC:2, TOPIC:1-3, TOPIC:1-, TOPIC:-3, or the same without a topic."""
    match = _RULE.fullmatch(word)
    if match is None:
        raise CommandFailed(f"Invalid rule specification: {word}")
    topic, one, low, high = match.groups()
    of_topic = topic_filter(topic or None)
    if one:
        return lambda where: of_topic(where[0]) and where[1] == int(one)
    first, end = int(low or 0), int(high) if high else sys.maxsize
    return lambda where: of_topic(where[0]) and first <= where[1] < end
