"""A topic, or partitions of it, looked at: from what is kept to what readers may see."""

from collections.abc import Iterable, Mapping, Sequence

from typing_extensions import override

from anymq.config.units import MIB
from anymq.core.browsing.places import IN_PART, PART_SHIFT
from anymq.core.browsing.source import PIECE_BYTES, Piece, Source, after
from anymq.core.errors import NotFound
from anymq.core.message import Form
from anymq.core.portable.opener import Opener
from anymq.core.queues.delivery import Seen
from anymq.core.queues.stored import MayHold, Stored
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import Reader
from anymq.core.streams.topic import Topic
from anymq.core.streams.unpacked import Unpacked
from anymq.storage.errors import CorruptBatch, StorageError

RECORDS_MAX = 1000  # in a piece
UNPACKED_BYTES_MAX = 1 * MIB  # kept between two pieces; one batch, whatever it weighs


class StreamSource(Source):
    """What is in a topic now. `partition` None: in all of them, one after another."""

    def __init__(self, topic: Topic, forms: Mapping[int, Form], partition: int | None) -> None:
        if partition is not None and not 0 <= partition < len(topic.partitions):
            raise NotFound(f"no partition {partition} in topic '{topic.name}'")
        all_of_it = range(len(topic.partitions))
        self._topic = topic
        self._parts = list(all_of_it) if partition is None else [partition]
        self._alone = partition is not None  # then positions are its offsets
        self._starts = {part: self._partition(part).start for part in self._parts}
        self._ends = {part: self._partition(part).visible_end for part in self._parts}
        self._opener = Opener(topic.name, forms)
        self._unpacked = Unpacked(UNPACKED_BYTES_MAX)
        self._reader: Reader | None = None

    def _partition(self, part: int) -> Partition:
        return self._topic.partitions[part]

    @property
    @override
    def total(self) -> int:
        return sum(self._ends[part] - self._starts[part] for part in self._parts)

    @property
    @override
    def first(self) -> int:
        return self._first_in(self._parts[0])

    @property
    @override
    def consumed(self) -> bool:
        return False

    def _first_in(self, part: int) -> int:
        return self._tag(part) | self._starts[part]

    def _tag(self, part: int) -> int:
        return 0 if self._alone else part << PART_SHIFT

    @override
    def since(self, time_ms: int) -> None:
        for part in self._parts:
            try:
                found = self._partition(part).log.offset_at(time_ms)
            except StorageError:
                continue
            self._starts[part] = self._ends[part] if found is None else found[0]

    @override
    def newest(self, count: int) -> None:
        for part in self._parts:
            self._starts[part] = max(self._ends[part] - count, self._starts[part])

    @override
    def look(self, position: int, may_hold: MayHold | None = None) -> Piece | None:
        part = self._parts[0] if self._alone else position >> PART_SHIFT
        at, end = position & IN_PART, self._ends.get(part, 0)
        following = after(self._parts, part, self._first_in)
        if at >= end:
            return Piece((), 0, following)
        reader = self._reader_at(part, at)
        at = max(at, reader.partition.start)
        found = self._read(reader, self._tag(part), end)
        if reader.offset <= at and not found and not reader.at_end:
            return None
        stop = min(reader.offset, end)
        goes_on = self._tag(part) | stop if stop < end and not reader.at_end else following
        return Piece(found, max(stop - at, 0), goes_on)

    def _reader_at(self, part: int, at: int) -> Reader:
        """Return the reader that was there last, or a new one."""
        reader, partition = self._reader, self._partition(part)
        if reader is None or reader.partition is not partition or reader.offset != at:
            reader = self._reader = Reader(partition, at, self._unpacked)
        return reader

    def _read(self, reader: Reader, tag: int, end: int) -> list[Stored]:
        found: list[Stored] = []
        open_ = self._opener.open

        def take(
            offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: bytes
        ) -> bool:
            if offset < end:
                try:
                    found.append((tag | offset, open_(key, value, headers, timestamp_ms)))
                except CorruptBatch:  # headers that are none
                    return True
            return True

        reader.read(RECORDS_MAX, PIECE_BYTES, take)
        return found

    @override
    def told(self, stored: Iterable[Stored]) -> list[Seen]:
        return [Seen(position, message) for position, message in stored]

    @override
    def claim(self, stored: Sequence[Stored]) -> list[int]:
        return [position for position, _ in stored]

    @override
    def settle(self, positions: Sequence[int]) -> None:
        """A stream keeps what it has."""

    @override
    def give_back(self, positions: Sequence[int]) -> None:
        """It was never away."""
