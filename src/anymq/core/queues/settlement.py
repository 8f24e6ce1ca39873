"""Settlement: what is kept of a line beside its messages, and how it is written down.

A record of the journal says either what has changed since the last one, or everything. Both begin
with a number that says which; another number comes from a newer version.
"""

from collections.abc import Callable, Iterable, Sequence

from anymq.config.units import MIB
from anymq.core.queues.settled import Settled
from anymq.storage import varints
from anymq.storage.errors import CorruptBatch, UnknownVersion
from anymq.storage.log import Log

CHANGES = 1
EVERYTHING = 2

# `delivered_to` is raised in steps, so that a delivery alone seldom writes anything. After a crash
# (only then) so many messages may be called redelivered that nobody had.
DELIVERED_STEP = 1000
# So many bytes of bodies are written before what waits is counted in the journal again: a restart
# reads the headers of what was written since.
COUNTED_STEP = 32 * MIB


class Settlement:
    """What survives a restart of one line: change what is written, and the numbers above change."""

    __slots__ = (
        "_changed",
        "_positions",
        "_returned",
        "_runs",
        "_unsaid_bytes",
        "counted_to",
        "delivered_to",
        "log_id",
        "returns",
        "settled",
        "waiting_bytes",
    )

    def __init__(self, log_id: int, changed: Callable[["Settlement"], None] | None = None) -> None:
        self.log_id = log_id
        self.settled = Settled()
        self.delivered_to = 0  # what is not settled below it may have been delivered
        self.waiting_bytes = 0  # of the unsettled bodies in the log, below `counted_to`
        self.counted_to = 0
        self.returns: dict[int, int] = {}  # how often a position was given back
        self._changed = changed  # None: not kept
        self._unsaid_bytes = 0
        self._runs: list[tuple[int, int]] = []
        self._positions: list[int] = []
        self._returned: list[int] = []

    @property
    def kept(self) -> bool:
        """Does it survive a restart?"""
        return self._changed is not None

    def settle(self, positions: Sequence[int], written_end: int, size: int) -> None:
        """These are done with; the bodies of those that were written have `size` bytes.

        Only what was written is kept.
        """
        if _is_run(positions):
            self.settle_run(positions[0], positions[-1] + 1, written_end, size)
            return
        self.settled.add(positions)
        if self.returns:
            self._forget_returns(positions)
        if self._changed is not None:
            self.waiting_bytes -= size
            written = positions
            if max(positions) >= written_end:
                written = [position for position in positions if position < written_end]
            if written:
                self._positions.extend(written)
                self._changed(self)

    def settle_run(self, first: int, end: int, written_end: int, size: int = 0) -> None:
        """The same, for everything from `first` to before `end`."""
        self.settled.add_range(first, end)
        if self.returns:
            self._forget_returns([p for p in self.returns if first <= p < end])
        self.note_gap(first, min(end, written_end), size)

    def note_gap(self, first: int, end: int, size: int = 0) -> None:
        """There is no record for these in the log: whoever reads it after a restart knows."""
        if self._changed is not None and first < end:
            self.waiting_bytes -= size
            self._runs.append((first, end))
            self._changed(self)

    def detach(self) -> None:
        """The line is gone: nothing more is kept of it."""
        self._changed = None

    def append(self, end: int, size: int) -> None:
        """Bodies of so many bytes went to the log, which now ends at `end`."""
        self.waiting_bytes += size
        self.counted_to = end
        self._unsaid_bytes += size
        if self._unsaid_bytes > COUNTED_STEP and self._changed is not None:
            self._changed(self)

    def deliver(self, end: int) -> None:
        """Everything below `end` has been handed out."""
        if end > self.delivered_to:
            self.delivered_to = end + DELIVERED_STEP
            if self._changed is not None:
                self._changed(self)

    def recount(self, end: int, waiting_bytes: int) -> None:
        """Appends were lost: the log ends here again, with so much waiting."""
        self.counted_to, self.waiting_bytes = end, waiting_bytes
        if self._changed is not None:
            self._changed(self)

    def leave(self, delivered_to: int, waiting_bytes: int) -> None:
        """At a clean end all of it is exact."""
        changed = self._unsaid_bytes or delivered_to != self.delivered_to
        if changed or waiting_bytes != self.waiting_bytes:
            self.delivered_to, self.waiting_bytes = delivered_to, waiting_bytes
            if self._changed is not None:
                self._changed(self)

    def give_back(self, positions: Iterable[int]) -> None:
        """These were given back once more."""
        returns = self.returns
        for position in positions:
            returns[position] = returns.get(position, 0) + 1
        if self._changed is not None:
            self._returned.extend(positions)
            self._changed(self)

    def _forget_returns(self, positions: Iterable[int]) -> None:
        for position in positions:
            self.returns.pop(position, None)

    # Written down

    def changes(self) -> bytes:
        """Return a record of what changed since this, or `everything`, was asked last."""
        runs, returns = self._runs + _runs_of(self._positions), self.returns
        returned = [(p, returns[p]) for p in self._returned if p in returns]
        self._forget_changes()
        return _encode(CHANGES, self, _pairs(runs), returned)

    def everything(self) -> bytes:
        """Return a record of all there is."""
        self._forget_changes()
        return _encode(EVERYTHING, self, self.settled.encode(), list(self.returns.items()))

    def _forget_changes(self) -> None:
        self._runs, self._positions, self._returned = [], [], []
        self._unsaid_bytes = 0

    def apply(self, record: bytes) -> None:
        """Take in what a record says. CorruptBatch, UnknownVersion."""
        if not record or record[0] not in (CHANGES, EVERYTHING):
            raise UnknownVersion("a newer version has written the settlement journal")
        try:
            self._apply(record)
        except (IndexError, ValueError) as error:
            raise CorruptBatch(f"settlement of log {self.log_id}: {error}") from None

    def _apply(self, record: bytes) -> None:
        self.delivered_to, at = varints.decode(record, 1)
        self.waiting_bytes, at = varints.decode(record, at)
        self.counted_to, at = varints.decode(record, at)
        size, at = varints.decode(record, at)
        settled = record[at : at + size]
        if record[0] == EVERYTHING:
            self.settled = Settled.decode(settled)
            self.returns = {}
        else:
            for first, end in _runs_in(settled):
                self.settled.add_range(first, end)
        position, at = 0, at + size
        while at < len(record):
            step, at = varints.decode(record, at)
            count, at = varints.decode(record, at)
            position += step
            self.returns[position] = count
        if self.returns:
            self.returns = {p: n for p, n in self.returns.items() if p not in self.settled}


