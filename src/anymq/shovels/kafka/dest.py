"""A topic, as the destination of a shovel."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from anymq.core.message import Message
from anymq.core.portable.packer import Packer, Portable
from anymq.core.routing.target import Then
from anymq.core.streams.partitioner import partition_of
from anymq.core.streams.writer import batch_of
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import produce
from anymq.shovels.definition import Definition
from anymq.shovels.ends import Refusal, Worker
from anymq.shovels.kafka.client import KafkaClient, error_name
from anymq.shovels.kafka.cluster import Cluster, Leaders, Means

GATHERED_BYTES_MAX = 4 * 1024 * 1024
BATCH_BYTES = 512 * 1024  # brokers take a megabyte by default
BATCH_MESSAGES = 1000
ALL = -1  # acks: all replicas
PRODUCE_MS = 30_000
REFUSALS = (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE, ErrorCode.INVALID_RECORD)

Letter = tuple[Message, Portable, "Then | None"]


@dataclass(slots=True)
class Lane:
    """One partition: what waits for it, and what is on its way there."""

    waiting: list[Letter] = field(default_factory=list)
    under_way: bool = False


class KafkaDest:
    """Produces. Of each partition one batch is on its way; meanwhile the next one is gathered."""

    blocked = False

    def __init__(self, means: Means, definition: Definition, worker: Worker) -> None:
        self._soon = means.soon
        self._topic = definition.dest.topic
        self._worker = worker
        self._cluster = Cluster(means, definition.dest.kafka, worker.failed)
        self._packer = Packer(self._topic)
        self._leaders: Leaders = {}
        self._lanes: dict[int, Lane] = {}
        self._gathered = 0  # bytes
        self._next = 0  # the partition of what has no key
        self._scheduled = self._full = self._closed = False

    @property
    def uri(self) -> str:
        """Which URI it works with."""
        return self._cluster.uri

    @property
    def room(self) -> bool:
        """May more be gathered?"""
        self._full = self._gathered >= GATHERED_BYTES_MAX
        return not self._full

    def open(self) -> None:
        """Find out who leads."""
        self._cluster.open(lambda _: self._cluster.find_leaders(self._topic, self._found))

    def _found(self, leaders: Leaders) -> None:
        self._leaders = leaders
        self._lanes = {index: Lane() for index in leaders}
        self._worker.dest_ready()

    def send(self, message: Message, then: Then | None) -> None:
        """Gather it for its partition; the batches leave at the end of the turn."""
        packed = self._packer.pack(message)
        lane = self._lanes[self._partition(packed.key)]
        lane.waiting.append((message, packed, then))
        self._gathered += _size(message)
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._flush)

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._cluster.close()

    def _partition(self, key: bytes | None) -> int:
        count = len(self._lanes)
        if key is not None:
            return partition_of(key, count)
        return self._next % count

    def _flush(self) -> None:
        self._scheduled = False
        self._next += 1  # who has no key stays with one partition for a whole batch
        for index, lane in self._lanes.items():
            if lane.waiting and not lane.under_way and not self._closed:
                self._dispatch(index, lane)

    def _dispatch(self, index: int, lane: Lane) -> None:
        letters = _cut(lane.waiting)
        del lane.waiting[: len(letters)]
        lane.under_way = True
        batch = batch_of([one[0] for one in letters], [one[1] for one in letters])
        request = produce.ProduceRequest(
            None,
            ALL,
            PRODUCE_MS,
            [
                produce.TopicProduceData(
                    name=self._topic, partition_data=[produce.PartitionProduceData(index, batch)]
                )
            ],
        )

        def ask(client: KafkaClient) -> None:
            client.ask(produce, request, lambda answer: self._answered(index, letters, answer))

        self._cluster.with_node(self._leaders[index], ask)

    def _answered(
        self, index: int, letters: Sequence[Letter], answer: produce.ProduceResponse
    ) -> None:
        if self._closed:
            return
        code = answer.responses[0].partition_responses[0].error_code
        if code and code not in REFUSALS:
            self._cluster.fail(f"topic {self._topic}: {error_name(code)}")
            return
        error = Refusal(error_name(code)) if code else None
        self._lanes[index].under_way = False
        self._gathered -= sum(_size(message) for message, _, _ in letters)
        for _, _, then in letters:
            if then is not None:
                then(error)
        self._flush()
        if self._full and self._gathered < GATHERED_BYTES_MAX // 2:
            self._worker.dest_changed()


def _cut(letters: Sequence[Letter]) -> list[Letter]:
    """Return the first of them, as many as belong into one batch."""
    size = 0
    found: list[Letter] = []
    for letter in letters[:BATCH_MESSAGES]:
        size += _size(letter[0])
        if found and size > BATCH_BYTES:
            break
        found.append(letter)
    return found


def _size(message: Message) -> int:
    return len(message.body) + len(message.properties) + 100
