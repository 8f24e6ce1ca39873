"""Seal: sync a segment that takes no more appends, then write its index file and the owner's state.

An index file thus means "synced up to here": recovery need not read such a segment.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import override

from anymq.storage import doubt, state
from anymq.storage.disk import Disk
from anymq.storage.errors import LogFailed, StorageError
from anymq.storage.files import File, Files
from anymq.storage.index import Index
from anymq.storage.log import Log
from anymq.storage.segment import Segment
from anymq.storage.work import Work

SEGMENTS_MAX = 64  # sealed at once: they are held open


@dataclass(slots=True)
class _Item:
    log: Log
    segment: Segment
    file: File
    state: bytes | None
    index: Index | None = None
    error: OSError | None = None


class Seal(Work):
    """Seals what was rolled."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._items: list[_Item] = []

    def add(self, log: Log, segment: Segment, content: bytes | None) -> bool:
        """Seal this one too; no when its file cannot be opened now. All of it must be written."""
        try:
            file = segment.pin(self._disk.handles)
        except (OSError, StorageError):
            return False
        self._items.append(_Item(log, segment, file, content))
        return True

    @property
    def full(self) -> bool:
        """Is this enough at once?"""
        return len(self._items) >= SEGMENTS_MAX

    @property
    def empty(self) -> bool:
        """Is there nothing to seal?"""
        return not self._items

    @override
    def run(self) -> None:
        for item in self._items:
            try:
                item.file.sync()
                self._disk.files.sync_dir(item.segment.directory)
                self._disk.files.sync_dir("logs")
            except OSError as error:
                doubt.note(self._disk.files)
                item.error = error
            else:
                _write_beside(self._disk.files, item)

    @override
    def done(self) -> None:
        for item in self._items:
            item.segment.pinned = None
            if item.error is not None:
                item.log.fail(LogFailed(f"{item.segment.path}: {item.error}"))
                continue
            item.segment.index = item.index
            item.log.sealed(item.segment)


def _write_beside(files: Files, item: _Item) -> None:
    """Write what can be made again: without it a restart takes longer, so errors do not matter."""
    segment = item.segment
    try:
        item.index = segment.index or segment.rebuilt(item.file)
        segment.write_index(files, item.index)
        if item.state is not None:
            state.write(files, segment.directory, segment.end, item.state)
    except (OSError, StorageError):
        return


def seal_of(disk: Disk, logs: Iterable[Log]) -> Seal:
    """Return the sealing of what was rolled and is wholly written, up to SEGMENTS_MAX."""
    seal = Seal(disk)
    for log in logs:
        if log.rolled and log.failed is None:
            log.rolled = [item for item in log.rolled if not _add(seal, log, *item)]
    return seal


def _add(seal: Seal, log: Log, segment: Segment, content: bytes | None) -> bool:
    if seal.full or segment.pinned is not None or segment in log.damaged:
        return False
    return segment.end <= log.visible_end and seal.add(log, segment, content)
