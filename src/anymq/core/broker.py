"""Broker: the parts of the domain under one roof."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from anymq.core.browsing.jobs import Jobs
from anymq.core.catalog import Catalog, DefinitionStore, Then
from anymq.core.changes import Changes
from anymq.core.clock import Clock
from anymq.core.errors import Conflict
from anymq.core.interceptor import Interceptor
from anymq.core.joined import at_once
from anymq.core.message import Form
from anymq.core.policies.parameters import Parameters
from anymq.core.policies.policies import Policies
from anymq.core.policies.presence import Presence
from anymq.core.policies.user_limits import UserLimits
from anymq.core.queues.arguments import STREAM
from anymq.core.queues.delays import Delays
from anymq.core.queues.lines import Lines
from anymq.core.queues.totals import Totals
from anymq.core.rights.accounts import Accounts
from anymq.core.routing.records import VhostRecord
from anymq.core.routing.types import OURS, ExchangeTypes
from anymq.core.shares.kept import ids_kept
from anymq.core.shares.opening import Opened, ShareGround, opened
from anymq.core.streams import broker_config, naming, offset_records
from anymq.core.streams.broker_config import BrokerConfig, group_settings
from anymq.core.streams.errors import InvalidPartitions, PolicyViolation
from anymq.core.streams.groups import Groups
from anymq.core.streams.identities import ProducerIds, new_cluster_id, new_topic_id
from anymq.core.streams.logs import Logs
from anymq.core.streams.partition import Partition
from anymq.core.streams.stream_names import stream_of
from anymq.core.streams.topic import Topic
from anymq.core.streams.topic_config import Change, TopicConfig, check_overrides
from anymq.core.streams.topics import TopicRecord, Topics
from anymq.core.taps import ListenAt, nobody
from anymq.core.timers import Timers
from anymq.core.vhosts.kinds import Ending
from anymq.core.vhosts.messaging import Ground, Messaging
from anymq.core.vhosts.own_queues import TRANSIENT_LOG_ID_FIRST
from anymq.core.vhosts.place_limits import PlaceLimits
from anymq.core.vhosts.stream_arguments import policy_config
from anymq.core.vhosts.streams import Streams
from anymq.core.vhosts.vhost import Redeclare, VirtualHost
from anymq.storage.backlog import Backlog
from anymq.storage.log import Durability
from anymq.storage.work import Work

EVERY_NODE = "default"  # the key of dynamic broker configs that hold for every node


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings:
    """How the broker is started. `configs` is by Kafka's names, see streams/broker_config.py."""

    node_id: int = 0
    node_name: str = "anymq"
    rack: str = ""
    topics_max: int = 100_000
    partitions_max: int = 200_000  # of all topics together: each costs about 5 KiB of memory
    partitions_per_topic_max: int = 10_000
    configs: Mapping[str, str] = field(default_factory=dict)


def ignore(error: Exception | None) -> None:
    """Do nothing when it is durable: whoever asked does not wait for it."""


def run_now(work: Work) -> None:
    """Do slow work at once; a server hands it to a helper thread."""
    work.run()
    work.done()


