"""Sampler: looks at everything now and then, a little at a time, and notes how it is.

Of the broker as a whole always; of queues, topics and groups as long as there are not too many, or
somebody asked for it.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from anymq.core.broker import Broker
from anymq.management.api import numbers
from anymq.management.api.numbers import Counted
from anymq.management.api.totals import Sums, summed
from anymq.management.history import STEP_MS, History, Series
from anymq.observability.log import Log
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.session import Traffic

if TYPE_CHECKING:
    from anymq.management.api.site import Machine

THINGS_PER_PIECE = 200
WATCHED_QUEUES_MAX = 2000  # with more, even who watches hears of totals every few seconds
T = TypeVar("T")

log = Log(__name__)


class Mark:
    """Stands for what has no object of its own while nobody is in it: a group."""

    __slots__ = ("__weakref__", "name")

    def __init__(self, name: str) -> None:
        self.name = name


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Whom we look at."""

    broker: Broker
    amqp: Amqp
    machine: "Callable[[], Machine]"
    traffic: Callable[[], Traffic]
    sockets: Callable[[], int]
    soon: Callable[[Callable[[], None]], None]  # in a turn of the loop of its own


@dataclass(eq=False)
class Sampler:
    """Begins with `start`; what it saw last is in `sums` and `records_in`."""

    seen: Seen
    history: History
    sums: Sums = field(default_factory=Sums)
    records_in: int = 0
    queue_totals: Mapping[str, Any] = field(default_factory=dict)  # with rates
    watchers: int = 0  # who would like to hear of it every second
    _marks: dict[str, Mark] = field(default_factory=dict)
    _work: Generator[bytes, None, None] | None = None

    def start(self) -> None:
        """Look now, and then again and again."""
        self._begin()

    def mark(self, group: str) -> Mark:
        """Return what stands for a group."""
        found = self._marks.get(group)
        if found is None:
            found = self._marks[group] = Mark(group)
        return found

    def _begin(self) -> None:
        self._work = self._sweep()
        self._go_on()

    def _go_on(self) -> None:
        assert self._work is not None
        try:
            next(self._work)
        except StopIteration:
            self._rest()
        except Exception:
            log.exception("a look at everything failed")
            self._rest()
        else:
            self.seen.soon(self._go_on)

    def _rest(self) -> None:
        few = self.sums.all.queues <= WATCHED_QUEUES_MAX
        seconds = 1.0 if self.watchers and few else STEP_MS / 1000
        broker = self.seen.broker
        broker.timers.at(broker.clock.monotonic() + seconds, self._begin)

    def _sweep(self) -> Generator[bytes, None, None]:
        broker = self.seen.broker
        sums = yield from summed(broker)
        records_in = 0
        for some in _parts(list(broker.topics.values())):
            records_in += sum(map(numbers.written, some))
            yield b""
        self.sums, self.records_in = sums, records_in
        now_ms, everything = broker.clock.wall_ms(), self.of_all()
        series = self.history.begin(broker, tuple(everything))
        series.note(now_ms, list(everything.values()))
        self.queue_totals = _with_rates(sums.all.messages, series)
        yield from self._note_objects()
        yield from self._note_times()

    def of_all(self) -> Mapping[str, float]:
        """Return the numbers of the broker as a whole."""
        seen, machine, traffic = self.seen, self.seen.machine(), self.seen.traffic()
        return {
            **self.sums.all.messages,
            **numbers.message_stats(seen.amqp.counters),
            "records_in": self.records_in,
            "recv_oct": traffic.received,
            "send_oct": traffic.sent,
            "mem_used": machine.memory_bytes,
            "fd_used": machine.files,
            "disk_free": machine.disk_free_bytes,
            "sockets_used": seen.sockets(),
            "proc_used": 1,
        }

    def _note_objects(self) -> Generator[bytes, None, None]:
        broker = self.seen.broker
        queues = [one for vhost in broker.vhosts.values() for one in vhost.queues.values()]
        topics = list(broker.topics.values())
        groups = broker.groups.names()
        everything = len(queues) + len(topics) + len(groups) < self.history.objects_max
        for one in [name for name in self._marks if name not in groups]:
            del self._marks[one]
        yield from self._note((queue, numbers.of_queue(queue)) for queue in queues)
        yield from self._note((topic, numbers.OF_TOPIC) for topic in topics)
        if everything or self._marks:
            names = groups if everything else set(self._marks)
            yield from self._note((self.mark(name), self._of_group) for name in names)

    def _note_times(self) -> Generator[bytes, None, None]:
        """Tell channels how late it is: that is how the age of what is out is known."""
        now_ms = self.seen.broker.now_ms()
        for some in _parts(list(self.seen.amqp.conversations)):
            for conversation in some:
                for one in (conversation.channels.all if conversation.channels else {}).values():
                    if isinstance(one, Channel):
                        one.note_time(now_ms)
            yield b""

    def _note(self, things: Iterable[tuple[Any, Counted]]) -> Generator[bytes, None, None]:
        history, now_ms = self.history, self.seen.broker.clock.wall_ms()
        for some in _parts(things):
            for thing, counted in some:
                series = history.of(thing)
                if series is None and len(history) < history.objects_max:
                    series = history.begin(thing, counted.names)
                if series is not None:
                    series.note(now_ms, counted.read(thing))
            yield b""

    @property
    def _of_group(self) -> Counted:
        broker = self.seen.broker
        return Counted(numbers.GROUP_STATS, lambda one: (numbers.total_lag(broker, one.name),))

    def series(self, thing: object, counted: Counted, *, wanted: bool) -> Series | None:
        """Return the history of a thing; from now on there is one, if it is wanted."""
        return self.history.want(thing, counted.names) if wanted else self.history.of(thing)

    def series_of_group(self, name: str, *, wanted: bool) -> Series | None:
        """Return the history of a group's lag."""
        return self.series(self.mark(name), self._of_group, wanted=wanted)


def _with_rates(numbers: Mapping[str, int], series: Series) -> Mapping[str, Any]:
    said: dict[str, Any] = {}
    for name, number in numbers.items():
        said[name] = number
        said[name + "_details"] = {"rate": round(series.rate(name), 2)}
    return said


def _parts(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while some := list(islice(left, THINGS_PER_PIECE)):
        yield some
