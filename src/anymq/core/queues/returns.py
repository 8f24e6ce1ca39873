"""Returns: how often a quorum queue's messages came back, and the headers that say so.

`x-delivery-count`: consumers failed with it (rejected it, or died); beyond the limit it is dead.
`x-acquired-count`: it was handed out and came back, for whatever reason. The line keeps the first
across restarts; the second then begins with what the first was.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from anymq.core.message import Long
from anymq.core.queues.delivery import Delivery

COUNTED_MAX = 100_000  # of one queue; what comes back beyond is only counted by its line


class Counts(NamedTuple):
    """Of one message."""

    acquired: int
    failed: int


_NONE = Counts(0, 0)


class Returns:
    """Of one queue, by position."""

    def __init__(self) -> None:
        self._counts: dict[int, Counts] = {}

    def note(self, positions: Iterable[int], failed: bool, limit: int | None) -> list[int]:
        """Count these once more; return those that came back too often."""
        counts, over = self._counts, []
        for position in positions:
            old = counts.get(position, _NONE)
            new = Counts(old.acquired + 1, old.failed + failed)
            if old is not _NONE or len(counts) < COUNTED_MAX:
                counts[position] = new
            if limit is not None and new.failed > limit:
                over.append(position)
        return over

    def failures(self, positions: Iterable[int]) -> list[int]:
        """Return how often consumers failed with each of these."""
        return [self._counts.get(position, _NONE).failed for position in positions]

    def keep(self, still_there: Callable[[int], bool]) -> None:
        """The others were purged."""
        self._counts = {p: counts for p, counts in self._counts.items() if still_there(p)}

    def forget(self, positions: Sequence[int]) -> None:
        """These are settled."""
        if self._counts:
            for position in positions:
                self._counts.pop(position, None)

    def told(self, deliveries: list[Delivery]) -> list[Delivery]:
        """Return these with headers that say how often each came back."""
        return [self._told(one) if one.redelivered else one for one in deliveries]

    def _told(self, delivery: Delivery) -> Delivery:
        counts = self._counts.get(delivery.position, _NONE)
        if counts.failed < delivery.returns:
            counts = Counts(max(counts.acquired, delivery.returns), delivery.returns)
            if len(self._counts) < COUNTED_MAX:
                self._counts[delivery.position] = counts
        if not counts.acquired:
            return delivery
        headers = {"x-acquired-count": Long(counts.acquired)}
        if counts.failed:
            headers["x-delivery-count"] = Long(counts.failed)
        message = delivery.message
        properties = message.read().with_headers(**headers)
        written = message.envelope.form.write(properties)
        return delivery._replace(message=message._replace(properties=written))
