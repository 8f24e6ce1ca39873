"""Thinning: what the owner of a queue's log has settled goes, wherever it is.

The owner says what is still needed (`Log.needed`). Segments of which nothing is needed go, at the
front and in the middle; those of which little is needed are written anew with that, at the offsets
it has. The active one is rolled first. So one stuck message costs its own bytes and no more.

What is not needed may go before the settlement itself is durable. After a crash its message is
gone, as it was to be; the owner then finds a hole where it expects a message.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter

from typing_extensions import override

from anymq.storage import scan
from anymq.storage.batch import BatchHeader
from anymq.storage.cleaning import reduced
from anymq.storage.disk import Disk
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.files import Buffer
from anymq.storage.log import Log, Runs
from anymq.storage.records import Slice, body_of, slices
from anymq.storage.rewriting import (
    PIECE_BYTES,
    Interrupted,
    Job,
    Rewriter,
    active_may_be_made,
    available,
    is_passing,
    let_others_run,
    piece,
)
from anymq.storage.segment import Segment
from anymq.storage.space import MIB
from anymq.storage.work import Work

# Rolling and removing cost some syncs, so the active segment goes only when that frees this much,
LIVELY_BYTES = 16 * MIB
# or, once it is old, this much: there may be 10,000 queues with little to do.
OLD_BYTES = 64 * 1024
OLD_MS = 5 * 60_000
SEGMENTS_LOOKED_AT = 64  # per log and tick: asking the owner takes some microseconds each
RUNS_MAX = 100_000  # of what is needed, held for one piece of work: some 10 MB

_FIRST = itemgetter(0)


def roll_thin(log: Log, disk: Disk, now_ms: int) -> None:
    """Begin a new segment when most of the active one is settled and worth the trouble."""
    active = log.active
    if log.needed is None or not active.size or not _is_worth(log, disk, now_ms):
        return
    if 2 * needed_in(log, active) <= active.end - active.base:
        log.roll()


def _is_worth(log: Log, disk: Disk, now_ms: int) -> bool:
    active = log.active
    if active.size >= min(LIVELY_BYTES, log.config.segment_bytes // 4) or disk.space.full:
        return True
    return active.size >= OLD_BYTES and 0 < active.opened_ms <= now_ms - OLD_MS


def is_settled(log: Log, segment: Segment) -> bool:
    """Is nothing of it needed? The active segment is for `roll_thin`."""
    return log.needed is not None and not needed_in(log, segment)


def needed_in(log: Log, segment: Segment) -> int:
    """Return how many offsets of this segment are still needed."""
    first, end = max(segment.base, log.start), segment.end
    if first >= end:
        return 0
    if log.needed_count is not None:
        return log.needed_count(first, end)
    assert log.needed is not None
    return sum(run_end - run_first for run_first, run_end in log.needed(first, end))


@dataclass(slots=True)
class Thinner:
    """All thinned logs of a store. On the broker's thread only."""

    disk: Disk
    pause: Callable[[], None] = let_others_run  # after each batch
    _next: dict[int, int] = field(default_factory=dict)  # by log: where to look next
    _blocked: set[int] = field(default_factory=set)  # the disk failed: not before a restart

    def work(self, log: Log) -> Work | None:
        """Return which segments to thin now; None when none is worth it. One work at a time."""
        if log.needed is None or log.id in self._blocked or self.disk.stopping:
            return None
        if not active_may_be_made(log):
            return None
        start = self._next.pop(log.id, 0)
        end = start + SEGMENTS_LOOKED_AT
        turn = (s for s in log.segments[start:end] if s is not log.active and available(log, s))
        todo = [segment for segment in turn if self._is_thin(log, segment)]
        if end < len(log.segments):
            self._next[log.id] = start if todo else end
        if not todo:
            return None
        thinning = Thinning(self, log, _with_runs(log, piece(todo, PIECE_BYTES)))
        return thinning if thinning.prepare() else None

    def forget(self, log_id: int) -> None:
        """The log is gone."""
        self._next.pop(log_id, None)
        self._blocked.discard(log_id)

    def block(self, log: Log, error: OSError | StorageError) -> None:
        """Leave it as it is: that is harmless but for the space."""
        self._blocked.add(log.id)
        if log.failed is None:
            self.disk.report(f"log {log.id} is not thinned until a restart: {error}")

    def _is_thin(self, log: Log, segment: Segment) -> bool:
        """Is half of it settled? When the disk is full, a tenth will do, if there is room."""
        there = segment.kept if segment.kept >= 0 else segment.end - segment.base
        if not there:
            return False
        needed = needed_in(log, segment)
        if not needed or not self.disk.space.full:
            return 2 * needed <= there
        size = segment.size * needed // there
        return 10 * needed <= 9 * there and size <= self.disk.files.free_bytes() // 4


