"""Scenario: one seed. Clients work, things break; then all is calm, and everything is counted."""

import errno
from collections.abc import Callable
from functools import partial

from anymq.cluster.meta import embedded
from anymq.testing.simfs import UNLIMITED, SimFiles
from tests.crash.check_log import Anomaly, Final, History, Outcome, check
from tests.simulation.actor import Actor
from tests.simulation.amqp import AmqpConsumer, AmqpPublisher
from tests.simulation.kafka import PLACE, KafkaConsumer, KafkaProducer
from tests.simulation.ledger import Ledger
from tests.simulation.mqtt import MqttPublisher, MqttSubscriber
from tests.simulation.node import TOPIC, Life, Node
from tests.simulation.rocketmq import RocketMqPuller, RocketMqSender
from tests.simulation.stomp import StompSender, StompSubscriber
from tests.simulation.world import World

STORM_SECONDS = 5.0  # of simulated time, in which things break
CALM_SECONDS = 120.0  # in which everybody must have finished
MESSAGES = 12
POWER_CUT_SHARE = 0.5
FULL_DISK_SHARE, BAD_SYNC_SHARE = 0.15, 0.1  # of the worlds
DEFINITIONS = {str(embedded.LOG_ID)}  # while these cannot be written, not even a vhost is made
ROOM_BYTES = 5000  # at most, when the disk begins to be full


class Killed(BaseException):
    """The broker died in the middle of a system call."""


