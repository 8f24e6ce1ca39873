"""SIGKILL with confirms and acknowledgements under way, again and again on one folder."""

import logging
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.kill_amqp_load import Publisher, Worker, connect, drain
from tests.peers.anymq import AnymqServer

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
SEED = int(os.environ.get("ANYMQ_SEED", "3"))
CYCLES = int(os.environ.get("ANYMQ_KILLS", 30 * EFFORT))
CONFIRMS_MAX, SETTLED_MAX = 400, 200
QUEUES = ("orders", "payments")
log = logging.getLogger(__name__)
SETTINGS = {"storage.segment_bytes": 64 * 1024}  # kills also fall on the moment of a new file


@pytest.fixture
def server() -> Iterator[AnymqServer]:
    """A broker whose folder outlives its process."""
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), SETTINGS)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(180 * EFFORT)
def test_nothing_confirmed_is_lost_and_nothing_acknowledged_comes_back(server: AnymqServer) -> None:
    chance = random.Random(SEED)
    port = server.amqp_port
    declare(port)
    publishers = [Publisher(f"to-{queue}", port, queue) for queue in QUEUES]
    workers = [
        Worker(f"of-{queue}", port, queue, lambda: chance.random() < 0.05) for queue in QUEUES
    ]
    for each in (*publishers, *workers):
        each.start()
    restarts = []
    for _ in range(CYCLES):
        chance.choice(publishers).wait_for(chance.randint(1, CONFIRMS_MAX))
        chance.choice(workers).wait_for(chance.randint(1, SETTLED_MAX))
        server.kill()
        begun = time.monotonic()
        server.start()
        restarts.append(time.monotonic() - begun)
        assert server.amqp_port == port
    chance.choice(workers).wait_for(1)
    for client in (*publishers, *workers):
        client.stop()
    log.info("%d kills, seed %d, slowest restart %.2f s", CYCLES, SEED, max(restarts))
    for publisher, worker, queue in zip(publishers, workers, QUEUES, strict=True):
        judge(publisher, worker, drain(port, queue))


def declare(port: int) -> None:
    """Durable queues."""
    client = connect(port)
    for queue in QUEUES:
        client.method(1, "queue.declare", queue=queue, durable=True)
        client.reply(1, {"queue.declare-ok"})
    client.abort()


def judge(publisher: Publisher, worker: Worker, left: list[bytes]) -> None:
    """What must hold of one queue."""
    summary = (
        f"seed {SEED}: sent {publisher.sent}, confirmed {len(publisher.confirmed)},"
        f" acknowledged {len(worker.acknowledged)}, left {len(left)}"
    )
    log.info(summary)
    numbers = [int(body.rpartition(b":")[2]) for body in left]
    sure = Counter(int(body.rpartition(b":")[2]) for body in worker.acknowledged)
    perhaps = {int(body.rpartition(b":")[2]) for body in worker.perhaps}
    assert not publisher.refused, summary
    assert numbers == sorted(set(numbers)), f"{summary}: out of order, or twice"
    assert all(number < publisher.sent for number in numbers), f"{summary}: never sent"
    lost = publisher.confirmed - set(numbers) - perhaps
    assert not lost, f"{summary}: lost {sorted(lost)[:10]}"
    back = sure.keys() & set(numbers)
    assert not back, f"{summary}: came back {sorted(back)[:10]}"
    again = [number for number, times in sure.items() if times > 1]
    assert not again, f"{summary}: acknowledged, and came again {again[:10]}"
    assert len(publisher.confirmed) > 20 * CYCLES
    assert worker.acknowledged
