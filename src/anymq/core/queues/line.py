"""Line: messages in order, each handed out until it is settled. A queue is one of them or more."""

from collections.abc import Callable, Iterable, Sequence

from anymq.core.message import Run
from anymq.core.queues.delivery import Delivery
from anymq.storage.errors import StorageError
from anymq.storage.log import Log

Then = Callable[[Exception | None], None]


def _nobody() -> None:
    """Nobody is told."""


class Line:
    """STUB with the final interface: in memory only. Made by `Lines.line(log_id, durable=...)`.

    Positions are the log's offsets. `flush` is called at the end of each turn in which the line
    changed; `Lines.flush` once after all lines.
    """

    def __init__(self, log: Log | None, *, durable: bool = True) -> None:
        self.durable = durable
        self.end = 0  # the position the next message gets
        self.ready = 0  # waiting, not taken
        self.ready_bytes = 0  # of their bodies
        self.taken = 0  # out with somebody, unsettled
        self.on_ready: Callable[[], None] = _nobody  # something can be taken again
        self._log = log
        self._waiting: dict[int, Delivery] = {}
        self._out: dict[int, Delivery] = {}

    def push(self, run: Run, then: Then | None = None) -> None:
        """Add at the end. Persistent run in a durable line: `then` when the log has it; else now.

        Nobody need call `on_ready`: who pushes knows.
        """
        for message in run.messages:
            self._waiting[self.end] = Delivery(self.end, message, 0, False)
            self.end += 1
        self._count()
        if then is not None:
            then(None)

    def take(self, count: int, bytes_max: int, *, settled: bool = False) -> list[Delivery]:
        """Hand out the next ready ones, oldest position first; at least one if any can be had.

        May be shorter, or empty although something is ready: `on_ready` is called when it can be
        read. `settled`: they are settled at once (auto-ack), which is cheaper than `settle`.
        """
        found: list[Delivery] = []
        for position in sorted(self._waiting)[:count]:
            delivery = self._waiting[position]
            bytes_max -= len(delivery.message.body)
            if found and bytes_max < 0:
                break
            found.append(self._waiting.pop(position))
        if not settled:
            self._out.update((delivery.position, delivery) for delivery in found)
        self._count()
        return found

    def peek(self) -> Delivery | None:
        """Return the next ready one, without taking it."""
        return self._waiting[min(self._waiting)] if self._waiting else None

    def settle(self, positions: Sequence[int]) -> None:
        """Be done with these, in any order: taken ones, or ready ones (expired, dropped)."""
        for position in positions:
            self._out.pop(position, None)
            self._waiting.pop(position, None)
        self._count()

    def give_back(self, positions: Iterable[int], *, count: bool = True) -> None:
        """Make these ready again, at their place; `count` raises their `returns`."""
        for position in positions:
            old = self._out.pop(position)
            self._waiting[position] = Delivery(position, old.message, old.returns + count, True)
        self._count()

    def read(self, position: int, count: int) -> list[Delivery]:
        """Return ready ones from `position` on, without taking them (browse)."""
        found = sorted(p for p in self._waiting if p >= position)
        return [self._waiting[p] for p in found[:count]]

    def purge(self) -> int:
        """Settle everything that is ready; return how many there were."""
        there_were = self.ready
        self.settle(list(self._waiting))
        return there_were

    def flush(self) -> None:
        """Hand to the log what must be there. At the end of a turn; cheap when nothing must."""

    def needed(self, first: int, end: int) -> Sequence[tuple[int, int]]:
        """Return the runs of positions within first..end that are not settled (a snapshot)."""
        return [(p, p + 1) for p in sorted({*self._waiting, *self._out}) if first <= p < end]

    def _count(self) -> None:
        self.ready, self.taken = len(self._waiting), len(self._out)
        self.ready_bytes = sum(len(one.message.body) for one in self._waiting.values())


__all__ = ["Delivery", "Line", "StorageError", "Then"]
