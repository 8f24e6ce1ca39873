"""Many members do what members do, in any order, while time goes by and the disk fails at times.

Whatever happens: every question is answered once, a generation has one leader and one protocol,
everyone in it gets what that leader assigned, and when all are gone nothing is left to happen.
Each seed is one life of a group; a failure names the seed that replays it.
"""

import random
from collections import defaultdict

import pytest
from tests.unit.core.streams.group_room import GROUP, Client, Room, Told, subscription

from anymq.core.streams.group import Group
from anymq.core.streams.group_calls import GroupError, GroupSettings, JoinResult, NewOffset, State
from anymq.storage.errors import DiskFull

STEPS = 400
PROTOCOLS = [
    (("range", subscription("orders")),),
    (("sticky", subscription("orders")), ("range", subscription("orders"))),
    (("range", subscription("orders", "bills")), ("sticky", subscription("orders", "bills"))),
]


class Crowd:
    """Members who follow the rules, more or less, and an observer who remembers all."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        delay_ms = self.chance.choice([0, 0, 3000])
        limits = GroupSettings(
            initial_rebalance_delay_ms=delay_ms, members_max=6, first_join_ms_max=60_000
        )
        self.room = Room(limits, seed)
        self.present: list[Client] = []
        self.all: list[Client] = []
        self.commits: list[Told] = []
        self.leaders: dict[int, set[str]] = defaultdict(set)
        self.protocols: dict[int, set[str | None]] = defaultdict(set)
        self.group: Group | None = None
        self.last_generation = 0
        self.heard: dict[Client, JoinResult] = {}

    # -- what members do

    def step(self) -> None:
        """Something happens."""
        deeds = [self.comes, self.goes_on, self.goes_on, self.goes_on, self.goes_on]
        deeds += [self.leaves, self.dies, self.restarts, self.changes_its_mind, self.asks_twice]
        deeds += [self.commits_some, self.time_goes_by, self.time_goes_by, self.disk]
        self.chance.choice(deeds)()
        self.observe()

    def comes(self) -> None:
        if len(self.present) >= 8:
            return
        instance = f"static-{len(self.all)}" if self.chance.random() < 0.4 else None
        self.enter(self.room.member(f"m{len(self.all)}", **self.words(instance)))

    def words(self, instance: str | None) -> dict[str, object]:
        return {
            "instance_id": instance,
            "protocols": self.chance.choice(PROTOCOLS),
            "session_timeout_ms": self.chance.choice([6_000, 10_000, 45_000]),
            "rebalance_timeout_ms": self.chance.choice([5_000, 20_000, 300_000]),
            "knows_member_id_required": self.chance.random() < 0.7,
            "knows_skip_assignment": self.chance.random() < 0.5,
        }

    def enter(self, client: Client) -> None:
        self.all.append(client)
        self.present.append(client)
        client.joins()

    def any(self) -> Client | None:
        idle = [client for client in self.present if not client.waits]
        return self.chance.choice(idle) if idle else None

    def goes_on(self) -> None:
        """Do what the last answer says, as every client does."""
        client = self.any()
        if client is None:
            return
        if client.joined is None or client.joined.error is not None:
            self.takes_error(client, client.error)
        elif client.synced is None or client.synced.error is not None:
            if client.synced is not None:
                self.takes_error(client, client.synced.error)
            else:
                client.syncs(self.assignment(client))
        else:
            self.takes_error(client, client.beats())

    def takes_error(self, client: Client, error: GroupError | None) -> None:
        if error in (GroupError.FENCED_INSTANCE, GroupError.INCONSISTENT_PROTOCOL):
            self.present.remove(client)
            return
        if error is None:
            return
        if error in (GroupError.UNKNOWN_MEMBER, GroupError.GROUP_FULL):
            client.member_id = ""
        client.synced = None
        client.joins()

    def assignment(self, leader: Client) -> dict[Client, bytes]:
        return {
            client: f"{leader.generation}:{client.name}".encode()
            for client in self.all
            if client.member_id
        }

    def leaves(self) -> None:
        client = self.any()
        if client is not None:
            client.leaves()
            self.present.remove(client)

    def dies(self) -> None:
        """Whether it waits for an answer or not."""
        if self.present:
            self.present.remove(self.chance.choice(self.present))

    def restarts(self) -> None:
        statics = [client for client in self.all if client.request.instance_id]
        if statics and len(self.present) < 8:
            old = self.chance.choice(statics)
            if old in self.present:
                self.present.remove(old)
            self.enter(self.room.member(old.name, **self.words(old.request.instance_id)))

    def changes_its_mind(self) -> None:
        client = self.any()
        if client is not None:
            client.synced = None
            client.joins(protocols=self.chance.choice(PROTOCOLS))

    def asks_twice(self) -> None:
        waiting = [client for client in self.present if client.waits and client.member_id]
        if waiting:
            client = self.chance.choice(waiting)
            client.joins() if client.joined is None else client.syncs(self.assignment(client))

    def commits_some(self) -> None:
        client = self.any()
        if client is not None:
            self.commits.append(client.commits(NewOffset("orders", 0, len(self.commits))))

    def time_goes_by(self) -> None:
        self.room.wait(self.chance.choice([0.1, 1, 3, 7, 30]))

    def disk(self) -> None:
        if self.chance.random() < 0.2:
            self.room.log.roll_back(DiskFull("full"))
        else:
            self.room.log.commit()
        self.room.groups.maintenance(self.room.clock.wall_ms())

    # -- what must be so

    def observe(self) -> None:
        live = self.room.groups._live.get(GROUP)
        if live is not self.group:  # it was forgotten, and begins again
            self.group, self.last_generation = live, 0
            self.leaders.clear()
            self.protocols.clear()
        for client in self.all:
            self.check_client(client)
        if live is not None:
            assert live.generations.number >= self.last_generation
            self.last_generation = live.generations.number
            check_group(live)

    def check_client(self, client: Client) -> None:
        assert client.answered <= client.asked
        joined, synced = client.joined, client.synced
        if joined is None or joined.error is not None:
            return
        if self.heard.get(client) is not joined:
            self.heard[client] = joined
            self.check_joined(client, joined)
        if synced is not None and synced.error is None and synced.assignment:
            generation, name = synced.assignment.decode().split(":")
            assert (int(generation), name) == (client.generation, client.name)

    def check_joined(self, client: Client, joined: JoinResult) -> None:
        self.protocols[joined.generation].add(joined.protocol)
        assert len(self.protocols[joined.generation]) == 1
        if joined.members:
            # A leader that comes back under another id is still the one leader.
            self.leaders[joined.generation].add(client.name)
            assert len(self.leaders[joined.generation]) == 1

    def all_go(self) -> None:
        """Everybody is gone without a word; after a while nothing must be left of them."""
        self.present.clear()
        for _ in range(5):
            self.room.wait(1000)
            self.room.log.commit()
        assert self.room.state in (State.EMPTY, State.DEAD)
        assert all(client.asked == client.answered for client in self.all)
        assert all(told.count == 1 for told in self.commits)
        assert self.room.timers.next_due() is None


def check_group(group: Group) -> None:
    """What is counted is what there is."""
    members = group.members
    ids = {member.id for member in members}
    assert members.joining == sum(member.joining is not None for member in members)
    assert members.unsynced <= ids
    assert (members.leader in ids) if ids else (members.leader is None)
    assert not ids & members.invited.keys()
    statics = {member.instance_id: member for member in members if member.instance_id}
    assert members._by_instance == statics
    if group.state is not State.PREPARING_REBALANCE:
        assert members.joining == 0
    if group.state is not State.COMPLETING_REBALANCE:
        assert all(member.syncing is None for member in members)
    if group.state is State.EMPTY:
        assert not ids
    if group.state in (State.COMPLETING_REBALANCE, State.STABLE):
        assert all(member.deadline._timer is not None or member.excused for member in members)


@pytest.mark.parametrize("seed", range(150))
def test_any_life_of_a_group(seed: int) -> None:
    crowd = Crowd(seed)
    for _ in range(STEPS):
        crowd.step()
    crowd.all_go()
