"""Compaction: when a log is cleaned, and the work of doing it.

A log has a clean part and, from `first_dirty` on, a dirty one. A round first learns the keys of the
dirty part, as many as there is room for; then it goes through all segments from the first and
writes anew those where something goes. Both are done a few segments at a time. The active segment
is never touched.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from typing_extensions import override

from anymq.storage import scan
from anymq.storage.batch import BatchHeader
from anymq.storage.cleaning import KEYS_MAX, Cleaner, KeyMap
from anymq.storage.disk import Disk
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.files import File, Files
from anymq.storage.log import Log, LogConfig
from anymq.storage.rewriting import (
    PIECE_BYTES,
    Interrupted,
    Rewriter,
    active_may_be_made,
    available,
    is_passing,
    let_others_run,
    piece,
)
from anymq.storage.segment import Segment
from anymq.storage.small_files import Damaged, read_whole, replace_whole
from anymq.storage.work import Work

# A round with less room for keys is not worth its while: it goes through the whole log.
KEYS_MIN = 1000
# As Kafka's producer.id.expiration.ms: after that nobody asks for a producer's last sequence.
PRODUCER_EXPIRATION_MS = 86_400_000

_KIND = "cleaned"


@dataclass(slots=True)
class Round:
    """One pass over a log, in as many pieces of work as it takes."""

    keys: KeyMap
    now_ms: int
    dirty: list[Segment]  # whose keys are still to be learned
    keys_max: int  # for how many there is room
    next_base: int = 0  # segments below are cleaned


@dataclass(slots=True)
class State:
    """How far a log is cleaned. Only `first_dirty` survives a restart, in the file `cleaned`.

    Losing it is harmless: everything is dirty then.
    """

    first_dirty: int
    round: Round | None = None
    stuck_at: int = -1  # an open transaction: no use in trying again before there is more
    blocked: bool = False  # damaged, or the disk failed: not again before a restart


@dataclass(slots=True)
class Compactor:
    """All compacted logs of a store. On the broker's thread only."""

    disk: Disk
    keys_max: int = KEYS_MAX
    pause: Callable[[], None] = let_others_run  # after each batch
    _states: dict[int, State] = field(default_factory=dict)

    def work(self, log: Log, now_ms: int) -> Work | None:
        """Return what to clean now; None when nothing is due. Call again after its `done`.

        Nobody else may replace or delete segments of this log before that.
        """
        if not log.config.compact or log.failed is not None:
            self.forget(log.id)
            return None
        if self.disk.space.full or self.disk.stopping:
            return None
        state = self._states.get(log.id) or self._state(log)
        if state.blocked:
            return None
        if state.round is None:
            state.round = self._begin(log, state, now_ms)
        if state.round is None:
            return None
        here = {segment.base for segment in log.segments}  # retention may have taken some
        state.round.dirty = [s for s in state.round.dirty if s.base in here]
        if state.round.dirty:
            return Learning(self, log, state, state.round)
        if not _all_available(log, state.round):
            return None
        piece = Cleaning(self, log, state, state.round)
        return piece if piece.prepare() else None

    def forget(self, log_id: int) -> None:
        """The log is gone, or is not to be compacted any more."""
        self._states.pop(log_id, None)

    def _begin(self, log: Log, state: State, now_ms: int) -> Round | None:
        """Begin a round if it is due, and there is room for its keys beside those of the others."""
        first_dirty = max(state.first_dirty, log.start)
        dirty = _due(log, first_dirty, state.stuck_at, now_ms)
        if not dirty:
            return None
        rounds = (state.round for state in self._states.values() if state.round is not None)
        room = self.keys_max - sum(round_.keys_max for round_ in rounds) // 2
        if room < min(KEYS_MIN, self.keys_max):
            return None
        return Round(KeyMap(first_dirty, room), now_ms, dirty, room)

    def _state(self, log: Log) -> State:
        state = self._states[log.id] = State(_read_first_dirty(self.disk.files, log))
        return state


def _due(log: Log, first_dirty: int, stuck_at: int, now_ms: int) -> list[Segment]:
    """Return what is to be cleaned if that is enough, or has been dirty for too long."""
    sealed = _sealed(log)
    dirty = _cleanable([s for s in sealed if s.end > first_dirty], log.config, now_ms)
    if not dirty or dirty[-1].end <= stuck_at or not _is_due(sealed, dirty, log, now_ms):
        return []
    return dirty


def _sealed(log: Log) -> list[Segment]:
    return list(takewhile(lambda segment: segment.sealed, log.segments))


def _all_available(log: Log, round_: Round) -> bool:
    """Is nobody else at work on what this round goes through, and none of it known as damaged?"""
    todo = (s for s in log.segments if round_.next_base <= s.base < round_.keys.limit)
    return active_may_be_made(log) and all(available(log, s) for s in todo)


def _cleanable(dirty: Sequence[Segment], config: LogConfig, now_ms: int) -> list[Segment]:
    """Return those before the first that is too young to be cleaned."""
    lag = config.min_compaction_lag_ms
    return list(takewhile(lambda s: not lag or s.newest <= now_ms - lag, dirty))


