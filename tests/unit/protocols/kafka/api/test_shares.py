"""Share groups over the wire: who gets what, who may settle it, and when it comes again."""

from typing import Any
from uuid import UUID

import pytest
from tests.unit.protocols.kafka.api.share_words import (
    ACCEPT,
    FINAL,
    LEAVES,
    LOCK_SECONDS,
    REJECT,
    RELEASE,
    RENEW,
    SESSION_SECONDS,
    ack_code,
    beat,
    config,
    earliest,
    fetching,
    got,
    id_of,
    settling,
    write,
)

from anymq.core.shares.group import Heartbeat
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    alter_share_group_offsets,
    create_topics,
    delete_groups,
    delete_share_group_offsets,
    delete_topics,
    describe_share_group_offsets,
    join_group,
    list_groups,
    share_fetch,
    share_group_describe,
)
from anymq.protocols.kafka.schema.generated.share_group_heartbeat import (
    ShareGroupHeartbeatResponse,
)
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
