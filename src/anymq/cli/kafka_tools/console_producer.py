"""`anymq kafka-console-producer`: as kafka-console-producer.sh."""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anymq.cli.errors import CommandFailed
from anymq.cli.interrupts import Interrupts
from anymq.cli.kafka.connecting import connect_with
from anymq.cli.kafka.producer import BATCH_BYTES, Producer
from anymq.cli.kafka.properties import is_true
from anymq.cli.kafka_tools.flags import add_common, properties_of
from anymq.cli.lines import Lines, on_terminal
from anymq.cli.messages import now_ms
from anymq.cli.output import tell
from anymq.cli.produce import ACKS, LINGER_SECONDS
from anymq.storage.compression import Compression
from anymq.storage.records import Header, Record

IGNORED = (
    "--message-send-max-retries",
    "--retry-backoff-ms",
    "--timeout",
    "--metadata-expiry-ms",
    "--max-block-ms",
    "--max-memory-bytes",
    "--socket-buffer-size",
    "--max-partition-memory-bytes",
)
LINE_READER = "LineMessageReader"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    add_common(parser)
    add = parser.add_argument
    add("--topic", required=True, help="REQUIRED: the topic to produce to")
    add("--sync", action="store_true", help="wait for each message before sending the next")
    codecs = [codec.name.lower() for codec in Compression]
    add("--compression-codec", nargs="?", const="gzip", choices=codecs, help="default: none")
    add("--batch-size", type=int, metavar="BYTES", help="how much goes in one batch at most")
    add("--request-required-acks", choices=ACKS, help="default: all")
    add("--request-timeout-ms", type=int, help="accepted; we wait two minutes for delivery")
    for flag in IGNORED:
        add(flag, type=int, metavar="N", help="accepted, and not needed here")
    reader = "of the reader: parse.key=true, key.separator=…, parse.headers=true, null.marker=…"
    for flag in ("--reader-property", "--property"):
        add(flag, dest="reader_property", action="append", metavar="KEY=VALUE", help=reader)
    add("--reader-config", metavar="FILE", help="properties of the reader")
    add("--line-reader", metavar="CLASS", default=LINE_READER, help="only Kafka's own")
    producer = "of the producer: acks=…, compression.type=…, security.protocol=…"
    for flag in ("--command-property", "--producer-property"):
        add(flag, dest="producer_property", action="append", metavar="KEY=VALUE", help=producer)
    add("--producer.config", dest="producer_config", metavar="FILE", help="of the producer")


def run(arguments: argparse.Namespace) -> int:
    """Send lines until the end of the input."""
    if not arguments.line_reader.endswith(LINE_READER):
        raise CommandFailed(f"--line-reader: only {LINE_READER} is known here")
    files = [arguments.producer_config, arguments.command_config]
    properties = properties_of(files, arguments.producer_property or [], "--producer-property")
    reading = properties_of(
        [arguments.reader_config], arguments.reader_property or [], "--reader-property"
    )
    parse = reader_of(reading)
    servers = arguments.bootstrap_server
    with connect_with(servers, properties) as cluster, Interrupts() as interrupts:
        producer = Producer(
            cluster,
            acks=_acks(arguments, properties),
            compression=_compression(arguments, properties),
            batch_bytes=arguments.batch_size or BATCH_BYTES,
            on_trouble=tell,
        )
        producer.partitions_of(arguments.topic)
        lines = Lines(sys.stdin.fileno(), interrupts, ">" if on_terminal() else "")
        _send(producer, lines, arguments.topic, parse, arguments.sync)
    return 0


def _send(
    producer: Producer,
    lines: Lines,
    topic: str,
    parse: Callable[[int, bytes], Record],
    sync: bool,
) -> None:
    number = 0
    try:
        for chunk in lines:
            for line in chunk:
                number += 1
                producer.send(topic, parse(number, line))
                if sync:
                    producer.flush()
            if not lines.more_within(LINGER_SECONDS):
                producer.flush()
    finally:
        producer.flush()


