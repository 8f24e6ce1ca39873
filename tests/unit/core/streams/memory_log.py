"""The same log in memory: for tests, and for what need not survive."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from typing_extensions import override

from anymq.storage.batch import BatchHeader, prefix, read_header
from anymq.storage.errors import LogDeleted, OffsetOutOfRange, StorageError
from anymq.storage.files import Buffer
from anymq.storage.found import Found
from anymq.storage.log import Log, LogConfig, Then
from anymq.storage.segment import Segment

HEADERS_MAX = 1000  # in one answer


NO_SEGMENT = Segment("nowhere", 0, 4096)


class MemoryFile:
    """Bytes that can be read like a file."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        """Write."""
        data = b"".join(buffers)
        self._data[position : position + len(data)] = data
        return len(data)

    def pread(self, size: int, position: int) -> bytes:
        """Read."""
        return bytes(self._data[position : position + size])

    def sync(self) -> None:
        """Nothing survives here."""

    def truncate(self, size: int) -> None:
        """Cut."""
        del self._data[size:]

    def size(self) -> int:
        """Return how many bytes there are."""
        return len(self._data)

    def fileno(self) -> int:
        """There is none: whoever sends reads first."""
        return -1

    def close(self) -> None:
        """Nothing to close."""


class MemoryLog(Log):
    """Batches one after another; `commit` makes them visible."""

    def __init__(self, log_id: int, config: LogConfig) -> None:
        self.id = log_id
        self.config = config
        self.start = self.end = self.visible_end = 0
        self.failed = None
        self.on_visible = None
        self.on_rollback = None
        self.state_source = None
        self._data = bytearray()
        self._bases: list[int] = []
        self._places: list[int] = []
        self._waiters: list[tuple[int, Then]] = []
        self._state: tuple[int, bytes] | None = None
        self._epochs: list[tuple[int, int]] = []

    @override
    def append(self, batch: Buffer, header: BatchHeader, leader_epoch: int) -> int:
        if self.failed is not None:
            raise self.failed
        base = self.end
        if not self._epochs or self._epochs[-1][0] < leader_epoch:
            self._epochs.append((leader_epoch, base))
        self._bases.append(base)
        self._places.append(len(self._data))
        start = prefix(base, header.length, leader_epoch)
        self._data += start
        self._data += memoryview(batch)[len(start) :]
        self.end = base + header.last_offset_delta + 1
        return base

    def commit(self) -> None:
        """Everything so far is durable: show it, tell those who wait."""
        moved, self.visible_end = self.visible_end != self.end, self.end
        while self._waiters and self._waiters[0][0] < self.visible_end:
            self._waiters.pop(0)[1](None)
        if moved and self.on_visible is not None:
            self.on_visible()

    def roll_back(self, error: StorageError) -> None:
        """Everything not visible is lost."""
        keep = bisect_left(self._bases, self.visible_end)
        if keep < len(self._bases):
            del self._data[self._places[keep] :]
            del self._bases[keep:]
            del self._places[keep:]
        self.end = self.visible_end
        self._epochs = [one for one in self._epochs if one[1] <= self.end]
        if self.on_rollback is not None:
            self.on_rollback()
        waiters, self._waiters = self._waiters, []
        for _, then in waiters:
            then(error)

    def save_state(self) -> None:
        """Do what the end of a segment does."""
        if self.state_source is not None:
            self._state = (self.end, self.state_source())

    def reopened(self) -> "MemoryLog":
        """Return what a restart would find: what is visible, nobody waiting."""
        self.roll_back(LogDeleted("restart"))
        self.on_visible = self.on_rollback = self.state_source = None
        return self

    @override
    def saved_state(self) -> tuple[int, bytes] | None:
        return self._state if self._state and self._state[0] <= self.end else None

    @override
    def when_durable(self, offset: int, then: Then) -> None:
        if offset < self.visible_end:
            then(None)
        else:
            self._waiters.append((offset, then))

    @override
    def read(self, offset: int, bytes_max: int, *, at_least_one: bool = True) -> Found | None:
        if not self.start <= offset <= self.visible_end:
            raise OffsetOutOfRange(f"{offset} is not within {self.start}..{self.visible_end}")
        if offset == self.visible_end:
            return None
        first = bisect_right(self._bases, offset) - 1
        last = bisect_left(self._bases, self.visible_end)
        position = self._places[first]
        end = self._places[last] if last < len(self._places) else len(self._data)
        one = read_header(self._data, position).size
        size = min(end - position, max(bytes_max, one if at_least_one else 0))
        return Found(MemoryFile(self._data), position, size, NO_SEGMENT) if size else None

    @override
    def goes_on(self, offset: int, found: Found, done: int) -> None:
        pass

    @override
    def headers(self, offset: int) -> list[BatchHeader]:
        first = max(0, bisect_right(self._bases, offset) - 1)
        return [
            read_header(self._data, place)
            for base, place in list(zip(self._bases, self._places, strict=True))[first:][
                :HEADERS_MAX
            ]
            if base < self.visible_end
        ]

    @override
    def offset_at(self, timestamp_ms: int) -> tuple[int, int] | None:
        for header in self._visible():
            if header.max_timestamp >= timestamp_ms:
                return header.base_offset, header.max_timestamp
        return None

    @override
    def newest_timestamp(self) -> tuple[int, int] | None:
        newest = max(self._visible(), key=lambda header: header.max_timestamp, default=None)
        return None if newest is None else (newest.next_offset - 1, newest.max_timestamp)

    @override
    def delete_before(self, offset: int) -> None:
        self.start = max(self.start, min(offset, self.end))

    @override
    def epoch_end(self, leader_epoch: int) -> tuple[int, int]:
        known = [epoch for epoch, _ in self._epochs]
        index = bisect_right(known, leader_epoch)
        if not index:
            return -1, -1
        end = self._epochs[index][1] if index < len(known) else self.visible_end
        return known[index - 1], end

    @override
    def size_bytes(self) -> int:
        return len(self._data)

    def _visible(self) -> list[BatchHeader]:
        headers = [read_header(self._data, place) for place in self._places]
        return [one for one in headers if self.start < one.next_offset <= self.visible_end]
