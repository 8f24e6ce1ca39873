"""Journal: the one log in which all lines write down what was settled.

One for all, because a turn in which a thousand lines settle something is then one write. Each
record is about one line: what has changed, or now and then everything. The older part can go once
every line has said everything after it; that is done a little at a time, oldest line first, so that
no turn has much to write (docs/adr/0007).
"""

from collections.abc import Callable, Iterator

from anymq.core.queues.settlement import EVERYTHING, Settlement
from anymq.storage import records, varints
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, MAGIC, BatchHeader, check, read_header
from anymq.storage.errors import StorageError
from anymq.storage.log import Durability, Log, LogConfig
from anymq.storage.log_config import MIB

LOG_ID = 3
LOG_CONFIG = LogConfig(
    delete=False,
    segment_bytes=1 * MIB,
    index_interval_bytes=MIB // 8,
    durability=Durability.INTERVAL,
)

SIZE_MIN = 4 * MIB  # below, nothing need be written again: it is read in a moment
CHANGES_PER_REPEAT = 4  # bytes of changes for each byte that is written again
_EVERYTHING = bytes([EVERYTHING])
_BATCH_BYTES = 256 * 1024
_READ_BYTES = 1 * MIB

Then = Callable[[StorageError | None], None]


class Journal:
    """The settlement of all lines. On the broker's thread only."""

    def __init__(self, log: Log, *, size_min: int = SIZE_MIN) -> None:
        self._log = log
        self._size_min = size_min
        self._lines: dict[int, Settlement] = {}
        self._places: dict[int, int] = {}  # where each said everything; the oldest comes first
        self._changed: dict[Settlement, None] = {}
        self._repeat: dict[Settlement, None] = {}  # those that must say everything
        self._on_the_way: dict[Settlement, None] = {}  # those with something that may get lost
        self._forgotten: list[int] = []
        self._credit = 0
        log.on_visible = self._on_visible
        log.on_rollback = self._on_rollback

    def restore(self) -> None:
        """Read everything that is kept. CorruptBatch, UnknownVersion."""
        self._lines.clear()
        self._places.clear()
        for offset, log_id, value in _read(self._log):
            if value is None:
                self._lines.pop(log_id, None)
                self._places.pop(log_id, None)
                continue
            line = self._lines.get(log_id)
            if line is None or value[:1] == _EVERYTHING:
                self._places.pop(log_id, None)
                self._places[log_id] = offset
            if line is None:
                line = self._lines[log_id] = self._new(log_id)
            line.apply(value)

    def settlement(self, log_id: int) -> Settlement:
        """Return what is kept of a line; it tells us itself what changes."""
        if log_id not in self._lines:
            self._lines[log_id] = self._new(log_id)
        return self._lines[log_id]

    def _new(self, log_id: int) -> Settlement:
        return Settlement(log_id, self._note)

    def _note(self, line: Settlement) -> None:
        self._changed[line] = None

    def ids(self) -> list[int]:
        """Return the lines of which something is kept."""
        return list(self._lines)

    def forget(self, log_id: int) -> None:
        """The line is gone."""
        line = self._lines.pop(log_id, None)
        if line is not None:
            for among in (self._changed, self._repeat, self._on_the_way):
                among.pop(line, None)
            if self._places.pop(log_id, None) is not None:
                self._forgotten.append(log_id)

    @property
    def has_news(self) -> bool:
        """Has something changed that is not appended?"""
        return bool(self._changed or self._forgotten or self._repeat)

    def flush(self) -> None:
        """Append what has changed."""
        if self.has_news:
            try:
                self._append()
            except StorageError:
                # The log has reported why. What follows is not kept until a restart, which brings
                # back what was settled since.
                self._changed.clear()

    def when_written(self, then: Then) -> None:
        """Call `then` when everything settled so far survives our death."""
        try:
            if self.has_news:
                self._append()
        except StorageError as error:
            then(error)
        else:
            self._log.when_durable(self._log.end - 1, then)

    # Within

    def _append(self) -> None:
        changed, self._changed = self._changed, {}
        forgotten, self._forgotten = self._forgotten, []
        batch = _Batch(self._log)
        for log_id in forgotten:
            batch.add(log_id, None)
        places, repeat = self._places, self._repeat
        for line in changed:
            if line not in repeat:
                place = batch.add(line.log_id, line.changes())
                places.setdefault(line.log_id, place)
        for line in repeat:
            self._say_everything(line, batch)
        self._on_the_way.update(changed)
        self._on_the_way.update(repeat)
        repeat.clear()
        batch.end()
        self._credit += batch.size
        if self._credit > _BATCH_BYTES:
            self._repeat_the_oldest()

    def _repeat_the_oldest(self) -> None:
        """Let the lines that did so longest ago say everything again, for what was earned."""
        if self._log.size_bytes() + self._credit < self._size_min:
            self._credit = 0
            return
        batch = _Batch(self._log)
        end = self._log.end
        while self._credit > 0 and self._places:
            log_id, place = next(iter(self._places.items()))
            if place >= end:
                break  # all have just done so
            line = self._lines[log_id]
            self._say_everything(line, batch)
            self._on_the_way[line] = None
            self._credit -= CHANGES_PER_REPEAT * batch.last_size
        batch.end()

    def _say_everything(self, line: Settlement, batch: "_Batch") -> None:
        self._places.pop(line.log_id, None)
        self._places[line.log_id] = batch.add(line.log_id, line.everything())

    def _on_visible(self) -> None:
        log = self._log
        if log.visible_end == log.end:
            self._on_the_way.clear()
            start = next(iter(self._places.values()), log.visible_end)
            if start > log.start:
                log.delete_before(start)

    def _on_rollback(self) -> None:
        """Appends were lost: those lines say everything with the next flush."""
        lost, self._on_the_way = self._on_the_way, {}
        self._repeat.update(lost)
        log, places = self._log, self._places
        moved = {log_id: log.start for log_id, place in places.items() if place >= log.end}
        if moved:  # what they said before is still there: the start was not raised
            self._places = {**moved, **{k: v for k, v in places.items() if k not in moved}}


