"""Headers exchange: bindings name headers and what they must say, down to the type."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Headers, Message, Value
from anymq.core.routing.exchange import Binding, Declaration, Destination, Surroundings
from anymq.core.routing.simple import Bindings
from anymq.core.values import type_name

MATCH = "x-match"
MATCHES = ("all", "any", "all-with-x", "any-with-x")

Term = tuple[str, Any]
_ABSENT: Term = ("absent", None)


class HeadersMatch(Bindings):
    """To where the headers say what a binding wants."""

    description: ClassVar[str] = "AMQP headers exchange, as per the AMQP specification"

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        super().__init__(declaration, surroundings)
        self._wants: dict[Binding, _Wanted] = {}

    @override
    def check_binding(self, binding: Binding) -> None:
        how = binding.arguments.get(MATCH, "all")
        if not isinstance(how, str):
            raise PreconditionFailed(
                f"Invalid x-match field type {type_name(how)} (value {_erlang(how)}); "
                "expected longstr"
            )
        if how not in MATCHES:
            raise PreconditionFailed(
                f"Invalid x-match field value {_erlang(how)}; "
                "expected all, any, all-with-x, or any-with-x"
            )

    @override
    def added(self, binding: Binding) -> None:
        super().added(binding)
        self._wants[binding] = _Wanted(binding.arguments)

    @override
    def removed(self, binding: Binding) -> None:
        super().removed(binding)
        self._wants.pop(binding, None)

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        headers = message.read().headers if message.traits.has_headers else {}
        said = {key: term(value) for key, value in headers.items()}
        return [
            binding.destination for binding, wanted in self._wants.items() if wanted.match(said)
        ]


class _Wanted:
    """What one binding asks for."""

    __slots__ = ("any", "terms")

    def __init__(self, arguments: Headers) -> None:
        how = arguments.get(MATCH, "all")
        with_x = how in ("all-with-x", "any-with-x")
        self.any = how in ("any", "any-with-x")
        self.terms = [
            (key, None if value is None else term(value))  # None: it must only be there
            for key, value in arguments.items()
            if key != MATCH and (with_x or not key.startswith("x-"))
        ]

    def match(self, said: Mapping[str, Term]) -> bool:
        """Do these headers say it?"""
        found = (
            key in said if wanted is None else said.get(key, _ABSENT) == wanted
            for key, wanted in self.terms
        )
        return any(found) if self.any else all(found)


def term(value: Value) -> Term:
    """Return what equals another one only where RabbitMQ finds both equal.

    There, 5 is 5 in any width but not 5.0, text is its bytes, and true is a word of its own.
    """
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int):
        return "int", int(value)
    if isinstance(value, float):
        return "float", float(value)
    if isinstance(value, str):
        return "text", value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return "text", value
    if isinstance(value, Mapping):
        return "table", {key: term(one) for key, one in value.items()}
    if isinstance(value, list):
        return "array", [term(one) for one in value]
    return type(value).__name__, value


def _erlang(value: Value) -> str:
    """Return a value as RabbitMQ's texts show it."""
    if isinstance(value, str | bytes):
        text = value if isinstance(value, str) else value.decode(errors="replace")
        return f'<<"{text}">>'
    return str(value).lower() if isinstance(value, bool) else str(value)
