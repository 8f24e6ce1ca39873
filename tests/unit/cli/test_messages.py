"""What `consume` writes, `produce` reads, and nothing gets lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.fetcher import Fetched
from anymq.cli.messages import columns_writer, line_parser, parse_json, write_json, write_raw
from anymq.storage.records import Record

maybe = st.none() | st.binary(max_size=20)
headers = st.lists(st.tuples(st.text(max_size=5).map(str.encode), maybe), max_size=3).map(tuple)
records = st.builds(Record, maybe, maybe, headers, st.integers(0, 2**40), st.integers(0, 2**40))


def fetched(*records: Record) -> Fetched:
    return Fetched("t", 2, list(records))


@given(records)
def test_json_loses_nothing(record: Record) -> None:
    (line,) = write_json(fetched(record))

    again, partition = parse_json(line)

    assert partition == 2
    assert again._replace(offset=record.offset) == record


def test_json_is_readable() -> None:
    record = Record(b"hello", None, ((b"a", b"1"),), 1700000000000, 5)

    assert write_json(fetched(record)) == [
        b'{"topic":"t","partition":2,"offset":5,"timestamp":1700000000000,"key":null,'
        b'"value":"hello","headers":{"a":"1"}}'
    ]


def test_json_within_json_stays_json() -> None:
    record, _ = parse_json(b'{"value": {"id": 7, "tags": ["a"]}, "key": 7}')

    assert (record.key, record.value) == (b"7", b'{"id":7,"tags":["a"]}')


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"{", b'{"headers": 3}', b'{"headers": ["a"]}', b'{"partition": "x"}'],
)
def test_json_that_is_no_message_is_shown(line: bytes) -> None:
    with pytest.raises(CommandFailed, match="cannot read the line"):
        parse_json(line)


def test_a_line_with_a_key() -> None:
    parse = line_parser(key=None, key_separator=b"::", headers=(), null_marker=b"NIL")

    assert parse(b"k::v::w")[0][:2] == (b"v::w", b"k")
    assert parse(b"k::NIL")[0][:2] == (None, b"k")
    assert parse(b"NIL::v")[0][:2] == (b"v", None)
    with pytest.raises(CommandFailed, match="no '::' in the line"):
        parse(b"k")


def test_raw_is_values_only() -> None:
    assert write_raw(fetched(Record(b"a", b"k"), Record(None))) == [b"a", b""]


def test_columns_in_the_order_asked_for() -> None:
    write = columns_writer(["offset", "key", "value", "headers", "timestamp"], b"|")
    record = Record(b"v", b"k", ((b"a", b"1"), (b"b", None)), 1700000000123, 5)

    assert write(fetched(record)) == [b"5|k|v|a=1,b=|2023-11-14T22:13:20.123Z"]
