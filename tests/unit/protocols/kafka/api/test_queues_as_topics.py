"""Queues as Kafka's clients know them: a share group consumes, producers write, readers look."""

from typing import Any
from uuid import UUID

import pytest
from tests.unit.protocols.kafka.api.share_words import (
    ACCEPT,
    LOCK_SECONDS,
    REJECT,
    RELEASE,
    ack_code,
    beat,
    fetching,
    got,
    id_of,
    put,
    queue,
    settling,
)

from anymq.core.shares.group import Heartbeat
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    create_topics,
    fetch,
    list_offsets,
    metadata,
    offset_commit,
    produce,
)
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.compression import Compression
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    topics = [create_topics.CreatableTopic("orders", 1, 1)]
    topics.append(create_topics.CreatableTopic("wide", 3, 1))
    client.ask(create_topics.CreateTopicsRequest(topics))
    room.broker.shares.beat("workers", Heartbeat(member_id="first", epoch=0, topics=["orders"]))
    room.broker.shares.leave("workers", "first")  # there is such a group
    return client


# -- messages of queues


def test_a_queue_is_a_topic_of_one_partition(room: KafkaRoom, client: KafkaDialog) -> None:
    queue(room)
    (topic,) = client.ask(
        metadata.MetadataRequest([metadata.MetadataRequestTopic(name="work")])
    ).topics
    assert [one.partition_index for one in topic.partitions] == [0]
    by_id = [metadata.MetadataRequestTopic(topic.topic_id, None)]
    (again,) = client.ask(metadata.MetadataRequest(by_id)).topics
    assert (again.name, again.error_code) == ("work", 0)
    everything = client.ask(metadata.MetadataRequest(None)).topics
    assert "work" not in [one.name for one in everything]  # asked for by name only
    room.broker.vhost("/").declare_queue("mine", owner=object())
    (mine,) = client.ask(
        metadata.MetadataRequest([metadata.MetadataRequestTopic(name="mine")])
    ).topics
    assert mine.error_code == ErrorCode.TOPIC_ALREADY_EXISTS  # nobody else may use it


def test_a_member_consumes_a_queue(room: KafkaRoom, client: KafkaDialog) -> None:
    work = queue(room)
    put(room, "work", b"a", b"b", b"c")
    joined = beat(client, "ada", topics=["work"])
    assert joined.assignment is not None
    (part,) = joined.assignment.topic_partitions
    answer = client.ask(fetching(part.topic_id))
    assert got(answer) == [(0, 2, 1)]
    batch = answer.responses[0].partitions[0].records
    assert [record.value for record in records.iterate(batch)] == [b"a", b"b", b"c"]
    assert (work.ready, work.unacked, work.consumer_count) == (0, 3, 1)
    said = settling(part.topic_id, 1, (0, 2, [ACCEPT, RELEASE, REJECT]))
    assert ack_code(client.ask(said)) == 0
    assert (work.ready, work.unacked) == (1, 0)
    assert got(client.ask(fetching(part.topic_id, 2))) == [(1, 1, 2)]
    client.hang_up()
    assert (work.ready, work.unacked, work.consumer_count) == (1, 0, 0)