class Scenario:
    """A world with one broker and its clients."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed)
        self.files = SimFiles()
        self.node: Node | None = None
        self.calm = False
        self.kills = 0
        self.disk_failed = self._sync_failed = False  # at any time
        self._disk_fails = False  # now: what is done with may not get written
        self._dies_at = 0.0  # the share of system calls at which it dies
        self.ledgers = [Ledger("one", in_order=True), Ledger("many", in_order=False)]
        self.jumps = self.world.chance(0.5)  # of the clock
        self._start()
        self.actors = self._people()

    def _people(self) -> list[Actor]:
        world, one, many = self.world, *self.ledgers
        single = world.rng.choice((AmqpConsumer, StompSubscriber))
        self.bodies = [b"m%d" % number for number in range(MESSAGES)]
        self.subscribers = [
            MqttSubscriber(world, self, f"s{n}", f) for n, f in enumerate(("t/#", "+/x"))
        ]
        self.producers = [
            KafkaProducer(world, self, f"k{number}", 3 * MESSAGES) for number in range(2)
        ]
        self.readers: list[KafkaConsumer | RocketMqPuller] = [
            *(KafkaConsumer(world, self, f"r{number}") for number in range(2)),
            RocketMqPuller(world, self, "r2"),
        ]
        self.rocketmq = RocketMqSender(world, self, "m1", 2 * MESSAGES, later=not self.jumps)
        return [
            AmqpPublisher(world, self, "a1", one, MESSAGES),
            StompSender(world, self, "t1", one, MESSAGES),
            single(world, self, "c1", one),
            AmqpPublisher(world, self, "a2", many, MESSAGES),
            StompSender(world, self, "t2", many, MESSAGES),
            AmqpConsumer(world, self, "c2", many),
            AmqpConsumer(world, self, "c3", many),
            StompSubscriber(world, self, "c4", many),
            MqttPublisher(world, self, "p1", self.bodies),
            *self.subscribers,
            *self.producers,
            self.rocketmq,
            *self.readers,
        ]

    @property
    def subscribed(self) -> bool:
        """Are MQTT's subscriptions there? What is published before, nobody has to get."""
        return all(one.is_subscribed for one in self.subscribers)

    # The broker

    def _start(self) -> None:
        self.files.capacity, self._disk_fails = UNLIMITED, False  # somebody saw to that
        self.files.faults.clear()
        self.files.on_syscall = self._on_syscall
        self._life = Life()
        node = Node(self.world, self.files, self._life)
        node.on_idle, node.on_sync = self._on_idle, self._on_sync
        self.node = node

    def _on_idle(self) -> None:
        if self._disk_fails:
            return
        for ledger in self.ledgers:
            ledger.broker_idle()

    def _on_sync(self) -> Callable[[], None]:
        settled = [entry for ledger in self.ledgers for entry in ledger.settled()]

        def synced() -> None:
            for entry in () if self._disk_fails else settled:
                entry.synced = True

        return synced

    def _on_syscall(self, op: str, path: str) -> None:
        if self._dies_at and self.world.chance(self._dies_at):
            raise Killed

    def _kill(self) -> None:
        if self.node is not None:
            raise Killed

    def _fall(self) -> None:
        """It is gone. What it had not settled for certain may come again; then it starts anew."""
        self.kills += 1
        power_cut = self.world.chance(POWER_CUT_SHARE)
        self.files.on_syscall = None
        self.files = self.files.crash(self.world.rng) if power_cut else self.files.killed()
        self._life.alive = False
        self._leave(power_cut=power_cut)

    def _stop(self) -> None:
        """As by SIGTERM: what it knows is kept."""
        if self.node is None:
            return
        for actor in self.actors:
            if actor.link is not None:
                actor.link.cut()
        self.node.stop()
        self._on_idle()
        self._leave(power_cut=False)

    def _leave(self, *, power_cut: bool) -> None:
        self.node = None
        for ledger in self.ledgers:
            ledger.broker_died(power_cut=power_cut)
        for actor in self.actors:
            if actor.link is not None:
                actor.link.cut()
        self.world.after(self.world.between(0.01, 1.0), self._start)

    # The disk

    def _fill_disk(self) -> None:
        """Others write to it, too; after a while they make room."""
        files = self.files
        used = sum(len(files.content(path)) for path in files.paths())
        files.capacity = used + self.world.rng.randrange(ROOM_BYTES)
        self._disk_fails = self.disk_failed = True
        self.world.after(self.world.between(0.1, 3.0), partial(self._make_room, files))

    def _make_room(self, files: SimFiles) -> None:
        if files is self.files:
            files.capacity, self._disk_fails = UNLIMITED, False

    def _fail_a_sync(self) -> None:
        """That log takes no more writes; somebody notices, and starts the broker anew."""
        ids = {path.split("/")[1] for path in self.files.paths() if path.startswith("logs/")}
        if self.node is None or not ids - DEFINITIONS:
            return
        chosen = f"logs/{self.world.rng.choice(sorted(ids - DEFINITIONS))}/"
        self.files.fault("sync", errno.EIO, when=lambda path: path.startswith(chosen))
        self._disk_fails = self.disk_failed = self._sync_failed = True
        notice = self.world.rng.choice((self._kill, self._stop))
        self.world.after(self.world.between(0.01, 2.0), notice)

    # What happens

    def run(self) -> None:
        """Let it storm, then let it be calm; then nothing may be missing."""
        world = self.world
        self._dies_at = world.rng.choice((0.0, 0.0005, 0.005))
        for _ in range(world.rng.randrange(4)):
            world.after(
                STORM_SECONDS * world.rng.random(), world.rng.choice((self._kill, self._stop))
            )
        for _ in range(world.rng.randrange(12)):
            world.after(STORM_SECONDS * world.rng.random(), self._cut_one)
        for _ in range(world.rng.randrange(1, 3) if self.jumps else 0):
            jump = world.rng.choice((-3600.0, -1.0, 0.5, 60.0, 40_000.0))
            world.after(STORM_SECONDS * world.rng.random(), partial(world.jump, jump))
        for what, share in (
            (self._fill_disk, FULL_DISK_SHARE),
            (self._fail_a_sync, BAD_SYNC_SHARE),
        ):
            if world.chance(share):
                world.after(STORM_SECONDS * world.rng.random(), what)
        self._let(STORM_SECONDS, lambda: False)
        self.calm, self._dies_at = True, 0.0
        final = KafkaConsumer(world, self, "final")  # everything, from the start
        self.readers.append(final)
        self.actors.append(final)
        self._let(STORM_SECONDS + CALM_SECONDS, self._is_over)
        self._check()

    def _let(self, until: float, done: Callable[[], bool]) -> None:
        while True:
            try:
                self.world.run(until, done)
            except Killed:
                self._fall()
            else:
                return

    def _cut_one(self) -> None:
        there = [one.link for one in self.actors if one.link is not None]
        if there:
            self.world.rng.choice(there).cut()

    def _is_over(self) -> bool:
        return (
            self.node is not None
            and self.node.idle
            and all(one.done for one in self.actors)
            and all(ledger.is_done and self._depth(ledger) == 0 for ledger in self.ledgers)
            and all(self._has_all(one) for one in self.subscribers)
            and all(one.at == self._log_end() for one in self.readers)
            and not self._owed()
        )

    def _has_all(self, one: MqttSubscriber) -> bool:
        return set(one.model.got) == set(self.bodies)

    def _log_end(self) -> int:
        assert self.node is not None
        topic = self.node.broker.topics.get(TOPIC)
        return 0 if topic is None else topic.partitions[0].visible_end

    def _owed(self) -> set[str]:
        """What RocketMQ's broker said it would bring, later."""
        came = {value for poll in self.readers[-1].polls for _, value in poll.messages}
        sent = self.rocketmq.sent.values()
        return {one.value for one in sent if one.outcome is Outcome.OK} - came

    def _depth(self, ledger: Ledger) -> int:
        assert self.node is not None
        queue = self.node.broker.vhost("/").queue(ledger.name)
        return queue.ready + queue.unacked

    # What must be true

    def _check(self) -> None:
        for ledger in self.ledgers:
            ledger.check_end()
        for one in self.subscribers:
            got = one.model.got
            # Exactly once is promised across kills and power cuts; where a disk refuses, once.
            came = sorted(set(got) if self.disk_failed else got)
            assert came == sorted(self.bodies), f"{one.name}: {got}"
        sent = [one for producer in self.producers for one in producer.sent.values()]
        sent += self.rocketmq.sent.values()
        polls = [poll for one in self.readers for poll in one.polls]
        first = [message for poll in self.readers[-1].polls for message in poll.messages]
        anomalies = check(History(sent, polls, [Final(PLACE, first)]), once=[TOPIC])
        anomalies = [one for one in anomalies if not self._may_be(one)]
        assert not anomalies, anomalies[:3]
        assert self._is_over(), "it does not come to an end"

    def _may_be(self, anomaly: Anomaly) -> bool:
        """After a sync failed nobody knows what is on the disk: what was to come may come twice."""
        if not (self._sync_failed and anomaly.kind == "duplicate"):
            return False
        return str(anomaly.what[0]).startswith(f"{self.rocketmq.name}:")  # type: ignore[index]


def simulate(seed: int) -> Scenario:
    """Run one seed; AssertionError when something is not as it was promised."""
    scenario = Scenario(seed)
    scenario.run()
    return scenario
