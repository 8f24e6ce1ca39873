"""Producing: what was acknowledged is there, as it was sent, for every client."""

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError, Message

from tests.conformance.kafka.clients import flush, produce, producer, raise_if_refused, read, values
from tests.conformance.kafka.conftest import MakeTopic
from tests.conformance.kafka.other_clients import (
    COMPRESSIONS,
    READERS,
    WRITERS,
    Reader,
    Writer,
)

HUNDRED = [b"message %d" % number for number in range(100)]
KIB = 1024


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_messages_arrive_in_order_whatever_acknowledgement_was_asked(
    kafka: str, topic: str, acks: str
) -> None:
    produce(kafka, topic, HUNDRED, acks=acks)
    messages = read(kafka, topic, len(HUNDRED))
    assert values(messages) == HUNDRED
    assert [message.offset() for message in messages] == list(range(100))


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS.keys())
def test_what_one_client_compressed_another_reads(
    kafka: str, topic: str, writer: Writer, reader: Reader, compression: str
) -> None:
    """The broker never unpacks: only the two clients know what is inside."""
    sent = [b"%d " % number + b"compressible " * 40 for number in range(50)]
    writer(kafka, topic, sent, compression)
    assert reader(kafka, topic, len(sent)) == sent


def test_key_headers_and_time_come_back_as_they_were_sent(kafka: str, topic: str) -> None:
    client = producer(kafka)
    headers = [("trace", b"\x00\x01"), ("trace", b"again"), ("none", None), ("empty", b"")]
    client.produce(topic, b"value", b"key", timestamp=1_700_000_000_123, headers=list(headers))
    flush(client)
    (message,) = read(kafka, topic, 1)
    assert (message.key(), message.value(), message.headers()) == (b"key", b"value", headers)
    assert message.timestamp() == (TIMESTAMP_CREATE_TIME, 1_700_000_000_123)


def test_null_and_empty_stay_different(kafka: str, topic: str) -> None:
    """A null value deletes its key when the topic is compacted; an empty one is a value."""
    client = producer(kafka)
    for key, value in ((b"gone", None), (b"", b""), (None, b"no key")):
        client.produce(topic, value, key, on_delivery=raise_if_refused)
    flush(client)
    messages = read(kafka, topic, 3)
    assert [(each.key(), each.value()) for each in messages] == [
        (b"gone", None),
        (b"", b""),
        (None, b"no key"),
    ]


def test_a_large_message_arrives_whole(kafka: str, topic: str) -> None:
    large = bytes(range(256)) * 4 * 900
    produce(kafka, topic, [large])
    assert values(read(kafka, topic, 1)) == [large]


def test_too_large_a_message_is_refused_and_the_next_is_taken(
    kafka: str, make_topic: MakeTopic
) -> None:
    topic = make_topic(config={"max.message.bytes": "2000"})
    errors: list[KafkaError | None] = []
    client = producer(kafka)
    for size in (5000, 100):
        client.produce(topic, b"x" * size, on_delivery=lambda error, _: errors.append(error))
        flush(client)
    assert errors[0] is not None
    assert errors[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
    assert errors[1] is None
    assert values(read(kafka, topic, 1)) == [b"x" * 100]


def test_an_idempotent_producer_writes_each_message_once(kafka: str, topic: str) -> None:
    sent = [b"%d" % number for number in range(5000)]
    produce(kafka, topic, sent, enable_idempotence=True, batch_num_messages=100)
    assert values(read(kafka, topic, len(sent))) == sent


def test_two_idempotent_producers_do_not_disturb_each_other(kafka: str, topic: str) -> None:
    first, second = (producer(kafka, enable_idempotence=True) for _ in range(2))
    for number in range(20):
        for client in (first, second):
            client.produce(topic, b"%d" % number, on_delivery=raise_if_refused)
            flush(client)
    assert len(read(kafka, topic, 40)) == 40


def test_the_broker_stamps_its_own_time_where_the_topic_says_so(
    kafka: str, make_topic: MakeTopic
) -> None:
    topic = make_topic(config={"message.timestamp.type": "LogAppendTime"})
    told: list[Message] = []
    client = producer(kafka, acks="all")
    client.produce(topic, b"old", timestamp=1_000, on_delivery=lambda _, each: told.append(each))
    flush(client)
    (message,) = read(kafka, topic, 1)
    kind, at_ms = message.timestamp()
    assert kind == TIMESTAMP_LOG_APPEND_TIME
    assert at_ms > 1_700_000_000_000
    assert told[0].timestamp() == (TIMESTAMP_LOG_APPEND_TIME, at_ms)


def test_the_receipt_says_where_the_message_is(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=3)
    told: list[Message] = []
    client = producer(kafka)
    for partition in (0, 1, 2, 1):
        client.produce(
            topic, b"x", partition=partition, on_delivery=lambda _, each: told.append(each)
        )
    flush(client)
    places = sorted((each.partition(), each.offset()) for each in told)
    assert places == [(0, 0), (1, 0), (1, 1), (2, 0)]


def test_a_message_without_key_is_refused_where_keys_decide_what_stays(
    kafka: str, make_topic: MakeTopic
) -> None:
    topic = make_topic(config={"cleanup.policy": "compact"})
    errors: list[KafkaError | None] = []
    client = producer(kafka)
    client.produce(topic, b"no key", on_delivery=lambda error, _: errors.append(error))
    flush(client)
    assert errors[0] is not None
    assert errors[0].code() == KafkaError.INVALID_RECORD
    client.produce(topic, b"value", b"key", on_delivery=raise_if_refused)
    flush(client)


def test_a_topic_is_made_when_it_is_first_named(kafka: str, name: str) -> None:
    """A newcomer's first produce must not fail; the new topic has one partition."""
    client = producer(kafka)
    client.produce(name, b"first", on_delivery=raise_if_refused)
    flush(client)
    assert values(read(kafka, name, 1)) == [b"first"]
    assert list(client.list_topics(name).topics[name].partitions) == [0]


def test_an_impossible_topic_name_is_refused(kafka: str) -> None:
    errors: list[KafkaError | None] = []
    client = producer(kafka)
    client.produce("no/slashes", b"x", on_delivery=lambda error, _: errors.append(error))
    flush(client)
    assert errors[0] is not None
    assert errors[0].code() == KafkaError.TOPIC_EXCEPTION
