"""Consuming: from where one asks, as soon as there is something, free while there is not."""

import json
import time

import pytest
from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from tests.conformance.kafka.clients import (
    ANSWER_SECONDS,
    consumer,
    flush,
    poll_until,
    produce,
    producer,
    raise_if_refused,
    reach_end,
    read,
    take,
    take_nothing,
    values,
)
from tests.conformance.kafka.conftest import MakeTopic

QUIET_SECONDS = 0.4
MINUTE_MS = 60_000


def numbers(first: int, last: int) -> list[bytes | None]:
    """Messages that say their offset."""
    return [b"%d" % number for number in range(first, last)]


def test_from_the_end_one_sees_only_what_comes_later(kafka: str, topic: str) -> None:
    produce(kafka, topic, numbers(0, 5))
    with consumer(kafka, enable_partition_eof=True) as client:
        client.assign([TopicPartition(topic, 0, OFFSET_END)])
        reach_end(client)
        produce(kafka, topic, [b"later"])
        assert values(take(client, 1)) == [b"later"]


def test_reading_starts_at_any_offset(kafka: str, topic: str) -> None:
    """Also inside a batch: the broker sends the whole batch, the client skips."""
    produce(kafka, topic, numbers(0, 100), linger_ms=20)
    with consumer(kafka) as client:
        client.assign([TopicPartition(topic, 0, 42)])
        assert values(take(client, 58)) == numbers(42, 100)


def test_seek_goes_back_and_forth(kafka: str, topic: str) -> None:
    produce(kafka, topic, numbers(0, 20))
    with consumer(kafka) as client:
        client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        take(client, 20)
        for offset in (3, 17, 0):
            client.seek(TopicPartition(topic, 0, offset))
            assert values(take(client, 2)) == numbers(offset, offset + 2)


def test_a_paused_partition_stays_silent_until_resumed(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=2)
    paused = [TopicPartition(topic, 0)]
    with consumer(kafka) as client:
        client.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in (0, 1)])
        client.pause(paused)
        sender = producer(kafka)
        for partition in (0, 1):
            sender.produce(topic, b"%d" % partition, partition=partition)
        flush(sender)
        assert values(take(client, 1)) == [b"1"]
        take_nothing(client, QUIET_SECONDS)
        client.resume(paused)
        assert values(take(client, 1)) == [b"0"]


@pytest.mark.parametrize(("reset", "seen"), [("earliest", b"0"), ("latest", b"later")])
def test_an_offset_beyond_the_end_is_reset_as_the_client_wishes(
    kafka: str, topic: str, reset: str, seen: bytes
) -> None:
    produce(kafka, topic, numbers(0, 1))
    at_end = reset == "latest"
    with consumer(kafka, auto_offset_reset=reset, enable_partition_eof=at_end) as client:
        client.assign([TopicPartition(topic, 0, 1000)])
        if at_end:
            reach_end(client)
            produce(kafka, topic, [b"later"])
        assert values(take(client, 1)) == [seen]


def test_an_offset_beyond_the_end_is_an_error_for_who_asked_for_one(kafka: str, topic: str) -> None:
    with consumer(kafka, auto_offset_reset="error") as client:
        client.assign([TopicPartition(topic, 0, 1000)])
        message = client.poll(ANSWER_SECONDS)
        assert message is not None
        error = message.error()
        assert error is not None
        assert error.code() == KafkaError._AUTO_OFFSET_RESET


def test_the_ends_of_a_partition_are_known(kafka: str, topic: str) -> None:
    with consumer(kafka) as client:
        assert client.get_watermark_offsets(TopicPartition(topic, 0)) == (0, 0)
        produce(kafka, topic, numbers(0, 7))
        assert client.get_watermark_offsets(TopicPartition(topic, 0)) == (0, 7)


def test_offsets_are_found_by_time(kafka: str, topic: str) -> None:
    """The first message at or after a time, even inside a batch; the end when there is none."""
    start_ms = int(time.time() * 1000) - 10 * MINUTE_MS
    sender = producer(kafka, linger_ms=20)
    for number in range(10):
        sender.produce(topic, b"%d" % number, partition=0, timestamp=start_ms + number * 1000)
    flush(sender)
    asked = {start_ms - 1: 0, start_ms: 0, start_ms + 3500: 4, start_ms + 9000: 9}
    with consumer(kafka) as client:
        for at_ms, offset in asked.items():
            assert offset_at(client, topic, at_ms) == offset
        assert offset_at(client, topic, start_ms + 9001) == OFFSET_END


def offset_at(client: Consumer, topic: str, at_ms: int) -> int:
    (found,) = client.offsets_for_times([TopicPartition(topic, 0, at_ms)], ANSWER_SECONDS)
    return int(found.offset)


def test_deleted_records_are_gone_and_reading_starts_behind_them(
    kafka: str, admin: AdminClient, topic: str
) -> None:
    produce(kafka, topic, numbers(0, 10))
    deleted = admin.delete_records([TopicPartition(topic, 0, 6)])
    (result,) = [each.result(ANSWER_SECONDS) for each in deleted.values()]
    assert result.low_watermark == 6
    assert values(read(kafka, topic, 4)) == numbers(6, 10)