def _is_due(sealed: Sequence[Segment], dirty: Sequence[Segment], log: Log, now_ms: int) -> bool:
    dirty_bytes = sum(segment.size for segment in dirty)
    clean_bytes = sum(segment.size for segment in sealed if segment.base < dirty[0].base)
    if dirty_bytes > log.config.min_cleanable_dirty_ratio * (clean_bytes + dirty_bytes):
        return True
    oldest = dirty[0].opened_ms or dirty[0].newest
    return dirty_bytes > 0 and oldest < now_ms - log.config.max_compaction_lag_ms


def _read_first_dirty(files: Files, log: Log) -> int:
    try:
        content = read_whole(files, f"{log.directory}/cleaned", _KIND)
        offset = int(content) if content is not None else 0
    except (Damaged, ValueError, OSError):
        return 0
    return offset if offset <= log.end else 0


class _Piece(Work):
    """What the two kinds of work have in common: what goes wrong ends the round."""

    def __init__(self, compactor: Compactor, log: Log, state: State, round_: Round) -> None:
        self._disk = compactor.disk
        self._let_others_run = compactor.pause
        self._log = log
        self._state = state
        self._round = round_
        self._segment: Segment | None = None  # where we are
        self._error: OSError | StorageError | None = None

    @override
    def run(self) -> None:
        try:
            self._work()
        except (OSError, StorageError) as error:
            self._error = error

    @abstractmethod
    def _work(self) -> None:
        """Do what blocks."""

    def _pause(self) -> None:
        self._let_others_run()
        if self._disk.stopping:
            raise Interrupted

    def _batches(
        self, file: File, segment: Segment
    ) -> Iterator[tuple[int, BatchHeader, memoryview]]:
        """Read what is there, sure that it is what was written: it is about to be the only copy."""
        self._segment = segment
        return scan.in_order(
            file, 0, segment.size, first=segment.base, end=segment.end, dense=segment.dense
        )

    def _give_up(self, error: OSError | StorageError) -> None:
        """Leave the log as it is: uncompacted is harmless.

        Try again when only space was short, and after the repair when something is damaged.
        """
        self._state.round = None
        segment, log = self._segment, self._log
        if isinstance(error, CorruptBatch) and segment in log.segments:
            log.note_damage(segment)
            return
        if is_passing(error):
            return
        self._state.blocked = True
        if self._log.failed is None:
            self._disk.report(f"log {self._log.id} is not compacted until a restart: {error}")


class Learning(_Piece):
    """Learn the keys of some dirty segments."""

    def __init__(self, compactor: Compactor, log: Log, state: State, round_: Round) -> None:
        super().__init__(compactor, log, state, round_)
        self._segments = piece(round_.dirty, PIECE_BYTES)
        self._learned = len(self._segments)
        self._start = max(state.first_dirty, log.start)

    @override
    def _work(self) -> None:
        keys = self._round.keys
        for segment in self._segments:
            file = self._disk.files.open(segment.path)
            for _, header, view in self._batches(file, segment):
                if header.next_offset > self._start:
                    keys.add(header, view)
                    self._pause()
                if keys.full:
                    return

    @override
    def done(self) -> None:
        round_, keys = self._round, self._round.keys
        if self._error is not None:
            self._give_up(self._error)
            return
        round_.dirty = [] if keys.full else round_.dirty[self._learned :]
        if not round_.dirty:
            round_.keys_max = len(keys.newest)  # the rest of the room is for others
        if not round_.dirty and keys.limit <= self._start:
            self._state.stuck_at = self._segments[-1].end
            self._state.round = None


class Cleaning(_Piece):
    """Write some segments anew, without what goes."""

    def __init__(self, compactor: Compactor, log: Log, state: State, round_: Round) -> None:
        super().__init__(compactor, log, state, round_)
        limit = round_.keys.limit
        todo = [s for s in _sealed(log) if round_.next_base <= s.base < limit]
        self._todo = piece(todo, PIECE_BYTES)
        self._last = len(todo) == len(self._todo)
        self._rewriter = Rewriter(self._disk, log)
        self._limit = limit
        self._cleaner = Cleaner(
            keys=round_.keys,
            limit=limit,
            now_ms=round_.now_ms,
            delete_retention_ms=log.config.delete_retention_ms,
            producers_since=round_.now_ms - PRODUCER_EXPIRATION_MS,
        )

    def prepare(self) -> bool:
        """Open what is to be cleaned: readers keep these files until `done`."""
        try:
            self._rewriter.open(self._todo)
        except (OSError, StorageError) as error:
            self._rewriter.end()
            self._give_up(error)
            return False
        return True

    @override
    def _work(self) -> None:
        rewriter = self._rewriter
        rewriter.make_active()
        for job in rewriter.jobs:
            batches = self._batches(job.writer.source, job.old)
            rewriter.rewrite(job, batches, self._cleaner.clean, self._pause)
        if self._last:
            path = f"{self._log.directory}/cleaned"
            replace_whole(self._disk.files, path, _KIND, b"%d" % self._limit, sync=False)

    @override
    def done(self) -> None:
        self._rewriter.end()
        if self._error is not None:
            self._give_up(self._error)
            return
        self._rewriter.succeeded()
        if self._last:
            self._state.first_dirty = self._limit
            self._state.round = None
        else:
            self._round.next_base = self._todo[-1].end
