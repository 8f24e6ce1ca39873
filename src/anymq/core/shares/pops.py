"""Pops: messages leased one POP at a time, by groups of RocketMQ's kind.

What a member of a share group has is its connection's; what was popped is whoever's who can say
when it was popped, over whichever connection. Else it is the same: a POP group and a Kafka share
group of one name share, by the same leases and the same settlements.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from typing_extensions import override

from anymq.config.units import HOUR_MS, MINUTE_MS
from anymq.core.clock import Clock
from anymq.core.shares.leases import Leases
from anymq.core.shares.partition_share import Bury, PartitionShare
from anymq.core.shares.places import Spot
from anymq.core.shares.queue_share import QueuePlace
from anymq.core.shares.words import ShareSettings, Taken, Wish
from anymq.core.streams.partition import Partition
from anymq.core.taps import Origin
from anymq.core.timers import Timers
from anymq.storage.errors import StorageError

IDLE_SECONDS = MINUTE_MS / 1000  # then a queue need not know that somebody popped
LOOKED_SECONDS = 10.0
EARLY_MS = 12 * HOUR_MS  # as long as a message may be invisible: nobody waits for longer


class Rules(NamedTuple):
    """What holds for groups that pop: how often a message is handed out, and where it goes then."""

    deliveries_max: int
    bury: Bury | None


class Hold:
    """What one POP took, perhaps of several queues. `time_ms` names it: no other has the same."""

    __slots__ = ("attempt", "in_order", "invisible_ms", "time_ms")

    def __init__(self, time_ms: int, invisible_ms: int, attempt: str) -> None:
        self.time_ms = time_ms
        self.invisible_ms = invisible_ms
        self.attempt = attempt
        self.in_order = False


class Names:
    """Makes the times that name what was popped."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def make(self, invisible_ms: int, attempt: str = "") -> Hold:
        """Return a new one, later than all others: what comes back at once has another name."""
        self._last = max(self._clock.wall_ms(), self._last + 1)
        return Hold(self._last, invisible_ms, attempt)


