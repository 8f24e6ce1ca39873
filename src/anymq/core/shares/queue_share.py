"""QueuePlace: a member of a share group as a consumer of a queue, beside those of other protocols.

It has credit while it waits for an answer, and no longer. An offset is the message's position in
its queue, with the bits that name its level moved to where an offset has room for them.
"""

from collections import deque
from collections.abc import Callable, Sequence

from anymq.core.clock import Clock
from anymq.core.portable.packer import Packer
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.queue import Queue
from anymq.core.queues.subscription import Subscription
from anymq.core.shares.leases import Leases
from anymq.core.shares.packing import ascending, batches_of, offset_of, position_of
from anymq.core.shares.words import (
    Answer,
    Settled,
    ShareSettings,
    Taken,
    Wish,
    by_answers,
    runs_of,
)
from anymq.core.taps import Origin
from anymq.core.timers import Timers


class QueuePlace:
    """What one member has of a queue. A consumer, see queues/subscription.py."""

    def __init__(
        self,
        queue: Queue,
        who: Origin,
        tag: str,
        *,
        clock: Clock,
        timers: Timers,
        settings: Callable[[], ShareSettings],
        on_more: Callable[[], None],
    ) -> None:
        """Subscribe. NotAllowed, where somebody has the queue for himself."""
        self.queue = queue
        self.who = who
        self.credit = 0
        self.shares: object | None = None
        self._settings = settings
        self._on_more = on_more
        self.leases = Leases(clock, timers, self._late)
        self._packer = Packer(queue.name)
        self._got: deque[list[Delivery]] = deque()  # each in ascending order, not handed out yet
        self._subscription: Subscription | None = None
        self._subscription = queue.subscribe(self, tag=tag)

    # Out

    def ask(self, wish: Wish) -> Taken | None:
        """Take what the queue deals at once; else be told."""
        return self.take(self, wish, self._settings().lock_ms)

    def take(self, holder: object, wish: Wish, lock_ms: int) -> Taken | None:
        """The same for one of several who share this place, for so long."""
        if not self._got:
            room = self._settings().locks_max - len(self.leases)
            self.credit = max(0, min(wish.records_max, room))
            if self.credit and self._subscription is not None:
                self._subscription.more()
                self.queue.pump()
        if not self._got:
            return None
        self.credit = 0
        return self._taken(self._got.popleft(), holder, lock_ms)

    def stop(self) -> None:
        """Nobody waits."""
        self.credit = 0

    def deliver(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """The queue has dealt: keep it until the member is answered."""
        self.credit = 0
        self._got.extend(ascending(deliveries))
        self._on_more()

    def _taken(self, deliveries: Sequence[Delivery], holder: object, lock_ms: int) -> Taken:
        offsets = [offset_of(one.position) for one in deliveries]
        self.leases.add(holder, offsets, lock_ms)
        batches = batches_of(deliveries, self._packer)
        times = [max(one.returns, int(one.redelivered)) + 1 for one in deliveries]
        acquired = runs_of(offsets, times)
        return Taken(batches, acquired, sum(map(len, batches)), len(deliveries))

    # Back

    def settle(self, answers: Sequence[Settled]) -> None:
        """Acknowledge, requeue or reject, as the member says."""
        said = [one for batch in answers for one in batch.each(len(self.leases))]
        self.leases.check(self, [offset for offset, _ in said])
        by_answer = by_answers(said)
        if renewed := by_answer.pop(Answer.RENEW, None):
            self.leases.renew(self, renewed, self._settings().lock_ms)
        for answer, offsets in by_answer.items():
            self.leases.end(offsets)
            self._tell(answer, [position_of(offset) for offset in offsets])

    def _tell(self, answer: int, positions: Sequence[int]) -> None:
        queue, subscription = self.queue, self._subscription
        if answer in (Answer.ACCEPT, Answer.GAP):
            queue.settle(subscription, positions)
        else:
            queue.reject(subscription, positions, requeue=answer == Answer.RELEASE)

    def finish(self, offsets: Sequence[int]) -> None:
        """Be done with these, whoever of this place has them."""
        self.leases.end(offsets)
        self._tell(Answer.ACCEPT, [position_of(offset) for offset in offsets])

    def put_back(self, offsets: Sequence[int] = ()) -> None:
        """Have these wait again, and what nobody has asked for: nobody has tried."""
        self.leases.end(offsets)
        kept = [one.position for part in self._got for one in part]
        self._got.clear()
        positions = [*map(position_of, offsets), *kept]
        if positions:
            self.queue.reject(self._subscription, positions, requeue=True, by_nack=True)

    def _late(self, offsets: Sequence[int]) -> None:
        """Its time is up: others get them."""
        self.queue.give_back(self._subscription, [position_of(offset) for offset in offsets])

    def close(self) -> None:
        """All that it has goes back."""
        self.credit = 0
        subscription = self._subscription
        if subscription is None:
            return
        self._subscription = None
        self._give_back_all(subscription)
        self.queue.unsubscribe(subscription)

    def _give_back_all(self, subscription: Subscription) -> None:
        kept = [one.position for part in self._got for one in part]
        positions = [position_of(offset) for offset in self.leases.all()]
        self._got.clear()
        self.leases.close()
        self.queue.give_back(subscription, [*positions, *kept])

    # What the queue tells

    def cancelled(self, subscription: Subscription) -> None:
        """The queue is gone, and what was in it."""
        self._subscription = None
        self._got.clear()
        self.leases.close()
        self._on_more()

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """It had something for longer than the queue allows."""
        self._give_back_all(subscription)

    @property
    def gone(self) -> bool:
        """Is the queue gone, or does the member have nothing to do with it any more?"""
        return self._subscription is None
