"""The types that look at the routing key as it is, or not at all: direct and fanout."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from typing_extensions import override

from anymq.core.errors import PreconditionFailed, Unavailable
from anymq.core.message import Message
from anymq.core.routing.exchange import (
    Binding,
    Declaration,
    Destination,
    ExchangeType,
    RoutesBy,
    Surroundings,
)


class Bindings(ExchangeType):
    """What keeps its bindings in the order in which they were made."""

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self.bindings: dict[Binding, None] = {}

    @override
    def added(self, binding: Binding) -> None:
        self.bindings[binding] = None

    @override
    def removed(self, binding: Binding) -> None:
        self.bindings.pop(binding, None)


class Direct(ExchangeType):
    """To where a binding has just this key."""

    routes_by: ClassVar[RoutesBy] = RoutesBy.KEY
    description: ClassVar[str] = "AMQP direct exchange, as per the AMQP specification"

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._by_key: dict[str, dict[Binding, None]] = {}

    @override
    def added(self, binding: Binding) -> None:
        self._by_key.setdefault(binding.key, {})[binding] = None

    @override
    def removed(self, binding: Binding) -> None:
        bindings = self._by_key[binding.key]
        del bindings[binding]
        if not bindings:
            del self._by_key[binding.key]

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        return [binding.destination for key in keys for binding in self._by_key.get(key, ())]


class Fanout(Bindings):
    """To all."""

    routes_by: ClassVar[RoutesBy] = RoutesBy.KEY
    description: ClassVar[str] = "AMQP fanout exchange, as per the AMQP specification"

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        return [binding.destination for binding in self.bindings]


class TypeMissing(PreconditionFailed, Unavailable):
    """Nobody knows how this exchange routes; the plugin may be there after the next start."""


class Missing(Bindings):
    """In the place of a type that was there when the exchange was made, and is not any more."""

    description: ClassVar[str] = (
        "Dummy exchange type, to be used when the intended one is not found"
    )

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        declaration = self.declaration
        raise TypeMissing(
            f"Cannot route message through {declaration}: "
            f"exchange type {declaration.type} not found"
        )
