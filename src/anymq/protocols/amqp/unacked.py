"""Unacked: what one channel delivered and waits to hear about, by delivery tag."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, repeat

from anymq.core.queues.subscription import Subscription
from anymq.core.vhosts.kinds import AnyQueue

NOTES_MAX = 512
LATEST = 1 << 62
UNACKED_MAX = 1_000_000  # of a channel: each takes about 250 bytes

Groups = dict["Taker", list[int]]  # positions by who took them


class UnknownTag(Exception):
    """Nobody waits for an answer about this one."""


class Taker:
    """Whoever messages of one queue are out with: a consumer, or all that `basic.get` got."""

    __slots__ = ("out", "queue", "subscription")

    def __init__(self, queue: AnyQueue, subscription: Subscription | None = None) -> None:
        self.queue = queue
        self.subscription = subscription
        self.out = 0  # unacknowledged

    def settle(self, positions: list[int]) -> None:
        """These are done."""
        self.returned(len(positions))
        self.queue.settle(self.subscription, positions)

    def reject(self, positions: list[int], *, requeue: bool, by_nack: bool) -> None:
        """These are not wanted: again later, or dead."""
        self.returned(len(positions))
        self.queue.reject(self.subscription, positions, requeue=requeue, by_nack=by_nack)

    def give_back(self, positions: list[int]) -> None:
        """Nobody will say what became of these."""
        self.returned(len(positions))
        self.queue.give_back(self.subscription, positions)

    def returned(self, count: int) -> None:
        """So many of them are answered."""
        self.out -= count


Entry = tuple[Taker, int, int]  # a message that is out: taker, position, tag


class Unacked:
    """What is out, by tag. Tags only grow; answers come in any order."""

    __slots__ = ("_low", "_out")

    def __init__(self) -> None:
        self._out: dict[int, Entry] = {}
        self._low = 1  # nothing below it is out

    def __len__(self) -> int:
        return len(self._out)

    def add(self, first: int, taker: Taker, positions: Sequence[int]) -> None:
        """Note messages that were delivered under `first` and the tags after it."""
        tags = range(first, first + len(positions))
        self._out.update(zip(tags, zip(repeat(taker), positions, tags)))  # noqa: B905 - endless
        taker.out += len(positions)

    def take(self, tags: Iterable[int], groups: Groups) -> None:
        """Take these into `groups`; UnknownTag at the first that is not out: those before it are.

        Every acknowledgement comes by here: benchmarks/micro/amqp_channel.py.
        """
        pop = self._out.pop
        taker: Taker | None = None
        add: Callable[[int], None] = _nowhere
        try:
            for tag in tags:
                entry = pop(tag)
                if entry[0] is not taker:
                    taker = entry[0]
                    add = groups.setdefault(taker, []).append
                add(entry[1])
        except KeyError as missing:
            raise UnknownTag(f"unknown delivery tag {missing.args[0]}") from None

    def remove(self, tag: int, *, multiple: bool) -> list[Entry]:
        """Take one; or with `multiple` all up to it, and all there are for tag 0."""
        if multiple and tag == 0:
            return self.remove_all()
        if tag not in self._out:
            raise UnknownTag(f"unknown delivery tag {tag}")
        if not multiple:
            return [self._out.pop(tag)]
        low, self._low = self._low, tag + 1
        pop = self._out.pop
        return [entry for each in range(low, tag + 1) if (entry := pop(each, None)) is not None]

    def remove_all(self) -> list[Entry]:
        """Take all, in the order of their tags."""
        entries = [self._out[tag] for tag in sorted(self._out)]
        if entries:
            self._low = entries[-1][2] + 1
        self._out.clear()
        return entries

    def oldest(self, most: int) -> "dict[Taker, int]":
        """Return the first tag of each taker that has any; only so many entries are looked at."""
        found: dict[Taker, int] = {}
        for tag, (taker, _, _) in islice(self._out.items(), most):
            if tag < found.get(taker, tag + 1):
                found[taker] = tag
        return found

    def put_back(self, entries: Iterable[Entry]) -> None:
        """Have these out again: a transaction was rolled back."""
        for entry in entries:
            self._out[entry[2]] = entry
            self._low = min(self._low, entry[2])


class Ages:
    """Since when tags are out, about: what the next tag was, whenever somebody noted the time.

    So a message costs nothing. When there are too many notes, every other one goes.
    """

    __slots__ = ("_notes",)

    def __init__(self) -> None:
        self._notes: list[tuple[int, int]] = []  # next tag, time; both only grow

    def note(self, next_tag: int, now_ms: int, *, any_out: bool) -> None:
        """The time is `now_ms`, and the next message gets this tag."""
        notes = self._notes
        if not any_out:
            notes.clear()
        elif not notes or notes[-1][0] != next_tag:
            notes.append((next_tag, now_ms))
            if len(notes) > NOTES_MAX:
                del notes[1::2]

    def since(self, tag: int) -> int | None:
        """Return when it was out already; None: it is newer than the last note."""
        place = bisect_right(self._notes, (tag, LATEST))
        return self._notes[place][1] if place < len(self._notes) else None


def _nowhere(position: int) -> None:
    """The first entry says where to."""


def grouped(entries: Iterable[Entry]) -> Groups:
    """Return positions by who took them, each in the order of the tags."""
    groups: Groups = {}
    for taker, position, _ in entries:
        groups.setdefault(taker, []).append(position)
    return groups
