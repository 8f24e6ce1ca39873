"""Group: some readers agree who reads what, by the rules of Kafka's classic protocol.

Everyone joins; the broker says who leads; the leader assigns; everyone syncs and gets its part.
What subscriptions and assignments say is the members' business. Here is what members ask;
`generations.py` has what it leads to.
"""

from collections.abc import Sequence
from uuid import UUID

from anymq.core.streams.generations import Generations, Surroundings
from anymq.core.streams.group_calls import (
    GroupDescription,
    GroupError,
    JoinRequest,
    JoinResult,
    JoinThen,
    Leaver,
    MemberDescription,
    State,
    SyncRequest,
    SyncResult,
    SyncThen,
)
from anymq.core.streams.members import Member


class Group:
    """One group. Whoever calls it tells the answers afterwards."""

    def __init__(
        self, name: str, around: Surroundings, generation: int = 0, protocol_type: str | None = None
    ) -> None:
        self.name = name
        self.generations = Generations(name, around, generation, protocol_type)
        self.members = self.generations.members
        self._around = around

    @property
    def state(self) -> State:
        """Where it is."""
        return self.generations.state

    # -- join

    def join(self, request: JoinRequest, then: JoinThen) -> None:
        """Make the client a member, or keep it one; the answer may wait for the others."""
        if not self._has_room_for(request.member_id):
            self._turn_away(request.member_id, then)
        elif not self._understands(request):
            self._refuse(then, request.member_id, GroupError.INCONSISTENT_PROTOCOL)
        elif not request.member_id:
            self._join_new(request, then)
        elif request.member_id in self.members.invited and request.instance_id is None:
            self._admit(request, request.member_id, then)
        else:
            self._rejoin(request, then)

    def _has_room_for(self, member_id: str) -> bool:
        member, most = self.members.get(member_id), self._around.settings.members_max
        match self.state:
            case State.EMPTY:
                return True
            case State.PREPARING_REBALANCE if member is None or member.joining is None:
                # Counting those who wait, not all: whoever comes last is too many, old or new.
                return self.members.joining < most
            case _:
                return member is not None or len(self.members) < most

    def _turn_away(self, member_id: str, then: JoinThen) -> None:
        self._refuse(then, "", GroupError.GROUP_FULL)
        self.generations.drop(member_id)
        self.members.uninvite(member_id)
        self.generations.go_on()

    def _understands(self, request: JoinRequest) -> bool:
        if self.state is State.EMPTY:
            return bool(request.protocol_type and request.protocols)
        same_type = request.protocol_type == self.generations.protocol_type
        return same_type and self.members.all_speak_any(request.protocols)

    def _join_new(self, request: JoinRequest, then: JoinThen) -> None:
        stem = request.client_id if request.instance_id is None else request.instance_id
        new_id = f"{stem}-{UUID(bytes=self._around.random(16), version=4)}"
        holder = self.members.holder_of(request.instance_id)
        if holder is not None:
            self._take_over(holder, new_id, request, then)
        elif request.instance_id is None and request.knows_member_id_required:
            self._invite(new_id, request, then)
        else:
            self._admit(request, new_id, then)

    def _invite(self, new_id: str, request: JoinRequest, then: JoinThen) -> None:
        """Tell it its id first: a client that never gets this answer leaves no member behind."""
        if len(self.members.invited) >= self._around.settings.members_max:
            self._refuse(then, "", GroupError.GROUP_FULL)
        else:
            self.generations.invite(new_id, request.session_timeout_ms)
            self._refuse(then, new_id, GroupError.MEMBER_ID_REQUIRED)

    def _admit(self, request: JoinRequest, member_id: str, then: JoinThen) -> None:
        member = Member(
            id=member_id,
            instance_id=request.instance_id,
            client_id=request.client_id,
            client_host=request.client_host,
            protocols=request.protocols,
            session_timeout_ms=request.session_timeout_ms,
            rebalance_timeout_ms=request.rebalance_timeout_ms,
            joining=then,
        )
        self.generations.admit(member, request.protocol_type)
        self.generations.rebalance(_reason(f"member {member_id} joins", request))

    def _rejoin(self, request: JoinRequest, then: JoinThen) -> None:
        member = self._known(request.member_id, request.instance_id)
        if isinstance(member, GroupError):
            self._refuse(then, request.member_id, member)
        elif self._nothing_new(member, request):
            # It missed the answer, or wants to sync again: the generation stays.
            self._around.answers.give(then, self.generations.invitation(member))
        else:
            self._update(member, request, then)
            self.generations.rebalance(_reason(f"member {member.id} rejoins", request))

    def _nothing_new(self, member: Member, request: JoinRequest) -> bool:
        if self.state is State.PREPARING_REBALANCE or member.protocols != request.protocols:
            return False
        # A leader that joins again in peace wants to assign anew: it has seen partitions come.
        return self.state is State.COMPLETING_REBALANCE or member.id != self.members.leader

    def _update(self, member: Member, request: JoinRequest, then: JoinThen) -> None:
        self.members.change_protocols(member, request.protocols)
        member.session_timeout_ms = request.session_timeout_ms
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.client_id, member.client_host = request.client_id, request.client_host
        before = self.members.await_join(member, then)
        if before is not None:
            # The client asks again, from another connection: nobody reads this any more.
            self._refuse(before, member.id, GroupError.REBALANCE_IN_PROGRESS)

    # -- static members

    def _take_over(self, holder: Member, new_id: str, request: JoinRequest, then: JoinThen) -> None:
        """A static member came back, as after a restart: it gets a new id and its old place."""
        generations, old_leader = self.generations, self.members.leader
        old_topics = generations.topics_of(holder)
        generations.end_waits(holder, GroupError.FENCED_INSTANCE)
        generations.rename(holder, new_id)
        self._update(holder, request, then)
        if self._may_keep_place(holder, old_topics):
            self.members.end_join(holder)
            self._around.answers.give(then, self._old_place(holder, request, old_leader))
        else:
            generations.rebalance(f"{holder.instance_id} comes back ({request.reason})")

    def _may_keep_place(self, member: Member, old_topics: frozenset[str] | None) -> bool:
        if self.state is not State.STABLE:
            return False
        same_protocol = self.members.choose_protocol() == self.generations.protocol
        return same_protocol and self.generations.topics_of(member) == old_topics

    def _old_place(
        self, member: Member, request: JoinRequest, old_leader: str | None
    ) -> JoinResult:
        generations, knows_skip = self.generations, request.knows_skip_assignment
        leads = member.id == self.members.leader and knows_skip
        # A client that cannot skip the assignment must not learn that it leads: it would assign.
        leader = self.members.leader if knows_skip else old_leader
        return JoinResult(
            member_id=member.id,
            generation=generations.number,
            protocol_type=generations.protocol_type,
            protocol=generations.protocol,
            leader=leader or "",
            members=self.members.roll(generations.protocol) if leads else (),
            skip_assignment=leads,
        )

    # -- sync

    def sync(self, request: SyncRequest, then: SyncThen) -> None:
        """Give the member its part, once the leader has brought everyone's."""
        member = self._known(request.member_id, request.instance_id)
        if isinstance(member, GroupError):
            self._around.answers.give(then, SyncResult(error=member))
        elif (error := self._cannot_sync(request)) is not None:
            self._around.answers.give(then, SyncResult(error=error))
        else:
            self._sync(member, request, then)

    def _cannot_sync(self, request: SyncRequest) -> GroupError | None:
        ours = self.generations
        if request.generation != ours.number:
            return GroupError.ILLEGAL_GENERATION
        if _differ(request.protocol_type, ours.protocol_type):
            return GroupError.INCONSISTENT_PROTOCOL
        if _differ(request.protocol, ours.protocol):
            return GroupError.INCONSISTENT_PROTOCOL
        if self.state is State.PREPARING_REBALANCE:
            return GroupError.REBALANCE_IN_PROGRESS
        return None

    def _sync(self, member: Member, request: SyncRequest, then: SyncThen) -> None:
        generations = self.generations
        generations.synced(member)
        if self.state is State.STABLE:
            generations.hear(member)
            self._around.answers.give(then, generations.part_of(member))
            return
        # Asked twice: nobody reads the first answer any more.
        generations.end_sync(member, SyncResult(error=GroupError.REBALANCE_IN_PROGRESS))
        member.syncing = then
        if member.id == self.members.leader:
            generations.assign(request.assignments)

    # -- heartbeat, commit, leave

    def heartbeat(
        self, member_id: str, generation: int, instance_id: str | None
    ) -> GroupError | None:
        """The member lives; return what it should do about its group."""
        member = self._known(member_id, instance_id)
        if isinstance(member, GroupError):
            return member
        if generation != self.generations.number:
            return GroupError.ILLEGAL_GENERATION
        self.generations.hear(member)
        if self.state is State.PREPARING_REBALANCE:
            return GroupError.REBALANCE_IN_PROGRESS
        return None

    def may_commit(
        self, member_id: str, generation: int, instance_id: str | None
    ) -> GroupError | None:
        """Return why this one may not commit offsets now."""
        if generation < 0 and self.state is State.EMPTY:
            return None  # an administrator, or a reader that assigns itself
        member = self._known(member_id, instance_id)
        if isinstance(member, GroupError):
            return member
        if generation != self.generations.number:
            return GroupError.ILLEGAL_GENERATION
        if self.state is State.COMPLETING_REBALANCE:
            # It knows the new generation, so it has given its old part up: too late, or too early.
            return GroupError.REBALANCE_IN_PROGRESS
        self.generations.hear(member)
        return None

    def leave(self, leavers: Sequence[Leaver]) -> list[GroupError | None]:
        """Let these go; return for each why not."""
        members_before = len(self.members)
        errors = [self._let_go(leaver) for leaver in leavers]
        if len(self.members) < members_before:
            self.generations.rebalance(f"members left ({leavers[0].reason})")
        elif None in errors:
            self.generations.go_on()
        return errors

    def _let_go(self, leaver: Leaver) -> GroupError | None:
        member_id = leaver.member_id
        if not member_id:
            holder = self.members.holder_of(leaver.instance_id)
            member_id = holder.id if holder is not None else ""
        elif self.members.uninvite(member_id):
            return None
        member = self._known(member_id, leaver.instance_id)
        if isinstance(member, GroupError):
            return member
        self.generations.drop(member.id)
        return None

    # -- helpers

    def _known(self, member_id: str, instance_id: str | None) -> Member | GroupError:
        if instance_id is not None:
            holder = self.members.holder_of(instance_id)
            if holder is not None and holder.id != member_id:
                return GroupError.FENCED_INSTANCE
            return holder or GroupError.UNKNOWN_MEMBER
        return self.members.get(member_id) or GroupError.UNKNOWN_MEMBER

    def _refuse(self, then: JoinThen, member_id: str, error: GroupError) -> None:
        self._around.answers.give(then, JoinResult(member_id=member_id, error=error))

    def describe(self) -> GroupDescription:
        """Return what an administrator wants to know."""
        generations, stable = self.generations, self.state is State.STABLE
        protocol = generations.protocol if stable else None
        return GroupDescription(
            name=self.name,
            state=self.state,
            generation=generations.number,
            protocol_type=generations.protocol_type or "",
            protocol=protocol or "",
            members=[_describe(member, protocol) for member in self.members],
        )


def _differ(said: str | None, ours: str | None) -> bool:
    return said is not None and ours is not None and said != ours


def _describe(member: Member, protocol: str | None) -> MemberDescription:
    return MemberDescription(
        member.id,
        member.instance_id,
        member.client_id,
        member.client_host,
        member.subscription(protocol),
        member.assignment,
    )


def _reason(what: str, request: JoinRequest) -> str:
    """Say why the group rebalances, with the client's own words if it has any."""
    return f"{what} ({request.reason})" if request.reason else what
