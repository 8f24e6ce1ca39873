"""Share groups over the wire: who gets what, who may settle it, and when it comes again."""

from typing import Any
from uuid import UUID

import pytest

from anymq.core.message import Envelope, Message, Properties, Run
from anymq.core.queues.queue import Queue
from anymq.core.shares.group import Heartbeat
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    alter_share_group_offsets,
    create_topics,
    delete_groups,
    delete_share_group_offsets,
    delete_topics,
    describe_share_group_offsets,
    incremental_alter_configs,
    join_group,
    list_groups,
    metadata,
    produce,
    share_acknowledge,
    share_fetch,
    share_group_describe,
)
from anymq.protocols.kafka.schema.generated.share_group_heartbeat import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
)
from anymq.storage import records
from anymq.storage.compression import Compression
from anymq.storage.records import Record
from anymq.testing.kafka import KafkaDialog, KafkaRoom

GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)
LEAVES = FINAL = -1
SESSION_SECONDS, LOCK_SECONDS = 45.0, 30.0


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    topics = [create_topics.CreatableTopic("orders", 1, 1)]
    topics.append(create_topics.CreatableTopic("wide", 3, 1))
    client.ask(create_topics.CreateTopicsRequest(topics))
    room.broker.shares.beat("workers", Heartbeat(member_id="first", epoch=0, topics=["orders"]))
    room.broker.shares.leave("workers", "first")  # there is such a group
    return client


def id_of(client: KafkaDialog, name: str) -> UUID:
    asked = metadata.MetadataRequest([metadata.MetadataRequestTopic(name=name)])
    (topic,) = client.ask(asked).topics
    assert topic.error_code == 0
    found: UUID = topic.topic_id
    return found


def beat(
    client: KafkaDialog,
    member: str,
    epoch: int = 0,
    topics: list[str] | None = None,
    group: str = "workers",
) -> ShareGroupHeartbeatResponse:
    asked = ShareGroupHeartbeatRequest(group, member, epoch, None, topics)
    answer: ShareGroupHeartbeatResponse = client.ask(asked)
    return answer


def earliest(client: KafkaDialog, group: str = "workers") -> None:
    config(client, group, "share.auto.offset.reset", "earliest")


def config(client: KafkaDialog, group: str, name: str, value: str) -> int:
    changes = [incremental_alter_configs.AlterableConfig(name, 0, value)]
    resource = incremental_alter_configs.AlterConfigsResource(32, group, changes)
    asked = incremental_alter_configs.IncrementalAlterConfigsRequest([resource])
    return int(client.ask(asked).responses[0].error_code)


def write(client: KafkaDialog, topic: str, *values: bytes, partition: int = 0) -> None:
    """As one batch."""
    batch = records.build([Record(value) for value in values])
    name = "" if topic else topic
    data = [produce.PartitionProduceData(partition, batch)]
    topics = [produce.TopicProduceData(name, id_of(client, topic), data)]
    answer = client.ask(produce.ProduceRequest(None, -1, 1000, topics))
    assert answer.responses[0].partition_responses[0].error_code == 0


def fetching(
    topic: UUID,
    epoch: int = 0,
    *,
    member: str = "ada",
    group: str = "workers",
    partitions: tuple[int, ...] = (0,),
    acks: list[tuple[int, int, list[int]]] | None = None,
    **other: Any,
) -> share_fetch.ShareFetchRequest:
    batches = [share_fetch.AcknowledgementBatch(*ack) for ack in acks or ()]
    wanted = [share_fetch.FetchPartition(one, batches) for one in partitions]
    return share_fetch.ShareFetchRequest(
        group,
        member,
        epoch,
        **{"max_records": 500, "max_wait_ms": 0, **other},
        topics=[share_fetch.FetchTopic(topic, wanted)],
    )


def settling(
    topic: UUID, epoch: int, *acks: tuple[int, int, list[int]], member: str = "ada"
) -> share_acknowledge.ShareAcknowledgeRequest:
    batches = [share_acknowledge.AcknowledgementBatch(*ack) for ack in acks]
    wanted = [share_acknowledge.AcknowledgePartition(0, batches)]
    topics = [share_acknowledge.AcknowledgeTopic(topic, wanted)]
    return share_acknowledge.ShareAcknowledgeRequest("workers", member, epoch, False, topics)


