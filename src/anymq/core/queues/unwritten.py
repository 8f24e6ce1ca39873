"""Unwritten: what a line has not handed to its log yet, and may never have to.

A transient message that is settled before somebody asks for a write never gets to the disk: its
position is simply missing in the log. Written is in order, so whatever is written takes along what
is unsettled before it.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import NamedTuple

from anymq.core.message import Run
from anymq.core.queues import stored
from anymq.core.queues.settlement import Settlement
from anymq.core.queues.stored import BATCH_BYTES_MAX, GAP_MAX, Batch, Stored
from anymq.storage.errors import LogDeleted, StorageError
from anymq.storage.log import Log

Then = Callable[[Exception | None], None]

_ALONE_MIN = 8  # shorter runs are put together into one batch
_GAP_INSIDE_MAX = 1000  # more missing positions get a batch of their own, of 61 bytes


class Entry(NamedTuple):
    """A run that was pushed. `then`: only where somebody waits for the log."""

    first: int
    run: Run
    then: Then | None

    @property
    def end(self) -> int:
        """The position after it."""
        return self.first + len(self.run.messages)


class Unwritten:
    """The runs of one line that are not in its log."""

    __slots__ = (
        "_entries",
        "_log",
        "_look_again",
        "_on_the_way",
        "_settlement",
        "urgent",
    )

    def __init__(self, log: Log, settlement: Settlement) -> None:
        self.urgent = False  # somebody waits
        self._log = log
        self._settlement = settlement
        self._entries: deque[Entry] | None = None  # while there are some: an empty one is large
        self._look_again = 64

    def __bool__(self) -> bool:
        return bool(self._entries)

    def add(self, first: int, run: Run, then: Then | None, *, urgent: bool) -> None:
        """A run was pushed."""
        if self._entries is None:
            self._entries = deque()
        self._entries.append(Entry(first, run, then))
        self.urgent |= urgent

    def prune(self) -> None:
        """Forget what is settled and nobody waits for."""
        entries, settled = self._entries, self._settlement.settled
        while entries and entries[0].end <= settled.low:
            entries.popleft()
        if not entries:
            self._entries = None
        elif len(entries) > self._look_again:  # something old is stuck: look at the others as well
            left = (e for e in entries if settled.count(e.first, e.end) < e.end - e.first)
            self._entries = deque(left)
            self._look_again = 2 * len(self._entries) + 64

    def ready_bytes(self, out: Container[int]) -> int:
        """Return how many bytes the bodies in here have that are neither settled nor out."""
        settled = self._settlement.settled
        return sum(
            len(message.body)
            for entry in self._entries or ()
            for position, message in enumerate(entry.run.messages, entry.first)
            if position not in settled and position not in out
        )

    def write(self) -> list[tuple[int, int]]:
        """Append everything; return the runs of positions that were refused and are lost.

        Who waits for those is told. What need not be in the log stays here.
        """
        entries, self._entries = self._entries, None
        self.urgent = False
        while entries:
            group = self._next_group(entries)
            try:
                self._append(group)
            except StorageError as error:
                return self._refused([*group, *entries], error)
        return []

    def give_up(self, error: StorageError | None) -> None:
        """The line is gone: who waits is told that it is done with, or could not be kept."""
        entries, self._entries = self._entries, None
        for entry in entries or ():
            if entry.then is not None:
                entry.then(error)

    def _next_group(self, entries: deque[Entry]) -> list[Entry]:
        """Take the runs that make the next batch: a long one alone, short ones together."""
        group = [entries.popleft()]
        size = group[0].run.size
        if _is_long(group[0].run):
            return group
        while entries and size < BATCH_BYTES_MAX and not _is_long(entries[0].run):
            entry = entries.popleft()
            size += entry.run.size
            group.append(entry)
        return group

    def _append(self, group: list[Entry]) -> None:
        self._log.check_alive()  # who waits to hear of what is settled by now must not hear "safe"
        settled = self._settlement.settled
        first, end = group[0].first, group[-1].end
        whole = len(group) == 1 and group[0].run.size <= BATCH_BYTES_MAX
        if whole and settled.low <= first and not settled.count(first, end):
            self._fill_gap(first)
            self._append_batch(stored.encode_run(group[0].run))
            self._wait(group, end)
            return
        left: list[Stored] = [
            one
            for entry in group
            for one in enumerate(entry.run.messages, entry.first)
            if one[0] not in settled
        ]
        for part in _parts(left):
            if part[0][0] - self._log.end > _GAP_INSIDE_MAX:
                self._fill_gap(part[0][0])
            base = self._log.end
            self._append_batch(stored.encode(part, base))
            self._note_gaps(base, part)
        self._wait(group, left[-1][0] + 1 if left else self._log.visible_end)

    def _append_batch(self, batch: Batch) -> None:
        data, header = batch
        self._log.append(data, header, 0)
        self._settlement.append(self._log.end, stored.size_of(header))

    def _fill_gap(self, end: int) -> None:
        """Let the log go on at `end`: what is between will never be there."""
        log = self._log
        first = log.end
        if first == end:
            return
        while log.end < end:
            self._append_batch(stored.encode_gap(min(end - log.end, GAP_MAX)))
        self._settlement.note_gap(first, end)

    def _note_gaps(self, at: int, part: Iterable[Stored]) -> None:
        for position, _ in part:
            if position != at:
                self._settlement.note_gap(at, position)
            at = position + 1

    def _wait(self, group: list[Entry], end: int) -> None:
        for entry in group:
            if entry.then is not None:
                told = partial(_unless_deleted, entry.then)
                self._log.when_durable(min(entry.end, end) - 1, told)

    def _refused(self, entries: Iterable[Entry], error: StorageError) -> list[tuple[int, int]]:
        lost: list[tuple[int, int]] = []
        in_memory_only = not self._settlement.kept
        for entry in entries:
            if entry.first >= self._log.end and (in_memory_only or not entry.run.persistent):
                self.add(*entry, urgent=False)
                continue
            lost.append((entry.first, entry.end))
            if entry.then is not None:
                entry.then(error)
        return lost


def _unless_deleted(then: Then, error: Exception | None) -> None:
    """What was in a queue that somebody deleted is done with, as RabbitMQ says: that is no error.

    Who publishes again what was not confirmed would do so for nothing.
    """
    then(None if isinstance(error, LogDeleted) else error)


def _is_long(run: Run) -> bool:
    return run.batch is not None or len(run.messages) >= _ALONE_MIN


def _parts(left: list[Stored]) -> Iterable[list[Stored]]:
    """Split into batches of a good size."""
    part: list[Stored] = []
    size = 0
    for one in left:
        if part and size + len(one[1].body) > BATCH_BYTES_MAX:
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one[1].body)
    if part:
        yield part
