"""Fresh: messages that nobody has had yet, as far as they are in memory.

Three stretches, in order of position, each of them may be empty:

    ahead: in memory, next to be taken · only in the log · new: in memory, pushed last

What is dropped from memory widens the stretch in the middle; reading ahead narrows it. When it is
empty, what is new is simply what is ahead.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter

from anymq.core.message import Message
from anymq.core.queues.memory import MESSAGE_BYTES
from anymq.core.queues.settled import Positions

Piece = tuple[Sequence[int], Sequence[Message]]

_SMALL = 8  # fewer messages than this are put together
_PIECE_MAX = 256
body_of = itemgetter(2)


class Fresh:
    """What is in memory of them. `held` is how many bytes that is.

    Pieces come at the end of one list, and go from the end of another, in which they are turned
    round: a deque would take 760 bytes, however empty.
    """

    __slots__ = (
        "_ahead",
        "_at",
        "_dropped_to",
        "_new",
        "_own",
        "_sifted",
        "end",
        "held",
        "new_from",
        "read_to",
    )

    def __init__(self, start: int, end: int) -> None:
        self.read_to = start  # "ahead" reaches to here
        self.new_from = end  # and "new" from here
        self.end = end  # to here
        self.held = 0
        self._ahead: list[Piece] = []  # the last first
        self._at = 0  # what of the first piece is gone
        self._new: list[Piece] = []
        self._own: tuple[list[int], list[Message]] | None = None  # the last piece, if it may grow
        self._dropped_to = 0  # below, pieces may hold what is settled,
        self._sifted = False  # but the first one does not

    @property
    def next(self) -> int:
        """The position of the first one; of the next that comes, when there is none."""
        if self._ahead:
            return self._ahead[-1][0][self._at]
        return self.read_to if self.read_to < self.new_from or not self._new else self._new[0][0][0]

    def push(self, messages: Sequence[Message], size: int) -> int:
        """Add these at the end; return the position of the first. Hot."""
        base = self.end
        count = len(messages)
        self.end = end = base + count
        self.held += size + MESSAGE_BYTES * count
        if count >= _SMALL:
            self._new.append((range(base, end), messages))
            self._own = None
            return base
        own = self._own
        if own is None or len(own[0]) > _PIECE_MAX:
            self._own = own = ([], [])
            self._new.append(own)
        own[0].extend(range(base, end))
        own[1].extend(messages)
        return base

    @property
    def unread(self) -> bool:
        """Is there something that is only in the log, and is now the next?"""
        return not self._ahead and self.read_to < self.new_from

    def add_read(self, positions: Sequence[int], messages: Sequence[Message], end: int) -> None:
        """These unsettled ones were read from the log, which goes on at `end`."""
        if positions:
            self._ahead.insert(0, (positions, messages))
            self.held += bytes_in(messages)
        self.read_to = end

    def head(self, settled: Positions) -> tuple[int, Message] | None:
        """Return the first one; None when there is none, or it must be read."""
        if not self._has_first(settled):
            return None
        positions, messages = self._ahead[-1]
        return positions[self._at], messages[self._at]

    def cut(
        self, count: int, bytes_max: int, settled: Positions, may_be_none: bool
    ) -> tuple[Piece, int] | None:
        """Take away the first ones, of one piece: at most `count` and `bytes_max`.

        At least one, unless there `may_be_none`. Return them, and how many bytes their bodies
        have; None when there are none, or they must be read. Hot.
        """
        if not self._has_first(settled):
            return None
        positions, messages = self._ahead[-1]
        at, there = self._at, len(messages)
        stop = min(at + count, there)
        if at or stop < there:
            positions, messages = positions[at:stop], messages[at:stop]
        size = sum(map(len, map(body_of, messages)))
        if size > bytes_max:
            sizes = list(accumulate(map(len, map(body_of, messages))))
            kept = max(bisect_right(sizes, bytes_max), 0 if may_be_none else 1)
            positions, messages = positions[:kept], messages[:kept]
            size = sizes[kept - 1] if kept else 0
            stop = at + kept
        self._gone_to(stop, there)
        self.held -= size + MESSAGE_BYTES * len(messages)
        return (positions, messages), size

    def in_memory(self, position: int = 0) -> Iterator[tuple[int, Message]]:
        """Yield what is in memory from `position` on; what was settled meanwhile may be there."""
        at = self._at
        for pieces in (reversed(self._ahead), self._new):
            for positions, messages in pieces:
                if positions[-1] >= position:
                    at = max(at, bisect_left(positions, position))
                    yield from zip(positions[at:], messages[at:], strict=True)
                at = 0

    def piece(self, position: int) -> tuple[list[tuple[int, Message]], int] | None:
        """Return some of it from `position` on, and where to go on; None: the log has it."""
        at, found = 0, None
        if self._ahead and position <= self._ahead[0][0][-1]:
            found = next(piece for piece in reversed(self._ahead) if piece[0][-1] >= position)
            at = self._at if found is self._ahead[-1] else 0
        elif max(position, self.read_to) < self.new_from:
            return None
        else:
            for piece in reversed(self._new):
                if piece[0][-1] < position:
                    break
                found = piece
        if found is None:
            return [], self.end
        positions, messages = found
        at = max(at, bisect_left(positions, position))
        stop = min(at + _PIECE_MAX, len(positions))
        return list(zip(positions[at:stop], messages[at:stop], strict=True)), positions[
            stop - 1
        ] + 1

    def drop(self, position: int) -> Message | None:
        """This one is settled: return it, if it is in memory. Cheap for the first one."""
        ahead = self._ahead
        if ahead and ahead[-1][0][self._at] == position:
            messages = ahead[-1][1]
            message = messages[self._at]
            self.held -= len(message.body) + MESSAGE_BYTES
            self._gone_to(self._at + 1, len(messages))
            return message
        self.settled_to(position + 1)
        found = next(self.in_memory(position), None)
        return found[1] if found is not None and found[0] == position else None

    def drop_from(self, first: int, end: int, settled: Positions) -> list[tuple[int, Message]]:
        """Those within first..end that are in memory and not settled will be; return them."""
        found = []
        for one in self.in_memory(first):
            if one[0] >= end:
                break
            if one[0] not in settled:
                found.append(one)
        self.settled_to(end)
        return found

    def settled_to(self, end: int) -> None:
        """Some of those before `end` are settled now."""
        self._dropped_to = max(self._dropped_to, end)
        self._sifted = False

    def clear(self) -> None:
        """All of it is settled."""
        self._ahead.clear()
        self._new.clear()
        self._own = None
        self._at = self.held = 0
        self.read_to = self.new_from = self.end

    def shed(self, visible_end: int, target: int) -> None:
        """Keep no more than `target` bytes, of what the log can give again: below `visible_end`.

        What will be taken first is kept longest.
        """
        new = self._new
        if gone := self._forget(new, len(new), target, visible_end):
            del new[:gone]
            self.new_from = new[0][0][0] if new else self.end
        if not new:
            self._own = None
        ahead = self._ahead
        if gone := self._forget(ahead, len(ahead) - 1, target, visible_end):
            self.read_to = ahead[gone - 1][0][0]
            del ahead[:gone]

    def _forget(self, pieces: Sequence[Piece], most: int, target: int, visible_end: int) -> int:
        """Count those that may go, from the beginning on, as gone; return how many these are."""
        gone = 0
        while gone < most and self.held > target and pieces[gone][0][-1] < visible_end:
            self.held -= bytes_in(pieces[gone][1])
            gone += 1
        return gone

    def _has_first(self, settled: Positions) -> bool:
        while True:
            if not self._ahead:
                if self.read_to < self.new_from or not self._new:
                    return False
                self._ahead, self._new = self._new, self._ahead
                self._ahead.reverse()
                self.read_to = self.new_from = self.end
                self._own, self._sifted = None, False
            if self._sifted or self._ahead[-1][0][self._at] >= self._dropped_to:
                return True
            self._sift(settled)

    def _sift(self, settled: Positions) -> None:
        """Take out of the first piece what is settled."""
        positions, messages = self._ahead.pop()
        at, self._at = self._at, 0
        stay = [i for i in range(at, len(positions)) if positions[i] not in settled]
        left = [messages[i] for i in stay]
        self.held -= bytes_in(messages[at:]) - bytes_in(left)
        if left:
            self._ahead.append(([positions[i] for i in stay], left))
            self._sifted = True

    def _gone_to(self, stop: int, there: int) -> None:
        if stop == there:
            self._ahead.pop()
            self._at = 0
            self._sifted = False
        else:
            self._at = stop


def bytes_in(messages: Sequence[Message]) -> int:
    """Return how much memory they take, about."""
    return sum(map(len, map(body_of, messages))) + MESSAGE_BYTES * len(messages)


def bytes_before(end: int, positions: Sequence[int], messages: Sequence[Message], size: int) -> int:
    """Return how many of these `size` bytes are of messages before `end`."""
    if positions[-1] < end:
        return size
    if positions[0] >= end:
        return 0
    return sum(len(m.body) for p, m in zip(positions, messages, strict=True) if p < end)
