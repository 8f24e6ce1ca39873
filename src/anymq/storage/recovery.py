"""Recovery: what a log is after a restart.

After a clean end the checkpoint says everything and no file is opened. Otherwise only what was
written since is read: the tail of the segment that the checkpoint ends in, and the segments after
it that have no index file (that one is written once a segment is synced as a whole).

The end of the last segment may be torn: nobody was told that it is kept, it is cut. Everything
else that is wrong is damage: put aside and reported (`repair.py`), and the log goes on after the
last offset it ever promised. Recovering twice gives what recovering once gives.
"""

from collections.abc import Sequence

from anymq.storage import doubt, repair, restart, retention, scan, state
from anymq.storage import epochs as epoch_files
from anymq.storage import index as indexes
from anymq.storage.checkpoint import LogEntry, SegmentEntry
from anymq.storage.disk import Disk
from anymq.storage.epochs import Epochs
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import File
from anymq.storage.index import NO_TIMESTAMP, Extent
from anymq.storage.log import Contents, LogConfig, directory_of
from anymq.storage.segment import INDEX, LOG, Segment, path_of
from anymq.storage.segment_writer import CLEANED
from anymq.storage.small_files import Damaged, read_whole

_LEFTOVERS = (CLEANED, ".tmp")


def recover(disk: Disk, log_id: int, config: LogConfig, entry: LogEntry | None) -> Contents:
    """Find out what there is of a log, and put right what is wrong."""
    return _Recovery(disk, log_id, config, entry or LogEntry(0, 0, -1, 0, [])).contents()