class _Batch:
    """Records on their way into the journal, in batches of a good size."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._parts: list[bytes] = []
        self._count = self._size = 0
        self.size = 0
        self.last_size = 0

    def add(self, log_id: int, value: bytes | None) -> int:
        """Add a record about a line; return its offset."""
        if self._size >= _BATCH_BYTES:
            self.end()
        number = varints.encode
        rest = b"".join(
            (
                b"\0\0",
                number(self._count),
                b"\x10%b" % log_id.to_bytes(8),
                number(-1) if value is None else number(len(value)) + value,
                b"\0",
            )
        )
        self._parts += (number(len(rest)), rest)
        self.last_size = len(rest) + 2
        self._size += self.last_size
        self._count += 1
        return self._log.end + self._count - 1

    def end(self) -> None:
        """Append what was gathered."""
        if self._count:
            fields = BatchHeader(
                *(0, 0, 0, MAGIC, 0, 0, self._count - 1, 0, 0, records.NO_PRODUCER, -1, -1),
                self._count,
            )
            batch = records.seal(b"".join(self._parts), fields)
            self._log.append(batch, read_header(batch), 0)
            self.size += len(batch)
            self._parts, self._count, self._size = [], 0, 0


def _read(log: Log) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield (offset, log id, record) of all there is."""
    offset = log.start
    while (found := log.read(offset, _READ_BYTES)) is not None:
        for batch in _batches(found.read()):
            header = check(batch)
            body = records.body_of(batch, header)
            for delta, _time, key, _start, value_start, end in records.slices(body, header):
                value, _headers = records.value_of(body, value_start, end)
                yield header.base_offset + delta, int.from_bytes(key or b""), value
            offset = header.next_offset


def _batches(data: bytes) -> Iterator[memoryview]:
    """Split; the last one may be cut, and comes again with the next read. The first is whole."""
    view, position = memoryview(data), 0
    while position == 0 or position + HEADER_BYTES <= len(data):
        end = position + LENGTH_END + int.from_bytes(data[position + 8 : position + LENGTH_END])
        if end > len(data) and position:
            return
        yield view[position:end]
        position = end
