"""Patience: how long a consumer may keep a message without answering."""

from anymq.core.alarm import Alarm
from anymq.core.queues.dealing import Consumers
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Subscription
from anymq.core.steady import Steady


class Patience:
    """With the consumers of one queue. Who has no time-out costs nothing."""

    __slots__ = ("_alarm", "_consumers", "_steady")

    def __init__(self, consumers: Consumers, steady: Steady) -> None:
        self._consumers = consumers
        self._steady = steady
        self._alarm: Alarm | None = None  # once somebody has a time-out

    def begin(self, subscription: Subscription, timeout_ms: int | None) -> None:
        """This consumer may keep a message for so long."""
        if timeout_ms and not subscription.no_ack:
            subscription.timeout_ms = timeout_ms
            subscription.held = {}
            if self._alarm is None:
                self._alarm = Alarm(self._steady, self._look)

    def hold(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """It has these from now on."""
        assert subscription.timeout_ms is not None
        assert self._alarm is not None
        now_ms = self._steady.now_ms()
        subscription.hold(deliveries, now_ms)
        self._alarm.by(now_ms + subscription.timeout_ms)

    def end(self) -> None:
        """The queue is gone."""
        if self._alarm is not None:
            self._alarm.cancel()

    def _look(self) -> None:
        """Tell those who had something for too long; wait for the next."""
        assert self._alarm is not None
        now_ms = self._steady.now_ms()
        for subscription in list(self._consumers):
            if subscription.timeout_ms is None or not subscription.held:
                continue
            due = next(iter(subscription.held.values())) + subscription.timeout_ms
            if due <= now_ms:
                subscription.consumer.timed_out(subscription, subscription.timeout_ms)
            else:
                self._alarm.by(due)
