"""One broker for all tests here; each test has topics of its own."""

from collections.abc import Iterator

import pytest

from anymq.testing import EmbeddedBroker


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(settings={"mqtt": {"port": 0}}) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A topic, or the beginning of one, that nobody else uses."""
    return "".join(char if char.isalnum() else "-" for char in request.node.name)[:60].strip("-")
