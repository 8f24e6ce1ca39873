"""Priorities: a line for each level in use, seen as one.

A position names its level too: in the bits above `LEVEL_SHIFT`, which are 0 for the default level.
So the positions of a queue of one level are those of its line, and nothing has to be translated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from anymq.core.message import Message, Run
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.line import Line
from anymq.core.queues.unwritten import Then
from anymq.storage.log import Log

LEVEL_SHIFT = 56
LEVELS_MAX = 256
IN_LINE = (1 << LEVEL_SHIFT) - 1


def level_of(priority: int | None, levels: int, default: int) -> int:
    """Return where a message of this priority goes."""
    return default if priority is None else min(priority, levels - 1)


class Level:
    """One line, by positions that name its level."""

    def __init__(self, line: Line, tag: int) -> None:
        self.line = line
        self.tag = tag

    def take(self, count: int, bytes_max: int, *, settled: bool = False) -> list[Delivery]:
        """As a line does."""
        return self._tagged(self.line.take(count, bytes_max, settled=settled))

    def peek(self) -> Delivery | None:
        """As a line does."""
        head = self.line.peek()
        return head and head._replace(position=head.position | self.tag)

    def read(self, position: int, count: int) -> list[Delivery]:
        """As a line does."""
        return self._tagged(self.line.read(position & IN_LINE, count))

    def settle(self, positions: Sequence[int]) -> None:
        """As a line does."""
        self.line.settle(self._plain(positions))

    def give_back(self, positions: Sequence[int], *, count: bool = True) -> None:
        """As a line does."""
        self.line.give_back(self._plain(positions), count=count)

    def _tagged(self, deliveries: list[Delivery]) -> list[Delivery]:
        tag = self.tag
        if not tag:
            return deliveries
        return [one._replace(position=one.position | tag) for one in deliveries]

    def _plain(self, positions: Sequence[int]) -> Sequence[int]:
        return [position & IN_LINE for position in positions] if self.tag else positions


class Levels:
    """All levels of a queue: what a line can do, the most urgent message first."""

    def __init__(self, default: int, lines: Mapping[int, Line]) -> None:
        self._default = default
        self._by_level: dict[int, Level] = {}
        self._by_tag: dict[int, Level] = {}
        self.parts: list[Level] = []  # the most urgent first
        for level, line in lines.items():
            self.add(level, line)

    @property
    def ready(self) -> int:
        """How many wait."""
        return sum(part.line.ready for part in self.parts)

    @property
    def ready_bytes(self) -> int:
        """How large those are."""
        return sum(part.line.ready_bytes for part in self.parts)

    @property
    def taken(self) -> int:
        """How many are out with somebody."""
        return sum(part.line.taken for part in self.parts)

    def add(self, level: int, line: Line) -> None:
        """There is another level."""
        tag = (level - self._default) % LEVELS_MAX
        self._by_level[level] = self._by_tag[tag] = Level(line, tag << LEVEL_SHIFT)
        self.parts = [self._by_level[one] for one in sorted(self._by_level, reverse=True)]

    def __contains__(self, level: int) -> bool:
        return level in self._by_level

    def push(self, run: Run, then: Then | None) -> None:
        """Add a run at the end of the default level."""
        self.push_at(self._default, run, then)

    def push_at(self, level: int, run: Run, then: Then | None) -> None:
        """Add a run at the end of its level."""
        self._by_level[level].line.push(run, then)

    def take(self, count: int, bytes_max: int, *, settled: bool = False) -> list[Delivery]:
        """Hand out the most urgent ones; what is less urgent waits while those are being read."""
        found: list[Delivery] = []
        for part in self.parts:
            if not part.line.ready:
                continue
            got = part.take(count - len(found), bytes_max, settled=settled)
            bytes_max -= sum(len(one.message.body) for one in got)
            found += got
            if part.line.ready or len(found) >= count or bytes_max <= 0:
                break
        return found

    def peek(self) -> Delivery | None:
        """Return the next one, without taking it."""
        return next((part.peek() for part in self.parts if part.line.ready), None)

    def read(self, position: int, count: int) -> list[Delivery]:
        """Return ready ones from `position` on, of its level and those below; 0: all of them."""
        start = self._by_tag.get(position >> LEVEL_SHIFT) if position else None
        found: list[Delivery] = []
        for part in self.parts[self.parts.index(start) if start else 0 :]:
            found += part.read(position if part is start else 0, count - len(found))
            if len(found) >= count:
                break
        return found

    def settle(self, positions: Sequence[int]) -> None:
        """Be done with these."""
        self._each(positions, Level.settle)

    def give_back(self, positions: Iterable[int], *, count: bool = True) -> None:
        """Make these ready again."""
        self._each(positions, lambda part, its: part.give_back(its, count=count))

    def purge(self) -> int:
        """Settle everything that is ready."""
        return sum(part.line.purge() for part in self.parts)

    def flush(self) -> None:
        """Hand to the logs what must be there."""
        for part in self.parts:
            part.line.flush()

    def is_out(self, position: int) -> bool:
        """Does somebody have this one?"""
        return self.part_of(position).line.is_out(position & IN_LINE)

    def part_of(self, position: int) -> Level:
        """Return the level that a position is of."""
        return self._by_tag[position >> LEVEL_SHIFT]

    def _each(self, positions: Iterable[int], do: Callable[[Level, Sequence[int]], None]) -> None:
        by_tag: dict[int, list[int]] = {}
        for position in positions:
            by_tag.setdefault(position >> LEVEL_SHIFT, []).append(position)
        for tag, its in by_tag.items():
            do(self._by_tag[tag], its)


def split(run: Run, level_of_message: Callable[[Message], int]) -> dict[int, Run]:
    """Return the run by levels, each in its order."""
    by_level: dict[int, list[Message]] = {}
    for message in run.messages:
        by_level.setdefault(level_of_message(message), []).append(message)
    if len(by_level) == 1:
        return dict.fromkeys(by_level, run)
    return {
        level: Run(messages, persistent=any(message.traits.persistent for message in messages))
        for level, messages in by_level.items()
    }


def seen_as_one(default: int, lines: Mapping[int, Line]) -> Line | Levels:
    """Return lines by levels as one; a single one of the default level is that already."""
    return lines[default] if set(lines) == {default} else Levels(default, lines)


def parts_of(line: Line | Levels) -> Sequence[Line | Level]:
    """Return the levels there are, the most urgent first."""
    return line.parts if isinstance(line, Levels) else (line,)


def kept_at(line: Line | Levels, position: int) -> tuple[Log, int] | None:
    """Return where a message is on the disk, or will be; None: its line does not outlive us."""
    its = line.part_of(position).line if isinstance(line, Levels) else line
    return (its.log, position & IN_LINE) if its.durable else None


def ends_of(line: Line | Levels) -> dict[int, int]:
    """Return where the next message of each level will be, by what its positions begin with."""
    if isinstance(line, Levels):
        return {part.tag >> LEVEL_SHIFT: part.line.end for part in line.parts}
    return {0: line.end}
