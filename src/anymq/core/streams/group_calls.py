"""What clients ask of a group, what it answers, and how far it goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from anymq.config.units import DAY_MS, MIB, MINUTE_MS, SECOND_MS


class GroupError(Enum):
    """Why not. Every protocol has its own number or word for each."""

    UNKNOWN_MEMBER = "the group has no such member"
    MEMBER_ID_REQUIRED = "join again, with the member id that is in this answer"
    ILLEGAL_GENERATION = "the group has gone on to another generation"
    REBALANCE_IN_PROGRESS = "the group is rebalancing: join again"
    FENCED_INSTANCE = "another member has taken this instance id over"
    INCONSISTENT_PROTOCOL = "the members have no protocol in common"
    GROUP_FULL = "the group has as many members as it may have"
    TOO_MANY_GROUPS = "there are as many groups as there may be"
    TOO_LARGE = "the subscription or the assignment is bigger than the limit"
    INVALID_SESSION_TIMEOUT = "the session time-out is not within the limits"
    INVALID_GROUP_ID = "the group has no name"
    NON_EMPTY = "the group has members"
    NOT_FOUND = "no such group"
    METADATA_TOO_LARGE = "the note beside the offset is bigger than the limit"
    SUBSCRIBED_TO_TOPIC = "members of the group are subscribed to this topic"
    UNAVAILABLE = "the offsets cannot be written now"


class State(Enum):
    """Where a group is. The words are what people know from their tools."""

    EMPTY = "Empty"  # no members; offsets may be kept
    PREPARING_REBALANCE = "PreparingRebalance"  # waiting for everyone to join
    COMPLETING_REBALANCE = "CompletingRebalance"  # waiting for the leader's assignment
    STABLE = "Stable"
    DEAD = "Dead"  # there is no such group (any more)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """The limits of all groups."""

    session_timeout_ms_min: int = 6 * SECOND_MS
    session_timeout_ms_max: int = 30 * MINUTE_MS
    initial_rebalance_delay_ms: int = 0
    # A new member cannot send heartbeats before it has its answer. If its connection is lost,
    # nobody would ever come for it, so its first join waits no longer than this.
    first_join_ms_max: int = 5 * MINUTE_MS
    members_max: int = 10_000
    groups_max: int = 100_000
    subscription_bytes_max: int = 1 * MIB  # of one member, all its protocols together
    assignment_bytes_max: int = 64 * MIB  # of one generation, all members together
    offset_metadata_max: int = 4096  # characters, as in Kafka
    offsets_retention_ms: int = 7 * DAY_MS
    offsets_check_ms: int = 10 * MINUTE_MS


Protocols = tuple[tuple[str, bytes], ...]  # name and subscription, the member's favourite first


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """A client wants to be a member, or to be one still."""

    group: str
    protocol_type: str
    protocols: Protocols
    session_timeout_ms: int
    rebalance_timeout_ms: int
    member_id: str = ""
    instance_id: str | None = None
    client_id: str = ""
    client_host: str = ""
    # This client knows that it may be told its member id first and asked to join again.
    knows_member_id_required: bool = False
    # This client knows that a leader may be told to leave the assignment as it is.
    knows_skip_assignment: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """What the leader is told of each member."""

    id: str
    instance_id: str | None
    subscription: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinResult:
    """The generation that begins, and who is to assign; or `error`."""

    member_id: str
    error: GroupError | None = None
    generation: int = -1
    protocol_type: str | None = None
    protocol: str | None = None
    leader: str = ""
    members: Sequence[JoinedMember] = ()  # for the leader only
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncRequest:
    """A member wants its assignment; the leader brings everyone's."""

    group: str
    member_id: str
    generation: int
    instance_id: str | None = None
    protocol_type: str | None = None  # None: the client does not say
    protocol: str | None = None
    assignments: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What the member is to read; or `error`."""

    error: GroupError | None = None
    protocol_type: str | None = None
    protocol: str | None = None
    assignment: bytes = b""


@dataclass(frozen=True, slots=True)
class Leaver:
    """Who is to go: a member, or whoever has this instance id when the member id is empty."""

    member_id: str = ""
    instance_id: str | None = None
    reason: str | None = None


class NewOffset(NamedTuple):
    """How far the group has read a partition."""

    topic: str
    partition: int
    offset: int
    leader_epoch: int = -1
    metadata: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRequest:
    """A member, or a reader that assigns itself, has read this far."""

    group: str
    offsets: Sequence[NewOffset]
    generation: int = -1  # -1: not by a member
    member_id: str = ""
    instance_id: str | None = None
    retention_ms: int = -1  # -1: as the broker keeps them
    any_kind: bool = False  # also when a share group has this name: RocketMQ's are both


@dataclass(frozen=True, slots=True)
class OffsetsResult:
    """Why nothing was done, or for some partitions not; else it is done, and durable."""

    error: GroupError | None = None
    refused: Mapping[tuple[str, int], GroupError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a group is behind in one partition; `end` and `lag` None: no such partition."""

    topic: str
    partition: int
    committed: int
    end: int | None
    lag: int | None


@dataclass(frozen=True, slots=True)
class MemberDescription:
    """What an administrator sees of a member."""

    id: str
    instance_id: str | None
    client_id: str
    client_host: str
    subscription: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """What an administrator sees of a group. DEAD: there is none."""

    name: str
    state: State
    generation: int = -1
    protocol_type: str = ""
    protocol: str = ""
    members: Sequence[MemberDescription] = ()


@dataclass(frozen=True, slots=True)
class GroupListing:
    """One line of a list of groups."""

    name: str
    protocol_type: str
    state: State
    type: str = "classic"


JoinThen = Callable[[JoinResult], None]
SyncThen = Callable[[SyncResult], None]
OffsetsThen = Callable[[OffsetsResult], None]
DeleteThen = Callable[[GroupError | None], None]
