"""From the bytes of a Fetch answer to records."""

from collections.abc import Iterator, Sequence

from anymq.cli.errors import CommandFailed
from anymq.storage.batch import (
    CONTROL,
    HEADER_BYTES,
    LENGTH_END,
    LOG_APPEND_TIME,
    MAGIC,
    TRANSACTIONAL,
    BatchHeader,
    read_header,
)
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import Buffer
from anymq.storage.records import Record, iterate

Aborted = Sequence[tuple[int, int]]  # (producer id, first offset of what it took back)


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


class CommittedOnly:
    """Leaves out what transactions took back: the rule of read_committed."""

    def __init__(self, aborted: Aborted) -> None:
        self._coming = sorted(aborted, key=lambda each: each[1])
        self._producers: set[int] = set()

    def keeps(self, header: BatchHeader, batch: Buffer) -> bool:
        """Say if this batch, the next one of its partition, is to be seen."""
        while self._coming and self._coming[0][1] < header.next_offset:
            self._producers.add(self._coming.pop(0)[0])
        if header.attributes & CONTROL:
            if _is_abort(batch):
                self._producers.discard(header.producer_id)
            return False
        taken_back = header.producer_id in self._producers
        return not (header.attributes & TRANSACTIONAL and taken_back)


def _is_abort(batch: Buffer) -> bool:
    """A control record's key is a version and a type, two bytes each; type 0 is an abort."""
    return any((record.key or b"")[2:4] == b"\0\0" for record in iterate(batch))
