"""Record batch v2: the unit of the log, of Kafka's wire and of replication.

    base offset 8 · length 4 · leader epoch 4 · magic 1 · crc 4 · attributes 2 · last offset delta 4
    · base timestamp 8 · max timestamp 8 · producer id 8 · producer epoch 2 · base sequence 4
    · record count 4 · records

The CRC covers everything after itself, so base offset and leader epoch can be written into a batch
that a client made without touching anything else.
"""

from struct import Struct
from typing import NamedTuple

from crc32c import crc32c

from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer

HEADER_BYTES = 61
LENGTH_END = 12  # base offset and length: what one must have to know where the batch ends
MAGIC = 2
_LENGTH_START = 8
CRC_START = 21

_HEADER = Struct(">qiibIhiqqqhii")
_PREFIX = Struct(">qii")
_LENGTH = Struct(">i")
assert _HEADER.size == HEADER_BYTES

COMPRESSION_MASK = 0x07
LOG_APPEND_TIME = 0x08
TRANSACTIONAL = 0x10
CONTROL = 0x20
HAS_DELETE_HORIZON = 0x40


class BatchHeader(NamedTuple):
    """The 61 bytes before the records."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch."""
        return self.length + LENGTH_END

    @property
    def next_offset(self) -> int:
        """The offset after the last record."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> int:
        """0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."""
        return self.attributes & COMPRESSION_MASK


def read_header(data: Buffer, position: int = 0) -> BatchHeader:
    """Read the header at `position`; nothing is checked."""
    return BatchHeader._make(_HEADER.unpack_from(data, position))


def size_at(data: Buffer, position: int) -> int:
    """Return how large the batch at `position` is; 0 when not all of it is there."""
    if position + HEADER_BYTES > len(data):
        return 0
    size: int = _LENGTH.unpack_from(data, position + _LENGTH_START)[0] + LENGTH_END
    return size if HEADER_BYTES <= size <= len(data) - position else 0


def check(data: Buffer) -> BatchHeader:
    """Return the header of the one whole batch that `data` is; CorruptBatch when it is not."""
    if len(data) < HEADER_BYTES:
        raise CorruptBatch(f"{len(data)} bytes are too few for a record batch")
    header = read_header(data)
    if header.magic != MAGIC:
        raise CorruptBatch(f"record batch of version {header.magic}, not {MAGIC}")
    if header.size != len(data):
        raise CorruptBatch(f"record batch says {header.size} bytes, has {len(data)}")
    if header.last_offset_delta < 0 or header.record_count < 0:
        raise CorruptBatch("record batch counts backwards")
    if crc_of(data) != header.crc:
        raise CorruptBatch("record batch fails its checksum")
    return header


def crc_of(data: Buffer) -> int:
    """Return the checksum that the batch `data` should carry."""
    return crc32c(memoryview(data)[CRC_START:])


def prefix(base_offset: int, length: int, leader_epoch: int) -> bytes:
    """Return the first 16 bytes, which the broker decides, for a batch a client made."""
    return _PREFIX.pack(base_offset, length, leader_epoch)
