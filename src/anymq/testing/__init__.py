"""A broker in your tests: EmbeddedBroker, the pytest plugin, SimFS."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anymq.testing.embedded import EmbeddedBroker

__all__ = ["EmbeddedBroker"]


def __getattr__(name: str) -> object:
    # The pytest plugin is in this package, so everyone's pytest imports it: without the broker.
    if name == "EmbeddedBroker":
        from anymq.testing.embedded import EmbeddedBroker

        return EmbeddedBroker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
