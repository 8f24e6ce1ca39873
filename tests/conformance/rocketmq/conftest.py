"""One broker for all tests here; each test has topics and groups of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.client import CppClient

Connect = Callable[[], CppClient]


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    # Locks run out soon: else a test waits a minute for a queue of a consumer that was killed.
    rocketmq = {"port": 0, "nameserver_port": 0, "queue_lock_ms": 1000}
    settings = {"rocketmq": rocketmq}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def name_server(broker: EmbeddedBroker) -> str:
    return f"127.0.0.1:{broker.ports['rocketmq_nameserver']}"


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of a topic or a group that nobody else uses."""
    return "".join(char if char.isalnum() else "-" for char in request.node.name)[:60].strip("-")


@pytest.fixture
def connect(name_server: str, tmp_path: Path) -> Iterator[Connect]:
    """Start clients, that go at the end."""
    clients: list[CppClient] = []

    def start() -> CppClient:
        client = CppClient(name_server, tmp_path)
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.close()


@pytest.fixture(scope="session")
def make_topic(broker: EmbeddedBroker) -> Callable[..., None]:
    """Make topics, as administrators do: some clients send to none that is not there."""
    admin = AdminClient({"bootstrap.servers": broker.kafka})

    def make(topic: str, queues: int = 4) -> None:
        admin.create_topics([NewTopic(topic, queues, 1)])[topic].result(60)

    return make
