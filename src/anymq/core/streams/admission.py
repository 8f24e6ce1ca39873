"""May this batch enter the topic? By its header alone: what a producer sent stays closed."""

from anymq.core.errors import TooLarge
from anymq.core.streams.config_def import LONG_MAX
from anymq.core.streams.errors import (
    InvalidRecord,
    InvalidTimestamp,
    TransactionsUnsupported,
    UnsupportedCompression,
)
from anymq.core.streams.topic_config import TopicConfig
from anymq.storage.batch import (
    COMPRESSION_MASK,
    CONTROL,
    HAS_DELETE_HORIZON,
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    BatchHeader,
)

ZSTD = 4
NO_TIMESTAMP = -1


def check(header: BatchHeader, size: int, config: TopicConfig, now_ms: int) -> None:
    """Refuse a batch that a client must not write. Hot: benchmarks/micro/append.py."""
    if size > config.max_message_bytes:
        raise TooLarge(f"a batch of {size} bytes, at most {config.max_message_bytes} are allowed")
    count = header.record_count
    if count <= 0 or count != header.last_offset_delta + 1:
        raise InvalidRecord(
            f"batch says it has {count} records and a last offset of {header.last_offset_delta}"
        )
    if header.attributes & ~COMPRESSION_MASK or header.attributes > ZSTD:
        _check_attributes(header.attributes)
    if header.producer_id >= 0 and (header.base_sequence < 0 or header.producer_epoch < 0):
        raise InvalidRecord(
            f"producer {header.producer_id} writes with sequence {header.base_sequence} "
            f"and epoch {header.producer_epoch}"
        )
    if not config.log_append_time:
        _check_time(header, config, now_ms)


def _check_attributes(attributes: int) -> None:
    if attributes & CONTROL:
        raise InvalidRecord("clients are not allowed to write control records")
    if attributes & COMPRESSION_MASK > ZSTD:
        raise UnsupportedCompression(f"no compression has number {attributes & COMPRESSION_MASK}")
    if attributes & LOG_APPEND_TIME:
        raise InvalidTimestamp("a producer must not set the timestamp type to LogAppendTime")
    if attributes & HAS_DELETE_HORIZON:
        raise InvalidRecord("a producer must not set a delete horizon")
    if attributes & TRANSACTIONAL:
        raise TransactionsUnsupported("transactions are not supported yet")


def _check_time(header: BatchHeader, config: TopicConfig, now_ms: int) -> None:
    newest = header.max_timestamp
    if newest - now_ms > config.timestamp_after_max_ms:
        raise _out_of_range(newest, config, now_ms)
    before = config.timestamp_before_max_ms
    if before != LONG_MAX and NO_TIMESTAMP != header.base_timestamp < now_ms - before:
        raise _out_of_range(header.base_timestamp, config, now_ms)


def _out_of_range(timestamp: int, config: TopicConfig, now_ms: int) -> InvalidTimestamp:
    return InvalidTimestamp(
        f"timestamp {timestamp} is out of range: it should be within "
        f"[{now_ms - config.timestamp_before_max_ms}, {now_ms + config.timestamp_after_max_ms}]"
    )
