"""SIGKILL with receipts, transactions and acknowledgements of STOMP under way."""

import logging
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.kill_stomp_load import Sender, Taker, drain
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
SEED = int(os.environ.get("ANYMQ_SEED", "3"))
CYCLES = int(os.environ.get("ANYMQ_KILLS", 3 * EFFORT))
CONFIRMS_MAX, SETTLED_MAX = 200, 60
log = logging.getLogger(__name__)


@pytest.fixture
def server() -> Iterator[AnymqServer]:
    """A broker whose folder outlives its process."""
    settings = {"storage.segment_bytes": 64 * 1024, "stomp.port": free_ports(1)[0]}
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), settings)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(180 * EFFORT)
def test_nothing_with_a_receipt_is_lost_and_no_transaction_is_halved(server: AnymqServer) -> None:
    chance = random.Random(SEED)
    port = int(server.settings["stomp.port"])
    sender, taker = Sender(port, "orders"), Taker(port, "orders")
    sender.start()
    taker.start()
    for _ in range(CYCLES):
        sender.wait_for(chance.randint(1, CONFIRMS_MAX))
        taker.wait_for(chance.randint(1, SETTLED_MAX))
        server.kill()
        server.start()
    taker.wait_for(1)
    sender.stop()
    taker.stopping.set()
    server.kill()  # it may wait for a message
    taker.stop()
    server.start()
    judge(sender, taker, drain(port, sender.destination))


def judge(sender: Sender, taker: Taker, left: list[int]) -> None:
    """What must hold."""
    summary = (
        f"seed {SEED}: confirmed {len(sender.confirmed)}, acknowledged {len(taker.sure)},"
        f" left {len(left)}"
    )
    log.info(summary)
    there = set(left) | set(taker.sure) | taker.perhaps
    lost = sender.confirmed - there
    assert not lost, f"{summary}: lost {sorted(lost)[:10]}"
    assert not set(taker.sure) & set(left), f"{summary}: acknowledged, and came back"
    assert len(taker.sure) == len(set(taker.sure)), f"{summary}: acknowledged, and came again"
    assert left == sorted(set(left)), f"{summary}: out of order, or twice"
    seen = there | taker.seen
    for numbers in sender.together:
        assert len(numbers & seen) in (0, len(numbers)), f"{summary}: half of {sorted(numbers)}"
    assert sender.confirmed
    assert taker.sure
