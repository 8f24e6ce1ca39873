"""Picking: consumers that take only some of the messages, by a selector.

Each looks at each message once: `looked_to` is how far it came through those that nobody had, and
`again` are those that came back since. What it does not want stays where it is, for others.
"""

from collections.abc import Iterable
from functools import partial
from heapq import heapify, heappop, heappush, nsmallest
from typing import TYPE_CHECKING

from anymq.core.queues.delivery import Delivery
from anymq.core.queues.line import Line
from anymq.core.queues.priorities import Level, Levels, parts_of
from anymq.core.queues.stored import Stored
from anymq.core.queues.subscription import Subscription
from anymq.core.selectors.facts import Facts

if TYPE_CHECKING:
    from anymq.core.queues.queue import Queue

WORK_MAX = 5000  # for selectors, in one go; then others have theirs
PIECE_BYTES = 64 * 1024  # read in one go
AGAIN_MAX = 500  # remembered of what came back; the rest is looked for when these are done


class Place:
    """How far one consumer has looked through one line."""

    __slots__ = ("_again", "_missed_from", "looked_to")

    def __init__(self, line: Line) -> None:
        self.looked_to = 0
        self._again: list[int] = []  # a heap
        # From here on there may be some that came back and are not in `again`.
        self._missed_from: int | None = 0 if line.given_back else None

    def came_back(self, position: int) -> None:
        """Look at it, again."""
        if self._missed_from is not None and position >= self._missed_from:
            return
        heappush(self._again, position)
        if len(self._again) > 2 * AGAIN_MAX:
            self._again.sort()
            self._missed_from = self._again[AGAIN_MAX]
            del self._again[AGAIN_MAX:]

    def first_back(self, line: Line) -> int | None:
        """Return the first that came back and was not looked at since."""
        if not self._again and self._missed_from is not None:
            self._refill(line, self._missed_from)
        again, there = self._again, line.given_back
        while again and again[0] not in there:
            heappop(again)
        if not again and self._missed_from is not None:
            return self.first_back(line)  # a piece further on
        return again[0] if again else None

    def looked_at(self, position: int) -> None:
        """It has seen this one of those that came back."""
        while self._again and self._again[0] == position:
            heappop(self._again)

    def _refill(self, line: Line, start: int) -> None:
        self._again = nsmallest(AGAIN_MAX, (p for p in line.given_back if p >= start))
        heapify(self._again)
        self._missed_from = self._again[-1] + 1 if len(self._again) == AGAIN_MAX else None


class Picker:
    """One consumer, while messages are dealt."""

    __slots__ = ("credit", "got", "place", "selector", "subscription")

    def __init__(self, subscription: Subscription, credit: int, place: Place) -> None:
        assert subscription.selector is not None
        self.subscription = subscription
        self.selector = subscription.selector
        self.credit = credit
        self.place = place
        self.got: list[Stored] = []


