"""Hub: all streams of events. It looks at the clock for them, and at what nobody else notes."""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from anymq.core.broker import Broker
from anymq.core.changes import CREATED, DELETED
from anymq.management.api.call import Call
from anymq.management.api.event_changes import CONNECTION, GROUP
from anymq.management.api.event_stream import CHANGES, OVERVIEW, EventStream, Wish
from anymq.management.api.faults import Fault
from anymq.management.api.kafka_clients import PROTOCOL, VHOST, sessions_of
from anymq.management.api.sampler import Sampler
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.kafka.session import Kafka
from anymq.protocols.session import Talker

TICK_S = 0.25
LOOK_S = 1.0  # between two looks at connections and groups
STREAMS_MAX = 200
PER_USER_MAX = 16
GROUPS_MAX = 5_000  # of more, who watches is not told when they come and go

Known = Mapping[object, tuple[str, ...]]


@dataclass(slots=True)
class EventHub:
    """Those there are, by their ids. It does nothing while there are none."""

    broker: Broker
    amqp: Amqp
    kafka: Kafka
    sampler: Sampler
    talkers: Callable[[], Collection[Talker]]
    streams: dict[str, EventStream] = field(default_factory=dict)
    _ticking: bool = False
    _looked: float = 0.0
    _connections: Known = field(default_factory=dict)
    _groups: set[str] = field(default_factory=set)

    def open(self, call: Call, wish: Wish) -> EventStream:
        """Make a stream; it is one of ours once it begins."""
        mine = sum(one.call.caller.name == call.caller.name for one in self.streams.values())
        if len(self.streams) >= STREAMS_MAX or mine >= PER_USER_MAX:
            reason = f"at most {PER_USER_MAX} streams for a user, {STREAMS_MAX} altogether"
            raise Fault(HTTPStatus.TOO_MANY_REQUESTS, "too_many_streams", reason)
        return EventStream(secrets.token_hex(8), call, wish, self)

    def add(self, stream: EventStream) -> None:
        """It begins."""
        self.streams[stream.id] = stream
        self._count_watchers()
        if not self._ticking:
            self._ticking = True
            self._connections, self._groups = self._who_is_here(), self._groups_now()
            self._looked = self.broker.clock.monotonic()
            self._later()

    def drop(self, stream: EventStream) -> None:
        """Nobody listens to it any more."""
        self.streams.pop(stream.id, None)
        self._count_watchers()

    def _count_watchers(self) -> None:
        watchers = sum(OVERVIEW in one.wish.topics for one in self.streams.values())
        self.sampler.watchers = watchers

    def _later(self) -> None:
        self.broker.timers.at(self.broker.clock.monotonic() + TICK_S, self._tick)

    def _tick(self) -> None:
        if not self.streams:
            self._ticking = False
            return
        now = self.broker.clock.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._look()
            self._look_at_users()
        for stream in list(self.streams.values()):
            stream.tick(now)
        self._later()

    def _look_at_users(self) -> None:
        for stream in self.streams.values():
            if not stream.holds:
                stream.end("its user has changed, or logged out")

    def _look(self) -> None:
        """Note who came and went; only while somebody wants to know."""
        if not any(CHANGES in one.wish.topics for one in self.streams.values()):
            return
        changes, now, groups = self.broker.changes, self._who_is_here(), self._groups_now()
        for one in now.keys() - self._connections.keys():
            changes.note(CONNECTION, CREATED, *now[one])
        for one in self._connections.keys() - now.keys():
            changes.note(CONNECTION, DELETED, *self._connections[one])
        for name in groups - self._groups:
            changes.note(GROUP, CREATED, name)
        for name in self._groups - groups:
            changes.note(GROUP, DELETED, name)
        self._connections, self._groups = now, groups

    def _who_is_here(self) -> Known:
        known = self._connections
        found: dict[object, tuple[str, ...]] = {}
        for one in self.amqp.conversations:
            if one.channels is not None:
                found[one] = known.get(one) or (
                    one.name,
                    "AMQP 0-9-1",
                    one.user,
                    one.channels.vhost.name,
                )
        for client in sessions_of(self.kafka):
            name = client.peer.connection_name
            found[client] = (name, PROTOCOL, client.authentication.user, VHOST)
        for talker in self.talkers():
            name = talker.peer.connection_name
            found[talker] = (name, talker.protocol, talker.user, talker.vhost_name)
        return found

    def _groups_now(self) -> set[str]:
        names = self.broker.groups.names() | self.broker.shares.names()
        return names if len(names) <= GROUPS_MAX else set()
