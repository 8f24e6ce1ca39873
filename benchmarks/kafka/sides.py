"""The two brokers of a comparison, each told to keep the same promise, on the same processor."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import OURS, Processors, Promise
from confluent_kafka.admin import AdminClient, NewTopic
from tests.peers.anymq import AnymqServer, Value
from tests.peers.kafka import KafkaServer

Server = AnymqServer | KafkaServer
ANSWER_SECONDS = 60.0
PEER = "Apache Kafka"

# What an acknowledgement means, said to each in its own words.
OUR_PROMISES: Mapping[Promise, Mapping[str, Value]] = {
    "page cache": {"storage.durability": "os"},
    "disk": {"storage.durability": "commit"},
}
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


@contextmanager
def running(names: Sequence[str], promise: Promise, processors: Processors) -> Iterator[list[Side]]:
    """All of them at once: they are measured in turn, and who idles costs next to nothing."""
    with ExitStack() as stack:
        sides = []
        for name in names:
            temporary = tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
            server = make_server(name, folder, promise, processors)
            stack.callback(server.stop)
            server.start()
            admin = AdminClient({"bootstrap.servers": server.bootstrap, "log_level": 0})
            sides.append(Side(name, server, admin))
        yield sides
