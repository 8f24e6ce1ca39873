"""Groups over the wire: every version says the same, and what it cannot say is left out."""

import pytest

from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import create_topics
from anymq.protocols.kafka.schema.generated.delete_groups import DeleteGroupsRequest
from anymq.protocols.kafka.schema.generated.describe_groups import (
    DescribedGroup,
    DescribeGroupsRequest,
)
from anymq.protocols.kafka.schema.generated.heartbeat import HeartbeatRequest, HeartbeatResponse
from anymq.protocols.kafka.schema.generated.join_group import (
    JoinGroupRequest,
    JoinGroupRequestProtocol,
    JoinGroupResponse,
)
from anymq.protocols.kafka.schema.generated.leave_group import (
    LeaveGroupRequest,
    LeaveGroupResponse,
    MemberIdentity,
    MemberResponse,
)
from anymq.protocols.kafka.schema.generated.list_groups import ListedGroup, ListGroupsRequest
from anymq.protocols.kafka.schema.generated.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from anymq.protocols.kafka.schema.generated.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from anymq.protocols.kafka.schema.generated.sync_group import (
    SyncGroupRequest,
    SyncGroupRequestAssignment,
    SyncGroupResponse,
)
from anymq.testing.kafka import KafkaDialog, KafkaRoom

# A subscription of Kafka's consumers to the topic "orders".
ORDERS = b"\0\1\0\0\0\1\0\6orders\xff\xff\xff\xff\0\0\0\0"


@pytest.fixture
def client(room: KafkaRoom) -> KafkaDialog:
    client = room.dialog()
    topics = [create_topics.CreatableTopic(name, 2, 1) for name in ("orders", "bills")]
    client.ask(create_topics.CreateTopicsRequest(topics))
    return client


def joining(member_id: str = "", instance_id: str | None = None, **other: str) -> JoinGroupRequest:
    return JoinGroupRequest(
        group_id=other.get("group", "readers"),
        session_timeout_ms=10_000,
        rebalance_timeout_ms=20_000,
        member_id=member_id,
        group_instance_id=instance_id,
        protocol_type=other.get("protocol_type", "consumer"),
        protocols=[JoinGroupRequestProtocol("range", ORDERS)],
    )


def join(client: KafkaDialog, version: int = 9) -> JoinGroupResponse:
    """Become a member as clients do: newer ones are told their id first."""
    answer: JoinGroupResponse = client.ask(joining(), version)
    if version >= 4:
        assert answer.error_code == ErrorCode.MEMBER_ID_REQUIRED
        answer = client.ask(joining(answer.member_id), version)
    assert answer.error_code == 0
    return answer


def sync(client: KafkaDialog, joined: JoinGroupResponse, version: int = 5) -> SyncGroupResponse:
    request = SyncGroupRequest(
        "readers",
        joined.generation_id,
        joined.member_id,
        None,
        "consumer",
        "range",
        [SyncGroupRequestAssignment(joined.member_id, b"all of it")],
    )
    answer: SyncGroupResponse = client.ask(request, version)
    return answer


def stable(client: KafkaDialog) -> JoinGroupResponse:
    joined = join(client)
    assert sync(client, joined).error_code == 0
    return joined


# -- join, sync, heartbeat, leave


@pytest.mark.parametrize("version", range(10))
def test_the_only_member_leads(client: KafkaDialog, version: int) -> None:
    joined = join(client, version)
    assert joined.leader == joined.member_id
    assert joined.member_id.startswith("tester-")
    assert (joined.generation_id, joined.protocol_name) == (1, "range")
    assert [(one.member_id, one.metadata) for one in joined.members] == [(joined.member_id, ORDERS)]
    if version >= 7:
        assert joined.protocol_type == "consumer"


@pytest.mark.parametrize("version", range(6))
def test_it_gets_the_part_that_it_gave_itself(client: KafkaDialog, version: int) -> None:
    answer = sync(client, join(client), version)
    assert (answer.error_code, answer.assignment) == (0, b"all of it")


def test_two_members_join_together(room: KafkaRoom, client: KafkaDialog) -> None:
    """The first is called back by its heartbeat, and the new generation is complete with both."""
    first = stable(client)
    other = room.dialog()
    member_id = other.ask(joining()).member_id
    other >> joining(member_id) << None
    beat = HeartbeatRequest("readers", first.generation_id, first.member_id)
    client >> beat << HeartbeatResponse(0, ErrorCode.REBALANCE_IN_PROGRESS)
    leader = client.ask(joining(first.member_id))
    follower = other.answer()
    assert leader.generation_id == follower.generation_id == 2
    assert len(leader.members) == 2
    assert follower.members == []
    assert follower.leader == first.member_id