def test_a_message_that_is_waited_for_comes_at_once(kafka: str, topic: str) -> None:
    """A fetch that waits is answered by the append, not by its time-out."""
    with consumer(kafka, fetch_wait_max_ms=10_000) as client:
        client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        take_nothing(client, QUIET_SECONDS)
        sender = producer(kafka, linger_ms=0)
        sender.produce(topic, b"warm", on_delivery=raise_if_refused)
        flush(sender)
        take(client, 1)
        before = time.monotonic()
        sender.produce(topic, b"hot", on_delivery=raise_if_refused)
        take(client, 1)
        assert time.monotonic() - before < 2.0
        flush(sender)


def test_waiting_costs_a_request_per_wait_and_no_more(kafka: str, topic: str) -> None:
    counted: list[int] = []

    def count(statistics: str) -> None:
        brokers = json.loads(statistics)["brokers"].values()
        counted.append(sum(each.get("req", {}).get("Fetch", 0) for each in brokers))

    with consumer(
        kafka, fetch_wait_max_ms=500, statistics_interval_ms=250, stats_cb=count
    ) as client:
        client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        take_nothing(client, 2.6)
    assert 1 <= counted[-1] <= 8


def test_a_fetch_waits_for_as_many_bytes_as_it_asked(kafka: str, topic: str) -> None:
    with consumer(kafka, fetch_wait_max_ms=1500, fetch_min_bytes=100_000) as client:
        client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        take_nothing(client, QUIET_SECONDS)
        produce(kafka, topic, [b"little"])
        take_nothing(client, QUIET_SECONDS)
        assert values(take(client, 1)) == [b"little"]
        produce(kafka, topic, [b"x" * 120_000])
        before = time.monotonic()
        take(client, 1)
        assert time.monotonic() - before < 1.4


def test_a_message_above_the_fetch_limits_comes_nevertheless(kafka: str, topic: str) -> None:
    """Otherwise the consumer would be stuck before it for ever."""
    produce(kafka, topic, [b"x" * 200_000, b"next"])
    with consumer(kafka, max_partition_fetch_bytes=1000, fetch_max_bytes=1_000_000) as client:
        client.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        assert values(take(client, 2)) == [b"x" * 200_000, b"next"]


def test_one_consumer_follows_many_partitions(kafka: str, make_topic: MakeTopic) -> None:
    """Fetch sessions: after the first, a fetch names only what changed."""
    partitions = range(300)
    topic = make_topic(partitions=len(partitions))
    with consumer(kafka) as client:
        client.assign([TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions])
        for round_number in range(3):
            sender = producer(kafka)
            for partition in partitions:
                sender.produce(topic, b"%d" % round_number, partition=partition)
            flush(sender)
            came = take(client, len(partitions))
            assert sorted(partitions_of(came)) == list(partitions)
            assert set(values(came)) == {b"%d" % round_number}


def partitions_of(messages: list[Message]) -> list[int]:
    return [each.partition() or 0 for each in messages]


def test_partitions_come_and_go_in_what_is_followed(kafka: str, make_topic: MakeTopic) -> None:
    topic = make_topic(partitions=4)
    places = [TopicPartition(topic, each, OFFSET_BEGINNING) for each in range(4)]
    with consumer(kafka) as client:
        client.assign(places[:2])
        take_nothing(client, QUIET_SECONDS)
        client.incremental_assign(places[2:])
        client.incremental_unassign(places[:1])
        sender = producer(kafka)
        for place in places:
            sender.produce(topic, b"x", partition=place.partition)
        flush(sender)
        assert sorted(partitions_of(take(client, 3))) == [1, 2, 3]
        take_nothing(client, QUIET_SECONDS)


def test_a_topic_that_is_not_there_is_an_error(kafka: str, name: str) -> None:
    with consumer(kafka, allow_auto_create_topics=False) as client:
        client.subscribe([name])
        message = client.poll(ANSWER_SECONDS)
        assert message is not None
        error = message.error()
        assert error is not None
        assert error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_watermarks_of_what_is_not_there_are_refused(kafka: str, topic: str) -> None:
    with consumer(kafka) as client, pytest.raises(KafkaException):
        client.get_watermark_offsets(TopicPartition(topic, 99), timeout=ANSWER_SECONDS)


def test_a_deleted_and_remade_topic_starts_anew(
    kafka: str, admin: AdminClient, make_topic: MakeTopic, name: str
) -> None:
    produce(kafka, name, numbers(0, 5))
    admin.delete_topics([name])[name].result(ANSWER_SECONDS)
    with consumer(kafka) as client:
        poll_until([client], lambda: name not in client.list_topics().topics)
    produce(kafka, name, [b"new"])
    messages = read(kafka, name, 1)
    assert (messages[0].offset(), messages[0].value()) == (0, b"new")