def got(answer: share_fetch.ShareFetchResponse) -> list[tuple[int, int, int]]:
    """Return (first, last, how often) of what was handed out."""
    assert answer.error_code == 0
    return [
        (one.first_offset, one.last_offset, one.delivery_count)
        for topic in answer.responses
        for part in topic.partitions
        for one in part.acquired_records
    ]


def ack_code(answer: Any) -> int:
    """Return how settling went."""
    part = answer.responses[0].partitions[0]
    return int(getattr(part, "acknowledge_error_code", part.error_code))


# -- members


def test_a_member_comes_lives_and_goes(client: KafkaDialog) -> None:
    orders = id_of(client, "orders")
    joined = beat(client, "ada", topics=["orders"])
    assert (joined.error_code, joined.member_epoch, joined.heartbeat_interval_ms) == (0, 1, 5000)
    assert joined.assignment is not None
    (part,) = joined.assignment.topic_partitions
    assert (part.topic_id, part.partitions) == (orders, [0])
    assert beat(client, "ada", 1).assignment is None  # nothing new
    assert beat(client, "ada", LEAVES).error_code == 0
    assert beat(client, "ada", 1).error_code == ErrorCode.UNKNOWN_MEMBER_ID


@pytest.mark.parametrize(
    ("group", "member", "epoch", "topics", "code"),
    [
        ("", "ada", 0, ["orders"], ErrorCode.INVALID_REQUEST),
        ("w" * 1001, "ada", 0, ["orders"], ErrorCode.INVALID_REQUEST),
        ("workers", "", 0, ["orders"], ErrorCode.INVALID_REQUEST),
        ("workers", "x" * 256, 0, ["orders"], ErrorCode.INVALID_REQUEST),
        ("workers", "ada", 0, None, ErrorCode.INVALID_REQUEST),
        ("workers", "ada", -2, ["orders"], ErrorCode.INVALID_REQUEST),
        ("workers", "ada", 1, ["orders"], ErrorCode.UNKNOWN_MEMBER_ID),
        ("workers", "ada", LEAVES, None, ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_heartbeats_that_make_no_sense(
    client: KafkaDialog, group: str, member: str, epoch: int, topics: list[str] | None, code: int
) -> None:
    assert beat(client, member, epoch, topics, group).error_code == code


def test_a_member_of_another_epoch_is_fenced(client: KafkaDialog) -> None:
    assert beat(client, "ada", topics=["orders"]).member_epoch == 1
    assert beat(client, "ada", 7).error_code == ErrorCode.FENCED_MEMBER_EPOCH


def test_two_members_share_partitions_and_a_third_shares_with_them(client: KafkaDialog) -> None:
    def parts(answer: ShareGroupHeartbeatResponse) -> list[int]:
        assert answer.assignment is not None
        return sorted(answer.assignment.topic_partitions[0].partitions)

    first = beat(client, "ada", topics=["wide"])
    assert parts(first) == [0, 1, 2]
    second = beat(client, "bob", topics=["wide"])
    told = beat(client, "ada", first.member_epoch)
    assert sorted(parts(second) + parts(told)) == [0, 1, 2]
    for name in ("cay", "dan"):
        assert len(parts(beat(client, name, topics=["wide"]))) == 1


def test_a_topic_that_comes_later_is_assigned_then(room: KafkaRoom, client: KafkaDialog) -> None:
    joined = beat(client, "ada", topics=["later"])
    assert joined.assignment is not None
    assert joined.assignment.topic_partitions == []
    client.ask(create_topics.CreateTopicsRequest([create_topics.CreatableTopic("later", 1, 1)]))
    room.pass_time(5)
    told = beat(client, "ada", joined.member_epoch)
    assert told.assignment is not None
    assert [one.partitions for one in told.assignment.topic_partitions] == [[0]]


def test_a_silent_member_is_given_up_with_what_it_had(room: KafkaRoom, client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", b"a", b"b")
    beat(client, "ada", topics=["orders"])
    assert got(client.ask(fetching(orders))) == [(0, 1, 1)]
    room.pass_time(SESSION_SECONDS)
    room.broker.maintenance(room.clock.wall_ms())
    assert beat(client, "ada", 1).error_code == ErrorCode.UNKNOWN_MEMBER_ID
    answer = client.ask(fetching(orders, 1))
    assert answer.error_code == ErrorCode.SHARE_SESSION_NOT_FOUND


def test_a_group_has_room_for_so_many(client: KafkaDialog) -> None:
    for number in range(200):
        assert beat(client, f"m{number}", topics=["orders"]).error_code == 0
    refused = beat(client, "one-more", topics=["orders"])
    assert refused.error_code == ErrorCode.GROUP_MAX_SIZE_REACHED


def test_one_name_is_one_kind_of_group(client: KafkaDialog) -> None:
    beat(client, "ada", topics=["orders"])
    protocols = [join_group.JoinGroupRequestProtocol("range", b"")]
    joining = join_group.JoinGroupRequest(
        "workers", 10_000, 10_000, "", None, "consumer", protocols
    )
    answer = client.ask(joining, 3)
    assert answer.error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    joining.group_id = "readers"
    client.ask(joining, 3)
    refused = beat(client, "ada", topics=["orders"], group="readers")
    assert refused.error_code == ErrorCode.GROUP_ID_NOT_FOUND


# -- messages of topics


def test_messages_are_settled_one_by_one(client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", *(b"%d" % number for number in range(6)))
    answer = client.ask(fetching(orders))
    assert got(answer) == [(0, 5, 1)]
    settled = client.ask(
        settling(orders, 1, (0, 3, [ACCEPT, RELEASE, REJECT, RELEASE]), (4, 5, [ACCEPT]))
    )
    assert ack_code(settled) == 0
    assert got(client.ask(fetching(orders, 2))) == [(1, 1, 2), (3, 3, 2)]
    assert got(client.ask(fetching(orders, 3, acks=[(1, 1, [ACCEPT]), (3, 3, [ACCEPT])]))) == []
    assert got(client.ask(fetching(orders, 4))) == []


def test_latest_is_where_a_group_begins(client: KafkaDialog) -> None:
    orders = id_of(client, "orders")
    write(client, "orders", b"before")
    assert got(client.ask(fetching(orders))) == []
    write(client, "orders", b"after")
    assert got(client.ask(fetching(orders, 1))) == [(1, 1, 1)]


def test_two_members_never_have_the_same(room: KafkaRoom, client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    for number in range(3):
        write(client, "orders", *(b"%d" % number for _ in range(4)))
    other = room.dialog()
    assert got(client.ask(fetching(orders, max_records=6))) == [(0, 7, 1)]
    assert got(other.ask(fetching(orders, member="bob"))) == [(8, 11, 1)]
    # A batch is taken as a whole, unless the member says that it is strict.
    client.ask(settling(orders, 1, (0, 7, [RELEASE])))
    strict = fetching(orders, 2, max_records=6, share_acquire_mode=1)
    assert got(client.ask(strict)) == [(0, 5, 2)]


def test_only_who_has_it_may_settle_it(room: KafkaRoom, client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", b"a", b"b", b"c")
    other = room.dialog()
    client.ask(fetching(orders, max_records=2, share_acquire_mode=1))
    other.ask(fetching(orders, member="bob"))
    for ack in ((2, 2, [ACCEPT]), (0, 2, [ACCEPT]), (0, 1 << 60, [ACCEPT]), (7, 7, [ACCEPT])):
        epoch = room.kafka.share_sessions._sessions["workers", "ada"].epoch
        assert ack_code(client.ask(settling(orders, epoch, ack))) == ErrorCode.INVALID_RECORD_STATE
    epoch = room.kafka.share_sessions._sessions["workers", "ada"].epoch
    bad = client.ask(settling(orders, epoch, (0, 1, [ACCEPT, ACCEPT, ACCEPT])))
    assert ack_code(bad) == ErrorCode.INVALID_REQUEST
    bad = client.ask(settling(orders, epoch + 1, (0, 1, [9])))
    assert ack_code(bad) == ErrorCode.INVALID_REQUEST
    twice = client.ask(settling(orders, epoch + 2, (0, 0, [ACCEPT]), (0, 0, [RELEASE])))
    assert ack_code(twice) == ErrorCode.INVALID_RECORD_STATE
    assert ack_code(client.ask(settling(orders, epoch + 3, (0, 1, [ACCEPT])))) == 0


def test_a_lock_ends_unless_it_is_renewed(room: KafkaRoom, client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", b"a", b"b")
    client.ask(fetching(orders))
    room.pass_time(LOCK_SECONDS - 1)
    renewing = settling(orders, 1, (1, 1, [RENEW]))
    renewing.is_renew_ack = True
    assert ack_code(client.ask(renewing)) == 0
    other = room.dialog()
    room.pass_time(1)
    assert got(other.ask(fetching(orders, member="bob"))) == [(0, 0, 2)]
    late = client.ask(settling(orders, 2, (0, 0, [ACCEPT])))
    assert ack_code(late) == ErrorCode.INVALID_RECORD_STATE
    assert ack_code(client.ask(settling(orders, 3, (1, 1, [ACCEPT])))) == 0


def test_what_fails_too_often_is_given_up(client: KafkaDialog) -> None:
    earliest(client)
    config(client, "workers", "share.delivery.count.limit", "2")
    orders = id_of(client, "orders")
    write(client, "orders", b"poison")
    assert got(client.ask(fetching(orders))) == [(0, 0, 1)]
    assert got(client.ask(fetching(orders, 1, acks=[(0, 0, [RELEASE])]))) == [(0, 0, 2)]
    assert got(client.ask(fetching(orders, 2, acks=[(0, 0, [RELEASE])]))) == []


def test_so_many_may_be_out_at_once(client: KafkaDialog) -> None:
    earliest(client)
    config(client, "workers", "share.partition.max.record.locks", "5")
    orders = id_of(client, "orders")
    write(client, "orders", *(b"%d" % number for number in range(8)))
    assert got(client.ask(fetching(orders))) == [(0, 4, 1)]
    assert got(client.ask(fetching(orders, 1))) == []
    assert got(client.ask(fetching(orders, 2, acks=[(0, 1, [ACCEPT])]))) == [(5, 6, 1)]


def test_a_lost_connection_gives_all_back(room: KafkaRoom, client: KafkaDialog) -> None:
    """That is nobody's failure: it is not counted."""
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", b"a", b"b")
    other = room.dialog()
    assert got(client.ask(fetching(orders))) == [(0, 1, 1)]
    other >> fetching(orders, member="bob", max_wait_ms=10_000) << None
    client.hang_up()
    assert got(other.answer()) == [(0, 1, 1)]


def test_a_fetch_waits_for_news(room: KafkaRoom, client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    other = room.dialog()
    other >> fetching(orders, max_wait_ms=500) << None
    write(client, "orders", b"a")
    assert got(other.answer()) == [(0, 0, 1)]
    other >> fetching(orders, 1, max_wait_ms=500) << None
    room.pass_time(0.5)
    assert got(other.answer()) == []


def test_the_last_request_of_a_session_gives_the_rest_back(
    room: KafkaRoom, client: KafkaDialog
) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", b"a", b"b")
    client.ask(fetching(orders))
    assert ack_code(client.ask(settling(orders, FINAL, (0, 0, [ACCEPT])))) == 0
    assert len(room.kafka.share_sessions) == 0
    assert got(client.ask(fetching(orders))) == [(1, 1, 1)]
    assert got(client.ask(fetching(orders, FINAL, acks=[(1, 1, [ACCEPT])]))) == []
    assert got(client.ask(fetching(orders))) == []


def test_sessions_that_are_not_there(room: KafkaRoom, client: KafkaDialog) -> None:
    orders = id_of(client, "orders")
    missing, wrong = ErrorCode.SHARE_SESSION_NOT_FOUND, ErrorCode.INVALID_SHARE_SESSION_EPOCH
    assert client.ask(fetching(orders, 1)).error_code == missing
    assert client.ask(settling(orders, 1, (0, 0, [ACCEPT]))).error_code == missing
    client.ask(fetching(orders))
    assert client.ask(fetching(orders, 5)).error_code == wrong
    # It belongs to its connection.
    assert room.dialog().ask(fetching(orders, 1)).error_code == missing
    refused = client.ask(fetching(orders, 0, acks=[(0, 0, [ACCEPT])]))
    assert refused.error_code == ErrorCode.INVALID_REQUEST
    refused = client.ask(settling(orders, 0, (0, 0, [ACCEPT])))
    assert refused.error_code == ErrorCode.INVALID_REQUEST
    unknown = client.ask(fetching(orders, 0, group="nobody"))
    assert unknown.error_code == ErrorCode.GROUP_ID_NOT_FOUND
    nobody = client.ask(fetching(orders, 0, member=""))
    assert nobody.error_code == ErrorCode.INVALID_REQUEST


def test_places_that_are_not_there(client: KafkaDialog) -> None:
    def code(answer: share_fetch.ShareFetchResponse) -> int:
        return int(answer.responses[0].partitions[0].error_code)

    assert code(client.ask(fetching(UUID(int=7)))) == ErrorCode.UNKNOWN_TOPIC_ID
    orders = id_of(client, "orders")
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert code(client.ask(fetching(orders, partitions=(3,)))) == unknown
    states = [delete_topics.DeleteTopicState("orders")]
    client.ask(fetching(orders))
    client.ask(delete_topics.DeleteTopicsRequest(states, timeout_ms=1000))
    assert code(client.ask(fetching(orders, 1))) == ErrorCode.UNKNOWN_TOPIC_ID


def test_an_error_alone_waits(room: KafkaRoom, client: KafkaDialog) -> None:
    """Else a client that asks again at once would keep us busy."""
    client >> fetching(UUID(int=7), max_wait_ms=500) << None
    room.pass_time(0.5)
    (topic,) = client.answer().responses
    assert topic.partitions[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_all_partitions_have_their_turn(client: KafkaDialog) -> None:
    earliest(client)
    wide = id_of(client, "wide")
    for partition in range(3):
        write(client, "wide", b"a", partition=partition)
        write(client, "wide", b"b", partition=partition)

    def first(answer: share_fetch.ShareFetchResponse) -> int:
        return int(answer.responses[0].partitions[0].partition_index)

    indexes = [first(client.ask(fetching(wide, partitions=(0, 1, 2), max_records=1)))]
    for epoch in (1, 2):
        asked = fetching(wide, epoch, max_records=1, partitions=())
        indexes.append(first(client.ask(asked)))
    assert sorted(indexes) == [0, 1, 2]


# -- messages of queues


def queue(room: KafkaRoom, name: str = "work", **arguments: Any) -> Queue:
    made = room.broker.vhost("/").declare_queue(name, durable=True, arguments=arguments)
    room.write_to_disk()
    assert isinstance(made, Queue)
    return made


def put(room: KafkaRoom, name: str, *bodies: bytes, priority: int | None = None) -> None:
    written = AMQP_FORM.write(Properties(delivery_mode=2, priority=priority))
    envelope = Envelope("", name, AMQP_FORM)
    messages = [Message(envelope, written, body, room.clock.wall_ms()) for body in bodies]
    room.broker.vhost("/").publish(Run(messages, persistent=True), None)
    room.broker.turn.run()
    room.write_to_disk()


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


# -- administration


def test_who_is_in_a_group(client: KafkaDialog) -> None:
    beat(client, "ada", topics=["orders"])
    asked = share_group_describe.ShareGroupDescribeRequest(["workers", "nobody"], True)
    workers, nobody = client.ask(asked).groups
    assert (workers.group_state, workers.assignor_name, workers.group_epoch) == (
        "Stable",
        "simple",
        1,
    )
    (member,) = workers.members
    assert (member.member_id, member.client_id, member.client_host) == (
        "ada",
        "tester",
        "/192.0.2.7",
    )
    assert [one.topic_name for one in member.assignment.topic_partitions] == ["orders"]
    assert nobody.error_code == ErrorCode.GROUP_ID_NOT_FOUND


def listed(client: KafkaDialog, *types: str, states: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    asked = list_groups.ListGroupsRequest(list(states), list(types))
    return [(one.group_id, one.group_state) for one in client.ask(asked).groups]


def test_groups_are_listed_while_anything_is_kept(client: KafkaDialog) -> None:
    beat(client, "ada", topics=["orders"])
    assert listed(client) == listed(client, "Share") == [("workers", "Stable")]
    assert listed(client, "classic") == listed(client, states=("Empty",)) == []
    deleting = delete_groups.DeleteGroupsRequest(["workers"])
    assert client.ask(deleting).results[0].error_code == ErrorCode.NON_EMPTY_GROUP
    beat(client, "ada", LEAVES)
    assert listed(client, "share") == [("workers", "Empty")]
    assert client.ask(deleting).results[0].error_code == 0
    assert listed(client) == []
    assert client.ask(deleting).results[0].error_code == ErrorCode.GROUP_ID_NOT_FOUND


def progress(client: KafkaDialog, name: str = "orders") -> tuple[int, int]:
    topic = describe_share_group_offsets.DescribeShareGroupOffsetsRequestTopic(name, [0])
    group = describe_share_group_offsets.DescribeShareGroupOffsetsRequestGroup("workers", [topic])
    asked = describe_share_group_offsets.DescribeShareGroupOffsetsRequest([group])
    part = client.ask(asked).groups[0].topics[0].partitions[0]
    return part.start_offset, part.lag


def move(client: KafkaDialog, offset: int) -> Any:
    where = [alter_share_group_offsets.AlterShareGroupOffsetsRequestPartition(0, offset)]
    topic = alter_share_group_offsets.AlterShareGroupOffsetsRequestTopic("orders", where)
    return client.ask(alter_share_group_offsets.AlterShareGroupOffsetsRequest("workers", [topic]))


def test_a_group_can_be_moved_and_made_to_forget(client: KafkaDialog) -> None:
    earliest(client)
    orders = id_of(client, "orders")
    write(client, "orders", *(b"%d" % number for number in range(4)))
    epoch = beat(client, "ada", topics=["orders"]).member_epoch
    client.ask(fetching(orders))
    client.ask(settling(orders, FINAL, (0, 2, [ACCEPT])))
    assert progress(client) == (3, 1)
    assert move(client, 1).error_code == ErrorCode.NON_EMPTY_GROUP
    beat(client, "ada", LEAVES)
    assert epoch == 1
    assert move(client, 1).responses[0].partitions[0].error_code == 0
    assert progress(client) == (1, 3)
    assert got(client.ask(fetching(orders))) == [(1, 3, 1)]
    client.ask(fetching(orders, FINAL))
    topic = delete_share_group_offsets.DeleteShareGroupOffsetsRequestTopic("orders")
    asked = delete_share_group_offsets.DeleteShareGroupOffsetsRequest("workers", [topic])
    assert client.ask(asked).responses[0].error_code == 0
    assert progress(client) == (-1, -1)
    assert got(client.ask(fetching(orders))) == [(0, 3, 1)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("share.auto.offset.reset", "sometimes"),
        ("share.auto.offset.reset", "by_duration:P"),
        ("share.record.lock.duration.ms", "0"),
        ("share.isolation.level", "none"),
        ("retention.ms", "1"),
    ],
)
def test_configs_that_a_group_cannot_have(client: KafkaDialog, name: str, value: str) -> None:
    assert config(client, "workers", name, value) == ErrorCode.INVALID_CONFIG
    assert config(client, "", "share.isolation.level", "read_committed") == (
        ErrorCode.INVALID_REQUEST
    )


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
