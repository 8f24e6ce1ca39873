"""Subscription: one consumer at one queue. Consumer: who that is; channels implement it."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

from anymq.core.message import Run
from anymq.core.queues.delivery import Delivery
from anymq.core.selectors.selector import Selector
from anymq.core.taps import Origin

if TYPE_CHECKING:
    from anymq.core.queues.queue import Queue


class Consumer(Protocol):
    """Who gets messages. One for each subscription, or one that tells them apart by its tag."""

    @property
    def credit(self) -> int:
        """How many it may get now; 0: wait. When there is credit again: `subscription.more()`."""

    @property
    def shares(self) -> object | None:
        """Whose limit it shares with other consumers (a channel's prefetch); None: it has its own.

        What is dealt at once may exceed a shared limit, so those get their messages one by one.
        """

    @property
    def who(self) -> Origin:
        """Whose it is, for whoever listens to what happens."""

    def deliver(self, subscription: "Subscription", deliveries: list[Delivery]) -> None:
        """Take these: no more than there was credit."""

    def cancelled(self, subscription: "Subscription") -> None:
        """There will be no more: the queue is gone."""

    def timed_out(self, subscription: "Subscription", after_ms: int) -> None:
        """It had something for longer than it may. Its channel is to be closed."""


@runtime_checkable
class TakesRuns(Protocol):
    """A consumer that rather has a run than its messages, where it acknowledges nothing."""

    def take_run(self, subscription: "Subscription", run: Run) -> None:
        """Take it: there was credit for all of it."""


class Subscription:
    """One consumer at one queue. `unacked` is how many it has, of this queue."""

    __slots__ = (
        "__weakref__",
        "arguments",
        "consumer",
        "delivered",
        "exclusive",
        "gone",
        "held",
        "no_ack",
        "parked",
        "priority",
        "queue",
        "selector",
        "tag",
        "takes_runs",
        "timeout_ms",
        "unacked",
    )

    def __init__(
        self,
        queue: "Queue",
        consumer: Consumer,
        *,
        tag: str,
        no_ack: bool,
        exclusive: bool,
        priority: int,
        arguments: Mapping[str, Any],
        selector: Selector | None = None,
    ) -> None:
        self.queue = queue
        self.selector = selector  # what it takes; None: everything
        self.consumer = consumer
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.priority = priority
        self.arguments = arguments
        self.takes_runs = consumer if isinstance(consumer, TakesRuns) else None
        self.unacked = 0
        self.delivered = 0
        self.parked = False  # without credit: nobody asks again until it says `more`
        self.gone = False
        self.timeout_ms: int | None = None
        self.held: dict[int, int] | None = None  # position → since when; only with a time-out

    @property
    def active(self) -> bool:
        """Does it get messages (others wait where only a single one does)?"""
        return self.queue.is_active(self)

    def more(self) -> None:
        """There is credit again."""
        self.queue.resume(self)

    def hand(self, deliveries: list[Delivery]) -> None:
        """Give it these."""
        count = len(deliveries)
        self.delivered += count
        if not self.no_ack:
            self.unacked += count
        self.consumer.deliver(self, deliveries)

    def hand_on(self, run: Run) -> None:
        """Give it these, which are in no queue: it acknowledges nothing."""
        if self.takes_runs is not None:
            self.delivered += len(run.messages)
            self.takes_runs.take_run(self, run)
        else:
            self.hand(unplaced(run))

    def hold(self, deliveries: Sequence[Delivery], now_ms: int) -> None:
        """Remember since when it has these."""
        if self.held is not None:
            self.held.update((delivery.position, now_ms) for delivery in deliveries)

    def let_go(self, positions: Sequence[int]) -> None:
        """It has these no longer."""
        self.unacked -= len(positions)
        if self.held is not None:
            for position in positions:
                self.held.pop(position, None)


def unplaced(run: Run) -> list[Delivery]:
    """Return the messages of a run as deliveries of no place."""
    places = repeat(0), run.messages, repeat(0), repeat(False)
    made = map(tuple.__new__, repeat(Delivery), zip(*places))  # noqa: B905
    return cast("list[Delivery]", list(made))
