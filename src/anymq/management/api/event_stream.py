"""One stream of events to one client. Nothing is kept ready for it but what it has not seen yet.

Everything is made when the client has room for it. Who reads slowly gets the same numbers less
often, and of changes hears how many it missed: its memory here is as small as that of anybody.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from anymq.core.changes import Change
from anymq.management.api import numbers, routes
from anymq.management.api.call import Call
from anymq.management.api.connections import Client, clients
from anymq.management.api.event_changes import told
from anymq.management.api.event_rows import ROWS_MAX, Shown
from anymq.management.api.groups import visible as visible_groups
from anymq.management.api.kafka_clients import sessions_of
from anymq.management.api.overview import node_row
from anymq.management.api.topics import visible as visible_topics
from anymq.management.api.totals import Totals
from anymq.management.http import Stream, encode
from anymq.protocols.amqp.conversation import Conversation as Amqp

if TYPE_CHECKING:
    from anymq.management.api.event_hub import EventHub

OVERVIEW = "overview"
ROWS = "rows"
CHANGES = "changes"
ALARMS = "alarms"
TOPICS = (OVERVIEW, ROWS, CHANGES, ALARMS)

CHANGES_PER_EVENT = 200
SILENT_S = 15.0  # then a comment shows, also to proxies, that the connection lives
RETRY = b"retry: 2000\n"
NODE_KEYS = (
    "name",
    "uptime",
    "mem_used",
    "mem_limit",
    "disk_free",
    "disk_free_limit",
    "fd_used",
    "fd_total",
    "sockets_used",
    "sockets_total",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants to hear of."""

    topics: tuple[str, ...]
    interval_s: float


