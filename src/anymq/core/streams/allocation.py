"""Allocation: who of a group's members reads which queues, by RocketMQ's strategies.

Where clients decide for themselves, each asks only for its own part: all of them know the same
queues and the same members and sort them the same way, so nobody need ask anybody. Where we decide
(QUERY_ASSIGNMENT), we ask for them. Pure functions: docs/explanation/allocation.md has the table
that says what each gives, and its test is that table.
"""

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import md5
from typing import NamedTuple, Protocol, TypeVar

from typing_extensions import override

from anymq.core.errors import Invalid


class QueueName(NamedTuple):
    """One queue of a topic, sorted as every client sorts them."""

    topic: str
    broker: str
    queue: int

    @override
    def __str__(self) -> str:
        """Return what consistent hashing hashes: Java's way to write a queue down."""
        return f"MessageQueue [topic={self.topic}, brokerName={self.broker}, queueId={self.queue}]"


Queue = TypeVar("Queue", bound=Hashable)


class Strategy(Protocol):
    """One way to share."""

    def __call__(
        self, me: str, queues: Sequence[QueueName], members: Sequence[str], /
    ) -> list[QueueName]:
        """Return what `me` gets. Both lists are sorted, and `me` is among the members."""


def averagely(me: str, queues: Sequence[Queue], members: Sequence[str]) -> list[Queue]:
    """AVG: a block of neighbours for each; the first ones get one more when it does not come out.

    Fewer queues than members: one each, and the rest get nothing.
    """
    index = members.index(me)
    size, more = divmod(len(queues), len(members))
    first = index * size + min(index, more)
    return list(queues[first : first + size + (index < more)])


def averagely_by_circle(me: str, queues: Sequence[Queue], members: Sequence[str]) -> list[Queue]:
    """AVG_BY_CIRCLE: dealt like cards, one to each in turn."""
    return list(queues[members.index(me) :: len(members)])


@dataclass(frozen=True, slots=True)
class ByMachineRoom:
    """MACHINE_ROOM: only queues of brokers named `room@broker`, of these rooms.

    Blocks of the same size for all, then what is left goes one by one to the first members.
    """

    rooms: Collection[str]

    def __call__(
        self, me: str, queues: Sequence[QueueName], members: Sequence[str], /
    ) -> list[QueueName]:
        """Return what `me` gets."""
        ours = [queue for queue in queues if room_in_name(queue.broker) in self.rooms]
        index, count = members.index(me), len(members)
        size = len(ours) // count
        rest = ours[size * count :]
        return ours[index * size : (index + 1) * size] + rest[index : index + 1]


@dataclass(frozen=True, slots=True)
class NearbyMachineRoom:
    """MACHINE_ROOM_NEARBY: a room's queues are for the members in that room.

    Queues of a room where no member lives are shared by all, so nothing lies there unread.
    """

    inner: Strategy  # that decides within a room
    room_of_queue: Callable[[QueueName], str]
    room_of_member: Callable[[str], str]

    def __call__(
        self, me: str, queues: Sequence[QueueName], members: Sequence[str], /
    ) -> list[QueueName]:
        """Return what `me` gets: first of its own room, then of those without anybody."""
        queues_in = _grouped(queues, self.room_of_queue)
        members_in = _grouped(members, self.room_of_member)
        mine = self.room_of_member(me)
        found = self.inner(me, queues_in.pop(mine, []), members_in[mine])
        for room in sorted(queues_in):
            if room not in members_in:
                found += self.inner(me, queues_in[room], members)
        return found


@dataclass(frozen=True, slots=True)
class ConsistentHash:
    """CONSISTENT_HASH: who comes or goes moves only the queues that are his.

    Members are points on a ring, each at several places; a queue belongs to the next point.
    """

    points: int = 10  # of each member, as RocketMQ has them

    def __call__(
        self, me: str, queues: Sequence[QueueName], members: Sequence[str], /
    ) -> list[QueueName]:
        """Return what `me` gets."""
        ring = {_on_ring(f"{one}-{n}"): one for one in members for n in range(self.points)}
        places = sorted(ring)
        return [queue for queue in queues if ring[_next_on(places, str(queue))] == me]


@dataclass(frozen=True, slots=True)
class ByConfig:
    """CONFIG: what is written down for each, whatever else happens."""

    queues: Mapping[str, Sequence[QueueName]]  # by member

    def __call__(
        self, me: str, queues: Sequence[QueueName], members: Sequence[str], /
    ) -> list[QueueName]:
        """Return what is written down for `me`, as far as it is there."""
        there = set(queues)
        return [queue for queue in self.queues.get(me, ()) if queue in there]


def allocate(
    strategy: Strategy, queues: Collection[QueueName], members: Collection[str]
) -> dict[str, list[QueueName]]:
    """Return what everyone gets."""
    queues, members = sorted(queues), sorted(members)
    return {one: strategy(one, queues, members) for one in members}


# By name

AVG, AVG_BY_CIRCLE, MACHINE_ROOM = "AVG", "AVG_BY_CIRCLE", "MACHINE_ROOM"
NEARBY_PREFIX, CONSISTENT_HASH, CONFIG = "MACHINE_ROOM_NEARBY-", "CONSISTENT_HASH", "CONFIG"


@dataclass(frozen=True, slots=True)
class Rooms:
    """Which room somebody is in: the first pattern that fits his name says so.

    A name like `room@broker` says it by itself. Whoever nothing is known of is in the room "".
    """

    by_pattern: Mapping[str, str]

    def of(self, name: str) -> str:
        """Return the room of a client id or a broker name."""
        for pattern, room in self.by_pattern.items():
            if fnmatchcase(name, pattern):
                return room
        return room_in_name(name)

    def known(self) -> set[str]:
        """Return every room that is spoken of."""
        return set(self.by_pattern.values())


NO_ROOMS = Rooms({})


def strategy_named(
    name: str, rooms: Rooms = NO_ROOMS, config: Mapping[str, Sequence[QueueName]] | None = None
) -> Strategy:
    """Return the strategy of this name on the wire, or refuse."""
    if name.startswith(NEARBY_PREFIX):
        inner = strategy_named(name.removeprefix(NEARBY_PREFIX), rooms, config)
        return NearbyMachineRoom(inner, lambda queue: rooms.of(queue.broker), rooms.of)
    match name:
        case "AVG":
            return averagely
        case "AVG_BY_CIRCLE":
            return averagely_by_circle
        case "MACHINE_ROOM":
            return ByMachineRoom(rooms.known())
        case "CONSISTENT_HASH":
            return ConsistentHash()
        case "CONFIG":
            return ByConfig(config or {})
    raise Invalid(f"no strategy is called {name!r}")


def room_in_name(name: str) -> str:
    """Return the room that a name like `room@broker` begins with; "": none."""
    room, at, rest = name.partition("@")
    return room if at and rest and "@" not in rest else ""


Item = TypeVar("Item")


def _grouped(items: Sequence[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _on_ring(text: str) -> int:
    return int.from_bytes(md5(text.encode(), usedforsecurity=False).digest()[:4], "big")


def _next_on(places: Sequence[int], text: str) -> int:
    at = _on_ring(text)
    return next((place for place in places if place >= at), places[0])
