"""Clients: producers and consumers that say by heartbeats which groups they are in.

In groups of this kind (RocketMQ's) members decide among themselves who reads what: all that they
need of us is the list of who is there, the same for everyone, and to be told when it changes.
In memory: after a restart everyone's next heartbeat says it again. What a group has read is kept
with the offsets of all groups, so those of other kinds go on where this one stopped, and the other
way round; but at one time a group has members of one kind only.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol

from anymq.config.units import KIB
from anymq.core.clock import Clock
from anymq.core.errors import Conflict
from anymq.core.streams.errors import PolicyViolation
from anymq.core.timers import Deadline, Timers
from anymq.observability.log import Log as Lines

log = Lines(__name__)


class Model(Enum):
    """Who gets a message: one of the group, or all of it."""

    CLUSTERING = "clustering"
    BROADCASTING = "broadcasting"


class How(Enum):
    """How messages come to a consumer."""

    PUSH = "push"  # it pulls by itself and calls a listener
    PULL = "pull"
    POP = "pop"  # we lease it messages


class Interest(NamedTuple):
    """What a consumer wants of one topic."""

    topic: str
    expression: str = "*"
    kind: str = "TAG"  # or SQL92
    tags: tuple[str, ...] = ()
    version: int = 0  # a later one replaces an earlier one
    hashes: tuple[int, ...] = ()  # of the tags, as the client computed them
    class_filter: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """What a heartbeat says of one consumer group."""

    group: str
    interests: Sequence[Interest] | None = ()  # None: as before
    how: How = How.PUSH
    model: Model = Model.CLUSTERING
    start: str = ""  # where a group begins that has read nothing yet, in the client's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many there may be, and how long they may be silent."""

    silent_ms: int = 120_000
    groups_max: int = 10_000  # of consumers; as many of producers
    members_max: int = 1_000  # of one group
    interests_max: int = 1_000  # of one member
    interest_bytes_max: int = 64 * KIB  # all that these say
    groups_of_channel_max: int = 1_000


class Channel(Protocol):
    """The connection of a client."""

    def members_changed(self, group: str) -> None:
        """Tell the client that others are in its group now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client, as it introduces itself."""

    id: str
    channel: Channel
    language: str = ""
    version: int = 0
    address: str = ""
    user: str = ""


@dataclass(slots=True, eq=False)
class Member:
    """A client in a group."""

    client: Client
    since_ms: int
    heard: float  # by the monotonic clock
    heard_ms: int
    interests: dict[str, Interest] = field(default_factory=dict)  # by topic


@dataclass(slots=True, eq=False)
class ClientGroup:
    """A group with members. By channel: a client that connects anew is another one for a while."""

    name: str
    members: dict[Channel, Member] = field(default_factory=dict)
    how: How = How.PUSH
    model: Model = Model.CLUSTERING
    start: str = ""

    def ids(self) -> list[str]:
        """Return the members' ids, in the same order for everyone."""
        return sorted({one.client.id for one in self.members.values()})

    def interest(self, topic: str) -> Interest | None:
        """Return what the group wants of a topic: what was said last."""
        said = [one.interests[topic] for one in self.members.values() if topic in one.interests]
        return max(said, key=lambda one: one.version) if said else None

    def interests(self) -> dict[str, Interest]:
        """Return what it wants, by topic."""
        topics = {topic for one in self.members.values() for topic in one.interests}
        found = ((topic, self.interest(topic)) for topic in sorted(topics))
        return {topic: one for topic, one in found if one is not None}

    def channel_of(self, client_id: str) -> Channel | None:
        """Return where this client was heard last."""
        found = [one for one in self.members.values() if one.client.id == client_id]
        return max(found, key=lambda one: one.heard).client.channel if found else None


