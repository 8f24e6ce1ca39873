"""Taker: takes from one queue what goes to an MQTT client."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from anymq.core.message import Message, Run
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.priorities import kept_at
from anymq.core.queues.queue import Queue
from anymq.core.queues.subscription import Subscription, unplaced
from anymq.core.taps import Origin
from anymq.protocols.mqtt.mailbox import QUEUE_PREFIX, SHARE_QUEUE_PREFIX, Terms
from anymq.protocols.mqtt.packing import stretches

if TYPE_CHECKING:
    from anymq.protocols.mqtt.outgoing import Outgoing

WITHOUT_LIMIT = 1 << 30  # where nothing is to be confirmed
NOWHERE = -1

FindTerms = Callable[[Message], Terms | None]


@dataclass(slots=True)
class Sent:
    """A message that the client has not confirmed."""

    taker: "Taker"
    position: int  # NOWHERE: in no queue
    qos: int
    recording: bool = False  # PUBREC came, and is on its way to the disk


class Taker:
    """One queue, and one client.

    A queue that ends with the connection is `fleeting`: what left it never comes back, so it is not
    told what arrived. Only we know then what is under way.
    """

    __slots__ = (
        "_awaits_disk",
        "_outgoing",
        "at_least_once",
        "confirms",
        "fleeting",
        "is_shared",
        "queue",
        "subscription",
        "terms",
        "waiting",
    )

    def __init__(
        self, outgoing: "Outgoing", queue: Queue, terms: FindTerms, *, is_shared: bool
    ) -> None:
        self.queue = queue
        self.is_shared = is_shared
        self.fleeting = not (queue.durable or is_shared)  # others go on with what is shared
        self.confirms = True  # does the client, anything?
        self.at_least_once = Sent(self, NOWHERE, 1)  # all of QoS 1 of a fleeting queue
        self.terms = terms
        self.waiting: list[Delivery] = []  # for their numbers, or for the disk
        self.subscription: Subscription | None = None
        self._outgoing = outgoing
        self._awaits_disk = False

    @property
    def by_position(self) -> bool:
        """Has a message the number of its place?"""
        return not (self.is_shared or self.fleeting)

    def begin(self, *, confirms: bool) -> None:
        """Take from now on."""
        self.confirms = confirms
        no_ack = self.fleeting or not confirms
        if self.subscription is not None and self.subscription.no_ack != no_ack:
            self.end()
        if self.subscription is None:
            self.subscription = self.queue.subscribe(self, tag="mqtt", no_ack=no_ack)

    def end(self) -> None:
        """Take nothing more, and give back what is unconfirmed: it comes again with its number."""
        subscription, self.subscription = self.subscription, None
        if subscription is None:
            return
        self.queue.unsubscribe(subscription)
        positions = [one.position for one in self.waiting]
        positions += self._outgoing.let_go(self)
        self.waiting.clear()
        if positions and not subscription.no_ack:
            self.queue.give_back(subscription, positions)

    # What the queue asks, and tells

    @property
    def credit(self) -> int:
        """How many messages it may get now."""
        outgoing = self._outgoing
        if not self.confirms:
            if not outgoing.has_room:
                return 0
            return 1 if outgoing.wire.outbox.scarce else WITHOUT_LIMIT
        return 0 if self.waiting else outgoing.credit

    @property
    def shares(self) -> object | None:
        """All queues of a client share its limit; most have one."""
        return self._outgoing if len(self._outgoing.takers) > 1 else None

    @property
    def who(self) -> Origin:
        """Whose it is."""
        return self._outgoing.wire.who

    def deliver(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Send these."""
        self.subscription = subscription  # it may come before `subscribe` has returned
        messages = [one.message for one in deliveries]
        for begin, end in stretches(messages):
            self._deliver(deliveries[begin:end], messages[begin:end])

    def _deliver(self, deliveries: Sequence[Delivery], messages: Sequence[Message]) -> None:
        """Send some that are alike."""
        if not self._outgoing.send_alike(self, deliveries, messages):
            self.settle([one.position for one in deliveries if self._outgoing.send(self, one)])

    def take_run(self, subscription: Subscription, run: Run) -> None:
        """Send a run that the queue need not know any more."""
        if not self._outgoing.send_run(self, run):
            self.deliver(subscription, unplaced(run))

    def cancelled(self, subscription: Subscription) -> None:
        """Somebody has deleted the queue."""
        self.subscription = None
        self.waiting.clear()
        self._outgoing.let_go(self)
        self._outgoing.on_lost(self)

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """Only quorum queues have that."""

    def settle(self, positions: Sequence[int]) -> None:
        """The client has these, or will never have them."""
        subscription = self.subscription
        if positions and subscription is not None and not subscription.no_ack:
            self.queue.settle(subscription, positions)

    @property
    def is_plain_queue(self) -> bool:
        """Is this one that others made? What is refused there is a dead letter."""
        return not self.queue.name.startswith((QUEUE_PREFIX, SHARE_QUEUE_PREFIX))

    def refuse(self, positions: Sequence[int]) -> None:
        """The client does not want these, or cannot take them."""
        if self.subscription is not None:
            self.queue.reject(self.subscription, positions, requeue=False)

    def more(self) -> None:
        """There may be credit again."""
        while self.waiting and self._may_go(self.waiting[0].position):
            one = self.waiting.pop(0)
            if self._outgoing.send(self, one, waited=True):
                self.settle([one.position])
        if self.subscription is not None and not self.waiting:
            self.subscription.more()

    def is_kept(self, position: int) -> bool:
        """Would a restart find this one here, or nothing of this queue?"""
        place = kept_at(self.queue.line, position)
        return place is None or place[1] < place[0].visible_end

    def wait(self, delivery: Delivery) -> None:
        """Send it later."""
        self.waiting.append(delivery)
        self._await_disk()

    def _may_go(self, position: int) -> bool:
        self._await_disk()
        is_free = self.is_shared or self._outgoing.is_free(position)
        return is_free and self.is_kept(position)

    def _await_disk(self) -> None:
        """Hear when the first that waits is on the disk."""
        position = self.waiting[0].position
        place = kept_at(self.queue.line, position)
        if place is not None and not self._awaits_disk and not self.is_kept(position):
            self._awaits_disk = True
            place[0].when_durable(place[1], partial(self._on_disk, position))

    def _on_disk(self, position: int, error: Exception | None) -> None:
        self._awaits_disk = False
        while error is not None and self.waiting and self.waiting[0].position <= position:
            self.settle([self.waiting.pop(0).position])  # it is lost, as its publisher knows
        self.more()
