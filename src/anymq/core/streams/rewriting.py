"""The slow path of an append: topics that need more than a batch's header, or another batch.

Most topics take batches as they come. A compacted one must know that every record has a key, one
with LogAppendTime writes its own time into the header, one with its own compression compresses
again.
"""

from struct import Struct

from anymq.config.units import MIB
from anymq.core.errors import TooLarge
from anymq.core.streams.errors import InvalidRecord
from anymq.core.streams.topic_config import TopicConfig
from anymq.storage import records
from anymq.storage.batch import COMPRESSION_MASK, LOG_APPEND_TIME, BatchHeader, crc_of, read_header
from anymq.storage.files import Buffer

_CRC, _CRC_AT = Struct(">I"), 17
_ATTRIBUTES, _ATTRIBUTES_AT = Struct(">h"), 21
_MAX_TIMESTAMP, _MAX_TIMESTAMP_AT = Struct(">q"), 35


def prepare(
    batch: Buffer, header: BatchHeader, config: TopicConfig, now_ms: int
) -> tuple[Buffer, BatchHeader]:
    """Return the batch as this topic keeps it; refuse what it cannot keep."""
    recompresses = config.compression not in {None, header.compression}
    if config.compact or recompresses:
        body = _opened(batch, header, config)
        if recompresses:
            batch, header = _recompressed(body, header, config)
    if config.log_append_time:
        batch, header = _stamped(batch, header, now_ms)
    return batch, header


# Unpacking is our work, and a bomb is cheap to send: so much is honest, more is refused.
RATIO_MAX = 32
RECORDS_MAX = 500_000


def _opened(batch: Buffer, header: BatchHeader, config: TopicConfig) -> bytes:
    honest = RATIO_MAX * max(config.max_message_bytes, MIB)
    limit = min(config.max_decompressed_bytes, honest, records.DECOMPRESSED_BYTES_MAX)
    if header.record_count > RECORDS_MAX:
        raise InvalidRecord(f"{header.record_count} records in a batch that has to be unpacked")
    body = records.body_of(batch, header, bytes_max=limit)
    for position, (_, _, key, _, _, _) in enumerate(records.slices(body, header)):
        if key is None and config.compact:
            raise InvalidRecord(f"record {position}: a compacted topic takes none without a key")
    return body


def _recompressed(
    body: bytes, header: BatchHeader, config: TopicConfig
) -> tuple[Buffer, BatchHeader]:
    assert config.compression is not None
    attributes = header.attributes & ~COMPRESSION_MASK | config.compression
    batch = records.seal(body, header._replace(attributes=attributes))
    if len(batch) > config.max_message_bytes:
        raise TooLarge(
            f"a batch of {len(batch)} bytes after compression, "
            f"at most {config.max_message_bytes} are allowed"
        )
    return batch, read_header(batch)


def _stamped(batch: Buffer, header: BatchHeader, now_ms: int) -> tuple[Buffer, BatchHeader]:
    """Write the broker's time over the producer's; both are under the checksum."""
    stamped = bytearray(batch)
    _ATTRIBUTES.pack_into(stamped, _ATTRIBUTES_AT, header.attributes | LOG_APPEND_TIME)
    _MAX_TIMESTAMP.pack_into(stamped, _MAX_TIMESTAMP_AT, now_ms)
    _CRC.pack_into(stamped, _CRC_AT, crc_of(stamped))
    return stamped, read_header(stamped)