def test_a_fetch_waits_for_a_queue_and_has_credit_only_then(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    work = queue(room)
    topic = id_of(client, "work")
    client >> fetching(topic, max_wait_ms=1000) << None
    put(room, "work", b"a")
    assert got(client.answer()) == [(0, 0, 1)]
    put(room, "work", b"b")
    assert (work.ready, work.unacked) == (1, 1)  # nobody asks just now
    assert got(client.ask(fetching(topic, 1))) == [(1, 1, 1)]
    client >> fetching(topic, 2, max_wait_ms=1000) << None
    room.pass_time(1)
    assert got(client.answer()) == []
    put(room, "work", b"c")
    assert work.ready == 1


def test_a_lock_on_a_message_of_a_queue_ends(room: KafkaRoom, client: KafkaDialog) -> None:
    work = queue(room, "work", **{"x-queue-type": "quorum"})
    put(room, "work", b"a")
    topic = id_of(client, "work")
    client.ask(fetching(topic))
    room.pass_time(LOCK_SECONDS)
    assert (work.ready, work.unacked) == (1, 0)
    late = client.ask(settling(topic, 1, (0, 0, [ACCEPT])))
    assert ack_code(late) == ErrorCode.INVALID_RECORD_STATE
    assert got(client.ask(fetching(topic, 2))) == [(0, 0, 2)]


def test_what_is_urgent_comes_first(room: KafkaRoom, client: KafkaDialog) -> None:
    """Offsets name the level, and stay what they are; each answer counts upwards."""
    work = queue(room, "work", **{"x-max-priority": 9})
    for priority in (0, 9, 4):
        put(room, "work", b"%d" % priority, b"%d" % priority, priority=priority)
    topic = id_of(client, "work")
    values: list[bytes] = []
    acks: list[tuple[int, int, list[int]]] = []
    for epoch in range(3):
        answer = client.ask(fetching(topic, epoch, acks=acks))
        ((first, last, _),) = got(answer)
        assert 0 <= first == last - 1
        acks = [(first, last, [ACCEPT])]
        batch = answer.responses[0].partitions[0].records
        values += [record.value or b"" for record in records.iterate(batch)]
    assert ack_code(client.ask(fetching(topic, 3, acks=acks))) == 0
    assert (work.ready, work.unacked) == (0, 0)
    assert values == [b"9", b"9", b"4", b"4", b"0", b"0"]


def test_a_queue_that_somebody_has_for_himself(room: KafkaRoom, client: KafkaDialog) -> None:
    work = queue(room)
    other = room.dialog()
    topic = id_of(client, "work")
    assert got(other.ask(fetching(topic, member="bob"))) == []
    (only,) = work.consumers
    only.exclusive = True
    answer = client.ask(fetching(topic))
    part = answer.responses[0].partitions[0]
    assert part.error_code == ErrorCode.UNKNOWN_SERVER_ERROR
    assert part.error_message == "queue 'work' in vhost '/' in exclusive use"


def test_a_queue_that_goes(room: KafkaRoom, client: KafkaDialog) -> None:
    work = queue(room)
    put(room, "work", b"a")
    topic = id_of(client, "work")
    client.ask(fetching(topic))
    client >> fetching(topic, 1, max_wait_ms=1000) << None
    room.broker.vhost("/").delete_queue(work.name)
    answer = client.answer()
    assert answer.responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
    gone = client.ask(settling(topic, 2, (0, 0, [ACCEPT])))
    assert ack_code(gone) == ErrorCode.UNKNOWN_TOPIC_ID


# -- writing to queues


def sent(room: KafkaRoom, client: KafkaDialog, batch: bytes, name: str = "work") -> Any:
    data = [produce.PartitionProduceData(0, batch)]
    topics = [produce.TopicProduceData("", id_of(client, name), data)]
    client >> produce.ProduceRequest(None, -1, 1000, topics)
    room.broker.turn.run()
    return client.answer().responses[0].partition_responses[0]


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.GZIP])
def test_a_producer_writes_to_a_queue(
    room: KafkaRoom, client: KafkaDialog, compression: Compression
) -> None:
    """The key is no address: the message stays where it was sent."""
    work = queue(room)
    headers = ((b"content-type", b"text/plain"), (b"tenant", b"blue"))
    new = [Record(b"a", b"customer-7", headers, 5000), Record(b"b", None, (), 5000)]
    entry = sent(room, client, records.build(new, compression=compression))
    assert (entry.error_code, entry.base_offset) == (0, -1)
    first, second = (one.message for one in work.browse(0, 10))
    assert [first.envelope.routing_key, second.envelope.routing_key] == ["work", "work"]
    assert [first.body, second.body] == [b"a", b"b"]
    says = first.read()
    assert (says.content_type, says.timestamp, says.delivery_mode) == ("text/plain", 5, 2)
    assert says.headers == {"tenant": "blue", "x-key": "customer-7"}
    answer = client.ask(fetching(id_of(client, "work")))
    batch = answer.responses[0].partitions[0].records
    assert [(one.key, one.value, one.headers) for one in records.iterate(batch)] == [
        (b"customer-7", b"a", headers),
        (None, b"b", ()),
    ]


def test_what_a_producer_sends_again_is_there_once(room: KafkaRoom, client: KafkaDialog) -> None:
    work = queue(room)
    first = records.build([Record(b"a")], producer_id=7, producer_epoch=0, base_sequence=0)
    assert [sent(room, client, first).error_code for _ in range(2)] == [0, 0]
    later = records.build([Record(b"c")], producer_id=7, producer_epoch=0, base_sequence=5)
    assert sent(room, client, later).error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert work.ready == 1


