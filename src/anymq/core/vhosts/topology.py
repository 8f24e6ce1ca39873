"""Topology: the exchanges, queues and bindings of a virtual host, as they are now, in memory."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from typing_extensions import override

from anymq.core.changes import CREATED, DELETED, Changes
from anymq.core.message import Message
from anymq.core.routing.exchange import (
    EXCHANGE,
    QUEUE,
    Binding,
    BindingId,
    Declaration,
    Destination,
    Exchange,
    ExchangeType,
    RoutesBy,
    Surroundings,
)
from anymq.core.routing.target import Target

Q = TypeVar("Q", bound=Target)
BINDING = "binding"  # what changes call it

Place = tuple[str, str]  # kind and name
Going = tuple[list[Exchange], list[Binding]]  # what is to be dropped together


class Topology(Generic[Q]):
    """What there is. `version` grows whenever a message may have to go another way."""

    def __init__(self, vhost_name: str, surroundings: Surroundings) -> None:
        self.version = 0
        self.changes = Changes()  # where it is noted what comes and goes
        self._vhost_name = vhost_name
        self.exchanges: dict[str, Exchange] = {}
        self.queues: dict[str, Q] = {}
        self.replies: dict[str, Target] = {}  # of the default exchange only: direct reply-to
        self.bindings: dict[BindingId, Binding] = {}
        self._incoming: dict[Place, dict[BindingId, Binding]] = {}
        declaration = Declaration(name="", vhost_name=vhost_name, type="direct", durable=True)
        default = _Default(declaration, surroundings)
        default.queues, default.replies = self.queues, self.replies
        self.default = Exchange(declaration, default)
        self.put_exchange(self.default)

    def put_exchange(self, exchange: Exchange) -> None:
        """There is this exchange."""
        self.version += 1
        self.exchanges[exchange.name] = exchange
        self._note(EXCHANGE, CREATED, exchange.name)

    def drop_exchange(self, exchange: Exchange) -> None:
        """There is it no more, nor what leads to it or from it."""
        self.version += 1
        del self.exchanges[exchange.name]
        self._note(EXCHANGE, DELETED, exchange.name)
        for binding in [*exchange.bindings.values(), *self.leading_to(exchange)]:
            self.drop_binding(binding)

    def put_queue(self, queue: Q) -> None:
        """There is this queue."""
        self.version += 1
        self.queues[queue.name] = queue
        self._note(QUEUE, CREATED, queue.name)

    def drop_queue(self, queue: Q) -> None:
        """There is it no more, nor what leads to it."""
        self.version += 1
        del self.queues[queue.name]
        self._note(QUEUE, DELETED, queue.name)
        for binding in self.leading_to(queue):
            self.drop_binding(binding)

    def put_binding(self, binding: Binding) -> None:
        """There is this binding."""
        self.version += 1
        self.bindings[binding.id] = binding
        binding.source.bindings[binding.id] = binding
        self._incoming.setdefault(_place(binding.destination), {})[binding.id] = binding
        binding.source.router.added(binding)
        self._note(BINDING, CREATED, *binding.id[:4])

    def drop_binding(self, binding: Binding) -> None:
        """There is it no more; harmless when it is gone."""
        if self.bindings.pop(binding.id, None) is None:
            return
        self.version += 1
        del binding.source.bindings[binding.id]
        incoming = self._incoming[_place(binding.destination)]
        del incoming[binding.id]
        if not incoming:
            del self._incoming[_place(binding.destination)]
        binding.source.router.removed(binding)
        self._note(BINDING, DELETED, *binding.id[:4])

    def put_reply(self, target: Target) -> None:
        """Messages to its name on the default exchange go to `target`."""
        self.version += 1
        self.replies[target.name] = target

    def drop_reply(self, target: Target) -> None:
        """Not any more."""
        self.version += 1
        self.replies.pop(target.name, None)

    def drop(self, exchanges: Iterable[Exchange], bindings: Iterable[Binding]) -> None:
        """There are they no more; harmless where they are gone."""
        for binding in bindings:
            self.drop_binding(binding)
        for exchange in exchanges:
            if self.exchanges.get(exchange.name) is exchange:
                self.drop_exchange(exchange)

    def what_goes(self, exchanges: Sequence[Exchange], bindings: Sequence[Binding]) -> Going:
        """Return what goes with these: bindings at both ends, and exchanges that wanted to go
        with their last binding, and what goes with them.
        """
        going = {exchange.name: exchange for exchange in exchanges}
        loose = {binding.id: binding for binding in bindings}
        work = list(exchanges)
        while True:
            for exchange in work:
                loose.update(exchange.bindings)
                loose.update((one.id, one) for one in self.leading_to(exchange))
            sources = {one.source.name: one.source for one in loose.values()}
            work = [
                exchange
                for name, exchange in sources.items()
                if name not in going
                and exchange.declaration.auto_delete
                and exchange.bindings.keys() <= loose.keys()
            ]
            if not work:
                return list(going.values()), list(loose.values())
            going.update((exchange.name, exchange) for exchange in work)

    def _note(self, kind: str, action: str, *names: str) -> None:
        self.changes.note(kind, action, self._vhost_name, *names)

    def leading_to(self, destination: Destination) -> list[Binding]:
        """Return the bindings to an exchange, a queue or a stream."""
        return list(self._incoming.get(_place(destination), {}).values())


class _Default(ExchangeType):
    """The exchange without a name: to the queue that is called as the routing key."""

    routes_by: ClassVar[RoutesBy] = RoutesBy.KEY
    queues: Mapping[str, Target]
    replies: Mapping[str, Target]

    @override
    def route(self, keys: Sequence[str], message: Message) -> Iterable[Destination]:
        found = (self.queues.get(key, self.replies.get(key)) for key in keys)
        return [target for target in found if target is not None]


def _place(destination: Destination) -> Place:
    return (EXCHANGE if isinstance(destination, Exchange) else QUEUE), destination.name
