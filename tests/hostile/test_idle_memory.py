"""What an idle client, a queue, a topic takes: half as much again as it does today is too much.

Measured over the memory of the process, after as many that only warm it up. Today's figures are
those of `python -m benchmarks.memory`; see docs/explanation/performance.md.
"""

from contextlib import ExitStack

import pytest
from benchmarks import memory

from tests.hostile.room import KIB, measured

pytestmark = pytest.mark.xdist_group("hostile-idle")

WARM, COUNT = 300, 1000
# KiB each. Memory comes in pieces of a megabyte, which is one more of these for each.
MOST = {
    "mqtt": 22,
    "amqp": 11,
    "amqp-consumer": 20,
    "stomp": 21,
    "kafka": 7,
    "rocketmq": 9,
    "queues": 13,
    "topics": 9,
}
KINDS = {kind.name: kind for kind in memory.KINDS}


def test_each_kind_has_a_limit() -> None:
    assert MOST.keys() == KINDS.keys()


@pytest.mark.parametrize("name", [name for name in MOST if name not in ("queues", "topics")])
def test_an_idle_client_takes_little(name: str) -> None:
    kind = KINDS[name]
    assert isinstance(kind, memory.Connections)
    with memory.broker() as broker, ExitStack() as crowd:
        for number in range(WARM):
            crowd.enter_context(kind.enter(broker.ports, number))
        before = broker.rss
        for number in range(WARM, WARM + COUNT):
            crowd.enter_context(kind.enter(broker.ports, number))
        check(name, broker.rss - before)


@pytest.mark.parametrize("name", ["queues", "topics"])
def test_what_is_on_the_disk_takes_little(name: str) -> None:
    """Also after a restart, when it is read again."""
    kind = KINDS[name]
    assert isinstance(kind, memory.Things)
    with memory.broker() as broker:
        server = broker.server
        server.stop()
        server.start()  # as it is later: started on what was there
        before = broker.rss
        kind.make(broker.ports, COUNT)
        check(name, broker.rss - before)
        server.kill()
        server.start()
        check(name, broker.rss - before)


def check(name: str, size: int) -> None:
    """Judge it, and say how much it was."""
    each = size / COUNT / KIB
    measured.info("%s: %.1f KiB each", name, each)
    assert each < MOST[name]
