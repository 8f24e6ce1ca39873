"""The few requests a load generator needs, encoded once and sent a million times.

Produce 8 and Fetch 11 are the newest versions without compact encodings; each Kafka 4.x has them.
"""

import struct

from crc32c import crc32c

BATCH_BYTES = 16_384  # the default batch.size of Kafka's own producer
FETCH_BYTES_MAX = 50 * 1024 * 1024  # the defaults of Kafka's own consumer
PARTITION_BYTES_MAX = 1024 * 1024
FETCH_WAIT_MS = 500
TIMEOUT_MS = 30_000
BATCH_HEAD = struct.Struct(">qiibIhiqqqhii")
BATCH_OVERHEAD = BATCH_HEAD.size
CRC_AT, CRC_FROM = 17, 21
PRODUCE_ERROR_FROM_END = -40  # error code of an answer with one partition, from its end


def batch(value_bytes: int, count: int = 0, now_ms: int = 0) -> tuple[bytes, int]:
    """A record batch of `count` records, or as many as a default batch holds; and how many."""
    value = (b"0123456789abcdef" * (value_bytes // 16 + 1))[:value_bytes]
    records = bytearray()
    number = 0
    while number < count or (not count and len(records) + BATCH_OVERHEAD < BATCH_BYTES):
        records += record(number, value)
        number += 1
    length = BATCH_OVERHEAD - 12 + len(records)
    head = (0, length, -1, 2, 0, 0, number - 1, now_ms, now_ms, -1, -1, -1, number)
    whole = bytearray(BATCH_HEAD.pack(*head) + records)
    struct.pack_into(">I", whole, CRC_AT, crc32c(memoryview(whole)[CRC_FROM:]))
    return bytes(whole), number


def record(offset_delta: int, value: bytes) -> bytes:
    """One record without key, headers and time of its own."""
    body = b"\0\0" + varint(offset_delta) + varint(-1) + varint(len(value)) + value + b"\0"
    return varint(len(body)) + body


def varint(number: int) -> bytes:
    """Zigzag, seven bits at a time."""
    rest = (number << 1) ^ (number >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def produce(topic: str, partition: int, records: bytes, acks: int) -> bytes:
    """A whole Produce request for one partition."""
    body = struct.pack(">hhi", -1, acks, TIMEOUT_MS) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">iii", 1, partition, len(records)) + records
    return frame(0, 8, body)


def fetch(topic: str, partition: int, offset: int) -> bytes:
    """A whole Fetch request for one partition, without a session."""
    body = struct.pack(">iiiib", -1, FETCH_WAIT_MS, 1, FETCH_BYTES_MAX, 0)
    body += struct.pack(">ii", 0, -1) + struct.pack(">i", 1) + text(topic)
    body += struct.pack(">iiiqqi", 1, partition, -1, offset, -1, PARTITION_BYTES_MAX)
    return frame(1, 11, body + struct.pack(">i", 0) + text(""))


def frame(key: int, version: int, body: bytes) -> bytes:
    """A request header of version 1 and the body, behind their length."""
    head = struct.pack(">hhi", key, version, 7) + text("bench")
    return struct.pack(">i", len(head) + len(body)) + head + body


def text(value: str) -> bytes:
    """A string with its length."""
    return struct.pack(">h", len(value)) + value.encode()


def fetched_records(answer: memoryview, topic: str) -> tuple[int, memoryview]:
    """The error code and the record batches of an answer about one partition."""
    # correlation, throttle, error, session, topics, name, partitions, index
    at = 4 + 4 + 2 + 4 + 4 + 2 + len(topic) + 4 + 4
    (error,) = struct.unpack_from(">h", answer, at)
    at += 2 + 8 + 8 + 8
    (aborted,) = struct.unpack_from(">i", answer, at)
    at += 4 + max(aborted, 0) * 16 + 4
    (size,) = struct.unpack_from(">i", answer, at)
    return error, answer[at + 4 : at + 4 + max(size, 0)]


def walk(batches: memoryview) -> tuple[int, int]:
    """The offset after the last whole batch (-1: there is none), and how many records they hold."""
    at, end, count = 0, -1, 0
    while at + BATCH_OVERHEAD <= len(batches):
        base, length = struct.unpack_from(">qi", batches, at)
        if at + 12 + length > len(batches):
            break
        (last_delta,) = struct.unpack_from(">i", batches, at + 23)
        end, count = base + last_delta + 1, count + last_delta + 1
        at += 12 + length
    return end, count
