"""Segment: one file of record batches, named after its first offset, and what we know of it."""

from collections.abc import Callable, Iterator

from anymq.storage import index as indexes
from anymq.storage import scan
from anymq.storage.batch import BatchHeader
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import File, Files
from anymq.storage.handles import Handles
from anymq.storage.index import NO_TIMESTAMP, Extent, Index
from anymq.storage.small_files import Damaged, read_whole, replace_whole

EpochAt = Callable[[int], int]

LOG = ".log"
INDEX = ".index"


class Segment:
    """Batches `base`..`end`. `size` counts what was appended, `visible_size` what may be read.

    The index of the active segment grows with it. The others' are read when needed, and made
    again from the batches when the file is missing or damaged.
    """

    __slots__ = (
        "_index_due",
        "base",
        "checked_from",
        "checked_to",
        "dense",
        "directory",
        "end",
        "index",
        "index_interval",
        "kept",
        "named",
        "newest",
        "old_end",
        "old_size",
        "on_disk",
        "opened_ms",
        "path",
        "pinned",
        "sealed",
        "size",
        "sized",
        "visible_size",
    )

    def __init__(self, directory: str, base: int, index_interval: int = 4096) -> None:
        self.directory = directory
        self.base = base
        self.path = path_of(directory, base, LOG)
        self.end = base
        self.size = 0
        self.visible_size = 0
        self.newest = NO_TIMESTAMP  # of all its records
        self.dense = True
        self.kept = -1  # records left in it by thinning; -1: not known, at most one per offset
        self.opened_ms = 0  # when the first batch came; 0: not known
        self.index: Index | None = Index()
        self.index_interval = index_interval
        self._index_due = 0
        self.on_disk = False  # the file is there
        self.named = False  # and its name would survive a power cut
        self.sealed = False  # synced as a whole, index file written
        self.pinned: File | None = None  # while its path may lead to another file
        self.sized = True  # the file is as long as we think
        self.old_size = 0  # below: written before we started, checked when first read
        self.old_end = base
        self.checked_from = 0
        self.checked_to = 0

    @classmethod
    def found(cls, directory: str, base: int, extent: Extent, index_interval: int) -> "Segment":
        """Return a segment that is on disk, whole, all of it visible; its index is read later."""
        segment = cls(directory, base, index_interval)
        segment.size = segment.visible_size = segment.old_size = extent.size
        segment.end = segment.old_end = extent.end
        segment.newest = extent.newest
        segment.dense = extent.dense
        segment.on_disk = segment.named = True
        segment.sized = False
        segment.index = None
        return segment

    @property
    def index_path(self) -> str:
        """Where the index is, once the segment is sealed."""
        return path_of(self.directory, self.base, INDEX)

    @property
    def extent(self) -> Extent:
        """What its index file will say of it."""
        return Extent(self.size, self.end, self.newest, self.dense)

    def add(self, offset: int, end: int, size: int, newest: int) -> None:
        """Note a batch that was appended. Hot: see benchmarks/micro/log_append.py."""
        position = self.size
        if position >= self._index_due:
            self._add_row(offset, position)
        self.size = position + size
        self.end = end
        if newest > self.newest:
            self.newest = newest

    def _add_row(self, offset: int, position: int) -> None:
        if self.index is not None:
            self.index.add(offset, position, self.newest)
        self._index_due = position + self.index_interval

    def cut(self, size: int, end: int, newest: int) -> None:
        """Go back to what it was."""
        self.size, self.end, self.newest = size, end, newest
        self._index_due = 0
        if self.index is not None:
            self.index.cut(size)

    def file(self, handles: Handles) -> File:
        """Return the file to read from. CorruptBatch when it is not what we left."""
        if self.pinned is not None:
            return self.pinned
        if self.sized:
            return handles.get(self.path)
        return self._sized_file(handles)

    def _sized_file(self, handles: Handles) -> File:
        """Open it for the first time since the start; only now look how long it is."""
        try:
            file = handles.get(self.path)
        except FileNotFoundError as error:
            raise CorruptBatch(f"{self.path} is missing") from error
        # What was appended since may be on its way.
        if not self.visible_size <= file.size() <= self.size:
            raise CorruptBatch(f"{self.path} has {file.size()} bytes, should have {self.size}")
        self.sized = True
        return file

    def pin(self, handles: Handles) -> File:
        """Stay with the file there is: its path is about to lead to another one."""
        self.pinned = self.pinned or handles.get(self.path)
        return self.pinned

    def rows(self, files: Files, handles: Handles) -> Index:
        """Return the index; read it or make it again when it is not in memory."""
        if self.index is None:
            self.index = self._read_index(files) or self.rebuilt(self.file(handles))
        return self.index

    def _read_index(self, files: Files) -> Index | None:
        try:
            content = read_whole(files, self.index_path, "index")
            if content is None:
                return None
            extent, index = indexes.decode(content)
        except Damaged:
            return None
        return index if extent.size == self.size and extent.end == self.end else None

    def rebuilt(self, file: File) -> Index:
        """Make the index from the batches."""
        index, due, newest = Index(), 0, NO_TIMESTAMP
        found = scan.headers(file, 0, self.size, read_bytes=scan.SCAN_BYTES)
        for position, header in scan.fitting(found, self.base, dense=self.dense):
            if position >= due:
                index.add(header.base_offset, position, newest)
                due = position + self.index_interval
            newest = max(newest, header.max_timestamp)
        return index

    def write_index(self, files: Files, index: Index) -> None:
        """Write the index file. It says "synced up to here": sync the batches first."""
        content = index.encode(self.extent)
        replace_whole(files, self.index_path, "index", content, sync=False)

    def find(self, offset: int, files: Files, handles: Handles) -> int | None:
        """Return the place of the first batch that ends after `offset`; None when none visible."""
        if offset <= self.base:
            return 0 if self.visible_size else None
        row_offset, position = self.rows(files, handles).floor(offset)
        if row_offset == offset:
            return position
        for at, header in self.walk(position, handles, first=max(row_offset, self.base)):
            if header.next_offset > offset:
                return at
        if self.dense and offset < self.end and self.visible_size == self.size:
            raise CorruptBatch(f"no batch of {self.path} says that it holds offset {offset}")
        return None

    def walk(
        self,
        position: int,
        handles: Handles,
        *,
        first: int | None = None,
        read_bytes: int = scan.LOOK_BYTES,
    ) -> Iterator[tuple[int, BatchHeader]]:
        """Yield (position, header) of the visible batches from `position` on.

        With `first`, the offset that should be there, the offsets must fit.
        """
        found = scan.headers(self.file(handles), position, self.visible_size, read_bytes=read_bytes)
        return found if first is None else scan.fitting(found, first, dense=self.dense)

    def unchecked(self, position: int, size: int) -> bool:
        """Is there something among these bytes that nobody has compared with its checksum?"""
        if position >= self.old_size:
            return False
        to = min(position + size, self.old_size)
        return not (self.checked_from <= position and to <= self.checked_to)

    def check(
        self, position: int, size: int, handles: Handles, epoch_at: EpochAt | None = None
    ) -> None:
        """Compare the batches that begin among these bytes with their checksums. CorruptBatch.

        `epoch_at` tells what the leader epoch must be, which no checksum covers either.
        """
        to = min(position + size, self.old_size)
        joins = self.checked_from <= position <= self.checked_to
        at = self.checked_to if joins else position
        at = self._check_some(self.file(handles), at, to, epoch_at)
        self.checked_from = self.checked_from if joins else position
        self.checked_to = at

    def _check_some(self, file: File, position: int, to: int, epoch_at: EpochAt | None) -> int:
        """Check from one batch on until at least `to`; return where it stopped."""
        limit, offset = self.old_size, self.base
        if position:
            offset = scan.header_at(file, position, limit).base_offset
        batches = scan.in_order(
            file,
            position,
            limit,
            first=offset,
            end=self.old_end,
            dense=self.dense,
            read_bytes=min(max(to - position, scan.LOOK_BYTES), scan.SCAN_BYTES),
        )
        for place, header, view in batches:
            if epoch_at is not None and epoch_at(header.base_offset) != header.leader_epoch:
                raise CorruptBatch(f"the batch at {place} has a wrong leader epoch")
            position, offset = place + len(view), header.next_offset
            if position >= to:
                break
        self._check_offset(file, position, offset)
        return position

    def _check_offset(self, file: File, position: int, offset: int) -> None:
        """No checksum covers the offsets, but what follows tells whether they are right."""
        following = self.old_end
        if position < self.old_size:
            following = scan.header_at(file, position, self.old_size).base_offset
        if self.dense and following != offset:
            raise CorruptBatch(f"offset {offset} before {position}, then {following}")


def path_of(directory: str, base: int, suffix: str) -> str:
    """Return the name of a segment's file: twenty digits, so that names sort as offsets."""
    return f"{directory}/{base:020d}{suffix}"
