"""Groups: all of them, by name: who is in them now, and what is kept of them.

A group is there while it has members, or while something is kept of it. Answers come by callback,
exactly once, perhaps before the call returns.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial

from anymq.core.clock import Clock
from anymq.core.streams.answers import Answers
from anymq.core.streams.clients import ClientGroup, Clients
from anymq.core.streams.expiry import Expiry
from anymq.core.streams.generations import Generations, Surroundings
from anymq.core.streams.group import Group
from anymq.core.streams.group_calls import (
    CommitRequest,
    DeleteThen,
    GroupDescription,
    GroupError,
    GroupListing,
    GroupSettings,
    JoinRequest,
    JoinResult,
    JoinThen,
    Lag,
    Leaver,
    MemberDescription,
    NewOffset,
    OffsetsResult,
    OffsetsThen,
    State,
    SyncRequest,
    SyncResult,
    SyncThen,
)
from anymq.core.streams.offset_records import CommittedOffset, GroupRecord
from anymq.core.streams.offsets import Offsets, TopicOffsets
from anymq.core.streams.queue_locks import QueueLocks
from anymq.core.streams.subscription import CONSUMER
from anymq.core.timers import Timers
from anymq.observability.log import Log as Lines
from anymq.storage.errors import StorageError
from anymq.storage.log import Log

log = Lines(__name__)

CLASSIC = "classic"
CLIENTS = "rocketmq"  # the protocol type of groups whose members share by themselves


class Groups:
    """Every group of the broker."""

    def __init__(
        self,
        offsets_log: Log,
        *,
        clock: Clock,
        timers: Timers,
        random: Callable[[int], bytes],
        settings: GroupSettings | None = None,
    ) -> None:
        self.offsets = Offsets(offsets_log, clock)
        self._clock = clock
        self._answers = Answers()
        self._live: dict[str, Group] = {}
        # Is there a group of another kind of this name?
        self.is_other: Callable[[str], bool] = lambda _: False
        self._around = Surroundings(
            settings or GroupSettings(), clock, timers, random, self._answers, self._on_generation
        )
        # Groups whose members share by themselves: of one name there are members of one kind only.
        self.clients = Clients(clock, timers)
        self.clients.refusal = self._members_of
        self.clients.on_inhabited = self._on_inhabited
        self.queue_locks = QueueLocks(clock)
        self._expiry = Expiry(self._around, self.offsets, self._live, self.clients)

    @property
    def settings(self) -> GroupSettings:
        """The limits. Others may be set; they hold for what is asked from then on."""
        return self._around.settings

    @settings.setter
    def settings(self, settings: GroupSettings) -> None:
        self._around.settings = settings

    def restore(self) -> None:
        """Read what is kept. Members join again by themselves: nobody knows theirs."""
        self.offsets.restore()

    # -- members

    def join(self, request: JoinRequest, then: JoinThen) -> None:
        """Become a member, or stay one; the answer may wait for the others."""
        error = self._cannot_join(request)
        if error is not None:
            then(JoinResult(member_id=request.member_id, error=error))
            return
        self._get_or_make(request.group).join(request, then)
        self._answers.tell()

    def _cannot_join(self, request: JoinRequest) -> GroupError | None:
        limits = self.settings
        lowest, highest = limits.session_timeout_ms_min, limits.session_timeout_ms_max
        if not request.group:
            return GroupError.INVALID_GROUP_ID
        if not lowest <= request.session_timeout_ms <= highest:
            return GroupError.INVALID_SESSION_TIMEOUT
        said = sum(len(name) + len(subscription) for name, subscription in request.protocols)
        if said > limits.subscription_bytes_max:
            return GroupError.TOO_LARGE
        if request.group in self.clients:
            return GroupError.INCONSISTENT_PROTOCOL
        if request.group in self._live:
            return None
        if request.member_id:
            return GroupError.UNKNOWN_MEMBER
        return self._cannot_make(request.group)

    def sync(self, request: SyncRequest, then: SyncThen) -> None:
        """Get one's part, once the leader has brought everyone's."""
        group = self._live.get(request.group)
        if not request.group:
            then(SyncResult(error=GroupError.INVALID_GROUP_ID))
        elif group is None:
            then(SyncResult(error=GroupError.UNKNOWN_MEMBER))
        elif sum(map(len, request.assignments.values())) > self.settings.assignment_bytes_max:
            then(SyncResult(error=GroupError.TOO_LARGE))
        else:
            group.sync(request, then)
            self._answers.tell()

    def heartbeat(
        self, group: str, member_id: str, generation: int, instance_id: str | None = None
    ) -> GroupError | None:
        """Say that one lives; hear what to do about the group."""
        if not group:
            return GroupError.INVALID_GROUP_ID
        live = self._live.get(group)
        if live is None:
            return GroupError.UNKNOWN_MEMBER
        return live.heartbeat(member_id, generation, instance_id)

    def leave(self, group: str, leavers: Sequence[Leaver]) -> list[GroupError | None]:
        """Let these go; return for each why not."""
        if not group:
            return [GroupError.INVALID_GROUP_ID] * len(leavers)
        live = self._live.get(group)
        if live is None:
            return [GroupError.UNKNOWN_MEMBER] * len(leavers)
        errors = live.leave(leavers)
        self._answers.tell()
        return errors

    # -- offsets

    def commit(self, request: CommitRequest, then: OffsetsThen) -> None:
        """Keep how far the group has read; `then` once that is durable."""
        error = self._cannot_commit(request)
        if error is not None:
            then(OffsetsResult(error))
            return
        refused = {
            (new.topic, new.partition): GroupError.METADATA_TOO_LARGE
            for new in request.offsets
            if len(new.metadata) > self.settings.offset_metadata_max
        }
        accepted = (new for new in request.offsets if (new.topic, new.partition) not in refused)
        now_ms = self._clock.wall_ms()
        expires_ms = now_ms + request.retention_ms if request.retention_ms >= 0 else -1
        self.offsets.commit(
            request.group,
            (_committed(new, now_ms, expires_ms) for new in accepted),
            lambda error: then(_offsets_result(error, refused)),
        )

    def _cannot_commit(self, request: CommitRequest) -> GroupError | None:
        live = self._live.get(request.group)
        if request.group in self.clients:  # nobody leads them: any of them may say how far it is
            return None if request.generation < 0 else GroupError.UNKNOWN_MEMBER
        if live is not None:
            return live.may_commit(request.member_id, request.generation, request.instance_id)
        if request.group not in self.offsets:
            # Nobody has joined it: only a reader that assigns itself makes a group by a commit.
            missing = GroupError.NOT_FOUND
            if request.generation >= 0:
                return missing
            return self._cannot_make(request.group, any_kind=request.any_kind)
        return GroupError.UNKNOWN_MEMBER if request.generation >= 0 else None

    def committed(self, group: str, then: Callable[[TopicOffsets], None]) -> None:
        """Return how far the group has read, with everything it has asked to keep before.

        A group that is not there has read nothing. The answer is only to look at, at once.
        """
        self.offsets.when_committed(group, lambda: then(self.offsets.of(group).offsets))

    def delete_offsets(
        self, group: str, partitions: Iterable[tuple[str, int]], then: OffsetsThen
    ) -> None:
        """Forget how far the group has read these."""
        self.offsets.when_settled(
            group, partial(self._delete_offsets, group, list(partitions), then)
        )

    def _delete_offsets(
        self, group: str, partitions: Sequence[tuple[str, int]], then: OffsetsThen
    ) -> None:
        error = self._cannot_delete_offsets(group)
        if error is not None:
            then(OffsetsResult(error))
            return
        live = self._live.get(group)
        refused = {
            which: GroupError.SUBSCRIBED_TO_TOPIC
            for which in partitions
            if live is not None and live.generations.is_subscribed_to(which[0])
        }
        self.offsets.delete(
            group,
            [which for which in partitions if which not in refused],
            lambda error: then(_offsets_result(error, refused)),
        )

    def _cannot_delete_offsets(self, group: str) -> GroupError | None:
        if group in self.clients:
            return GroupError.NON_EMPTY
        live = self._live.get(group)
        if live is None:
            return None if group in self.offsets else GroupError.NOT_FOUND
        if live.state is State.EMPTY or live.generations.protocol_type == CONSUMER:
            return None
        return GroupError.NON_EMPTY  # what its members read we cannot know

    def delete_topics(
        self, is_gone: Callable[[str], bool], then: Callable[[GroupError | None], None]
    ) -> None:
        """Forget all offsets of topics that are gone."""
        self.offsets.when_all_settled(
            lambda: self.offsets.delete_topics(is_gone, lambda error: then(_in_our_words(error)))
        )

    def lag(self, group: str, end_of: Callable[[str, int], int | None]) -> list[Lag]:
        """Return how far a group is behind, in each partition that it has an offset of."""
        return [
            _lag(topic, partition, offset.offset, end_of(topic, partition))
            for topic, partitions in sorted(self.offsets.of(group).offsets.items())
            for partition, offset in sorted(partitions.items())
        ]

    # -- groups

    def list(self, states: Collection[str] = (), types: Collection[str] = ()) -> list[GroupListing]:
        """Return the groups that are in one of these states, of one of these types; none: any."""
        wanted = {state.strip().lower() for state in states}
        if types and CLASSIC not in {type_.strip().lower() for type_ in types}:
            return []
        all_of_them = [self._listing(name) for name in sorted(self.names())]
        return [one for one in all_of_them if not wanted or one.state.value.lower() in wanted]

    def _listing(self, name: str) -> GroupListing:
        if name in self.clients:
            return GroupListing(name, CLIENTS, State.STABLE, CLASSIC)
        live = self._live.get(name)
        if live is not None:
            return GroupListing(name, live.generations.protocol_type or "", live.state, CLASSIC)
        record = self.offsets.of(name).record
        return GroupListing(name, record.protocol_type if record else "", State.EMPTY, CLASSIC)

    def describe(self, name: str) -> GroupDescription:
        """Return what an administrator wants to know; DEAD when there is no such group."""
        if name in self.clients:
            return _described(self.clients.consumers[name])
        live = self._live.get(name)
        if live is not None:
            return live.describe()
        if name not in self.offsets:
            return GroupDescription(name, State.DEAD)
        record = self.offsets.of(name).record or GroupRecord("", 0)
        return GroupDescription(name, State.EMPTY, record.generation, record.protocol_type)

    def delete(self, name: str, then: DeleteThen) -> None:
        """Delete a group that has no members, with its offsets."""
        if not name:
            then(GroupError.INVALID_GROUP_ID)
        else:
            self.offsets.when_settled(name, partial(self._delete, name, then))

    def _delete(self, name: str, then: DeleteThen) -> None:
        live = self._live.get(name)
        if name in self.clients or (live is not None and live.state is not State.EMPTY):
            then(GroupError.NON_EMPTY)
        elif live is None and name not in self.offsets:
            then(GroupError.NOT_FOUND)
        else:
            self._forget_live(name)
            self.offsets.delete_group(name, lambda error: then(_in_our_words(error)))

    def maintenance(self, now_ms: int) -> None:
        """Let offsets expire that nobody needs, a few groups each time; call it every so often."""
        self.clients.maintenance()
        self.queue_locks.maintenance()
        for name in self._expiry.run(now_ms):
            self._forget_live(name)

    def __contains__(self, name: str) -> bool:
        return name in self._live or name in self.offsets or name in self.clients

    def names(self) -> set[str]:
        """Return the names of all groups."""
        return {*self._live, *self.offsets.groups(), *self.clients.consumers}

    def count_by_state(self) -> dict[State, int]:
        """Return how many groups are in each state."""
        counts = dict.fromkeys(State, 0)
        for name, live in self._live.items():
            counts[live.state] += name not in self.clients
        counts[State.STABLE] += len(self.clients.consumers)
        counts[State.EMPTY] += sum(
            name not in self._live and name not in self.clients for name in self.offsets.groups()
        )
        return counts

    # -- helpers

    def _members_of(self, name: str) -> str:
        """Say which members a group has that clients cannot join; "": none."""
        live = self._live.get(name)
        if live is None or live.state in (State.EMPTY, State.DEAD):
            return ""
        return f"the group {name} has Kafka's consumers in it"

    def _get_or_make(self, name: str) -> Group:
        group = self._live.get(name)
        if group is None:
            record = self.offsets.of(name).record or GroupRecord("", 0)
            group = Group(name, self._around, record.generation, record.protocol_type or None)
            self._live[name] = group
        return group

    def _cannot_make(self, name: str, *, any_kind: bool = False) -> GroupError | None:
        if name in self.offsets:
            return None
        if not any_kind and self.is_other(name):
            return GroupError.INCONSISTENT_PROTOCOL
        most = self.settings.groups_max
        if len(self._live) + len(self.offsets) < most:
            return None
        there_are = len({*self._live, *self.offsets.groups()})  # slow, but only when nearly full
        return None if there_are < most else GroupError.TOO_MANY_GROUPS

    def _forget_live(self, name: str) -> None:
        live = self._live.pop(name, None)
        if live is not None:
            live.generations.close()
            self._answers.tell()

    def _on_inhabited(self, name: str, inhabited: bool) -> None:
        """Keep since when a group has no clients. It may become one of any kind after that."""
        generation = record.generation if (record := self.offsets.of(name).record) else 0
        empty_since_ms = -1 if inhabited else self._clock.wall_ms()
        self.offsets.put_record(name, GroupRecord("", generation, empty_since_ms), _nobody)

    def _on_generation(self, name: str, generations: Generations) -> None:
        """Keep that the group has members, or since when it has none: its offsets live by that."""
        empty_since_ms = -1 if generations.members else self._clock.wall_ms()
        record = GroupRecord(generations.protocol_type or "", generations.number, empty_since_ms)
        self.offsets.put_record(name, record, _nobody)


def _described(group: ClientGroup) -> GroupDescription:
    clients = [one.client for one in group.members.values()]
    members = [
        MemberDescription(one.id, None, one.id, one.address.rpartition(":")[0], b"", b"")
        for one in clients
    ]
    return GroupDescription(group.name, State.STABLE, 0, CLIENTS, members=members)


def _nobody(error: StorageError | None) -> None:
    if error is not None:
        log.warning("cannot keep the state of a group", reason=error)


def _committed(new: NewOffset, now_ms: int, expires_ms: int) -> tuple[str, int, CommittedOffset]:
    offset = CommittedOffset(new.offset, new.leader_epoch, new.metadata, now_ms, expires_ms)
    return new.topic, new.partition, offset


def _in_our_words(error: StorageError | None) -> GroupError | None:
    return None if error is None else GroupError.UNAVAILABLE


def _offsets_result(
    error: StorageError | None, refused: dict[tuple[str, int], GroupError]
) -> OffsetsResult:
    return OffsetsResult(_in_our_words(error), refused)


def _lag(topic: str, partition: int, committed: int, end: int | None) -> Lag:
    return Lag(topic, partition, committed, end, None if end is None else max(end - committed, 0))
