"""Job: messages are gone through, piece by piece, and something is done with those that are meant.

It lives in memory only: whatever is not done when we die is where it was.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any

from anymq.config.units import KIB, MIB
from anymq.core.browsing.filters import Filter
from anymq.core.browsing.sending import Deed, Tally
from anymq.core.browsing.source import Source, Stored
from anymq.core.errors import Refused
from anymq.core.queues.delivery import Seen

RESULTS_BYTES_MAX = 16 * MIB  # of one search
RESULT_BYTES = 100  # what one takes besides its payload
TRUNCATE = 1 * KIB
MET_AT_ONCE = 500  # compared with the filter in one step
UNREADABLE_MAX = 30  # times in a row, a second apart


class State(Enum):
    """How far a job is."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Step(Enum):
    """What a step leads to."""

    GO_ON = 0
    WAIT = 1  # for answers, or the disk
    END = 2


class Results:
    """What a search has found: their payloads cut, so that memory stays small."""

    def __init__(self, source: Source, count_max: int, truncate: int = TRUNCATE) -> None:
        self.found: list[tuple[Seen, int]] = []  # with how large it is
        self._source = source
        self._count_max = count_max
        self._truncate = truncate
        self._size = 0

    @property
    def size(self) -> int:
        """How much memory they take, about."""
        return self._size

    @property
    def full(self) -> bool:
        """Is it enough?"""
        return len(self.found) >= self._count_max or self._size >= RESULTS_BYTES_MAX

    def add(self, seen: Seen) -> None:
        """Keep one."""
        message, size = seen.message, len(seen.message.body)
        shown = message._replace(body=message.body[: self._truncate])
        self.found.append((seen._replace(message=shown), size))
        self._size += len(shown.body) + len(shown.properties) + RESULT_BYTES

    def told(self, stored: Sequence[Stored]) -> list[Seen]:
        """Return them with what is known of their places."""
        return self._source.told(stored)


class Job:
    """One job. `about`: what was asked for, for who looks at it."""

    def __init__(
        self,
        source: Source,
        *,
        user: str,
        about: Mapping[str, Any],
        check: Callable[[], None],
        wanted: Filter | None = None,
        positions: Sequence[int] = (),
        limit: int | None = None,
        start: int | None = None,
        now_ms: int = 0,
    ) -> None:
        self.id = ""
        self.user = user
        self.about = about
        self.state = State.RUNNING
        self.error: str | None = None
        self.tally = Tally()
        self.examined = 0
        self.found = 0
        self.started_ms = now_ms
        self.ended_ms: int | None = None
        self.complete = False
        self.results: Results | None = None
        self.deed: Deed | None = None
        self.source = source
        self._check = check
        self._filter = wanted
        self._may_hold = wanted.may_hold if wanted is not None else None
        self._left = deque(sorted(set(positions)))
        self._by_position = bool(positions)
        self._limit = limit
        self._unreadable = 0
        if wanted is not None and wanted.since_ms is not None:
            source.since(wanted.since_ms)
        self.total = len(self._left) if positions else source.total
        first = source.first if start is None else start
        self._at: int | None = self._left[0] if positions else first
        self._unmet: Sequence[Stored] = ()  # looked at, and not yet compared with the filter
        self._pending: list[Stored] = []

    @property
    def next(self) -> int | None:
        """Where another one could go on."""
        return self._at

    @property
    def running(self) -> bool:
        """Is it not at its end?"""
        return self.state is State.RUNNING

    @property
    def permitted(self) -> bool:
        """May its user still look at these messages?"""
        try:
            self._check()
        except Refused:
            return False
        return True

    def step(self) -> Step:
        """Do a little more."""
        try:
            self._check()
            return self._step()
        except Refused as error:
            self.fail(str(error))
            return Step.END

    def end(self, state: State) -> None:
        """It is over. What is under way comes to its end by itself."""
        if self.running:
            self.state = state
            self._pending, self._unmet = [], ()

    def fail(self, reason: str) -> None:
        """It cannot go on."""
        self.end(State.FAILED)
        self.error = reason

    def _step(self) -> Step:
        deed = self.deed
        if deed is not None and deed.hopeless:
            raise Refused(f"{self.tally.failed} messages could not be sent: {self.tally.error}")
        if self._pending and deed is not None:
            return self._hand_over(deed)
        if self._enough:
            self._unmet = ()
        if self._unmet:
            some, self._unmet = self._unmet[:MET_AT_ONCE], self._unmet[MET_AT_ONCE:]
            self._meet(some)
            return Step.GO_ON
        if self._at is not None and not self._enough:
            return self._look(self._at)
        if deed is not None and deed.busy:
            return Step.WAIT
        self.complete = self._at is None
        self.end(State.DONE)
        return Step.END

    @property
    def _enough(self) -> bool:
        if self.results is not None:
            return self.results.full
        return self._limit is not None and self.found >= self._limit

    def _look(self, at: int) -> Step:
        piece = self.source.look(at, self._may_hold)
        if piece is None:
            self._unreadable += 1
            if self._unreadable > UNREADABLE_MAX:
                raise Refused("messages cannot be read; the log says why")
            return Step.WAIT
        self._unreadable = 0
        if self._by_position:
            self._choose(piece.found, piece.next)
        else:
            self.examined += piece.examined
            self._at = piece.next
            self._unmet = piece.found
        return Step.GO_ON

    def _choose(self, found: Sequence[Stored], following: int | None) -> None:
        """Take those of a piece that were chosen by their positions."""
        there, left = dict(found), self._left
        last = max(there, default=left[0])
        chosen: list[Stored] = []
        while left and left[0] <= last:
            position = left.popleft()
            self.examined += 1
            if position in there:
                chosen.append((position, there[position]))
            else:
                self.tally.skipped += 1
        self._at = left[0] if left else None
        self._meet(chosen)

    def _meet(self, found: Sequence[Stored]) -> None:
        wanted = self._filter
        matching = found if wanted is None else [one for one in found if wanted.matches(one[1])]
        if self.results is not None:
            self._show(self.results, matching)
            return
        if wanted is not None and wanted.redelivered is not None:
            fitting = {one.position for one in self.source.told(matching) if self._fits(one)}
            matching = [one for one in matching if one[0] in fitting]
        if self._limit is not None and len(matching) >= self._limit - self.found:
            matching = matching[: self._limit - self.found]
            self._at = matching[-1][0] + 1
        self.found += len(matching)
        self._pending = list(matching)

    def _fits(self, seen: Seen) -> bool:
        return self._filter is None or self._filter.matches_place(seen)

    def _show(self, results: Results, matching: Sequence[Stored]) -> None:
        for seen in results.told(matching):
            if not self._fits(seen):
                continue
            results.add(seen)
            self.found += 1
            self.tally.done += 1
            if results.full:
                self._at, self._unmet = seen.position + 1, ()
                return

    def _hand_over(self, deed: Deed) -> Step:
        room = deed.room(self._pending)
        if not room:
            return Step.WAIT
        some, self._pending = self._pending[:room], self._pending[room:]
        deed.take(some)
        return Step.GO_ON
