"""Members: who is in a group now. In memory only: after a restart everyone joins again."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from anymq.core.streams.group_calls import JoinedMember, JoinThen, Protocols, SyncThen
from anymq.core.timers import Deadline


@dataclass(slots=True, eq=False)
class Member:
    """One member: what it said of itself, and what it waits for."""

    id: str
    instance_id: str | None
    client_id: str
    client_host: str
    protocols: Protocols
    session_timeout_ms: int
    rebalance_timeout_ms: int
    deadline: Deadline = field(init=False)  # silent for longer: gone
    assignment: bytes = b""
    is_new: bool = True  # has had no answer yet, so it cannot send heartbeats
    joining: JoinThen | None = None  # waits for the others to join
    syncing: SyncThen | None = None  # waits for the leader's assignment

    @property
    def excused(self) -> bool:
        """It waits for us: its silence says nothing."""
        return not self.is_new and (self.joining is not None or self.syncing is not None)

    def subscription(self, protocol: str | None) -> bytes:
        """Return what it says in this protocol; nothing when it does not speak it."""
        return next((said for name, said in self.protocols if name == protocol), b"")

    def vote(self, candidates: set[str]) -> str:
        """Return its favourite among those that everyone speaks."""
        return next(name for name, _ in self.protocols if name in candidates)


class Members:
    """The members of one group, whom they vote for and who of them leads."""

    def __init__(self) -> None:
        self._by_id: dict[str, Member] = {}
        self._by_instance: dict[str, Member] = {}
        self._speakers: dict[str, int] = {}  # how many speak a protocol
        self.leader: str | None = None
        self.joining = 0  # how many wait for the others to join
        self.invited: dict[str, Deadline] = {}  # were told their id and have not come back yet
        self.unsynced: set[str] = set()  # have not asked for their assignment yet

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Member]:
        return iter(self._by_id.values())

    def get(self, member_id: str) -> Member | None:
        """Return the member of this id."""
        return self._by_id.get(member_id)

    def holder_of(self, instance_id: str | None) -> Member | None:
        """Return the static member of this instance id."""
        return self._by_instance.get(instance_id) if instance_id is not None else None

    @property
    def complete(self) -> bool:
        """Everyone has joined whom we know."""
        return self.joining == len(self._by_id) and not self.invited

    # -- coming and going

    def add(self, member: Member) -> None:
        """Take in a new member."""
        self.uninvite(member.id)
        self._by_id[member.id] = member
        self._count(member.protocols, 1)
        self.joining += member.joining is not None
        if member.instance_id is not None:
            self._by_instance[member.instance_id] = member
        if self.leader is None:
            self.leader = member.id

    def remove(self, member_id: str) -> Member | None:
        """Let a member go; if it led, any other leads."""
        member = self._by_id.pop(member_id, None)
        if member is None:
            return None
        self._count(member.protocols, -1)
        self.joining -= member.joining is not None
        self.unsynced.discard(member_id)
        if member.instance_id is not None:
            del self._by_instance[member.instance_id]
        if self.leader == member_id:
            self.leader = next(iter(self._by_id), None)
        return member

    def rename(self, member: Member, new_id: str) -> None:
        """Give a static member that came back its new id; it keeps everything else."""
        del self._by_id[member.id]
        if member.id in self.unsynced:
            self.unsynced.remove(member.id)
            self.unsynced.add(new_id)
        if self.leader == member.id:
            self.leader = new_id
        member.id = new_id
        self._by_id[new_id] = member

    def uninvite(self, member_id: str) -> bool:
        """Expect this one no longer; was it expected?"""
        deadline = self.invited.pop(member_id, None)
        if deadline is not None:
            deadline.cancel()
        return deadline is not None

    # -- joining

    def await_join(self, member: Member, then: JoinThen) -> JoinThen | None:
        """Let the member wait for the others; return whoever waited in its name before."""
        before, member.joining = member.joining, then
        self.joining += before is None
        return before

    def end_join(self, member: Member) -> JoinThen | None:
        """It waits no longer; return whom to tell."""
        then, member.joining = member.joining, None
        self.joining -= then is not None
        return then

    def absent(self) -> list[Member]:
        """Return those who have not joined this time."""
        return [member for member in self if member.joining is None]

    def elect(self) -> bool:
        """Make sure that the leader is one who joined; is there any?"""
        leader = self._by_id.get(self.leader or "")
        if leader is not None and leader.joining is None:
            leader = next((member for member in self if member.joining is not None), None)
            self.leader = leader.id if leader is not None else self.leader
        return leader is not None

    # -- protocols

    def change_protocols(self, member: Member, protocols: Protocols) -> None:
        """The member speaks these from now on."""
        self._count(member.protocols, -1)
        member.protocols = protocols
        self._count(protocols, 1)

    def all_speak_any(self, protocols: Protocols) -> bool:
        """Is one of these spoken by everyone?"""
        return any(self._speakers.get(name, 0) == len(self._by_id) for name, _ in protocols)

    def choose_protocol(self) -> str:
        """Return the favourite of most, of those that all speak. There must be members."""
        candidates = {name for name, count in self._speakers.items() if count == len(self._by_id)}
        votes: dict[str, int] = {}
        for member in self:
            vote = member.vote(candidates)
            votes[vote] = votes.get(vote, 0) + 1
        return max(votes, key=votes.__getitem__)

    def roll(self, protocol: str | None) -> list[JoinedMember]:
        """Return what the leader must know to assign."""
        return [JoinedMember(m.id, m.instance_id, m.subscription(protocol)) for m in self]

    def rebalance_timeout_ms(self) -> int:
        """Return how long the slowest wants to be waited for."""
        return max((member.rebalance_timeout_ms for member in self), default=0)

    def _count(self, protocols: Protocols, step: int) -> None:
        for name in {name for name, _ in protocols}:
            count = self._speakers.get(name, 0) + step
            if count:
                self._speakers[name] = count
            else:
                del self._speakers[name]