def agree(log: Log, settlement: Settlement) -> int:
    """Make the settlement fit the log that was found; return where new messages go."""
    settled = settlement.settled
    settled.add_range(0, log.start)
    end = max(log.end, settled.end)
    settled.add_range(log.end, end)  # a position that was ever settled is never used again
    # New messages may get places that a crash took from others.
    settlement.delivered_to = min(settlement.delivered_to, log.end)
    settlement.waiting_bytes = max(settlement.waiting_bytes, 0)
    return end


def _is_run(positions: Sequence[int]) -> bool:
    """Is each one more than the one before? First and last say that it can be."""
    first, end = positions[0], positions[-1] + 1
    return end - first == len(positions) and list(positions) == list(range(first, end))


def _runs_of(positions: list[int]) -> list[tuple[int, int]]:
    """Put neighbours together."""
    runs: list[tuple[int, int]] = []
    first = end = -1
    for position in sorted(positions):
        if position != end:
            if end >= 0:
                runs.append((first, end))
            first = position
        end = position + 1
    if end >= 0:
        runs.append((first, end))
    return runs


def _pairs(runs: list[tuple[int, int]]) -> bytes:
    number, before = varints.encode, 0
    parts: list[bytes] = []
    for first, end in runs:
        parts += (number(first - before), number(end - first))
        before = end
    return b"".join(parts)


def _runs_in(data: bytes) -> Iterable[tuple[int, int]]:
    at = end = 0
    while at < len(data):
        step, at = varints.decode(data, at)
        count, at = varints.decode(data, at)
        first = end + step
        end = first + count
        yield first, end


def _encode(
    kind: int, one: Settlement, settled: bytes, returned: Sequence[tuple[int, int]]
) -> bytes:
    number, before = varints.encode, 0
    parts = [
        b"%c" % kind,
        number(one.delivered_to),
        number(one.waiting_bytes),
        number(one.counted_to),
        number(len(settled)),
        settled,
    ]
    for position, count in returned:
        parts += (number(position - before), number(count))
        before = position
    return b"".join(parts)
