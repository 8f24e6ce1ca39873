"""From the bytes of a Fetch answer to records."""

from collections.abc import Iterator

from anymq.cli.errors import CommandFailed
from anymq.protocols.kafka.committed import CommittedOnly
from anymq.storage.batch import (
    CONTROL,
    HEADER_BYTES,
    LENGTH_END,
    LOG_APPEND_TIME,
    MAGIC,
    BatchHeader,
    read_header,
)
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer
from anymq.storage.records import Record, iterate

__all__ = ["CommittedOnly", "has_append_time", "records_of", "split"]


def split(data: Buffer) -> Iterator[tuple[BatchHeader, memoryview]]:
    """Yield the whole batches; the last one of an answer may be cut off."""
    view = memoryview(data)
    pos = 0
    while len(view) - pos >= HEADER_BYTES:
        header = read_header(view, pos)
        if header.magic != MAGIC:
            raise CommandFailed(f"messages in a format before Kafka 0.11 (magic {header.magic})")
        if header.length < HEADER_BYTES - LENGTH_END:
            raise CommandFailed("what the broker sent is damaged: a batch of impossible length")
        if pos + header.size > len(view):
            return
        yield header, view[pos : pos + header.size]
        pos += header.size


def records_of(header: BatchHeader, batch: Buffer, first: int) -> list[Record]:
    """Return the records of one batch from offset `first` on; none of a control batch."""
    if header.attributes & CONTROL:
        return []
    try:
        records = list(iterate(batch))
    except CorruptBatch as error:
        raise CommandFailed(f"the batch at offset {header.base_offset}: {error}") from error
    return records if header.base_offset >= first else [r for r in records if r.offset >= first]


def has_append_time(header: BatchHeader) -> bool:
    """Did the broker set the timestamps?"""
    return bool(header.attributes & LOG_APPEND_TIME)
