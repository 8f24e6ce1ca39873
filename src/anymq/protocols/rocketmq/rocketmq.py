"""RocketMq: what all its connections share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.core.broker import Broker
from anymq.core.streams.clients import Clients, Limits
from anymq.core.streams.unpacked import Unpacked
from anymq.core.transactions.transactions import Transactions
from anymq.protocols.memory import Memory
from anymq.protocols.rocketmq.convert import Teller
from anymq.protocols.rocketmq.counters import Counters
from anymq.protocols.rocketmq.delaying import Delaying
from anymq.protocols.rocketmq.graves import Graves
from anymq.protocols.rocketmq.halves import HalfMessages
from anymq.protocols.rocketmq.kept import (
    GROUPS,
    KEY_VALUES,
    REQUEST_MODES,
    TOPICS,
    GroupSettings,
    Kept,
    KeyValues,
    RequestModes,
    TopicSettings,
)
from anymq.protocols.rocketmq.progress import Progress
from anymq.protocols.rocketmq.rates import Rates
from anymq.protocols.rocketmq.send_request import Send
from anymq.protocols.rocketmq.sending import Gatherer
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.rocketmq.statistics import Statistics
from anymq.protocols.rocketmq.topics import Making
from anymq.security.gate import Gate
from anymq.security.users import Users

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.call import Call
    from anymq.protocols.rocketmq.session import RocketMqSession

TELLERS_MAX = 1000
Detour = Callable[[Send], bool]


@dataclass(slots=True)
class RocketMq:
    """One for all listeners."""

    broker: Broker
    settings: RocketMqSettings  # may be replaced
    users: Users
    gate: Gate
    counters: Counters
    memory: Memory
    handlers: "Mapping[int, Callable[[Call], None]]"
    transactions: Transactions
    # By the names of doors, once they are open: where clients are sent.
    ports: Mapping[str, int] = field(default_factory=dict)
    connected: "set[RocketMqSession]" = field(default_factory=set)
    graves: Graves = field(init=False)
    progress: Progress = field(init=False)
    gatherer: Gatherer = field(init=False)
    making: Making = field(init=False)
    delaying: Delaying = field(init=False)
    halves: HalfMessages = field(init=False)
    group_settings: Kept[GroupSettings] = field(init=False)  # as administrators describe them
    topic_settings: Kept[TopicSettings] = field(init=False)
    key_values: Kept[KeyValues] = field(init=False)
    request_modes: Kept[RequestModes] = field(init=False)
    routes_writable: bool = True  # an administrator may say that nobody sends here
    since_ms: int = field(init=False)
    rates: Rates = field(init=False)
    statistics: Statistics = field(init=False)
    unpacked: Unpacked = field(default_factory=Unpacked)  # batches that consumers are in
    # Each is asked, in this order, whether it keeps what is sent for later: then it answers.
    detours: list[Detour] = field(default_factory=list)
    queries: set[object] = field(default_factory=set)  # searches that run
    _tellers: dict[tuple[str, bytes], Teller] = field(default_factory=dict)
    _next_queue: int = 0

    def __post_init__(self) -> None:
        """Make its parts."""
        self.follow(self.settings)
        self.progress = Progress(self.broker, lambda: self.settings.commit_interval_ms)
        self.gatherer = Gatherer(self.broker)
        self.graves = Graves(self)
        self.making = Making(self.broker, lambda: self.settings)
        self.halves = HalfMessages(self, self.transactions)
        self.delaying = Delaying(self.broker, lambda: self.settings)
        self.group_settings = Kept(self.broker.policies, GROUPS, GroupSettings)
        self.topic_settings = Kept(self.broker.policies, TOPICS, TopicSettings)
        self.key_values = Kept(self.broker.policies, KEY_VALUES, KeyValues)
        self.request_modes = Kept(self.broker.policies, REQUEST_MODES, RequestModes)
        self.since_ms = self.broker.clock.wall_ms()
        self.rates = Rates(self.since_ms)
        self.statistics = Statistics(self.broker, self.progress, self.counters)

    @property
    def clients(self) -> Clients:
        """Who produces and consumes in which group."""
        return self.broker.groups.clients

    def follow(self, settings: RocketMqSettings) -> None:
        """Use these from now on, and let the core know what it is told by them."""
        self.settings, groups = settings, self.broker.groups
        groups.clients.limits = Limits(
            silent_ms=settings.silent_ms_max,
            groups_max=settings.groups_max,
            members_max=settings.members_max,
        )
        groups.queue_locks.lease_ms = settings.lock_ms

    def next_queue(self, count: int) -> int:
        """Return a queue, of so many, for a message whose sender does not mind which."""
        self._next_queue += 1
        return self._next_queue % count

    def teller(self, topic: str, store_host: bytes) -> Teller:
        """Return what makes messages of a topic's records for clients who know us at this host."""
        found = self._tellers.get((topic, store_host))
        if found is None:
            if len(self._tellers) >= TELLERS_MAX:
                self._tellers.clear()
            found = Teller(topic, topic, store_host, self.broker.forms)
            self._tellers[topic, store_host] = found
        return found

    def say_goodbye(self) -> None:
        """Keep what is not kept yet: the broker ends."""
        self.progress.flush()