class Broker:
    """What sessions talk to. It never blocks, never awaits, never looks at a clock by itself."""

    def __init__(
        self,
        *,
        store: Logs,
        definitions: DefinitionStore,
        clock: Clock,
        timers: Timers,
        random: Callable[[int], bytes],
        settings: BrokerSettings | None = None,
        run: Callable[[Work], None] = run_now,
        forms: Sequence[Form] = (),
        exchange_types: ExchangeTypes = OURS,
        interceptors: Sequence[Interceptor] = (),
        listen: ListenAt = nobody,
    ) -> None:
        self.settings = settings or BrokerSettings()
        self.node_id = self.settings.node_id
        self.clock, self.timers = clock, timers
        self._given = {**_identity(self.settings), **self.settings.configs}
        broker_config.check_static(self._given)
        self.config = BrokerConfig(self._given)
        self._store, self._random, self._run = store, random, run
        self._catalog = Catalog(definitions)
        self.policies = Policies(Parameters(self._catalog))
        self.presence = Presence(self.policies, UserLimits(self._catalog))
        self._next_log_id = max(self._catalog.next_log_id(), _after_all(store))
        self._topics = Topics(
            store,
            node_id=self.node_id,
            leader_epoch=self._catalog.counters.get("starts", 0),
            starts=self._catalog.starts,
            policy_of=self._policy_of_topic,
        )
        self.topics: Mapping[str, Topic] = self._topics.by_name
        self._streams: Streams | None = None  # topics come first
        self._catalog.listen(self)
        self._producer_ids = ProducerIds(self._catalog)
        offsets = store.open_log(offset_records.LOG_ID, offset_records.LOG_CONFIG)
        self.groups = Groups(
            offsets,
            clock=clock,
            timers=timers,
            random=random,
            settings=group_settings(self.config),
        )
        store.read_whole(offsets, self.groups.restore)
        self._messaging = Messaging(
            Ground(
                store=store,
                catalog=self._catalog,
                policies=self.policies,
                clock=clock,
                timers=timers,
                random=random,
                new_log_id=self._new_log_id,
                bury=self._bury,
                run=run,
                forms=forms,
                durability=self._durability,
                exchange_types=exchange_types,
                node_name=self.settings.node_name,
                interceptors=interceptors,
                listen=listen,
                borrowed=ids_kept(self._catalog),
            )
        )
        self._name_parts()
        self.group_configs, self.shares, self.queue_sinks = self._open_shares()
        self._streams = self._open_streams()
        self._begin_a_life()

    def _name_parts(self) -> None:
        """What others ask for comes from below."""
        steady = self._messaging.steady
        self.vhosts: Mapping[str, VirtualHost] = self._messaging.vhosts
        self.users = Accounts(self._catalog, self.vhosts)
        self.turn, self.flow = self._messaging.turn, self._messaging.flow
        self.now_ms = steady.now_ms  # since 1970; never jumps while we run
        self.jobs = Jobs(self.clock, self.timers, steady, self.turn)

    def _open_streams(self) -> Streams:
        streams = self._messaging.add_streams(self)
        for name, topic in self.topics.items():
            streams.on_topic(name, topic)
        return streams

    def _open_shares(self) -> Opened:
        return opened(
            ShareGround(
                catalog=self._catalog,
                messaging=self._messaging,
                topics=self._topics,
                groups=self.groups,
                clock=self.clock,
                timers=self.timers,
                new_ids=self._new_log_ids,
                config=lambda: self.config,
            )
        )

    def _begin_a_life(self) -> None:
        """Bind; note what makes this run another one than the last; bury what died."""
        self._messaging.begin()
        # Clients must notice: with weak durability, the log may have other records now where it had
        # some in the last life. They compare leader epochs.
        self._catalog.put_counter("starts", self._catalog.counters.get("starts", 0) + 1, ignore)
        if "cluster_id" not in self._catalog.texts:
            self._catalog.put_text("cluster_id", new_cluster_id(self._random), ignore)
        self._bury(self._catalog.doomed, self._messaging.lines.delete)
        self.shares.restore()

    @property
    def backlog(self) -> Backlog:
        """What waits to be written: who publishes waits when it is too much."""
        return self._store.backlog

    # Topics

    def topic(self, name: str) -> Topic:
        """Return a topic, or refuse."""
        return self._topics.find(name)

    def topic_by_id(self, topic_id: UUID) -> Topic:
        """Return a topic by its id, or refuse."""
        return self._topics.find_id(topic_id)

    def create_topic(
        self,
        name: str,
        partitions: int | None = None,
        config: Mapping[str, str | None] | None = None,
        then: Then = ignore,
    ) -> Topic:
        """Make a topic; it can be used at once, `then` is called when a restart would find it."""
        overrides = self.check_topic(name, partitions, config)
        count = self.default_partitions if partitions is None else partitions
        record = TopicRecord(new_topic_id(self._random), self._new_log_ids(count), overrides)
        at_once(partial(self._define_topic, name, record), then)
        return self.topic(name)

    def _define_topic(self, name: str, record: TopicRecord, then: Then) -> None:
        def made(error: Exception | None) -> None:
            if error is not None:
                self._topics.forget(record.id)
                self._abandon(record.logs, error)
            then(error)

        self._catalog.put_topic(name, record, made)

    def check_topic(
        self,
        name: str,
        partitions: int | None = None,
        config: Mapping[str, str | None] | None = None,
    ) -> dict[str, str]:
        """Refuse a topic that cannot be made; return its config overrides."""
        naming.check_any_name(name)
        if name in self.topics:
            raise Conflict(f"Topic '{name}' already exists.")
        self._topics.collisions.check(name)
        if self._streams is not None:
            self._streams.check_free(name)
        self._check_partitions(0, self.default_partitions if partitions is None else partitions)
        if len(self.topics) >= self.settings.topics_max:
            raise PolicyViolation(f"there are {len(self.topics)} topics, no more are allowed")
        overrides = check_overrides(config or {})
        TopicConfig(overrides, self.config.topic_defaults)
        return overrides

    def auto_create_topic(self, name: str, then: Then = ignore) -> Topic:
        """Make a topic that a client asks for; NotFound where that is switched off."""
        if name not in self.topics and self.auto_create_topics:
            return self.create_topic(name, then=then)
        topic = self.topic(name)
        then(None)
        return topic

    def delete_topic(self, name: str, then: Then = ignore) -> None:
        """Forget a topic and its records. Its name is free at once."""
        ending = self.topic_ending(name)

        def deleted(error: Exception | None) -> None:
            ending.done(error)
            then(error)

        self._catalog.change(ending.changes, deleted, doomed=ending.logs)

    def topic_ending(self, name: str) -> Ending:
        """Return what forgets a topic and its records."""
        topic = self.topic(name)
        logs = self._catalog.topics[name].logs

        def deleted(error: Exception | None) -> None:
            self._topics.forget(topic.id)
            if error is None:
                self._bury(logs, self._store.delete)
                self.groups.delete_topics(name.__eq__, lambda _: None)
                self.shares.topic_gone(topic.id)

        return Ending(self._catalog.without_topic(name), logs, deleted)

    def add_partitions(self, name: str, total: int, then: Then = ignore) -> None:
        """Let a topic have more partitions: `total`."""
        self.check_more_partitions(name, total)
        record = self._catalog.topics[name]
        more = self._new_log_ids(total - len(record.logs))

        def made(error: Exception | None) -> None:
            if error is not None:
                self._abandon(more, error)
            then(error)

        self._catalog.put_topic(
            name, TopicRecord(record.id, record.logs + more, record.config), made
        )

    def check_more_partitions(self, name: str, total: int) -> None:
        """Refuse a number of partitions that a topic cannot have."""
        now = len(self.topic(name).partitions)
        if total == now:
            raise InvalidPartitions(f"Topic already has {now} partition(s).")
        if total < now:
            raise InvalidPartitions(
                f"The topic {name} currently has {now} partition(s); "
                f"{total} would not be an increase."
            )
        self._check_partitions(now, total)

    def alter_topic_config(
        self, name: str, config: Mapping[str, str | None], then: Then = ignore
    ) -> None:
        """Replace all of a topic's config overrides; they hold at once."""
        topic = self.topic(name)
        overrides = check_overrides(config)
        topic.config.replace(overrides)
        self._put_config(name, overrides, then)

    def change_topic_config(
        self, name: str, changes: Iterable[Change], then: Then = ignore
    ) -> None:
        """Change some of a topic's config overrides; they hold at once."""
        self._put_config(name, self.check_config_changes(name, changes), then)

    def check_config_changes(self, name: str, changes: Iterable[Change]) -> dict[str, str]:
        """Refuse changes that make no sense together; return the overrides after them."""
        config = self.topic(name).config
        overrides = config.changed(changes)
        config.replace(overrides)
        return overrides

    def follow_policy(self, name: str) -> None:
        """Let a topic be as its policy says now."""
        self._topics.follow_policy(name)

    def delete_records(self, partition: Partition, offset: int, then: Then = ignore) -> None:
        """Delete what is before `offset` (-1: everything); `partition.start` says what was done.

        Not before it is durable: a topic or config can be taken back, records cannot.
        """
        log = partition.log
        start = max(partition.offset_to_delete(offset), self._catalog.starts.get(log.id, 0))
        if start == 0:
            then(None)
            return

        def kept(error: Exception | None) -> None:
            if error is None:
                log.delete_before(start)
            then(error)

        self._catalog.put_start(log.id, start, kept)

    # Virtual hosts: exchanges and queues

    def vhost(self, name: str) -> VirtualHost:
        """Return a virtual host, or refuse."""
        return self._messaging.vhosts.find(name)

    def create_vhost(self, name: str, then: Then = ignore) -> VirtualHost:
        """Make a virtual host, or find it; `then` is called when a restart would find it."""
        return self._messaging.vhosts.create(name, then)

    def put_vhost(self, name: str, record: VhostRecord, then: Then = ignore) -> None:
        """Make a virtual host, or let one be as this says."""
        self._messaging.vhosts.put(name, record, then)

    def delete_vhost(self, name: str, then: Then = ignore) -> None:
        """Unmake a virtual host with all that is in it."""
        self._messaging.vhosts.delete(name, then)

    def redeclare_queues(self, how: Redeclare) -> None:
        """Treat queues that are declared again with other arguments so, everywhere."""
        self._messaging.vhosts.redeclare(how)

    def limit_places(self, limits: PlaceLimits) -> None:
        """Let no virtual host have more queues, exchanges and bindings than this."""
        self._messaging.vhosts.limit(limits)

    @property
    def changes(self) -> Changes:
        """What was made, changed and unmade lately."""
        return self._catalog.changes

    @property
    def queue_totals(self) -> Totals:
        """What happened in queues so far."""
        return self._messaging.totals

    @property
    def forms(self) -> Mapping[int, Form]:
        """How messages may be written, by the number that is on disk."""
        return self._messaging.forms

    @property
    def delays(self) -> Delays:
        """The messages that come later."""
        return self._messaging.delays

    @property
    def delayed_count(self) -> int:
        """How many messages wait for their time."""
        return len(self._messaging.delays)

    def when_settled(self, then: Then) -> None:
        """Call `then` when all that was settled so far survives our death."""
        self._messaging.lines.when_written(then)

    @property
    def lines(self) -> Lines:
        """The lines of all queues."""
        return self._messaging.lines

    def has(self, log_id: int, position: int) -> bool:
        """Has a log what was to get this position? Of a log that is gone: it had."""
        end = self._store.end_of(log_id)
        return end is None or position < end

    def close(self) -> None:
        """Leave everything exact, before the store is closed."""
        self.jobs.close()
        self._messaging.close()

    # The broker itself

    @property
    def cluster_id(self) -> str:
        """The name of this cluster, given by chance when it was new."""
        return self._catalog.texts["cluster_id"]

    @property
    def rack(self) -> str:
        """Where this node stands; empty: unknown."""
        return self.settings.rack

    @property
    def auto_create_topics(self) -> bool:
        """Are topics made when a client first names them?"""
        return self.config.value("auto.create.topics.enable").lower() == "true"

    @property
    def default_partitions(self) -> int:
        """How many partitions a topic gets that does not say."""
        return int(self.config.value("num.partitions"))

    def change_broker_config(
        self,
        changes: Iterable[Change],
        then: Then = ignore,
        *,
        every_node: bool = False,
    ) -> None:
        """Change dynamic configs; topics that say nothing else follow at once."""
        node = EVERY_NODE if every_node else str(self.node_id)
        self._catalog.put_broker_config(
            node, self.check_broker_config(changes, every_node=every_node), then
        )

    def check_broker_config(
        self, changes: Iterable[Change], *, every_node: bool = False
    ) -> dict[str, str]:
        """Refuse changes that make no sense together; return the dynamic configs after them."""
        before = self.config.for_all if every_node else self.config.for_node
        values = broker_config.changed(before, changes)
        BrokerConfig(
            self._given,
            for_all=values if every_node else self.config.for_all,
            for_node=self.config.for_node if every_node else values,
        )
        return values

    def next_producer_id(self, then: Callable[[int, Exception | None], None]) -> None:
        """Call `then` with an id that nobody has had; at once, but for the first ones."""
        self._producer_ids.take(then)

    @property
    def partition_count(self) -> int:
        """How many partitions all topics have together."""
        return len(self._topics.partitions)

    def maintenance(self, now_ms: int) -> None:
        """Do what is to be done now and then: about once a second."""
        self._topics.expire_producers(now_ms - int(self.config.value("producer.id.expiration.ms")))
        self.groups.maintenance(now_ms)
        self.shares.maintenance()
        self._messaging.tick()
        assert self._streams is not None
        self._streams.tick()
        for work in self._store.maintenance(now_ms):
            self._run(work)

    def give_config(self, configs: Mapping[str, str]) -> None:
        """Replace the static configs, by Kafka's names; what was changed dynamically stays."""
        broker_config.check_static(configs)
        before = self.config
        self._given = {**_identity(self.settings), **configs}
        self._use(BrokerConfig(self._given, for_all=before.for_all, for_node=before.for_node))
        self.groups.settings = group_settings(self.config)

    # What the catalog tells

    def on_topic(self, name: str, record: TopicRecord | None) -> None:
        """Make the topic be what its definition says."""
        self._topics.define(name, record)
        if self._streams is not None:
            self._streams.on_topic(name, self.topics.get(name))

    def on_broker_config(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        """Use other dynamic configs; topics follow."""
        self._use(
            BrokerConfig(
                self._given,
                for_all=configs.get(EVERY_NODE),
                for_node=configs.get(str(self.node_id)),
            )
        )

    # Within

    def _use(self, config: BrokerConfig) -> None:
        self.config = config
        self._topics.configure(config.topic_defaults)
        if self._streams is not None:
            self._messaging.lines.use(self._durability)

    @property
    def _durability(self) -> Durability:
        return Durability(self.config.value("anymq.durability"))

    def _policy_of_topic(self, name: str) -> Mapping[str, str]:
        """Every topic is a stream: what policies say of that holds, whoever made it."""
        vhost, stream = stream_of(name)
        return policy_config(self.policies.applied(vhost, STREAM, stream).definition)

    def _new_log_id(self) -> int:
        return self._new_log_ids(1)[0]

    def _new_log_ids(self, count: int) -> tuple[int, ...]:
        first = self._next_log_id
        self._next_log_id += count
        return tuple(range(first, first + count))

    def _put_config(self, name: str, overrides: dict[str, str], then: Then) -> None:
        record = self._catalog.topics[name]
        self._catalog.put_topic(name, TopicRecord(record.id, record.logs, overrides), then)

    def _check_partitions(self, now: int, total: int) -> None:
        if total < 1:
            raise InvalidPartitions("Number of partitions must be larger than 0.")
        if total > self.settings.partitions_per_topic_max:
            raise InvalidPartitions(
                f"{total} partitions: a topic may have {self.settings.partitions_per_topic_max}"
            )
        if self.partition_count + total - now > self.settings.partitions_max:
            raise PolicyViolation(
                f"there are {self.partition_count} partitions, "
                f"at most {self.settings.partitions_max} are allowed"
            )

    def _abandon(self, logs: Iterable[int], why: Exception) -> None:
        """Let go of logs whose definition the disk did not keep: nobody would find them again."""
        for log_id in logs:
            self._store.abandon(log_id, why)

    def _bury(self, logs: Iterable[int], delete: Callable[[int], Work]) -> None:
        """Take the logs of what was deleted off the disk, once nothing can bring it back."""
        for log_id in sorted(logs):
            self._run(Burial(delete(log_id), partial(self._buried, log_id)))

    def _buried(self, log_id: int) -> None:
        self._catalog.buried(log_id, ignore)


def _after_all(store: Logs) -> int:
    """Return a log id after all that last."""
    return max((one for one in store.ids() if one < TRANSIENT_LOG_ID_FIRST), default=0) + 1


def _identity(settings: BrokerSettings) -> dict[str, str]:
    """Return who we are, under the names by which tools ask."""
    node_id = str(settings.node_id)
    return {"node.id": node_id, "broker.id": node_id, "broker.rack": settings.rack}


class Burial:
    """Work, and what to do after it."""

    def __init__(self, work: Work, then: Callable[[], None]) -> None:
        self._work = work
        self._then = then

    def run(self) -> None:
        """Do the work."""
        self._work.run()

    def done(self) -> None:
        """Publish its result, and go on."""
        self._work.done()
        self._then()
