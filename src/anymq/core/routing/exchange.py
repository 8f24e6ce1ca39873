"""Exchange: a name, a type that knows how to route, and bindings to queues, streams, exchanges."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import ClassVar, Protocol

from typing_extensions import override

from anymq.core.errors import PreconditionFailed
from anymq.core.message import Headers, Message, Value
from anymq.core.routing.target import Target
from anymq.core.values import check_argument, check_field, type_name

ALTERNATE = "alternate-exchange"
EXCHANGE, QUEUE = "exchange", "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is said when an exchange is declared."""

    name: str
    vhost_name: str
    type: str
    durable: bool = False
    auto_delete: bool = False
    internal: bool = False
    arguments: Mapping[str, Value] = field(default_factory=dict)

    @override
    def __str__(self) -> str:
        return f"exchange '{self.name}' in vhost '{self.vhost_name}'"


class RoutesBy(Enum):
    """What the routes of an exchange depend on, beside its bindings: how long they may be kept."""

    KEY = auto()  # only on the routing key: kept until a binding changes
    MESSAGE = auto()  # on what the message says, on chance, or it has a side effect


class Surroundings(Protocol):
    """What an exchange may use beyond its own bindings."""

    def chance(self, below: int) -> int:
        """Return a number from 0 to `below` - 1, by chance."""

    def send(self, destination: "Target | Exchange", message: Message) -> None:
        """Hand one message to a queue, or route it on from an exchange."""

    def new_router(self, declaration: Declaration) -> "ExchangeType":
        """Return what routes for an exchange declared so; refuse a type that nobody knows."""


class ExchangeType:
    """How exchanges of one type route: one object for each exchange, which indexes its bindings.

    Whoever adds a type inherits from this: see docs/how-to/write-an-exchange-type.md.
    """

    routes_by: ClassVar[RoutesBy] = RoutesBy.MESSAGE
    description: ClassVar[str] = ""

    def __init__(self, declaration: Declaration, surroundings: Surroundings) -> None:
        self.declaration = declaration
        self.surroundings = surroundings

    @property
    def keeps(self) -> RoutesBy:
        """What routes depend on, where that differs from exchange to exchange."""
        return self.routes_by

    def check(self) -> None:
        """Refuse arguments of the declaration that make no sense."""

    def check_binding(self, binding: "Binding") -> None:
        """Refuse a binding that makes no sense."""

    def added(self, binding: "Binding") -> None:
        """A binding from this exchange is there now."""
        raise NotImplementedError

    def removed(self, binding: "Binding") -> None:
        """A binding from this exchange is there no more."""
        raise NotImplementedError

    def bound(self, binding: "Binding") -> None:
        """Somebody made this binding just now; `added` also hears of them at the start."""

    def route(self, keys: Sequence[str], message: Message) -> Iterable["Destination"]:
        """Return where a message goes; the same destination may come several times.

        `keys` is its routing key and what its headers CC and BCC add.
        """
        raise NotImplementedError


class Exchange:
    """An exchange as it is now."""

    __slots__ = (
        "__weakref__",
        "alternate",
        "bindings",
        "came",
        "declaration",
        "name",
        "router",
        "went",
    )

    def __init__(self, declaration: Declaration, router: ExchangeType) -> None:
        self.name = declaration.name
        self.declaration = declaration
        self.router = router
        self.alternate: str | None = declaration.arguments.get(ALTERNATE)
        self.bindings: dict[BindingId, Binding] = {}  # from it
        self.came = self.went = 0  # messages that were published to it; into queues

    def follow(self, policy: Mapping[str, Value]) -> bool:
        """Be as a policy says from now on, where the declaration does not; True: that is new."""
        before = self.alternate
        self.alternate = self.declaration.arguments.get(ALTERNATE, policy.get(ALTERNATE))
        return self.alternate != before

    @override
    def __str__(self) -> str:
        return str(self.declaration)

    def check_same(self, other: Declaration) -> None:
        """Refuse a declaration of the same name that is not the same."""
        mine, of = self.declaration, str(self.declaration)
        check_field("type", of, mine.type, other.type)
        check_field("durable", of, mine.durable, other.durable)
        check_field("auto_delete", of, mine.auto_delete, other.auto_delete)
        check_field("internal", of, mine.internal, other.internal)
        check_argument(ALTERNATE, of, mine.arguments.get(ALTERNATE), other.arguments.get(ALTERNATE))


Destination = Target | Exchange
BindingId = tuple[str, str, str, str, str]  # source, kind and name of destination, key, arguments


class Binding:
    """What sends messages of an exchange on.

    `remade`: who made it does so again after a restart, and it need not be among the definitions.
    """

    __slots__ = ("arguments", "destination", "id", "key", "remade", "source")

    def __init__(
        self,
        source: Exchange,
        destination: Destination,
        key: str,
        arguments: Headers,
    ) -> None:
        self.source = source
        self.destination = destination
        self.key = key
        self.arguments = arguments
        self.remade = False
        self.id: BindingId = binding_id(source.name, self.kind, destination.name, key, arguments)

    @property
    def kind(self) -> str:
        """What it leads to: "exchange" or "queue"."""
        return EXCHANGE if isinstance(self.destination, Exchange) else QUEUE


def binding_id(source: str, kind: str, name: str, key: str, arguments: Headers) -> BindingId:
    """Return what makes two bindings the same one: the order of arguments does not matter."""
    said = "" if not arguments else _said(arguments)
    return source, kind, name, key, said


def _said(value: Value) -> str:
    if isinstance(value, Mapping):
        parts = (f"{key!r}:{_said(value[key])}" for key in sorted(value))
        return "{" + ",".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_said, value)) + "]"
    return f"{type_name(value)} {value!r}"


def check_alternate(declaration: Declaration) -> None:
    """Refuse an alternate exchange that is not a name."""
    name = declaration.arguments.get(ALTERNATE)
    if name is not None and not isinstance(name, str):
        raise PreconditionFailed(
            f"invalid type '{type_name(name)}' for arg '{ALTERNATE}' in {declaration}"
        )