def test_a_follower_waits_for_the_leaders_assignment(room: KafkaRoom, client: KafkaDialog) -> None:
    first = stable(client)
    other = room.dialog()
    other >> joining(other.ask(joining()).member_id) << None
    leader = client.ask(joining(first.member_id))
    follower = other.answer()
    asks = SyncGroupRequest("readers", 2, follower.member_id, None, "consumer", "range")
    other >> asks << None
    parts = [SyncGroupRequestAssignment(one.member_id, b"half") for one in leader.members]
    asks = SyncGroupRequest("readers", 2, leader.member_id, None, "consumer", "range", parts)
    assert client.ask(asks).assignment == b"half"
    assert other.answer().assignment == b"half"


def test_a_member_that_falls_silent_is_out(room: KafkaRoom, client: KafkaDialog) -> None:
    joined = stable(client)
    room.pass_time(11)
    beat = HeartbeatRequest("readers", joined.generation_id, joined.member_id)
    client >> beat << HeartbeatResponse(0, ErrorCode.UNKNOWN_MEMBER_ID)


def test_the_first_version_has_one_time_out_for_everything(client: KafkaDialog) -> None:
    request = joining()
    request.rebalance_timeout_ms = -1
    assert client.ask(request, 0).error_code == 0


@pytest.mark.parametrize("version", [0, 6, 7, 9])
@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (joining(group=""), ErrorCode.INVALID_GROUP_ID),
        (joining("nobody"), ErrorCode.UNKNOWN_MEMBER_ID),
        (joining(protocol_type=""), ErrorCode.INCONSISTENT_GROUP_PROTOCOL),
        (
            JoinGroupRequest("readers", 1, 1, protocol_type="consumer"),
            ErrorCode.INVALID_SESSION_TIMEOUT,
        ),
    ],
)
def test_who_cannot_join(
    client: KafkaDialog, request_: JoinGroupRequest, code: int, version: int
) -> None:
    answer = client.ask(request_, version)
    assert (answer.error_code, answer.generation_id, answer.members) == (code, -1, [])


def test_static_members_come_back(room: KafkaRoom, client: KafkaDialog) -> None:
    """A restart within the session time-out is no reason to rebalance; the old self is fenced."""
    old = client.ask(joining(instance_id="desk-1"))
    assert old.error_code == 0
    sync(client, old)
    new = room.dialog().ask(joining(instance_id="desk-1"))
    assert (new.error_code, new.generation_id) == (0, 1)
    assert new.member_id != old.member_id
    beat = HeartbeatRequest("readers", 1, old.member_id, "desk-1")
    client >> beat << HeartbeatResponse(0, ErrorCode.FENCED_INSTANCE_ID)


def test_sync_must_say_its_protocol(client: KafkaDialog) -> None:
    joined = join(client)
    request = SyncGroupRequest("readers", 1, joined.member_id)
    assert client.ask(request, 5).error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL


@pytest.mark.parametrize("version", range(5))
@pytest.mark.parametrize(
    ("beat", "code"),
    [
        (HeartbeatRequest("", 1, "m"), ErrorCode.INVALID_GROUP_ID),
        (HeartbeatRequest("nothing", 1, "m"), ErrorCode.UNKNOWN_MEMBER_ID),
    ],
)
def test_heartbeats_of_nobody(
    client: KafkaDialog, beat: HeartbeatRequest, code: int, version: int
) -> None:
    client.at(version) >> beat << HeartbeatResponse(0, code)


def test_leaving_in_the_old_way(client: KafkaDialog) -> None:
    joined = stable(client)
    for version, code in ((0, 0), (2, ErrorCode.UNKNOWN_MEMBER_ID)):
        asks = LeaveGroupRequest("readers", joined.member_id)
        client.at(version) >> asks << LeaveGroupResponse(0, code)


def test_leaving_together(client: KafkaDialog) -> None:
    """Each is answered for."""
    joined = stable(client)
    members = [MemberIdentity(joined.member_id, None, "bye"), MemberIdentity("nobody")]
    answer = client.ask(LeaveGroupRequest("readers", members=members))
    assert (answer.error_code, answer.members) == (
        0,
        [
            MemberResponse(joined.member_id, None, 0),
            MemberResponse("nobody", None, ErrorCode.UNKNOWN_MEMBER_ID),
        ],
    )


def test_leaving_no_group(client: KafkaDialog) -> None:
    answer = client.ask(LeaveGroupRequest("", members=[MemberIdentity("m")]))
    assert (answer.error_code, answer.members) == (ErrorCode.INVALID_GROUP_ID, [])


