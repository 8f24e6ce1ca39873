"""The types that choose one destination by chance."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Message
from anymq.core.routing.exchange import EXCHANGE, Binding, Destination
from anymq.core.routing.simple import Bindings

CLASSIC = "classic"


class Chance(Bindings):
    """To one, by chance."""

    description: ClassVar[str] = "Randomly picks a binding (queue) to route via (to)."

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        if not self.bindings:
            return ()
        places = list(self.bindings)
        return (places[self.surroundings.chance(len(places))].destination,)


class LocalChance(Chance):
    """To one classic queue of this node, by chance: here, all of them are."""

    description: ClassVar[str] = "Picks one random local binding (queue) to route via (to)."

    @override
    def check_binding(self, binding: Binding) -> None:
        if binding.key:
            raise PreconditionFailed(f"Non empty binding '{binding.key}' key not permitted")
        if binding.kind == EXCHANGE:
            raise PreconditionFailed("Destination not found")
        kind = getattr(binding.destination, "kind", CLASSIC)
        if kind != CLASSIC:
            raise PreconditionFailed(
                f"Queue type rabbit_{kind}_queue not valid for this exchange type"
            )
