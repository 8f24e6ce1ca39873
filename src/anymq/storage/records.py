"""Records: what is inside a record batch v2.

    length · attributes 1 · timestamp delta · offset delta · key length, key · value length, value
    · header count, (name length, name, value length, value)…          (all numbers are varints)

Most batches pass through us unopened. Those we write ourselves are built here; those we must look
into (compaction, time lookup, other protocols, `anymq consume`) are read here.
"""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from anymq.storage import varints
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, LOG_APPEND_TIME, MAGIC, BatchHeader, check
from anymq.storage.compression import Compression, compress, decompress
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer

# What one batch may become when decompressed: Kafka's default for a whole request.
DECOMPRESSED_BYTES_MAX = 100 * 1024 * 1024

NO_PRODUCER = -1
PART_BYTES_MIN = 4 * 1024  # on average: else it is quicker to put parts together first

Header = tuple[bytes, bytes | None]

_BEFORE_CRC = Struct(">qiib")
_CRC = Struct(">I")
_AFTER_CRC = Struct(">hiqqqhii")
_NULL = varints.encode(-1)


class Record(NamedTuple):
    """One record. When building, `offset` is not looked at: the log decides it."""

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[Header] = ()  # names are UTF-8, and may come twice
    timestamp: int = 0  # milliseconds since 1970
    offset: int = -1


# Where a record lies within its batch's (decompressed) records, for those who only look: offset
# delta, timestamp delta, key, start, where its value's length is, end. A plain tuple: this is made
# for every record that compaction or a reader walks over.
Slice = tuple[int, int, bytes | None, int, int, int]
# How far a walk came: where its last record ends, how many there were, offset delta of the last.
After = tuple[int, int, int]
BEGINNING: After = (0, 0, -1)


def build(
    records: Sequence[Record],
    *,
    base_offset: int = 0,
    compression: Compression = Compression.NONE,
    attributes: int = 0,
    producer_id: int = NO_PRODUCER,
    producer_epoch: int = -1,
    base_sequence: int = -1,
) -> bytes:
    """Make one batch of these records."""
    if not records:
        raise ValueError("a batch needs a record")
    base_timestamp = records[0].timestamp
    return seal(
        b"".join(
            [
                encode_record(delta, record.timestamp - base_timestamp, record)
                for delta, record in enumerate(records)
            ]
        ),
        BatchHeader(
            base_offset=base_offset,
            length=0,
            leader_epoch=0,
            magic=MAGIC,
            crc=0,
            attributes=attributes | compression,
            last_offset_delta=len(records) - 1,
            base_timestamp=base_timestamp,
            max_timestamp=max(record.timestamp for record in records),
            producer_id=producer_id,
            producer_epoch=producer_epoch,
            base_sequence=base_sequence,
            record_count=len(records),
        ),
    )


def build_run(
    values: Sequence[bytes],
    *,
    timestamp: int,
    key: bytes | None = None,
    headers: Sequence[Header] | bytes = (),
    base_offset: int = 0,
    base_sequence: int = -1,
) -> bytes:
    """Make one batch of values that share all else: four times as fast as `build`.

    Headers may be written already, see `encode_headers`.
    """
    if not values:
        raise ValueError("a batch needs a record")
    last, count = len(values) - 1, len(values)
    fields = BatchHeader(
        *(base_offset, 0, 0, MAGIC, 0, 0, last, timestamp, timestamp, NO_PRODUCER, -1),
        *(base_sequence, count),
    )
    return seal(_encode_run(values, key, headers), fields)


def seal(records: bytes, fields: BatchHeader) -> bytes:
    """Make a batch: compress the records as the attributes say, fill in length and checksum."""
    if fields.compression:
        records = compress(records, fields.compression)
    return _sealed((records,), len(records), fields)


def seal_parts(parts: Sequence[bytes], fields: BatchHeader) -> bytes:
    """As `seal`, of records in pieces: large ones are copied once, not twice."""
    size = sum(map(len, parts))
    if fields.compression or size < PART_BYTES_MIN * len(parts):
        return seal(b"".join(parts), fields)
    return _sealed(parts, size, fields)


def _sealed(parts: Sequence[bytes], size: int, fields: BatchHeader) -> bytes:
    after = _AFTER_CRC.pack(*fields[5:])
    checksum = crc32c(after)
    for part in parts:
        checksum = crc32c(part, checksum)
    before = _BEFORE_CRC.pack(
        fields.base_offset, HEADER_BYTES - LENGTH_END + size, fields.leader_epoch, MAGIC
    )
    return b"".join((before, _CRC.pack(checksum), after, *parts))


