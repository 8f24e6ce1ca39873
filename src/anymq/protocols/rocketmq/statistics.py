"""Statistics: how much came to a topic, or to a group, within a minute, an hour and a day.

For administrators, who ask by name and key. They cost something, so each is taken from the first
time that somebody asks for it until nobody has for a day; the least wanted goes where there are too
many. Numbers grow from then on, as RocketMQ's do from its start.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from anymq.core.broker import Broker
from anymq.protocols.rocketmq.counters import Counters
from anymq.protocols.rocketmq.progress import Progress

TOPIC_PUT, GROUP_GET = "TOPIC_PUT_NUMS", "GROUP_GET_NUMS"
BROKER_PUT, BROKER_GET = "BROKER_PUT_NUMS", "BROKER_GET_NUMS"
KEPT_MAX = 1000
# As RocketMQ: how far apart samples are, and how many make a minute, an hour, a day.
MINUTE, HOUR, DAY = (10_000, 6), (600_000, 6), (3_600_000, 24)
FORGOTTEN_MS = 86_400_000

Key = tuple[str, str]  # the name of a statistic; of what
Total = Callable[[], int]


class Sum(NamedTuple):
    """What came within a span."""

    messages: int
    per_second: float


class _Span:
    """Samples of a number that grows, so far apart and so many."""

    __slots__ = ("_every_ms", "_samples")

    def __init__(self, every_ms: int, count: int) -> None:
        self._every_ms = every_ms
        self._samples: deque[tuple[int, int]] = deque(maxlen=count + 1)

    def note(self, now_ms: int, total: int) -> None:
        """It is so much now."""
        if not self._samples or now_ms - self._samples[-1][0] >= self._every_ms:
            self._samples.append((now_ms, total))

    def until(self, now_ms: int, total: int) -> Sum:
        """Return what came since the oldest sample. Less than nothing: it began anew."""
        since_ms, before = self._samples[0]
        count = max(0, total - before)
        return Sum(count, count * 1000 / max(1000, now_ms - since_ms))


@dataclass(slots=True)
class _Track:
    """One statistic of one thing."""

    total: Total
    asked_ms: int = 0
    spans: list[_Span] = field(default_factory=lambda: [_Span(*s) for s in (MINUTE, HOUR, DAY)])

    def note(self, now_ms: int) -> None:
        """Look at it."""
        total = self.total()
        for span in self.spans:
            span.note(now_ms, total)


class Statistics:
    """All that are asked for."""

    def __init__(self, broker: Broker, progress: Progress, counters: Counters) -> None:
        self._broker = broker
        self._progress = progress
        self._tracks: dict[Key, _Track] = {}  # who was asked for last is last
        self._due_s = 0.0
        self._of: Mapping[str, Callable[[str], Total | None]] = {
            TOPIC_PUT: self._written,
            GROUP_GET: self._read,
            BROKER_PUT: lambda _: lambda: counters.messages_in,
            BROKER_GET: lambda _: lambda: counters.messages_out,
        }

    def __len__(self) -> int:
        return len(self._tracks)

    def of(self, name: str, key: str) -> list[Sum] | None:
        """Return what came within the last minute, hour and day; None: there is no such thing."""
        make = self._of.get(name)
        total = None if make is None else make(key)
        if total is None:
            self._tracks.pop((name, key), None)
            return None
        now_ms = self._broker.now_ms()
        track = self._tracks.pop((name, key), None) or _Track(total)
        track.asked_ms, track.total = now_ms, total
        track.note(now_ms)
        self._tracks[name, key] = track
        while len(self._tracks) > KEPT_MAX:
            del self._tracks[next(iter(self._tracks))]
        self._arm()
        return [span.until(now_ms, total()) for span in track.spans]

    def _arm(self) -> None:
        now_s = self._broker.clock.monotonic()
        if self._tracks and self._due_s <= now_s:
            self._due_s = now_s + MINUTE[0] / 1000
            self._broker.timers.at(self._due_s, self._look)

    def _look(self) -> None:
        """Once in ten seconds, as long as somebody wants to know."""
        now_ms = self._broker.now_ms()
        old = [at for at, one in self._tracks.items() if now_ms - one.asked_ms >= FORGOTTEN_MS]
        for at in old:
            del self._tracks[at]
        for track in self._tracks.values():
            track.note(now_ms)
        self._arm()

    def _written(self, topic: str) -> Total | None:
        topics = self._broker.topics
        if topic not in topics:
            return None

        def total() -> int:
            found = topics.get(topic)
            return 0 if found is None else sum(one.visible_end for one in found.partitions)

        return total

    def _read(self, key: str) -> Total | None:
        """`key`: a topic and a group, with @ between them."""
        topic, _, group = key.partition("@")
        topics, progress = self._broker.topics, self._progress

        def offsets() -> list[int]:
            found = topics.get(topic)
            queues = () if found is None else found.partitions
            read = (progress.of(group, topic, one.index) for one in queues)
            return [offset for offset in read if offset is not None]

        return (lambda: sum(offsets())) if offsets() else None
