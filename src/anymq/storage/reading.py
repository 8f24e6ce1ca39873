"""Reading: which bytes of which segment. Only what is visible, and every byte checked once.

What this process wrote is right in the page cache; what it found on disk is compared with its
checksum before it is served for the first time.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from operator import attrgetter

from anymq.storage import records, scan
from anymq.storage.batch import LENGTH_END, BatchHeader, check
from anymq.storage.disk import Disk
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.found import Found
from anymq.storage.handles import error_of_read
from anymq.storage.index import NO_TIMESTAMP
from anymq.storage.segment import EpochAt, Segment

CHECK_BYTES_MAX = 1024 * 1024  # checked at once, so that nobody else waits long for it

_BASE = attrgetter("base")
Place = tuple[Segment, int]


class DamageFound(CorruptBatch):
    """Reading came upon damage."""

    def __init__(self, segment: Segment, text: str) -> None:
        super().__init__(text)
        self.segment = segment


def _error_of(segment: Segment, error: CorruptBatch | OSError) -> StorageError:
    if isinstance(error, CorruptBatch):
        return DamageFound(segment, f"{segment.path}: {error}")
    return error_of_read(segment.path, error)


def locate(segments: Sequence[Segment], offset: int, disk: Disk) -> Place | None:
    """Return where the first visible batch is that ends after `offset`."""
    first = max(bisect_right(segments, offset, key=_BASE) - 1, 0)
    for segment in segments[first:]:
        position = _find(segment, offset, disk)
        if position is not None:
            return segment, position
    return None


def _find(segment: Segment, offset: int, disk: Disk) -> int | None:
    try:
        return segment.find(offset, disk.files, disk.handles)
    except (CorruptBatch, OSError) as error:
        raise _error_of(segment, error) from error
    finally:
        disk.used(segment)


def range_at(
    place: Place, bytes_max: int, at_least_one: bool, disk: Disk, epoch_at: EpochAt
) -> Found:
    """Return the bytes from there on, at most `bytes_max` but for a first batch that is bigger."""
    try:
        return _range_at(place, bytes_max, at_least_one, disk, epoch_at)
    except (CorruptBatch, OSError) as error:
        raise _error_of(place[0], error) from error


def _range_at(
    place: Place, bytes_max: int, at_least_one: bool, disk: Disk, epoch_at: EpochAt
) -> Found:
    segment, position = place
    file = segment.file(disk.handles)
    size = there = segment.visible_size - position
    if bytes_max < there:
        size = bytes_max
        if at_least_one:
            size = max(size, _batch_size(file.pread(LENGTH_END, position)))
    if segment.unchecked(position, size):
        size = _checked(place, size, disk, epoch_at)
    return Found(file, position, size, segment)


def _checked(place: Place, size: int, disk: Disk, epoch_at: EpochAt) -> int:
    segment, position = place
    if size > CHECK_BYTES_MAX:
        first = _batch_size(segment.file(disk.handles).pread(LENGTH_END, position))
        size = min(size, max(first, CHECK_BYTES_MAX))
    segment.check(position, size, disk.handles, epoch_at)
    return size


def _batch_size(start: bytes) -> int:
    return int.from_bytes(start[8:LENGTH_END]) + LENGTH_END


def headers(place: Place, disk: Disk, limit: int, epoch_at: EpochAt | None) -> list[BatchHeader]:
    """Return at most `limit` headers from there on, of one segment."""
    segment, position = place
    try:
        if segment.unchecked(position, CHECK_BYTES_MAX):
            segment.check(position, CHECK_BYTES_MAX, disk.handles, epoch_at)
        walk = segment.walk(position, disk.handles, read_bytes=scan.SCAN_BYTES)
        checked = takewhile(lambda found: not segment.unchecked(*_span(found)), walk)
        return [header for _, header in islice(checked, limit)]
    except (CorruptBatch, OSError) as error:
        raise _error_of(segment, error) from error


def _span(found: tuple[int, BatchHeader]) -> tuple[int, int]:
    position, header = found
    return position, header.size


def first_since(
    segments: Sequence[Segment], timestamp: int, disk: Disk
) -> Iterator[tuple[Place, BatchHeader]]:
    """Yield the batches, in order, that hold a record not older than `timestamp`."""
    for segment in segments:
        if segment.newest >= timestamp:
            yield from _since(segment, timestamp, disk)


def _since(segment: Segment, timestamp: int, disk: Disk) -> Iterator[tuple[Place, BatchHeader]]:
    try:
        position = segment.rows(disk.files, disk.handles).before(timestamp)
        for at, header in segment.walk(position, disk.handles):
            if header.max_timestamp >= timestamp:
                yield (segment, at), header
    except (CorruptBatch, OSError) as error:
        raise _error_of(segment, error) from error
    finally:
        disk.used(segment)


def newest(segments: Sequence[Segment], disk: Disk) -> int:
    """Return the greatest timestamp of what is visible; NO_TIMESTAMP when nothing is."""
    return max((_newest_visible(segment, disk) for segment in segments), default=NO_TIMESTAMP)


def _newest_visible(segment: Segment, disk: Disk) -> int:
    if segment.visible_size == segment.size:
        return segment.newest
    position, greatest = segment.rows(disk.files, disk.handles).below(segment.visible_size)
    timestamps = (header.max_timestamp for _, header in segment.walk(position, disk.handles))
    return max(timestamps, default=greatest)


def first_in(
    place: Place, header: BatchHeader, timestamp: int, start: int, disk: Disk
) -> tuple[int, int] | None:
    """Return (offset, timestamp) of the first record of this batch not older than `timestamp`.

    Only from `start` on: what is before it is deleted, though its batch is still there.
    """
    segment, position = place
    data = segment.file(disk.handles).pread(header.size, position)
    try:
        check(data)
    except CorruptBatch as error:
        raise _error_of(segment, error) from error
    try:
        found = records.first_at(data, timestamp, start=start)
    except CorruptBatch:  # its sender made it so: its consumers may know how to read it
        return max(header.base_offset, start), header.max_timestamp
    if found is None and header.base_offset >= start:  # the header says more than is true
        return header.base_offset, header.max_timestamp
    return found
