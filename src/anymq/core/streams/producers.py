"""Idempotent producers: what each wrote last to one partition, so that no retry is written twice.

A producer numbers its records per partition. The broker keeps the last five batches of each (a
client may have five requests under way): one of these again is answered with the offset it has
already; anything but the next number is refused. All this is part of the log: it is rebuilt from
the log's batches and the snapshot kept beside them. Its bytes have a version: change them, raise
it.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError

from anymq.core.streams.errors import InvalidProducerEpoch, OutOfOrderSequence
from anymq.storage.batch import CONTROL, BatchHeader

SNAPSHOT_VERSION = 1
BATCHES_KEPT = 5  # Kafka's, and so its clients': max.in.flight.requests.per.connection is at most 5
SEQUENCE_MASK = 0x7FFF_FFFF  # after 2^31 - 1 comes 0
NO_SEQUENCE = -1
PRODUCERS_MAX = (
    100_000  # of one partition: a client that never reuses an id must not fill the memory
)

_HEAD = Struct(">BI")
_PRODUCER = Struct(">qhqiB")
_BATCH = Struct(">iiq")


@dataclass(slots=True)
class Producer:
    """What one producer wrote last. Survives a crash, see above."""

    epoch: int
    last_ms: int
    last_sequence: int = NO_SEQUENCE
    # (first sequence, last sequence, base offset) of the last batches, oldest first.
    batches: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=BATCHES_KEPT))


class Producers:
    """The producers of one partition."""

    def __init__(self) -> None:
        self._producers: dict[int, Producer] = {}

    def __len__(self) -> int:
        return len(self._producers)

    @property
    def all(self) -> Mapping[int, Producer]:
        """Every producer by its id."""
        return self._producers

    def duplicate_of(self, header: BatchHeader) -> int | None:
        """Return the offset of the batch that this one repeats; None when it is the next one.

        OutOfOrderSequence or InvalidProducerEpoch when it is neither.
        """
        producer = self._producers.get(header.producer_id)
        if producer is None:
            # Nothing known (any more: retention, expiry), so any number may be the next.
            return None
        first = header.base_sequence
        if header.producer_epoch == producer.epoch:
            if first == (producer.last_sequence + 1) & SEQUENCE_MASK:
                return None
            return _find(producer, header)
        if header.producer_epoch < producer.epoch:
            raise InvalidProducerEpoch(
                f"producer {header.producer_id} writes with epoch {header.producer_epoch}, "
                f"epoch {producer.epoch} has written already"
            )
        if first != 0:
            raise OutOfOrderSequence(
                f"producer {header.producer_id} begins epoch {header.producer_epoch} "
                f"with sequence {first}, not 0"
            )
        return None

    def add(self, header: BatchHeader, base_offset: int, now_ms: int) -> None:
        """Note a batch that was appended."""
        producer = self._producers.get(header.producer_id)
        if producer is None:
            producer = self._new(header, now_ms)
        elif header.producer_epoch != producer.epoch:
            producer.epoch = header.producer_epoch
            producer.batches.clear()
        first = header.base_sequence
        producer.last_sequence = last = (first + header.last_offset_delta) & SEQUENCE_MASK
        producer.last_ms = now_ms
        producer.batches.append((first, last, base_offset))

    def replay(self, headers: Iterable[BatchHeader]) -> None:
        """Note batches that are in the log, in order; nothing is refused any more."""
        for header in headers:
            if header.producer_id < 0:
                continue
            if header.attributes & CONTROL:
                self._replay_marker(header)
            else:
                self.add(header, header.base_offset, header.max_timestamp)

    def expire(self, before_ms: int) -> None:
        """Forget producers that have written nothing since."""
        old = [key for key, producer in self._producers.items() if producer.last_ms < before_ms]
        for key in old:
            del self._producers[key]

    def snapshot(self) -> bytes:
        """Return everything as bytes; none when there is nothing, as in most logs."""
        if not self._producers:
            return b""
        parts = [_HEAD.pack(SNAPSHOT_VERSION, len(self._producers))]
        for key, one in self._producers.items():
            parts.append(
                _PRODUCER.pack(key, one.epoch, one.last_ms, one.last_sequence, len(one.batches))
            )
            parts.extend(_BATCH.pack(*batch) for batch in one.batches)
        return b"".join(parts)

    @classmethod
    def restore(cls, data: bytes) -> "Producers | None":
        """Return what `snapshot` gave; None when it is from another version, or damaged."""
        if not data:
            return cls()
        try:
            return cls._restore(data)
        except StructError:
            return None

    @classmethod
    def _restore(cls, data: bytes) -> "Producers | None":
        version, count = _HEAD.unpack_from(data)
        if version != SNAPSHOT_VERSION:
            return None
        restored, position = cls(), _HEAD.size
        for _ in range(count):
            key, epoch, last_ms, last_sequence, batches = _PRODUCER.unpack_from(data, position)
            position += _PRODUCER.size
            producer = Producer(epoch, last_ms, last_sequence)
            for _ in range(batches):
                producer.batches.append(_BATCH.unpack_from(data, position))
                position += _BATCH.size
            restored._producers[key] = producer
        return restored

    def _new(self, header: BatchHeader, now_ms: int) -> Producer:
        if len(self._producers) >= PRODUCERS_MAX:
            self._make_room()
        producer = Producer(header.producer_epoch, now_ms)
        self._producers[header.producer_id] = producer
        return producer

    def _make_room(self) -> None:
        """Forget the tenth that has been silent the longest; seldom, so sorting is cheap enough."""
        by_age = sorted(self._producers, key=lambda key: self._producers[key].last_ms)
        for key in by_age[: PRODUCERS_MAX // 10]:
            del self._producers[key]

    def _replay_marker(self, header: BatchHeader) -> None:
        """End of a transaction: it carries no sequence, but perhaps a new epoch."""
        producer = self._producers.get(header.producer_id)
        if producer is None:
            producer = self._new(header, header.max_timestamp)
        elif header.producer_epoch > producer.epoch:
            producer.epoch = header.producer_epoch
            producer.last_sequence = NO_SEQUENCE
            producer.batches.clear()
        producer.last_ms = header.max_timestamp


def _find(producer: Producer, header: BatchHeader) -> int:
    first = header.base_sequence
    last = (first + header.last_offset_delta) & SEQUENCE_MASK
    for batch in producer.batches:
        if batch[0] == first and batch[1] == last:
            return batch[2]
    raise OutOfOrderSequence(
        f"producer {header.producer_id} writes sequence {first}, expected was "
        f"{(producer.last_sequence + 1) & SEQUENCE_MASK}"
    )