@dataclass(eq=False)
class EventStream(Stream):
    """Events for one client."""

    id: str
    call: Call
    wish: Wish
    hub: "EventHub"
    shown: list[Shown] = field(default_factory=list)
    ended: bool = False
    _wake: Callable[[], None] = lambda: None
    _hello: bool = True
    _overview: bool = True
    _rows: Iterator[bytes] | None = None
    _rows_due: bool = True
    _alarms: frozenset[str] | None = None
    _seen: int = 0  # changes
    _next: float = 0.0
    _spoke: float = 0.0
    _silent: bool = False
    _bye: str = ""
    _mark: bytes = b""  # what proved its user

    @override
    def begin(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        now = self.call.broker.clock.monotonic()
        self._mark = self._mark_now
        self._seen = self.call.broker.changes.count
        self._next, self._spoke = now + self.wish.interval_s, now
        self.hub.add(self)
        wake()

    @property
    @override
    def more(self) -> bool:
        wants = self.wish.topics
        return not self.ended and (
            self._hello
            or bool(self._bye)
            or self._silent
            or (self._overview and OVERVIEW in wants)
            or self._has_rows
            or (ALARMS in wants and self._alarms != self._alarms_now)
            or (CHANGES in wants and self._seen != self.call.broker.changes.count)
        )

    @override
    def take(self) -> bytes:
        said = self._take()
        if said:
            self._spoke, self._silent = self.call.broker.clock.monotonic(), False
        return said

    @override
    def gone(self) -> None:
        self.hub.drop(self)

    def end(self, why: str) -> None:
        """Say so, and end."""
        self._bye = why
        self._wake()

    @property
    def holds(self) -> bool:
        """Is its user who he was when he came, and his session not over?"""
        caller, guard = self.call.caller, self.call.site.guard
        same = tuple(guard.accounts.tags_of(caller.name)) == tuple(caller.tags)
        session = caller.session
        lives = session is None or guard.sessions.lives(session)
        return same and lives and self._mark == self._mark_now

    @property
    def _mark_now(self) -> bytes:
        return self.call.site.guard.users().mark(self.call.caller.name)

    def show(self, shown: list[Shown]) -> None:
        """Tell of these rows from now on."""
        self.shown, self._rows, self._rows_due = shown, None, True
        self._wake()

    def tick(self, now: float) -> None:
        """Time has passed."""
        if now >= self._next:
            self._overview = self._rows_due = True
            self._next = max(self._next + self.wish.interval_s, now)
        self._silent = now - self._spoke >= SILENT_S
        if self.more:
            self._wake()

    # Within

    @property
    def _has_rows(self) -> bool:
        due = self._rows is not None or self._rows_due
        return due and bool(self.shown) and ROWS in self.wish.topics

    @property
    def _alarms_now(self) -> frozenset[str]:
        return frozenset(self.call.broker.flow.alarms)

    def _take(self) -> bytes:
        wants = self.wish.topics
        if self._bye:
            self.ended = True
            return self._event("bye", {"reason": self._bye})
        if self._hello:
            self._hello = False
            return RETRY + self._event("hello", self._greeting())
        if ALARMS in wants and self._alarms != self._alarms_now:
            self._alarms = self._alarms_now
            return self._event(ALARMS, {"alarms": sorted(self._alarms)})
        if CHANGES in wants and self._seen != self.call.broker.changes.count:
            return self._some_changes()
        if self._overview and OVERVIEW in wants:
            self._overview = False
            return self._event(OVERVIEW, self._at_a_glance())
        if self._has_rows:
            return self._some_rows()
        return b": still here\n\n" if self._silent else b""

    def _greeting(self) -> dict[str, Any]:
        return {
            "stream": self.id,
            "node": self.call.site.node,
            "user": self.call.caller.name,
            "topics": self.wish.topics,
            "interval_ms": int(self.wish.interval_s * 1000),
            "rows_max": ROWS_MAX,
        }

    def _some_changes(self) -> bytes:
        changes, lost, self._seen = self.call.broker.changes.since(self._seen, CHANGES_PER_EVENT)
        said = self._event("resync", {"reason": "slow", "lost": lost}) if lost else b""
        told = self._told(changes)
        return said + (self._event(CHANGES, {"changes": told}) if told else b"")

    def _told(self, changes: list[Change]) -> list[dict[str, Any]]:
        caller = self.call.caller
        return [each for change in changes if (each := told(change, caller)) is not None]

    def _some_rows(self) -> bytes:
        if self._rows is None:
            self._rows, self._rows_due = self._all_rows(), False
        for said in self._rows:
            return said
        self._rows = None
        return b""

    def _all_rows(self) -> Iterator[bytes]:
        for shown in self.shown:
            for said in shown.changes(self.call):
                yield b"" if said is None else self._event(ROWS, said)

    def _at_a_glance(self) -> dict[str, Any]:
        site = self.call.site
        if not self.call.caller.may_use(routes.MONITORING):
            return self._own_glance()
        sampler, rates = site.sampler, site.rates
        traffic = sampler.seen.traffic()
        stats = {**numbers.message_stats(site.amqp.counters), "records_in": sampler.records_in}
        data = {"recv_oct": traffic.received, "send_oct": traffic.sent}
        node = node_row(self.call)
        return {
            "object_totals": self._objects(sampler.sums.all),
            "queue_totals": sampler.queue_totals,
            "message_stats": rates.with_rates(sampler, stats),
            "data_stats": rates.with_rates(sampler, data),
            "node": {key: node[key] for key in NODE_KEYS},
        }

    def _own_glance(self) -> dict[str, Any]:
        """Return what concerns the virtual hosts that the client may enter."""
        sums = Totals()
        for name, one in self.call.site.sampler.sums.by_vhost.items():
            if self.call.caller.may_enter(name):
                sums.join(one)
        totals = self.call.site.rates.with_rates(self, sums.messages)
        return {"object_totals": self._objects(sums), "queue_totals": totals}

    def _objects(self, sums: Totals) -> Mapping[str, int]:
        call, site = self.call, self.call.site
        if call.caller.may_use(routes.MONITORING):
            kafka = sessions_of(site.kafka)
            seen: list[Client] = [*site.amqp.conversations, *kafka, *site.talkers()]
        else:
            seen = clients(call)
        return {
            "connections": len(seen),
            "channels": sum(len(each.channels or ()) for each in seen if isinstance(each, Amqp)),
            "exchanges": sum(len(vhost.exchanges) for vhost in call.vhosts),
            "queues": sums.queues,
            "consumers": sums.consumers,
            "topics": len(visible_topics(call)),
            "groups": len(visible_groups(call)),
        }

    def _event(self, name: str, said: dict[str, Any]) -> bytes:
        data = encode({"at": self.call.broker.clock.wall_ms(), **said})
        return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