class Picking:
    """All of them at one queue."""

    __slots__ = ("_budget", "_places", "_queue")

    def __init__(self, queue: "Queue") -> None:
        self._queue = queue
        self._places: dict[Subscription, dict[int, Place]] = {}  # by level
        self._budget = 0

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, subscription: Subscription) -> None:
        """It comes last in its round."""
        self._places[subscription] = {}
        self._listen(self._queue.line)

    def remove(self, subscription: Subscription) -> None:
        """It gets nothing any more."""
        if self._places.pop(subscription, None) is not None and not self._places:
            for part in parts_of(self._queue.line):
                _line_of(part).on_back = None

    def pick(self, priority: int | None) -> bool:
        """Give to those of this priority and above (None: all); say whether there is more to do."""
        queue = self._queue
        self._budget = WORK_MAX
        self._listen(queue.line)
        for part in parts_of(queue.line):
            pickers = self._pickers(part, priority)
            if not pickers or not self._pick_from(part, pickers):
                break
        return self._budget <= 0

    # Who

    def _pickers(self, part: Line | Level, priority: int | None) -> list[Picker]:
        """Return who can take some, the highest priority first; then who waits longest."""
        consumers = self._queue.consumers
        found = []
        for subscription, places in self._places.items():
            wanted = priority is None or subscription.priority >= priority
            if consumers.single_active and consumers.active is not subscription:
                continue
            if wanted and (credit := subscription.consumer.credit) > 0:
                found.append(Picker(subscription, credit, _place_in(places, part)))
        found.sort(key=lambda one: -one.subscription.priority)
        return found

    # What

    def _pick_from(self, part: Line | Level, pickers: list[Picker]) -> bool:
        """Look through one line; False: some of it cannot be read now, or it is enough."""
        line = _line_of(part)
        going_on = True
        while going_on and pickers and self._budget > 0:
            first = _first_back(line, pickers)
            if first is not None:
                going_on = self._offer_back(part, first, pickers)
            elif min(one.place.looked_to for one in pickers) < line.end:
                going_on = self._offer_fresh(part, pickers)
            else:
                return True
        return going_on and self._budget > 0

    def _offer_back(self, part: Line | Level, position: int, pickers: list[Picker]) -> bool:
        line = _line_of(part)
        message = line.returned(position)
        if message is None:
            return False
        asked = [one for one in pickers if one.place.first_back(line) == position]
        for one in asked:
            one.place.looked_at(position)
        if position | _tag_of(part) not in self._queue.departures.doomed:
            taker = self._offer((position, message), asked)
            if taker is not None:
                _next_round(pickers, taker, self._places)
                self._hand(part, [taker])
                _ask_again(pickers)
        return True

    def _offer_fresh(self, part: Line | Level, pickers: list[Picker]) -> bool:
        line, taking = _line_of(part), dict[Picker, None]()
        start = min(one.place.looked_to for one in pickers)
        piece = line.waiting(start, PIECE_BYTES)
        if piece is None:
            return False
        stored, end = piece
        for one in stored:
            position = one[0]
            if self._budget <= 0 or not pickers:
                end = position
                break
            asked = [picker for picker in pickers if picker.place.looked_to <= position]
            taker = self._offer(one, asked)
            if taker is None:
                continue
            taking[taker] = None
            _next_round(pickers, taker, self._places)
            if taker not in pickers:
                taker.place.looked_to = position + 1
            if taker.subscription.consumer.shares is not None:
                end = position + 1  # what others may take depends on what it got
                break
        for picker in pickers:
            picker.place.looked_to = max(picker.place.looked_to, end)
        self._hand(part, list(taking))
        if taking:
            _ask_again(pickers)
        return True

    def _offer(self, stored: Stored, asked: list[Picker]) -> Picker | None:
        """Ask one after another; return who takes it."""
        facts = Facts(stored[1])
        for picker in asked:
            self._budget -= picker.selector.cost(stored[1])
            if picker.selector.holds(facts):
                picker.got.append(stored)
                picker.credit -= 1
                return picker
        return None

    def _hand(self, part: Line | Level, takers: list[Picker]) -> None:
        """Take out of the line what they chose, and give it to them."""
        line, tag = _line_of(part), _tag_of(part)
        for picker in takers:
            seen = line.told(picker.got)
            line.claim(picker.got, delivered=True)
            picker.got = []
            deliveries = [Delivery(one[0] | tag, *one[1:4]) for one in seen]
            self._queue.dealer.hand_picked(picker.subscription, deliveries)

    # What comes back

    def _listen(self, line: Line | Levels) -> None:
        for part in parts_of(line):
            one = _line_of(part)
            if one.on_back is None:
                one.on_back = partial(self._came_back, _tag_of(part))

    def _came_back(self, tag: int, positions: Iterable[int]) -> None:
        for places in self._places.values():
            if (place := places.get(tag)) is not None:
                for position in positions:
                    place.came_back(position)


def _first_back(line: Line, pickers: list[Picker]) -> int | None:
    if not line.given_back:
        return None
    firsts = (one.place.first_back(line) for one in pickers)
    return min((first for first in firsts if first is not None), default=None)


def _next_round(
    pickers: list[Picker], taker: Picker, places: dict[Subscription, dict[int, Place]]
) -> None:
    """Who got something comes last of its priority; who can take no more is out."""
    pickers.remove(taker)
    subscription = taker.subscription
    places[subscription] = places.pop(subscription)
    if taker.credit > 0:
        pickers.append(taker)
        pickers.sort(key=lambda one: -one.subscription.priority)


def _ask_again(pickers: list[Picker]) -> None:
    """How much each can take now: bodies are large, and some share a limit with others."""
    for picker in list(pickers):
        picker.credit = picker.subscription.consumer.credit
        if picker.credit <= 0:
            pickers.remove(picker)


def _place_in(places: dict[int, Place], part: Line | Level) -> Place:
    tag = _tag_of(part)
    if tag not in places:
        places[tag] = Place(_line_of(part))
    return places[tag]


def _line_of(part: Line | Level) -> Line:
    return part.line if isinstance(part, Level) else part


def _tag_of(part: Line | Level) -> int:
    return part.tag if isinstance(part, Level) else 0
