"""Queue: messages go in, each goes to one consumer, and is gone when that one says so.

Calls only change what is; what follows from it happens in `pump`, at the end of the turn: deal,
expire, drop what is too much. Positions name messages (see `priorities`).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anymq.core.errors import Locked, NotAllowed
from anymq.core.message import Run
from anymq.core.queues import deadletters
from anymq.core.queues.arguments import QUORUM, check_consumer
from anymq.core.queues.deadletters import DeadLetters
from anymq.core.queues.dealing import Consumers, share
from anymq.core.queues.dedup import Window
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.expiry import Alarm, due_ms
from anymq.core.queues.house import House
from anymq.core.queues.limits import QueueFull, overflows
from anymq.core.queues.line import Line, Then
from anymq.core.queues.priorities import (
    IN_LINE,
    LEVEL_SHIFT,
    Joined,
    Level,
    Levels,
    level_of,
    split,
)
from anymq.core.queues.queue_settings import settings_of
from anymq.core.queues.returns import Returns
from anymq.core.queues.subscription import Consumer, Subscription

ROUNDS_MAX = 16  # of dealing in one turn; then others have theirs
DEAL_MAX = 8192  # messages in one round
DEAL_BYTES_MAX = 1 << 20
EXPIRE_MAX = 1000  # messages that go in one turn, for being too old or too many
LETTERS_MAX = 10_000  # dead letters on their way, before older ones are safe

Take = Callable[[Delivery | None], None]


class Queue:
    """One queue. `owner`: who has it for himself; told apart by identity."""

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
        self.scheduled = False
        self.closed = False
        self.consumers = Consumers(takes_over=kind == QUORUM)
        self.acknowledged = 0
        self.delivered = 0
        self.returned = 0
        self.dropped = 0
        self._house = house
        self._turn = house.turn
        self._steady = house.steady
        self.letters = DeadLetters(name, house.steady, house.republish, self._letters_safe)
        self._returns = Returns() if kind == QUORUM else None
        self._doomed: dict[int, str] = {}  # to die, of these reasons, as soon as they are read
        self._asking: deque[tuple[Take, bool]] = deque()  # gets that wait for the disk
        self._fresh: dict[int, int] = {}  # what came in this turn, from where on, by level
        self._dealing = False
        self._expiry = Alarm(house.steady, self.wake)
        self._end = Alarm(house.steady, self._expired)
        self._patience = Alarm(house.steady, self._look_at_timeouts)
        self._window: Window | None = None
        self._line = self._seen_as_one(lines)
        # Messages of before a restart may have an expiration of their own.
        self._expires = self._line.ready > 0
        self.configure(arguments or {}, policy)

    # What there is

    @property
    def ready(self) -> int:
        """How many messages wait."""
        return self._line.ready - len(self._doomed)

    @property
    def ready_bytes(self) -> int:
        """How large those are."""
        return self._line.ready_bytes

    @property
    def unacked(self) -> int:
        """How many are out with somebody."""
        return self._line.taken - self.letters.in_flight

    @property
    def consumer_count(self) -> int:
        """How many consumers it has."""
        return len(self.consumers)

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
        """Take a run; `then` is called when it is as safe as promised. Benchmark: queue_push."""
        if not self.scheduled:
            if self._expires:
                self._fresh = self._ends()
            self._turn.add(self)
        if not self._expires:
            for traits in run.traits:
                if traits.expiration_ms is not None:
                    self._expires = True
                    self._fresh = self._ends()
        if self._plain:
            self._line.push(run, then)
        else:
            self._push_checked(run, then)

    def _push_checked(self, run: Run, then: Then | None) -> None:
        if self._window is not None:
            new = self._window.new_of(run, self._steady.now_ms())
            if not new:
                _answer(then, None)
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
        if used == {default} and isinstance(self._line, Line):
            self._line.push(run, then)
            return
        runs = (
            dict.fromkeys(used, run)
            if len(used) == 1
            else split(run, lambda m: level_of(m.traits.priority, levels, default))
        )
        joined = Joined(then, len(runs)) if then is not None else None
        for level, part in runs.items():
            self._levels_with(level).push_at(level, part, joined)

    def _is_full_for(self, run: Run) -> bool:
        if not self._is_too_much(len(run.messages), run.size):
            return False
        # Consumers that wait make room: those before in this turn would have been dealt at once.
        self._deal()
        return self._is_too_much(len(run.messages), run.size)

    def _is_too_much(self, count: int, size: int) -> bool:
        return overflows(self.settings, self.ready + count, self.ready_bytes + size)

    def _refuse(self, run: Run, then: Then | None) -> None:
        settings = self.settings
        if self._window is not None:
            self._window.lost(run)
        if settings.overflow == "reject-publish-dlx" and settings.dead_letter_exchange is not None:
            for message in run.messages:
                self.letters.send_refused(message, settings)
        self.dropped += len(run.messages)
        _answer(then, QueueFull(f"{self.of} is full"))

    # Consumers

    def subscribe(
        self,
        consumer: Consumer,
        *,
        tag: str,
        no_ack: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> Subscription:
        """Give messages to this consumer, from the end of this turn on.

        Of its arguments, `x-priority` and `x-consumer-timeout` count.
        """
        arguments = arguments or {}
        check_consumer(self.of, self.kind, arguments)
        consumers = self.consumers
        alone = exclusive and (len(consumers) > 0 or consumers.single_active)
        if consumers.exclusive or alone:
            raise NotAllowed(f"{self.of} in exclusive use")
        subscription = Subscription(
            self,
            consumer,
            tag=tag,
            no_ack=no_ack,
            exclusive=exclusive,
            priority=int(arguments.get("x-priority") or 0),
            arguments=arguments,
        )
        self._set_patience(subscription)
        consumers.add(subscription)
        self._end.cancel()
        self.wake()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Give it no more. What it has it keeps."""
        if subscription.gone:
            return
        subscription.gone = True
        self.consumers.remove(subscription)
        self.wake()
        if not self.consumers and not self.closed:
            self.touch()
            if self.auto_delete:
                self._house.discard(self)

    def resume(self, subscription: Subscription) -> None:
        """It has credit again."""
        self.consumers.unpark(subscription)
        if self._line.ready:
            self._turn.add(self)

    def get(self, take: Take, *, no_ack: bool) -> None:
        """Hand the next message to `take`, None if there is none; later if it must be read."""
        if self.consumers.single_active and self.kind == QUORUM:
            raise Locked(
                f"cannot obtain exclusive access to locked {self.of}. basic.get operations "
                "are not supported by quorum queues with single active consumer"
            )
        self.touch()
        self._asking.append((take, no_ack))
        self._bury()
        self._answer_gets()
        self._turn.add(self)

    def browse(self, position: int, count: int) -> list[Delivery]:
        """Return messages that wait, from `position` on, without taking them."""
        return [one for one in self._line.read(position, count) if one.position not in self._doomed]

    # Back

    def settle(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """These are done."""
        if self._let_go(subscription, positions):
            self.acknowledged += len(positions)
            self._line.settle(positions)
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
        elif self.settings.dead_letter_exchange is not None:
            self._doom(positions, deadletters.REJECTED)
        else:
            self.dropped += len(positions)
            self._line.settle(positions)

    def give_back(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """Who had these is gone: they go back to their places."""
        if self._let_go(subscription, positions):
            self._back(positions, failed=True)

    def purge(self) -> int:
        """Drop all that waits; return how many there were."""
        self._bury()
        self._doomed.clear()
        self.wake()
        return self._line.purge()

    # Its life

    def configure(
        self, arguments: Mapping[str, Any], policy: Mapping[str, Any] | None = None
    ) -> None:
        """Be as these say from now on; what waits is treated by it too."""
        self.arguments = dict(arguments)
        self.policy = dict(policy or {})
        self.settings = settings = settings_of(self.kind, self.arguments, self.policy)
        self._plain = settings.levels == 1 and not settings.rejects
        self._plain = self._plain and settings.deduplication_window_ms is None
        self._expires = self._expires or settings.message_ttl_ms is not None
        self.consumers.single_active = settings.single_active
        self.consumers.elect()
        window_ms = settings.deduplication_window_ms
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
            self._end.at(self._steady.now_ms() + expires_ms)
        else:
            self._end.cancel()

    def close(self) -> None:
        """It is deleted: tell its consumers, and do nothing any more."""
        self.closed = True
        self.letters.open = False
        for alarm in (self._expiry, self._end, self._patience):
            alarm.cancel()
        for subscription in list(self.consumers):
            subscription.gone = True
            self.consumers.remove(subscription)
            subscription.consumer.cancelled(subscription)
        while self._asking:
            self._asking.popleft()[0](None)

    def wake(self) -> None:
        """Look at it again at the end of the turn."""
        self._turn.add(self)

    def pump(self) -> bool:
        """Do what follows from what happened; say whether there is more to do at once."""
        if self.closed:
            return False
        if self._doomed:
            self._bury()
        if self._asking:
            self._answer_gets()
        again = self._deal()
        if self._expires:
            again = self._expire() or again
        if self.settings.bounded and not self.settings.rejects:
            again = self._drop_surplus() or again
        self._fresh = {}
        return again

    def flush(self) -> None:
        """Hand to the disk what must go there."""
        if not self.closed:
            self._line.flush()

    # Dealing

    def _deal(self) -> bool:
        """Give to consumers what they can take; say whether a round more would."""
        line, consumers = self._line, self.consumers
        if self._dealing or not consumers:
            return False
        self._dealing = True
        try:
            for _ in range(ROUNDS_MAX):
                ready = line.ready
                takers = consumers.takers(ready) if ready else ()
                if not takers or not self._deal_round(takers):
                    return False
        finally:
            self._dealing = False
        return True

    def _deal_round(self, takers: Sequence[tuple[Subscription, int]]) -> bool:
        if len(takers) == 1:
            subscription, credit = takers[0]
            if deliveries := self._taken(min(credit, DEAL_MAX), subscription.no_ack):
                self._hand(subscription, deliveries)
                self.consumers.served(subscription.priority, 1)
            return deliveries is not None
        credits = [credit for _, credit in takers]
        deliveries = self._taken(min(sum(credits), DEAL_MAX), no_ack=False)
        if deliveries:
            parts, following = share(deliveries, credits)
            self.consumers.served(takers[0][0].priority, following)
            for (subscription, _), part in zip(takers, parts, strict=True):
                self._hand_if_credit(subscription, part)
        return deliveries is not None

    def _taken(self, count: int, no_ack: bool) -> list[Delivery] | None:
        """Take so many of those that are not too old; None when there are none to be had now."""
        deliveries = self._line.take(count, DEAL_BYTES_MAX, settled=no_ack and not self._expires)
        if not deliveries:
            return None
        if self._expires:
            deliveries = self._without_expired(deliveries)
        if self._returns is not None:
            deliveries = self._returns.told(deliveries)
        return deliveries

    def _hand_if_credit(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        """Hand over what it still can take: its credit may be shared with one before it."""
        credit = subscription.consumer.credit if deliveries else 0
        if credit < len(deliveries):
            excess = [one.position for one in deliveries[credit:]]
            self._line.give_back(excess, count=False)
            deliveries = deliveries[:credit]
        if deliveries:
            self._hand(subscription, deliveries, settled=False)

    def _hand(
        self, subscription: Subscription, deliveries: list[Delivery], *, settled: bool = True
    ) -> None:
        self.delivered += len(deliveries)
        if subscription.held is not None:
            self._hold(subscription, deliveries)
        subscription.hand(deliveries)
        if subscription.no_ack and (not settled or self._expires):
            self._line.settle([one.position for one in deliveries])

    def _answer_gets(self) -> None:
        while self._asking:
            take, no_ack = self._asking[0]
            deliveries = self._taken(1, no_ack)
            if not deliveries and self._line.ready:
                if deliveries is None:
                    return  # it is being read
                continue  # that one was too old
            self._asking.popleft()
            if deliveries and no_ack and self._expires:
                self._line.settle([deliveries[0].position])
            self.delivered += len(deliveries or ())
            take(deliveries[0] if deliveries else None)

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
        if self._returns is None:
            self._line.give_back(positions, count=False)
            return
        over = self._returns.note(positions, failed, self.settings.delivery_limit)
        if over:
            gone = set(over)
            positions = [position for position in positions if position not in gone]
            self._end_of(over, deadletters.DELIVERY_LIMIT)
        self._line.give_back(positions, count=failed)

    def _end_of(self, positions: Sequence[int], reason: str) -> None:
        if self.settings.dead_letter_exchange is not None:
            self._doom(positions, reason)
        else:
            self.dropped += len(positions)
            self._line.settle(positions)

    # Dying

    def _doom(self, positions: Sequence[int], reason: str) -> None:
        """Have these, which are taken, die; their line may have to read them again."""
        self._line.give_back(positions, count=False)
        self._doomed.update(dict.fromkeys(positions, reason))
        self.wake()

    def _bury(self) -> None:
        """Send on those that are to die, as far as they can be had."""
        while self._doomed:
            first = next(iter(self._doomed))
            part = self._line.part_of(first) if isinstance(self._line, Levels) else self._line
            if not self._bury_of(part):
                return

    def _bury_of(self, part: Line | Level) -> bool:
        """They are at their places, and others that came back may be before them."""
        dead: list[Delivery] = []
        others: list[int] = []
        while not dead and (got := part.take(len(self._doomed), DEAL_BYTES_MAX)):
            dead = [one for one in got if one.position in self._doomed]
            others += [one.position for one in got if one.position not in self._doomed]
        part.give_back(others, count=False)
        by_reason: dict[str, list[Delivery]] = {}
        for one in dead:
            by_reason.setdefault(self._doomed.pop(one.position), []).append(one)
        for reason, deliveries in by_reason.items():
            self._die(deliveries, reason)
        return bool(dead)

    def _die(self, deliveries: list[Delivery], reason: str) -> None:
        """These, which are taken, leave the queue."""
        self.dropped += len(deliveries)
        if self.settings.dead_letter_exchange is not None:
            self.letters.send(deliveries, reason, self.settings)
        else:
            self._settle_quietly([one.position for one in deliveries])

    def _settle_quietly(self, positions: list[int]) -> None:
        self._line.settle(positions)
        if self._returns is not None:
            self._returns.forget(positions)

    def _letters_safe(self, positions: list[int]) -> None:
        self._settle_quietly(positions)
        self.wake()

    def _without_expired(self, deliveries: list[Delivery]) -> list[Delivery]:
        now_ms = self._steady.now_ms()
        expired = [one for one in deliveries if self._is_expired(one, now_ms)]
        if not expired:
            return deliveries
        self._die(expired, deadletters.EXPIRED)
        gone = {one.position for one in expired}
        return [one for one in deliveries if one.position not in gone]

    def _is_expired(self, delivery: Delivery, now_ms: int) -> bool:
        """What came in this turn is dealt even if it may not wait at all (a TTL of 0)."""
        due = due_ms(delivery.message, self.settings.message_ttl_ms)
        if due is None or due > now_ms:
            return False
        fresh = self._fresh.get(delivery.position >> LEVEL_SHIFT)
        return fresh is None or delivery.position & IN_LINE < fresh

    def _expire(self) -> bool:
        """Drop what is too old at the head of each level; then wait for the next."""
        if not self._line.ready and self.settings.message_ttl_ms is None:
            self._expires = False
            return False
        now_ms, next_ms, again = self._steady.now_ms(), None, False
        for part in self._parts():
            due = self._expire_head(part, now_ms)
            if due is not None and due <= now_ms:
                again = True
            elif due is not None:
                next_ms = due if next_ms is None else min(due, next_ms)
        if next_ms is not None:
            self._expiry.at(next_ms)
        return again and self.letters.in_flight < LETTERS_MAX

    def _expire_head(self, part: Line | Level, now_ms: int) -> int | None:
        """Return when the head is due that was left; None: there is none, or it never is."""
        dead: list[Delivery] = []
        due = None
        while (head := part.peek()) is not None:
            due = due_ms(head.message, self.settings.message_ttl_ms)
            if due is None or due > now_ms or len(dead) >= EXPIRE_MAX:
                break
            if self.letters.in_flight + len(dead) >= LETTERS_MAX:
                break
            dead += part.take(1, 1)
        if dead:
            self._die(dead, deadletters.EXPIRED)
        return due if head is not None else None

    def _drop_surplus(self) -> bool:
        dropped = 0
        while self._is_too_much(0, 0):
            if dropped >= EXPIRE_MAX:
                return True
            settings = self.settings
            over = 0 if settings.max_length is None else self.ready - settings.max_length
            got = self._line.take(max(1, min(over, EXPIRE_MAX)), DEAL_BYTES_MAX)
            if not got:
                break
            dropped += len(got)
            self._die(got, deadletters.MAXLEN)
        return False

    # Time

    def _expired(self) -> None:
        if not self.consumers and not self.closed:
            self._house.discard(self)

    def _set_patience(self, subscription: Subscription) -> None:
        asked = subscription.arguments.get("x-consumer-timeout", self.settings.consumer_timeout_ms)
        if asked and not subscription.no_ack:
            subscription.timeout_ms = int(asked)
            subscription.held = {}

    def _hold(self, subscription: Subscription, deliveries: list[Delivery]) -> None:
        now_ms = self._steady.now_ms()
        subscription.hold(deliveries, now_ms)
        self._look_at_timeouts()

    def _look_at_timeouts(self) -> None:
        """Tell those who had something for too long; wait for the next."""
        now_ms, next_ms = self._steady.now_ms(), None
        for subscription in list(self.consumers):
            if subscription.timeout_ms is None or not subscription.held:
                continue
            due = next(iter(subscription.held.values())) + subscription.timeout_ms
            if due <= now_ms:
                subscription.consumer.timed_out(subscription, subscription.timeout_ms)
            else:
                next_ms = due if next_ms is None else min(due, next_ms)
        if next_ms is not None:
            self._patience.at(next_ms)

    # Lines

    def _seen_as_one(self, lines: Mapping[int, Line]) -> Line | Levels:
        for line in lines.values():
            line.on_ready = self.wake
        default = settings_of(self.kind, {}).default_level
        if set(lines) == {default}:
            return lines[default]
        return Levels(default, lines)

    def _levels_with(self, level: int) -> Levels:
        if isinstance(self._line, Line):
            default = self.settings.default_level
            self._line = Levels(default, {default: self._line})
        if level not in self._line:
            line = self._house.new_line(self, level)
            line.on_ready = self.wake
            self._line.add(level, line)
        return self._line

    def _parts(self) -> Sequence[Line | Level]:
        return self._line.parts if isinstance(self._line, Levels) else (self._line,)

    def _ends(self) -> dict[int, int]:
        if isinstance(self._line, Levels):
            return {part.tag >> LEVEL_SHIFT: part.line.end for part in self._line.parts}
        return {0: self._line.end}


def _answer(then: Then | None, error: Exception | None) -> None:
    if then is not None:
        then(error)