class Clients:
    """Every group of this kind that has members now."""

    def __init__(self, clock: Clock, timers: Timers, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.consumers: dict[str, ClientGroup] = {}
        self.producers: dict[str, ClientGroup] = {}
        # Why a group of this name may not have members of this kind; "": it may.
        self.refusal: Callable[[str], str] = lambda _: ""
        # Told when a group of consumers that share gets its first member (True), loses its last.
        self.on_inhabited: Callable[[str, bool], None] = lambda _group, _inhabited: None
        self._clock = clock
        self._of_channel: dict[Channel, set[tuple[bool, str]]] = {}  # consumers'?, group
        self._producers: dict[str, Client] = {}  # by id, as heard last
        self._changed: dict[str, None] = {}  # to be told of
        self._telling = Deadline(timers, self._tell)

    # What clients say

    def consume(self, client: Client, joining: Joining) -> bool:
        """This client is in a group of consumers; return whether that changed anything.

        Conflict: the group has members of another kind. PolicyViolation.
        """
        name = joining.group
        group = self.consumers.get(name)
        if group is None:
            if refusal := self.refusal(name):
                raise Conflict(refusal)
            group = self._room_for(client, name, self.consumers)
        elif client.channel not in group.members:
            self._check_room(client, group)
        self._check_interests(client, joining.interests or ())
        group.how, group.model, group.start = joining.how, joining.model, joining.start
        if name not in self.consumers:
            self.consumers[name] = group
            if group.model is Model.CLUSTERING:
                self.on_inhabited(name, True)
        member, changed = self._heard(group, client, consumes=True)
        if joining.interests is not None:
            changed |= _take_in(member, joining.interests)
        if changed:
            self._tell_soon(group)
        return changed

    def produce(self, client: Client, name: str) -> None:
        """This client is in a group of producers: one of those to ask about its transactions."""
        group = self.producers.get(name)
        if group is None:
            group = self._room_for(client, name, self.producers)
        elif client.channel not in group.members:
            self._check_room(client, group)
        self.producers[name] = group
        self._heard(group, client, consumes=False)
        self._producers[client.id] = client

    def leave(self, channel: Channel, *, consumer: str = "", producer: str = "") -> None:
        """This client leaves a group of consumers, of producers, or both."""
        if consumer:
            self._remove(channel, consumer, consumes=True)
        if producer:
            self._remove(channel, producer, consumes=False)

    def closed(self, channel: Channel) -> None:
        """This connection is gone, and who came by it."""
        for consumes, name in tuple(self._of_channel.get(channel, ())):
            self._remove(channel, name, consumes=consumes)

    def maintenance(self) -> None:
        """Let go who is silent for too long; every few seconds."""
        before = self._clock.monotonic() - self.limits.silent_ms / 1000
        for consumes, groups in ((True, self.consumers), (False, self.producers)):
            for group in list(groups.values()):
                for channel, member in list(group.members.items()):
                    if member.heard < before:
                        log.info("a client is silent", group=group.name, client=member.client.id)
                        self._remove(channel, group.name, consumes=consumes)

    # What there is

    def ids(self, group: str) -> list[str]:
        """Return who consumes in a group; the same list for everyone."""
        found = self.consumers.get(group)
        return found.ids() if found is not None else []

    def interest(self, group: str, topic: str) -> Interest | None:
        """Return what a group wants of a topic; None: it has not said."""
        found = self.consumers.get(group)
        return found.interest(topic) if found is not None else None

    def producers_of(self, group: str) -> list[Client]:
        """Return the producers of a group, those heard last first."""
        found = self.producers.get(group)
        members = found.members.values() if found is not None else ()
        return [one.client for one in sorted(members, key=lambda one: -one.heard)]

    def producer(self, client_id: str) -> Client | None:
        """Return the producer of this id, in whichever group."""
        return self._producers.get(client_id)

    def groups_of(self, channel: Channel) -> Iterator[tuple[str, str]]:
        """Return ("consumer" or "producer", group) of all groups that came by a connection."""
        for consumes, name in sorted(self._of_channel.get(channel, ())):
            yield "consumer" if consumes else "producer", name

    def __contains__(self, group: object) -> bool:
        return group in self.consumers

    # Helpers

    def _room_for(
        self, client: Client, name: str, groups: Mapping[str, ClientGroup]
    ) -> ClientGroup:
        if len(groups) >= self.limits.groups_max:
            raise PolicyViolation(f"there are {len(groups)} groups with clients, no more may come")
        group = ClientGroup(name)
        self._check_room(client, group)
        return group

    def _check_room(self, client: Client, group: ClientGroup) -> None:
        if len(group.members) >= self.limits.members_max:
            raise PolicyViolation(f"group {group.name!r} has as many members as it may have")
        if len(self._of_channel.get(client.channel, ())) >= self.limits.groups_of_channel_max:
            raise PolicyViolation(f"{client.id!r} is in as many groups as it may be in")

    def _check_interests(self, client: Client, interests: Sequence[Interest]) -> None:
        said = sum(
            len(one.topic) + len(one.expression) + sum(map(len, one.tags)) + 8 * len(one.hashes)
            for one in interests
        )
        too_many = len(interests) > self.limits.interests_max
        if too_many or said > self.limits.interest_bytes_max:
            raise PolicyViolation(f"{client.id!r} subscribes to too much")

    def _heard(self, group: ClientGroup, client: Client, *, consumes: bool) -> tuple[Member, bool]:
        now, now_ms = self._clock.monotonic(), self._clock.wall_ms()
        member = group.members.get(client.channel)
        if member is not None and member.client.id == client.id:
            member.heard, member.heard_ms = now, now_ms
            return member, False
        member = group.members[client.channel] = Member(client, now_ms, now, now_ms)
        self._of_channel.setdefault(client.channel, set()).add((consumes, group.name))
        return member, True

    def _remove(self, channel: Channel, name: str, *, consumes: bool) -> None:
        groups = self.consumers if consumes else self.producers
        known = self._of_channel.get(channel, set())
        known.discard((consumes, name))
        if not known:
            self._of_channel.pop(channel, None)
        group = groups.get(name)
        member = group.members.pop(channel, None) if group is not None else None
        if group is None or member is None:
            return
        if not consumes:
            self._forget_producer(member.client)
        if not group.members:
            del groups[name]
            if consumes and group.model is Model.CLUSTERING:
                self.on_inhabited(name, False)
        elif consumes:
            self._tell_soon(group)

    def _forget_producer(self, client: Client) -> None:
        """Unless it is in another group, or came by another connection since."""
        known = self._producers.get(client.id)
        others = self._of_channel.get(client.channel, ())
        is_last = all(consumes for consumes, _ in others)
        if is_last and known is not None and known.channel is client.channel:
            del self._producers[client.id]

    def _tell_soon(self, group: ClientGroup) -> None:
        """Tell the members once, when all who come in this turn have come.

        Who is told asks for the list at once and shares anew. Broadcasting shares nothing.
        """
        if group.model is Model.CLUSTERING:
            self._changed[group.name] = None
            self._telling.set(self._clock.monotonic())

    def _tell(self) -> None:
        changed, self._changed = self._changed, {}
        for name in changed:
            group = self.consumers.get(name)
            for channel in tuple(group.members) if group is not None else ():
                channel.members_changed(name)


def _take_in(member: Member, interests: Collection[Interest]) -> bool:
    """Note what a member wants now; return whether that is other topics than before."""
    before = member.interests
    now = {one.topic: one for one in interests}
    for topic, old in before.items():
        if topic in now and now[topic].version < old.version:
            now[topic] = old
    member.interests = now
    return before.keys() != now.keys()