def _acks(arguments: argparse.Namespace, properties: Mapping[str, str]) -> int:
    text = properties.get("acks") or arguments.request_required_acks or "all"
    if text not in ACKS:
        raise CommandFailed(f"acks is one of {', '.join(ACKS)}, not {text!r}")
    return ACKS[text]


def _compression(arguments: argparse.Namespace, properties: Mapping[str, str]) -> Compression:
    name = properties.get("compression.type") or arguments.compression_codec or "none"
    try:
        return Compression[name.upper()]
    except KeyError:
        raise CommandFailed(f"there is no compression {name!r}") from None


# --- reading lines -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes messages of lines: "headers<TAB>key<TAB>value", whichever of them are asked for."""

    parse_key: bool
    parse_headers: bool
    key_separator: bytes
    headers_delimiter: bytes
    headers_separator: re.Pattern[bytes]
    headers_key_separator: bytes
    null_marker: bytes | None
    ignore_error: bool

    def __call__(self, number: int, line: bytes) -> Record:
        """Read one line."""
        line = line.removesuffix(b"\r")
        headers, rest = self._cut(
            self.parse_headers, line, self.headers_delimiter, "headers delimiter", number, line
        )
        key, value = self._cut(
            self.parse_key, rest, self.key_separator, "key separator", number, line
        )
        given = (
            () if headers is None or headers == self.null_marker else self._headers(headers, number)
        )
        return Record(self._or_null(value), self._or_null(key), given, now_ms())

    def _cut(
        self, wanted: bool, text: bytes, separator: bytes, name: str, number: int, line: bytes
    ) -> tuple[bytes | None, bytes]:
        if not wanted:
            return None, text
        first, found, rest = text.partition(separator)
        if found:
            return first, rest
        if self.ignore_error:
            return None, text
        shown = line.decode(errors="replace")
        raise CommandFailed(f"No {name} found on line number {number}: '{shown}'")

    def _headers(self, text: bytes, number: int) -> tuple[Header, ...]:
        return tuple(self._header(pair, number) for pair in self.headers_separator.split(text))

    def _header(self, pair: bytes, number: int) -> Header:
        name, found, value = pair.partition(self.headers_key_separator)
        if not found and not self.ignore_error:
            shown = pair.decode(errors="replace")
            raise CommandFailed(
                f"No header key separator found in pair '{shown}' on line number {number}"
            )
        return name, self._or_null(value) if found else None

    def _or_null(self, text: bytes | None) -> bytes | None:
        return None if text == self.null_marker else text


def reader_of(properties: Mapping[str, str]) -> Reader:
    """Read the properties of the reader."""
    get = properties.get
    marker = get("null.marker")
    separators = {
        "key.separator": get("key.separator", "\t"),
        "headers.delimiter": get("headers.delimiter", "\t"),
        "headers.separator": get("headers.separator", ","),
        "headers.key.separator": get("headers.key.separator", ":"),
    }
    _check_different(separators, marker)
    return Reader(
        is_true(properties, "parse.key"),
        is_true(properties, "parse.headers"),
        separators["key.separator"].encode(),
        separators["headers.delimiter"].encode(),
        re.compile(separators["headers.separator"].encode()),
        separators["headers.key.separator"].encode(),
        None if marker is None else marker.encode(),
        is_true(properties, "ignore.error"),
    )


def _check_different(separators: Mapping[str, str], marker: str | None) -> None:
    names = [name for name in separators if name != "key.separator"]
    for place, one in enumerate(names):
        for other in names[place + 1 :]:
            if separators[one] == separators[other]:
                raise CommandFailed(f"{one} and {other} may not be equal")
    for name, separator in separators.items():
        if separator == marker:
            raise CommandFailed(f"null.marker and {name} may not be equal")
