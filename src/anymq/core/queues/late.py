"""Late: a record that comes to its partition later, and how it is kept until then.

It is finished: key, value and headers are what the partition gets, only its time is that of its
arrival. While it waits it is a record of its own:

key, value: the same · timestamp: when it is due
header `anymq.t`: partition · length, topic · when it came to us · the headers as they are written
"""

from collections.abc import Mapping
from typing import NamedTuple

from anymq.core.message import Form, Message
from anymq.core.portable.opener import Opener
from anymq.storage import records, varints
from anymq.storage.batch import BatchHeader, read_header
from anymq.storage.records import Record

HEADER = b"anymq.t"


class LateRecord(NamedTuple):
    """A record, and where it is to arrive. `headers` are written as a record has them."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: bytes
    came_ms: int
    due_ms: int

    @property
    def size(self) -> int:
        """How many bytes it has, about."""
        return len(self.key or b"") + len(self.value or b"") + len(self.headers)


def encode(late: LateRecord) -> tuple[bytes, BatchHeader]:
    """Make a batch of one."""
    number = varints.encode
    topic = late.topic.encode()
    said = b"".join(
        (number(late.partition), number(len(topic)), topic, number(late.came_ms), late.headers)
    )
    batch = records.build([Record(late.value, late.key, ((HEADER, said),), late.due_ms)])
    return batch, read_header(batch)


def decode(record: Record) -> LateRecord | None:
    """Read it again; None when the record is no such one."""
    said = next((value for name, value in record.headers if name == HEADER), None)
    if said is None:
        return None
    partition, at = varints.decode(said, 0)
    size, at = varints.decode(said, at)
    topic = said[at : at + size].decode()
    came_ms, at = varints.decode(said, at + size)
    return LateRecord(
        topic, partition, record.key, record.value, said[at:], came_ms, record.timestamp
    )


def shown(late: LateRecord, forms: Mapping[int, Form]) -> Message:
    """Return the message that its readers will see."""
    return Opener(late.topic, forms).open(late.key, late.value, late.headers, late.came_ms)