# -- describe, list, delete


def test_a_group_is_described(client: KafkaDialog) -> None:
    joined = stable(client)
    (group,) = client.ask(DescribeGroupsRequest(["readers"], True)).groups
    assert (group.group_state, group.protocol_type, group.protocol_data) == (
        "Stable",
        "consumer",
        "range",
    )
    (member,) = group.members
    assert (member.member_id, member.client_id) == (joined.member_id, "tester")
    assert (member.client_host, member.member_assignment) == ("/192.0.2.7", b"all of it")
    assert member.member_metadata == ORDERS
    assert group.authorized_operations > 0


@pytest.mark.parametrize("version", range(7))
def test_a_group_nobody_knows(client: KafkaDialog, version: int) -> None:
    """Before version 6 there was no error for it."""
    (group,) = client.ask(DescribeGroupsRequest(["nothing"]), version).groups
    assert (group.group_id, group.group_state, group.members) == ("nothing", "Dead", [])
    if version >= 6:
        assert group.error_code == ErrorCode.GROUP_ID_NOT_FOUND
        assert group.error_message == "Group nothing not found."
    else:
        assert group.error_code == 0


def test_every_group_asked_for_is_answered(client: KafkaDialog) -> None:
    groups: list[DescribedGroup] = client.ask(DescribeGroupsRequest(["a", "b"])).groups
    assert [one.group_id for one in groups] == ["a", "b"]


def test_groups_are_listed(client: KafkaDialog) -> None:
    stable(client)
    listed = [ListedGroup("readers", "consumer", "Stable", "classic")]
    assert client.ask(ListGroupsRequest()).groups == listed
    assert client.ask(ListGroupsRequest(["stable"], ["Classic"])).groups == listed
    assert client.ask(ListGroupsRequest(["Empty"])).groups == []
    assert client.ask(ListGroupsRequest([], ["consumer"])).groups == []
    assert client.ask(ListGroupsRequest(), 0).groups == [ListedGroup("readers", "consumer")]


def test_groups_are_deleted_when_nobody_is_in_them(client: KafkaDialog) -> None:
    joined = stable(client)

    def delete(*names: str, version: int = 3) -> dict[str, int]:
        results = client.ask(DeleteGroupsRequest(list(names)), version).results
        return {one.group_id: one.error_code for one in results}

    assert delete("readers", "nothing", "") == {
        "readers": ErrorCode.NON_EMPTY_GROUP,
        "nothing": ErrorCode.GROUP_ID_NOT_FOUND,
        "": ErrorCode.INVALID_GROUP_ID,
    }
    client.ask(LeaveGroupRequest("readers", joined.member_id), 0)
    assert delete("readers", version=0) == {"readers": 0}
    assert client.ask(ListGroupsRequest()).groups == []


# -- offsets that are deleted


def test_offsets_are_deleted(client: KafkaDialog) -> None:
    """Not those of a topic that somebody in the group reads."""
    joined = stable(client)
    topics = [
        OffsetCommitRequestTopic(name, partitions=[OffsetCommitRequestPartition(0, 5)])
        for name in ("orders", "bills")
    ]
    client.ask(OffsetCommitRequest("readers", 1, joined.member_id, topics=topics), 9)
    partitions = [OffsetDeleteRequestPartition(0), OffsetDeleteRequestPartition(9)]
    names = ("orders", "bills", "nothing")
    wanted = [OffsetDeleteRequestTopic(name, partitions) for name in names]
    answer = client.ask(OffsetDeleteRequest("readers", wanted))
    said = {
        (topic.name, one.partition_index): one.error_code
        for topic in answer.topics
        for one in topic.partitions
    }
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (answer.error_code, said) == (
        0,
        {
            ("orders", 0): ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
            ("orders", 9): unknown,
            ("bills", 0): 0,
            ("bills", 9): unknown,
            ("nothing", 0): unknown,
            ("nothing", 9): unknown,
        },
    )


@pytest.mark.parametrize(
    ("group", "code"),
    [("", ErrorCode.INVALID_GROUP_ID), ("nothing", ErrorCode.GROUP_ID_NOT_FOUND)],
)
def test_offsets_of_no_group(client: KafkaDialog, group: str, code: int) -> None:
    wanted = [OffsetDeleteRequestTopic("orders", [OffsetDeleteRequestPartition(0)])]
    answer = client.ask(OffsetDeleteRequest(group, wanted))
    assert (answer.error_code, answer.topics) == (code, [])
