"""Totals: what all queues of a virtual host, and all virtual hosts, have together."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import islice

from anymq.core.broker import Broker
from anymq.core.queues.queue import Queue
from anymq.core.vhosts.kinds import AnyQueue
from anymq.core.vhosts.vhost import VirtualHost

QUEUES_PER_PIECE = 500


@dataclass(slots=True)
class Totals:
    """Messages that wait and are out, consumers, queues."""

    ready: int = 0
    unacked: int = 0
    consumers: int = 0
    queues: int = 0

    def add(self, queue: AnyQueue) -> None:
        """Count one queue."""
        self.ready += waiting(queue)
        self.unacked += queue.unacked
        self.consumers += queue.consumer_count
        self.queues += 1

    def join(self, other: "Totals") -> None:
        """Count what others counted."""
        self.ready += other.ready
        self.unacked += other.unacked
        self.consumers += other.consumers
        self.queues += other.queues

    @property
    def messages(self) -> dict[str, int]:
        """As RabbitMQ names them."""
        return {
            "messages": self.ready + self.unacked,
            "messages_ready": self.ready,
            "messages_unacknowledged": self.unacked,
        }


@dataclass(slots=True)
class Sums:
    """Those of every virtual host, and of all."""

    all: Totals = field(default_factory=Totals)
    by_vhost: dict[str, Totals] = field(default_factory=dict)


def waiting(queue: AnyQueue) -> int:
    """Return how many messages wait, without any work that follows from asking."""
    return queue.waiting if isinstance(queue, Queue) else queue.ready


def summed(broker: Broker) -> Generator[bytes, None, Sums]:
    """Go through all queues, some at a time."""
    sums = Sums()
    for vhost in list(broker.vhosts.values()):
        mine = sums.by_vhost[vhost.name] = Totals()
        for some in _parts(vhost):
            for queue in some:
                mine.add(queue)
                sums.all.add(queue)
            yield b""
    return sums


def _parts(vhost: VirtualHost) -> Iterator[list[AnyQueue]]:
    left = iter(list(vhost.queues.values()))
    while some := list(islice(left, QUEUES_PER_PIECE)):
        yield some
