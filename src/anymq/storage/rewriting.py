"""Rewriting: segments from which something goes, batch by batch, are written anew and exchanged.

For compaction (an older record of the same key goes) and for thinning (a settled message goes).
The active segment is never touched. A crash leaves the old file or the new one, never both halves.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import sleep

from anymq.storage import scan
from anymq.storage.batch import BatchHeader, read_header
from anymq.storage.disk import Disk
from anymq.storage.errors import StorageError, TooManyFiles
from anymq.storage.files import Buffer
from anymq.storage.log import Log
from anymq.storage.reserve import NO_SPACE
from anymq.storage.segment import Segment
from anymq.storage.segment_writer import SegmentWriter
from anymq.storage.space import MIB

# Segments in one piece of work: while one is rewritten, its old file stays open for readers. And
# what else is to be done slowly, such as making room on the disk, waits for its end.
SEGMENTS_MAX = 32
PIECE_BYTES = 256 * MIB

# What stays of a batch: the batch itself, less of it, or None.
Clean = Callable[[BatchHeader, Buffer], Buffer | None]
Batches = Iterable[tuple[int, BatchHeader, memoryview]]

_PASSING = (*NO_SPACE, errno.EMFILE, errno.ENFILE)


class Interrupted(StorageError):
    """The process is about to end."""


def is_passing(error: OSError | StorageError) -> bool:
    """Is it worth trying again later?"""
    return isinstance(error, TooManyFiles | Interrupted) or getattr(error, "errno", 0) in _PASSING


def let_others_run() -> None:
    """Release the interpreter: otherwise the broker's thread waits 5 ms for each turn it gets."""
    sleep(0)


def piece(segments: Sequence[Segment], bytes_max: int) -> list[Segment]:
    """Return the first of these: as many as are worked on at once, one at least."""
    found: list[Segment] = []
    size = 0
    for segment in segments[:SEGMENTS_MAX]:
        size += segment.size
        if found and size > bytes_max:
            break
        found.append(segment)
    return found


def active_may_be_made(log: Log) -> bool:
    """Is the active segment's file there, or may it be made?

    Not before all that precedes it is durable, or else a crash could leave it after a hole.
    """
    return log.active.on_disk or log.durable.end >= log.active.base


def available(log: Log, segment: Segment) -> bool:
    """Is nobody else at work on it, and is it not known as damaged?"""
    return segment.sealed and segment.pinned is None and segment not in log.damaged


@dataclass(slots=True)
class Job:
    """One segment to write anew."""

    old: Segment
    writer: SegmentWriter
    new: list[Segment] | None = None  # what takes its place, when something does
    removing: bool = False  # its name may be gone


class Rewriter:
    """Some segments of one log. Made and ended on the broker's thread; in between, in any."""

    def __init__(self, disk: Disk, log: Log) -> None:
        self._disk = disk
        self._log = log
        self._first_base = log.segments[0].base
        self._active = log.active
        self.jobs: list[Job] = []

    def open(self, segments: Sequence[Segment]) -> None:
        """Open what is to be rewritten: readers keep these files until `end`."""
        for segment in segments:
            self.jobs.append(Job(segment, SegmentWriter(self._disk, segment)))

    def make_active(self) -> None:
        """See to it that the last file is not one that was rewritten: it says where the log ends.

        See `active_may_be_made`. In `Work.run`.
        """
        if not self._active.on_disk:
            self._disk.files.open(self._active.path, create=True)
            self._disk.files.sync_dir(self._log.directory)

    def rewrite(self, job: Job, batches: Batches, clean: Clean, pause: Callable[[], None]) -> None:
        """Write one segment anew from the first change on; before, only copied. In `Work.run`."""
        writer, changed = job.writer, False
        for position, header, view in batches:
            rest = clean(header, view)
            if rest is not view and not changed:
                changed = True
                _copy(writer, position)
            if changed and rest is not None:
                writer.append(rest, read_header(rest))
            pause()
        if changed:
            self._exchange(job)

    def _exchange(self, job: Job) -> None:
        # The first segment says where the log begins, so it stays, if only as an empty file.
        if job.writer.segment.size == 0 and job.old.base != self._first_base:
            self.remove(job)
        else:
            job.writer.publish(end=job.old.end)
            job.new = [job.writer.segment]

    def remove(self, job: Job) -> None:
        """Nothing of it stays."""
        job.removing = True
        self._disk.files.unlink(job.old.index_path)
        self._disk.files.unlink(job.old.path)
        self._disk.files.sync_dir(job.old.directory)
        job.new = []

    def succeeded(self) -> None:
        """All went well: `make_active` has made that file."""
        self._active.on_disk = True

    def end(self) -> None:
        """Take what is new; where nothing changed, or it failed before, go on with the old file.

        Where it failed in between, readers keep the old file, which they have, until the restart.
        """
        for job in self.jobs:
            if job.new is None and not (job.removing or job.writer.renaming):
                with suppress(OSError):
                    job.writer.abandon()
            elif job.new is not None and job.old in self._log.segments:
                self._log.replace_segments([job.old], job.new)


def _copy(writer: SegmentWriter, end: int) -> None:
    for _, header, view in scan.checked(writer.source, 0, end):
        writer.append(view, header)