def iterate(batch: Buffer, *, bytes_max: int = DECOMPRESSED_BYTES_MAX) -> Iterator[Record]:
    """Read the records of one whole batch; CorruptBatch, at once or on the way, when damaged."""
    header = check(batch)
    base_offset, base_time = header.base_offset, header.base_timestamp
    append_time = header.max_timestamp if header.attributes & LOG_APPEND_TIME else None
    body = body_of(batch, header, bytes_max=bytes_max)
    for item in slices(body, header):
        delta, time_delta, key, _start, value_start, end = item
        value, headers = value_of(body, value_start, end)
        time = base_time + time_delta if append_time is None else append_time
        yield Record(value, key, headers, time, base_offset + delta)


def first_at(
    batch: Buffer, timestamp: int, *, start: int = 0, bytes_max: int = DECOMPRESSED_BYTES_MAX
) -> tuple[int, int] | None:
    """Return (offset, timestamp) of the first record from `start` on not older than `timestamp`."""
    header = check(batch)
    if header.max_timestamp < timestamp:
        return None
    if header.attributes & LOG_APPEND_TIME:
        return max(header.base_offset, start), header.max_timestamp
    body = body_of(batch, header, bytes_max=bytes_max)
    for delta, time_delta, *_rest in slices(body, header):
        offset, time = header.base_offset + delta, header.base_timestamp + time_delta
        if time >= timestamp and offset >= start:
            return offset, time
    return None


def has_keyless(batch: Buffer, *, bytes_max: int = DECOMPRESSED_BYTES_MAX) -> bool:
    """Is there a record without a key? A compacted topic cannot take it."""
    header = check(batch)
    body = body_of(batch, header, bytes_max=bytes_max)
    return any(item[2] is None for item in slices(body, header))


def body_of(
    batch: Buffer, header: BatchHeader, *, bytes_max: int = DECOMPRESSED_BYTES_MAX
) -> bytes:
    """Return the records of a checked batch, decompressed."""
    if header.size == HEADER_BYTES:  # compaction left the header only
        return b""
    return decompress(memoryview(batch)[HEADER_BYTES:], header.compression, bytes_max)


def slices(body: bytes, header: BatchHeader, after: After = BEGINNING) -> Iterator[Slice]:
    """Find the records: all but their values and headers. CorruptBatch when they do not add up.

    `after`: go on where an earlier walk was.

    Numbers of one byte are read in line (benchmarks/micro/records.py: twice as fast).
    """
    (position, done, last_delta), decode = after, varints.decode
    try:
        for _ in range(header.record_count - done):
            size, at = decode(body, position)
            end = at + size
            if size <= 0 or end > len(body):
                raise CorruptBatch(f"a record of {size} bytes does not fit into its batch")
            if (byte := body[at + 1]) < 0x80:
                time_delta, at = (byte >> 1) ^ -(byte & 1), at + 2
            else:
                time_delta, at = decode(body, at + 1)
            delta, at = decode(body, at)
            if not last_delta < delta <= header.last_offset_delta:
                raise CorruptBatch(f"offset delta {delta} after {last_delta}")
            key, at = _bytes_at(body, at, end)
            yield delta, time_delta, key, position, at, end
            position, last_delta = end, delta
    except (IndexError, ValueError) as error:
        raise CorruptBatch(f"cannot read the records: {error}") from None
    if position != len(body):
        raise CorruptBatch(f"{len(body) - position} bytes after the last record")


def is_tombstone(body: bytes, value_start: int) -> bool:
    """Is there no value? On a compacted log that means: delete this key."""
    return body[value_start] & 1 == 1  # the lowest bit of a zigzag number is its sign


def value_of(body: bytes, value_start: int, end: int) -> tuple[bytes | None, tuple[Header, ...]]:
    """Return the value and the headers of a record that `slices` found."""
    try:
        value, at = _bytes_at(body, value_start, end)
        if at + 1 == end and body[at] == 0:
            return value, ()
        headers, at = _headers_at(body, at, end)
    except (IndexError, ValueError) as error:
        raise CorruptBatch(f"cannot read a record: {error}") from None
    if at != end:
        raise CorruptBatch("a record ends elsewhere than it says")
    return value, headers


