"""One broker for the tests of a file, and a neighbour who must not notice anything."""

from collections.abc import Iterator

import pytest

from tests.hostile.amqp import Guests
from tests.hostile.room import TOPIC, Broker, Neighbour, create_topic, neighbour_of, running


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running() as broker:
        create_topic(broker, TOPIC)
        yield broker


@pytest.fixture
def guests() -> Iterator[Guests]:
    """AMQP clients that are gone when the test is over."""
    guests = Guests()
    yield guests
    for client in guests:
        client.abort()


@pytest.fixture
def neighbour(broker: Broker) -> Iterator[Neighbour]:
    with neighbour_of(broker) as neighbour:
        yield neighbour
