"""SIGKILL with messages lent by RocketMQ's POP."""

import os
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.kill_rocketmq_load import Popper, Sender, read_all
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
SEED = int(os.environ.get("ANYMQ_SEED", "4"))
CYCLES = int(os.environ.get("ANYMQ_KILLS", 3 * EFFORT))
TOPIC, QUEUES = "orders", 4
ANSWERS_MAX = 300
ACKED_MAX = 60
PATIENCE_SECONDS = 120


@pytest.fixture
def server() -> Iterator[AnymqServer]:
    """A broker whose folder outlives its process."""
    settings = {"storage.segment_bytes": 64 * 1024, "rocketmq.port": free_ports(1)[0]}
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), settings)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(180 + 60 * CYCLES)
def test_what_was_acked_does_not_come_again_and_the_rest_does(server: AnymqServer) -> None:
    """Loans of POP end with the server; what was settled is kept."""
    chance = random.Random(SEED)
    port = int(server.settings["rocketmq.port"])
    sender, popper = Sender("one", port, TOPIC, QUEUES, window=10), Popper("popper", port, TOPIC)
    sender.start()
    sender.wait_for(1)
    popper.start()
    for _ in range(CYCLES):
        sender.wait_for(chance.randint(1, ANSWERS_MAX))
        popper.wait_for(chance.randint(1, ACKED_MAX))
        server.kill()
        server.start()
    sender.stop()
    stored = {value for final in read_all(port, TOPIC, QUEUES) for _, value in final.messages}
    ends = time.monotonic() + PATIENCE_SECONDS
    while popper.bug is None and not stored <= {*popper.sure, *popper.perhaps}:
        assert time.monotonic() < ends, sorted(stored - {*popper.sure, *popper.perhaps})[:10]
        time.sleep(0.01)
    popper.stop()
    assert not popper.again, f"acked, and came again: {sorted(popper.again)[:10]}"
    assert len(popper.sure) == len(set(popper.sure)), "acked for sure, twice"
    assert popper.sure
