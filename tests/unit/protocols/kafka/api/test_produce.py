"""Produce: batches in, offsets out, not before they are durable."""

from collections.abc import Iterable

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import create_topics
from anymq.protocols.kafka.schema.generated.init_producer_id import (
    InitProducerIdRequest,
    InitProducerIdResponse,
)
from anymq.protocols.kafka.schema.generated.produce import (
    PartitionProduceData,
    PartitionProduceResponse,
    ProduceRequest,
    ProduceResponse,
    TopicProduceData,
)
from anymq.storage import records
from anymq.storage.compression import Compression
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

BATCH = records.build([Record(b"a"), Record(b"b")])


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    compact = [create_topics.CreatableTopicConfig("cleanup.policy", "compact")]
    topics = [
        create_topics.CreatableTopic("orders", 2, 1),
        create_topics.CreatableTopic("latest", 1, 1, configs=compact),
    ]
    client.ask(create_topics.CreateTopicsRequest(topics))
    return client


def produce(
    batch: bytes | None = BATCH, partition: int = 0, acks: int = -1, topic: str = "orders"
) -> ProduceRequest:
    data = [TopicProduceData(topic, partition_data=[PartitionProduceData(partition, batch)])]
    return ProduceRequest(None, acks, 1000, data)


def only(response: ProduceResponse) -> PartitionProduceResponse:
    (topic,) = response.responses
    (one,) = topic.partition_responses
    return one


def numbered(producer_id: int, sequence: int, epoch: int = 0, count: int = 1) -> bytes:
    return records.build(
        [Record(b"x")] * count,
        producer_id=producer_id,
        producer_epoch=epoch,
        base_sequence=sequence,
    )


def test_the_answer_waits_for_the_disk(room: KafkaRoom, client: KafkaDialog) -> None:
    """A producer that has its answer may forget the records, so the disk comes first."""
    room.disk_waits = True
    client.at(9) >> produce() << None
    room.write_to_disk()
    one = only(client.answer())
    assert (one.error_code, one.base_offset, one.log_append_time_ms) == (0, 0, -1)
    assert one.log_start_offset == 0


def test_every_partition_has_its_answer(client: KafkaDialog) -> None:
    """What is refused does not keep the rest from being written."""
    request = produce()
    request.topic_data[0].partition_data += [
        PartitionProduceData(1, BATCH),
        PartitionProduceData(7, BATCH),
    ]
    request.topic_data.append(
        TopicProduceData("nothing", partition_data=[PartitionProduceData(0, BATCH)])
    )
    answer = client.ask(request, 9)
    codes = [
        (topic.name, one.index, one.error_code)
        for topic in answer.responses
        for one in topic.partition_responses
    ]
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert codes == [
        ("orders", 0, 0),
        ("orders", 1, 0),
        ("orders", 7, unknown),
        ("nothing", 0, unknown),
    ]


def test_topics_by_their_ids(room: KafkaRoom, client: KafkaDialog) -> None:
    request = produce()
    request.topic_data[0].topic_id = room.broker.topic("orders").id
    answer = client.ask(request, 13)
    assert answer.responses[0].topic_id == request.topic_data[0].topic_id
    assert only(answer).base_offset == 0
    request.topic_data[0].topic_id = room.broker.topic("orders").id.__class__(int=5)
    assert only(client.ask(request, 13)).error_code == ErrorCode.UNKNOWN_TOPIC_ID


