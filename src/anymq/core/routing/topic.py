"""Topic exchange: patterns of words."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from typing_extensions import override

from anymq.core.message import Message
from anymq.core.routing.exchange import (
    Binding,
    Declaration,
    Destination,
    ExchangeType,
    RoutesBy,
    Surroundings,
)
from anymq.core.routing.trie import Trie

TOPIC = "topic"  # the type's name


class Topic(ExchangeType):
    """To where a binding's pattern matches the key."""

    routes_by: ClassVar[RoutesBy] = RoutesBy.KEY
    description: ClassVar[str] = "AMQP topic exchange, as per the AMQP specification"

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._trie: Trie[Binding] = Trie()

    @override
    def added(self, binding: Binding) -> None:
        self._trie.add(binding.key, binding)

    @override
    def removed(self, binding: Binding) -> None:
        self._trie.discard(binding.key, binding)

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        return [binding.destination for key in keys for binding in self._trie.match(key)]
