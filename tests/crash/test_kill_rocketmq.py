"""SIGKILL with RocketMQ's messages and batches under way."""

import logging
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.crash.check_log import Final, History, check
from tests.crash.kill_rocketmq_load import Popper, Puller, Sender, read_all
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
SEED = int(os.environ.get("ANYMQ_SEED", "4"))
CYCLES = int(os.environ.get("ANYMQ_KILLS", 3 * EFFORT))
TOPIC, QUEUES = "orders", 4
ANSWERS_MAX, READ_MAX = 300, 200
ACKED_MAX = 60
PATIENCE_SECONDS = 120
log = logging.getLogger(__name__)


@pytest.fixture
def server() -> Iterator[AnymqServer]:
    """A broker whose folder outlives its process."""
    settings = {"storage.segment_bytes": 64 * 1024, "rocketmq.port": free_ports(1)[0]}
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), settings)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(120 + 60 * CYCLES)  # on a machine that is busy with much else
def test_what_was_answered_is_there_once_and_in_order(server: AnymqServer) -> None:
    """One sender waits for each answer, the other for many at a time."""
    chance = random.Random(SEED)
    port = int(server.settings["rocketmq.port"])
    senders = [Sender("one", port, TOPIC, QUEUES), Sender("many", port, TOPIC, QUEUES, window=50)]
    puller = Puller("puller", port, TOPIC, QUEUES)
    senders[0].start()
    senders[0].wait_for(1)  # now there is a topic
    senders[1].start()
    puller.start()
    for _ in range(CYCLES):
        chance.choice(senders).wait_for(chance.randint(1, ANSWERS_MAX))
        puller.wait_for(chance.randint(1, READ_MAX))
        server.kill()
        server.start()
    for each in (puller, *senders):
        each.wait_for(1)
        each.stop()
    judge(senders, puller, read_all(port, TOPIC, QUEUES))


def judge(senders: Sequence[Sender], puller: Puller, finals: Sequence[Final]) -> None:
    """What must hold."""
    sent = [each for sender in senders for each in sender.sent]
    outcomes = Counter(each.outcome.name for each in sent)
    stored = sum(len(each.messages) for each in finals)
    summary = f"{CYCLES} kills, seed {SEED}: sent {dict(outcomes)}, stored {stored}"
    log.info(summary)
    history = History(sent, puller.polls, finals)
    anomalies = check(history, once={TOPIC})
    assert not anomalies, f"{summary}; {len(anomalies)} anomalies, first {anomalies[:10]}"
    for place, values in (batch for sender in senders for batch in sender.batches):
        there = values & history.final_values[place]
        assert len(there) in (0, len(values)), f"{summary}: half of {sorted(values)}"
    assert outcomes["OK"] > CYCLES


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
