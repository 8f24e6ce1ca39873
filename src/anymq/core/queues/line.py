"""Line: messages in order, each handed out until it is settled. A queue is one of them or more.

Its log has the messages, its settlement says which are done with; what waits is a cursor. In memory
is what was pushed last, what is next, and what is out, all within a budget (memory.py).

A position is in one of these states:
    fresh: nobody had it (fresh.py) · out: somebody has it · back: it was given back · settled
Everything fresh is above everything that is out or back, but for what was claimed from its middle.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heappop, heappush
from itertools import islice, repeat
from typing import cast

from anymq.core.message import Message, Run
from anymq.core.queues.delivery import Delivery, Seen
from anymq.core.queues.fresh import Fresh, body_of, bytes_before
from anymq.core.queues.loading import READ_BYTES, Loader
from anymq.core.queues.memory import MESSAGE_BYTES, Held, Memory, size_of
from anymq.core.queues.settled import Hidden, Positions, runs_without
from anymq.core.queues.settlement import Settlement, agree
from anymq.core.queues.stored import MayHold, Stored
from anymq.core.queues.turn import nobody
from anymq.core.queues.unwritten import Then, Unwritten
from anymq.core.queues.witness import Witness
from anymq.storage.errors import StorageError

LOOKED_AT_MAX = 1000  # in memory, at once
SETTLED_MAX = 100  # remembered as in memory, besides as many as are

_ZERO, _NO, _NONE = repeat(0), repeat(False), repeat(None)


class Line:
    """Made by `Lines.line`. Hot: benchmarks/micro/line.py.

    `flush` is called at the end of each turn in which it changed; then `Lines.flush`, for all.
    """

    on_back: Callable[[list[int]], None] | None = None  # these were given back
    _picked_to = 0  # below, consumers may have what they chose

    def __init__(
        self,
        loader: Loader,
        settlement: Settlement,
        memory: Memory,
        *,
        durable: bool,
        witness: Witness,
    ) -> None:
        log = loader.log
        self.durable = durable
        self.taken = 0  # out with somebody, unsettled
        self.on_ready: Callable[[], None] = nobody  # something can be taken again
        self.log = log
        self._loader = loader
        self._settlement = settlement
        self._settled = settled = settlement.settled
        self._hidden: Positions = settled  # what of the fresh positions is fresh no more
        self._memory, self._witness = memory, witness
        self._out: dict[int, Held] = {}
        self._back: dict[int, Held] = {}
        self._heap: list[int] = []  # of what is back, and of some that is not any more
        self._lost: Collection[int] = ()  # of those that are out: they never came to the log
        self._odd = False  # there may be some lost, or whose bodies are not in memory
        self._held = 0  # bytes of memory for the messages that are out and back
        self._in_memory: list[int] = []  # these, and some that are settled; oldest first
        self._charged = 0  # what `memory` knows that we use
        end = agree(log, settlement)
        self._redelivered_below = settlement.delivered_to
        self._written_end = log.end
        self._fresh = Fresh(settled.low, end)
        self._unwritten = Unwritten(log, settlement)
        self.ready = log.end - settled.count(0, log.end)  # waiting, not taken
        self.ready_bytes = settlement.waiting_bytes if self.ready else 0
        log.on_visible = self._on_visible
        log.on_rollback = self._on_rollback
        log.needed = settled.unsettled_runs
        log.needed_count = self.needed_count = settled.unsettled_count

    @property
    def end(self) -> int:
        """The position that the next message gets."""
        return self._fresh.end

    # In

    def push(self, run: Run, then: Then | None = None) -> None:
        """Add at the end. Persistent run in a durable line: `then` when the log has it; else now.

        It is ready at once. `on_ready` is not called: who pushes knows.
        """
        if self._witness.watches and not self._witness.sends(self.log.id, self.end):
            if then is not None:
                then(None)
            return
        first = self._fresh.push(run.messages, run.size)
        self.ready += len(run.messages)
        self.ready_bytes += run.size
        if self.durable and run.persistent:
            self._unwritten.add(first, run, then, urgent=True)
        else:
            self._unwritten.add(first, run, None, urgent=False)
            if then is not None:
                then(None)

    def flush(self) -> None:
        """Hand to the log what must be there. At the end of a turn; cheap when nothing must."""
        unwritten = self._unwritten
        if len(self._in_memory) > 2 * (len(self._out) + len(self._back)) + SETTLED_MAX:
            there = self._out.keys() | self._back.keys()
            self._in_memory = [p for p in self._in_memory if p in there]
        crowded = self._charge() > self._memory.share
        if unwritten:
            if unwritten.urgent or crowded:
                self._write()
            else:
                unwritten.prune()
        low, log = self._settled.low, self.log
        if low > log.start and log.visible_end > log.start:
            log.delete_before(min(low, log.visible_end))
        if crowded:
            self._shed()

    # Out

    def take(self, count: int, bytes_max: int, *, settled: bool = False) -> list[Delivery]:
        """Hand out the next ready ones, oldest position first; at least one if any can be had.

        May be shorter, or empty although something is ready: `on_ready` is called when it can be
        read. `settled`: they are settled at once (auto-ack), which is cheaper than `settle`.
        """
        found = self._take_back(count, bytes_max) if self._heap else []
        if found:
            bytes_max -= sum(len(one.message.body) for one in found)
            if settled:
                self.settle([one.position for one in found])
        if self._back:
            return found
        while len(found) < count and (bytes_max > 0 or not found):
            piece = self._fresh.cut(count - len(found), bytes_max, self._hidden, bool(found))
            if piece is None:
                if self._read_ahead():
                    continue
                break
            (positions, messages), size = piece
            if not positions:
                break
            bytes_max -= size
            found += self._hand_out(positions, messages, size, settled)
        return found

    def _hand_out(
        self, positions: Sequence[int], messages: Sequence[Message], size: int, settled: bool
    ) -> list[Delivery]:
        self.ready -= len(positions)
        self.ready_bytes = self.ready_bytes - size if self.ready else 0
        self._settlement.deliver(positions[-1] + 1)
        if positions[0] < self._redelivered_below or self._settlement.returns:
            deliveries = self._deliveries(positions, messages)
        else:
            made = map(tuple.__new__, repeat(Delivery), zip(positions, messages, _ZERO, _NO))  # noqa: B905
            deliveries = cast("list[Delivery]", list(made))
        if settled:
            self._settle(positions, bytes_before(self.log.end, positions, messages, size))
            self._empty()
            return deliveries
        self._out.update(zip(positions, messages, strict=True))
        self._held += size + MESSAGE_BYTES * len(positions)
        self._in_memory.extend(positions)
        self.taken = len(self._out)
        return deliveries

    def _deliveries(self, positions: Iterable[int], messages: Iterable[Message]) -> list[Delivery]:
        returns, below = self._settlement.returns, self._redelivered_below
        return [
            Delivery(
                position, message, returns.get(position, 0), position < below or position in returns
            )
            for position, message in zip(positions, messages, strict=True)
        ]

    def _take_back(self, count: int, bytes_max: int) -> list[Delivery]:
        """Take what was given back."""
        found: list[Delivery] = []
        while len(found) < count and (one := self._head_back()) is not None:
            size = len(one.message.body)
            if found and size > bytes_max:
                break
            bytes_max -= size
            found.append(one)
            heappop(self._heap)
            self._out[one.position] = self._back.pop(one.position)
            self.ready -= 1
            self.ready_bytes -= size
        self.taken = len(self._out)
        return found

    def _head_back(self) -> Delivery | None:
        """Return the first of what was given back; None if there is none, or it cannot be read."""
        heap, back = self._heap, self._back
        while heap:
            position = heap[0]
            held = back.get(position)
            if held is None:
                heappop(heap)
            elif not isinstance(held, int):
                returns = self._settlement.returns.get(position, 0)
                return Delivery(position, held, returns, redelivered=True)
            elif not self._recall(position):
                return None
        return None

    def is_out(self, position: int) -> bool:
        """Does somebody have this one?"""
        return position in self._out

    def peek(self) -> Delivery | None:
        """Return the next ready one, without taking it. None also when it cannot be read now."""
        if (one := self._head_back()) is not None or self._back:
            return one
        while True:
            head = self._fresh.head(self._hidden)
            if head is not None:
                return self._deliveries([head[0]], [head[1]])[0]
            if not self._read_ahead():
                return None

    # Looked at

    def look(
        self, position: int, bytes_max: int = READ_BYTES, may_hold: MayHold | None = None
    ) -> tuple[list[Stored], int] | None:
        """Return a piece of what is not settled from `position` on, and where to go on.

        Nothing is taken, and who has it does not matter. None: it cannot be read now. `may_hold`
        may leave out what is of no interest, see stored.py.
        """
        position = self._settled.next_unsettled(position)
        if position >= self.log.visible_end:
            return self._look_in_memory(position)
        found = self._loader.load(position, bytes_max, may_hold)
        if found is None:
            return None
        settled, end = self._settled, found[1]
        there = [one for one in found[0] if one[0] not in settled]
        lost = [p for p in self._lost if position <= p < end]  # these are in memory
        return (sorted([*there, *self._held_of(lost)]) if lost else there), end

    def _held_of(self, positions: Iterable[int]) -> Iterable[Stored]:
        held = ((p, self._out.get(p) or self._back.get(p)) for p in positions)
        return ((p, message) for p, message in held if isinstance(message, Message))

    def told(self, stored: Iterable[Stored]) -> list[Seen]:
        """Say of these what is known of them here."""
        returns, out, back = self._settlement.returns, self._out, self._back
        below = self._redelivered_below
        return [
            Seen(p, message, returns.get(p, 0), p < below or p in back, p not in out)
            for p, message in stored
        ]

    def read(self, position: int, count: int) -> list[Delivery]:
        """Return ready ones from `position` on."""
        found: list[Delivery] = []
        while position < self.end and len(found) < count and (piece := self.look(position)):
            found += [Delivery(*one[:4]) for one in self.told(piece[0]) if one.ready]
            position = piece[1]
        return found[:count]

    def waiting(self, position: int, bytes_max: int) -> tuple[list[Stored], int] | None:
        """Return a piece of what nobody had yet, as `look` does."""
        fresh, hidden = self._fresh, self._hidden
        position = max(position, fresh.next)
        found = fresh.piece(position)
        if found is None:
            found = self.look(max(position, fresh.read_to), bytes_max)
            if found is None:
                return None
            found = found[0], min(found[1], fresh.new_from)
        there, end = found
        return [one for one in there if one[0] < end and one[0] not in hidden], end

    @property
    def given_back(self) -> Collection[int]:
        """What waits because it was given back."""
        return self._back.keys()

    def returned(self, position: int) -> Message | None:
        """Return one of those; None: it cannot be read now."""
        if isinstance(self._back[position], int) and not self._recall(position):
            return None
        return next((message for _, message in self._held_of((position,))), None)

    def claim(self, stored: Iterable[Stored], *, delivered: bool = False) -> list[int]:
        """Take these out of the middle, as far as they are ready; return which those are.

        They are out then, as if somebody had got them; `delivered`: somebody has.
        """
        if self._hidden is self._settled:
            self._hidden = Hidden(self._settled, self._out, self._back)
        there = [(p, message) for p, message in stored if self._claim(p, message)]
        if there:
            positions = [p for p, _ in there]
            self._fresh.settled_to(max(positions) + 1)
            if delivered:
                self._picked_to = max(self._picked_to, max(positions) + 1)
                self._settlement.deliver(self._picked_to)
            self._in_memory.extend(positions)
            self.ready -= len(there)
            self.ready_bytes -= sum(len(message.body) for _, message in there)
            self.taken = len(self._out)
        return [p for p, _ in there]

    def _claim(self, position: int, message: Message) -> bool:
        held, fresh = self._back.pop(position, None), self._fresh
        if held is None:
            is_fresh = fresh.next <= position < fresh.end
            if not is_fresh or position in self._out or position in self._settled:
                return False
        if not isinstance(held, Message):
            self._held += len(message.body) + MESSAGE_BYTES
        self._out[position] = message
        return True

    # Done

    def settle(self, positions: Sequence[int]) -> None:
        """Be done with these, in any order: taken ones, or ready ones (expired, dropped)."""
        held = list(map(self._out.pop, positions, _NONE))
        if None in held:
            both = list(zip(positions, held, strict=True))
            known, gone = self._settle_ready([p for p, one in both if one is None])
            there = [(p, one) for p, one in both if one is not None]
            positions = [p for p, _ in there]
            gone += self._release(positions, [one for _, one in there])
            positions += known
        else:
            gone = self._release(positions, cast("list[Held]", held))
        self.taken = len(self._out)
        if positions:
            self._settle(positions, gone)
        self._empty()

    def give_back(self, positions: Iterable[int], *, count: bool = True) -> None:
        """Make these ready again, at their place; `count` raises their `returns`."""
        out, back, heap = self._out, self._back, self._heap
        returned: list[int] = []
        for position in positions:
            held = out.pop(position, None)
            if held is not None:
                back[position] = held
                heappush(heap, position)
                returned.append(position)
                self.ready_bytes += size_of(held)
        self.ready += len(returned)
        self.taken = len(out)
        if count and returned:
            self._settlement.give_back(returned)
        if self.on_back is not None:
            self.on_back(returned)

    def take_back(self) -> None:
        """Make everything ready again that is out: nobody has it any more."""
        self.give_back(list(self._out), count=False)

    def purge(self) -> int:
        """Settle everything that is ready; return how many there were."""
        there_were = self.ready
        if self._back:
            self.settle(list(self._back))
        fresh = self._fresh
        first = fresh.next
        fresh.clear()
        for run in runs_without(self._out, first, fresh.end):
            self._settlement.settle_run(*run, self.log.end)
        self.ready = self.ready_bytes = 0
        self._settlement.leave(self._settlement.delivered_to, self._in_log_bytes())
        return there_were

    def close(self) -> None:
        """The end is near: leave everything exact. Transient messages that are not written go."""
        self.flush()
        picked = [p + 1 for p in (*self._out, *self._back) if p < self._picked_to]
        delivered_to = max(self._redelivered_below, self._fresh.next, *picked)
        self._settlement.leave(delivered_to, self._in_log_bytes())

    def let_go(self, error: StorageError | None = None) -> None:
        """The line is deleted, or was never to be: who waits for it is told."""
        log = self.log
        log.on_visible = log.on_rollback = None
        log.needed = log.needed_count = None
        self._settlement.detach()
        self._unwritten.give_up(error)
        self._memory.used -= self._charged
        self._charged = 0

    # Within: settling

    def _settle(self, positions: Sequence[int], gone: int) -> None:
        self._settlement.settle(positions, self.log.end, gone)

    def _release(self, positions: Sequence[int], held: list[Held]) -> int:
        """These are not out any more; return the bytes of those bodies that are in the log."""
        written_end = self.log.end
        if positions and not self._odd and max(positions) < written_end:
            size = sum(map(len, map(body_of, cast("list[Message]", held))))
            self._held -= size + MESSAGE_BYTES * len(held)
            return size
        gone = 0
        for position, one in zip(positions, held, strict=True):
            size = size_of(one)
            self._held -= 0 if isinstance(one, int) else size + MESSAGE_BYTES
            if position < written_end and position not in self._lost:
                gone += size
        return gone

    def _empty(self) -> None:
        """Nothing is left: whatever was not known exactly is known now."""
        if not self.ready:
            self.ready_bytes = 0
            if not self._out:
                self._lost = ()
                self._odd = False
                self._hidden = self._settled
                self._settlement.waiting_bytes = 0

    def _settle_ready(self, positions: Sequence[int]) -> tuple[list[int], int]:
        """Settle ready ones; return those that were, and the bytes of those that are written."""
        known: list[int] = []
        gone = 0
        for position in dict.fromkeys(positions):
            size = self._drop(position)
            if size is not None:
                known.append(position)
                self.ready -= 1
                self.ready_bytes -= size
                gone += size if position < self.log.end else 0
        return known, gone

    def _drop(self, position: int) -> int | None:
        """Let go of a ready one; return the size of its body, None if it is not ready."""
        held = self._back.pop(position, None)
        if held is not None:
            if isinstance(held, int):
                return held
            self._held -= len(held.body) + MESSAGE_BYTES
            return len(held.body)
        fresh = self._fresh
        if not fresh.next <= position < fresh.end or position in self._hidden:
            return None
        message = fresh.drop(position)
        if message is None:
            found = self._loader.load(position)
            message = dict(found[0]).get(position) if found else None
        return len(message.body) if message is not None else 0

    def _in_log_bytes(self) -> int:
        """Return how many bytes the unsettled bodies have that are in the log."""
        end, lost, back = self.log.end, self._lost, self._back
        out = sum(size_of(held) for p, held in self._out.items() if p < end and p not in lost)
        gone = sum(size_of(back[p]) for p in lost if p in back)
        return self.ready_bytes + out - gone - self._unwritten.ready_bytes(self._out)

    # Within: reading

    def _read_ahead(self) -> bool:
        """Read the next of what is only in the log; False when there is nothing, or not now."""
        fresh, settled, hidden = self._fresh, self._settled, self._hidden
        if not fresh.unread:
            return False
        start = settled.next_unsettled(fresh.read_to)
        if start >= fresh.new_from:
            fresh.read_to = fresh.new_from
            return True
        found = self._load(start)
        if found is None:
            return False
        left, end = found
        end = min(end, fresh.new_from)
        left = [one for one in left if one[0] < end and one[0] not in hidden]
        fresh.add_read([p for p, _ in left], [m for _, m in left], end)
        return True

    def _recall(self, position: int) -> bool:
        """Read messages again that were given back; False when they cannot be read now."""
        found = self._load(position)
        if found is None:
            return False
        back = self._back
        for one, message in found[0]:
            if isinstance(back.get(one), int):
                back[one] = message
                self._held += len(message.body) + MESSAGE_BYTES
                self._in_memory.append(one)
        return True

    def _load(self, position: int) -> tuple[list[Stored], int] | None:
        """Return unsettled messages of the log from `position` on, and where to go on.

        What should be there and is not is settled: a crash may have left such holes.
        """
        found = self._loader.load(position)
        if found is None:
            return None
        there, end = found
        settled = self._settled
        if done := settled.count(position, end):
            there = [one for one in there if one[0] not in settled]
        if len(there) != end - position - done:
            self._settle_holes(position, end, {one[0] for one in there})
        return there, end

    def _settle_holes(self, first: int, end: int, there: set[int]) -> None:
        runs = self._settled.unsettled_runs(first, end)
        holes = [p for a, b in runs for p in range(a, b) if p not in there and p not in self._out]
        next_fresh = self._fresh.next
        for position in holes:
            if self._back.pop(position, None) is not None or position >= next_fresh:
                self.ready -= 1
        if holes:
            self._settle(holes, 0)
            self._empty()

    def _look_in_memory(self, position: int) -> tuple[list[Stored], int]:
        """What the log does not show yet is all in memory."""
        settled = self._settled
        fresh = (one for one in self._fresh.in_memory(position) if one[0] not in settled)
        there = dict(islice(fresh, LOOKED_AT_MAX))
        there.update(self._held_of(p for p in (*self._out, *self._back) if p >= position))
        found = sorted(there.items())
        if len(found) < LOOKED_AT_MAX:
            return found, self.end
        return found[:LOOKED_AT_MAX], found[LOOKED_AT_MAX - 1][0] + 1

    # Within: the log

    def _write(self) -> None:
        for first, end in self._unwritten.write():
            self._lose(first, end)
        self._written_end = self.log.end

    def _on_visible(self) -> None:
        if self._charged > self._memory.share:
            self._shed()

    def _on_rollback(self) -> None:
        """Appends were lost; who waited is told. What was delivered is with somebody."""
        lost_to, self._written_end = self._written_end, self.log.end
        self._odd = True
        self._lost = {*self._lost, *(p for p in self._out if p >= self.log.end)}
        self._lose(self.log.end, lost_to)
        self._settlement.recount(self.log.end, self._in_log_bytes())

    def _lose(self, first: int, end: int) -> None:
        """These will never be in the log: they are not ready any more."""
        # Fresh ones first: what was claimed and given back lies among them, hidden as it is back.
        fresh = self._fresh.drop_from(max(first, self._fresh.next), end, self._hidden)
        known, gone = self._settle_ready([p for p in self._back if first <= p < end])
        known += [position for position, _ in fresh]
        self.ready -= len(fresh)
        self.ready_bytes -= sum(len(message.body) for _, message in fresh)
        if known:
            self._settle(known, gone)
            self._empty()

    # Within: memory

    def _charge(self) -> int:
        """Tell how much memory we use; return it."""
        held = self._held + self._fresh.held
        self._memory.used += held - self._charged
        self._charged = held
        return held

    def _shed(self) -> None:
        """Keep half of what we may in memory, as far as the log has the rest."""
        visible = self.log.visible_end
        target = self._memory.share // 2
        self._fresh.shed(visible, max(target - self._held, 0))
        if self._held > target:
            self._forget(visible, target)
        self._charge()

    def _forget(self, visible_end: int, target: int) -> None:
        """Keep only the sizes of what is out or back for longest, as far as the log has it."""
        self._odd = True
        count = 0
        for position in self._in_memory:
            if self._held <= target or position >= visible_end:
                break
            count += 1
            some = self._out if position in self._out else self._back
            held = some.get(position)
            if isinstance(held, Message) and position not in self._lost:
                some[position] = len(held.body)
                self._held -= len(held.body) + MESSAGE_BYTES
        del self._in_memory[:count]
