"""SIGKILL while dead letters are replayed: none is lost, and whoever begins again ends it."""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.kill_amqp_load import PERSISTENT, Link, close_channel
from tests.peers import http_api
from tests.peers.anymq import AnymqServer
from tests.peers.process import free_ports

MESSAGES = 10_000
KILLS = 2
IN_FLIGHT_MAX = 1000  # of a job: sent, and not yet safe there
DEAD = {"vhost": "/", "queue": "dead"}
REJECTED_AT_ONCE = 1000
REJECT = {
    "count": REJECTED_AT_ONCE,
    "ackmode": "reject_requeue_false",
    "encoding": "auto",
    "truncate": 1,
}
log = logging.getLogger(__name__)


class Broker:
    """A broker, and its API."""

    def __init__(self, folder: Path) -> None:
        [self.port] = free_ports(1)
        self.server = AnymqServer(folder, {"management.port": self.port})
        self.server.start()

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what is answered."""
        status, said = http_api.ask(self.port, method, path, body)
        assert status < 300, said
        return said

    def bodies(self, queue: str) -> list[str]:
        """Return what is in a queue, page by page."""
        found: list[str] = []
        position: str | None = ""
        while position is not None:
            query = f"&position={position}" if position else ""
            page = self.ask("GET", f"queues/%2F/{queue}/messages?count=1000{query}")
            found += [one["payload"] for one in page["messages"]]
            position = page["next"]
        return found

    def replay(self, until: int) -> Any:
        """Send dead letters back, until so many are done, or all are; return the job."""
        job_id = self.ask("POST", "jobs", {"action": "replay", "source": DEAD})["id"]
        while True:
            job = self.ask("GET", f"jobs/{job_id}")
            if job["state"] != "running" or job["done"] >= until:
                return job


@pytest.fixture
def broker() -> Iterator[Broker]:
    """One whose folder outlives its process."""
    with tempfile.TemporaryDirectory(prefix="anymq-kill-", ignore_cleanup_errors=True) as folder:
        broker = Broker(Path(folder))
        yield broker
        broker.server.stop()


def make_dead_letters(broker: Broker) -> None:
    """Publish to a queue where they are rejected."""
    to_dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    broker.ask("PUT", "queues/%2F/work", {"durable": True, "arguments": to_dead})
    broker.ask("PUT", "queues/%2F/dead", {"durable": True})
    client = Link(broker.server.amqp_port)
    for number in range(MESSAGES):
        address = {"exchange": "", "routing_key": "work"}
        client.publish(1, address, PERSISTENT, str(number).encode())
    close_channel(client)  # answered when all of that was taken
    client.close()
    for _ in range(0, MESSAGES, REJECTED_AT_ONCE):
        assert len(broker.ask("POST", "queues/%2F/work/get", REJECT)) == REJECTED_AT_ONCE
    while broker.ask("GET", "queues/%2F/dead")["messages"] < MESSAGES:
        pass
    # Where the disk is slow they are in both places still: that is not what is looked at here.
    broker.server.stop()
    broker.server.start()
    assert broker.bodies("work") == []


@pytest.mark.timeout(240)
def test_no_dead_letter_is_lost_when_its_replay_is_killed(broker: Broker) -> None:
    make_dead_letters(broker)
    everything = {str(number) for number in range(MESSAGES)}
    midway = 0
    for _ in range(KILLS):
        job = broker.replay(until=MESSAGES // 10)
        broker.server.kill()
        broker.server.start()
        dead, back = broker.bodies("dead"), broker.bodies("work")
        log.info("killed at %d: %d dead, %d back", job["done"], len(dead), len(back))
        assert set(dead) | set(back) == everything
        midway += bool(dead)
    assert midway, "no kill came in the middle of it"
    job = broker.replay(until=MESSAGES)
    assert (job["state"], job["failed"]) == ("done", 0)
    back = broker.bodies("work")
    assert broker.bodies("dead") == []
    assert set(back) == everything
    # In both places may be what was on its way, and what came there by the commit before: that is
    # settled here by the same commit which brings the next ones there.
    assert len(back) <= MESSAGES + KILLS * 2 * IN_FLIGHT_MAX