class Pop(ABC):
    """One queue, as one group pops it."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._in_order: Hold | None = None  # what was taken in order last
        self._early = object()  # has what was acked before something that comes before it

    @property
    @abstractmethod
    def leases(self) -> Leases:
        """Who has what."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Is this no more what the group has of the queue?"""

    @abstractmethod
    def take(self, wish: Wish, hold: Hold) -> Taken | None:
        """Take what is there; None: nothing."""

    @abstractmethod
    def ack(self, time_ms: int, offsets: Sequence[int]) -> list[int]:
        """Be done with these, which were popped then; return those that others have by now."""

    @abstractmethod
    def _put_back(self, offsets: Sequence[int]) -> None:
        """Have these wait again: nobody has tried."""

    @abstractmethod
    def _finish(self, offsets: Sequence[int]) -> None:
        """Be done with these, and tell who waits."""

    @abstractmethod
    def first_waiting(self) -> int:
        """Return the first offset that nobody has, if that can be said."""

    @abstractmethod
    def waiting(self) -> int:
        """Return about how many nobody has."""

    @abstractmethod
    def watch(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` when there may be something, until `unwatch`."""

    @abstractmethod
    def unwatch(self, waiter: Callable[[], None]) -> None:
        """Call it no more."""

    def take_in_order(self, wish: Wish, hold: Hold) -> Taken | None:
        """Take what comes next, if nobody has anything.

        Who tries again (its `attempt` says so) has not heard our answer, and gets the same again.
        What was acked comes again behind what was not: else it would be done in another order.
        """
        if len(self.leases):
            last = self._in_order
            if last is not None and hold.attempt and hold.attempt == last.attempt:
                self._put_back(self.leases.of(last))
            if len(self.leases) == len(self.leases.of(self._early)):
                self._end_early()
            if len(self.leases):
                return None
        hold.in_order = True
        taken = self.take(wish, hold)
        self._in_order = hold if taken is not None else None
        return taken

    def change(self, time_ms: int, offset: int, invisible_ms: int) -> Hold | None:
        """Have this for so long from now on; None: others have it by now, or it is done."""
        holder = self.leases.holder_of(offset)
        if not isinstance(holder, Hold) or holder.time_ms != time_ms:
            return None
        hold = self._names.make(invisible_ms, holder.attempt)
        hold.in_order = holder.in_order
        self.leases.renew(hold, [offset], invisible_ms)
        return hold

    def put_back(self, hold: Hold, offsets: Sequence[int]) -> None:
        """Have these wait again: nobody has tried."""
        self._put_back([one for one in offsets if self.leases.holder_of(one) is hold])

    def _no_more_early(self) -> list[int]:
        """Return what was acked and has nothing before it that was not."""
        early = self.leases.of(self._early)
        if not early:
            return early
        held = (one for one in self.leases.all() if self.leases.holder_of(one) is not self._early)
        first = min(next(held, early[-1] + 1), self.first_waiting())
        return [one for one in early if one < first]

    def _end_early(self) -> None:
        """What came before these waits again, or is a dead letter."""
        if done := self._no_more_early():
            self._finish(done)
        if again := self.leases.of(self._early):
            self._put_back(again)

    def skip(self, hold: Hold, offsets: Sequence[int]) -> None:
        """Be done with these, in any order: they go to nobody."""
        self._finish([one for one in offsets if self.leases.holder_of(one) is hold])


class PartitionPop(Pop):
    """One partition."""

    def __init__(self, share: PartitionShare, names: Names) -> None:
        super().__init__(names)
        self._share = share

    @property
    @override
    def leases(self) -> Leases:
        return self._share.leases

    @property
    @override
    def closed(self) -> bool:
        return self._share.closed

    @override
    def take(self, wish: Wish, hold: Hold) -> Taken | None:
        try:
            return self._share.take(hold, wish, hold.invisible_ms)
        except StorageError:  # the log has reported it; after it was put aside there is more
            return None

    @override
    def ack(self, time_ms: int, offsets: Sequence[int]) -> list[int]:
        """Be done with these. Who is late is heard as long as nobody else has it."""
        settled, end = self._share.settlement.settled, self._share.partition.visible_end
        done: list[int] = []
        early: list[int] = []
        others: list[int] = []
        for offset in offsets:
            holder = self.leases.holder_of(offset)
            if not 0 <= offset < end or offset in settled or holder is self._early:
                continue
            if isinstance(holder, Hold) and holder.time_ms == time_ms:
                (early if holder.in_order else done).append(offset)
            else:
                (done if holder is None else others).append(offset)
        if self._in_order is not None:  # else nothing waits for what is before it
            self.leases.renew(self._early, early, EARLY_MS)
            done += self._no_more_early()
        if done:
            self._finish(done)
        return others

    @override
    def _finish(self, offsets: Sequence[int]) -> None:
        self._share.finish(offsets)
        if self._in_order is not None:  # the next ones waited for these
            self._share.wake()

    @override
    def _put_back(self, offsets: Sequence[int]) -> None:
        self._share.put_back(offsets)

    @override
    def first_waiting(self) -> int:
        return self._share.next_waiting()

    @override
    def waiting(self) -> int:
        return max(0, self._share.partition.visible_end - self._share.next_waiting())

    @override
    def watch(self, waiter: Callable[[], None]) -> None:
        self._share.watch(waiter)

    @override
    def unwatch(self, waiter: Callable[[], None]) -> None:
        self._share.unwatch(waiter)


class QueuePop(Pop):
    """One queue, beside consumers of other protocols."""

    def __init__(
        self, make: Callable[[Callable[[], None]], QueuePlace], names: Names, clock: Clock
    ) -> None:
        super().__init__(names)
        self._clock = clock
        self._waiters: dict[Callable[[], None], None] = {}
        self._used = clock.monotonic()
        self._place = make(self._wake)

    @property
    @override
    def leases(self) -> Leases:
        return self._place.leases

    @property
    @override
    def closed(self) -> bool:
        return self._place.gone

    @override
    def take(self, wish: Wish, hold: Hold) -> Taken | None:
        self._used = self._clock.monotonic()
        return self._place.take(hold, wish, hold.invisible_ms)

    @override
    def ack(self, time_ms: int, offsets: Sequence[int]) -> list[int]:
        """Be done with these. What is back in the queue may have gone to anybody."""
        held = {one: self.leases.holder_of(one) for one in offsets}
        done = [one for one, by in held.items() if getattr(by, "time_ms", None) == time_ms]
        if done:
            self._finish(done)
        return [one for one in offsets if one not in done]

    @override
    def _finish(self, offsets: Sequence[int]) -> None:
        self._place.finish(offsets)
        self._wake()

    @override
    def _put_back(self, offsets: Sequence[int]) -> None:
        self._place.put_back(offsets)

    @override
    def first_waiting(self) -> int:
        return -1  # it is the queue's business

    @override
    def waiting(self) -> int:
        return self._place.queue.ready

    @override
    def watch(self, waiter: Callable[[], None]) -> None:
        self._waiters[waiter] = None

    @override
    def unwatch(self, waiter: Callable[[], None]) -> None:
        """Call it no more; what was dealt to nobody goes back."""
        self._waiters.pop(waiter, None)
        if not self._waiters and not self.closed:
            self._place.stop()
            self._place.put_back()

    def close_if_idle(self) -> None:
        """Be no consumer of the queue any more, if nobody has had anything of it for a while."""
        unused = self._clock.monotonic() - self._used
        if not self._waiters and not len(self.leases) and unused > IDLE_SECONDS:
            self._place.close()

    def _wake(self) -> None:
        for waiter in tuple(self._waiters):
            if waiter in self._waiters:
                waiter()


ShareOf = Callable[[str, Spot, int, Callable[[Partition], int] | None], PartitionShare]


class Pops:
    """What is popped, of all groups."""

    def __init__(
        self,
        clock: Clock,
        timers: Timers,
        share_of: ShareOf,
        knows: Callable[[str, Spot], bool],
        settings_of: Callable[[str], ShareSettings],
    ) -> None:
        self._clock, self._timers = clock, timers
        self._share_of = share_of
        self._knows = knows  # has a group anything of this yet?
        self._settings_of = settings_of
        self._names = Names(clock)
        self._pops: dict[tuple[str, object, int], Pop] = {}
        self._looked = clock.monotonic()

    def hold(self, invisible_ms: int, attempt: str = "") -> Hold:
        """Return under which name one POP takes what it takes."""
        return self._names.make(invisible_ms, attempt)

    def at(
        self,
        group: str,
        spot: Spot,
        queue: int,
        *,
        who: Origin,
        start: Callable[[Partition], int] | None = None,
    ) -> Pop:
        """Return one queue as a group pops it; `start`: where it begins, if that is new to it."""
        key = (group, spot.id, queue)
        pop = self._pops.get(key)
        if pop is None or pop.closed:
            pop = self._pops[key] = self._made(group, spot, queue, who, start)
        return pop

    def find(self, group: str, spot: Spot, queue: int, *, who: Origin) -> Pop | None:
        """Return one queue as a group pops it; None: it never did."""
        if (group, spot.id, queue) not in self._pops and not self._knows(group, spot):
            return None
        return self.at(group, spot, queue, who=who)

    def _made(
        self,
        group: str,
        spot: Spot,
        queue: int,
        who: Origin,
        start: Callable[[Partition], int] | None,
    ) -> Pop:
        if spot.queue is None:
            return PartitionPop(self._share_of(group, spot, queue, start), self._names)
        make = partial(
            QueuePlace,
            spot.queue,
            who,
            f"group {group}",
            clock=self._clock,
            timers=self._timers,
            settings=partial(self._settings_of, group),
        )
        return QueuePop(lambda on_more: make(on_more=on_more), self._names, self._clock)

    def maintenance(self) -> None:
        """Forget what is over; it looks at all of them, so only every so often."""
        now = self._clock.monotonic()
        if now - self._looked < LOOKED_SECONDS:
            return
        self._looked = now
        for key, pop in list(self._pops.items()):
            if isinstance(pop, QueuePop) and not pop.closed:
                pop.close_if_idle()
            if pop.closed:
                del self._pops[key]
