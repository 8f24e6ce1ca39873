"""The console tools read and write lines as Apache Kafka's do."""

import struct

import pytest

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.fetcher import Fetched
from anymq.cli.kafka_tools.console_producer import reader_of
from anymq.cli.kafka_tools.formatter import formatter_of
from anymq.storage.records import Record

DEFAULT = "org.apache.kafka.tools.consumer.DefaultMessageFormatter"


def shown(record: Record, **properties: str) -> bytes:
    named = {name.replace("_", "."): value for name, value in properties.items()}
    return formatter_of(DEFAULT, named)(Fetched("t", 1, [record]))


def test_values_only_unless_asked_for_more() -> None:
    assert shown(Record(b"v", b"k")) == b"v\n"
    assert shown(Record(None)) == b"null\n"


def test_everything_in_the_order_of_the_original() -> None:
    record = Record(b"v", b"k", ((b"a", b"1"), (b"b", None)), 1000, 5)
    everything = {
        f"print_{name}": "true" for name in ("key", "headers", "offset", "partition", "timestamp")
    }

    expected = b"CreateTime:1000\tPartition:1\tOffset:5\ta:1,b:null\tk\tv\n"
    assert shown(record, **everything) == expected


def test_separators_and_what_null_is_called() -> None:
    properties = {"print_key": "true", "key_separator": "|", "line_separator": ";"}

    assert shown(Record(None, b"k"), **properties, null_literal="NIL") == b"k|NIL;"


def test_no_headers_are_said_to_be_none() -> None:
    assert shown(Record(b"v"), print_headers="true") == b"NO_HEADERS\tv\n"


def test_keys_alone() -> None:
    assert shown(Record(b"v", b"k"), print_key="true", print_value="false") == b"k\n"


def test_numbers_by_the_name_of_the_java_class() -> None:
    """As in the quick start of Kafka Streams, which counts words."""
    name = "org.apache.kafka.common.serialization.LongDeserializer"

    assert shown(Record(struct.pack(">q", 7)), value_deserializer=name) == b"7\n"
    with pytest.raises(CommandFailed, match="another deserializer"):
        shown(Record(b"seven"), value_deserializer=name)
    with pytest.raises(CommandFailed, match="only String"):
        shown(Record(b"v"), value_deserializer="com.example.Mine")


def test_a_formatter_of_ones_own_is_not_known() -> None:
    with pytest.raises(CommandFailed, match="DefaultMessageFormatter"):
        formatter_of("com.example.Mine", {})


def test_time_of_the_broker_is_told_from_that_of_the_producer() -> None:
    write = formatter_of(DEFAULT, {"print.timestamp": "true"})

    at_broker = Fetched("t", 0, [Record(b"v", timestamp=5)], append_time=True)
    assert write(at_broker) == b"LogAppendTime:5\tv\n"


# --- reading -----------------------------------------------------------------------------------


def test_a_line_is_a_value() -> None:
    read = reader_of({})

    assert read(1, b"a\tb\r")[:3] == (b"a\tb", None, ())


def test_headers_key_and_value() -> None:
    read = reader_of({"parse.key": "true", "parse.headers": "TRUE", "null.marker": "NIL"})

    assert read(1, b"h:1,g:NIL\tk\tv")[:3] == (b"v", b"k", ((b"h", b"1"), (b"g", None)))
    assert read(2, b"NIL\tNIL\tNIL")[:3] == (None, None, ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no headers", "No headers delimiter found on line number 3: 'no headers'"),
        (b"h:1\tno key", "No key separator found on line number 3"),
        (b"h\tk\tv", "No header key separator found in pair 'h' on line number 3"),
    ],
)
def test_a_line_that_lacks_something_ends_it(line: bytes, reason: str) -> None:
    read = reader_of({"parse.key": "true", "parse.headers": "true"})

    with pytest.raises(CommandFailed, match=reason):
        read(3, line)


def test_unless_errors_are_to_be_ignored() -> None:
    properties = {"parse.key": "true", "parse.headers": "true", "ignore.error": "true"}

    assert reader_of(properties)(1, b"just a value")[:3] == (b"just a value", None, ())


@pytest.mark.parametrize(
    "properties",
    [
        {"headers.delimiter": ","},
        {"headers.separator": ":"},
        {"null.marker": "\t"},
        {"null.marker": ":"},
    ],
)
def test_separators_differ(properties: dict[str, str]) -> None:
    with pytest.raises(CommandFailed, match="may not be equal"):
        reader_of(properties)
