"""What there is in all queues together. Names of queues are no labels: there may be very many."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from anymq.core.broker import Broker
from anymq.core.queues.queue import Queue
from anymq.core.queues.totals import Counts
from anymq.core.vhosts.kinds import AnyQueue
from anymq.observability.metrics import Registry, counter, gauge

QUEUES = gauge("anymq_queues", "Queues there are, streams among them.", "kind")
CONSUMERS = gauge("anymq_consumers", "Consumers of queues and streams.")
READY = gauge("anymq_messages_ready", "Messages that wait in queues.")
READY_BYTES = gauge("anymq_messages_ready_bytes", "How large their bodies are.")
UNACKED = gauge("anymq_messages_unacked", "Messages out with consumers, not acknowledged yet.")
DELAYED = gauge("anymq_messages_delayed", "Messages that wait for their time.")

QUEUED = counter(
    "anymq_messages_queued_total", "Messages that came into queues, counted in each of them."
)
ACKNOWLEDGED = counter("anymq_messages_acknowledged_total", "Messages consumers acknowledged.")
REQUEUED = counter("anymq_messages_requeued_total", "Messages given back to their queues.")
DROPPED = counter(
    "anymq_messages_dropped_total",
    "Messages that left queues, or were not let in (refused), without being consumed.",
    "reason",
)
DEAD_LETTERED = counter(
    "anymq_messages_dead_lettered_total", "Of those, sent to a dead-letter exchange."
)

REASONS = ("expired", "maxlen", "rejected", "delivery_limit", "refused")
KINDS = ("classic", "quorum", "stream")
QUEUES_PER_PIECE = 500


@dataclass(slots=True)
class Seen:
    """What all queues have together. `counts` are by kind, with those of queues that are gone."""

    kinds: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    consumers: int = 0
    ready: int = 0
    ready_bytes: int = 0
    unacked: int = 0
    counts: dict[str, Counts] = field(default_factory=lambda: {kind: Counts() for kind in KINDS})

    def add(self, queue: AnyQueue) -> None:
        """Count one more, about 2 us."""
        self.kinds[queue.kind] += 1
        self.consumers += queue.consumer_count
        self.unacked += queue.unacked
        if isinstance(queue, Queue):
            self.ready += queue.waiting  # `ready` would have it do its work
            self.ready_bytes += queue.ready_bytes
            self.counts[queue.kind].add(queue)

    @property
    def all(self) -> Counts:
        """What all queues counted together."""
        every = Counts()
        for one in self.counts.values():
            every.add(one)
        return every


class Numbers:
    """The numbers of one moment: they are looked for once, not for each metric."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.now = Seen()

    def look(self) -> Iterator[None]:
        """Go through all queues, some at a time; `now` is what was there when that is done."""
        seen = Seen()
        # Those that are gone and those that are there, at once: none is counted twice, or missed.
        for kind, gone in self._broker.queue_totals.gone.items():
            seen.counts[kind].add(gone)
        every = [one for vhost in self._broker.vhosts.values() for one in vhost.queues.values()]
        for start in range(0, len(every), QUEUES_PER_PIECE):
            for queue in every[start : start + QUEUES_PER_PIECE]:
                seen.add(queue)
            yield
        self.now = seen


def watch_queues(registry: Registry, broker: Broker) -> Numbers:
    """Tell the registry where every number comes from; return those that are to be
    looked for before.
    """
    numbers = Numbers(broker)

    registry.read(QUEUES, lambda: numbers.now.kinds.items())
    registry.read_number(CONSUMERS, lambda: numbers.now.consumers)
    registry.read_number(READY, lambda: numbers.now.ready)
    registry.read_number(READY_BYTES, lambda: numbers.now.ready_bytes)
    registry.read_number(UNACKED, lambda: numbers.now.unacked)
    registry.read_number(QUEUED, lambda: numbers.now.all.published)
    registry.read_number(ACKNOWLEDGED, lambda: numbers.now.all.acknowledged)
    registry.read_number(REQUEUED, lambda: numbers.now.all.returned)
    registry.read_number(DELAYED, lambda: broker.delayed_count)
    registry.read(DROPPED, lambda: [(one, broker.queue_totals.departed[one]) for one in REASONS])
    registry.read_number(DEAD_LETTERED, lambda: broker.queue_totals.dead_lettered)
    return numbers
