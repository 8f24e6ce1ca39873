"""The composition root: builds every part, starts and stops them.

Read this first: every arrow of ARCHITECTURE.md is a line here.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anymq import plugins
from anymq.cluster.meta import embedded
from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.config.doors import plugin_doors
from anymq.config.load import data_dir_of
from anymq.config.model import Settings
from anymq.config.reload import take_over
from anymq.config.units import MIB
from anymq.core.broker import Broker
from anymq.core.rights.loans import loan_of
from anymq.core.taps import nobody
from anymq.listening import Listening
from anymq.management import alarms
from anymq.management.api.api import ManagementApi
from anymq.management.api.event_hub import EventHub
from anymq.management.api.guard import Guard, for_watchers
from anymq.management.api.rates import Rates
from anymq.management.api.sampler import Sampler, Seen
from anymq.management.api.sessions import Sessions
from anymq.management.api.site import Machine, Site, cluster_name
from anymq.management.auditing import listen
from anymq.management.boot import load_definitions
from anymq.management.front import Front
from anymq.management.health import conditions
from anymq.management.history import History
from anymq.management.http import Pages
from anymq.management.kafka_metrics import watch_as_kafka
from anymq.management.metrics import Watched, file_numbers, resident_bytes, watch
from anymq.management.news import News
from anymq.management.object_metrics import ObjectMetrics
from anymq.management.pages import make_pages, metrics_page
from anymq.management.rabbitmq_metrics import watch_as_rabbitmq
from anymq.management.session import HttpSession
from anymq.management.spans import Telemetry
from anymq.net import heap
from anymq.net.checkers import Checkers
from anymq.net.clock import Alarm, SystemClock
from anymq.net.disk import Disk
from anymq.net.listener import MakeSession
from anymq.net.outgoing import Outgoing
from anymq.net.rounds import Rounds
from anymq.observability.audit import Audit
from anymq.observability.log import Log
from anymq.observability.metrics import Registry
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.amqp.counters import Counters as AmqpCounters
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.amqp.session import AmqpSession
from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.api.fetch_sessions import FetchSessions
from anymq.protocols.kafka.counters import Counters
from anymq.protocols.kafka.session import Kafka, KafkaSession
from anymq.protocols.memory import Memory
from anymq.protocols.mqtt.form import MQTT_FORM
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.session import MqttSession
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM
from anymq.protocols.rocketmq.grpc.grpc import Grpc
from anymq.protocols.rocketmq.rocketmq import RocketMq
from anymq.protocols.rocketmq.session import RocketMqSession
from anymq.protocols.session import Counts, Talker
from anymq.protocols.stomp.activemq import ACTIVEMQ
from anymq.protocols.stomp.dialects import DIALECTS
from anymq.protocols.stomp.form import STOMP_FORM
from anymq.protocols.stomp.session import StompSession
from anymq.protocols.stomp.stomp import Stomp
from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.shovels.shovels import Shovels
from anymq.storage.os_files import OsFiles, usual_handles
from anymq.storage.store import LogStore
from anymq.websockets import mqtt_inside, stomp_inside
from anymq.wiring import (
    amqp_settings,
    amqp_users,
    apply_to_vhosts,
    attempt_limits,
    audit_limits,
    broker_settings,
    kafka_settings,
    kafka_users,
    make_grpc,
    make_mqtt,
    make_rocketmq,
    make_stomp,
    make_telemetry,
    make_tokens,
    make_transactions,
    mqtt_settings,
    node_name,
    patience,
    provider,
    rocketmq_settings,
    session_limits,
    shovel_limits,
    stomp_settings,
    token_origins,
    transaction_settings,
)

log = Log(__name__)

TICK_SECONDS = 1.0
FLOOD_BYTES = 32 * MIB  # of requests and answers under way
LAST_WORDS_SECONDS = 2.0  # how long answers under way may take to leave when we stop


class Server:
    """One node."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._listening = Listening(settings)
        self.ports = self._listening.ports
        self._kafka_counters = Counters()
        self._stopping = asyncio.Event()
        self._memory = Memory(settings.limits.memory_bytes_max)
        self._kafka: Kafka | None = None
        self._amqp: Amqp | None = None
        self._amqp_counters = AmqpCounters()
        self._mqtt: Mqtt | None = None
        self._stomp: Stomp | None = None
        self._rocketmq: RocketMq | None = None
        self._grpc: Grpc | None = None
        self._guard: Guard | None = None
        self._store: LogStore | None = None
        self._telemetry: Telemetry | None = None

    def stop(self) -> None:
        """Take nothing new, finish what was begun; `run` returns when that is done."""
        self._stopping.set()

    def reload(self, settings: Settings) -> None:
        """Use these settings as far as that is possible now, and the certificates' files anew.

        Nobody is hung up on. What is wrong is logged, and stays as it was.
        """
        reloaded = take_over(self.settings, settings)
        try:
            self._listening.renew_tls(reloaded.settings)
        except (OSError, ValueError) as error:
            log.error("the settings were not reloaded: the certificate is no good", reason=error)
            return
        self._use(reloaded.settings)
        log.info("the settings were reloaded", changed=", ".join(reloaded.changed) or "nothing")
        if reloaded.waiting:
            log.warning("some settings need a restart", settings=", ".join(reloaded.waiting))

    def _use(self, settings: Settings) -> None:
        """Have these hold, which differ only in what can change while we run."""
        self.settings = settings
        self._apply(settings)

    def _apply(self, settings: Settings) -> None:
        limits = settings.limits
        self._listening.resize(settings)
        self._memory.resize(limits.memory_bytes_max)
        if self._kafka is not None:
            self._kafka.settings = kafka_settings(settings)
            self._kafka.users = kafka_users(settings, self._kafka.broker)
            self._kafka.broker.give_config(broker_settings(settings).configs)
        if self._amqp is not None:
            self._amqp.settings = amqp_settings(settings)
            self._amqp.users = amqp_users(settings, self._amqp.broker)
            apply_to_vhosts(settings, self._amqp.broker)
        if self._mqtt is not None:
            self._mqtt.settings = mqtt_settings(settings)
            self._mqtt.users = amqp_users(settings, self._mqtt.broker)
        if self._stomp is not None:
            self._stomp.settings = stomp_settings(settings)
            self._stomp.users = amqp_users(settings, self._stomp.broker)
        if self._rocketmq is not None:
            self._rocketmq.follow(rocketmq_settings(settings))
            self._rocketmq.transactions.settings = transaction_settings(settings)
            self._rocketmq.users = amqp_users(settings, self._rocketmq.broker)
        if self._store is not None and self._amqp is not None:
            self._store.keep_free(settings.storage.disk_free_bytes_min)
            self._look_for_alarms(self._amqp.broker, self._store)

    async def run(self, started: asyncio.Event | None = None) -> None:
        """Serve until stopped; return once everything acknowledged is on the disk."""
        loop = asyncio.get_running_loop()
        self._rounds = Rounds(loop, self.settings.server.awake_us / 1e6)
        disk, alarm = Disk(self._rounds), Alarm(loop)
        with contextlib.ExitStack() as stack:
            stack.callback(disk.stop)  # also when there is no store to open
            stack.callback(self._stop_telling)
            store = self._open_store(disk)
            news = News(store)
            stack.callback(self._end, disk, store, news)
            stack.callback(alarm.stop)
            broker = self._make_broker(store, disk, alarm)
            stack.callback(broker.close)
            checkers = Checkers(loop)
            stack.callback(checkers.stop)
            gate = self._make_gate(broker, checkers)
            broker.create_vhost(self.settings.amqp.default_vhost)
            self._audit = listen(broker, self._make_audit(broker))
            stack.callback(self._audit.close)
            news.look()
            self._shovels = self._make_shovels(broker, stack)
            if self.settings.server.load_definitions:
                load_definitions(broker, Path(self.settings.server.load_definitions))
            stack.callback(self._listening.close)
            self._listen(broker, store, disk, gate)
            self._shovels.start()
            if started is not None:
                started.set()
            await self._serve(broker, store, disk, news)

    def _make_shovels(self, broker: Broker, stack: contextlib.ExitStack) -> Shovels:
        loop = asyncio.get_running_loop()
        self._outgoing = Outgoing(self._rounds, patience(self.settings))
        shovels = Shovels(
            broker,
            connect=self._outgoing.connect,
            soon=partial(_soon, loop),
            limits=lambda: shovel_limits(self.settings),
            cluster_name=lambda: cluster_name(broker, node_name(self.settings)),
        )
        stack.callback(self._outgoing.close)
        stack.callback(shovels.stop)
        return shovels

    def _make_audit(self, broker: Broker) -> Audit:
        folder = data_dir_of(self.settings)
        return Audit(broker.clock.wall_ms, folder, lambda: audit_limits(self.settings))

    def _make_gate(self, broker: Broker, checkers: Checkers) -> Gate:
        attempts = Attempts(broker.clock.monotonic, lambda: attempt_limits(self.settings))
        gate = Gate(attempts, checkers.run)
        gate.tokens = make_tokens(self.settings)
        gate.authenticators = plugins.authenticators(self.settings.plugins.authenticators)
        gate.lend = lambda who: broker.users.lend(who.name, loan_of(who.scopes, who.expires_s))
        return gate

    def _open_store(self, disk: Disk) -> LogStore:
        directory = data_dir_of(self.settings)
        directory.mkdir(parents=True, exist_ok=True)
        store = LogStore.open(
            OsFiles(directory),
            on_dirty=disk.wake,
            handles_max=self.settings.storage.open_files_max or usual_handles(),
            disk_free_min=self.settings.storage.disk_free_bytes_min,
            retention_check_ms=self.settings.storage.retention_check_ms,
            backlog_max=self.settings.limits.unwritten_bytes_max,
        )
        disk.serve(store)
        self._store = store
        return store

    def _make_broker(self, store: LogStore, disk: Disk, alarm: Alarm) -> Broker:
        clock = SystemClock()
        self._telemetry = make_telemetry(self.settings, clock.wall_ms)
        journal = store.open_log(embedded.LOG_ID, embedded.LOG_CONFIG)
        definitions = store.read_whole(journal, lambda: EmbeddedStore(journal, clock))
        broker = Broker(
            store=store,
            definitions=definitions,
            clock=clock,
            timers=alarm.timers,
            random=secrets.token_bytes,
            settings=broker_settings(self.settings),
            run=disk.run_slowly,
            forms=(AMQP_FORM, MQTT_FORM, STOMP_FORM, ROCKETMQ_FORM),
            exchange_types=plugins.exchange_types(),
            interceptors=plugins.interceptors(self.settings.plugins.interceptors),
            listen=nobody if self._telemetry is None else self._telemetry.listen,
        )
        broker.turn.on_work = partial(self._rounds.turn, broker.turn.run)
        broker.turn.on_bug = _tell_of_bug
        broker.jobs.worked = time.thread_time
        self._transactions = make_transactions(transaction_settings(self.settings), broker, store)
        apply_to_vhosts(self.settings, broker)
        self._listening.room.give_handles = store.give_handles
        store.watch_space(partial(alarms.look_at_disk, broker.flow, store))
        if orphans := store.orphans():
            log.warning("logs that no topic owns; they are kept", ids=orphans)
        return broker

    def _listen(self, broker: Broker, store: LogStore, disk: Disk, gate: Gate) -> None:
        settings, rounds = self.settings, self._rounds
        speak_kafka = self._kafka_sessions(broker, gate)
        speak_amqp = self._amqp_sessions(broker, gate)
        self._mqtt = make_mqtt(settings, broker, store, gate, self._memory)
        self._shovels.retain = self._mqtt.retain
        speak_mqtt = partial(MqttSession, self._mqtt)
        self._stomp = make_stomp(settings, broker, gate, self._memory)
        speak_stomp = partial(StompSession, self._stomp, dialect=DIALECTS[settings.stomp.dialect])
        speak_activemq = partial(StompSession, self._stomp, dialect=ACTIVEMQ)
        self._rocketmq = make_rocketmq(
            settings, broker, self._transactions, gate, self._memory, self.ports
        )
        speak_rocketmq = partial(RocketMqSession, self._rocketmq)
        speak_http = self._http_sessions(broker, store, disk)
        open_both = self._listening.open_both
        open_both(rounds, "kafka", speak_kafka, settings.kafka, settings)
        open_both(rounds, "amqp", speak_amqp, settings.amqp, settings)
        open_both(rounds, "mqtt", speak_mqtt, settings.mqtt, settings)
        open_both(rounds, "stomp", speak_stomp, settings.stomp, settings)
        open_both(rounds, "stomp_activemq", speak_activemq, settings.stomp.activemq, settings)
        self._open_web(rounds, speak_mqtt, speak_stomp)
        open_both(rounds, "rocketmq", speak_rocketmq, settings.rocketmq, settings)
        nameserver = settings.rocketmq.nameserver
        open_both(rounds, "rocketmq_nameserver", speak_rocketmq, nameserver, settings)
        self._grpc = make_grpc(settings, self._rocketmq)
        if self._grpc is not None:
            open_both(rounds, "rocketmq_grpc", self._grpc.speak, settings.rocketmq.grpc, settings)
        open_both(rounds, "management", speak_http, settings.management, settings)
        ground = plugins.Ground(broker, amqp_users(settings, broker), gate)
        for door, speak in plugins.protocols(plugin_doors(settings), ground):
            self._listening.open(rounds, door.name, speak, door.host, door.port, settings)

    def _open_web(self, rounds: Rounds, mqtt: MakeSession, stomp: MakeSession) -> None:
        assert self._mqtt is not None
        assert self._stomp is not None
        settings, open_web = self.settings, self._listening.open_web
        in_mqtt = mqtt_inside(lambda: self.settings, mqtt, self._mqtt.counters)
        in_stomp = stomp_inside(lambda: self.settings, stomp, self._stomp.counters)
        open_web(rounds, "mqtt", in_mqtt, settings.mqtt, settings)
        open_web(rounds, "stomp", in_stomp, settings.stomp, settings)

    def _http_sessions(self, broker: Broker, store: LogStore, disk: Disk) -> MakeSession:
        site = self._site(broker, store)
        front = Front(
            lambda: self.settings.management.host_names, lambda: token_origins(self.settings)
        )
        pages = self._pages(site, store, disk)
        return partial(HttpSession, pages, api=ManagementApi(site), front=front)

    def _kafka_sessions(self, broker: Broker, gate: Gate) -> MakeSession:
        limits = self.settings.limits
        self._kafka = Kafka(
            broker=broker,
            apis=registry.load(),
            settings=kafka_settings(self.settings),
            users=kafka_users(self.settings, broker),
            fetch_sessions=FetchSessions(
                secrets.token_bytes,
                sessions_max=limits.fetch_sessions_max,
                partitions_max=limits.fetch_session_partitions_max,
            ),
            gate=gate,
            counters=self._kafka_counters,
            memory=self._memory,
        )
        return partial(KafkaSession, self._kafka)

    def _amqp_sessions(self, broker: Broker, gate: Gate) -> MakeSession:
        self._amqp = Amqp(
            broker=broker,
            settings=amqp_settings(self.settings),
            users=amqp_users(self.settings, broker),
            counters=self._amqp_counters,
            memory=self._memory,
            make_channel=Channel,
            gate=gate,
        )
        return partial(AmqpSession, self._amqp)

    def _pages(self, site: Site, store: LogStore, disk: Disk) -> Pages:
        broker, registry = site.broker, Registry()
        assert self._mqtt is not None
        assert self._stomp is not None
        assert self._rocketmq is not None
        counters: dict[str, Counts] = {
            "kafka": self._kafka_counters,
            "amqp": self._amqp_counters,
            "mqtt": self._mqtt.counters,
            "stomp": self._stomp.counters,
            "rocketmq": self._rocketmq.counters,
        }
        numbers = watch(
            registry,
            Watched(
                broker=broker,
                store=store,
                connections=self._listening.connections,
                connections_refused=lambda: self._listening.room.refused,
                requests=lambda: _merged(each.by_kind() for each in counters.values()),
                in_flight_bytes=lambda: self._memory.used,
                malformed=lambda: {name: each.malformed for name, each in counters.items()},
                logins_failed=lambda: {
                    **{name: each.logins_failed for name, each in counters.items()},
                    "http": self._guard.logins_failed if self._guard is not None else 0,
                },
                commit_seconds=disk.commit_seconds,
                messages=lambda: {"amqp": self._amqp_counters},
                channels=lambda: {"amqp": self._amqp.channel_count if self._amqp else 0},
                transactions=self._transactions,
            ),
        )
        watch_as_rabbitmq(registry, site, numbers)
        watch_as_kafka(registry, broker, site.kafka)
        each = ObjectMetrics(site)
        return make_pages(
            {
                "/metrics": metrics_page(registry, numbers.look),
                "/metrics/per-object": each.per_object,
                "/metrics/detailed": each.detailed,
            },
            partial(conditions, broker, store, self._stopping.is_set),
            partial(for_watchers, site.guard, lambda: self.settings.management.metrics_login),
        )

    def _site(self, broker: Broker, store: LogStore) -> Site:
        amqp = self._amqp
        assert amqp is not None
        self._guard = Guard(
            broker.users,
            lambda: amqp.users,
            lambda: amqp.settings.loopback_users,
            Sessions(broker.clock.monotonic, lambda: session_limits(self.settings)),
            amqp.gate,
            self._audit,
            lambda: provider(self.settings),
        )
        assert self._kafka is not None
        sampler = self._sampler(broker, amqp, store)
        return Site(
            broker=broker,
            amqp=amqp,
            kafka=self._kafka,
            rates=Rates(broker.clock),
            guard=self._guard,
            sampler=sampler,
            events=EventHub(broker, amqp, self._kafka, sampler, self._talkers),
            shovels=self._shovels,
            talkers=self._talkers,
            doors=self._listening.doors,
            machine=partial(self._machine, store),
            connections=self._listening.connections,
            started_ms=broker.clock.wall_ms(),
            settings=lambda: self.settings,
            use=self._use,
            transactions=self._transactions,
        )

    def _talkers(self) -> Collection[Talker]:
        """Return MQTT's, STOMP's and RocketMQ's clients."""
        assert self._mqtt is not None
        assert self._stomp is not None
        assert self._rocketmq is not None
        by_grpc = () if self._grpc is None else self._grpc.clients()
        rocketmq = (*self._rocketmq.connected, *by_grpc)
        return [*self._mqtt.connected, *self._stomp.connected, *rocketmq]

    def _sampler(self, broker: Broker, amqp: Amqp, store: LogStore) -> Sampler:
        loop = asyncio.get_running_loop()
        seen = Seen(
            broker=broker,
            amqp=amqp,
            machine=partial(self._machine, store),
            traffic=self._listening.traffic,
            sockets=lambda: sum(self._listening.connections().values()),
            soon=partial(_soon, loop),
        )
        sampler = Sampler(seen, History(self.settings.management.history_objects_max))
        sampler.start()
        return sampler

    def _machine(self, store: LogStore) -> Machine:
        files, files_max = file_numbers()
        limits = self.settings.limits
        return Machine(
            memory_bytes=resident_bytes(),
            memory_bytes_max=alarms.memory_limit(limits.memory_alarm_bytes),
            disk_free_bytes=store.free_bytes(),
            disk_free_bytes_min=self.settings.storage.disk_free_bytes_min,
            files=files,
            files_max=files_max,
            connections_max=limits.connections_max,
            data_dir=str(data_dir_of(self.settings)),
            certificate=self.settings.tls.certificate,
            client_ca=self.settings.tls.client_ca,
        )

    async def _serve(self, broker: Broker, store: LogStore, disk: Disk, news: News) -> None:
        tasks = [
            asyncio.create_task(self._keep_ticking(broker, store)),
            asyncio.create_task(self._keep_maintaining(broker, store, disk, news)),
            asyncio.create_task(self._keep_syncing(disk)),
        ]
        stopping = asyncio.create_task(self._stopping.wait())
        ends: list[asyncio.Future[Any]] = [*tasks, stopping, disk.failed]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            await self._last_words()
        finally:
            for end in ends:
                end.cancel()
        for end in done:
            end.result()

    async def _last_words(self) -> None:
        """Let what is under way be answered; nobody new comes in."""
        self._listening.stop_accepting()
        self._shovels.stop()
        deadline = asyncio.get_running_loop().time() + LAST_WORDS_SECONDS
        await self._until_nothing_is_owed(deadline)
        if self._amqp is not None:
            self._amqp.say_goodbye("shutdown")
            if self._mqtt is not None:
                self._mqtt.say_goodbye()
            if self._stomp is not None:
                self._stomp.say_goodbye()
            if self._rocketmq is not None:
                self._rocketmq.say_goodbye()
            if self._grpc is not None:
                self._grpc.say_goodbye()
            await self._until_nothing_is_owed(deadline)

    async def _until_nothing_is_owed(self, deadline: float) -> None:
        while self._outgoing.owes or self._listening.owes:
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(0.005)

    def _end(self, disk: Disk, store: LogStore, news: News) -> None:
        if disk.stop():
            store.close()
            news.look()
        else:
            log.warning("not all could be finished: the next start looks at every log")

    def _stop_telling(self) -> None:
        if self._telemetry is not None:
            self._telemetry.stop()

    async def _keep_ticking(self, broker: Broker, store: LogStore) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = broker.clock.monotonic()
            broker.users.end_loans(broker.clock.wall_ms() / 1000)
            self._listening.tick(now)
            self._outgoing.tick(now)
            self._look_for_alarms(broker, store)
            self._give_back_memory()

    def _look_for_alarms(self, broker: Broker, store: LogStore) -> None:
        alarms.look(broker.flow, store, self.settings.limits.memory_alarm_bytes)

    def _give_back_memory(self) -> None:
        """After a flood: not while there is one, what comes next would only ask for it again."""
        memory = self._memory
        if memory.peak > FLOOD_BYTES > 4 * memory.used:
            memory.peak = memory.used
            heap.trim()

    async def _keep_maintaining(
        self, broker: Broker, store: LogStore, disk: Disk, news: News
    ) -> None:
        while True:
            store.check_space()
            if not disk.busy:
                broker.maintenance(broker.clock.wall_ms())
            news.look()
            await asyncio.sleep(self.settings.storage.maintenance_interval_ms / 1000)

    async def _keep_syncing(self, disk: Disk) -> None:
        while True:
            await asyncio.sleep(self.settings.storage.sync_interval_ms / 1000)
            disk.sync_interval()


def _tell_of_bug(bug: Exception) -> None:
    """While it is handled: with its traceback."""
    log.exception("a queue failed: a bug", reason=repr(bug))  # noqa: LOG004


def _merged(parts: Iterable[Mapping[tuple[str, str], int]]) -> dict[tuple[str, str], int]:
    return {name: number for part in parts for name, number in part.items()}


def _soon(loop: asyncio.AbstractEventLoop, act: Callable[[], None]) -> None:
    loop.call_soon(act)
