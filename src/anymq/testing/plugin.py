"""pytest plugin: the fixture `anymq` is a broker for one test; `anymq_session` one for all."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from anymq.testing.embedded import EmbeddedBroker


@pytest.fixture(scope="session")
def anymq_settings() -> Mapping[str, Mapping[str, object]]:
    """What the broker's TOML file would hold. Override it in your conftest.py."""
    return {}


@pytest.fixture(scope="session")
def anymq_session(
    anymq_settings: Mapping[str, Mapping[str, object]],
) -> "Iterator[EmbeddedBroker]":
    """One broker for the whole test session: use it with topic names of your own."""
    # Imported late: the plugin is loaded in every project that has anymq installed.
    from anymq.testing.embedded import EmbeddedBroker

    with EmbeddedBroker(settings=anymq_settings) as broker:
        yield broker


@pytest.fixture
def anymq(anymq_settings: Mapping[str, Mapping[str, object]]) -> "Iterator[EmbeddedBroker]":
    """A broker of its own, empty, for one test. `anymq.kafka` is its bootstrap address."""
    from anymq.testing.embedded import EmbeddedBroker

    with EmbeddedBroker(settings=anymq_settings) as broker:
        yield broker
