"""Being a member of a consumer group: classic protocol, range assignor, eager rebalances.

One thread does it all: whoever polls lets heartbeats out. If the one who reads our output stops
for longer than the session timeout, the group goes on without us, and we join again afterwards.
"""

import time
from collections.abc import Mapping, Sequence

from anymq.cli.kafka.assignment import (
    PROTOCOL,
    assign_range,
    decode_assignment,
    decode_subscription,
    encode_assignment,
    encode_subscription,
)
from anymq.cli.kafka.cluster import BACKOFF_SECONDS, Cluster
from anymq.cli.kafka.connection import A, Api, Connection, Q
from anymq.cli.kafka.errors import CannotConnect, ConnectionLost, check, error_code
from anymq.cli.kafka.offsets import Where
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import (
    heartbeat,
    join_group,
    leave_group,
    offset_commit,
    sync_group,
)

SESSION_MS = 45_000
REBALANCE_MS = 60_000
HEARTBEAT_SECONDS = 3.0
PATIENCE_SECONDS = 60.0  # how long a broker may be away
JOIN_SECONDS = REBALANCE_MS / 1000 + 30
TYPE = "consumer"

_LOST = frozenset({ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_NOT_AVAILABLE})
_WAIT = frozenset({ErrorCode.COORDINATOR_LOAD_IN_PROGRESS})
_FORGOTTEN = frozenset({ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID})
_AGAIN = frozenset({ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.MEMBER_ID_REQUIRED})


