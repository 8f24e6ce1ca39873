"""Dealer: messages of one queue to those who can take them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anymq.core.queues.dealing import share
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.patience import Patience
from anymq.core.queues.picking import Picking
from anymq.core.queues.returns import Returns
from anymq.core.queues.subscription import Subscription
from anymq.core.taps import Taps

if TYPE_CHECKING:
    from anymq.core.queues.queue import Queue

ROUNDS_MAX = 16  # of dealing in one turn; then others have theirs
DEAL_MAX = 8192  # messages in one round
DEAL_BYTES_MAX = 1 << 20


class Dealer:
    """Of one queue. `picking`: those who do not take everything; None: nobody ever chose."""

    __slots__ = ("_patience", "_queue", "_returns", "_taps", "picking")

    def __init__(
        self, queue: "Queue", returns: Returns | None, patience: Patience, taps: Taps
    ) -> None:
        self.picking: Picking | None = None
        self._queue = queue
        self._returns = returns
        self._patience = patience
        self._taps = taps

    def let_pick(self, subscription: Subscription) -> None:
        """This consumer chooses."""
        if self.picking is None:
            self.picking = Picking(self._queue)
        self.picking.add(subscription)

    def forget(self, subscription: Subscription) -> None:
        """It gets nothing any more."""
        if self.picking is not None:
            self.picking.remove(subscription)

    def deal(self) -> bool:
        """Give to consumers what they can take; say whether a round more would."""
        queue = self._queue
        line, consumers = queue.line, queue.consumers
        if not consumers:
            return False
        if self.picking:
            return self._deal_picked(self.picking)
        for _ in range(ROUNDS_MAX):
            ready = line.ready
            takers = consumers.takers(ready) if ready else ()
            if not takers or not self._deal_round(takers):
                return False
        return True

    def _deal_picked(self, picking: Picking) -> bool:
        """Those who choose come first among those of their priority; others get the rest."""
        queue = self._queue
        for _ in range(ROUNDS_MAX):
            takers = self._takers()
            more = picking.pick(takers[0][0].priority if takers else None)
            takers = self._takers()
            dealt = bool(takers) and self._deal_round(takers)
            if more or not dealt:
                return more and queue.line.ready > 0
        return True

    def _takers(self) -> Sequence[tuple[Subscription, int]]:
        ready = self._queue.line.ready
        return self._queue.consumers.takers(ready) if ready else ()

    def _deal_round(self, takers: Sequence[tuple[Subscription, int]]) -> bool:
        if len(takers) == 1:
            subscription, credit = takers[0]
            # What may have to go on as a dead letter is settled after a look at it.
            settled = subscription.no_ack and not self._queue.departures.may_expire
            if deliveries := self.taken(min(credit, DEAL_MAX), settled=settled):
                self._hand(subscription, deliveries, settled=settled)
                self._queue.consumers.served(subscription.priority, 1)
            return deliveries is not None
        credits = [credit for _, credit in takers]
        deliveries = self.taken(min(sum(credits), DEAL_MAX), settled=False)
        if deliveries:
            parts, following = share(deliveries, credits)
            # Those who could not all get one are at the front: the next is the one after them.
            self._queue.consumers.served(takers[0][0].priority, following or len(takers))
            for (subscription, _), part in zip(takers, parts, strict=True):
                if part:
                    self._hand(subscription, part, settled=False)
        return deliveries is not None

    def taken(self, count: int, *, settled: bool) -> list[Delivery] | None:
        """Take so many of those that are not too old; None when there are none to be had now."""
        deliveries = self._queue.line.take(count, DEAL_BYTES_MAX, settled=settled)
        return self._fit(deliveries) if deliveries else None

    def _fit(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Return those that are not too old, as consumers get them."""
        if self._queue.departures.may_expire:
            deliveries = self._queue.departures.without_expired(deliveries)
        if self._returns is not None:
            deliveries = self._returns.told(deliveries)
        return deliveries

    def _hand(
        self, subscription: Subscription, deliveries: list[Delivery], *, settled: bool
    ) -> None:
        self._queue.delivered += len(deliveries)
        if subscription.held is not None:
            self._patience.hold(subscription, deliveries)
        if (tap := self._taps.tap) is not None:
            who = subscription.consumer.who
            tap.delivered(self._queue.name, deliveries, who, no_ack=subscription.no_ack)
        subscription.hand(deliveries)
        if subscription.no_ack:
            self._queue.delivered_no_ack += len(deliveries)
        if subscription.no_ack and not settled:
            self._queue.forget([one.position for one in deliveries])

    def hand_picked(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Give these to who chose them, but for those that are too old."""
        deliveries = self._fit(deliveries)
        if deliveries:
            self._hand(subscription, deliveries, settled=False)
