"""Repair: put damaged bytes aside and keep the rest readable. Nothing is ever silently cut.

A damaged segment is replaced by one segment for each run of good batches in it. The bytes between
go to `<base>-<position>.quarantine` files, and people are told.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from typing_extensions import override

from anymq.storage import scan
from anymq.storage.batch import HEADER_BYTES, MAGIC, BatchHeader, prefix
from anymq.storage.disk import Disk
from anymq.storage.epochs import Epochs
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.files import Buffer, File, Files, write_all
from anymq.storage.log import Log
from anymq.storage.segment import Segment
from anymq.storage.segment_writer import SegmentWriter
from anymq.storage.work import Work

_MAGIC_AT = 16
_MAGIC_BYTE = bytes([MAGIC])
_PIECE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """Good batches, one after another."""

    base: int
    position: int
    to: int
    end: int
    count: int


class Repair(Work):
    """Repairs one segment that takes no more appends."""

    def __init__(self, log: Log, segment: Segment, disk: Disk) -> None:
        self._log = log
        self._segment = segment
        self._disk = disk
        _pin(segment, disk)
        self._epochs = _epochs_of(log)
        self._new: list[Segment] = []
        self._reports: list[str] = []
        self._error: OSError | StorageError | None = None

    @override
    def run(self) -> None:
        """Write the good runs and the bad bytes beside it, then put the runs in its place."""
        try:
            self._new = repair(self._disk, self._segment, self._reports, self._epochs)
        except (OSError, StorageError) as error:
            self._error = error

    @override
    def done(self) -> None:
        """Go on with what is good."""
        if self._error is not None:
            self._disk.report(f"{self._segment.path} is damaged, not repaired: {self._error}")
            return
        for text in self._reports:
            self._disk.report(text)
        self._log.replace_segments([self._segment], self._new)


def repairs(log: Log, disk: Disk) -> Sequence[Work]:
    """Begin the repair of a segment that was found damaged, if there is one."""
    if log.active in log.damaged:
        log.roll()
    ready = (s for s in log.damaged if s.pinned is None and s.visible_size == s.size)
    return [Repair(log, segment, disk) for segment in islice(ready, 1)]


def _epochs_of(log: Log) -> Epochs | None:
    with suppress(StorageError):  # they may have to be made again from what is damaged
        return log.epochs
    return None


def _pin(segment: Segment, disk: Disk) -> None:
    with suppress(FileNotFoundError):
        segment.pin(disk.handles)


def repair(
    disk: Disk, segment: Segment, reports: list[str], epochs: Epochs | None = None
) -> list[Segment]:
    """Replace a damaged segment; return what takes its place. Doing it again changes nothing.

    It is pinned, unless its file is missing.
    """
    file = segment.pinned
    if file is None:
        reports.append(f"{segment.path} is missing: offsets {segment.base}..{segment.end} are lost")
        return []
    size = file.size()
    if size < segment.size:
        reports.append(f"{segment.path} has lost {segment.size - size} bytes at its end")
    runs = list(_runs(file, min(size, segment.size), segment))
    for position, to in _gaps(runs, size):
        reports.append(_put_aside(disk.files, segment, file, position, to))
    disk.files.sync_dir(segment.directory)
    writer = _Copier(disk, segment, file, epochs, reports)
    return _rewrite(disk, segment, writer, runs)


def _rewrite(disk: Disk, segment: Segment, copier: "_Copier", runs: list[Run]) -> list[Segment]:
    """Write the runs. The first replaces the damaged file, so it comes last."""
    new = [copier.copy(run) for run in reversed(runs)]
    if not runs or runs[0].base != segment.base:
        disk.files.unlink(segment.index_path)
        disk.files.unlink(segment.path)
        disk.files.sync_dir(segment.directory)
    return new[::-1]


@dataclass(frozen=True, slots=True)
class _Copier:
    """Copies runs to new segments, and puts leader epochs right: no checksum covers them."""

    disk: Disk
    segment: Segment
    file: File
    epochs: Epochs | None
    reports: list[str]

    def copy(self, run: Run) -> Segment:
        writer = SegmentWriter(self.disk, self.segment, base=run.base)
        for _, header, view in scan.in_order(
            self.file, run.position, run.to, first=run.base, dense=False
        ):
            writer.append(self._right(header, view), header)
        writer.publish()
        return writer.segment

    def _right(self, header: BatchHeader, batch: Buffer) -> Buffer:
        if self.epochs is None or header.leader_epoch == self.epochs.at(header.base_offset):
            return batch
        epoch = self.epochs.at(header.base_offset)
        self.reports.append(
            f"{self.segment.path}: leader epoch {header.leader_epoch} of offset "
            f"{header.base_offset} was damaged, put right: {epoch}"
        )
        start = prefix(header.base_offset, header.length, epoch)
        return start + memoryview(batch)[len(start) :]


def _runs(file: File, size: int, segment: Segment) -> Iterator[Run]:
    """Yield the runs of good batches among the first `size` bytes."""
    position, expected = 0, segment.base
    while position < size:
        first = expected if position == 0 and segment.dense else None
        run = _run(file, position, size, segment, first)
        if (
            run is not None
            and run.base >= expected
            and (first is not None or _is_sure(run, segment))
        ):
            yield run
            position, expected = run.to, run.end
        if position < size:
            position = _next_batch(file, position + 1, size, expected, segment.end)


def _run(file: File, position: int, size: int, segment: Segment, first: int | None) -> Run | None:
    """Return the run that begins exactly there, with the offset `first` if that is known."""
    base, to, end, count = -1, position, -1, 0
    try:
        base = scan.header_at(file, position, size).base_offset if first is None else first
        for place, header, view in scan.in_order(
            file, position, size, first=base, end=segment.end, dense=segment.dense
        ):
            to, end, count = place + len(view), header.next_offset, count + 1
    except CorruptBatch:
        if not count:
            return None
    return Run(base, position, to, end, count)


def _is_sure(run: Run, segment: Segment) -> bool:
    """Do we know the offsets after a gap? No checksum covers them, but the next batch tells."""
    return not segment.dense or run.count > 1 or run.end == segment.end


def _next_batch(file: File, position: int, size: int, expected: int, end: int) -> int:
    """Return where the next good batch is, `size` when there is none."""
    while position + HEADER_BYTES <= size:
        data = file.pread(min(_PIECE, size - position), position)
        for at in _candidates(data, position, size, expected, end):
            if _is_good(file, at, size):
                return at
        position += max(len(data) - HEADER_BYTES + 1, 1)
    return size


def _candidates(data: bytes, origin: int, size: int, expected: int, end: int) -> Iterator[int]:
    """Yield the places where a batch could begin."""
    found = data.find(_MAGIC_BYTE, _MAGIC_AT)
    while 0 <= found <= len(data) - (HEADER_BYTES - _MAGIC_AT):
        start = found - _MAGIC_AT
        offset = int.from_bytes(data[start : start + 8])
        length = int.from_bytes(data[start + 8 : start + 12])
        if expected <= offset < end and length + 12 <= size - origin - start:
            yield origin + start
        found = data.find(_MAGIC_BYTE, found + 1)


def _is_good(file: File, position: int, size: int) -> bool:
    try:
        next(scan.checked(file, position, size))
    except CorruptBatch:
        return False
    return True


def _gaps(runs: list[Run], size: int) -> Iterator[tuple[int, int]]:
    """Yield (position, to) of what lies between the runs."""
    position = 0
    for run in runs:
        if run.position > position:
            yield position, run.position
        position = run.to
    if position < size:
        yield position, size


def cut_tail(files: Files, segment: Segment, file: File, reports: list[str]) -> None:
    """Cut what is behind the good batches of the last segment: nobody was told it was kept."""
    size = file.size()
    if any(any(piece) for piece in _pieces(file, segment.size, size)):
        reports.append(_put_aside(files, segment, file, segment.size, size))
        files.sync_dir(segment.directory)
    file.truncate(segment.size)
    file.sync()


def _put_aside(files: Files, segment: Segment, file: File, position: int, to: int) -> str:
    """Copy these bytes to a quarantine file; return what to tell people."""
    path = f"{segment.directory}/{segment.base:020d}-{position}.quarantine"
    copy = files.open(path, create=True)
    copy.truncate(0)
    for piece in _pieces(file, position, to):
        write_all(copy, [piece], copy.size())
    copy.sync()
    return f"{to - position} bytes of {segment.path} at {position} are damaged, kept in {path}"


def _pieces(file: File, position: int, to: int) -> Iterator[bytes]:
    while position < to:
        piece = file.pread(min(_PIECE, to - position), position)
        if not piece:
            return
        yield piece
        position += len(piece)
