"""A producer that gathers while it waits.

One request is on its way to each broker; meanwhile the next one is gathered. So batches grow with
what there is to send, without a timer, and the order of a partition is kept without more ado.
Where the broker gives us a producer id, a batch that is sent again is stored once.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from anymq.cli.errors import CommandFailed
from anymq.cli.kafka.cluster import BACKOFF_SECONDS, Cluster
from anymq.cli.kafka.connection import Asked, Connection
from anymq.cli.kafka.errors import (
    RETRIABLE,
    CannotConnect,
    ConnectionLost,
    RequestRefused,
    error_code,
    error_text,
)
from anymq.cli.kafka.outgoing import SEQUENCE_END, Batch, halves, one_per_partition, size_of
from anymq.core.streams.partitioner import partition_of
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import init_producer_id, produce
from anymq.storage.compression import Compression
from anymq.storage.records import NO_PRODUCER, Record, build

DELIVERY_SECONDS = 120.0
BATCH_BYTES = 256 * 1024
ROUND_BYTES = 2 * 1024 * 1024  # gathered for all partitions together
ALL, ONE, NONE = -1, 1, 0  # acks


@dataclass(frozen=True, slots=True)
class Sent:
    """A request on its way."""

    connection: Connection | None
    asked: Asked[produce.ProduceResponse] | None  # None: nobody will answer
    batches: Sequence[Batch]
    error: CommandFailed | None = None


class Producer:
    """`send` as much as you like, then `flush`; what cannot be delivered raises."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        acks: int = ALL,
        compression: Compression = Compression.NONE,
        batch_bytes: int = BATCH_BYTES,
        delivery_seconds: float = DELIVERY_SECONDS,
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.delivered = 0
        self._cluster = cluster
        self._acks = acks
        self._compression = compression
        self._batch_bytes = batch_bytes
        self._delivery_seconds = delivery_seconds
        self._on_trouble = on_trouble
        self._in_trouble = False
        self._gathered: dict[tuple[str, int], Batch] = {}
        self._gathered_bytes = 0
        self._sent: list[Sent] = []
        self._leaders: dict[str, list[int]] = {}
        self._sticky: dict[str, int] = {}
        self._sequences: dict[tuple[str, int], int] = {}
        self._told = False
        self._producer = self._producer_id() if acks == ALL else (NO_PRODUCER, -1)

    def send(self, topic: str, record: Record, partition: int | None = None) -> None:
        """Take a record; it is delivered by a later `send`, or by `flush`."""
        leaders = self._leaders_of(topic)
        if partition is None:
            partition = self._choose(topic, record.key, len(leaders))
        elif not 0 <= partition < len(leaders):
            raise CommandFailed(f"{topic!r} has partitions 0 to {len(leaders) - 1}, no {partition}")
        where = (topic, partition)
        batch = self._gathered.get(where)
        if batch is None:
            batch = self._gathered[where] = Batch(topic, partition)
        elif batch.size + size_of(record) > self._batch_bytes:
            self._next_round()
            batch = self._gathered[where] = Batch(topic, partition)
        self._gathered_bytes += batch.add(record)
        if self._gathered_bytes >= ROUND_BYTES:
            self._next_round()

    def flush(self) -> None:
        """Return when everything is delivered."""
        self._next_round()
        self._finish_round()

    def partitions_of(self, topic: str) -> int:
        """Say how many there are; the topic is made if that is allowed."""
        return len(self._leaders_of(topic))

    def _choose(self, topic: str, key: bytes | None, count: int) -> int:
        if key is not None:
            return partition_of(key, count)
        # As the Java client: whoever has no key stays with one partition for a whole batch.
        return self._sticky.setdefault(topic, time.monotonic_ns() % count)

    def _leaders_of(self, topic: str) -> list[int]:
        leaders = self._leaders.get(topic)
        if leaders is None:
            info = self._cluster.topics([topic], create=True)[topic]
            leaders = self._leaders[topic] = [each.leader for each in info.partitions]
        return leaders

    def _producer_id(self) -> tuple[int, int]:
        """Ask for an id; do without where the broker gives none."""
        request = init_producer_id.InitProducerIdRequest(None, 2**31 - 1)
        if not self._cluster.any_connection().knows(init_producer_id):
            return NO_PRODUCER, -1
        answer = self._cluster.ask(init_producer_id, request)
        if answer.error_code:
            return NO_PRODUCER, -1
        return answer.producer_id, answer.producer_epoch

    # --- rounds ------------------------------------------------------------------------------

    def _next_round(self) -> None:
        """See the last round through, then let off what was gathered meanwhile."""
        self._finish_round()
        batches = [self._numbered(batch) for batch in self._gathered.values()]
        self._gathered.clear()
        self._gathered_bytes = 0
        self._sent = self._dispatch(batches)
        for topic, last in self._sticky.items():
            self._sticky[topic] = (last + 1) % len(self._leaders_of(topic))

    def _finish_round(self) -> None:
        """Wait for the answers; send again what has to be, until the time is over."""
        deadline = time.monotonic() + self._delivery_seconds
        sent, self._sent = self._sent, []
        while sent:
            again = [each for one in sent for each in self._outcome(one, deadline)]
            sent = self._dispatch_again(again, deadline)

    def _dispatch_again(self, batches: Sequence[Batch], deadline: float) -> list[Sent]:
        """Ask anew who leads, and send there."""
        while batches:
            time.sleep(BACKOFF_SECONDS)
            self._leaders.clear()
            try:
                return self._dispatch(batches)
            except (CannotConnect, ConnectionLost) as error:
                self._lost(error, deadline)
        return []

    def _lost(self, error: CommandFailed, deadline: float) -> None:
        """Go on when there is time; whoever waits is told, once."""
        if time.monotonic() > deadline:
            raise error
        if not self._in_trouble:
            self._in_trouble = True
            self._on_trouble(f"{error}. Trying again for {self._delivery_seconds:.0f} s")

    def _numbered(self, batch: Batch) -> Batch:
        """Give the batch its place in the sequence of its partition."""
        if self._producer[0] != NO_PRODUCER:
            where = (batch.topic, batch.partition)
            batch.sequence = self._sequences.get(where, 0)
            self._sequences[where] = (batch.sequence + len(batch.records)) % SEQUENCE_END
        return batch

    def _dispatch(self, batches: Sequence[Batch]) -> list[Sent]:
        by_leader: dict[int, list[Batch]] = {}
        for batch in batches:
            leader = self._leaders_of(batch.topic)[batch.partition]
            by_leader.setdefault(leader, []).append(batch)
        return [
            self._send(leader, each)
            for leader, group in by_leader.items()
            for each in one_per_partition(group)
        ]

    def _send(self, leader: int, batches: Sequence[Batch]) -> Sent:
        connection: Connection | None = None
        try:
            connection = self._cluster.connection(leader)
            asked = connection.send(produce, self._request(batches))
        except (CannotConnect, ConnectionLost) as error:
            return Sent(connection, None, batches, error)
        if self._acks == NONE:
            self.delivered += sum(len(batch.records) for batch in batches)
            return Sent(connection, None, ())
        return Sent(connection, asked, batches)

    def _request(self, batches: Sequence[Batch]) -> produce.ProduceRequest:
        topics: dict[str, list[produce.PartitionProduceData]] = {}
        for batch in batches:
            data = produce.PartitionProduceData(batch.partition, self._encode(batch))
            topics.setdefault(batch.topic, []).append(data)
        return produce.ProduceRequest(
            None,
            self._acks,
            int(self._delivery_seconds * 1000 / 6),
            [
                produce.TopicProduceData(name=name, partition_data=data)
                for name, data in topics.items()
            ],
        )

    def _encode(self, batch: Batch) -> bytes:
        producer_id, epoch = self._producer
        return build(
            batch.records,
            compression=self._compression,
            producer_id=producer_id,
            producer_epoch=epoch,
            base_sequence=batch.sequence,
        )

    # --- outcomes ----------------------------------------------------------------------------

    def _outcome(self, sent: Sent, deadline: float) -> list[Batch]:
        """Receive the answer; return the batches to be sent again."""
        try:
            answer = _answer(sent)
        except (CannotConnect, ConnectionLost) as error:
            if sent.connection is not None:
                self._cluster.drop(sent.connection)
            self._lost(error, deadline)
            return list(sent.batches)
        self._in_trouble = False
        if answer is None:
            return []
        results = _results(answer)
        return [
            again
            for batch in sent.batches
            for again in self._judge(batch, results[batch.topic, batch.partition], deadline)
        ]

    def _judge(
        self, batch: Batch, result: produce.PartitionProduceResponse, deadline: float
    ) -> Iterator[Batch]:
        code = error_code(result.error_code)
        if code in (ErrorCode.NONE, ErrorCode.DUPLICATE_SEQUENCE_NUMBER):
            self.delivered += len(batch.records)
        elif code == ErrorCode.MESSAGE_TOO_LARGE and len(batch.records) > 1:
            yield from halves(batch)
        elif code in RETRIABLE and time.monotonic() < deadline:
            self._tell_why_it_waits(code, batch.topic)
            yield batch
        else:
            text = error_text(result.error_code, result.error_message)
            raise RequestRefused(code, f"{batch.topic!r}: {text}")

    def _tell_why_it_waits(self, code: ErrorCode, topic: str) -> None:
        """Say it once: nobody knows how long a disk stays full."""
        if code is ErrorCode.KAFKA_STORAGE_ERROR and not self._told:
            self._told = True
            seconds = f"{self._delivery_seconds:.0f} s"
            why = "the broker cannot write, its disk may be full"
            print(f"{topic!r} has to wait: {why}. Trying for {seconds}", file=sys.stderr)


def _answer(sent: Sent) -> produce.ProduceResponse | None:
    if sent.error is not None:
        raise sent.error
    if sent.asked is None or sent.connection is None:
        return None
    return sent.connection.receive(sent.asked)


def _results(
    answer: produce.ProduceResponse,
) -> Mapping[tuple[str, int], produce.PartitionProduceResponse]:
    return {
        (topic.name, each.index): each
        for topic in answer.responses
        for each in topic.partition_responses
    }
