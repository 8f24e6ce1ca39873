"""Half: a message that waits for its sender's word, and how it is a record.

It is the very record that its topic will get, and one header more:

header `anymq.h`: version · length, topic · partition · length, group · length, transaction's id
                  · length, user · how long nobody is to ask for it (-1: as the settings say)
"""

from collections.abc import Iterator
from dataclasses import dataclass

from anymq.core.queues.delayed import batches
from anymq.storage import records, varints
from anymq.storage.batch import BatchHeader, read_header
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.records import Record

HEADER = b"anymq.h"
_VERSION = 1
_TEXT = ("utf-8", "surrogateescape")  # names that are no UTF-8 come back as they were


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """A record, where it goes, and who decides whether it does. On disk."""

    topic: str
    partition: int
    group: str  # of producers: any of them may be asked
    transaction_id: str
    record: Record  # as its topic gets it; its timestamp: when it came to us
    user: str = ""
    immune_ms: int = -1  # nobody is asked sooner; -1: as the settings say

    def encode(self) -> tuple[bytes, BatchHeader]:
        """Make a batch of one."""
        number, text = varints.encode, _encode_text
        said = b"".join(
            (
                number(_VERSION),
                text(self.topic),
                number(self.partition),
                text(self.group),
                text(self.transaction_id),
                text(self.user),
                number(self.immune_ms),
            )
        )
        record = self.record
        batch = records.build([record._replace(headers=[*record.headers, (HEADER, said)])])
        return batch, read_header(batch)

    @classmethod
    def of(cls, record: Record) -> "Half":
        """Read it again. CorruptBatch, UnknownVersion."""
        if not record.headers or record.headers[-1][0] != HEADER:
            raise CorruptBatch("a record that is no half message")
        try:
            return cls._decode(record, record.headers[-1][1] or b"")
        except (IndexError, ValueError) as error:
            raise CorruptBatch(f"a half message cannot be read: {error}") from None

    @classmethod
    def _decode(cls, record: Record, said: bytes) -> "Half":
        version, at = varints.decode(said, 0)
        if version != _VERSION:
            raise UnknownVersion(f"half messages of version {version}, which is not known here")
        topic, at = _text_at(said, at)
        partition, at = varints.decode(said, at)
        group, at = _text_at(said, at)
        transaction_id, at = _text_at(said, at)
        user, at = _text_at(said, at)
        immune_ms, at = varints.decode(said, at)
        return cls(
            topic=topic,
            partition=partition,
            group=group,
            transaction_id=transaction_id,
            record=record._replace(headers=record.headers[:-1]),
            user=user,
            immune_ms=immune_ms,
        )


def read(data: bytes) -> Iterator[tuple[int, Half]]:
    """Yield the half messages of these batches, with their positions. StorageError."""
    for header, batch in batches(data):
        if header.record_count:
            for record in records.iterate(batch):
                yield record.offset, Half.of(record)


def _encode_text(text: str) -> bytes:
    written = text.encode(*_TEXT)
    return varints.encode(len(written)) + written


def _text_at(data: bytes, at: int) -> tuple[str, int]:
    size, at = varints.decode(data, at)
    if not 0 <= size <= len(data) - at:
        raise ValueError(f"a text of {size} bytes")
    return data[at : at + size].decode(*_TEXT), at + size
