"""Due: positions by the time when they are due; 16 bytes each, so a million may wait.

Sorted, in pieces of some thousand: adding one moves a few kilobytes. Measured
(benchmarks/micro/delays.py): 20 bytes each, with what the arrays leave free.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

PIECE = 2000

Entry = tuple[int, int]  # due (milliseconds since 1970), position


class Due:
    """Entries in order: the one that is due first comes first, of two the earlier position."""

    __slots__ = ("_dues", "_lasts", "_positions", "_size")

    def __init__(self) -> None:
        self._dues: list[array[int]] = []
        self._positions: list[array[int]] = []
        self._lasts: list[Entry] = []  # of each piece
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Entry]:
        for dues, positions in zip(self._dues, self._positions, strict=True):
            yield from zip(dues, positions, strict=True)

    def first(self) -> Entry | None:
        """Return the one that is due first."""
        return (self._dues[0][0], self._positions[0][0]) if self._size else None

    def add(self, due: int, position: int) -> None:
        """Add an entry."""
        if not self._size:
            self._dues, self._positions = [array("q")], [array("q")]
            self._lasts = [(due, position)]
        lasts = self._lasts
        if (due, position) > lasts[-1]:  # mostly: those of one level
            piece = len(lasts) - 1
            at = len(self._dues[piece])
        else:
            piece = bisect_left(lasts, (due, position))
            at = self._place(piece, due, position)
        dues, positions = self._dues[piece], self._positions[piece]
        dues.insert(at, due)
        positions.insert(at, position)
        self._lasts[piece] = (dues[-1], positions[-1])
        self._size += 1
        if len(dues) > PIECE:
            self._split(piece)

    def remove(self, due: int, position: int) -> bool:
        """Take an entry away; False when it is not there."""
        found = self._find(due, position)
        if found is None:
            return False
        piece, at = found
        del self._dues[piece][at], self._positions[piece][at]
        self._size -= 1
        if self._dues[piece]:
            self._lasts[piece] = (self._dues[piece][-1], self._positions[piece][-1])
        else:
            del self._dues[piece], self._positions[piece], self._lasts[piece]
        return True

    def take(self, now: int, end: int, count: int) -> list[Entry]:
        """Take away those that are due: the first ones, as far as all positions are below `end`."""
        taken: list[Entry] = []
        while self._size and len(taken) < count:
            dues, positions = self._dues[0], self._positions[0]
            stop = bisect_right(dues, now, 0, min(len(dues), count - len(taken)))
            stop = next((at for at in range(stop) if positions[at] >= end), stop)
            taken += zip(dues[:stop], positions[:stop], strict=True)
            self._size -= stop
            if stop < len(dues):
                del dues[:stop], positions[:stop]
                break
            del self._dues[0], self._positions[0], self._lasts[0]
        return taken

    def holds(self, due: int, position: int) -> bool:
        """Is it there?"""
        return self._find(due, position) is not None

    def _find(self, due: int, position: int) -> tuple[int, int] | None:
        piece = bisect_left(self._lasts, (due, position))
        if piece == len(self._lasts):
            return None
        at = self._place(piece, due, position)
        if (self._dues[piece][at], self._positions[piece][at]) != (due, position):
            return None
        return piece, at

    def after(self, entry: Entry) -> Iterator[Entry]:
        """Yield what comes after this one, whether it is there or not."""
        piece = bisect_right(self._lasts, entry)
        if piece == len(self._lasts):
            return
        at = self._place(piece, entry[0], entry[1] + 1)
        for dues, positions in zip(self._dues[piece:], self._positions[piece:], strict=True):
            yield from zip(dues[at:], positions[at:], strict=True)
            at = 0

    def encode(self) -> bytes:
        """Return all of it. Only this machine's processes read it: native."""
        return b"".join(one.tobytes() for one in [*self._dues, *self._positions])

    @classmethod
    def decode(cls, data: bytes) -> "Due":
        """Read what `encode` made. ValueError when it cannot be."""
        numbers = array("q")
        numbers.frombytes(data)
        count = len(numbers) // 2
        if len(numbers) % 2:
            raise ValueError("one number is missing")
        due = cls()
        for at in range(0, count, PIECE):
            end = min(at + PIECE, count)
            due._dues.append(numbers[at:end])
            due._positions.append(numbers[count + at : count + end])
            due._lasts.append((numbers[end - 1], numbers[count + end - 1]))
        due._size = count
        return due

    def _place(self, piece: int, due: int, position: int) -> int:
        dues = self._dues[piece]
        first = bisect_left(dues, due)
        if first == len(dues) or dues[first] != due:
            return first
        last = bisect_right(dues, due, first)
        return bisect_left(self._positions[piece], position, first, last)

    def _split(self, piece: int) -> None:
        # What comes last is mostly followed by more of it: then leave the piece full.
        dues, positions = self._dues[piece], self._positions[piece]
        middle = PIECE if piece == len(self._dues) - 1 else len(dues) // 2
        self._dues[piece : piece + 1] = [dues[:middle], dues[middle:]]
        self._positions[piece : piece + 1] = [positions[:middle], positions[middle:]]
        self._lasts.insert(piece, (dues[middle - 1], positions[middle - 1]))
