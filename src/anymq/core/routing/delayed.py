"""Delayed messages: an exchange that says so, and routes as another type does.

Here messages with `x-delay` or `x-deliver-at` are delayed on every exchange, before they are routed
at all; this type is there for who declares it as the plugin of RabbitMQ wants it.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

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

NAME = "x-delayed-message"
DELAYED_TYPE = "x-delayed-type"


class Delayed(ExchangeType):
    """As another type routes."""

    description: ClassVar[str] = "Delayed Message Exchange."

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._inner = surroundings.new_router(_inner(declaration))

    @property
    @override
    def keeps(self) -> RoutesBy:
        return self._inner.keeps

    @override
    def check(self) -> None:
        self._inner.check()

    @override
    def check_binding(self, binding: Binding) -> None:
        self._inner.check_binding(binding)

    @override
    def added(self, binding: Binding) -> None:
        self._inner.added(binding)

    @override
    def removed(self, binding: Binding) -> None:
        self._inner.removed(binding)

    @override
    def bound(self, binding: Binding) -> None:
        self._inner.bound(binding)

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        return self._inner.route(keys, message)


def _inner(declaration: Declaration) -> Declaration:
    type_ = declaration.arguments.get(DELAYED_TYPE)
    if not isinstance(type_, str):
        raise PreconditionFailed(
            f"Invalid argument, '{DELAYED_TYPE}' must be an existing exchange type"
        )
    if type_ == NAME:
        raise PreconditionFailed(f"Invalid argument, '{NAME}' can't be used for '{DELAYED_TYPE}'")
    return Declaration(
        name=declaration.name,
        vhost_name=declaration.vhost_name,
        type=type_,
        durable=declaration.durable,
        auto_delete=declaration.auto_delete,
        internal=declaration.internal,
        arguments=declaration.arguments,
    )
