"""PartitionShare: what a group has done with one partition, and who of its members has what.

An offset is settled, or out with a member, or waits. The log stays as it is: batches go out whole,
with the runs of offsets in them that are the member's, and nothing is unpacked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from anymq.config.units import MINUTE_MS
from anymq.core.clock import Clock
from anymq.core.queues.settlement import Settlement
from anymq.core.shares.leases import Leases
from anymq.core.shares.words import (
    Acquired,
    Answer,
    Settled,
    ShareSettings,
    Taken,
    Wish,
    by_answers,
    runs_of,
)
from anymq.core.streams.partition import Partition
from anymq.core.timers import Timers
from anymq.storage.batch import CONTROL, HEADER_BYTES, BatchHeader, read_header
from anymq.storage.errors import StorageError

Run = tuple[int, int]  # first, end
# Keeps elsewhere what was handed out too often; says when it is safe there, or that it is not.
Bury = Callable[[Partition, Sequence[int], Callable[[bool], None]], None]
GRAVE = object()  # who has what is on its way there
BURYING_MS = 10 * MINUTE_MS  # then the disk does not answer, and it is tried again


@dataclass(frozen=True, slots=True)
class Means:
    """What all of them are given."""

    clock: Clock
    timers: Timers


class PartitionShare:
    """One partition, as one group shares it."""

    def __init__(
        self,
        partition: Partition,
        settlement: Settlement,
        means: Means,
        settings: Callable[[], ShareSettings],
    ) -> None:
        self.partition = partition
        self.settlement = settlement
        self.settings = settings
        self.bury: Bury | None = None  # None: what was handed out too often is dropped
        self.closed = False
        self.leases = Leases(means.clock, means.timers, self._late)
        self._from = 0  # nothing waits below
        self._waiters: dict[Callable[[], None], None] = {}

    # Out

    def take(self, holder: object, wish: Wish, lock_ms: int | None = None) -> Taken | None:
        """Hand out what comes next, for so long. StorageError."""
        settings = self.settings()
        room = settings.locks_max - len(self.leases)
        at = self.next_waiting()
        if room <= 0 or at >= self.partition.visible_end:
            return None
        found = self.partition.read(at, wish.bytes_max)
        if found is None:
            return None
        taken, runs = self._pick(found.read(), at, wish, room)
        offsets = [offset for first, end in runs for offset in range(first, end)]
        self.leases.add(holder, offsets, settings.lock_ms if lock_ms is None else lock_ms)
        return taken

    def next_waiting(self) -> int:
        """Return the first offset that nobody has; what is there may still be cleaned away."""
        log_start, settled = self.partition.start, self.settlement.settled
        if settled.low < log_start:  # retention took them, whoever still wanted them
            self.settlement.settle_run(settled.low, log_start, log_start)
        at = settled.next_unsettled(self._from)
        while at in self.leases:
            at = settled.next_unsettled(at + 1)
        self._from = at
        return at

    def _pick(self, data: bytes, at: int, wish: Wish, room: int) -> tuple[Taken | None, list[Run]]:
        """Choose among these batches: so many records, the last batch as a whole if there is room.

        Offsets that no batch has any more were cleaned away: they are settled.
        """
        batches: list[bytes] = []
        picked: list[Run] = []
        count = size = 0
        for header, batch in _whole_batches(data):
            self._settle_gap(at, header.base_offset)
            first, at = max(at, header.base_offset), header.next_offset
            if header.attributes & CONTROL:
                self._settle_gap(first, at)
                continue
            runs = self._waiting_in(first, at)
            there = sum(end - start for start, end in runs)
            limit = max(min(wish.records_max - count, room - count), 0)
            if there > limit and (wish.strict or there > room - count):
                runs = _first_of(runs, limit)
                there = limit
            if there:
                _join(picked, runs)
                count += there
                size += len(batch)
                batches.append(batch)
            if count >= min(wish.records_max, room):
                break
        if not count:
            return None, []
        return Taken(batches, self._counted(picked), size, count), picked

    def _settle_gap(self, first: int, end: int) -> None:
        if first < end:
            self.settlement.settle_run(first, end, end)

    def _waiting_in(self, first: int, end: int) -> list[Run]:
        runs = self.settlement.settled.unsettled_runs(first, end)
        if not len(self.leases):
            return list(runs)
        free = (p for a, b in runs for p in range(a, b) if p not in self.leases)
        return list(_runs_of(free))

    def _counted(self, runs: Sequence[Run]) -> list[Acquired]:
        returns = self.settlement.returns
        if not returns:
            return [Acquired(first, end - 1, 1) for first, end in runs]
        offsets = [offset for first, end in runs for offset in range(first, end)]
        return runs_of(offsets, [returns.get(offset, 0) + 1 for offset in offsets])

    # Back

    def settle(self, holder: object, answers: Sequence[Settled]) -> None:
        """Be done with these, or have them wait again."""
        said = [one for batch in answers for one in batch.each(len(self.leases))]
        self.leases.check(holder, [offset for offset, _ in said])
        by_answer = by_answers(said)
        renewed = by_answer.pop(Answer.RENEW, [])
        if renewed:
            self.leases.renew(holder, renewed, self.settings().lock_ms)
        released = by_answer.pop(Answer.RELEASE, [])
        done = sorted(offset for offsets in by_answer.values() for offset in offsets)
        self.leases.end(done)
        self._archive(done)
        if released:
            self.leases.end(released)
            self._failed(sorted(released))

    def give_back(self, holder: object) -> None:
        """Who had these is gone: that is nobody's failure."""
        self.put_back(self.leases.of(holder))

    def _late(self, offsets: Sequence[int]) -> None:
        self._failed(offsets)

    def _failed(self, offsets: Sequence[int]) -> None:
        """These come again, but not for ever."""
        returns, most = self.settlement.returns, self.settings().deliveries_max
        over = [offset for offset in offsets if returns.get(offset, 0) + 1 >= most]
        self._give_up(over)
        given_up = set(over)
        again = [offset for offset in offsets if offset not in given_up]
        if again:
            self.settlement.give_back(again)
        self._wait_again(again)

    def _give_up(self, offsets: Sequence[int]) -> None:
        if not offsets or self.bury is None:
            self._archive(offsets)
            return
        self.leases.add(GRAVE, offsets, BURYING_MS)
        self.bury(self.partition, offsets, partial(self._buried, offsets))

    def _buried(self, offsets: Sequence[int], safe: bool) -> None:
        """They are safe elsewhere; or they are not, and come again."""
        those = [offset for offset in offsets if self.leases.holder_of(offset) is GRAVE]
        self.leases.end(those)
        if safe:
            self._archive(those)
        else:
            self._wait_again(those)

    def finish(self, offsets: Sequence[int]) -> None:
        """Be done with these, whoever has them."""
        self.leases.end(offsets)
        self._archive(sorted(offsets))

    def put_back(self, offsets: Sequence[int]) -> None:
        """Have these wait again: nobody has tried."""
        self.leases.end(offsets)
        self._wait_again(sorted(offsets))

    def _archive(self, offsets: Sequence[int]) -> None:
        if offsets:
            self.settlement.settle(offsets, offsets[-1] + 1, 0)

    def _wait_again(self, offsets: Sequence[int]) -> None:
        if offsets:
            self._from = min(self._from, offsets[0])
        self.wake()

    # Who waits

    def watch(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` when there may be something, until `unwatch`."""
        if not self._waiters:
            self.partition.watch(self.wake)
        self._waiters[waiter] = None

    def unwatch(self, waiter: Callable[[], None]) -> None:
        """Call it no more."""
        self._waiters.pop(waiter, None)
        if not self._waiters:
            self.partition.unwatch(self.wake)

    def wake(self) -> None:
        """There may be something: tell all who wait."""
        for waiter in tuple(self._waiters):
            if waiter in self._waiters:
                waiter()

    def close(self) -> None:
        """The group has nothing to do with it any more."""
        self.closed = True
        self.leases.close()
        self.partition.unwatch(self.wake)
        self.wake()


class PartitionPlace:
    """What one member has of a partition."""

    __slots__ = ("_on_more", "_share", "_told")

    def __init__(
        self,
        share: PartitionShare,
        on_more: Callable[[], None],
        told: Callable[[Taken], None] = lambda _: None,
    ) -> None:
        """`told` hears of all that is handed out."""
        self._share = share
        self._on_more = on_more
        self._told = told

    def ask(self, wish: Wish) -> Taken | None:
        """Take what is there; else be told."""
        try:
            taken = self._share.take(self, wish)
        except StorageError:  # the log has reported it; after it was put aside there is more
            taken = None
        if taken is None:
            self._share.watch(self._on_more)
        else:
            self._told(taken)
        return taken

    def stop(self) -> None:
        """Nobody waits."""
        self._share.unwatch(self._on_more)

    def settle(self, answers: Sequence[Settled]) -> None:
        """Be done with these."""
        self._share.settle(self, answers)

    def close(self) -> None:
        """All that it has goes back."""
        self.stop()
        self._share.give_back(self)


def _whole_batches(data: bytes) -> Iterator[tuple[BatchHeader, bytes]]:
    """Yield them; the last one may be cut."""
    at = 0
    while at + HEADER_BYTES <= len(data):
        header = read_header(data, at)
        if at + header.size > len(data):
            return
        yield header, data[at : at + header.size]
        at += header.size


def _join(picked: list[Run], runs: Sequence[Run]) -> None:
    """Add runs; one that goes on where the last one ends is the same."""
    for first, end in runs:
        if picked and picked[-1][1] == first:
            picked[-1] = (picked[-1][0], end)
        else:
            picked.append((first, end))


def _first_of(runs: Sequence[Run], count: int) -> list[Run]:
    found: list[Run] = []
    for first, end in runs:
        if count <= 0:
            break
        found.append((first, min(end, first + count)))
        count -= end - first
    return found


def _runs_of(positions: Iterator[int]) -> Iterator[Run]:
    first = end = -1
    for position in positions:
        if position != end:
            if end >= 0:
                yield first, end
            first = position
        end = position + 1
    if end >= 0:
        yield first, end