class Membership:
    """One member. `join` first, then `beat` often; when `joined` is false, join again."""

    def __init__(self, cluster: Cluster, group: str, topics: Sequence[str]) -> None:
        self.group = group
        self.joined = False
        self._cluster = cluster
        self._topics = topics
        self._member_id = ""
        self._generation = -1
        self._beaten = 0.0
        self._heard = 0.0
        self._coordinator: int | None = None

    def join(self) -> list[Where]:
        """Take part in a rebalance; return the partitions that are ours now."""
        while True:
            joining = self._ask(join_group, self._join_request(), JOIN_SECONDS)
            if joining is None or not self._went_well(joining.error_code):
                if joining is not None and joining.error_code == ErrorCode.MEMBER_ID_REQUIRED:
                    self._member_id = joining.member_id
                continue
            self._member_id = joining.member_id
            self._generation = joining.generation_id
            assigned = self._ask(sync_group, self._sync_request(joining), JOIN_SECONDS)
            if assigned is None or not self._went_well(assigned.error_code):
                continue
            self.joined = True
            self._beaten = time.monotonic()
            return decode_assignment(assigned.assignment)

    def beat(self) -> None:
        """Say that we live, if it is time to; learn if the group divides anew."""
        if not self.joined or time.monotonic() - self._beaten < HEARTBEAT_SECONDS:
            return
        self._beaten = time.monotonic()
        request = heartbeat.HeartbeatRequest(self.group, self._generation, self._member_id)
        answer = self._ask(heartbeat, request)
        if answer is not None and not self._went_well(answer.error_code):
            self.joined = False

    def commit(self, offsets: Mapping[Where, int]) -> bool:
        """Remember how far we are; False when that came too late, as others read there now."""
        if not offsets or self._generation < 0:
            return False
        request = offset_commit.OffsetCommitRequest(
            self.group, self._generation, self._member_id, topics=commit_topics(offsets)
        )
        answer = self._ask(offset_commit, request)
        if answer is None:
            return False
        codes = {each.error_code for topic in answer.topics for each in topic.partitions}
        if all(map(self._went_well, codes)):
            return True
        self.joined = False
        return False

    def leave(self) -> None:
        """Let the others have our partitions at once."""
        if not self._member_id:
            return
        members = [leave_group.MemberIdentity(self._member_id, None, "the tool ends")]
        request = leave_group.LeaveGroupRequest(self.group, self._member_id, members)
        self._ask(leave_group, request)
        self.joined, self._member_id, self._generation = False, "", -1

    # --- asking the coordinator ----------------------------------------------------------------

    def _ask(self, api: Api[Q, A], request: Q, seconds: float | None = None) -> A | None:
        """Ask; None when the connection was lost."""
        connection: Connection | None = None
        try:
            if self._coordinator is None:
                self._coordinator = self._cluster.coordinator(self.group).id
            connection = self._cluster.own_connection(f"group {self.group}", self._coordinator)
            answer = connection.call(api, request, seconds)
        except (CannotConnect, ConnectionLost):
            if connection is not None:
                self._cluster.drop(connection)
            self._coordinator = None
            if time.monotonic() - self._heard > PATIENCE_SECONDS:
                raise
            time.sleep(BACKOFF_SECONDS)
            return None
        self._heard = time.monotonic()
        return answer

    def _went_well(self, number: int) -> bool:
        """Prepare for another try where there is to be one; raise where there is not."""
        code = error_code(number)
        if code == ErrorCode.NONE:
            return True
        if code in _LOST:
            self._forget_coordinator()
        elif code in _FORGOTTEN:
            self._member_id, self._generation = "", -1
        elif code == ErrorCode.ILLEGAL_GENERATION:
            self._generation = -1
        elif code in _WAIT:
            time.sleep(BACKOFF_SECONDS)
        elif code not in _AGAIN:
            check(number, about=f"group {self.group!r}")
        return False

    def _forget_coordinator(self) -> None:
        assert self._coordinator is not None
        self._cluster.drop(self._cluster.own_connection(f"group {self.group}", self._coordinator))
        self._coordinator = None
        time.sleep(BACKOFF_SECONDS)

    # --- requests ------------------------------------------------------------------------------

    def _join_request(self) -> join_group.JoinGroupRequest:
        metadata = encode_subscription(self._topics)
        return join_group.JoinGroupRequest(
            self.group,
            SESSION_MS,
            REBALANCE_MS,
            self._member_id,
            protocol_type=TYPE,
            protocols=[join_group.JoinGroupRequestProtocol(PROTOCOL, metadata)],
        )

    def _sync_request(self, joining: join_group.JoinGroupResponse) -> sync_group.SyncGroupRequest:
        leads = joining.leader == joining.member_id and not joining.skip_assignment
        return sync_group.SyncGroupRequest(
            self.group,
            self._generation,
            self._member_id,
            protocol_type=TYPE,
            protocol_name=joining.protocol_name,
            assignments=self._divide(joining) if leads else [],
        )

    def _divide(
        self, joining: join_group.JoinGroupResponse
    ) -> list[sync_group.SyncGroupRequestAssignment]:
        """Decide, as the leader, who reads what."""
        members = sorted(
            joining.members,
            key=lambda each: (
                each.group_instance_id is None,
                each.group_instance_id or each.member_id,
            ),
        )
        wanted = {each.member_id: decode_subscription(each.metadata) for each in members}
        topics = sorted({topic for each in wanted.values() for topic in each})
        found = self._cluster.metadata(topics).topics if topics else {}
        counts = {topic.name: len(topic.partitions) for topic in found.values()}
        return [
            sync_group.SyncGroupRequestAssignment(member, encode_assignment(share))
            for member, share in assign_range(wanted, counts).items()
        ]


def commit_topics(offsets: Mapping[Where, int]) -> list[offset_commit.OffsetCommitRequestTopic]:
    """Write offsets as a commit has them."""
    topics: dict[str, list[offset_commit.OffsetCommitRequestPartition]] = {}
    for (topic, partition), offset in offsets.items():
        each = offset_commit.OffsetCommitRequestPartition(partition, offset, -1, "")
        topics.setdefault(topic, []).append(each)
    return [
        offset_commit.OffsetCommitRequestTopic(name=name, partitions=each)
        for name, each in topics.items()
    ]
