"""Confirms: which published messages are safe, told to the publisher in ranges.

Messages have numbers from 1. Runs of them are answered in any order: most of the time in the order
they came, and then one frame with `multiple` answers all that the disk finished together.
"""

from struct import Struct

from anymq.protocols.amqp.codec import END, METHOD
from anymq.protocols.amqp.methods import BasicAck, BasicNack

MULTIPLE = 1
REQUEUE = 2  # RabbitMQ sets it in its nacks: the default of that field
_ANSWER = Struct(">BHIIQBB")  # a frame with ack or nack: all there is to say


class Range:
    """Messages that were published together and are answered together."""

    __slots__ = ("last", "ok", "told")

    def __init__(self, last: int, ok: bool) -> None:
        self.last = last
        self.ok = ok
        self.told = False


class Confirms:
    """The numbers of one channel's messages, and what is known of each."""

    __slots__ = ("_answered", "_channel", "_low", "_news", "_next")

    def __init__(self, channel: int) -> None:
        self._channel = channel
        self._next = 1
        self._low = 1  # all below are answered and told
        self._answered: dict[int, Range] = {}  # by the first number of each, none below `low`
        self._news: list[int] = []  # those of them that are not told

    @property
    def waiting(self) -> int:
        """How many are not told yet, about: those told out of their turn are still counted."""
        return self._next - self._low

    def number(self, count: int) -> int:
        """Give numbers to the next `count` messages; return the first."""
        first = self._next
        self._next += count
        return first

    def answer(self, first: int, count: int, *, ok: bool) -> None:
        """Note that these are safe, or refused."""
        assert self._low <= first < self._next
        self._answered[first] = Range(first + count - 1, ok)
        self._news.append(first)

    def take(self) -> bytes:
        """Return the frames that tell what is not told yet."""
        if not self._news:
            return b""
        frames = self._in_turn()
        news, self._news = self._news, []
        for first in news:
            if (answered := self._answered.get(first)) is not None:
                frames += self._out_of_turn(first, answered)
        return b"".join(frames)

    def _out_of_turn(self, first: int, answered: Range) -> list[bytes]:
        """Tell each: an earlier one is not known yet, and `multiple` would tell that, too."""
        answered.told = True
        return [self._frame(answered.ok, each, 0) for each in range(first, answered.last + 1)]

    def _in_turn(self) -> list[bytes]:
        """Tell whatever is known without a gap: everything below is told, so ranges can say it."""
        frames = []
        first, ok = self._low, True  # of the range that grows
        while (answered := self._answered.pop(self._low, None)) is not None:
            if answered.told:
                frames += self._range(ok, first, self._low - 1)
                first = answered.last + 1
            elif answered.ok != ok:
                frames += self._range(ok, first, self._low - 1)
                first, ok = self._low, answered.ok
            self._low = answered.last + 1
        return frames + self._range(ok, first, self._low - 1)

    def _range(self, ok: bool, first: int, last: int) -> list[bytes]:
        if last < first:
            return []
        single = ok and last == first  # RabbitMQ says `multiple` with every nack in turn
        return [self._frame(ok, last, 0 if single else MULTIPLE)]

    def _frame(self, ok: bool, number: int, flags: int) -> bytes:
        if ok:
            key = BasicAck.KEY
        else:
            key, flags = BasicNack.KEY, flags | REQUEUE
        return _ANSWER.pack(METHOD, self._channel, 13, key, number, flags, END)
