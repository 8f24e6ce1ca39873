"""QueueView: a queue as a partition that is read by offsets: what waits there, and stays there.

Nobody who reads so takes anything. What is out with a consumer is not shown, and what is settled is
gone; of a queue with priorities, only the default level is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from anymq.core.clock import Clock
from anymq.core.errors import NotFound
from anymq.core.portable.packer import Packer
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.priorities import Levels, ends_of
from anymq.core.queues.queue import Queue
from anymq.core.shares.packing import batches_of
from anymq.core.timers import Timer, Timers

READ_MAX = 500  # messages at once
LOOK_SECONDS = 0.1  # a queue tells nobody of news but its consumers: who waits has it looked at


@dataclass(frozen=True, slots=True)
class Packed:
    """Batches that are no range of a file."""

    data: bytes

    @property
    def size(self) -> int:
        """How many bytes."""
        return len(self.data)


class QueueView:
    """What a partition is for a topic."""

    index = 0
    leader_epoch = 0

    def __init__(self, queue: Queue, topic_name: str, clock: Clock, timers: Timers) -> None:
        self.topic_name = topic_name
        self._queue = queue
        self._packer = Packer(queue.name)
        self._clock, self._timers = clock, timers
        self._waiters: dict[Callable[[], None], None] = {}
        self._timer: Timer | None = None
        self._seen = (0, 0)

    @property
    def start(self) -> int:
        """The first that waits."""
        found = self._waiting(0, 1)
        return found[0].position if found else self.visible_end

    @property
    def visible_end(self) -> int:
        """Where the next one goes."""
        return ends_of(self._queue.line)[0]

    def read(self, offset: int, bytes_max: int, *, at_least_one: bool = True) -> Packed | None:
        """Return what waits from `offset` on; None when there is nothing."""
        chosen: list[Delivery] = []
        for one in self._waiting(offset, READ_MAX):
            bytes_max -= len(one.message.body)
            if bytes_max < 0 and (chosen or not at_least_one):
                break
            chosen.append(one)
        return Packed(b"".join(batches_of(chosen, self._packer))) if chosen else None

    def first_at(self, timestamp: int) -> tuple[int, int] | None:
        """Return (offset, time) of the first that is not older, among the next ones."""
        for one in self._waiting(0, READ_MAX):
            if one.message.timestamp_ms >= timestamp:
                return one.position, one.message.timestamp_ms
        return None

    def _waiting(self, position: int, count: int) -> list[Delivery]:
        line = self._queue.line
        if isinstance(line, Levels):
            return line.part_of(0).read(position, count)
        return self._queue.browse(position, count)

    # News

    def watch(self, waiter: Callable[[], None]) -> None:
        """Call `waiter` when there may be more, until `unwatch`."""
        if not self._waiters:
            self._seen = self._state()
            self._look_later()
        self._waiters[waiter] = None

    def unwatch(self, waiter: Callable[[], None]) -> None:
        """Call it no more."""
        self._waiters.pop(waiter, None)
        if not self._waiters and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _state(self) -> tuple[int, int]:
        return (-1, -1) if self._queue.closed else (self.visible_end, self._queue.waiting)

    def _look_later(self) -> None:
        self._timer = self._timers.at(self._clock.monotonic() + LOOK_SECONDS, self._look)

    def _look(self) -> None:
        state = self._state()
        changed, self._seen = state != self._seen, state
        self._look_later()
        for waiter in tuple(self._waiters) if changed else ():
            if waiter in self._waiters:
                waiter()


class QueueAsTopic:
    """What a topic is for Kafka's clients, of one partition."""

    def __init__(self, topic_id: UUID, name: str, view: QueueView) -> None:
        self.id = topic_id
        self.name = name
        self.partitions = [view]

    def partition(self, index: int) -> QueueView:
        """Return the only one, or refuse."""
        if index:
            raise NotFound(f"topic {self.name!r} has no partition {index}")
        return self.partitions[0]
