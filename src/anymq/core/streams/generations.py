"""Generations: how a group gets from one agreement about who reads what to the next.

    EMPTY ─► PREPARING_REBALANCE ─► COMPLETING_REBALANCE ─► STABLE
                everyone joins         the leader assigns

Whoever comes, goes or changes its mind takes the group back to PREPARING_REBALANCE; when nobody is
left it is EMPTY again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from anymq.core.clock import Clock
from anymq.core.streams import subscription
from anymq.core.streams.answers import Answers
from anymq.core.streams.group_calls import (
    GroupError,
    GroupSettings,
    JoinResult,
    State,
    SyncResult,
)
from anymq.core.streams.members import Member, Members
from anymq.core.timers import Deadline, Timers
from anymq.observability.log import Log

log = Log(__name__)


@dataclass(slots=True)
class Surroundings:
    """What every group needs from outside."""

    settings: GroupSettings  # may be replaced at any time
    clock: Clock
    timers: Timers
    random: Callable[[int], bytes]
    answers: Answers
    on_generation: Callable[[str, "Generations"], None]  # keep what must survive a restart


class Generations:
    """The state of one group. Whoever calls it tells the answers afterwards."""

    def __init__(
        self, group: str, around: Surroundings, number: int, protocol_type: str | None
    ) -> None:
        self.state = State.EMPTY
        self.number = number
        self.protocol_type = protocol_type  # stays when the last member goes
        self.protocol: str | None = None
        self.members = Members()
        self._group = group
        self._around = around
        self._subscribed: frozenset[str] | None = frozenset()
        self._first = False  # this rebalance began with an empty group
        self._first_waited_ms = 0
        self._first_grew = False  # someone came while the first ones waited for others
        self._join_deadline = Deadline(around.timers, self._on_join_time_up)
        self._sync_deadline = Deadline(around.timers, self._on_sync_time_up)

    # -- joining

    def admit(self, member: Member, protocol_type: str) -> None:
        """Take in a new member, who waits for its answer."""
        if not self.members:
            self.protocol_type = protocol_type
        self._first_grew = True
        self.members.add(member)
        member.deadline = Deadline(self._around.timers, partial(self._on_silence, member.id))
        member.deadline.set(self._after(self._around.settings.first_join_ms_max))

    def invite(self, member_id: str, session_timeout_ms: int) -> None:
        """Expect this one to come back and join."""
        deadline = Deadline(self._around.timers, partial(self._on_no_show, member_id))
        deadline.set(self._after(session_timeout_ms))
        self.members.invited[member_id] = deadline

    def rename(self, member: Member, new_id: str) -> None:
        """A static member came back under another id."""
        self.members.rename(member, new_id)
        member.is_new = False
        member.deadline.cancel()
        member.deadline = Deadline(self._around.timers, partial(self._on_silence, new_id))
        self.hear(member)

    def rebalance(self, reason: str) -> None:
        """Make everyone join again; when that is so already, go on if everyone has."""
        if self.state is not State.PREPARING_REBALANCE:
            facts = {"group": self._group, "generation": self.number, "reason": reason}
            log.info("a group rebalances", **facts)
            self._prepare()
        elif not self._first:
            self.go_on()

    def go_on(self) -> None:
        """Begin the next generation if this is what everybody waits for and everyone is here."""
        if self.state is State.PREPARING_REBALANCE and self.members.complete:
            self._complete()

    def _prepare(self) -> None:
        if self.state is State.COMPLETING_REBALANCE:
            self._recall_assignments()
        self._sync_deadline.cancel()
        self.members.unsynced.clear()
        self._first = self.state is State.EMPTY
        self.state = State.PREPARING_REBALANCE
        if self._first:
            self._wait_for_first(0)
        else:
            self._join_deadline.set(self._after(self.members.rebalance_timeout_ms()))
            self.go_on()

    def _recall_assignments(self) -> None:
        for member in self.members:
            member.assignment = b""
            if self.end_sync(member, SyncResult(error=GroupError.REBALANCE_IN_PROGRESS)):
                self.hear(member)

    def _wait_for_first(self, waited_ms: int) -> None:
        """The group starts: give the others a moment to start too, so that it rebalances once."""
        delay_ms = self._around.settings.initial_rebalance_delay_ms
        longest_ms = max(self.members.rebalance_timeout_ms(), delay_ms)
        delay_ms = min(delay_ms, longest_ms - waited_ms)
        if delay_ms <= 0:
            self._complete()
            return
        self._first_grew = False
        self._first_waited_ms = waited_ms + delay_ms
        self._join_deadline.set(self._after(delay_ms))

    def _on_join_time_up(self) -> None:
        if self._first and self._first_grew:
            self._wait_for_first(self._first_waited_ms)
        else:
            self._complete()
        self._around.answers.tell()

    def _complete(self) -> None:
        """Go on with those who joined; the others are out, but for static members."""
        self._join_deadline.cancel()
        for member in self.members.absent():
            if member.instance_id is None:
                self.drop(member.id)
        if self.members and not self.members.elect():
            # Only static members, and none came: wait until they are back or their sessions end.
            self._join_deadline.set(self._after(self.members.rebalance_timeout_ms()))
        else:
            self._begin()

    def _begin(self) -> None:
        self.number += 1
        self._first = False
        self.protocol = self.members.choose_protocol() if self.members else None
        self._subscribed = self._all_topics()
        if self.members:
            self.state = State.COMPLETING_REBALANCE
            self._invite_to_sync()
        else:
            self.state = State.EMPTY
        facts = {"group": self._group, "generation": self.number, "members": len(self.members)}
        log.info("a group has rebalanced", **facts)
        self._around.on_generation(self._group, self)

    def _invite_to_sync(self) -> None:
        for member in self.members:
            then = self.members.end_join(member)
            if then is not None:
                self._around.answers.give(then, self.invitation(member))
            member.is_new = False
            self.hear(member)
            self.members.unsynced.add(member.id)
        self._sync_deadline.set(self._after(self.members.rebalance_timeout_ms()))

    def invitation(self, member: Member) -> JoinResult:
        """Return what this member is told of the generation."""
        leads = member.id == self.members.leader
        return JoinResult(
            member_id=member.id,
            generation=self.number,
            protocol_type=self.protocol_type,
            protocol=self.protocol,
            leader=self.members.leader or "",
            members=self.members.roll(self.protocol) if leads else (),
        )

    # -- syncing

    def synced(self, member: Member) -> None:
        """This one asked for its part."""
        self.members.unsynced.discard(member.id)
        if not self.members.unsynced:
            self._sync_deadline.cancel()

    def assign(self, assignments: Mapping[str, bytes]) -> None:
        """The leader has decided: tell those who wait."""
        self.state = State.STABLE
        for member in self.members:
            member.assignment = assignments.get(member.id, b"")
            if self.end_sync(member, self.part_of(member)):
                self.hear(member)

    def part_of(self, member: Member) -> SyncResult:
        """Return what this member is to read."""
        return SyncResult(
            protocol_type=self.protocol_type, protocol=self.protocol, assignment=member.assignment
        )

    def _on_sync_time_up(self) -> None:
        """Some joined and never asked for their part: go on without them."""
        for member_id in sorted(self.members.unsynced):
            self.drop(member_id)
        self.rebalance("members did not sync in time")
        self._around.answers.tell()

    # -- going

    def drop(self, member_id: str) -> None:
        """Remove a member, and tell it if it waits for something."""
        member = self.members.get(member_id)
        if member is not None:
            self.end_waits(member, GroupError.UNKNOWN_MEMBER)
            self.members.remove(member_id)
            member.deadline.cancel()

    def close(self) -> None:
        """The group is deleted: nothing of it is to happen later."""
        for member_id in [member.id for member in self.members]:
            self.drop(member_id)
        for member_id in list(self.members.invited):
            self.members.uninvite(member_id)
        self._join_deadline.cancel()
        self._sync_deadline.cancel()
        self.state = State.DEAD

    def hear(self, member: Member) -> None:
        """It lives: its session begins anew."""
        member.deadline.set(self._after(member.session_timeout_ms))

    def _on_silence(self, member_id: str) -> None:
        member = self.members.get(member_id)
        if member is None or member.excused:
            return
        self.drop(member_id)
        if self.state is State.PREPARING_REBALANCE:
            self.go_on()
        else:
            self.rebalance(f"member {member_id} fell silent")
        self._around.answers.tell()

    def _on_no_show(self, member_id: str) -> None:
        self.members.uninvite(member_id)
        self.go_on()
        self._around.answers.tell()

    # -- helpers

    def end_waits(self, member: Member, error: GroupError) -> None:
        """Whatever this member waits for will not come."""
        then = self.members.end_join(member)
        if then is not None:
            # A member that is told to start anew must not come back with this id.
            member_id = "" if error is GroupError.UNKNOWN_MEMBER else member.id
            self._around.answers.give(then, JoinResult(member_id=member_id, error=error))
        self.end_sync(member, SyncResult(error=error))

    def end_sync(self, member: Member, result: SyncResult) -> bool:
        """Tell it if it waits for its part; did it?"""
        then, member.syncing = member.syncing, None
        if then is not None:
            self._around.answers.give(then, result)
        return then is not None

    def topics_of(self, member: Member) -> frozenset[str] | None:
        """Return which topics it is subscribed to; None when that cannot be known."""
        if self.protocol_type != subscription.CONSUMER:
            return None
        return subscription.topics(member.subscription(self.protocol))

    def is_subscribed_to(self, topic: str) -> bool:
        """Is anyone subscribed to it? Yes, when it cannot be known."""
        if self._subscribed is None:
            return self.protocol_type == subscription.CONSUMER
        return topic in self._subscribed

    def _all_topics(self) -> frozenset[str] | None:
        each = [self.topics_of(member) for member in self.members]
        known = [topics for topics in each if topics is not None]
        return frozenset().union(*known) if len(known) == len(each) else None

    def _after(self, delay_ms: int) -> float:
        return self._around.clock.monotonic() + max(delay_ms, 0) / 1000
