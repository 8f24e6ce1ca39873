"""What there is in all queues together. Names of queues are no labels: there may be very many."""

from collections.abc import Mapping

from anymq.core.broker import Broker
from anymq.core.queues.queue import Queue
from anymq.core.queues.totals import Counts
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


class Numbers:
    """The numbers of one moment: they are looked for once, not for each metric."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.queues = self.consumers = self.ready = self.ready_bytes = self.unacked = 0
        self.counts: dict[str, Counts] = {}

    def look(self) -> Mapping[str, int]:
        """Go through all queues, about 2 us each; return how many there are of each kind."""
        kinds = dict.fromkeys(KINDS, 0)
        self.consumers = self.ready = self.ready_bytes = self.unacked = 0
        self.counts = {kind: Counts() for kind in KINDS}
        for kind, gone in self._broker.queue_totals.gone.items():
            self.counts[kind].add(gone)
        for vhost in list(self._broker.vhosts.values()):
            for queue in list(vhost.queues.values()):
                kinds[queue.kind] += 1
                self.consumers += queue.consumer_count
                self.unacked += queue.unacked
                if isinstance(queue, Queue):
                    self.ready += queue.waiting  # `ready` would have it do its work
                    self.ready_bytes += queue.ready_bytes
                    self.counts[queue.kind].add(queue)
        self.queues = sum(kinds.values())
        return kinds

    @property
    def all(self) -> Counts:
        """What all queues counted together."""
        every = Counts()
        for one in self.counts.values():
            every.add(one)
        return every


def watch_queues(registry: Registry, broker: Broker) -> Numbers:
    """Tell the registry where every number comes from; return those that come together."""
    numbers = Numbers(broker)

    registry.read(QUEUES, lambda: numbers.look().items())  # the first asked: the others follow
    registry.read_number(CONSUMERS, lambda: numbers.consumers)
    registry.read_number(READY, lambda: numbers.ready)
    registry.read_number(READY_BYTES, lambda: numbers.ready_bytes)
    registry.read_number(UNACKED, lambda: numbers.unacked)
    registry.read_number(QUEUED, lambda: numbers.all.published)
    registry.read_number(ACKNOWLEDGED, lambda: numbers.all.acknowledged)
    registry.read_number(REQUEUED, lambda: numbers.all.returned)
    registry.read_number(DELAYED, lambda: broker.delayed_count)
    registry.read(DROPPED, lambda: [(one, broker.queue_totals.departed[one]) for one in REASONS])
    registry.read_number(DEAD_LETTERED, lambda: broker.queue_totals.dead_lettered)
    return numbers
