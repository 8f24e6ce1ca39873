"""Messages as text: what `produce` reads and `consume` writes.

As lines of JSON nothing gets lost: bytes that are no text become {"base64": "…"}, and headers of
the same name a list of pairs. What one writes, the other reads.
"""

import base64
import binascii
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.fetcher import Fetched
from anymq.cli.output import time_text
from anymq.storage.records import Header, Record

Parsed = tuple[Record, int | None]  # a message, and its partition if it says one


def now_ms() -> int:
    """Return what producers stamp messages with."""
    return time.time_ns() // 1_000_000


# --- reading -----------------------------------------------------------------------------------


def line_parser(
    *,
    key: bytes | None,
    key_separator: bytes | None,
    headers: Sequence[Header],
    null_marker: bytes | None,
) -> Callable[[bytes], Parsed]:
    """Return what makes a message of a line of text."""

    def parse(line: bytes) -> Parsed:
        own_key: bytes | None = key
        value: bytes | None = line
        if key_separator is not None:
            own_key, separator, value = line.partition(key_separator)
            if not separator:
                raise CommandFailed(f"no {key_separator.decode()!r} in the line {line[:80]!r}")
        if null_marker is not None:
            own_key = None if own_key == null_marker else own_key
            value = None if value == null_marker else value
        return Record(value, own_key, headers, now_ms()), None

    return parse


def parse_json(line: bytes) -> Parsed:
    """Make a message of a JSON object; all its fields are optional."""
    try:
        fields = msgspec.json.decode(line)
        if not isinstance(fields, dict):
            raise ValueError("it is no object")
        timestamp, partition = fields.get("timestamp"), fields.get("partition")
        for number in (timestamp, partition):
            if number is not None and not isinstance(number, int):
                raise ValueError(f"{number!r} is no whole number")
        record = Record(
            _from_json(fields.get("value")),
            _from_json(fields.get("key")),
            _headers_from_json(fields.get("headers")),
            now_ms() if timestamp is None else timestamp,
        )
    except (msgspec.DecodeError, ValueError, binascii.Error) as error:
        raise CommandFailed(f"cannot read the line {line[:80]!r}: {error}") from error
    return record, partition


def _from_json(value: object) -> bytes | None:
    """Text stays as it is, bytes are base64, anything else is kept as JSON."""
    match value:
        case None:
            return None
        case str():
            return value.encode()
        case {"base64": str() as text, **rest} if not rest:
            return base64.b64decode(text, validate=True)
        case _:
            return msgspec.json.encode(value)


def _headers_from_json(headers: object) -> Sequence[Header]:
    match headers:
        case None:
            return ()
        case dict():
            pairs = list(headers.items())
        case list():
            pairs = [_pair(each) for each in headers]
        case _:
            raise ValueError("headers are an object, or a list of pairs")
    return tuple((str(name).encode(), _from_json(value)) for name, value in pairs)


def _pair(each: object) -> tuple[object, object]:
    if not isinstance(each, list) or len(each) != 2:
        raise ValueError("a header in a list is a pair")
    return each[0], each[1]


# --- writing -----------------------------------------------------------------------------------

Column = Callable[[Fetched, Record], bytes]


def write_raw(fetched: Fetched) -> list[bytes]:
    """Values only, a line each; one that is null is an empty line."""
    return [record.value or b"" for record in fetched.records]


def write_json(fetched: Fetched) -> list[bytes]:
    """One JSON object a line."""
    encode = msgspec.json.Encoder().encode
    return [
        encode(
            {
                "topic": fetched.topic,
                "partition": fetched.partition,
                "offset": record.offset,
                "timestamp": record.timestamp,
                "key": _to_json(record.key),
                "value": _to_json(record.value),
                "headers": _headers_to_json(record.headers),
            }
        )
        for record in fetched.records
    ]


def columns_writer(names: Sequence[str], separator: bytes) -> Callable[[Fetched], list[bytes]]:
    """Return what writes some of a message's parts, with `separator` between them."""
    columns = [COLUMNS[name] for name in names]

    def write(fetched: Fetched) -> list[bytes]:
        return [
            separator.join([column(fetched, record) for column in columns])
            for record in fetched.records
        ]

    return write


def _headers_text(headers: Sequence[Header]) -> bytes:
    return b",".join(name + b"=" + (value or b"") for name, value in headers)


COLUMNS: Mapping[str, Column] = {
    "topic": lambda fetched, _: fetched.topic.encode(),
    "partition": lambda fetched, _: b"%d" % fetched.partition,
    "offset": lambda _, record: b"%d" % record.offset,
    "timestamp": lambda _, record: time_text(record.timestamp).encode(),
    "headers": lambda _, record: _headers_text(record.headers),
    "key": lambda _, record: record.key or b"",
    "value": lambda _, record: record.value or b"",
}


def _to_json(data: bytes | None) -> object:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _headers_to_json(headers: Sequence[Header]) -> object:
    pairs = [(name.decode(errors="replace"), _to_json(value)) for name, value in headers]
    return dict(pairs) if len({name for name, _ in pairs}) == len(pairs) else pairs
