"""Produce: append record batches; the answer waits until they are as durable as promised."""

from functools import partial

from anymq.core.errors import NotFound, Refused
from anymq.core.portable.posing import claimed_users
from anymq.core.rights.operations import Operation
from anymq.core.shares.places import Spot
from anymq.core.shares.queue_writer import QueueSink
from anymq.core.streams.errors import InvalidRecord, UnknownTopicId, UnsupportedCompression
from anymq.core.streams.partition import Partition
from anymq.core.taps import Tap
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import produce as schema
from anymq.storage import batch as record_batch
from anymq.storage.batch import BatchHeader
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.files import Buffer

KEY = 0
VERSIONS = range(3, 14)
PIPELINED = True
TOPIC_IDS = 13
ZSTD_SINCE = 7
ZSTD = 4
# librdkafka refuses to compress when it reads a higher minimum (KAFKA-18659).
ADVERTISED_MIN = 0

_ACKS = (-1, 0, 1)


def handle(call: Call, request: schema.ProduceRequest) -> None:
    """Append everything; answer when the last of it is safe."""
    answer = _Answer(call, request)
    for topic in request.topic_data:
        for wanted in topic.partition_data:
            answer.append(topic, wanted)
    answer.all_appended()


class _Answer:
    """The response as it fills up: one entry per partition, some at once, some when durable."""

    __slots__ = ("_acks", "_call", "_now_ms", "_open", "_partitions", "_request", "_tap")

    def __init__(self, call: Call, request: schema.ProduceRequest) -> None:
        self._call = call
        self._request = request
        self._acks = request.acks
        self._now_ms = call.now_ms()
        self._tap: Tap | None = None  # who listens at the topic of the moment
        self._open = 1  # ourselves: nothing is sent before everything was tried
        self._partitions: dict[int, list[schema.PartitionProduceResponse]] = {}

    def append(self, topic: schema.TopicProduceData, wanted: schema.PartitionProduceData) -> None:
        """Append one partition's batch."""
        entry = schema.PartitionProduceResponse(
            index=wanted.index, error_code=0, base_offset=-1, log_append_time_ms=-1
        )
        self._partitions.setdefault(id(topic), []).append(entry)
        self._open += 1
        try:
            if self._acks not in _ACKS:
                errors.refuse(entry, ErrorCode.INVALID_REQUIRED_ACKS)
            else:
                self._append_to(self._partition(topic, wanted.index), wanted.records, entry)
                return
        except (Refused, StorageError) as error:
            errors.explain(entry, error)
        self._call.session.kafka.counters.produce_failures += 1
        self._open -= 1

    def all_appended(self) -> None:
        """Everything was tried: from now on durability decides."""
        self._one_less()

    def _partition(self, topic: schema.TopicProduceData, index: int) -> Partition | QueueSink:
        broker = self._call.broker
        if self._call.version >= TOPIC_IDS:
            try:
                found = broker.topic_by_id(topic.topic_id)
            except UnknownTopicId:
                return self._queue(broker.shares.spots.find_id(topic.topic_id), index)
            authorization.topic(self._call, Operation.WRITE, found.name)
        else:
            authorization.topic(self._call, Operation.WRITE, topic.name)
            if topic.name not in broker.topics:
                spot = broker.shares.spots.find(topic.name)
                if spot is not None:
                    return self._queue(spot, index)
            found = broker.topic(topic.name)
        self._tap = found.taps.tap
        return found.partition(index)

    def _queue(self, spot: Spot, index: int) -> QueueSink:
        """Return the queue that is seen as a topic of one partition."""
        authorization.topic(self._call, Operation.WRITE, spot.name)
        if spot.queue is None or index:
            raise NotFound(f"topic {spot.name!r} has no partition {index}")
        self._tap = None  # who listens hears of it where messages are published
        return self._call.broker.queue_sinks.sink(spot.queue, spot.name, self._call.session.who)

    def _append_to(
        self,
        partition: Partition | QueueSink,
        records: Buffer | None,
        entry: schema.PartitionProduceResponse,
    ) -> None:
        batch: Buffer = b"" if records is None else records
        if not self._call.owned:
            batch = bytes(batch)
        header = _check(batch)
        if header.compression == ZSTD and self._call.version < ZSTD_SINCE:
            raise UnsupportedCompression(f"zstd comes with version {ZSTD_SINCE} of Produce")
        if not self._call.session.access.may_pose:
            _check_names(self._call, batch, header)
        # Also where nobody awaits an answer: what the disk has not taken counts as under way, or
        # else a producer that is faster than the disk would fill the memory.
        done = partial(self._durable, entry)
        result = partition.append(batch, header, self._now_ms, done)
        counters = self._call.session.kafka.counters
        counters.records_in += header.record_count
        counters.bytes_in += len(batch)
        entry.base_offset = result.base_offset
        entry.log_append_time_ms = result.log_append_time_ms
        entry.log_start_offset = result.log_start
        if self._tap is not None:
            who, base = self._call.session.who, result.base_offset
            self._tap.appended(partition.topic_name, partition.index, base, batch, who)

    def _durable(self, entry: schema.PartitionProduceResponse, error: Exception | None) -> None:
        if error is not None:
            errors.explain(entry, error)
            entry.base_offset = entry.log_append_time_ms = entry.log_start_offset = -1
        self._one_less()

    def _one_less(self) -> None:
        self._open -= 1
        if self._open == 0:
            if self._acks == 0:
                self._end_without_answer()
            else:
                self._call.reply(self._response())

    def _end_without_answer(self) -> None:
        # The peer asked for no answer, so hanging up is the only way to say that something failed.
        failed = any(e.error_code for entries in self._partitions.values() for e in entries)
        self._call.reply_nothing()
        if failed:
            self._call.session.hang_up_after_answers()

    def _response(self) -> schema.ProduceResponse:
        topics = [
            schema.TopicProduceResponse(
                name=topic.name,
                topic_id=topic.topic_id,
                partition_responses=self._partitions.get(id(topic), []),
            )
            for topic in self._request.topic_data
        ]
        return schema.ProduceResponse(responses=topics)


def _check(batch: Buffer) -> BatchHeader:
    """Return the header of the one batch there is to be; a producer does not repeat nonsense."""
    try:
        return record_batch.check(batch)
    except CorruptBatch as error:
        # On "corrupt" a producer tries again: right when bytes got lost on the way, and only then.
        if _is_one_batch(batch):
            raise
        raise InvalidRecord(str(error)) from error


def _check_names(call: Call, batch: Buffer, header: BatchHeader) -> None:
    """Refuse records that claim, as AMQP's `user-id`, to be of another user."""
    user = call.session.access.user
    for claimed in claimed_users(batch, header, call.broker.forms):
        if claimed != user:
            raise InvalidRecord(
                f"user_id property set to '{claimed}' but authenticated user was '{user}'"
            )


def _is_one_batch(batch: Buffer) -> bool:
    if len(batch) < record_batch.HEADER_BYTES:
        return False
    header = record_batch.read_header(batch)
    return header.magic == record_batch.MAGIC and header.size == len(batch)
