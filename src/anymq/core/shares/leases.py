"""Leases: who has which offsets, and until when."""

from collections.abc import Callable, Iterable, Sequence

from anymq.core.clock import Clock
from anymq.core.shares.words import NotHeld
from anymq.core.timers import Deadline, Timers

NEVER = float("inf")


class Lease:
    """What one member got at once."""

    __slots__ = ("holder", "offsets", "until")

    def __init__(self, holder: object, until: float) -> None:
        self.holder = holder
        self.until = until
        self.offsets: set[int] = set()


class Leases:
    """All of one place. Those whose time is up are handed to `on_late`."""

    def __init__(
        self, clock: Clock, timers: Timers, on_late: Callable[[Sequence[int]], None]
    ) -> None:
        self._clock = clock
        self._on_late = on_late
        self._deadline = Deadline(timers, self._expire)
        self._by_offset: dict[int, Lease] = {}
        self._open: dict[Lease, None] = {}
        self._next = NEVER  # no lease runs out before; some that would have are over

    def __len__(self) -> int:
        return len(self._by_offset)

    def __contains__(self, offset: int) -> bool:
        return offset in self._by_offset

    def add(self, holder: object, offsets: Iterable[int], lock_ms: int) -> None:
        """The holder has these from now on."""
        lease = Lease(holder, self._clock.monotonic() + lock_ms / 1000)
        lease.offsets.update(offsets)
        if lease.offsets:
            self._by_offset.update(dict.fromkeys(lease.offsets, lease))
            self._open[lease] = None
            if lease.until < self._next:
                self._next = lease.until
                self._deadline.set(lease.until)

    def holder_of(self, offset: int) -> object | None:
        """Return who has it; None: nobody."""
        lease = self._by_offset.get(offset)
        return None if lease is None else lease.holder

    def check(self, holder: object, offsets: Iterable[int]) -> None:
        """Refuse, unless the holder has all of these."""
        by_offset = self._by_offset
        for offset in offsets:
            lease = by_offset.get(offset)
            if lease is None or lease.holder is not holder:
                raise NotHeld("The record state is invalid: somebody else may have it by now.")

    def end(self, offsets: Iterable[int]) -> None:
        """Nobody has these any more."""
        for offset in offsets:
            lease = self._by_offset.pop(offset, None)
            if lease is not None:
                lease.offsets.discard(offset)
                if not lease.offsets:
                    self._open.pop(lease, None)
        if not self._open:
            self._next = NEVER
            self._deadline.cancel()

    def renew(self, holder: object, offsets: Sequence[int], lock_ms: int) -> None:
        """The holder has these for longer."""
        self.end(offsets)
        self.add(holder, offsets, lock_ms)

    def all(self) -> list[int]:
        """Return what anybody has."""
        return sorted(self._by_offset)

    def of(self, holder: object) -> list[int]:
        """Return what the holder has."""
        return sorted(
            offset for lease in self._open if lease.holder is holder for offset in lease.offsets
        )

    def close(self) -> None:
        """Nobody has anything."""
        self._next = NEVER
        self._deadline.cancel()
        self._by_offset.clear()
        self._open.clear()

    def _expire(self) -> None:
        now = self._clock.monotonic()
        late = sorted(
            offset for lease in self._open if lease.until <= now for offset in lease.offsets
        )
        self.end(late)
        self._next = min((lease.until for lease in self._open), default=NEVER)
        if self._open:
            self._deadline.set(self._next)
        if late:
            self._on_late(late)
