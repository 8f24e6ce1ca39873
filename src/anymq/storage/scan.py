"""Walking a segment file from batch to batch: by its headers only, or checking every byte."""

from collections.abc import Iterator

from anymq.storage import batch as batches
from anymq.storage.batch import HEADER_BYTES, LENGTH_END, BatchHeader
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import File

LOOK_BYTES = 4096  # a walk inside one index interval: one read
SCAN_BYTES = 1024 * 1024  # a walk over everything
_LENGTH_MIN = HEADER_BYTES - LENGTH_END


def headers(
    file: File, position: int, limit: int, *, read_bytes: int = LOOK_BYTES
) -> Iterator[tuple[int, BatchHeader]]:
    """Yield (position, header) of the batches in position..limit. CorruptBatch where none can be.

    Only what can be seen without the records is checked.
    """
    data, origin = b"", position
    while position < limit:
        at = position - origin
        if at + HEADER_BYTES > len(data):
            data, origin, at = file.pread(min(read_bytes, limit - position), position), position, 0
        header = _plausible(data, at, position, limit)
        yield position, header
        position += header.size


def header_at(file: File, position: int, limit: int) -> BatchHeader:
    """Return the header of the batch there. CorruptBatch when none can be there."""
    return _plausible(file.pread(HEADER_BYTES, position), 0, position, limit)


def checked(
    file: File, position: int, limit: int, *, read_bytes: int = SCAN_BYTES
) -> Iterator[tuple[int, BatchHeader, memoryview]]:
    """Yield (position, header, bytes) of the batches in position..limit, checksums compared.

    CorruptBatch at the first that is damaged. The view lives until the next step.
    """
    data, origin = memoryview(b""), position
    while position < limit:
        at = position - origin
        if at + HEADER_BYTES > len(data) or at + batches.read_header(data, at).size > len(data):
            data, origin, at = _fill(file, position, limit, read_bytes), position, 0
        header = _plausible(data, at, position, limit)
        view = data[at : at + header.size]
        if batches.crc_of(view) != header.crc:
            raise CorruptBatch(f"checksum of the batch at {position} is wrong")
        yield position, header, view
        position += header.size


def in_order(
    file: File,
    position: int,
    limit: int,
    *,
    first: int,
    end: int | None = None,
    dense: bool = True,
    read_bytes: int = SCAN_BYTES,
) -> Iterator[tuple[int, BatchHeader, memoryview]]:
    """Like `checked`, and the offsets must fit too: see `fitting`."""
    expected = first
    for place, header, view in checked(file, position, limit, read_bytes=read_bytes):
        expected = _next_offset(place, header, expected, end, dense)
        yield place, header, view


def fitting(
    found: Iterator[tuple[int, BatchHeader]], first: int, *, dense: bool
) -> Iterator[tuple[int, BatchHeader]]:
    """Pass on the headers whose offsets rise from `first` on. CorruptBatch at one that does not.

    The checksum does not cover the base offset. `dense`: none may be missing.
    """
    expected = first
    for place, header in found:
        expected = _next_offset(place, header, expected, None, dense)
        yield place, header


def _next_offset(
    place: int, header: BatchHeader, expected: int, end: int | None, dense: bool
) -> int:
    if header.base_offset < expected or (dense and header.base_offset != expected):
        raise CorruptBatch(f"the batch at {place} has a wrong offset")
    if end is not None and header.next_offset > end:
        raise CorruptBatch(f"the batch at {place} goes beyond the end")
    return header.next_offset


def _fill(file: File, position: int, limit: int, read_bytes: int) -> memoryview:
    """Read a piece, and at least the whole batch that begins it."""
    data = file.pread(min(max(read_bytes, HEADER_BYTES), limit - position), position)
    header = _plausible(data, 0, position, limit)
    if header.size > len(data):
        data = file.pread(header.size, position)
    if header.size > len(data):
        raise CorruptBatch(f"the batch at {position} is cut")
    return memoryview(data)


def _plausible(data: bytes | memoryview, at: int, position: int, limit: int) -> BatchHeader:
    """Return the header there, if it can be one."""
    if at + HEADER_BYTES > len(data):
        raise CorruptBatch(f"the header at {position} is cut")
    header = batches.read_header(data, at)
    if header.magic != batches.MAGIC or header.length < _LENGTH_MIN:
        raise CorruptBatch(f"there is no batch at {position}")
    if position + header.size > limit or header.last_offset_delta < 0:
        raise CorruptBatch(f"the batch at {position} does not fit")
    return header
