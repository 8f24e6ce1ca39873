"""Epochs: which leader's records begin where. Replication truncates by it; clients ask for it."""

from bisect import bisect_left, bisect_right
from operator import itemgetter

from anymq.storage.small_files import Damaged

_OFFSET = itemgetter(1)
_EPOCH = itemgetter(0)


class Epochs:
    """(epoch, first offset) pairs, both rising. No file: everything is of epoch 0."""

    __slots__ = ("_entries", "changed")

    def __init__(self, entries: list[tuple[int, int]] | None = None) -> None:
        self._entries = entries or [(0, 0)]
        self.changed = False

    @property
    def last(self) -> int:
        """The epoch of the newest record."""
        return self._entries[-1][0]

    def note(self, epoch: int, offset: int) -> None:
        """Records from `offset` on are of this epoch."""
        if epoch > self.last:
            self._entries = [*self._below(offset), (epoch, offset)]
            self.changed = True

    def cut(self, end: int) -> None:
        """Forget what begins at or after `end`; the log was cut there."""
        kept = self._below(end) or [(0, 0)]
        if kept != self._entries:
            self._entries = kept
            self.changed = True

    def _below(self, offset: int) -> list[tuple[int, int]]:
        return self._entries[: bisect_left(self._entries, offset, key=_OFFSET)]

    def at(self, offset: int) -> int:
        """Return the epoch of the record at `offset`."""
        entries = self._entries  # replaced as a whole, and repairs ask from another thread
        return entries[max(bisect_right(entries, offset, key=_OFFSET) - 1, 0)][0]

    def end_of(self, epoch: int, log_end: int) -> tuple[int, int]:
        """Return (largest epoch not above `epoch`, where it ends); (-1, -1) when there is none."""
        after = bisect_right(self._entries, epoch, key=_EPOCH)
        if after == 0:
            return -1, -1
        end = self._entries[after][1] if after < len(self._entries) else log_end
        return self._entries[after - 1][0], end

    def encode(self) -> bytes:
        """Return the content of the `epochs` file."""
        return "".join(f"{epoch} {offset}\n" for epoch, offset in self._entries).encode()


def decode(content: bytes) -> Epochs:
    """Read what `encode` made."""
    try:
        pairs = [line.split() for line in content.decode().splitlines()]
        return Epochs([(int(epoch), int(offset)) for epoch, offset in pairs])
    except ValueError as error:
        raise Damaged("epochs") from error
