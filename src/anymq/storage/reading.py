"""Reading: which bytes of which segment. Only what is visible, and every byte checked once.

What this process wrote is right in the page cache; what it found on disk is compared with its
checksum before it is served for the first time.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from anymq.storage import scan
from anymq.storage.batch import LENGTH_END, BatchHeader
from anymq.storage.disk import Disk
from anymq.storage.files import FileRange
from anymq.storage.index import NO_TIMESTAMP
from anymq.storage.segment import Segment

CHECK_BYTES_MAX = 1024 * 1024  # checked at once, so that nobody else waits long for it

_BASE = attrgetter("base")
Place = tuple[Segment, int]


def locate(segments: Sequence[Segment], offset: int, disk: Disk) -> Place | None:
    """Return where the first visible batch is that ends after `offset`."""
    first = max(bisect_right(segments, offset, key=_BASE) - 1, 0)
    for segment in segments[first:]:
        position = segment.find(offset, disk.files, disk.handles)
        if position is not None:
            return segment, position
    return None


def range_at(place: Place, bytes_max: int, at_least_one: bool, disk: Disk) -> FileRange:
    """Return the bytes from there on, at most `bytes_max` but for a first batch that is bigger."""
    segment, position = place
    file = segment.file(disk.handles)
    size = there = segment.visible_size - position
    if bytes_max < there:
        size = bytes_max
        if at_least_one:
            size = max(size, _batch_size(file.pread(LENGTH_END, position)))
    if segment.unchecked(position, size):
        size = _checked(place, size, disk)
    return FileRange(file, position, size)


def _checked(place: Place, size: int, disk: Disk) -> int:
    segment, position = place
    if size > CHECK_BYTES_MAX:
        first = _batch_size(segment.file(disk.handles).pread(LENGTH_END, position))
        size = min(size, max(first, CHECK_BYTES_MAX))
    segment.check(position, size, disk.handles)
    return size


def _batch_size(start: bytes) -> int:
    return int.from_bytes(start[8:LENGTH_END]) + LENGTH_END


def headers(place: Place, disk: Disk, limit: int) -> list[BatchHeader]:
    """Return at most `limit` headers from there on, of one segment."""
    segment, position = place
    walk = segment.walk(position, disk.handles, read_bytes=scan.SCAN_BYTES)
    return [header for (_, header), _ in zip(walk, range(limit), strict=False)]


def first_since(
    segments: Sequence[Segment], timestamp: int, disk: Disk
) -> Iterator[tuple[Segment, int, BatchHeader]]:
    """Yield the batches, in order, that hold a record not older than `timestamp`."""
    for segment in segments:
        if segment.newest < timestamp:
            continue
        position = segment.rows(disk.files, disk.handles).before(timestamp)
        for at, header in segment.walk(position, disk.handles):
            if header.max_timestamp >= timestamp:
                yield segment, at, header


def newest(segments: Sequence[Segment], disk: Disk) -> int:
    """Return the greatest timestamp of what is visible; NO_TIMESTAMP when nothing is."""
    return max((_newest_visible(segment, disk) for segment in segments), default=NO_TIMESTAMP)


def _newest_visible(segment: Segment, disk: Disk) -> int:
    if segment.visible_size == segment.size:
        return segment.newest
    position, greatest = segment.rows(disk.files, disk.handles).below(segment.visible_size)
    timestamps = (header.max_timestamp for _, header in segment.walk(position, disk.handles))
    return max(timestamps, default=greatest)


def first_in(place: Place, header: BatchHeader, timestamp: int, disk: Disk) -> tuple[int, int]:
    """Return (offset, timestamp) of the first record of this batch not older than `timestamp`."""
    if header.base_timestamp >= timestamp:
        return header.base_offset, header.base_timestamp
    return header.base_offset, header.max_timestamp
