"""Shares: all share groups: who is in them, what they have of each partition, and how far they are.

A group is there while it has members, or while something is kept of it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple
from uuid import UUID

from anymq.core.catalog import Then
from anymq.core.clock import Clock
from anymq.core.errors import Invalid, NotFound
from anymq.core.message import Form
from anymq.core.portable.opener import Opener
from anymq.core.queues.queue import Queue
from anymq.core.shares.group import Beat, Heartbeat, Member, ShareGroup
from anymq.core.shares.kept import Kept
from anymq.core.shares.partition_share import Means, PartitionPlace, PartitionShare
from anymq.core.shares.places import Spot, Spots
from anymq.core.shares.pops import Pops, Rules
from anymq.core.shares.progress import Progress, progress_at, progress_in
from anymq.core.shares.queue_share import QueuePlace
from anymq.core.shares.starts import start_of
from anymq.core.shares.telling import tell
from anymq.core.shares.words import (
    GroupFull,
    GroupInUse,
    GroupNotFound,
    Place,
    ShareSettings,
    Taken,
    UnknownMember,
)
from anymq.core.streams.partition import Partition
from anymq.core.streams.stream_names import stream_of
from anymq.core.taps import Origin
from anymq.core.timers import Timers
from anymq.observability.log import Log as Lines

log = Lines(__name__)

Start = Callable[[Partition], int]

EMPTY, STABLE = "Empty", "Stable"
TYPE = "share"


class Described(NamedTuple):
    """What an administrator wants to know of a group."""

    name: str
    state: str
    epoch: int
    members: Sequence[Member]


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What share groups are given."""

    spots: Spots
    kept: Kept
    clock: Clock
    timers: Timers
    forms: Mapping[int, Form]
    settings_of: Callable[[str], ShareSettings]  # of a group
    is_other: Callable[[str], bool]  # is there a group of another kind of this name?