def test_queues_that_take_nothing_more(room: KafkaRoom, client: KafkaDialog) -> None:
    """A producer that may try again is told so; what was refused is no repetition."""
    queue(room, "work", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    batch = b""
    for sequence, code in ((0, 0), (1, ErrorCode.POLICY_VIOLATION)):
        batch = records.build(
            [Record(b"a")], producer_id=7, producer_epoch=0, base_sequence=sequence
        )
        assert sent(room, client, batch).error_code == code
    assert sent(room, client, batch).error_code == ErrorCode.POLICY_VIOLATION


# -- looking at queues


def looked(client: KafkaDialog, topic: UUID, offset: int, **other: Any) -> list[tuple[int, bytes]]:
    """Return what a plain fetch shows from an offset on."""
    client >> looking(topic, offset, **other)
    return shown(client.answer())


def looking(topic: UUID, offset: int, **other: Any) -> fetch.FetchRequest:
    wanted = [fetch.FetchPartition(0, fetch_offset=offset, partition_max_bytes=1000)]
    asked = {"max_bytes": 10_000, "min_bytes": 1, **other}
    return fetch.FetchRequest(**asked, topics=[fetch.FetchTopic("", topic, wanted)])


def shown(answer: fetch.FetchResponse) -> list[tuple[int, bytes]]:
    part = answer.responses[0].partitions[0]
    assert part.error_code == 0
    data, found = bytes(part.records or b""), []
    while data:
        size = read_header(data).size
        found += [(one.offset, one.value or b"") for one in records.iterate(data[:size])]
        data = data[size:]
    return found


def offset_of(client: KafkaDialog, timestamp: int) -> tuple[int, int]:
    wanted = [list_offsets.ListOffsetsPartition(0, -1, timestamp)]
    asked = list_offsets.ListOffsetsRequest(topics=[list_offsets.ListOffsetsTopic("work", wanted)])
    part = client.ask(asked).topics[0].partitions[0]
    assert part.error_code == 0
    return part.offset, part.timestamp


def test_who_looks_takes_nothing(room: KafkaRoom, client: KafkaDialog) -> None:
    """Once more it shows the same; what is out or settled it does not show."""
    work = queue(room)
    put(room, "work", b"a", b"b", b"c", b"d")
    topic = id_of(client, "work")
    for _ in range(2):
        assert looked(client, topic, 0) == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d")]
    assert looked(client, topic, 2) == [(2, b"c"), (3, b"d")]
    assert (work.ready, work.unacked, work.consumer_count) == (4, 0, 0)
    client.ask(fetching(topic, max_records=2))
    client.ask(fetching(topic, 1, acks=[(1, 1, [ACCEPT])], max_records=0))
    assert looked(client, topic, 0) == [(2, b"c"), (3, b"d")]
    client.ask(fetching(topic, 2, acks=[(0, 0, [RELEASE])], max_records=0))
    assert looked(client, topic, 0) == [(0, b"a"), (2, b"c"), (3, b"d")]


def test_where_a_queue_begins_and_ends(room: KafkaRoom, client: KafkaDialog) -> None:
    queue(room)
    earliest_, latest, newest = -2, -1, -3
    assert offset_of(client, earliest_) == offset_of(client, latest) == (0, -1)
    put(room, "work", b"a")
    room.pass_time(10)
    put(room, "work", b"b")
    now_ms = room.clock.wall_ms()
    assert (offset_of(client, earliest_), offset_of(client, latest)) == ((0, -1), (2, -1))
    assert offset_of(client, now_ms) == (1, now_ms)
    assert offset_of(client, now_ms + 1) == offset_of(client, newest) == (-1, -1)


def test_who_looks_waits_for_news(room: KafkaRoom, client: KafkaDialog) -> None:
    queue(room)
    topic = id_of(client, "work")
    client >> looking(topic, 0, max_wait_ms=5000) << None
    put(room, "work", b"a")
    room.pass_time(0.1)
    assert shown(client.answer()) == [(0, b"a")]
    client >> looking(topic, 1, max_wait_ms=5000) << None
    room.broker.vhost("/").delete_queue("work")
    room.pass_time(0.1)
    assert client.answer().responses[0].partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID
    due = room.timers.next_due()
    assert due is None or due > room.clock.seconds  # nobody looks any more


def test_limits_of_looking(room: KafkaRoom, client: KafkaDialog) -> None:
    """One message at least, however large; then as many as fit."""
    queue(room)
    put(room, "work", b"x" * 3000, b"y" * 600, b"z" * 600)
    topic = id_of(client, "work")
    assert [offset for offset, _ in looked(client, topic, 0)] == [0]
    assert [offset for offset, _ in looked(client, topic, 1)] == [1]


def test_of_priorities_only_the_default_level_is_shown(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    queue(room, "work", **{"x-max-priority": 9})
    put(room, "work", b"urgent", priority=9)
    put(room, "work", b"a", b"b", priority=0)
    assert looked(client, id_of(client, "work"), 0) == [(0, b"a"), (1, b"b")]


def test_a_group_may_note_how_far_it_has_looked(room: KafkaRoom, client: KafkaDialog) -> None:
    queue(room)
    wanted = [offset_commit.OffsetCommitRequestPartition(0, 1)]
    topics = [offset_commit.OffsetCommitRequestTopic("", id_of(client, "work"), wanted)]
    answer = client.ask(offset_commit.OffsetCommitRequest("readers", topics=topics))
    assert answer.topics[0].partitions[0].error_code == 0
