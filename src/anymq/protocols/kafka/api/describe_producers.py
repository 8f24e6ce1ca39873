"""DescribeProducers: which idempotent producers have written to partitions."""

from anymq.core.errors import Refused
from anymq.core.rights.operations import Operation
from anymq.core.streams import naming
from anymq.core.streams.producers import Producer
from anymq.protocols.kafka import authorization, errors
from anymq.protocols.kafka.call import Call
from anymq.protocols.kafka.schema.generated import describe_producers as schema
from anymq.storage.errors import StorageError

KEY = 61
VERSIONS = range(1)
NO_COORDINATOR = -1


def handle(call: Call, request: schema.DescribeProducersRequest) -> None:
    """Answer for each partition."""
    wanted: dict[str, dict[int, None]] = {}  # each once: a few bytes ask for all its producers
    for topic in request.topics:
        wanted.setdefault(topic.name, {}).update(dict.fromkeys(topic.partition_indexes))
    topics = [
        schema.TopicResponse(name, [_answer(call, name, index) for index in indexes])
        for name, indexes in wanted.items()
    ]
    call.reply(schema.DescribeProducersResponse(topics=topics))


def _answer(call: Call, name: str, index: int) -> schema.PartitionResponse:
    entry = schema.PartitionResponse(index)
    try:
        authorization.topic(call, Operation.READ, name)
        naming.check_name(name)
        producers = call.broker.topic(name).partition(index).producers.all
        entry.active_producers = [_state(key, one) for key, one in producers.items()]
    except (Refused, StorageError) as error:
        errors.explain(entry, error)
    return entry


def _state(producer_id: int, producer: Producer) -> schema.ProducerState:
    return schema.ProducerState(
        producer_id=producer_id,
        producer_epoch=producer.epoch,
        last_sequence=producer.last_sequence,
        last_timestamp=producer.last_ms,
        coordinator_epoch=NO_COORDINATOR,
    )
