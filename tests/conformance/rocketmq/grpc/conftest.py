"""One broker for all tests here; each test has topics and groups of its own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.grpc.client import PythonClient
from tests.peers.rocketmq import ask

Connect = Callable[[], PythonClient]


DOORS = {"port": 0, "nameserver_port": 0, "grpc_port": 0}


def configure(broker: EmbeddedBroker, group: str, **settings: Any) -> None:
    """Say how a group is, as mqadmin does; its pauses are short."""
    quick = {"type": "EXPONENTIAL", "exponentialRetryPolicy": {"initial": 100, "max": 200}}
    said = {"groupName": group, "groupRetryPolicy": quick, **settings}
    port = broker.ports["rocketmq"]
    code = RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP
    answer, _ = ask(port, code, {}, json.dumps(said).encode())
    assert answer == ResponseCode.SUCCESS


@pytest.fixture(scope="session")
def grpc_broker() -> Iterator[EmbeddedBroker]:
    """Nobody is asked what became of a transaction while the test is still about to say it."""
    settings = {"rocketmq": DOORS, "transactions": {"check_after_ms": 600_000}}
    with EmbeddedBroker(settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def endpoints(grpc_broker: EmbeddedBroker) -> str:
    return f"127.0.0.1:{grpc_broker.ports['rocketmq_grpc']}"


@pytest.fixture(scope="session")
def python(endpoints: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PythonClient]:
    """One client for all tests that do not care: it takes seconds to start."""
    client = PythonClient(endpoints, tmp_path_factory.mktemp("python"))
    client.produce()
    yield client
    client.close()


@pytest.fixture
def connect_grpc(endpoints: str, tmp_path: Path) -> Iterator[Connect]:
    """Start clients, that go at the end."""
    clients: list[PythonClient] = []

    def start() -> PythonClient:
        client = PythonClient(endpoints, tmp_path)
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Of a topic or a group that nobody else uses."""
    return "".join(char if char.isalnum() else "-" for char in request.node.name)[:60].strip("-")
