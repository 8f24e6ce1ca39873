"""Groups of real consumers: who shares, who reads in order, and what happens when one dies."""

from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.client import CppClient, Received

Start = Callable[[], CppClient]
QUEUES = 4


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    """One whose locks run out soon: else a test waits a minute for a queue of one who died."""
    settings = {"rocketmq": {"port": 0, "nameserver_port": 0, "queue_lock_ms": 1000}}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture
def start(broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Start]:
    clients: list[CppClient] = []

    def start() -> CppClient:
        name_server = f"127.0.0.1:{broker.ports['rocketmq_nameserver']}"
        clients.append(CppClient(name_server, tmp_path))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


def send(producer: CppClient, topic: str, first: int, count: int) -> None:
    """Send numbers, each to a queue of its own choice: by what is left of it."""
    for number in range(first, first + count):
        producer.send(topic, b"%d" % number, "ordered", by=number % QUEUES)


def take(clients: list[CppClient], numbers: set[int], came: list[tuple[int, Received]]) -> None:
    """Wait until all these came, to whichever of them."""
    missing = numbers - {int(message.body) for _, message in came}
    everything: Queue[tuple[int, Received]] = Queue()
    for index, client in enumerate(clients):
        client.forward(lambda message, index=index: everything.put((index, message)))
    while missing:
        who, message = everything.get(timeout=60)
        came.append((who, message))
        missing.discard(int(message.body))
    for client in clients:
        client.forward(None)
