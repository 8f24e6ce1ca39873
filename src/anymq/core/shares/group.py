"""ShareGroup: who is in it now, and who gets which partitions.

In memory: after a restart everyone joins again. Nobody has to give anything up before another gets
it, because two may share a partition; so a member is told its part when it next says that it lives.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from anymq.core.shares.places import Spot
from anymq.core.shares.words import FencedMember, GroupFull, ShareSettings, UnknownMember

Find = Callable[[str], Spot | None]
LOOKED_SECONDS = 1.0  # what there is changes seldom, and everyone's heartbeat asks


@dataclass(slots=True, eq=False)
class Member:
    """One consumer."""

    id: str
    topics: tuple[str, ...]
    client_id: str
    client_host: str
    rack: str | None
    deadline: float
    epoch: int = 0
    previous_epoch: int = 0
    assigned: Sequence[tuple[Spot, Sequence[int]]] = ()
    told: bool = False  # its part, in the epoch that it is in


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a member says."""

    member_id: str
    epoch: int
    topics: Collection[str] | None = None  # None: as before
    rack: str | None = None
    client_id: str = ""
    client_host: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """What it hears. `assigned` is None when nothing has changed."""

    epoch: int
    interval_ms: int
    assigned: Sequence[tuple[Spot, Sequence[int]]] | None


@dataclass(slots=True)
class ShareGroup:
    """One group with members."""

    name: str
    find: Find
    epoch: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    _spots: dict[str, Spot] = field(default_factory=dict)  # those that members subscribe to
    _looked: float = -LOOKED_SECONDS

    def beat(self, said: Heartbeat, settings: ShareSettings, now: float) -> Beat:
        """Take in a heartbeat of one that is here, or comes."""
        member = self.members.get(said.member_id)
        changed = False
        if member is None or said.epoch == 0:
            member = self._join(member, said, settings, now)
            changed = True
        else:
            self._check_epoch(member, said.epoch)
            if said.topics is not None and tuple(sorted(said.topics)) != member.topics:
                member.topics = tuple(sorted(said.topics))
                changed = True
        member.deadline = now + settings.session_timeout_ms / 1000
        self._look(now, force=changed)
        wants = said.topics is not None or member.epoch != self.epoch or not member.told
        if member.epoch != self.epoch:
            member.previous_epoch, member.epoch = member.epoch, self.epoch
        member.told = True
        return Beat(
            member.epoch, settings.heartbeat_interval_ms, member.assigned if wants else None
        )

    def _join(
        self, member: Member | None, said: Heartbeat, settings: ShareSettings, now: float
    ) -> Member:
        if said.epoch > 0:
            raise UnknownMember(f"Member {said.member_id} is not a member of group {self.name}.")
        if member is None and len(self.members) >= settings.members_max:
            raise GroupFull("The group has reached its maximum capacity.")
        topics = tuple(sorted(said.topics or ()))
        joined = Member(said.member_id, topics, said.client_id, said.client_host, said.rack, now)
        self.members[said.member_id] = joined
        return joined

    def _check_epoch(self, member: Member, epoch: int) -> None:
        if epoch not in (member.epoch, member.previous_epoch):
            raise FencedMember(
                f"The consumer group member has a different member epoch ({epoch}) "
                f"from the one known by the group coordinator ({member.epoch})."
            )

    def leave(self, member_id: str) -> None:
        """This one goes."""
        if self.members.pop(member_id, None) is None:
            raise UnknownMember(f"Member {member_id} is not a member of group {self.name}.")
        self._look(0.0, force=True)

    def silent(self, now: float) -> list[str]:
        """Return those who have been silent for too long."""
        return [one.id for one in self.members.values() if one.deadline <= now]

    def _look(self, now: float, *, force: bool) -> None:
        """See what there is now of what members want; if that or they changed, assign."""
        if not force and now - self._looked < LOOKED_SECONDS:
            return
        self._looked = now or self._looked
        names = {name for member in self.members.values() for name in member.topics}
        spots = {name: spot for name in names if (spot := self.find(name)) is not None}
        if force or _same(spots) != _same(self._spots):
            self._spots = spots
            self.epoch += 1
            parts = assign(
                {member.id: member.topics for member in self.members.values()},
                {name: spot.partitions for name, spot in spots.items()},
            )
            for member in self.members.values():
                member.assigned = [
                    (spots[name], indexes) for name, indexes in parts[member.id].items()
                ]


def _same(spots: Mapping[str, Spot]) -> dict[str, tuple[object, int]]:
    return {name: (spot.id, spot.partitions) for name, spot in spots.items()}


def assign(
    wanted: Mapping[str, Collection[str]], partitions: Mapping[str, int]
) -> dict[str, dict[str, list[int]]]:
    """Return who gets which partitions: each at least one member, each member at least one.

    More partitions than members: each to one. More members than partitions: they share them.
    """
    found: dict[str, dict[str, list[int]]] = {member: {} for member in wanted}
    interested: dict[str, list[str]] = {}
    for member in sorted(wanted):
        for topic in wanted[member]:
            if topic in partitions:
                interested.setdefault(topic, []).append(member)
    for topic, members in interested.items():
        count = partitions[topic]
        for turn in range(max(count, len(members))):
            member = members[turn % len(members)]
            found[member].setdefault(topic, []).append(turn % count)
    return found
