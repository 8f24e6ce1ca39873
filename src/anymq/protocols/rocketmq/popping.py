"""Popping: messages leased to whoever asks, from one queue or all queues of a topic.

What a consumer is lent nobody else of its group gets until its time is up, or it says what became
of the message. Here messages are found, filtered, waited for; the words are in api/pop.py.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from anymq.config.units import MIB
from anymq.core.shares.leases import Leases
from anymq.core.shares.places import Spot
from anymq.core.shares.pops import Hold, Pop
from anymq.core.shares.words import Taken, Wish
from anymq.core.streams.partition import Partition
from anymq.core.streams.reader import RATIO_MAX, Reader
from anymq.core.taps import Origin
from anymq.core.timers import Timer
from anymq.protocols.rocketmq.convert import Passes, Pulled, Teller, lay_out, own_form
from anymq.protocols.rocketmq.form import SHORT_BYTES, V6_BYTES
from anymq.protocols.rocketmq.layout import BORN_V6, LOG_ID_SHIFT, OFFSET_MASK
from anymq.storage import records
from anymq.storage.batch import LOG_APPEND_TIME, read_header
from anymq.storage.errors import CorruptBatch

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

PIECE_BYTES = MIB // 2  # read at once
SCANNED_MAX = 20_000  # messages looked at by one POP whose filter lets nothing through
FILTERED_AT_ONCE = 1_000
INT_MAX = (1 << 31) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PopWish:
    """What a consumer asks for."""

    group: str
    spot: Spot
    queue: int  # -1: all of them
    most: int
    invisible_ms: int
    bytes_max: int
    from_end: bool  # where a group begins that is new
    passes: Passes | None
    in_order: bool
    attempt: str
    who: Origin


class Lent(NamedTuple):
    """What was taken of one queue: offsets, and those that were handed out before, how often."""

    queue: int
    offsets: Sequence[int]
    times: dict[int, int]


@dataclass(slots=True)
class Catch:
    """What one POP has taken so far."""

    hold: Hold
    parts: list[bytes] = field(default_factory=list)
    lent: list[Lent] = field(default_factory=list)
    count: int = 0
    size: int = 0
    scanned: int = 0


class Record(NamedTuple):
    """One message, as a batch has it."""

    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: bytes


def take(rocketmq: "RocketMq", wish: PopWish, teller: Teller) -> Catch:
    """Take what there is now."""
    pops = rocketmq.broker.shares.pops
    catch = Catch(pops.hold(wish.invisible_ms, wish.attempt))
    for queue in queues_of(rocketmq, wish):
        if catch.count >= wish.most or catch.size >= wish.bytes_max:
            break
        _take_of(rocketmq, wish, queue, teller, catch)
    return catch


def queues_of(rocketmq: "RocketMq", wish: PopWish) -> list[int]:
    """Return the queues to look at; each has its turn to be the first."""
    if wish.queue >= 0:
        return [wish.queue]
    count = wish.spot.partitions
    first = rocketmq.next_queue(count)
    return [(first + index) % count for index in range(count)]


def pop_at(rocketmq: "RocketMq", wish: PopWish, queue: int) -> Pop:
    """Return one queue, as the group pops it."""
    start = partial(_start, rocketmq, wish.group, from_end=wish.from_end)
    pops = rocketmq.broker.shares.pops
    return pops.at(wish.group, wish.spot, queue, who=wish.who, start=start)


def _start(rocketmq: "RocketMq", group: str, partition: Partition, *, from_end: bool) -> int:
    """Where the group stopped when it pulled; else as a new group begins, see api/offsets.py."""
    offset = rocketmq.progress.of(group, partition.topic_name, partition.index)
    if offset is not None:
        return max(partition.start, min(offset, partition.visible_end))
    return partition.visible_end if from_end and partition.start > 0 else partition.start


def _take_of(rocketmq: "RocketMq", wish: PopWish, queue: int, teller: Teller, catch: Catch) -> None:
    """Take of one queue, until there is enough or nothing more. What does not pass is done with."""
    pop = pop_at(rocketmq, wish, queue)
    found: list[int] = []
    times: dict[int, int] = {}
    while catch.count < wish.most and catch.size < wish.bytes_max:
        if catch.scanned >= SCANNED_MAX:
            break
        taken = _ask(wish, pop, catch)
        if taken is None:
            break
        rocketmq.broker.shares.tell(wish.spot, wish.who, taken)
        more, again = _keep(wish, pop, queue, taken, teller, catch)
        found += more
        times |= again
        if wish.in_order and more:
            break
    if found:
        catch.lent.append(Lent(queue, found, times))


def _ask(wish: PopWish, pop: Pop, catch: Catch) -> Taken | None:
    wanted = wish.most - catch.count if wish.passes is None else FILTERED_AT_ONCE
    asked = Wish(wanted, min(PIECE_BYTES, wish.bytes_max - catch.size), strict=True)
    return pop.take_in_order(asked, catch.hold) if wish.in_order else pop.take(asked, catch.hold)


def _keep(
    wish: PopWish, pop: Pop, queue: int, taken: Taken, teller: Teller, catch: Catch
) -> tuple[list[int], dict[int, int]]:
    """Write down what passes, as far as it is wanted; return its offsets, and old ones' times."""
    times = {
        offset: one.deliveries
        for one in taken.acquired
        for offset in range(one.first, one.last + 1)
    }
    base = _log_id(wish.spot, queue) << LOG_ID_SHIFT
    kept: list[int] = []
    others: list[int] = []
    for record in _records(taken, times):
        if catch.count >= wish.most or catch.size >= wish.bytes_max:
            break
        offset = record.offset
        form = own_form(record.headers) or teller.form(*record[2:], record.time_ms)
        if wish.passes is not None and not wish.passes(form):
            others.append(offset)
            continue
        if (before := times[offset] - 1) > 0:
            form = _reconsumed(form, before)
        place = queue, offset, base | (offset & OFFSET_MASK), record.time_ms
        catch.size += lay_out(catch.parts, teller, form, place, record.value or b"")
        catch.count += 1
        kept.append(offset)
    catch.scanned += len(times)
    _let_go(pop, catch, times, kept, others)
    return kept, {offset: times[offset] for offset in kept if times[offset] > 1}


