"""SIGKILL under load, again and again on one folder: what was acknowledged stays."""

import logging
import os
import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.crash.check_log import History, check
from tests.crash.kill_load import Reader, Sender, read_all
from tests.peers.choose import Server, make_server

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
SEED = int(os.environ.get("ANYMQ_SEED", "2"))
CYCLES = int(os.environ.get("ANYMQ_KILLS", 30 * EFFORT))
log = logging.getLogger(__name__)
PARTITIONS = 3
ONCE, PLAIN = "once", "plain"
ACKNOWLEDGEMENTS_MAX = 1500
START_SECONDS = 0.3
# Small segments: kills also fall on the moment a new file begins.
SETTINGS = {"storage.segment_bytes": 256 * 1024}
# The peer must not wait for the session of its former self.
KAFKA_SETTINGS = {
    "log.segment.bytes": str(1024 * 1024),
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "200",
}


@pytest.fixture
def server() -> Iterator[Server]:
    """A broker whose folder outlives its process."""
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = make_server(Path(folder), SETTINGS, KAFKA_SETTINGS)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(180 * EFFORT)
def test_nothing_acknowledged_is_lost_by_kill_minus_nine(server: Server) -> None:
    """Producers and consumers of everybody who runs a broker on a machine that may fail."""
    chance = random.Random(SEED)
    make_topics(server.bootstrap)
    senders = [
        Sender("idempotent-1", server.bootstrap, ONCE, PARTITIONS, once=True),
        Sender("idempotent-2", server.bootstrap, ONCE, PARTITIONS, once=True),
        Sender("plain-1", server.bootstrap, PLAIN, PARTITIONS, once=False),
    ]
    readers = [
        Reader(f"reader-{each}", server.bootstrap, each, PARTITIONS) for each in (ONCE, PLAIN)
    ]
    newcomers, restarts = [], []
    with ExitStack() as stack:
        clients: list[Sender | Reader] = [*senders, *readers]
        for each in clients:
            each.start()
            stack.callback(each.stop)
        for cycle in range(CYCLES):
            newcomers.append(newcomer(server.bootstrap, cycle))
            chance.choice(senders).wait_for(chance.randint(1, ACKNOWLEDGEMENTS_MAX))
            restarts.append(kill_and_restart(server, chance))
    log.info("restarts took %.2f s in the median, at most %.2f s", median(restarts), max(restarts))
    judge(server.bootstrap, [*senders, *newcomers], readers)
    assert [reader.lost_commits() for reader in readers] == [{}, {}]


def make_topics(kafka: str) -> None:
    topics = [NewTopic(name, PARTITIONS, 1) for name in (ONCE, PLAIN)]
    admin = AdminClient({"bootstrap.servers": kafka})
    for made in admin.create_topics(topics).values():
        made.result(20)


def newcomer(kafka: str, cycle: int) -> Sender:
    """An idempotent sender that comes after the crash: its producer id must be a new one."""
    sender = Sender(f"newcomer-{cycle}", kafka, ONCE, PARTITIONS, once=True)
    sender.start()
    sender.wait_for(1)
    sender.stop()
    return sender


def kill_and_restart(server: Server, chance: random.Random) -> float:
    """Now and then it dies once more while it starts. Returns how long the last start took."""
    server.kill()
    while chance.random() < 0.2:
        server.launch()
        threading.Event().wait(chance.random() * START_SECONDS)
        server.kill()
    begun = time.monotonic()
    server.start()
    return time.monotonic() - begun


def judge(kafka: str, senders: Sequence[Sender], readers: Sequence[Reader]) -> None:
    sent = [each for sender in senders for each in sender.sent]
    polls = [each for reader in readers for each in reader.polls]
    finals = [each for topic in (ONCE, PLAIN) for each in read_all(kafka, topic, PARTITIONS)]
    outcomes = Counter(each.outcome.name for each in sent)
    stored = sum(len(each.messages) for each in finals)
    summary = f"{CYCLES} kills, seed {SEED}: sent {dict(outcomes)}, stored {stored}"
    log.info(summary)
    anomalies = check(History(sent, polls, finals), once={ONCE})
    assert not anomalies, f"{summary}; {len(anomalies)} anomalies, first {anomalies[:10]}"
    assert outcomes["OK"] > 100 * CYCLES
