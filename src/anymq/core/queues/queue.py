"""Queue: messages go in, each goes to one consumer, and is gone when that one says so.

Calls only change what is; what follows from it happens in `pump`, at the end of the turn: deal,
expire, drop what is too much. Positions name messages (see `priorities`).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from anymq.core.alarm import Alarm
from anymq.core.errors import Locked, NotAllowed
from anymq.core.joined import Joined
from anymq.core.message import Run
from anymq.core.queues import deadletters
from anymq.core.queues.arguments import QUORUM, check_consumer, selector_of
from anymq.core.queues.dealer import DEAL_BYTES_MAX, Dealer
from anymq.core.queues.dealing import Consumers
from anymq.core.queues.dedup import Window
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.departures import Departures
from anymq.core.queues.house import House
from anymq.core.queues.keeping import Keeping
from anymq.core.queues.limits import QueueFull, overflows
from anymq.core.queues.line import Line
from anymq.core.queues.patience import Patience
from anymq.core.queues.priorities import (
    Level,
    Levels,
    level_of,
    parts_of,
    seen_as_one,
    split,
)
from anymq.core.queues.queue_settings import settings_of
from anymq.core.queues.resting import Resting, by_count
from anymq.core.queues.returns import Returns
from anymq.core.queues.subscription import Consumer, Subscription
from anymq.core.queues.unwritten import Then
from anymq.core.taps import ACKNOWLEDGED, BROKER, REJECTED, REQUEUED, Origin

Take = Callable[[Delivery | None], None]


class Queue:
    """One queue. `owner`: who has it for himself; told apart by identity."""

    # There are very many: what only some need is made when they do.
    __slots__ = (
        "__weakref__",
        "_asking",
        "_busy",
        "_drops",
        "_end",
        "_entry",
        "_house",
        "_keeping",
        "_patience",
        "_plain",
        "_resting",
        "_returns",
        "_steady",
        "_taps",
        "_turn",
        "_window",
        "acknowledged",
        "arguments",
        "auto_delete",
        "closed",
        "consumers",
        "dealer",
        "delivered",
        "delivered_no_ack",
        "departures",
        "durable",
        "got",
        "got_no_ack",
        "got_nothing",
        "kind",
        "line",
        "name",
        "owner",
        "policy",
        "published",
        "returned",
        "scheduled",
        "settings",
        "vhost_name",
    )

    def __init__(
        self,
        name: str,
        vhost_name: str,
        house: House,
        *,
        kind: str,
        durable: bool,
        lines: Mapping[int, Line],
        owner: object | None = None,
        auto_delete: bool = False,
        arguments: Mapping[str, Any] | None = None,
        policy: Mapping[str, Any] | None = None,
    ) -> None:
        """Make it of these lines, by their levels: at least that of the default one."""
        self.name = name
        self.vhost_name = vhost_name
        self.kind = kind
        self.durable = durable
        self.owner = owner
        self.auto_delete = auto_delete
        self.scheduled = self.closed = False
        self.published = self.acknowledged = self.returned = 0
        self.delivered = 0  # by consumers and gets, with and without acknowledgements
        self.delivered_no_ack = 0  # of those: to consumers that need not acknowledge
        self.got = self.got_no_ack = self.got_nothing = 0  # by gets
        self._house = house
        self._turn = house.turn
        self._taps = house.taps
        self._steady = house.steady
        self._busy = False
        self._asking: list[tuple[Take, bool, Origin]] = []  # gets that wait for the disk
        self._window: Window | None = None
        self._returns = Returns() if kind == QUORUM else None
        self._keeping: Keeping | None = None  # of levels that came later
        self._resting: Resting | None = None  # what came back, and waits
        self._end: Alarm | None = None
        for line in lines.values():
            line.on_ready = self.wake
        self.line = seen_as_one(settings_of(kind, {}).default_level, lines)
        self.consumers = Consumers(takes_over=kind == QUORUM)
        self.departures = Departures(self, house)
        self._patience = Patience(self.consumers, house.steady)
        self.dealer = Dealer(self, self._returns, self._patience, self._taps)
        self.configure(arguments or {}, policy)

    # What there is

    @property
    def ready(self) -> int:
        """How many messages wait, when what came in this turn has been dealt, dropped, expired.

        Who publishes and then asks in one breath is to hear what RabbitMQ would say.
        """
        if self.scheduled and not self._busy:
            self.pump()
        return self.waiting

    @property
    def waiting(self) -> int:
        """How many messages wait just now."""
        return self.line.ready - len(self.departures.doomed)

    @property
    def ready_bytes(self) -> int:
        """How large those are."""
        return self.line.ready_bytes

    @property
    def unacked(self) -> int:
        """How many are out with somebody."""
        leaving = self.departures
        resting = 0 if self._resting is None else self._resting.size
        elsewhere = leaving.in_flight + len(leaving.postponed) + resting
        return self.line.taken - elsewhere

    @property
    def consumer_count(self) -> int:
        """How many consumers it has."""
        return len(self.consumers)

    @property
    def log_ids(self) -> list[int]:
        """Where it is on the disk."""
        parts = parts_of(self.line)
        return [(part.line if isinstance(part, Level) else part).log.id for part in parts]

    @property
    def singles(self) -> bool:
        """May it refuse single messages? Then it is to get runs of one."""
        return self.settings.rejects

    @property
    def of(self) -> str:
        """How errors call it."""
        return f"queue '{self.name}' in vhost '{self.vhost_name}'"

    def is_active(self, subscription: Subscription) -> bool:
        """Does this one get messages?"""
        consumers = self.consumers
        return not consumers.single_active or consumers.active is subscription

    # In

    def push(self, run: Run, then: Then | None) -> None:
        """Take a run; `then` is called when it is as safe as promised."""
        wanted = run if self._entry is None else self._entry.meeting(run)
        if self.closed or wanted is None:
            _answer(then, None)
            return
        run = wanted
        departures = self.departures
        if not departures.may_expire:
            for traits in run.traits:
                if traits.expiration_ms is not None:
                    departures.may_expire = True
        self.published += len(run.messages)
        if departures.may_expire:
            departures.came()
        elif self._plain and not self.line.ready and self._hand_on(run):
            _answer(then, None)
            return
        if not self.scheduled:
            self._turn.add(self)
        if self._plain:
            self.line.push(run, then)
        else:
            self._push_checked(run, then)

    def push_again(self, run: Run, then: Then | None) -> None:
        """As `push`, for what was in a queue before: it is no duplicate of itself."""
        window, self._window = self._window, None
        try:
            self.push(run, then)
        finally:
            self._window = window

    def _hand_on(self, run: Run) -> bool:
        """Give a run to the only consumer there is, if it need not even acknowledge it.

        Nothing waits, so nothing is overtaken; what is delivered and settled in one need not be in
        the line. Measured by `./dev bench amqp --only "T, 1,000 queues"`.
        """
        taker = self.consumers.lone
        messages = run.messages
        if taker is None or not taker.no_ack or taker.held is not None or self._asking:
            return False
        if self._taps.tap is not None:
            return False
        if run.size > DEAL_BYTES_MAX or taker.consumer.credit < len(messages):
            return False
        self.delivered += len(messages)
        self.delivered_no_ack += len(messages)
        taker.hand_on(run)
        return True

    def _push_checked(self, run: Run, then: Then | None) -> None:
        if self._window is not None:
            new = self._window.new_of(run, self._steady.now_ms())
            then = self._window.answer(run, new, then)
            if not new:
                then(None)
                return
            if len(new) < len(run.messages):
                run = Run(new, persistent=run.persistent)
        if self.settings.rejects and self._is_full_for(run):
            self._refuse(run, then)
        else:
            self._push_by_level(run, then)

    def _push_by_level(self, run: Run, then: Then | None) -> None:
        levels, default = self.settings.levels, self.settings.default_level
        used = {level_of(traits.priority, levels, default) for traits in run.traits}
        if used == {default} and isinstance(self.line, Line):
            self.line.push(run, then)
            return
        runs = (
            dict.fromkeys(used, run)
            if len(used) == 1
            else split(run, lambda m: level_of(m.traits.priority, levels, default))
        )
        joined = Joined(then, len(runs)) if then is not None else None
        for level, part in runs.items():
            lines = self._levels_with(level)
            keeping = self._keeping
            lines.push_at(level, part, joined if keeping is None else keeping.answer(level, joined))

    def _is_full_for(self, run: Run) -> bool:
        if not self._is_too_much(len(run.messages), run.size):
            return False
        self.pump()  # what came before in this turn would have been dealt at once
        return self._is_too_much(len(run.messages), run.size)

    def _is_too_much(self, count: int, size: int) -> bool:
        return overflows(self.settings, self.waiting + count, self.ready_bytes + size)

    def _refuse(self, run: Run, then: Then | None) -> None:
        buried = [self.departures.refused(message) for message in run.messages]
        _answer(then, QueueFull(f"{self.of} is full", buried=any(buried)))

    # Consumers

    def subscribe(
        self,
        consumer: Consumer,
        *,
        tag: str,
        no_ack: bool = False,
        exclusive: bool = False,
        priority: int = 0,
        arguments: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """Give messages to this consumer, from the end of this turn on.

        Of its arguments, `x-priority` (before `priority`), `x-consumer-timeout` and `x-selector`
        count: with the last it only gets messages that meet it.
        """
        arguments = arguments or {}
        check_consumer(self.of, self.kind, arguments)
        consumers = self.consumers
        exclusive = exclusive and self.kind != QUORUM  # which RabbitMQ's do not care for
        alone = exclusive and (len(consumers) > 0 or consumers.single_active)
        if consumers.exclusive or alone:
            raise NotAllowed(f"{self.of} in exclusive use")
        subscription = Subscription(
            self,
            consumer,
            tag=tag,
            no_ack=no_ack,
            exclusive=exclusive,
            priority=int(arguments.get("x-priority", priority)),
            arguments=arguments,
            selector=selector_of(self.of, arguments),
        )
        timeout_ms = arguments.get("x-consumer-timeout", self.settings.consumer_timeout_ms)
        self._patience.begin(subscription, timeout_ms)
        consumers.add(subscription)
        if subscription.selector is not None:
            self.dealer.let_pick(subscription)
        self.touch()
        self.wake()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Give it no more. What it has it keeps."""
        if subscription.gone:
            return
        subscription.gone = True
        self.consumers.remove(subscription)
        self.dealer.forget(subscription)
        self.wake()
        if not self.consumers and not self.closed:
            self.touch()
            if self.auto_delete:
                self._house.discard(self)

    def resume(self, subscription: Subscription) -> None:
        """It has credit again."""
        self.consumers.unpark(subscription)
        if self.line.ready:
            self._turn.add(self)

    def get(self, take: Take, *, no_ack: bool, who: Origin = BROKER) -> None:
        """Hand the next message to `take`, None if there is none; later if it must be read."""
        if self.consumers.single_active and self.kind == QUORUM:
            raise Locked(
                f"cannot obtain exclusive access to locked {self.of}. basic.get operations "
                "are not supported by quorum queues with single active consumer"
            )
        self.touch()
        self.pump()  # consumers that were here before come first
        self._turn.add(self)
        self._asking.append((take, no_ack, who))
        self._answer_gets()

    def browse(self, position: int, count: int) -> list[Delivery]:
        """Return messages that wait, from `position` on, without taking them."""
        doomed = self.departures.doomed
        return [one for one in self.line.read(position, count) if one.position not in doomed]

    # Back

    def settle(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """These are done."""
        if self._let_go(subscription, positions):
            self.acknowledged += len(positions)
            self._tell(positions, ACKNOWLEDGED)
            self.forget(positions)

    def forget(self, positions: Sequence[int]) -> None:
        """These are settled, for whatever reason."""
        self.line.settle(positions)
        if self._returns is not None:
            self._returns.forget(positions)

    def reject(
        self,
        subscription: Subscription | None,
        positions: Sequence[int],
        *,
        requeue: bool,
        by_nack: bool = False,
    ) -> None:
        """These were refused: they go back to their places, or to the dead letters.

        `by_nack`: it is not held against a message of a quorum queue, as RabbitMQ's nack is not.
        """
        if not self._let_go(subscription, positions):
            return
        if requeue:
            self._back(positions, failed=not by_nack)
        else:
            self._tell(positions, REJECTED)
            self.departures.end(positions, deadletters.REJECTED)

    def give_back(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """Who had these is gone: they go back to their places."""
        if self._let_go(subscription, positions):
            self._back(positions, failed=True)

    def purge(self) -> int:
        """Drop all that waits; return how many there were."""
        self.pump()
        self.departures.doomed.clear()
        self.wake()
        resting = self._resting.clear() if self._resting is not None else ()
        self.line.settle(resting)
        count = len(resting) + self.line.purge()
        if self._returns is not None:
            self._returns.keep(self.line.is_out)
        return count

    # Its life

    def configure(
        self, arguments: Mapping[str, Any], policy: Mapping[str, Any] | None = None
    ) -> None:
        """Be as these say from now on; what waits is treated by it too."""
        self.arguments = dict(arguments)
        self.policy = dict(policy or {})
        self.settings = settings = settings_of(self.kind, self.arguments, self.policy)
        window_ms = settings.deduplication_window_ms
        self._entry = selector_of(self.of, self.arguments)
        self._plain = (
            settings.levels == 1
            and not settings.rejects
            and window_ms is None
            and self._entry is None
        )
        self._drops = settings.bounded and not settings.rejects
        if settings.message_ttl_ms is not None:
            self.departures.may_expire = True
        self.consumers.single_active = settings.single_active
        self.consumers.elect()
        if window_ms is None or self._window is None:
            self._window = Window(window_ms) if window_ms is not None else None
        else:
            self._window.window_ms = window_ms
        self.touch()
        self.wake()

    def touch(self) -> None:
        """It was used: its time (x-expires) begins anew."""
        expires_ms = self.settings.expires_ms
        if expires_ms is not None and not self.consumers:
            self._end = self._end or Alarm(self._steady, self._unused)
            self._end.at(self._steady.now_ms() + expires_ms)
        elif self._end is not None:
            self._end.cancel()

    def close(self) -> None:
        """It is deleted: tell its consumers, and do nothing any more."""
        self.closed = True
        self._house.totals.add(self)
        self.departures.close()
        self._patience.end()
        if self._resting is not None:
            self._resting.clear()
        if self._end is not None:
            self._end.cancel()
        for subscription in list(self.consumers):
            subscription.gone = True
            self.consumers.remove(subscription)
            subscription.consumer.cancelled(subscription)
        while self._asking:
            self._asking.pop(0)[0](None)

    def wake(self) -> None:
        """Look at it again at the end of the turn."""
        self._turn.add(self)

    def pump(self) -> bool:
        """Do what follows from what happened; say whether there is more to do at once."""
        if self.closed or self._busy:
            return False
        self._busy = True
        try:
            return self._do_what_follows()
        finally:
            self._busy = False

    def _do_what_follows(self) -> bool:
        departures = self.departures
        if departures.doomed or departures.postponed:
            departures.bury()
        if self._resting is not None and self._resting.size:
            for positions, failed in self._resting.rested(self._steady.now_ms()):
                self.line.give_back(positions, count=failed)
        if self._asking:
            self._answer_gets()
        again = self.dealer.deal()
        if departures.may_expire:
            again = departures.expire() or again
        if self._drops:
            again = departures.drop_surplus() or again
        return again

    def flush(self) -> None:
        """Hand to the disk what must go there."""
        if not self.closed:
            self.line.flush()

    # Gets

    def _answer_gets(self) -> None:
        while self._asking:
            take, no_ack, who = self._asking[0]
            deliveries = self.dealer.taken(1, settled=False)
            if not deliveries and self.line.ready:
                if deliveries is None:
                    return  # it is being read
                continue  # that one was too old
            self._asking.pop(0)
            if deliveries and (tap := self._taps.tap) is not None:
                tap.delivered(self.name, deliveries, who, no_ack=no_ack)
            self._note_get(len(deliveries or ()), no_ack=no_ack)
            take(deliveries[0] if deliveries else None)
            if no_ack and deliveries:
                self.forget([deliveries[0].position])

    def _note_get(self, count: int, *, no_ack: bool) -> None:
        self.delivered += count
        if not count:
            self.got_nothing += 1
        elif no_ack:
            self.got_no_ack += count
        else:
            self.got += count

    # Coming back

    def _let_go(self, subscription: Subscription | None, positions: Sequence[int]) -> bool:
        if subscription is not None:
            subscription.let_go(positions)
            if self.consumers.active is subscription and not subscription.unacked:
                self.consumers.elect()
                self.wake()
        if self.closed or not positions:
            return False
        if not self.scheduled:
            self._turn.add(self)
        return True

    def _back(self, positions: Sequence[int], *, failed: bool) -> None:
        self.returned += len(positions)
        self._tell(positions, REQUEUED)
        if self._returns is None:
            self.line.give_back(positions, count=False)
            return
        over = self._returns.note(positions, failed, self.settings.delivery_limit)
        if over:
            gone = set(over)
            positions = [position for position in positions if position not in gone]
            self.departures.end(over, deadletters.DELIVERY_LIMIT)
        retry = self.settings.delayed_retry
        if retry is None or not (retry.failed if failed else retry.returned):
            self.line.give_back(positions, count=failed)
            return
        now_ms = self._steady.now_ms()
        counts = self._returns.failures(positions)
        self._resting = self._resting or Resting(Alarm(self._steady, self.wake))
        for times, some in by_count(positions, counts).items():
            self._resting.add(some, now_ms + retry.rest_ms(times), failed=failed)

    def _tell(self, positions: Sequence[int], what: str) -> None:
        """Tell who listens what became of these."""
        if (tap := self._taps.tap) is not None:
            tap.settled(self.name, positions, what)

    def _unused(self) -> None:
        if not self.consumers and not self.closed:
            self._house.discard(self)

    def _levels_with(self, level: int) -> Levels:
        if isinstance(self.line, Line):
            default = self.settings.default_level
            self.line = Levels(default, {default: self.line})
        if level not in self.line:
            line = self._house.new_line(self, level)
            line.on_ready = self.wake
            self.line.add(level, line)
            if self.durable:
                self._keeping = self._keeping or Keeping(partial(self._house.keep_levels, self))
                self._keeping.begun(level)
        return self.line


def _answer(then: Then | None, error: Exception | None) -> None:
    if then is not None:
        then(error)
