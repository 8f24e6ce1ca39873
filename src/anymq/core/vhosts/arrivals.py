"""Arrivals: late records come to their partitions, each once, whenever we die.

In the commit in which a record is appended, a note of where it goes is on the disk before it is
(`LogConfig.leads`). After a crash, who is due again and has a note is looked for there: if the
same record is at that place, it has arrived. The place may also be another one's by now (the disk
was full, or a power cut took what was not synced), and then the record comes after all. Only where
the disk takes a record and not its note, and we die then, it comes twice.

Notes are of use until what arrived is settled; the log of them is cut now and then.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import sub

from anymq.config.units import KIB
from anymq.core.errors import Refused
from anymq.core.queues.late import LateRecord
from anymq.core.queues.settled import Settled
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.core.taps import BROKER
from anymq.observability.log import Log as News
from anymq.storage import records, varints
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, MAGIC, BatchHeader, read_header
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.log import Log, LogConfig
from anymq.storage.log_config import MIB

LOG_ID = 6
LOG_CONFIG = LogConfig(delete=False, leads=True, segment_bytes=1 * MIB)

BATCH_BYTES_MAX = 512 * KIB  # about: readers unpack a batch as a whole
RECORD_BYTES = 40  # at most: what a record takes besides its key, value and headers
NOTES_BYTES_MAX = 4 * MIB  # then those of no more use go
# What is settled is written soon and synced a second later; notes stay for longer than that.
NOTES_KEPT_MS = 60_000
_READ_BYTES = 1 * MIB
_NOBODY = (records.NO_PRODUCER, -1, -1)

Then = Callable[[Exception | None], None]
# Told positions of late records, and what went wrong with them.
Arrived = Callable[[Sequence[int], Exception | None], None]
Late = tuple[int, LateRecord]
Place = tuple[int, int]  # a log, an offset

news = News(__name__)


class Arrivals:
    """Where late records arrive. On the broker's thread only.

    `when_settled` calls when everything that was settled so far survives our death.
    """

    def __init__(
        self,
        log: Log,
        topics: Mapping[str, Topic],
        *,
        now_ms: Callable[[], int],
        when_settled: Callable[[Then], None],
        notes_bytes_max: int = NOTES_BYTES_MAX,
    ) -> None:
        self.gone = 0  # records whose topic there was no more
        self._log = log
        self._topics = topics
        self._now_ms = now_ms
        self._when_settled = when_settled
        self._notes_bytes_max = notes_bytes_max
        self._before: dict[int, Place] = {}  # noted in an earlier life, and not settled
        self._open: dict[int, int] = {}  # appended and not answered: the offset of its note
        self._notes: list[tuple[int, int, Sequence[int]]] = []  # a log, an offset, whose
        self._settled = Settled()
        self._mark = log.start  # notes before it were of no more use when there were last too many
        self._marked_ms = now_ms()
        self._cutting = False

    def restore(self, settled: Settled) -> None:
        """Read the notes of what is not settled. CorruptBatch; may then be called again."""
        self._before.clear()
        self._settled = settled
        offset = self._log.start
        while (found := self._log.read(offset, _READ_BYTES)) is not None:
            for batch in _batches(found.read()):
                for record in records.iterate(batch):
                    for position, place in _noted(record.value or b""):
                        if position not in settled:
                            self._before[position] = place
                    offset = record.offset + 1

    def arrive(self, late: Sequence[Late], then: Arrived) -> None:
        """Append these; `then` is told of them when they are as safe as their topics promise."""
        try:
            for partition, those in self._by_partition(late, then).items():
                for batch in _batches_of(those):
                    self._append(partition, batch, then)
        finally:
            self._write_notes()
        self._cut()

    def _by_partition(self, late: Sequence[Late], then: Arrived) -> dict[Partition, list[Late]]:
        found: dict[Partition, list[Late]] = {}
        for position, record in late:
            topic = self._topics.get(record.topic)
            if topic is None:
                self._note_gone(record)
                then([position], None)
                continue
            partition = topic.partitions[record.partition % len(topic.partitions)]
            try:
                if position in self._before and self._has(partition, position, record):
                    then([position], None)
                else:
                    found.setdefault(partition, []).append((position, record))
            except StorageError as error:
                then([position], error)
        return found

    def _has(self, partition: Partition, position: int, record: LateRecord) -> bool:
        """Did it arrive before we died? A place that retention has taken was its own."""
        log_id, offset = self._before[position]
        there = log_id == partition.log.id and (
            offset < partition.start
            or (offset < partition.visible_end and _is_at(partition, offset, record))
        )
        del self._before[position]
        return there

    def _append(self, partition: Partition, late: Sequence[Late], then: Arrived) -> None:
        """Append a batch; where it is refused, its records one by one."""
        now_ms, base = self._now_ms(), partition.log.end
        batch = _batch([record for _, record in late], now_ms)
        positions = [position for position, _ in late]
        try:
            partition.append(
                batch, read_header(batch), now_ms, partial(self._arrived, positions, then)
            )
            self._tell_of(partition, base, batch)
        except (Refused, StorageError) as error:
            if isinstance(error, Refused) and len(late) > 1:
                for one in late:
                    self._append(partition, [one], then)
            else:
                then(positions, error)
            return
        self._notes.append((partition.log.id, base, positions))

    def _tell_of(self, partition: Partition, base: int, batch: bytes) -> None:
        """Tell who listens what was appended."""
        tap = self._topics[partition.topic_name].taps.tap
        if tap is not None:
            tap.appended(partition.topic_name, partition.index, base, batch, BROKER)

    def _arrived(self, positions: Sequence[int], then: Arrived, error: Exception | None) -> None:
        for position in positions:
            self._open.pop(position, None)
        then(positions, error)

    def _write_notes(self) -> None:
        """Write down where they all go: in the same commit, and before they do."""
        notes, self._notes = self._notes, []
        if not notes:
            return
        batch = records.build_run([_note(*each) for each in notes], timestamp=0)
        try:
            offset = self._log.append(batch, read_header(batch), 0)
        except StorageError as error:  # if we die now, they come twice
            news.warning("where late records arrive cannot be noted", reason=str(error))
            return
        for _, _, positions in notes:
            self._open.update(dict.fromkeys(positions, offset))

    def _cut(self) -> None:
        """Let old notes go, once everything they are about is settled for good."""
        log = self._log
        now_ms = self._now_ms()
        if now_ms - self._marked_ms < NOTES_KEPT_MS or self._cutting:
            return
        self._marked_ms = now_ms
        self._before = {p: at for p, at in self._before.items() if p not in self._settled}
        if self._before:
            return
        until, self._mark = self._mark, next(iter(self._open.values()), log.end)
        if until > log.start and log.size_bytes() >= self._notes_bytes_max:
            self._cutting = True
            self._when_settled(partial(self._cut_until, until))

    def _cut_until(self, offset: int, error: Exception | None) -> None:
        self._cutting = False
        if error is None:
            self._log.delete_before(min(offset, self._log.visible_end))

    def _note_gone(self, record: LateRecord) -> None:
        self.gone += 1
        news.warning(
            "a delayed message was due, and its topic is gone: so it is", topic=record.topic
        )


def _batches_of(late: Sequence[Late]) -> Iterator[Sequence[Late]]:
    """Yield batches of a sensible size."""
    size, first = HEADER_BYTES, 0
    for index, (_, record) in enumerate(late):
        more = record.size + RECORD_BYTES
        if index > first and size + more > BATCH_BYTES_MAX:
            yield late[first:index]
            size, first = HEADER_BYTES, index
        size += more
    if late:
        yield late[first:]


def _batch(late: Sequence[LateRecord], now_ms: int) -> bytes:
    encode, count = records.encode_with_headers, len(late)
    body = b"".join(
        [encode(delta, 0, one.key, one.value, one.headers) for delta, one in enumerate(late)]
    )
    fields = BatchHeader(*(0, 0, 0, MAGIC, 0, 0, count - 1, now_ms, now_ms, *_NOBODY, count))
    return records.seal(body, fields)


def _is_at(partition: Partition, offset: int, record: LateRecord) -> bool:
    """Is this record at this offset? StorageError."""
    found = partition.read(offset, 1)
    if found is None:
        return False
    for batch in _batches(found.read()):
        header = read_header(batch)
        body = records.body_of(batch, header)
        for delta, _time, key, _start, value_start, end in records.slices(body, header):
            if header.base_offset + delta == offset:
                said = records.split_of(body, value_start, end)
                return (key, *said) == (record.key, record.value, record.headers)
    return False


def _note(log_id: int, base: int, positions: Sequence[int]) -> bytes:
    steps = map(sub, positions, (0, *positions))
    return b"".join(map(varints.encode, (log_id, base, *steps)))


def _noted(value: bytes) -> Iterator[tuple[int, Place]]:
    """Yield the positions of late records, and where each went."""
    try:
        log_id, at = varints.decode(value, 0)
        offset, at = varints.decode(value, at)
        position = 0
        while at < len(value):
            step, at = varints.decode(value, at)
            position += step
            yield position, (log_id, offset)
            offset += 1
    except (IndexError, ValueError) as error:
        raise CorruptBatch(f"a note of arrivals: {error}") from None


def _batches(data: bytes) -> Iterator[bytes]:
    """Split what was read; the last one may be cut, and is left out."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        end = at + LENGTH_END + int.from_bytes(data[at + 8 : at + LENGTH_END])
        if end > len(data):
            return
        yield data[at:end]
        at = end
