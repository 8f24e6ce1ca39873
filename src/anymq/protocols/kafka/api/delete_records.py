"""DeleteRecords: forget the first records of partitions."""

from functools import partial

from anymq.core.catalog import Then
from anymq.core.rights.operations import Operation
from anymq.protocols.kafka import authorization
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.pending import Pending
from anymq.protocols.kafka.schema.generated import delete_records as schema

KEY = 21
VERSIONS = range(3)
NO_LOW_WATERMARK = -1


def handle(call: Call, request: schema.DeleteRecordsRequest) -> None:
    """Answer where each partition starts now."""
    response = schema.DeleteRecordsResponse()
    pending = Pending(call, response, request.timeout_ms)
    for topic in request.topics:
        results = schema.DeleteRecordsTopicResult(topic.name)
        response.topics.append(results)
        for wanted in topic.partitions:
            entry = schema.DeleteRecordsPartitionResult(wanted.partition_index, NO_LOW_WATERMARK)
            results.partitions.append(entry)
            pending.ask(entry, partial(_delete, call, topic.name, wanted.offset, entry))
    pending.all_asked()


def _delete(
    call: Call, name: str, offset: int, entry: schema.DeleteRecordsPartitionResult, then: Then
) -> None:
    def done(error: Exception | None) -> None:
        entry.low_watermark = NO_LOW_WATERMARK if error is not None else partition.start
        then(error)

    authorization.topic(call, Operation.DELETE, name)
    partition = call.broker.topic(name).partition(entry.partition_index)
    call.broker.delete_records(partition, offset, done)