class _Recovery:
    """One log being recovered."""

    def __init__(self, disk: Disk, log_id: int, config: LogConfig, entry: LogEntry) -> None:
        self._disk = disk
        self._files = disk.files
        self._config = config
        self._entry = entry
        self._directory = directory_of(log_id)
        self._seen_epochs: list[tuple[int, int]] = []

    def contents(self) -> Contents:
        names = self._files.list(self._directory)
        self._remove_leftovers(names)
        bases = self._bases(names)
        self._report_missing(bases)
        segments = self._segments(bases)
        end = max(segments[-1].end if segments else 0, self._entry.end)
        start = min(max(self._start(names, bases), self._entry.start), end)
        if bases and start < bases[0]:
            self._report(f"offsets {start}..{bases[0]} are lost")
        if names:
            state.forget_above(self._files, self._directory, end)
        segments = self._with_active(segments, end)
        unsealed = [segment for segment in segments[:-1] if not segment.sealed]
        return Contents(segments, start, end, self._epochs(end), rolled=unsealed)

    def _remove_leftovers(self, names: Sequence[str]) -> None:
        for name in names:
            if name.endswith(_LEFTOVERS):
                self._files.unlink(f"{self._directory}/{name}")

    def _bases(self, names: Sequence[str]) -> list[int]:
        stems = (name.removesuffix(LOG) for name in names if name.endswith(LOG))
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def _start(self, names: Sequence[str], bases: Sequence[int]) -> int:
        """Return where retention has moved the start to."""
        if retention.START not in names:
            return 0
        try:
            return retention.read_start(self._files, self._directory)
        except Damaged:
            return bases[0] if bases else 0

    def _report_missing(self, bases: Sequence[int]) -> None:
        """Segments go from the front, by retention; others only by compaction or thinning."""
        for known in self._entry.segments:
            inside = bases and known.base > bases[0] and known.base not in bases
            if inside and known.size and not self._config.rewritten:
                self._report(f"offsets {known.base}..{known.end} are lost: the file is missing")

    def _report(self, text: str) -> None:
        self._disk.report(f"{self._directory}: {text}")

    def _segments(self, bases: Sequence[int]) -> list[Segment]:
        segments: list[Segment] = []
        for i, base in enumerate(bases):
            segments += self._segment(base, bases[i + 1] if i + 1 < len(bases) else None)
        return segments

    def _segment(self, base: int, after: int | None) -> list[Segment]:
        """Return the segment that begins at `base`, or what is left of it."""
        known = self._entry.segment(base)
        if known is not None and base < self._entry.base and self._is_as_known(known, after):
            return [restart.segment_of(self._directory, known, self._config)]
        return self._examine(base, after)

    def _is_as_known(self, known: SegmentEntry, after: int | None) -> bool:
        """Is the file still the one that the checkpoint describes?"""
        if after is not None and known.end > after:
            return False  # a repair was under way
        if not self._config.rewritten:  # its size will be compared when it is read
            return True
        path = path_of(self._directory, known.base, LOG)
        return self._disk.handles.get(path).size() == known.size

    def _examine(self, base: int, after: int | None) -> list[Segment]:
        file = self._disk.handles.get(path_of(self._directory, base, LOG))
        segment = self._trusted(base, after)
        size, trusted = file.size(), segment.size
        if size < trusted or (after is not None and segment.end > after):
            segment.end = segment.end if after is None else after
            return self._repair(segment, file)
        whole = self._scan(segment, file, size, strict=after is None)
        if self._disk.in_doubt:
            doubt.write_again(file, trusted, segment.size)
        if whole:
            segment.sealed = after is not None and trusted == size
        elif after is None:
            reports: list[str] = []
            repair.cut_tail(self._files, segment, file, reports)
            self._disk.reports += reports
        else:
            segment.end = after
            return self._repair(segment, file)
        return [segment]

    def _trusted(self, base: int, after: int | None) -> Segment:
        """Return the segment as far as it was surely durable.

        It may have been written anew since the checkpoint, but never the last one.
        """
        segment = Segment(self._directory, base, self._config.index_interval_bytes)
        known = self._entry.segment(base)
        if known is not None:
            segment.opened_ms = known.opened_ms
        extent = Extent(0, base, NO_TIMESTAMP, True)
        rewritten = self._config.rewritten and after is not None
        if known is not None and base == self._entry.base and not rewritten:
            extent = Extent(self._entry.position, self._entry.end, known.newest, known.dense)
        indexed = self._indexed(base)
        if indexed is not None and indexed[0].size >= extent.size:
            extent, index = indexed
        else:
            index = None
        if extent.size:
            opened_ms = segment.opened_ms
            segment = Segment.found(
                self._directory, base, extent, self._config.index_interval_bytes
            )
            segment.opened_ms, segment.index = opened_ms, index
        return segment

    def _indexed(self, base: int) -> tuple[Extent, indexes.Index] | None:
        try:
            content = read_whole(self._files, path_of(self._directory, base, INDEX), "index")
            return indexes.decode(content) if content is not None else None
        except Damaged:
            return None

    def _scan(self, segment: Segment, file: File, size: int, *, strict: bool) -> bool:
        """Take in the good batches from where trust ends; return whether that is all of them."""
        segment.checked_from = trusted = segment.size
        try:
            for _, header, view in scan.in_order(
                file, trusted, size, first=segment.end, dense=strict and segment.dense
            ):
                if header.base_offset != segment.end:
                    segment.dense = False
                segment.add(header.base_offset, header.next_offset, len(view), header.max_timestamp)
                self._see_epoch(header.leader_epoch, header.base_offset)
            whole = True
        except CorruptBatch:
            whole = False
        segment.visible_size = segment.old_size = segment.checked_to = segment.size
        segment.old_end = segment.end
        segment.on_disk = segment.named = segment.sized = True
        return whole

    def _see_epoch(self, epoch: int, offset: int) -> None:
        if not self._seen_epochs or epoch > self._seen_epochs[-1][0]:
            self._seen_epochs.append((epoch, offset))

    def _repair(self, segment: Segment, file: File) -> list[Segment]:
        segment.size, segment.pinned = max(segment.size, file.size()), file
        reports: list[str] = []
        new = repair.repair(self._disk, segment, reports)
        self._disk.handles.drop(segment.path)
        self._disk.reports += reports
        return new

    def _with_active(self, segments: list[Segment], end: int) -> list[Segment]:
        """Make sure that the last segment goes on at `end`; what was promised stays taken."""
        if segments and segments[-1].end == end:
            segments[-1].sealed = False
            return segments
        if end:
            last = segments[-1].end if segments else 0
            if last < self._entry.end and self._entry.start < self._entry.end:
                self._report(f"offsets {last}..{end} are lost")
        return [*segments, Segment(self._directory, end, self._config.index_interval_bytes)]

    def _epochs(self, end: int) -> Epochs | None:
        """Return the epochs file's content, put right; None when it must be made again."""
        try:
            content = read_whole(self._files, f"{self._directory}/epochs", "epochs")
            epochs = epoch_files.decode(content) if content is not None else Epochs()
        except Damaged:
            return None
        epochs.cut(end)
        for epoch, offset in self._seen_epochs:
            epochs.note(epoch, offset)
        return epochs
