"""Late: a record that comes to its partition later, and how it is kept until then.

It is finished: key, value and headers are what the partition gets, only its time is that of its
arrival. While it waits it is a record of its own:

key, value: the same · timestamp: when it is due
header `anymq.t`: partition · length, topic · when it came to us · the headers as they are written

Measured by benchmarks/micro/late.py.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from anymq.core.message import Form, Message
from anymq.core.portable.opener import Opener
from anymq.storage import records, varints
from anymq.storage.batch import MAGIC, BatchHeader, read_header

HEADER = b"anymq.t"
_START = b"\x02\x0e" + HEADER  # one header; its name's length, its name
_NOBODY = (records.NO_PRODUCER, -1, -1)


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


def encode(late: Sequence[LateRecord]) -> tuple[bytes, BatchHeader]:
    """Make a batch of these."""
    base_ms, last_ms, count = late[0].due_ms, max([one.due_ms for one in late]), len(late)
    number, parts = varints.encode, []
    before: tuple[str, int] | None = None
    named = came = b""
    for delta, (topic, partition, key, value, headers, came_ms, due_ms) in enumerate(late):
        if (topic, came_ms) != before:  # those of one turn mostly say the same
            name, before = topic.encode(), (topic, came_ms)
            named, came = number(len(name)) + name, number(came_ms)
        said = b"".join((number(partition), named, came, headers))
        written = b"".join((_START, number(len(said)), said))
        parts.append(records.encode_with_headers(delta, due_ms - base_ms, key, value, written))
    fields = BatchHeader(*(0, 0, 0, MAGIC, 0, 0, count - 1, base_ms, last_ms, *_NOBODY, count))
    batch = records.seal(b"".join(parts), fields)
    return batch, read_header(batch)


def decode(
    key: bytes | None, value: bytes | None, headers: bytes, due_ms: int
) -> LateRecord | None:
    """Read one again, with its headers as they are written; None when the record is no such one."""
    if not headers.startswith(_START):
        return None
    number = varints.decode
    _size, at = number(headers, len(_START))
    partition, at = number(headers, at)
    size, at = number(headers, at)
    topic = headers[at : at + size].decode()
    came_ms, at = number(headers, at + size)
    return LateRecord(topic, partition, key, value, headers[at:], came_ms, due_ms)


def shown(late: LateRecord, forms: Mapping[int, Form]) -> Message:
    """Return the message that its readers will see."""
    return Opener(late.topic, forms).open(late.key, late.value, late.headers, late.came_ms)