def _with_runs(log: Log, segments: Iterable[Segment]) -> list[tuple[Segment, Runs]]:
    """Ask what is needed of each: of as many as may be remembered, one at least."""
    assert log.needed is not None
    found: list[tuple[Segment, Runs]] = []
    count = 0
    for segment in segments:
        first = max(segment.base, log.start)
        runs = log.needed(first, segment.end) if first < segment.end else []
        count += len(runs)
        if found and count > RUNS_MAX:
            break
        found.append((segment, runs))
    return found


class Thinning(Work):
    """Write some segments anew, without what is settled."""

    def __init__(self, thinner: Thinner, log: Log, todo: list[tuple[Segment, Runs]]) -> None:
        self._thinner = thinner
        self._log = log
        self._segments = [segment for segment, _ in todo]
        self._keepers = [_Keeper(runs) for _, runs in todo]
        self._first_base = log.segments[0].base
        self._rewriter = Rewriter(thinner.disk, log)
        self._at = 0  # how many are thinned
        self._error: OSError | StorageError | None = None

    def prepare(self) -> bool:
        """Open what is to be thinned: readers keep these files until `done`."""
        try:
            self._rewriter.open(self._segments)
        except (OSError, StorageError) as error:
            self._rewriter.end()
            self._give_up(error)
            return False
        return True

    @override
    def run(self) -> None:
        try:
            self._rewriter.make_active()
            for job, keeper in zip(self._rewriter.jobs, self._keepers, strict=True):
                self._thin(job, keeper)
                self._at += 1
        except (OSError, StorageError) as error:
            self._error = error

    def _thin(self, job: Job, keeper: "_Keeper") -> None:
        if keeper.keeps_none and job.old.base != self._first_base:
            self._rewriter.remove(job)
        else:
            self._rewriter.rewrite(job, _batches(job), keeper.clean, self._pause)

    def _pause(self) -> None:
        self._thinner.pause()
        if self._thinner.disk.stopping:
            raise Interrupted

    @override
    def done(self) -> None:
        rewriter = self._rewriter
        for job, keeper in islice(zip(rewriter.jobs, self._keepers, strict=True), self._at):
            for segment in [job.old] if job.new is None else job.new:
                segment.kept = keeper.count
        rewriter.end()
        if self._error is None:
            rewriter.succeeded()
        else:
            self._give_up(self._error)

    def _give_up(self, error: OSError | StorageError) -> None:
        """Try again when only space was short, and after the repair when something is damaged."""
        segment = self._segments[self._at]
        if isinstance(error, CorruptBatch) and segment in self._log.segments:
            self._log.note_damage(segment)
        elif not is_passing(error):
            self._thinner.block(self._log, error)


def _batches(job: Job) -> Iterator[tuple[int, BatchHeader, memoryview]]:
    """Read what is there, sure that it is what was written: it is about to be the only copy."""
    old = job.old
    return scan.in_order(
        job.writer.source, 0, old.size, first=old.base, end=old.end, dense=old.dense
    )


class _Keeper:
    """Keeps of each batch what lies in these runs."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self.count = 0  # records kept

    @property
    def keeps_none(self) -> bool:
        """Is nothing needed?"""
        return not self._runs

    def clean(self, header: BatchHeader, batch: Buffer) -> Buffer | None:
        """Return what stays of a batch: itself, less of it, or None."""
        runs, base, end = self._runs, header.base_offset, header.next_offset
        at = max(bisect_right(runs, base, key=_FIRST) - 1, 0)
        if at < len(runs) and runs[at][1] <= base:
            at += 1
        if at == len(runs) or runs[at][0] >= end:
            return None
        if runs[at][0] <= base and end <= runs[at][1]:
            self.count += header.record_count
            return batch
        return self._some(header, batch, at)

    def _some(self, header: BatchHeader, batch: Buffer, at: int) -> Buffer | None:
        try:
            body = body_of(batch, header)
            items = list(slices(body, header))
        except CorruptBatch:  # its checksum is right: whoever wrote it may know how to read it
            self.count += header.record_count
            return batch
        kept = self._kept(header.base_offset, items, at)
        self.count += len(kept)
        if len(kept) == len(items):
            return batch
        return reduced(header, body, kept) if kept else None

    def _kept(self, base: int, items: Iterable[Slice], at: int) -> list[Slice]:
        runs, kept = self._runs, []
        for item in items:
            offset = base + item[0]
            while at < len(runs) and runs[at][1] <= offset:
                at += 1
            if at == len(runs):
                break
            if runs[at][0] <= offset:
                kept.append(item)
        return kept
