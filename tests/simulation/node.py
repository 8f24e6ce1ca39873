"""Node: one broker over a simulated disk, and what its server would do, in simulated time."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from anymq.cluster.meta import embedded
from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.core.broker import Broker, BrokerSettings
from anymq.core.timers import Timers
from anymq.core.transactions.settings import TransactionSettings
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.amqp.counters import Counters as AmqpCounters
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.amqp.session import AmqpSession
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.kafka.session import KafkaSession
from anymq.protocols.memory import Memory
from anymq.protocols.mqtt import kept
from anymq.protocols.mqtt.counters import Counters as MqttCounters
from anymq.protocols.mqtt.form import MQTT_FORM
from anymq.protocols.mqtt.kept import Kept
from anymq.protocols.mqtt.mqtt import Mqtt
from anymq.protocols.mqtt.session import MqttSession
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.rocketmq.api import registry
from anymq.protocols.rocketmq.counters import Counters as RocketMqCounters
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM
from anymq.protocols.rocketmq.rocketmq import RocketMq
from anymq.protocols.rocketmq.session import RocketMqSession
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.session import Outbox, Peer, Session
from anymq.protocols.stomp.counters import Counters as StompCounters
from anymq.protocols.stomp.dialect import RABBITMQ
from anymq.protocols.stomp.form import STOMP_FORM
from anymq.protocols.stomp.session import StompSession
from anymq.protocols.stomp.settings import StompSettings
from anymq.protocols.stomp.stomp import Stomp
from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.store import LogStore
from anymq.storage.work import Work
from anymq.testing.amqp import GUEST
from anymq.testing.kafka import kafka_of
from anymq.testing.simfs import SimFiles
from anymq.wiring import make_transactions
from tests.simulation.world import World

MEMORY_BYTES_MAX = 1 << 26
TICK_SECONDS = 1.0
A_BIT = 1e-6  # numbers that are added up may lack it; who was called too early would call again
TOPIC = "log"
TOPIC_CONFIGS = {"internal.segment.bytes": "500", "index.interval.bytes": "60"}

MakeSession = Callable[[Outbox, Peer], Session]


@dataclass(slots=True)
class Life:
    """A broker's. What it had under way at its end never happens, even if it was not whole yet."""

    alive: bool = True


