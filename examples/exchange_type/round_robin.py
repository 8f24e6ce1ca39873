"""An exchange type of one's own: each message goes to one destination, each has its turn.

Install it (`pip install ./exchange_type`), restart the broker, declare exchanges `x-round-robin`.
How often a turn comes may be said: `queue_bind("big", "jobs", arguments={"x-turns": 3})`.
"""

from collections.abc import Iterable, Sequence

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message
from anymq.core.routing.exchange import (
    Binding,
    Declaration,
    Destination,
    ExchangeType,
    RoutesBy,
    Surroundings,
)

TURNS_MAX = 100


class RoundRobin(ExchangeType):
    """To one after the other."""

    # Each message is routed by itself: with RoutesBy.KEY, all with one key would go one way.
    routes_by = RoutesBy.MESSAGE
    description = "To one after the other"

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._round: list[Binding] = []
        self._next = 0

    @override
    def check_binding(self, binding: Binding) -> None:
        """Refuse a number of turns that makes no sense: the client reads why."""
        turns = binding.arguments.get("x-turns", 1)
        if not isinstance(turns, int) or not 1 <= turns <= TURNS_MAX:
            raise PreconditionFailed(f"x-turns must be 1 to {TURNS_MAX}")

    @override
    def added(self, binding: Binding) -> None:
        """There is one more, also when the broker starts."""
        self._round += [binding] * binding.arguments.get("x-turns", 1)

    @override
    def removed(self, binding: Binding) -> None:
        """There is one less."""
        self._round = [one for one in self._round if one is not binding]

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        """Return where this message goes; nothing: it cannot be routed."""
        if not self._round:
            return []
        self._next = (self._next + 1) % len(self._round)
        return [self._round[self._next].destination]