def split_of(body: bytes, value_start: int, end: int) -> tuple[bytes | None, bytes]:
    """Return the value of a record that `slices` found, and its headers as they are written."""
    try:
        value, at = _bytes_at(body, value_start, end)
    except (IndexError, ValueError) as error:
        raise CorruptBatch(f"cannot read a record: {error}") from None
    return value, body[at:end]


def headers_of(written: bytes) -> tuple[Header, ...]:
    """Read the headers of one record; CorruptBatch when these bytes are none."""
    try:
        headers, at = _headers_at(written, 0, len(written))
    except (IndexError, ValueError) as error:
        raise CorruptBatch(f"cannot read headers: {error}") from None
    if at != len(written):
        raise CorruptBatch("the headers end elsewhere than they say")
    return headers


def encode_headers(headers: Sequence[Header]) -> bytes:
    """Write the headers of one record, their count before them."""
    number = varints.encode
    parts = [number(len(headers))]
    for name, value in headers:
        parts += (number(len(name)), name)
        parts += (_NULL,) if value is None else (number(len(value)), value)
    return b"".join(parts)


def encode_with_headers(
    offset_delta: int, timestamp_delta: int, key: bytes | None, value: bytes | None, headers: bytes
) -> bytes:
    """Encode one record whose headers are written already."""
    number = varints.encode
    rest = b"".join(
        (
            b"\0",
            number(timestamp_delta),
            number(offset_delta),
            _NULL if key is None else number(len(key)) + key,
            _NULL if value is None else number(len(value)),
            value or b"",
            headers,
        )
    )
    return number(len(rest)) + rest


def _bytes_at(body: bytes, position: int, limit: int) -> tuple[bytes | None, int]:
    size = body[position]
    if size < 0x80:
        size, position = (size >> 1) ^ -(size & 1), position + 1
    else:
        size, position = varints.decode(body, position)
    if size < 0:
        return None, position
    end = position + size
    if end > limit:
        raise ValueError(f"{size} bytes do not fit into the record")
    return body[position:end], end


def _headers_at(body: bytes, position: int, limit: int) -> tuple[tuple[Header, ...], int]:
    count, position = varints.decode(body, position)
    if count < 0:
        raise ValueError(f"{count} headers")
    headers: list[Header] = []
    while len(headers) < count:  # a lying count ends with the bytes, whatever it says
        name, position = _bytes_at(body, position, limit)
        if name is None:
            raise ValueError("a header without a name")
        value, position = _bytes_at(body, position, limit)
        headers.append((name, value))
    return tuple(headers), position


def encode_record(offset_delta: int, timestamp_delta: int, record: Record) -> bytes:
    """Encode one record."""
    headers = encode_headers(record.headers) if record.headers else b"\0"
    return encode_with_headers(offset_delta, timestamp_delta, record.key, record.value, headers)


# Where the offset delta starts to take one byte more.
_OFFSET_WIDTHS = [1 << bits for bits in (0, 6, 13, 20, 27)]


def _encode_run(
    values: Sequence[bytes], key: bytes | None, headers: Sequence[Header] | bytes
) -> bytes:
    """Encode from a template: all that is alike is made once per length, and joined once.

    Each record's headers are joined in front of the next one: four parts a record, not five.
    """
    tail = headers if isinstance(headers, bytes) else encode_headers(headers)
    parts: list[bytes] = []
    first = 0
    for width, limit in enumerate(_OFFSET_WIDTHS[1:], 1):
        if block := values[first:limit]:
            parts += _run_parts(block, first, width, key, tail)
            first = limit
    parts[0] = parts[0][len(tail) :]
    parts.append(tail)
    return b"".join(parts)


def _run_parts(
    values: Sequence[bytes], first: int, width: int, key: bytes | None, tail: bytes
) -> list[bytes]:
    """Return the parts of records whose offset deltas all take `width` bytes."""
    number = varints.encode
    key_part = _NULL if key is None else number(len(key)) + key
    sizes = list(map(len, values))
    heads, mids = {}, {}
    for size in set(sizes):
        mids[size] = mid = key_part + number(size)
        heads[size] = tail + number(2 + width + len(mid) + size + len(tail)) + b"\0\0"
    parts = [b""] * (4 * len(values))
    parts[0::4] = map(heads.__getitem__, sizes)
    parts[1::4] = _offsets(first, len(values))
    parts[2::4] = map(mids.__getitem__, sizes)
    parts[3::4] = values
    return parts


def _offsets(first: int, count: int) -> list[bytes]:
    known = varints.SMALL[first : first + count]
    return known or [varints.encode(delta) for delta in range(first, first + count)]
