"""One broker for all tests here; each test has queues of its own."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.stomp.client import Client


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings={"stomp": {"port": 0}, "mqtt": {"port": 0}}) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of a queue or a topic that nobody else uses."""
    return "".join(char if char.isalnum() else "-" for char in request.node.name)[:60].strip("-")


@pytest.fixture
def connect(broker: EmbeddedBroker) -> Iterator[Callable[..., Client]]:
    """Connect clients, that go at the end."""
    clients: list[Client] = []

    def make(version: str = "1.2", **options: Any) -> Client:
        client = Client(broker.ports["stomp"], version, **options)
        clients.append(client)
        return client.connect()

    yield make
    for client in clients:
        client.close()
