"""`anymq produce TOPIC`: messages from lines, of standard input or of files."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator

from anymq.cli.errors import CommandFailed
from anymq.cli.interrupts import Interrupts
from anymq.cli.kafka.connecting import add_connection_flags, connect
from anymq.cli.kafka.producer import ALL, NONE, ONE, Producer
from anymq.cli.kafka.properties import pairs
from anymq.cli.lines import Lines, on_terminal
from anymq.cli.messages import Parsed, line_parser, parse_json
from anymq.cli.output import tell
from anymq.cli.progress import Progress
from anymq.storage.compression import Compression

ACKS = {"all": ALL, "-1": ALL, "1": ONE, "0": NONE}
LINGER_SECONDS = 0.005  # how long a message waits for company


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add = parser.add_argument
    add("topic")
    add("files", nargs="*", metavar="FILE", help="a line is a message; default: standard input")
    add("--key", help="the key of all messages")
    add("--key-separator", "-K", metavar="TEXT", help="what is before it in a line is the key")
    add("--header", "-H", action="append", default=[], metavar="NAME=VALUE", help="on all messages")
    add("--partition", "-p", type=int, metavar="N", help="default: the key decides")
    add("--null-marker", metavar="TEXT", help="a key or value that is exactly this is null")
    add(
        "--json",
        action="store_true",
        help='a line is {"key": …, "value": …, "headers": {…}, "partition": …, "timestamp": …},'
        " as consume --json writes it; all are optional",
    )
    add("--acks", choices=ACKS, default="all", help="how many brokers must have it; default: all")
    codecs = [codec.name.lower() for codec in Compression]
    add("--compression", "-z", choices=codecs, default="none", help="default: none")
    add_connection_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Send everything; return when the broker has it."""
    parse = _parser(arguments)
    with connect(arguments) as cluster, Interrupts() as interrupts:
        producer = Producer(
            cluster,
            acks=ACKS[arguments.acks],
            compression=Compression[arguments.compression.upper()],
            on_trouble=tell,
        )
        producer.partitions_of(arguments.topic)  # what is wrong is said before anything is typed
        if on_terminal() and not arguments.files:
            print("a line is a message; Ctrl-D ends", file=sys.stderr)
        progress = Progress(wanted=not sys.stdin.isatty() or bool(arguments.files))
        for lines in _sources(arguments.files, interrupts):
            send_lines(producer, lines, arguments.topic, parse, arguments.partition, progress)
        progress.finish()
    return 0


def send_lines(
    producer: Producer,
    lines: Lines,
    topic: str,
    parse: Callable[[bytes], Parsed],
    partition: int | None,
    progress: Progress,
) -> None:
    """Send lines as they come: many at a time when there are many, at once when there are few."""
    try:
        for chunk in lines:
            for line in chunk:
                record, own_partition = parse(line)
                producer.send(topic, record, partition if own_partition is None else own_partition)
            progress.add(len(chunk), sum(map(len, chunk)))
            if not lines.more_within(LINGER_SECONDS):
                producer.flush()
    finally:
        producer.flush()  # what was read is sent, whatever ended us: Ctrl-C, or a bad line


def _sources(files: list[str], interrupts: Interrupts) -> Iterator[Lines]:
    if not files:
        yield Lines(sys.stdin.fileno(), interrupts)
    for name in files:
        try:
            descriptor = os.open(name, os.O_RDONLY)
        except OSError as error:
            raise CommandFailed(f"cannot read {name}: {error.strerror}") from error
        with contextlib.closing(os.fdopen(descriptor)):
            yield Lines(descriptor, interrupts)


def _parser(arguments: argparse.Namespace) -> Callable[[bytes], Parsed]:
    if arguments.json:
        return parse_json
    headers = pairs(arguments.header, "--header")
    return line_parser(
        key=_bytes(arguments.key),
        key_separator=_bytes(arguments.key_separator),
        headers=tuple((name.encode(), value.encode()) for name, value in headers.items()),
        null_marker=_bytes(arguments.null_marker),
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)