def _damaged(place: int) -> bytes:
    batch = bytearray(BATCH)
    batch[place] ^= 1
    return bytes(batch)


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        (None, ErrorCode.INVALID_RECORD),
        (b"", ErrorCode.INVALID_RECORD),
        (BATCH[:40], ErrorCode.INVALID_RECORD),
        (BATCH[:-1], ErrorCode.INVALID_RECORD),
        (BATCH + BATCH, ErrorCode.INVALID_RECORD),
        (_damaged(16), ErrorCode.INVALID_RECORD),  # the magic byte
        (_damaged(70), ErrorCode.CORRUPT_MESSAGE),
        (records.build([Record(b"x")], attributes=0x20), ErrorCode.INVALID_RECORD),  # control
        (
            records.build([Record(b"x")], attributes=0x10),
            ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        ),
        (records.build([Record(b"x", timestamp=2**60)]), ErrorCode.INVALID_TIMESTAMP),
        (records.build([Record(bytes(2_000_000))]), ErrorCode.MESSAGE_TOO_LARGE),
    ],
    ids=str,
)
def test_what_is_no_good_batch_is_refused(
    client: KafkaDialog, batch: bytes | None, code: ErrorCode
) -> None:
    """Only what got lost on the way may be called corrupt: a producer tries that again."""
    one = only(client.ask(produce(batch), 9))
    assert (one.error_code, one.base_offset) == (code, -1)
    assert one.error_message


def test_a_record_without_a_key_in_a_compacted_topic(client: KafkaDialog) -> None:
    one = only(client.ask(produce(topic="latest"), 9))
    assert one.error_code == ErrorCode.INVALID_RECORD


def test_zstd_comes_with_version_7(client: KafkaDialog) -> None:
    batch = records.build([Record(b"x" * 100)], compression=Compression.ZSTD)
    assert only(client.ask(produce(batch), 6)).error_code == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert only(client.ask(produce(batch), 7)).error_code == 0


@pytest.mark.parametrize("acks", [2, -2])
def test_acks_that_mean_nothing(client: KafkaDialog, acks: int) -> None:
    assert only(client.ask(produce(acks=acks), 9)).error_code == ErrorCode.INVALID_REQUIRED_ACKS


def test_the_brokers_time_where_the_topic_wants_it(room: KafkaRoom, client: KafkaDialog) -> None:
    config = [create_topics.CreatableTopicConfig("message.timestamp.type", "LogAppendTime")]
    topics = [create_topics.CreatableTopic("stamped", 1, 1, configs=config)]
    client.ask(create_topics.CreateTopicsRequest(topics))
    one = only(client.ask(produce(topic="stamped"), 9))
    assert one.log_append_time_ms == room.clock.wall_ms()


# -- idempotent producers


def new_producer(client: KafkaDialog) -> int:
    answer: InitProducerIdResponse = client.ask(InitProducerIdRequest())
    assert (answer.error_code, answer.producer_epoch) == (0, 0)
    return answer.producer_id


def codes(client: KafkaDialog, batches: Iterable[bytes]) -> list[tuple[int, int]]:
    answers = [only(client.ask(produce(batch), 9)) for batch in batches]
    return [(one.error_code, one.base_offset) for one in answers]


def test_nobody_else_has_the_id(client: KafkaDialog) -> None:
    assert len({new_producer(client) for _ in range(5)}) == 5


def test_a_batch_that_comes_again_has_the_offset_it_had(client: KafkaDialog) -> None:
    """The producer did not hear the first answer. One of the last five is known again."""
    id = new_producer(client)
    batches = [numbered(id, sequence) for sequence in range(5)]
    first = codes(client, batches)
    assert first == [(0, offset) for offset in range(5)]
    assert codes(client, batches) == first


def test_a_gap_is_refused(client: KafkaDialog) -> None:
    id = new_producer(client)
    said = codes(client, [numbered(id, 0), numbered(id, 2)])
    assert said == [(0, 0), (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, -1)]


def test_an_older_epoch_is_refused(client: KafkaDialog) -> None:
    """Always as an invalid epoch here: that is what producers understand."""
    id = new_producer(client)
    said = codes(client, [numbered(id, 0, epoch=3), numbered(id, 1, epoch=2)])
    assert said == [(0, 0), (ErrorCode.INVALID_PRODUCER_EPOCH, -1)]


def test_transactions_are_refused_for_good(client: KafkaDialog) -> None:
    """53 is what every client takes for final."""
    for version in range(6):
        answer = client.ask(InitProducerIdRequest("my-transactions"), version)
        assert answer.error_code == ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
        assert answer.producer_id == -1


def test_half_an_identity(client: KafkaDialog) -> None:
    answer = client.ask(InitProducerIdRequest(producer_id=7))
    assert answer.error_code == ErrorCode.INVALID_REQUEST
