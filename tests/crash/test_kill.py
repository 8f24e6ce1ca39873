"""SIGKILL under load, again and again on one folder: what was acknowledged stays."""

import logging
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.crash.seeds import BASE, EFFORT
from tests.crash.together import all_at_once, settings, work
from tests.peers.choose import Server, make_server

CYCLES = int(os.environ.get("ANYMQ_KILLS", 30 * EFFORT))
log = logging.getLogger(__name__)
START_SECONDS = 0.3
# The peer must not wait for the session of its former self.
KAFKA_SETTINGS = {
    "log.segment.bytes": str(1024 * 1024),
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "200",
}


@pytest.fixture
def server() -> Iterator[Server]:
    """A broker whose folder and ports outlive its process."""
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = make_server(Path(folder), settings(), KAFKA_SETTINGS)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(300 * EFFORT)
def test_nothing_acknowledged_is_lost_by_kill_minus_nine(server: Server) -> None:
    """Everybody who runs a broker on a machine that may fail."""
    chance = random.Random(BASE)
    restarts = []
    with all_at_once(server, chance) as loads:
        for cycle in range(CYCLES):
            work(loads, cycle, chance)
            restarts.append(kill_and_restart(server, chance))
    log.info("restarts took %.2f s in the median, at most %.2f s", median(restarts), max(restarts))


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
