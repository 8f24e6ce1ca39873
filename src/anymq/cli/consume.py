"""`anymq consume TOPIC`: write messages to standard output."""

import argparse
import sys
import time
from collections.abc import Callable
from datetime import datetime

from anymq.cli.errors import CommandFailed
from anymq.cli.interrupts import Interrupts
from anymq.cli.kafka.cluster import Cluster
from anymq.cli.kafka.connecting import add_connection_flags, connect
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
from anymq.cli.kafka.properties import unescape
from anymq.cli.messages import COLUMNS, columns_writer, write_json, write_raw
from anymq.cli.output import check_reader
from anymq.cli.progress import Progress
from anymq.config.units import parse_ms

FOLLOW_SECONDS = 0.5
LOOK_SECONDS = 0.05  # where nothing is waited for

Writer = Callable[[Fetched], list[bytes]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("topics", nargs="+", metavar="TOPIC")
    add(
        "--from",
        dest="start",
        type=parse_start,
        default=None,
        metavar="WHERE",
        help="beginning (the default), end, an offset, a time (2026-01-31T12:00, @SECONDS),"
        " or how long ago (2h); for a group, where it has not been before",
    )
    add("--partition", "-p", type=int, action="append", metavar="N", help="only this; repeatable")
    add("--group", "-g", help="read as a member of it, and commit how far")
    add("--max", "-n", type=int, metavar="N", help="end after so many messages")
    add(
        "--follow",
        "-f",
        action=argparse.BooleanOptionalAction,
        help="go on at the end and wait for more; the default with --from end",
    )
    add("--print", metavar="LIST", help=f"what to write, of {','.join(COLUMNS)}; default: value")
    add("--separator", default="\\t", metavar="TEXT", help="between what is written; default: \\t")
    add("--json", action="store_true", help="write each message as a JSON object")
    add("--read-committed", action="store_true", help="leave out what transactions took back")
    add_connection_flags(parser)


def parse_start(text: str) -> Start:
    """Read where to begin."""
    if text in ("beginning", "earliest"):
        return BEGINNING
    if text in ("end", "latest"):
        return END
    if text.isdecimal():
        return Start(offset=int(text))
    try:
        return Start(time_ms=_time_ms(text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither beginning, end, an offset, a time nor how long ago"
        ) from None


def _time_ms(text: str) -> int:
    if text.startswith("@"):
        return int(float(text[1:]) * 1000)
    if text[:1].isdecimal() and text[-1].isalpha() and "T" not in text:
        return int(time.time() * 1000) - parse_ms(text)
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def run(arguments: argparse.Namespace) -> int:
    """Write what there is; go on if that is wanted."""
    write = _writer(arguments)
    start = arguments.start or BEGINNING
    follow = start == END if arguments.follow is None else arguments.follow
    with connect(arguments) as cluster, Interrupts() as interrupts:
        consumer = _consumer(cluster, arguments, start)
        try:
            copy(consumer, write, interrupts, maximum=arguments.max, follow=follow)
        finally:
            sys.stdout.flush()
            consumer.close()
    return 0


def copy(
    consumer: Consumer,
    write: Writer,
    interrupts: Interrupts,
    *,
    maximum: int | None,
    follow: bool,
) -> None:
    """Write messages until the end, or `maximum`, is reached."""
    progress = Progress(wanted=not sys.stdout.isatty())
    while maximum is None or progress.messages < maximum:
        interrupts.check()
        check_reader()
        for fetched in consumer.poll(FOLLOW_SECONDS if follow else LOOK_SECONDS):
            _write(fetched, write, consumer, progress, maximum)
        sys.stdout.buffer.flush()
        if not follow and at_end(consumer):
            break
    progress.finish()


def _write(
    fetched: Fetched, write: Writer, consumer: Consumer, progress: Progress, maximum: int | None
) -> None:
    count = len(fetched.records)
    if maximum is not None and (left := maximum - progress.messages) < count:
        del fetched.records[left:]
        count = left
    if not count:
        return
    data = b"\n".join([*write(fetched), b""])
    sys.stdout.buffer.write(data)
    consumer.done_with(fetched, count)
    progress.add(count, len(data))


def at_end(consumer: Consumer) -> bool:
    """Was everything read that there was when we last asked?"""
    ends = consumer.ends
    return all(where in ends and at >= ends[where] for where, at in consumer.positions.items())


def _consumer(cluster: Cluster, arguments: argparse.Namespace, start: Start) -> Consumer:
    topics, committed = arguments.topics, arguments.read_committed
    find = all_partitions(cluster, topics)
    partitions = find()
    if arguments.group:
        if arguments.partition:
            raise CommandFailed("a group decides who reads which partition: no --partition")
        return GroupConsumer(cluster, arguments.group, topics, start, read_committed=committed)
    if not arguments.partition:
        return PartitionConsumer(cluster, find, start, read_committed=committed)
    wanted = [(topic, index) for topic in topics for index in arguments.partition]
    for topic, index in wanted:
        if (topic, index) not in partitions:
            raise CommandFailed(f"{topic!r} has no partition {index}")
    return PartitionConsumer(cluster, lambda: wanted, start, read_committed=committed)


def _writer(arguments: argparse.Namespace) -> Writer:
    if arguments.json:
        return write_json
    if arguments.print is None:
        return write_raw
    names = arguments.print.split(",")
    if unknown := [name for name in names if name not in COLUMNS]:
        raise CommandFailed(f"--print takes {', '.join(COLUMNS)}, not {unknown[0]!r}")
    return columns_writer(names, unescape(arguments.separator).encode())
