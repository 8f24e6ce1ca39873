"""Index: which batch is where, for one in every few kilobytes; the rest is walked.

One row serves both questions: the offset leads to the place, and the newest timestamp *before* the
row tells where the first record of some time can be. 24 bytes for each 4 KiB (or batch).
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

from anymq.storage.small_files import Damaged

NO_TIMESTAMP = -1


class Extent(NamedTuple):
    """What an index file says of the segment it belongs to."""

    size: int
    end: int
    newest: int
    dense: bool  # no offset is missing between its batches


class Index:
    """Rows of (offset, position, newest timestamp before), in order."""

    __slots__ = ("_newest", "_offsets", "_positions")

    def __init__(self) -> None:
        self._offsets = array("q")
        self._positions = array("q")
        self._newest = array("q")

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, offset: int, position: int, newest_before: int) -> None:
        """Add the row of a batch."""
        self._offsets.append(offset)
        self._positions.append(position)
        self._newest.append(newest_before)

    def floor(self, offset: int) -> tuple[int, int]:
        """Return (offset, position) of the last row not above `offset`: start walking there."""
        row = bisect_right(self._offsets, offset) - 1
        return (self._offsets[row], self._positions[row]) if row >= 0 else (-1, 0)

    def before(self, timestamp: int) -> int:
        """Return the last position before which everything is older than `timestamp`."""
        row = bisect_left(self._newest, timestamp) - 1
        return self._positions[row] if row >= 0 else 0

    def below(self, position: int) -> tuple[int, int]:
        """Return (position, newest before) of the last row below `position`."""
        row = bisect_left(self._positions, position) - 1
        return (self._positions[row], self._newest[row]) if row >= 0 else (0, NO_TIMESTAMP)

    def cut(self, position: int) -> None:
        """Forget the rows from `position` on."""
        row = bisect_left(self._positions, position)
        del self._offsets[row:], self._positions[row:], self._newest[row:]

    def encode(self, extent: Extent) -> bytes:
        """Return the content of an index file. Only this machine's processes read it: native."""
        numbers = array("q", (*extent, len(self)))
        return b"".join(
            part.tobytes() for part in (numbers, self._offsets, self._positions, self._newest)
        )


def decode(content: bytes) -> tuple[Extent, Index]:
    """Read what `encode` made. Damaged when the counts do not fit (another machine's, say)."""
    numbers = array("q")
    if len(content) % 8 or len(content) < 40:
        raise Damaged("index")
    numbers.frombytes(content)
    size, end, newest, dense, rows = numbers[:5]
    if len(numbers) != 5 + 3 * rows:
        raise Damaged("index")
    index = Index()
    index._offsets = numbers[5 : 5 + rows]
    index._positions = numbers[5 + rows : 5 + 2 * rows]
    index._newest = numbers[5 + 2 * rows :]
    return Extent(size, end, newest, bool(dense)), index
