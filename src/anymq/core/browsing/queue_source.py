"""A queue, looked at: its lines, the most urgent one first."""

from collections.abc import Iterable, Sequence

from typing_extensions import override

from anymq.core.browsing.places import IN_PART, PART_SHIFT
from anymq.core.browsing.source import PIECE_BYTES, Piece, Source, after
from anymq.core.errors import NotFound
from anymq.core.queues.delivery import Seen
from anymq.core.queues.line import Line
from anymq.core.queues.priorities import Level, parts_of
from anymq.core.queues.queue import Queue
from anymq.core.queues.stored import MayHold, Stored
from anymq.storage.errors import StorageError


class QueueSource(Source):
    """What is in a queue now."""

    def __init__(self, queue: Queue) -> None:
        queue.pump()  # what is in it when what came in this turn was dealt with
        self._queue = queue
        lines = self._lines = _lines_of(queue)
        self._parts = list(lines)
        self._starts = dict.fromkeys(lines, 0)
        self._ends = {part: line.end for part, line in lines.items()}
        self._total = sum(line.ready + line.taken for line in lines.values())

    @property
    @override
    def total(self) -> int:
        return self._total

    @property
    @override
    def first(self) -> int:
        return self._first_in(self._parts[0])

    @property
    @override
    def consumed(self) -> bool:
        return True

    def _first_in(self, part: int) -> int:
        return part << PART_SHIFT | self._starts[part]

    @override
    def since(self, time_ms: int) -> None:
        for part, line in self._lines.items():
            self._starts[part] = _position_at(line, time_ms)

    @override
    def newest(self, count: int) -> None:
        for part, line in self._lines.items():
            end = self._ends[part]
            back = count
            while back < end and _needed(line, end - back, end) < count:
                back *= 2
            self._starts[part] = max(end - back, 0)

    @override
    def look(self, position: int, may_hold: MayHold | None = None) -> Piece | None:
        if self._queue.closed:
            raise NotFound(f"{self._queue.of} is gone")
        part, at = position >> PART_SHIFT, position & IN_PART
        end = self._ends.get(part, 0)
        following = after(self._parts, part, self._first_in)
        if at >= end:
            return Piece((), 0, following)
        line = self._lines[part]
        piece = line.look(at, PIECE_BYTES, may_hold)
        if piece is None:
            return None
        there, stop = piece[0], min(piece[1], end)
        goes_on = part << PART_SHIFT | stop if stop < end else following
        return Piece(self._named(part, there, end), _needed(line, at, stop), goes_on)

    def _named(self, part: int, there: Sequence[Stored], end: int) -> Sequence[Stored]:
        doomed, tag = self._queue.departures.doomed, part << PART_SHIFT
        if not (tag or doomed) and (not there or there[-1][0] < end):
            return there
        return [(p | tag, m) for p, m in there if p < end and p | tag not in doomed]

    @override
    def told(self, stored: Iterable[Stored]) -> list[Seen]:
        found: list[Seen] = []
        for position, message in stored:
            line = self._lines[position >> PART_SHIFT]
            one = line.told([(position & IN_PART, message)])[0]
            found.append(one._replace(position=position))
        return found

    @override
    def claim(self, stored: Sequence[Stored]) -> list[int]:
        if self._queue.closed:
            return []
        doomed = self._queue.departures.doomed
        by_part: dict[int, list[Stored]] = {}
        for position, message in stored:
            if position not in doomed:
                part = by_part.setdefault(position >> PART_SHIFT, [])
                part.append((position & IN_PART, message))
        return [
            part << PART_SHIFT | position
            for part, some in by_part.items()
            for position in self._lines[part].claim(some)
        ]

    @override
    def settle(self, positions: Sequence[int]) -> None:
        if not self._queue.closed:
            self._queue.forget(positions)
            self._queue.wake()

    @override
    def give_back(self, positions: Sequence[int]) -> None:
        if not self._queue.closed:
            self._queue.line.give_back(positions, count=False)
            self._queue.wake()


def _lines_of(queue: Queue) -> dict[int, Line]:
    """Return its lines by what their positions begin with."""
    lines: dict[int, Line] = {}
    for part in parts_of(queue.line):
        if isinstance(part, Level):
            lines[part.tag >> PART_SHIFT] = part.line
        else:
            lines[0] = part
    return lines


def _position_at(line: Line, time_ms: int) -> int:
    """Return where what came since then begins: in the log, or in memory alone."""
    try:
        found = line.log.offset_at(time_ms)
    except StorageError:
        return 0  # it is put aside soon; until then, more is looked at than needed
    return line.log.visible_end if found is None else found[0]


def _needed(line: Line, first: int, end: int) -> int:
    """How many within first..end are not settled: of a line that is gone, none."""
    count = line.log.needed_count
    return count(first, end) if count is not None else 0
