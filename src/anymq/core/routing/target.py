"""Target: where messages come to rest. Queues and streams are; exchanges only point at them."""

from collections.abc import Callable
from typing import Protocol

from anymq.core.message import Run

Then = Callable[[Exception | None], None]


class Target(Protocol):
    """Something that takes runs."""

    @property
    def name(self) -> str:
        """What bindings and routing keys call it."""

    @property
    def singles(self) -> bool:
        """May it refuse single messages? Then it gets runs of one, each with its own answer."""

    def push(self, run: Run, then: Then | None) -> None:
        """Take a run; `then` is called when it is as safe as promised."""
