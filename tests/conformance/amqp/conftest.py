"""One broker for all tests here; each test has queues and exchanges of its own."""

from collections.abc import Iterator
from itertools import count

import pytest

from tests.peers.choose import PEER, chosen_amqp_server

_numbers = count(1)


@pytest.fixture(scope="session")
def amqp() -> Iterator[int]:
    """The port of the broker under test, on 127.0.0.1."""
    with chosen_amqp_server(PEER) as server:
        yield server.amqp_port


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name nobody else uses: for queues and exchanges."""
    readable = "".join(char if char.isalnum() else "-" for char in request.node.name)
    return f"{readable[:80].strip('-')}-{next(_numbers)}"
