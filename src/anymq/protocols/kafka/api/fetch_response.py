"""FetchResponse, written by hand: the records in it are ranges of files, never bytes of ours.

benchmarks/micro/kafka_requests.py measures it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from uuid import UUID

from anymq.core.shares.queue_view import Packed
from anymq.core.taps import Tap
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.primitives import uvarint
from anymq.protocols.session import Output
from anymq.storage.files import FileRange

FLEXIBLE = 12
_TOPIC_IDS = 13

_HEAD = Struct(">ihi")  # throttle, error, session
_THROTTLE = Struct(">i")
_COUNT = Struct(">i")
_LENGTH = Struct(">h")
_PARTITION_4 = Struct(">ihqqii")  # index, error, high watermark, stable end, aborted, size
_PARTITION_5 = Struct(">ihqqqii")  # … and log start
_PARTITION_11 = Struct(">ihqqqiii")  # … and preferred replica
_PARTITION_12 = Struct(">ihqqqbi")  # the count of aborted transactions is a varint now


@dataclass(slots=True)
class PartitionAnswer:
    """What is said of one partition."""

    index: int
    error: ErrorCode = ErrorCode.NONE
    high_watermark: int = -1
    log_start: int = -1
    records: FileRange | Packed | None = None
    tap: Tap | None = None  # who listens to what goes out of its topic

    @property
    def size(self) -> int:
        """How many bytes of records."""
        return self.records.size if self.records is not None else 0


@dataclass(slots=True)
class TopicAnswer:
    """What is said of one topic."""

    name: str
    id: UUID
    partitions: list[PartitionAnswer]


def encode(
    topics: Sequence[TopicAnswer],
    version: int,
    *,
    error: ErrorCode = ErrorCode.NONE,
    session_id: int = 0,
    committed_only: bool = False,
) -> tuple[list[Output], int]:
    """Return the body's pieces and how long they are together."""
    body = _Body()
    if version >= 7:
        body.add(_HEAD.pack(0, error, session_id))
    else:
        body.add(_THROTTLE.pack(0))
    body.add(_count(len(topics), version))
    for topic in topics:
        _add_topic(body, topic, version, committed_only)
    if version >= FLEXIBLE:
        body.add(b"\0")
    return body.finish()


def _add_topic(body: "_Body", topic: TopicAnswer, version: int, committed_only: bool) -> None:
    body.add(_topic_name(topic, version) + _count(len(topic.partitions), version))
    add_partition = _add_flexible if version >= FLEXIBLE else _add_plain
    for partition in topic.partitions:
        add_partition(body, partition, version, committed_only)
    if version >= FLEXIBLE:
        body.add(b"\0")


def _topic_name(topic: TopicAnswer, version: int) -> bytes:
    if version >= _TOPIC_IDS:
        return topic.id.bytes
    name = topic.name.encode()
    if version >= FLEXIBLE:
        return uvarint(len(name) + 1) + name
    return _LENGTH.pack(len(name)) + name


def _add_plain(body: "_Body", said: PartitionAnswer, version: int, committed_only: bool) -> None:
    aborted = 0 if committed_only and not said.error else -1  # an empty array, or none
    seen = said.high_watermark
    if version >= 11:
        head = _PARTITION_11.pack(
            said.index, said.error, seen, seen, said.log_start, aborted, -1, said.size
        )
    elif version >= 5:
        head = _PARTITION_5.pack(
            said.index, said.error, seen, seen, said.log_start, aborted, said.size
        )
    else:
        head = _PARTITION_4.pack(said.index, said.error, seen, seen, aborted, said.size)
    body.add(head)
    if said.records is not None:
        body.add_records(said.records)


def _add_flexible(body: "_Body", said: PartitionAnswer, _: int, committed_only: bool) -> None:
    seen = said.high_watermark
    aborted = 1 if committed_only and not said.error else 0
    body.add(_PARTITION_12.pack(said.index, said.error, seen, seen, said.log_start, aborted, -1))
    body.add(uvarint(said.size + 1))
    if said.records is not None:
        body.add_records(said.records)
    body.add(b"\0")


def _count(count: int, version: int) -> bytes:
    return uvarint(count + 1) if version >= FLEXIBLE else _COUNT.pack(count)


class _Body:
    """Bytes and file ranges in the order of the wire; neighbouring bytes become one piece."""

    def __init__(self) -> None:
        self._pieces: list[Output] = []
        self._bytes: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        self._bytes.append(data)

    def add_records(self, records: FileRange | Packed) -> None:
        if isinstance(records, Packed):
            self.add(records.data)
            return
        self._end_bytes()
        self._pieces.append(records)
        self._size += records.size

    def finish(self) -> tuple[list[Output], int]:
        self._end_bytes()
        return self._pieces, self._size

    def _end_bytes(self) -> None:
        data = b"".join(self._bytes)
        self._bytes.clear()
        if data:
            self._pieces.append(data)
            self._size += len(data)
