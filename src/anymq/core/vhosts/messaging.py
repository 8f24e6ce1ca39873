"""Messaging: virtual hosts and what they stand on, put together.

What is shared by all queues is opened first, then what is defined is made, then what is bound.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from anymq.core.catalog import Catalog
from anymq.core.clock import Clock
from anymq.core.flow import Flow
from anymq.core.interceptor import Interceptor
from anymq.core.message import Form
from anymq.core.policies.policies import Policies
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.queues import delays
from anymq.core.queues.arguments import STREAM
from anymq.core.queues.deadletters import with_died
from anymq.core.queues.delays import Delays
from anymq.core.queues.lines import Lines
from anymq.core.queues.totals import Totals
from anymq.core.queues.turn import Turn
from anymq.core.routing.types import OURS, ExchangeTypes
from anymq.core.steady import Steady
from anymq.core.streams.logs import Logs
from anymq.core.streams.topic import Topic
from anymq.core.taps import ListenAt, nobody
from anymq.core.timers import Timer, Timers
from anymq.core.vhosts import arrivals
from anymq.core.vhosts.applying import Applying
from anymq.core.vhosts.arrivals import Arrivals
from anymq.core.vhosts.captures import Captures
from anymq.core.vhosts.definitions import Definitions
from anymq.core.vhosts.kinds import QueueKind
from anymq.core.vhosts.own_queues import (
    OWN_KINDS,
    TRANSIENT_LOG_ID_FIRST,
    OwnQueues,
    QueueMeans,
)
from anymq.core.vhosts.streams import Streams, TopicVerbs
from anymq.core.vhosts.vhosts import Means, VirtualHosts
from anymq.storage.log import Durability
from anymq.storage.work import Work

# What was settled is written down together with what is settled in this time: acknowledgements are
# not answered, and one write for each would cost a fifth of `./dev bench amqp --only "window 1"`.
# Who must know that they are kept (tx.commit, channel.close) does not wait for it.
JOURNAL_SECONDS = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What messaging stands on."""

    store: Logs
    catalog: Catalog
    policies: Policies
    clock: Clock
    timers: Timers
    random: Callable[[int], bytes]
    new_log_id: Callable[[], int]
    bury: Callable[[Iterable[int], Callable[[int], Work]], None]
    run: Callable[[Work], None]
    forms: Sequence[Form] = ()
    durability: Durability = Durability.COMMIT  # of what is confirmed
    exchange_types: ExchangeTypes = field(default_factory=lambda: OURS)
    node_name: str = "anymq"
    interceptors: Sequence[Interceptor] = ()
    listen: ListenAt = nobody
    borrowed: Collection[int] = ()  # settlements of what is no queue: those of share groups


class Messaging:
    """Everything that queues and exchanges need, and they themselves."""

    def __init__(self, ground: Ground) -> None:
        forms = self.forms = with_died([*ground.forms, RECORD_FORM])
        self.flow = Flow()
        self.steady = Steady(ground.clock, ground.timers)
        self.lines = Lines(
            ground.store, forms, durability=ground.durability, borrowed=ground.borrowed
        )
        self.turn = Turn(finish=self._journal_soon)
        self._journal_timer: Timer | None = None
        self.totals = Totals()
        self.kinds: dict[str, QueueKind] = {}
        self._ground = ground
        self._next_transient = self._clear_transient()
        means = Means(
            now_ms=self.steady.now_ms,
            random=ground.random,
            add_delayed=lambda *said: self.delays.add(*said),
            policies=ground.policies,
            types=ground.exchange_types,
            forms=forms,
            node_name=ground.node_name,
            interceptors=ground.interceptors,
            listen=ground.listen,
            capture=lambda vhost, address: self._captures.capture(vhost, address),
        )
        definitions = Definitions(forms)
        own = OwnQueues(
            QueueMeans(
                catalog=ground.catalog,
                definitions=definitions,
                lines=self.lines,
                turn=self.turn,
                steady=self.steady,
                totals=self.totals,
                new_log_id=ground.new_log_id,
                new_transient_log_id=self._new_transient_log_id,
                bury=self._bury,
            )
        )
        for kind in OWN_KINDS:
            self.kinds[kind] = own
        self.vhosts = VirtualHosts(ground.catalog, means, definitions, own, self.kinds)
        self.vhosts.restore()
        self.delays = self._open_delays(forms)

    def _journal_soon(self) -> None:
        if self.lines.has_news and self._journal_timer is None:
            ground = self._ground
            due = ground.clock.monotonic() + JOURNAL_SECONDS
            self._journal_timer = ground.timers.at(due, self._journal_now)

    def _journal_now(self) -> None:
        self._journal_timer = None
        self.lines.flush()

    def _open_delays(self, forms: Mapping[int, Form]) -> Delays:
        store = self._ground.store
        log = store.open_log(delays.LOG_ID, delays.LOG_CONFIG)
        self.lines.follow(log)
        opened = Delays(
            log,
            self.lines.settlement(delays.LOG_ID),
            forms,
            clock=self.steady,
            changed=self.turn.add,
            release=self.vhosts.release,
            arrive=lambda late, then: self.arrivals.arrive(late, then),
            witness=self.lines.witness,
        )
        store.read_whole(log, opened.restore)
        return opened

    def _open_arrivals(self, topics: Mapping[str, Topic]) -> Arrivals:
        store = self._ground.store
        log = store.open_log(arrivals.LOG_ID, arrivals.LOG_CONFIG)
        opened = Arrivals(
            log, topics, now_ms=self.steady.now_ms, when_settled=self.lines.when_written
        )
        settled = self.lines.settlement(delays.LOG_ID).settled
        store.read_whole(log, lambda: opened.restore(settled))
        self.lines.follow(log)
        return opened

    def add_streams(self, topics: TopicVerbs) -> Streams:
        """Let topics be seen as streams, and late records arrive there."""
        self.arrivals = self._open_arrivals(topics.topics)
        streams = Streams(
            topics,
            self.vhosts,
            turn=self.turn,
            forms=self.forms,
            now_ms=self.steady.now_ms,
            witness=self.lines.witness,
        )
        self.kinds[STREAM] = self._streams = streams
        self._captures = Captures(
            self._ground.policies, self.vhosts, topics.create_topic, self.steady.now_ms
        )
        applying = Applying(self.vhosts, self.turn, topics.follow_policy)
        self._ground.policies.on_change = applying.begin
        return streams

    def begin(self) -> None:
        """Bind what is bound. Whatever adds queues of its own has done so."""
        self.vhosts.restore_bindings()

    def tick(self) -> None:
        """Do what is to be done now and then: about once a second."""
        self.lines.tick()

    def close(self) -> None:
        """Leave everything exact; the store is to be closed after this."""
        self.turn.run()
        while self._streams.later:
            self.turn.run()
        self.lines.close()

    def _clear_transient(self) -> int:
        """Throw away the logs of queues that did not outlive the last process."""
        first = TRANSIENT_LOG_ID_FIRST
        old = [log_id for log_id in self._ground.store.ids() if log_id >= first]
        for log_id in old:
            self._ground.run(self.lines.delete(log_id))
        return max(old, default=first - 1) + 1

    def _new_transient_log_id(self) -> int:
        log_id = self._next_transient
        self._next_transient += 1
        return log_id

    def _bury(self, logs: Iterable[int]) -> None:
        durable = [log_id for log_id in logs if log_id < TRANSIENT_LOG_ID_FIRST]
        self._ground.bury(durable, self.lines.delete)
        for log_id in logs:
            if log_id >= TRANSIENT_LOG_ID_FIRST:
                self._ground.run(self.lines.delete(log_id))