class Node:
    """A broker that lives until it is killed, or stops."""

    def __init__(self, world: World, files: SimFiles, life: Life) -> None:
        self.world = world
        self.files = files
        self._life = life
        self.on_idle: Callable[[], None] = lambda: None  # all there was is written
        # What is synced from time to time is about to be; returns what is to be called then.
        self.on_sync: Callable[[], Callable[[], None]] = lambda: lambda: None
        self._wakes = False
        self._commit: Work | None = None
        self._ran = False
        self._slow: deque[Work] = deque()
        self._slow_ran = False
        self._alarm_due: float | None = None
        self.timers = Timers(self._set_alarm)
        self.store = LogStore.open(files, on_dirty=self._wake, disk_free_min=0)
        log = self.store.open_log(embedded.LOG_ID, embedded.LOG_CONFIG)
        self.broker = Broker(
            store=self.store,
            definitions=EmbeddedStore(log, world),
            clock=world,
            timers=self.timers,
            random=world.rng.randbytes,
            settings=BrokerSettings(),
            run=self._run_slowly,
            forms=(AMQP_FORM, MQTT_FORM, STOMP_FORM, ROCKETMQ_FORM),
        )
        quick = TransactionSettings(immune_ms=500, check_interval_ms=1000, checks_max=100)
        self._transactions = make_transactions(quick, self.broker, self.store)
        self.broker.turn.on_work = lambda: self.soon(0, self.broker.turn.run)
        self.broker.users.give([], GUEST)
        self.broker.create_vhost("/")
        if TOPIC not in self.broker.topics:
            self.broker.create_topic(TOPIC, 1, TOPIC_CONFIGS)
        self.sessions = self._speak()
        self._keep(TICK_SECONDS, self._maintain)
        self._keep(TICK_SECONDS, self._sync)

    def _speak(self) -> dict[str, MakeSession]:
        broker, users = self.broker, Users(defaults=GUEST, stored=self.broker.users)
        gate, memory = Gate(Attempts(self.world.monotonic)), Memory(MEMORY_BYTES_MAX)
        kafka = kafka_of(broker, memory=memory, random=self.world.rng.randbytes, gate=gate)
        amqp = Amqp(
            broker=broker,
            settings=AmqpSettings(),
            users=users,
            counters=AmqpCounters(),
            memory=memory,
            make_channel=Channel,
            gate=gate,
        )
        journal = self.store.open_log(kept.LOG_ID, kept.LOG_CONFIG)
        state = self.store.read_whole(journal, lambda: EmbeddedStore(journal, self.world))
        mqtt = Mqtt(
            broker=broker,
            settings=MqttSettings(),
            users=users,
            gate=gate,
            counters=MqttCounters(),
            memory=memory,
            kept=Kept(state),
        )
        mqtt.begin()
        stomp = Stomp(
            broker=broker,
            settings=StompSettings(),
            users=users,
            gate=gate,
            counters=StompCounters(),
            memory=memory,
        )
        rocketmq = RocketMq(
            broker=broker,
            settings=RocketMqSettings(),
            users=users,
            gate=gate,
            counters=RocketMqCounters(),
            memory=memory,
            handlers=registry.load(),
            transactions=self._transactions,
            detours=registry.detours(),
        )
        rocketmq.halves.begin()
        return {
            "rocketmq": lambda outbox, peer: RocketMqSession(rocketmq, outbox, peer),
            "kafka": lambda outbox, peer: KafkaSession(kafka, outbox, peer),
            "amqp": lambda outbox, peer: AmqpSession(amqp, outbox, peer),
            "mqtt": lambda outbox, peer: MqttSession(mqtt, outbox, peer),
            "stomp": lambda outbox, peer: StompSession(stomp, outbox, peer, dialect=RABBITMQ),
        }

    def soon(self, seconds: float, act: Callable[[], None]) -> None:
        """Have it happen then, if we live."""
        self.world.after(seconds, lambda: act() if self._life.alive else None)

    def _keep(self, seconds: float, act: Callable[[], None]) -> None:
        def again() -> None:
            act()
            self.soon(seconds, again)

        self.soon(seconds * self.world.rng.random(), again)

    # Time

    def _set_alarm(self) -> None:
        due = self.timers.next_due()
        if due is not None and (self._alarm_due is None or due < self._alarm_due):
            self._alarm_due = due
            seconds = due - self.world.monotonic() + A_BIT
            self.soon(seconds, partial(self._alarm, due))

    def _alarm(self, due: float) -> None:
        if due == self._alarm_due:  # else an earlier one was set since
            self._alarm_due = None
            self.timers.run(self.world.monotonic())
            self._set_alarm()

    # Disk: one commit at a time, and slow work beside it

    @property
    def alive(self) -> bool:
        """Does it still run?"""
        return self._life.alive

    @property
    def idle(self) -> bool:
        """Is nothing on its way to the disk?"""
        return not self._wakes and self._commit is None

    def _wake(self) -> None:
        if self.idle:
            self._wakes = True
            self.soon(0, self._begin_commit)

    def _begin_commit(self) -> None:
        self._wakes = False
        self._commit, self._ran = self.store.begin_commit(), False
        if self._commit is None:
            if not self.broker._messaging.lines.has_news:  # what was settled is gathered a little
                self.on_idle()
        else:
            self.soon(self._disk_seconds(), self._run_commit)

    def _run_commit(self) -> None:
        assert self._commit is not None
        self._commit.run()
        self._ran = True
        self.soon(self._disk_seconds(), self._end_commit)

    def _end_commit(self) -> None:
        work, self._commit = self._commit, None
        assert work is not None
        work.done()
        if not self._wakes:
            self._begin_commit()

    def _disk_seconds(self) -> float:
        return self.world.between(0.0001, 0.02)

    def _sync(self) -> None:
        work, then = self.store.begin_sync(), self.on_sync()
        if work is not None:
            work.run()
            self.soon(self._disk_seconds(), work.done)
        then()

    def _maintain(self) -> None:
        self.store.check_space()
        if not self._slow:
            self.broker.maintenance(self.world.wall_ms())

    def _run_slowly(self, work: Work) -> None:
        self._slow.append(work)
        if len(self._slow) == 1:
            self.soon(self._disk_seconds(), self._run_slow)

    def _run_slow(self) -> None:
        self._slow[0].run()
        self._slow_ran = True
        self.soon(self._disk_seconds(), self._end_slow)

    def _end_slow(self) -> None:
        self._slow_ran = False
        self._slow.popleft().done()
        if self._slow:
            self.soon(self._disk_seconds(), self._run_slow)

    def stop(self) -> None:
        """Finish what was begun, and write down that all is well."""
        if self._commit is not None:
            if not self._ran:
                self._commit.run()
            self._commit.done()
        if self._slow:
            if not self._slow_ran:
                self._slow[0].run()
            self._slow[0].done()
        self.broker.close()
        self._life.alive = False
        self.store.close()