def _let_go(
    pop: Pop, catch: Catch, times: dict[int, int], kept: Sequence[int], others: Sequence[int]
) -> None:
    """Be done with what does not pass; what is more than was wanted waits again."""
    if others:
        pop.skip(catch.hold, others)
    last = max((*kept, *others), default=-1)
    unread = [offset for offset in times if offset > last]
    # What no record has any more, or cannot be read, is done with; what comes later was not read.
    lost = times.keys() - {*kept, *others, *unread}
    if lost:
        pop.skip(catch.hold, sorted(lost))
    if unread:
        pop.put_back(catch.hold, unread)


def _log_id(spot: Spot, queue: int) -> int:
    if spot.topic is not None:
        return spot.topic.partitions[queue].log.id
    assert spot.queue is not None
    return min(spot.queue.log_ids)


def _records(taken: Taken, wanted: dict[int, int]) -> Iterator[Record]:
    """Yield what was taken."""
    for batch in taken.batches:
        header = read_header(batch)
        try:
            body = records.body_of(batch, header, bytes_max=RATIO_MAX * max(len(batch), MIB))
            for delta, time_delta, key, _, value_start, end in records.slices(body, header):
                offset = header.base_offset + delta
                if offset in wanted:
                    value, headers = records.split_of(body, value_start, end)
                    time_ms = header.base_timestamp + time_delta
                    if header.attributes & LOG_APPEND_TIME:
                        time_ms = header.max_timestamp
                    yield Record(offset, time_ms, key, value, headers)
        except CorruptBatch:  # its sender made it so: nobody can read it
            continue


def _reconsumed(form: bytes, times: int) -> bytes:
    """Say how often it was consumed before, besides what it says itself."""
    at = SHORT_BYTES - 12 + (V6_BYTES if form[7] & BORN_V6 else 0)
    said = int.from_bytes(form[at : at + 4], "big", signed=True)
    times = min(said + times, INT_MAX)
    return form[:at] + times.to_bytes(4, "big", signed=True) + form[at + 4 :]


def waiting(rocketmq: "RocketMq", wish: PopWish) -> int:
    """Return about how many messages nobody has."""
    return sum(pop_at(rocketmq, wish, queue).waiting() for queue in queues_of(rocketmq, wish))


class Waiting:
    """Somebody waits for one of some queues to have something."""

    __slots__ = ("_on_more", "_on_time", "_pops", "_timer")

    def __init__(
        self,
        rocketmq: "RocketMq",
        pops: Sequence[Pop],
        wait_ms: int,
        on_more: Callable[[], None],
        on_time: Callable[[], None],
    ) -> None:
        """`on_more` may be called often, until `stop`; `on_time` once, when the time is up."""
        self._pops = pops
        self._on_more, self._on_time = on_more, on_time
        clock = rocketmq.broker.clock
        due = clock.monotonic() + wait_ms / 1000
        self._timer: Timer | None = rocketmq.broker.timers.at(due, self._time_is_up)
        for pop in pops:
            pop.watch(self._more)

    def stop(self) -> None:
        """Nobody waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            for pop in self._pops:
                pop.unwatch(self._more)

    def _more(self) -> None:
        if self._timer is not None:
            self._on_more()

    def _time_is_up(self) -> None:
        self.stop()
        self._on_time()


def peek(rocketmq: "RocketMq", wish: PopWish, teller: Teller) -> list[bytes]:
    """Return what would be popped next. Of queues nothing is shown: others consume there."""
    parts: list[bytes] = []
    left = wish.most
    if wish.spot.topic is None:
        return parts
    for queue in queues_of(rocketmq, wish):
        partition, pop = wish.spot.topic.partitions[queue], pop_at(rocketmq, wish, queue)
        pulled = Pulled(teller, queue, partition.log.id)
        leases = pop.leases

        def take(offset: int, *record: Any, to: Pulled = pulled, held: Leases = leases) -> bool:
            return offset not in held and to.take(offset, *record)

        reader = Reader(partition, pop.first_waiting(), rocketmq.unpacked)
        left -= reader.read(left, wish.bytes_max, take)
        parts += pulled.parts
        if left <= 0:
            break
    return parts
