"""Departures: messages that leave a queue without anybody having acknowledged them.

They are too old, too many, were rejected or came back too often. With a dead-letter exchange they
go on, and are settled here when they are safe there; without, they are gone.
"""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from anymq.core.alarm import Alarm
from anymq.core.message import Message
from anymq.core.queues.deadletters import EXPIRED, MAXLEN, DeadLetters
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.expiry import due_ms
from anymq.core.queues.house import House
from anymq.core.queues.limits import overflows
from anymq.core.queues.line import Line
from anymq.core.queues.priorities import IN_LINE, LEVEL_SHIFT, Level, Levels, ends_of, parts_of

if TYPE_CHECKING:
    from anymq.core.queues.queue import Queue

REFUSED = "refused"  # it was never in the queue, which was full
TAKE_BYTES_MAX = 1 << 20
AT_ONCE_MAX = 1000  # in one turn; then other queues have theirs
IN_FLIGHT_MAX = 10_000  # dead letters on their way: others wait until these are safe


class Departures:
    """Of one queue. Most have none: what only those need is made for them."""

    __slots__ = (
        "_alarm",
        "_fresh",
        "_house",
        "_letters",
        "_queue",
        "_steady",
        "_taps",
        "_totals",
        "doomed",
        "may_expire",
        "postponed",
    )

    def __init__(self, queue: "Queue", house: House) -> None:
        self._queue = queue
        self._house = house
        self._steady = house.steady
        self._totals = house.totals
        self._taps = house.taps
        self._alarm: Alarm | None = None
        self._fresh: dict[int, int] | None = None  # what came in this turn, from where on
        self.doomed: dict[int, str] = {}  # to die, of these reasons, as soon as they are read
        self.postponed: dict[int, str] = {}  # taken, to die as soon as fewer are on their way
        self._letters: DeadLetters | None = None
        # Messages of before a restart may have an expiration of their own.
        self.may_expire = queue.line.ready > 0

    @property
    def letters(self) -> DeadLetters:
        """What goes on to an exchange."""
        if self._letters is None:
            house = self._house
            self._letters = DeadLetters(
                self._queue.name, house.steady, house.republish, self._safe, house.taps
            )
        return self._letters

    @property
    def in_flight(self) -> int:
        """How many dead letters are on their way."""
        return 0 if self._letters is None else self._letters.in_flight

    def close(self) -> None:
        """The queue is gone."""
        if self._letters is not None:
            self._letters.open = False
        if self._alarm is not None:
            self._alarm.cancel()

    # Too old

    def came(self) -> None:
        """Before the first message of a turn: what comes now may go at once."""
        if self._fresh is None:
            self._fresh = ends_of(self._queue.line)

    def without_expired(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Return those that are not too old; the others, which are taken, leave."""
        now_ms = self._steady.now_ms()
        expired = [one for one in deliveries if self._is_expired(one, now_ms)]
        if not expired:
            return deliveries
        self.leave(expired, EXPIRED)
        gone = {one.position for one in expired}
        return [one for one in deliveries if one.position not in gone]

    def _is_expired(self, delivery: Delivery, now_ms: int) -> bool:
        """What came in this turn is dealt even if it may not wait at all (a TTL of 0)."""
        due = due_ms(delivery.message, self._queue.settings.message_ttl_ms)
        if due is None or due > now_ms:
            return False
        if self._fresh is None:
            return True
        fresh_from = self._fresh.get(delivery.position >> LEVEL_SHIFT, 0)
        return delivery.position & IN_LINE < fresh_from

    def expire(self) -> bool:
        """Drop what is too old at the head of each level; say whether there is more of it."""
        self._fresh = None
        queue = self._queue
        line = queue.line
        if not (line.ready or line.taken) and queue.settings.message_ttl_ms is None:
            self.may_expire = False  # what is out may come back, and expire then
            return False
        now_ms = self._steady.now_ms()
        heads = [self._expire_head(part, now_ms) for part in parts_of(queue.line)]
        next_ms = min((due for due in heads if due is not None), default=None)
        if next_ms is None:
            return False
        if next_ms > now_ms:
            if self._alarm is None:
                self._alarm = Alarm(self._steady, queue.wake)
            self._alarm.at(next_ms)
        return next_ms <= now_ms and self.in_flight < IN_FLIGHT_MAX

    def _expire_head(self, part: Line | Level, now_ms: int) -> int | None:
        """Return when the head is due that was left; None: there is none, or it never is."""
        ttl_ms = self._queue.settings.message_ttl_ms
        room = min(AT_ONCE_MAX, IN_FLIGHT_MAX - self.in_flight)
        dead: list[Delivery] = []
        due = None
        while (head := part.peek()) is not None:
            due = due_ms(head.message, ttl_ms)
            if due is None or due > now_ms or len(dead) >= room:
                break
            dead += part.take(1, 1)
        self.leave(dead, EXPIRED)
        return None if head is None else due

    # Too many

    def drop_surplus(self) -> bool:
        """Drop the oldest until the rest is within the limits; say whether there is more."""
        queue, settings = self._queue, self._queue.settings
        dropped = 0
        while overflows(settings, queue.waiting, queue.ready_bytes):
            if self.in_flight >= IN_FLIGHT_MAX:
                break  # it goes on when these are safe
            if dropped >= AT_ONCE_MAX:
                return True
            over = 0 if settings.max_length is None else queue.waiting - settings.max_length
            got = queue.line.take(max(1, min(over, AT_ONCE_MAX)), TAKE_BYTES_MAX)
            if not got:
                break
            dropped += len(got)
            self.leave(got, MAXLEN)
        return False

    def refused(self, message: Message) -> bool:
        """It was never in the queue, which was full. Is it a dead letter all the same?"""
        settings = self._queue.settings
        self._totals.departed[REFUSED] += 1
        if settings.overflow != "reject-publish-dlx" or settings.dead_letter_exchange is None:
            return False
        self._totals.dead_lettered += 1
        self.letters.send_refused(message, settings)
        return True

    # Not wanted

    def end(self, positions: Sequence[int], reason: str) -> None:
        """These, which are taken, are to leave; to be sent on they may have to be read again."""
        if self._queue.settings.dead_letter_exchange is None:
            self._totals.departed[reason] += len(positions)
            self._queue.forget(positions)
            return
        room = max(IN_FLIGHT_MAX - self.in_flight - len(self.doomed), 0)
        self._doom(dict.fromkeys(positions[:room], reason))
        self.postponed.update(dict.fromkeys(positions[room:], reason))

    def _doom(self, reasons: dict[int, str]) -> None:
        self._queue.line.give_back(list(reasons), count=False)
        self.doomed.update(reasons)

    def bury(self) -> None:
        """Send on those that are to leave, as far as they can be had."""
        room = IN_FLIGHT_MAX - self.in_flight - len(self.doomed)
        if self.postponed and room > 0:
            next_ones = dict(islice(self.postponed.items(), room))
            for position in next_ones:
                del self.postponed[position]
            self._doom(next_ones)
        line = self._queue.line
        while self.doomed:
            first = next(iter(self.doomed))
            if not self._bury_of(line.part_of(first) if isinstance(line, Levels) else line):
                return

    def _bury_of(self, part: Line | Level) -> bool:
        """They are at their places, and others that came back may be before them."""
        doomed = self.doomed
        dead: list[Delivery] = []
        others: list[int] = []
        while not dead and (got := part.take(len(doomed), TAKE_BYTES_MAX)):
            dead = [one for one in got if one.position in doomed]
            others += [one.position for one in got if one.position not in doomed]
        if others:
            part.give_back(others, count=False)
        by_reason: dict[str, list[Delivery]] = {}
        for one in dead:
            by_reason.setdefault(doomed.pop(one.position), []).append(one)
        for reason, deliveries in by_reason.items():
            self.leave(deliveries, reason)
        return bool(dead)

    # All of them

    def leave(self, deliveries: list[Delivery], reason: str) -> None:
        """These, which are taken, leave."""
        if not deliveries:
            return
        self._totals.departed[reason] += len(deliveries)
        if self._queue.settings.dead_letter_exchange is not None:
            self._totals.dead_lettered += len(deliveries)
            self.letters.send(deliveries, reason, self._queue.settings)
        else:
            if (tap := self._taps.tap) is not None:
                tap.dropped(self._queue.name, deliveries, reason)
            self._queue.forget([one.position for one in deliveries])

    def _safe(self, positions: list[int]) -> None:
        self._queue.forget(positions)
        self._queue.wake()
