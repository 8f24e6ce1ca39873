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

    def wake(self) -> None:
        """Let all who wait ask again."""
        waiting, self.waiting = self.waiting, {}
        for holder in waiting:
            holder.wake()


class Memory:
    """The common limit.

    Whoever holds much stops at three quarters of it, so that small requests still pass when some
    send large ones. If frames that wait for their rest have filled it all, nothing would ever get
    free: one of them, the favoured, may go on in any case, and does not count for small requests.
    """

    def __init__(self, bytes_max: int) -> None:
        self._scarce_from = bytes_max // 2
        self.used = 0
        self.peak = 0  # since somebody set it back
        self._small = _Tier(bytes_max)
        self._large = _Tier(bytes_max - bytes_max // 4)
        self._favoured: Holder | None = None

    @property
    def scarce(self) -> bool:
        """Is half of it used? Then nobody is given more messages while it is owed some.

        Consumers who do not read would take all of it, and nobody else could say a word.
        """
        return self.used >= self._scarce_from

    def resize(self, bytes_max: int) -> None:
        """Use another limit from now on."""
        self._scarce_from = bytes_max // 2
        waiting = (self._small, self._large)
        self._small = _Tier(bytes_max)
        self._large = _Tier(bytes_max - bytes_max // 4)
        for tier in waiting:
            tier.wake()

    def report(self, holder: Holder, held_bytes: int) -> None:
        """Note how much it holds now."""
        before = holder.held_bytes
        if held_bytes == before:
            return
        holder.held_bytes = held_bytes
        self.used += held_bytes - before
        self.peak = max(self.peak, self.used)
        if held_bytes < before:
            self._room_was_made()
        if holder is self._favoured and not holder.unfinished_bytes:
            self._favour_another()

    def admits(self, holder: Holder) -> bool:
        """May it take more? If not, it is woken when it may."""
        if self.used < self._large.limit or holder is self._favoured:
            return True
        if holder.held_bytes <= SMALL_BYTES:
            if self.used - self._favoured_bytes < self._small.limit:
                return True
            self._small.waiting[holder] = None
            return False
        if self._favoured is None and holder.unfinished_bytes:
            self._favoured = holder
            return True
        self._large.waiting[holder] = None
        return False

    def leave(self, holder: Holder) -> None:
        """It is gone, and holds nothing."""
        self._small.waiting.pop(holder, None)
        self._large.waiting.pop(holder, None)
        self.report(holder, 0)
        if holder is self._favoured:
            self._favour_another()

    @property
    def _favoured_bytes(self) -> int:
        return self._favoured.held_bytes if self._favoured is not None else 0

    def _room_was_made(self) -> None:
        if self._small.waiting and self.used - self._favoured_bytes < self._small.resume_at:
            self._small.wake()
        if self._large.waiting and self.used < self._large.resume_at:
            self._large.wake()

    def _favour_another(self) -> None:
        """Wake those who hold much: the first that asks and has something unfinished it will be."""
        self._favoured = None
        self._large.wake()
