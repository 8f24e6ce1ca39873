"""SIGKILL with RocketMQ's delayed messages on their way: each that was answered comes, once."""

import logging
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from typing_extensions import override

from tests.crash.check_log import Outcome
from tests.crash.kill_rocketmq_load import SEND, Client, Request, Sender, read_all
from tests.crash.worker import ANSWER_SECONDS
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

EFFORT = int(os.environ.get("ANYMQ_EFFORT", "1"))
SEED = int(os.environ.get("ANYMQ_SEED", "4"))
CYCLES = int(os.environ.get("ANYMQ_KILLS", 2 * EFFORT))
TOPIC, QUEUES = "reminders", 2
ANSWERS_MAX = 200
DELAYS_MS = (1, 50, 300, 1500)
log = logging.getLogger(__name__)


class Reminder(Sender):
    """Sends one at a time, each to come at another time."""

    @override
    def _next(self) -> Request:
        turn = next(self._turns)
        return Request((TOPIC, turn % QUEUES), [next(self._numbers)])

    @override
    def _send(self, client: Client, request: Request) -> int:
        (number,) = request.numbers
        delay = DELAYS_MS[number % len(DELAYS_MS)]
        names = {"a": "reminders", "b": TOPIC, "c": "TBW102", "d": QUEUES}
        fields = {"e": request.place[1], "f": 0, "g": 0, "h": 0, "j": 0, "k": "false", "m": "false"}
        properties = f"UNIQ_KEY\1{self.name}{number}\2TIMER_DELAY_MS\1{delay}\2"
        body = self._value(number).encode()
        return client.say(SEND, {**names, **fields, "i": properties}, body)


@pytest.fixture
def server() -> Iterator[AnymqServer]:
    """A broker whose folder outlives its process."""
    settings = {"storage.segment_bytes": 64 * 1024, "rocketmq.port": free_ports(1)[0]}
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        server = AnymqServer(Path(folder), settings)
        server.start()
        yield server
        server.stop()


@pytest.mark.timeout(180 * EFFORT)
def test_what_is_delayed_comes_once_whenever_the_broker_dies(server: AnymqServer) -> None:
    chance = random.Random(SEED)
    port = int(server.settings["rocketmq.port"])
    senders = [Reminder("one", port, TOPIC, QUEUES), Reminder("many", port, TOPIC, QUEUES, 50)]
    for sender in senders:
        sender.start()
    for _ in range(CYCLES):
        chance.choice(senders).wait_for(chance.randint(1, ANSWERS_MAX))
        server.kill()
        server.start()
    for sender in senders:
        sender.wait_for(1)
        sender.stop()
    sent = [each for sender in senders for each in sender.sent]
    answered = {each.value for each in sent if each.outcome is Outcome.OK}
    came = all_that_come(port, answered)
    outcomes = Counter(each.outcome.name for each in sent)
    summary = f"{CYCLES} kills, seed {SEED}: sent {dict(outcomes)}, came {len(came)}"
    log.info(summary)
    assert not answered - set(came), f"{summary}: lost"
    assert not [value for value, count in came.items() if count > 1], f"{summary}: twice"
    assert not set(came) - {each.value for each in sent}, f"{summary}: from nowhere"
    assert len(answered) > CYCLES


def all_that_come(port: int, wanted: set[str]) -> Counter[str]:
    """Wait for all of these; return how often each is there."""
    until = monotonic() + ANSWER_SECONDS
    while True:
        finals = read_all(port, TOPIC, QUEUES)
        came = Counter(value for final in finals for _, value in final.messages)
        if wanted <= set(came) or monotonic() > until:
            return came
