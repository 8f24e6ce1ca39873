"""Memory: how much all sessions together hold of what their peers sent, and owe them.

Each session has limits of its own; ten thousand of them together would still be too much. When the
common limit is reached, peers have to wait: nobody gets an error for what others do.
"""

from typing import Protocol

SMALL_BYTES = 64 * 1024  # who holds no more than this may go on a little longer than the others


class Holder(Protocol):
    """Who holds some of it."""

    held_bytes: int  # what it has reported

    @property
    def unfinished_bytes(self) -> int:
        """How much of that is waiting for more to come, or for its turn."""

    def wake(self) -> None:
        """There is room again."""


class _Tier:
    """Up to where some may take more; when it was too much, they go on a good deal below."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.resume_at = limit - limit // 8
        self.waiting: dict[Holder, None] = {}


class Memory:
    """The common limit.

    Whoever holds much stops at three quarters of it, so that small requests still pass when some
    send large ones. If frames that wait for their rest have filled it all, nothing would ever get
    free: one of them, the favoured, may go on in any case.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.used = 0
        self._small = _Tier(bytes_max)
        self._large = _Tier(bytes_max - bytes_max // 4)
        self._favoured: Holder | None = None

    def report(self, holder: Holder, held_bytes: int) -> None:
        """Note how much it holds now."""
        before = holder.held_bytes
        if held_bytes == before:
            return
        holder.held_bytes = held_bytes
        self.used += held_bytes - before
        if held_bytes < before:
            self._room_was_made()
        if holder is self._favoured and not holder.unfinished_bytes:
            self._favour_another()

    def admits(self, holder: Holder) -> bool:
        """May it take more? If not, it is woken when it may."""
        tier = self._small if holder.held_bytes <= SMALL_BYTES else self._large
        if self.used < tier.limit or holder is self._favoured:
            return True
        if self._favoured is None and holder.unfinished_bytes:
            self._favoured = holder
            return True
        tier.waiting[holder] = None
        return False

    def leave(self, holder: Holder) -> None:
        """It is gone, and holds nothing."""
        self._small.waiting.pop(holder, None)
        self._large.waiting.pop(holder, None)
        self.report(holder, 0)
        if holder is self._favoured:
            self._favour_another()

    def _room_was_made(self) -> None:
        for tier in (self._small, self._large):
            if tier.waiting and self.used < tier.resume_at:
                waiting, tier.waiting = tier.waiting, {}
                for holder in waiting:
                    holder.wake()

    def _favour_another(self) -> None:
        """Wake all who wait: the first that asks and has something unfinished it will be."""
        self._favoured = None
        for tier in (self._large, self._small):
            if tier.waiting:
                waiting, tier.waiting = tier.waiting, {}
                for holder in waiting:
                    holder.wake()
