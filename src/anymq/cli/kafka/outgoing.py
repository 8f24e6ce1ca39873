"""What a producer has to send, in pieces that a broker takes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from anymq.storage.records import Record

RECORD_OVERHEAD_BYTES = 32  # about what a record takes besides key, value and headers
SEQUENCE_END = 1 << 31


@dataclass(slots=True)
class Batch:
    """Records of one partition, to be sent in one piece."""

    topic: str
    partition: int
    records: list[Record] = field(default_factory=list)
    size: int = 0
    sequence: int = -1

    def add(self, record: Record) -> int:
        """Take one more; return its size."""
        size = size_of(record)
        self.records.append(record)
        self.size += size
        return size


def size_of(record: Record) -> int:
    """Estimate what a record takes in a batch."""
    size = RECORD_OVERHEAD_BYTES + len(record.value or b"") + len(record.key or b"")
    for name, value in record.headers:
        size += len(name) + len(value or b"") + 4
    return size


def one_per_partition(batches: Sequence[Batch]) -> list[list[Batch]]:
    """Divide batches into requests: each may hold one of a partition only."""
    requests: list[dict[tuple[str, int], Batch]] = []
    for batch in batches:
        where = (batch.topic, batch.partition)
        for request in requests:
            if where not in request:
                request[where] = batch
                break
        else:
            requests.append({where: batch})
    return [list(request.values()) for request in requests]


def halves(batch: Batch) -> Iterator[Batch]:
    """Divide a batch that the broker finds too large; the sequence goes on as it was."""
    middle = len(batch.records) // 2
    for start, end in ((0, middle), (middle, len(batch.records))):
        half = Batch(batch.topic, batch.partition)
        for record in batch.records[start:end]:
            half.add(record)
        half.sequence = -1 if batch.sequence < 0 else (batch.sequence + start) % SEQUENCE_END
        yield half
