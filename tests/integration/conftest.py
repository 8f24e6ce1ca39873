"""A broker for the tests of the tools; ANYMQ_PEER=kafka has them use Apache Kafka."""

from collections.abc import Iterator
from itertools import count

import pytest
from tests.integration.tools import Tools
from tests.peers.choose import QUICK_GROUPS, QUICK_GROUPS_KAFKA, chosen_server

_numbers = count(1)


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    with chosen_server(QUICK_GROUPS, QUICK_GROUPS_KAFKA) as server:
        tools = Tools(server.bootstrap)
        yield tools
        tools.stop()


@pytest.fixture
def topic() -> str:
    return f"topic-{next(_numbers)}"
