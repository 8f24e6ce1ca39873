"""Fetch: what consumers get, in which order, and when."""

from typing import Any

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import create_topics, delete_topics, produce
from anymq.protocols.kafka.schema.generated.fetch import (
    FetchPartition,
    FetchRequest,
    FetchResponse,
    FetchTopic,
    ForgottenTopic,
    PartitionData,
)
from anymq.storage import records
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

BATCH = records.build([Record(b"x" * 100)])
BY_NAME = 12


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    topics = [create_topics.CreatableTopic("orders", 3, 1)]
    client.ask(create_topics.CreateTopicsRequest(topics))
    return client


def send(room: KafkaRoom, partition: int = 0, batch: bytes = BATCH, topic: str = "orders") -> None:
    """Another client writes a batch."""
    data = [produce.PartitionProduceData(partition, batch)]
    request = produce.ProduceRequest(
        None, -1, 1000, [produce.TopicProduceData(topic, partition_data=data)]
    )
    answer = room.dialog().ask(request, 9)
    assert answer.responses[0].partition_responses[0].error_code == 0


def wanted(partition: int = 0, offset: int = 0, bytes_max: int = 1 << 20) -> FetchPartition:
    return FetchPartition(partition, fetch_offset=offset, partition_max_bytes=bytes_max)


def fetch(*partitions: FetchPartition, **options: Any) -> FetchRequest:
    return FetchRequest(
        max_wait_ms=options.pop("wait_ms", 0),
        min_bytes=options.pop("min_bytes", 1),
        max_bytes=options.pop("max_bytes", 1 << 25),
        topics=[FetchTopic("orders", partitions=list(partitions))] if partitions else [],
        **options,
    )


def said(response: FetchResponse) -> dict[int, PartitionData]:
    return {one.partition_index: one for topic in response.responses for one in topic.partitions}


def sizes(response: FetchResponse) -> dict[int, int]:
    return {index: len(one.records or b"") for index, one in said(response).items()}


# -- what there is


