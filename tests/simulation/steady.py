"""Steady: a broker that nothing happens to, and clients of all protocols who never stop."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from anymq.core import changes
from anymq.core.portable import opener
from anymq.core.queues import journal
from anymq.core.queues.journal import Journal
from anymq.core.streams.unpacked import Unpacked
from anymq.core.tracing.trace import Wanted
from anymq.core.vhosts.arrivals import Arrivals
from anymq.protocols.mqtt import form, leaving
from anymq.testing.simfs import SimFiles
from tests.simulation import link, node, world
from tests.simulation.actor import Actor
from tests.simulation.amqp import AmqpConsumer, AmqpPublisher
from tests.simulation.kafka import KafkaConsumer, KafkaProducer
from tests.simulation.ledger import Ledger
from tests.simulation.mqtt import MqttPublisher, MqttSubscriber
from tests.simulation.node import Life, Node
from tests.simulation.rocketmq import RocketMqPuller, RocketMqSender
from tests.simulation.stomp import StompSender, StompSubscriber
from tests.simulation.visits import (
    AmqpVisitor,
    KafkaVisitor,
    MqttVisitor,
    RocketMqVisitor,
    StompVisitor,
)
from tests.simulation.weighing import Weights, weigh
from tests.simulation.world import World

HOUR = 3600.0
WITHOUT_END = 1_000_000  # messages
SLOWNESS = 6000  # clients do something every few minutes
QUICKER = 1000  # who consumes can do more than who publishes
TICK_SECONDS = 60.0
SEGMENT_BYTES = 8 * 1024  # so small that a day fills many
KEPT_MINUTES = 30
FILE_BYTES = 500
CONFIGS = {
    "offsets.retention.minutes": str(KEPT_MINUTES),
    "producer.id.expiration.ms": str(KEPT_MINUTES * 60_000),
}


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Let a day be over soon; what is bounded comes to its bounds many times in it."""
    patch.setattr(world, "EVENTS_MAX", sys.maxsize)
    patch.setattr(node, "TICK_SECONDS", TICK_SECONDS)
    patch.setattr(link, "TICK_SECONDS", TICK_SECONDS)
    patch.setattr(link, "AGAIN_SECONDS", 0.5)
    retention = {"retention.ms": str(KEPT_MINUTES * 60_000)}
    patch.setattr(node, "TOPIC_CONFIGS", {**node.TOPIC_CONFIGS, **retention})
    patch.setattr(journal, "_BATCH_BYTES", SEGMENT_BYTES)
    patch.setattr(Journal.__init__, "__kwdefaults__", {"size_min": 2 * SEGMENT_BYTES})
    for remembering in (opener, form):
        patch.setattr(remembering, "REMEMBERED_MAX", 50)
    patch.setattr(Unpacked.__init__, "__defaults__", (SEGMENT_BYTES,))
    patch.setattr(changes, "KEPT_MAX", 200)
    patch.setattr(leaving, "AT_ONCE", 5)
    patch.setattr(Arrivals.__init__, "__kwdefaults__", {"notes_bytes_max": SEGMENT_BYTES})


class Unhurried:
    """A world in which clients take their time; networks and disks do not."""

    def __init__(self, world: World, slowness: float) -> None:
        self._world = world
        self._slowness = slowness

    def __getattr__(self, name: str) -> object:
        return getattr(self._world, name)

    def between(self, least: float, most: float) -> float:
        return self._slowness * self._world.between(least, most)


class Day:
    """One broker, nothing that breaks, and clients of all protocols who never stop."""

    calm = True
    subscribed = True

    def __init__(self) -> None:
        self.world = World(1)
        self.files = SimFiles()
        self.node: Node | None = Node(self.world, self.files, Life())
        self.node.broker.give_config(CONFIGS)
        self.node.broker.vhost("/").tracing.begin("everything", Wanted(events=50))
        self.queue = Ledger("work", in_order=False)
        self.actors = list(self._people())

    def _people(self) -> Iterator[Actor]:
        world, quicker = (cast(World, Unhurried(self.world, one)) for one in (SLOWNESS, QUICKER))
        bodies = [b"m%d" % number for number in range(20_000)]
        yield MqttSubscriber(quicker, self, "subscriber", "t/#")
        yield MqttPublisher(world, self, "publisher", bodies)
        yield AmqpPublisher(world, self, "a", self.queue, WITHOUT_END)
        yield StompSender(world, self, "t", self.queue, WITHOUT_END)
        yield AmqpConsumer(quicker, self, "ac", self.queue)
        yield StompSubscriber(quicker, self, "sc", self.queue)
        yield KafkaProducer(world, self, "k", WITHOUT_END)
        yield KafkaConsumer(quicker, self, "r")
        yield RocketMqSender(world, self, "m", WITHOUT_END, later=True)
        yield RocketMqPuller(quicker, self, "p")
        yield AmqpVisitor(world, self, "av")
        yield StompVisitor(world, self, "sv")
        yield MqttVisitor(world, self, "mv")
        yield KafkaVisitor(world, self, "kv")
        yield RocketMqVisitor(world, self, "rv")

    def let_until(self, hours: float) -> None:
        """Let it become that late."""
        assert self.node is not None
        while self.world.now < hours * HOUR:
            for log in self.node.store.logs.values():  # there may be others since
                log.config = replace(log.config, segment_bytes=SEGMENT_BYTES)
            self.world.run(self.world.now + HOUR / 2)

    def memory(self) -> Weights:
        """Return the bytes of what the broker knows, by who knows it."""
        assert self.node is not None
        return weigh((self.node.broker, self.node.store, *self.node.sessions.values()))

    def disk(self) -> Weights:
        """Return the bytes of each log on the disk, and of all; files count as so many bytes."""
        paths = self.files.paths()
        found = Weights(files=FILE_BYTES * len(paths))
        for path in paths:
            size = len(self.files.content(path))
            found["disk"] += size
            found["/".join(path.split("/")[:2])] += size
        return found
