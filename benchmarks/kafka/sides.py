"""The two brokers of a comparison, each told to keep the same promise, on the same processor."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from benchmarks.sides import OUR_PROMISES, all_running
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.anymq import AnymqServer
from tests.peers.kafka import KafkaServer

Server = AnymqServer | KafkaServer
ANSWER_SECONDS = 60.0
PEER = "Apache Kafka"

# What an acknowledgement means, said to each in its own words.
KAFKA_PROMISES: Mapping[Promise, Mapping[str, str]] = {
    "page cache": {},
    "disk": {"log.flush.interval.messages": "1"},
}
# What a run leaves behind must be gone before the next.
KAFKA_SETTINGS = {"log.segment.delete.delay.ms": "500"}


@dataclass(frozen=True, slots=True)
class Side:
    """One running broker and what makes topics on it."""

    name: str
    server: Server
    admin: AdminClient

    def make_topics(self, *names: str) -> None:
        """One partition each, ready to be written."""
        for made in self.admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
            made.result(ANSWER_SECONDS)
        deadline = time.monotonic() + ANSWER_SECONDS
        while missing := set(names) - self.admin.list_topics().topics.keys():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(missing)} topics do not appear")

    def delete_topics(self, *names: str) -> None:
        """Away with them."""
        for deleted in self.admin.delete_topics(list(names)).values():
            deleted.result(ANSWER_SECONDS)


def make_server(name: str, folder: Path, promise: Promise, processors: Processors) -> Server:
    """Not started."""
    if name == OURS:
        return AnymqServer(folder, OUR_PROMISES[promise], cpus=processors.broker)
    settings = {**KAFKA_SETTINGS, **KAFKA_PROMISES[promise]}
    return KafkaServer(folder, settings, cpus=processors.broker)


def side_of(name: str, server: Server) -> Side:
    """With what makes topics on it."""
    admin = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0})
    return Side(name, server, admin)


running = partial(all_running, make_server, side_of)
