"""History: numbers of a thing over time, kept ever more coarsely: ten minutes, hours, a day."""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

# How far apart, and how many: 10 minutes, 4 hours, a day.
LEVELS = ((5_000, 120), (60_000, 240), (600_000, 144))
STEP_MS = LEVELS[0][0]
SLACK = 32  # samples too many before the oldest are dropped, together
SAMPLES_MAX = 1000  # in one answer, for each number


@dataclass(frozen=True, slots=True)
class Span:
    """Which samples are wanted: so far back, so far apart."""

    age_ms: int
    step_ms: int


class Series:
    """The history of one thing: several numbers that are always noted together."""

    __slots__ = ("_levels", "names")

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._levels = [_Level(step, most, len(names) + 1) for step, most in LEVELS]

    def note(self, now_ms: int, numbers: Sequence[float]) -> None:
        """This is how it is now. It may be called more often than samples are kept."""
        for level in self._levels:
            if now_ms // level.step_ms == level.slot:
                return  # then the coarser ones have theirs, too
            level.note(now_ms, numbers)

    def rate(self, name: str) -> float:
        """Return how fast a number grew between the last two samples."""
        last = self._levels[0].last_two(self.names.index(name) + 1)
        if len(last) < 2 or last[1][0] <= last[0][0]:
            return 0.0
        (before_ms, before), (now_ms, now) = last
        return (now - before) * 1000 / (now_ms - before_ms)

    def samples(self, name: str, span: Span, now_ms: int) -> list[tuple[int, float]]:
        """Return (time, number), the newest first; none that is older than the history."""
        column = self.names.index(name) + 1
        level = self._level_for(span)
        step = max(span.step_ms, level.step_ms)
        found: list[tuple[int, float]] = []
        wanted = now_ms
        oldest = now_ms - span.age_ms
        for at, number in level.newest_first(column):
            if at < oldest or len(found) >= SAMPLES_MAX:
                break
            if at <= wanted:
                found.append((at, number))
                wanted = at - step + level.step_ms // 2  # samples are never exactly in time
        return found

    def _level_for(self, span: Span) -> "_Level":
        """Return the finest that goes so far back."""
        for level in self._levels:
            if level.step_ms * level.most >= span.age_ms:
                return level
        return self._levels[-1]


class _Level:
    """Samples of one distance, as rows of numbers one behind the other: time, then the numbers."""

    __slots__ = ("_rows", "_width", "most", "slot", "step_ms")

    def __init__(self, step_ms: int, most: int, width: int) -> None:
        self.step_ms = step_ms
        self.most = most
        self.slot = -1
        self._width = width
        self._rows = array("d")

    def note(self, now_ms: int, numbers: Sequence[float]) -> None:
        self.slot = now_ms // self.step_ms
        rows, width = self._rows, self._width
        rows.append(now_ms)
        rows.extend(numbers)
        if len(rows) >= (self.most + SLACK) * width:
            del rows[: SLACK * width]

    def newest_first(self, column: int) -> Iterator[tuple[int, float]]:
        rows, width = self._rows, self._width
        for start in range(len(rows) - width, -1, -width):
            yield int(rows[start]), rows[start + column]

    def last_two(self, column: int) -> list[tuple[int, float]]:
        newest = self.newest_first(column)
        return [one for one, _ in zip(newest, range(2), strict=False)][::-1]


class History:
    """The series of things; of no more things than may be. Who is forgotten is so here, too."""

    def __init__(self, objects_max: int) -> None:
        self.objects_max = objects_max
        self._series: WeakKeyDictionary[Any, Series] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._series)

    def of(self, thing: object) -> Series | None:
        """Return what is kept of a thing."""
        return self._series.get(thing)

    def begin(self, thing: object, names: Sequence[str]) -> Series:
        """Keep it from now on, as long as there is room."""
        series = self._series.get(thing)
        if series is None:
            series = self._series[thing] = Series(names)
        return series

    def want(self, thing: object, names: Sequence[str]) -> Series:
        """Somebody asks for it: keep it from now on, rather than what was asked for long ago."""
        series = self._series.pop(thing, None) or Series(names)
        self._series[thing] = series
        while len(self._series) > max(1, self.objects_max):
            del self._series[next(iter(self._series.keys()))]
        return series

    def note(self, thing: object, now_ms: int, numbers: Sequence[float]) -> None:
        """This is how a thing is now, if it is one that is kept."""
        series = self._series.get(thing)
        if series is not None:
            series.note(now_ms, numbers)