class Shares:
    """Every share group of the broker."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._kept = around.kept
        self._live: dict[str, ShareGroup] = {}
        self._shares: dict[int, PartitionShare] = {}  # those in use, by their settlements
        self._means = Means(around.clock, around.timers)
        self.spots = around.spots
        self.on_silent: list[Callable[[str, str], None]] = []  # told of group and member
        self._rules: dict[str, Rules] = {}  # of groups that pop
        self.pops = Pops(around.clock, around.timers, self._share, self.knows, self.settings_of)

    def restore(self) -> None:
        """Forget what was settled beyond the end of logs that lost something in a crash."""
        for group in list(self._kept):
            for topic_id, ids in self._kept.topics(group).items():
                spot = self._spot(topic_id)
                partitions = spot.topic.partitions if spot is not None and spot.topic else ()
                for partition, settlement_id in zip(partitions, ids, strict=False):
                    end = partition.log.end
                    if self._kept.settlement(settlement_id).settled.end > end:
                        self._kept.cut(group, topic_id, partition.index, end, _note)

    # -- members

    def beat(self, group: str, said: Heartbeat) -> Beat:
        """Take in that a member lives, or comes; return what it has to know."""
        settings = self.settings_of(group)
        live = self._live.get(group)
        if live is None:
            if said.epoch > 0:
                raise UnknownMember(f"Member {said.member_id} is not a member of group {group}.")
            live = self._make(group, settings)
        beat = live.beat(said, settings, self._around.clock.monotonic())
        if group not in self._live:
            self._live[group] = live
            self._kept.begin(group, _note)
        return beat

    def _make(self, group: str, settings: ShareSettings) -> ShareGroup:
        if group not in self._kept and self._around.is_other(group):
            raise GroupNotFound(f"Group {group} is not a share group.")
        if group not in self._kept and len(self.names()) >= settings.groups_max:
            raise GroupFull("there are as many share groups as there may be")
        return ShareGroup(group, self.spots.find)

    def leave(self, group: str, member_id: str) -> None:
        """A member goes. What it still has it may settle: that is its connection's."""
        live = self._live.get(group)
        if live is None:
            raise UnknownMember(f"Member {member_id} is not a member of group {group}.")
        live.leave(member_id)
        if not live.members:
            del self._live[group]

    def maintenance(self) -> None:
        """Let silent members go; about once a second."""
        now = self._around.clock.monotonic()
        self.pops.maintenance()
        for live in list(self._live.values()):
            for member_id in live.silent(now):
                log.info("a member of a share group is silent", group=live.name, member=member_id)
                self.leave(live.name, member_id)
                for told in self.on_silent:
                    told(live.name, member_id)

    # -- messages

    def place(
        self, group: str, spot: Spot, partition: int, who: Origin, on_more: Callable[[], None]
    ) -> Place:
        """Return what a new member has of a partition or queue: nothing yet."""
        if not 0 <= partition < spot.partitions:
            raise NotFound(f"{spot.name!r} has no partition {partition}")
        settings = partial(self.settings_of, group)
        if spot.queue is not None:
            return QueuePlace(
                spot.queue,
                who,
                f"share-group {group}",
                clock=self._around.clock,
                timers=self._around.timers,
                settings=settings,
                on_more=on_more,
            )
        told = partial(self.tell, spot, who)
        return PartitionPlace(self._share(group, spot, partition), on_more, told)

    def tell(self, spot: Spot, who: Origin, taken: Taken) -> None:
        """Tell who listens at the topic, if anybody does."""
        if spot.topic is not None and (tap := spot.topic.taps.tap) is not None:
            name = stream_of(spot.name)[1]
            tell(tap, name, taken, Opener(spot.name, self._around.forms), who)

    def _share(
        self, group: str, spot: Spot, partition: int, start: Start | None = None
    ) -> PartitionShare:
        """Return what the group has done with a partition; it begins where its settings say.

        `start`: says it instead, of a topic that is new to the group.
        """
        assert spot.topic is not None
        ids = self._kept.topics(group).get(spot.id, ())
        if len(ids) < spot.partitions:
            starts = self._starts(group, spot, len(ids), start)
            ids = self._kept.add(group, spot.id, starts, _note)
        share = self._shares.get(ids[partition])
        if share is None:
            share = self._shares[ids[partition]] = PartitionShare(
                spot.topic.partitions[partition],
                self._kept.settlement(ids[partition]),
                self._means,
                partial(self.settings_of, group),
            )
            share.bury = rules.bury if (rules := self._rules.get(group)) is not None else None
        return share

    def knows(self, group: str, spot: Spot) -> bool:
        """Has the group begun to read this topic?"""
        return spot.id in self._kept.topics(group)

    def _starts(self, group: str, spot: Spot, known: int, start: Start | None) -> list[int]:
        """Partitions that the topic got later are read from their beginning: all of it is new."""
        assert spot.topic is not None
        new = spot.topic.partitions[known:]
        if known:
            return [one.start for one in new]
        if start is not None:
            return [start(one) for one in new]
        reset, now_ms = self.settings_of(group).reset, self._around.clock.wall_ms()
        return [start_of(one, reset, now_ms) for one in new]

    def settings_of(self, group: str) -> ShareSettings:
        """Return the limits of a group."""
        settings, rules = self._around.settings_of(group), self._rules.get(group)
        if rules is None:
            return settings
        return replace(settings, deliveries_max=rules.deliveries_max)

    def rule(self, group: str, rules: Rules | None) -> None:
        """Let this hold for a group that pops, instead of what holds for all; None: no more."""
        if rules is None:
            self._rules.pop(group, None)
            return
        if self._rules.get(group) == rules:
            return
        self._rules[group] = rules
        for ids in self._kept.topics(group).values():
            for one in ids:
                if one in self._shares:
                    self._shares[one].bury = rules.bury

    # -- administration

    def names(self) -> set[str]:
        """Return the names of all share groups."""
        return {*self._live, *self._kept}

    def __contains__(self, group: str) -> bool:
        return group in self._live or group in self._kept

    def describe(self, group: str) -> Described:
        """Return who is in a group, or refuse."""
        self._check_there(group)
        live = self._live.get(group)
        if live is None:
            return Described(group, EMPTY, 0, ())
        return Described(group, STABLE, live.epoch, tuple(live.members.values()))

    def state(self, group: str) -> str:
        """Return in one word whether it has members."""
        return STABLE if group in self._live else EMPTY

    def progress(self, group: str) -> list[tuple[Spot, Mapping[int, Progress]]]:
        """Return how far a group is, in every partition that it has begun to read."""
        self._check_there(group)
        found: list[tuple[Spot, Mapping[int, Progress]]] = []
        for topic_id, ids in self._kept.topics(group).items():
            spot = self._spot(topic_id)
            if spot is not None and spot.topic is not None:
                known = zip(spot.topic.partitions, ids, strict=False)
                found.append(
                    (spot, {p.index: progress_at(p, self._kept.settlement(i)) for p, i in known})
                )
        found += [(spot, {0: progress_in(queue)}) for spot, queue in self._queues_of(group)]
        return sorted(found, key=lambda one: one[0].name)

    def _queues_of(self, group: str) -> list[tuple[Spot, Queue]]:
        live = self._live.get(group)
        names = {name for one in live.members.values() for name in one.topics} if live else ()
        spots = [spot for name in names if (spot := self.spots.find(name)) is not None]
        return [(spot, spot.queue) for spot in spots if spot.queue is not None]

    def _spot(self, topic_id: UUID) -> Spot | None:
        try:
            return self.spots.find_id(topic_id)
        except NotFound:
            return None

    def check_may_move(self, group: str) -> None:
        """Refuse to change where a group is, if it is not there or has members."""
        self._check_there(group)
        if group in self._live:
            raise GroupInUse(f"Group {group} is not empty.")

    def move(self, group: str, spot: Spot, starts: Mapping[int, int], then: Then) -> None:
        """Let a group without members go on elsewhere, in some partitions of a topic."""
        self.check_may_move(group)
        if spot.topic is None:
            raise Invalid(f"{spot.name!r} is a queue: what was taken from it is gone")
        for index in starts:
            spot.topic.partition(index)
            self._share(group, spot, index)  # the topic may be new to the group
        ids = self._kept.topics(group)[spot.id]
        self._close([ids[index] for index in starts])
        self._kept.move(group, spot.id, starts, then)

    def drop_topics(self, group: str, topics: Iterable[UUID], then: Then) -> None:
        """Let a group without members forget these topics."""
        self.check_may_move(group)
        known = self._kept.topics(group)
        going = [topic for topic in topics if topic in known]
        self._close([one for topic in going for one in known[topic]])
        self._kept.drop(group, going, then)

    def delete(self, group: str, then: Then) -> None:
        """Forget a group without members."""
        self.check_may_move(group)
        self._close([one for ids in self._kept.topics(group).values() for one in ids])
        self._rules.pop(group, None)
        self._kept.delete(group, then)

    def topic_gone(self, topic_id: UUID) -> None:
        """No group needs to know how far it was there."""
        for group in list(self._kept):
            known = self._kept.topics(group)
            if topic_id in known:
                self._close(known[topic_id])
                self._kept.drop(group, [topic_id], _note)

    def _close(self, settlements: Collection[int]) -> None:
        for settlement_id in settlements:
            share = self._shares.pop(settlement_id, None)
            if share is not None:
                share.close()

    def _check_there(self, group: str) -> None:
        if group not in self:
            raise GroupNotFound(f"Group {group} not found.")


def _note(error: Exception | None) -> None:
    if error is not None:
        log.warning("cannot keep the state of a share group", reason=str(error))