def test_batches_come_as_they_were_sent_but_for_offset_and_epoch(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    send(room)
    send(room)
    one = said(client.ask(fetch(wanted(offset=1)), BY_NAME))[0]
    assert one.high_watermark == one.last_stable_offset == 2
    assert one.log_start_offset == 0
    assert one.preferred_read_replica == -1
    assert one.aborted_transactions is None
    assert one.records is not None
    assert bytes(one.records)[16:] == BATCH[16:]
    assert bytes(one.records)[:8] == (1).to_bytes(8, "big")


def test_nothing_yet(client: KafkaDialog) -> None:
    one = said(client.ask(fetch(wanted()), BY_NAME))[0]
    assert (one.error_code, one.high_watermark, one.records) == (0, 0, b"")


def test_who_wants_only_what_is_committed_hears_of_aborted_transactions(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    """There are none, which is not the same as not to know."""
    send(room)
    one = said(client.ask(fetch(wanted(), isolation_level=1), BY_NAME))[0]
    assert one.aborted_transactions == []


def test_what_is_not_durable_is_not_seen(room: KafkaRoom, client: KafkaDialog) -> None:
    """A reader that saw it would have seen what a power cut may take back."""
    room.disk_waits = True
    data = [
        produce.TopicProduceData("orders", partition_data=[produce.PartitionProduceData(0, BATCH)])
    ]
    room.dialog().at(9) >> produce.ProduceRequest(None, -1, 1000, data) << None
    assert sizes(client.ask(fetch(wanted()), BY_NAME)) == {0: 0}
    room.disk_waits = False
    client.answers()
    assert sizes(client.ask(fetch(wanted()), BY_NAME)) == {0: len(BATCH)}


@pytest.mark.parametrize("offset", [-1, 2, 1000])
def test_an_offset_out_of_range(room: KafkaRoom, client: KafkaDialog, offset: int) -> None:
    send(room)
    one = said(client.ask(fetch(wanted(offset=offset)), BY_NAME))[0]
    assert one.error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    assert (one.high_watermark, one.log_start_offset) == (-1, -1)


def test_topics_and_partitions_nobody_knows(client: KafkaDialog) -> None:
    request = fetch(wanted(7))
    request.topics.append(FetchTopic("nothing", partitions=[wanted()]))
    answers = [one for topic in client.ask(request, BY_NAME).responses for one in topic.partitions]
    assert [one.error_code for one in answers] == [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION] * 2


def test_topics_by_their_ids(room: KafkaRoom, client: KafkaDialog) -> None:
    """A topic that was deleted, or made again under its name, is another one."""
    send(room)
    topic_id = room.broker.topic("orders").id
    request = fetch(wanted())
    request.topics[0].topic_id = topic_id
    request.topics[0].partitions.append(wanted(9))
    answer = client.ask(request)
    assert answer.responses[0].topic_id == topic_id
    assert said(answer)[9].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    client.ask(delete_topics.DeleteTopicsRequest([delete_topics.DeleteTopicState("orders")]))
    again = client.ask(request)
    assert said(again)[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


@pytest.mark.parametrize(("epoch", "code"), [(-1, 0), (0, 0), (5, ErrorCode.UNKNOWN_LEADER_EPOCH)])
def test_the_leader_epoch_a_client_knows(client: KafkaDialog, epoch: int, code: int) -> None:
    partition = wanted()
    partition.current_leader_epoch = epoch
    assert said(client.ask(fetch(partition), BY_NAME))[0].error_code == code


# -- limits


def test_the_first_batch_comes_whole_however_small_the_limits(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    """Else a reader of one big batch would never get on (KIP-74)."""
    send(room)
    send(room)
    answer = client.ask(fetch(wanted(bytes_max=1), max_bytes=1), BY_NAME)
    assert sizes(answer) == {0: len(BATCH)}


def test_the_whole_answer_has_a_limit_too(room: KafkaRoom, client: KafkaDialog) -> None:
    """And no partition begins with part of a batch: clients cannot make anything of that."""
    for partition in range(3):
        send(room, partition)
    limit = 2 * len(BATCH) + 10
    answer = client.ask(fetch(*map(wanted, range(3)), max_bytes=limit), BY_NAME)
    assert sizes(answer) == {0: len(BATCH), 1: len(BATCH), 2: 0}


def test_one_partition_does_not_take_all(room: KafkaRoom, client: KafkaDialog) -> None:
    for _ in range(3):
        send(room, 0)
    send(room, 1)
    small = len(BATCH) + 5
    answer = client.ask(fetch(wanted(0, bytes_max=small), wanted(1)), BY_NAME)
    assert sizes(answer) == {0: small, 1: len(BATCH)}


# -- waiting


def test_a_fetch_waits_for_news(room: KafkaRoom, client: KafkaDialog) -> None:
    client.at(BY_NAME) >> fetch(wanted(), wanted(1), wait_ms=500) << None
    send(room, 1)
    assert sizes(client.answer()) == {0: 0, 1: len(BATCH)}
    assert room.timers.next_due() is None


def test_it_waits_no_longer_than_the_client_likes(room: KafkaRoom, client: KafkaDialog) -> None:
    client.at(BY_NAME) >> fetch(wanted(), wait_ms=500) << None
    room.pass_time(0.4)
    client << None
    room.pass_time(0.2)
    assert sizes(client.answer()) == {0: 0}


def test_it_waits_for_as_many_bytes_as_the_client_likes(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    client.at(BY_NAME) >> fetch(wanted(), wanted(1), wait_ms=500, min_bytes=2 * len(BATCH)) << None
    send(room, 0)
    client << None
    send(room, 1)
    assert sizes(client.answer()) == {0: len(BATCH), 1: len(BATCH)}


def test_no_minimum_means_no_wait(client: KafkaDialog) -> None:
    assert sizes(client.ask(fetch(wanted(), wait_ms=500, min_bytes=0), BY_NAME)) == {0: 0}


def test_an_error_is_told_at_once(client: KafkaDialog) -> None:
    answer = client.ask(fetch(wanted(), wanted(1, offset=9), wait_ms=500), BY_NAME)
    assert said(answer)[1].error_code == ErrorCode.OFFSET_OUT_OF_RANGE


def test_what_is_unknown_does_not_make_the_rest_ask_again_and_again(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    """As with Kafka: else a consumer of ten partitions, one of them gone, would be a busy loop."""
    client.at(BY_NAME) >> fetch(wanted(), wanted(7), wait_ms=500) << None
    room.pass_time(1)
    assert said(client.answer())[7].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_only_unknown_partitions_are_no_reason_to_wait(client: KafkaDialog) -> None:
    answer = client.ask(fetch(wanted(7), wait_ms=500), BY_NAME)
    assert said(answer)[7].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_topic_deleted_meanwhile_ends_the_wait(room: KafkaRoom, client: KafkaDialog) -> None:
    client.at(BY_NAME) >> fetch(wanted(), wait_ms=500) << None
    room.dialog().ask(delete_topics.DeleteTopicsRequest([delete_topics.DeleteTopicState("orders")]))
    assert said(client.answer())[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


# -- sessions


def open_session(client: KafkaDialog, *partitions: FetchPartition) -> int:
    answer = client.ask(fetch(*partitions, session_epoch=0), BY_NAME)
    assert answer.error_code == 0
    assert answer.session_id > 0
    session_id: int = answer.session_id
    return session_id


def go_on(session_id: int, epoch: int, *partitions: FetchPartition, **options: int) -> FetchRequest:
    return fetch(*partitions, session_id=session_id, session_epoch=epoch, **options)


def test_a_session_repeats_only_what_has_changed(room: KafkaRoom, client: KafkaDialog) -> None:
    id = open_session(client, *map(wanted, range(3)))
    assert said(client.ask(go_on(id, 1), BY_NAME)) == {}
    send(room, 1)
    assert sizes(client.ask(go_on(id, 2), BY_NAME)) == {1: len(BATCH)}
    assert sizes(client.ask(go_on(id, 3, wanted(1, offset=1)), BY_NAME)) == {}


def test_a_session_tells_of_an_error_until_it_is_over(room: KafkaRoom, client: KafkaDialog) -> None:
    id = open_session(client, wanted(0, offset=1), wanted(1))
    for epoch in (1, 2):
        answer = client.ask(go_on(id, epoch), BY_NAME)
        assert said(answer)[0].error_code == ErrorCode.OFFSET_OUT_OF_RANGE
    send(room, 0)
    one = said(client.ask(go_on(id, 3), BY_NAME))[0]
    assert (one.error_code, one.high_watermark) == (0, 1)
    assert said(client.ask(go_on(id, 4), BY_NAME)) == {}


def test_partitions_take_turns(room: KafkaRoom, client: KafkaDialog) -> None:
    """Who had records goes to the end, so that a small answer is not always the first one's."""
    id = open_session(client, *map(wanted, range(3)))
    for partition in (0, 1, 0, 1):
        send(room, partition)
    limited = {"max_bytes": len(BATCH)}
    first = client.ask(go_on(id, 1, **limited), BY_NAME)
    second = client.ask(go_on(id, 2, wanted(0, offset=1), **limited), BY_NAME)
    assert [index for index, size in sizes(first).items() if size] == [0]
    assert [index for index, size in sizes(second).items() if size] == [1]


def test_partitions_come_and_go(room: KafkaRoom, client: KafkaDialog) -> None:
    id = open_session(client, wanted(0))
    request = go_on(id, 1, wanted(1))
    request.forgotten_topics_data = [ForgottenTopic("orders", partitions=[0])]
    assert list(said(client.ask(request, BY_NAME))) == [1]
    send(room, 0)
    assert said(client.ask(go_on(id, 2), BY_NAME)) == {}


def test_a_session_with_nothing_left_ends(client: KafkaDialog) -> None:
    id = open_session(client, wanted(0))
    request = go_on(id, 1)
    request.forgotten_topics_data = [ForgottenTopic("orders", partitions=[0])]
    answer = client.ask(request, BY_NAME)
    assert (answer.error_code, answer.session_id) == (0, 0)
    assert client.ask(go_on(id, 2), BY_NAME).error_code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_a_session_nobody_has(client: KafkaDialog) -> None:
    answer = client.ask(go_on(4711, 1), BY_NAME)
    assert (answer.error_code, answer.session_id) == (ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0)
    assert answer.responses == []


def test_a_request_that_comes_twice(client: KafkaDialog) -> None:
    """Client and broker would no longer agree on what was told: the client starts anew."""
    id = open_session(client, wanted(0))
    client.ask(go_on(id, 1), BY_NAME)
    again = client.ask(go_on(id, 1), BY_NAME)
    assert (again.error_code, again.session_id) == (ErrorCode.INVALID_FETCH_SESSION_EPOCH, 0)


def test_a_session_of_names_is_not_gone_on_with_by_ids(client: KafkaDialog) -> None:
    id = open_session(client, wanted(0))
    answer = client.ask(go_on(id, 1), 13)
    assert answer.error_code == ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR


def test_who_begins_anew_ends_the_session(client: KafkaDialog) -> None:
    id = open_session(client, wanted(0))
    new = client.ask(go_on(id, 0, wanted(0)), BY_NAME)
    assert new.session_id not in (0, id)
    last = client.ask(go_on(new.session_id, -1, wanted(0)), BY_NAME)
    assert (last.error_code, last.session_id, list(said(last))) == (0, 0, [0])
    for gone in (id, new.session_id):
        code = client.ask(go_on(gone, 1), BY_NAME).error_code
        assert code == ErrorCode.FETCH_SESSION_ID_NOT_FOUND


def test_a_session_waits_like_everyone(room: KafkaRoom, client: KafkaDialog) -> None:
    id = open_session(client, wanted(0), wanted(1))
    client.at(BY_NAME) >> go_on(id, 1, wait_ms=500) << None
    send(room, 1)
    assert sizes(client.answer()) == {1: len(BATCH)}


def test_older_clients_have_no_sessions(room: KafkaRoom, client: KafkaDialog) -> None:
    send(room)
    assert sizes(client.ask(fetch(wanted()), 4)) == {0: len(BATCH)}
    assert len(room.kafka.fetch_sessions) == 0


# -- compression that old clients do not know


def test_zstd_topics_are_not_for_old_clients(room: KafkaRoom, client: KafkaDialog) -> None:
    config = [create_topics.CreatableTopicConfig("compression.type", "zstd")]
    topics = [create_topics.CreatableTopic("packed", 1, 1, configs=config)]
    client.ask(create_topics.CreateTopicsRequest(topics))
    request = fetch(wanted())
    request.topics[0].topic = "packed"
    answer = client.ask(request, 9)
    assert said(answer)[0].error_code == ErrorCode.UNSUPPORTED_COMPRESSION_TYPE
    assert said(client.ask(request, 10))[0].error_code == 0
