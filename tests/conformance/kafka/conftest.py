"""One broker for all tests here; each test has topics and groups of its own."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Protocol

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.conformance.kafka.clients import ANSWER_SECONDS, eventually
from tests.peers.choose import QUICK_GROUPS, QUICK_GROUPS_KAFKA, chosen_server

_numbers = count(1)


class MakeTopic(Protocol):
    """Creates a topic of this test and says its name."""

    def __call__(self, partitions: int = 1, config: Mapping[str, str] = ...) -> str: ...


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """The address of the broker under test."""
    with chosen_server(QUICK_GROUPS, QUICK_GROUPS_KAFKA) as server:
        yield server.bootstrap


@pytest.fixture(scope="session")
def admin(kafka: str) -> AdminClient:
    """librdkafka's admin client."""
    return AdminClient({"bootstrap.servers": kafka})


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name nobody else uses: for topics and groups."""
    readable = "".join(char if char.isalnum() else "-" for char in request.node.name)
    return f"{readable[:80].strip('-')}-{next(_numbers)}"


@pytest.fixture
def make_topic(admin: AdminClient, name: str) -> MakeTopic:
    """Topics with as many partitions and such settings as a test wants."""
    numbers = count(1)

    def make(partitions: int = 1, config: Mapping[str, str] | None = None) -> str:
        topic = f"{name}-{next(numbers)}"
        made = admin.create_topics([NewTopic(topic, partitions, 1, config=dict(config or {}))])
        made[topic].result(ANSWER_SECONDS)
        eventually(lambda: admin.list_topics().topics, lambda topics: topic in topics)
        return topic

    return make


@pytest.fixture
def topic(make_topic: MakeTopic) -> str:
    """A topic with one partition."""
    return make_topic()
