"""VirtualHost: a namespace, and what can be done in it.

Texts of refusals are RabbitMQ's, without the name of the reply code.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Protocol

from msgspec import Struct

from anymq.core.errors import Locked, NotAllowed, NotFound, PreconditionFailed
from anymq.core.interceptor import Interceptor
from anymq.core.joined import at_once
from anymq.core.message import Form, Message, Run, Value
from anymq.core.policies.policies import Rules
from anymq.core.policies.policy import EXCHANGES
from anymq.core.queues.arguments import CLASSIC, STREAM, kind_of
from anymq.core.routing.exchange import (
    EXCHANGE,
    QUEUE,
    Binding,
    Declaration,
    Destination,
    Exchange,
    ExchangeType,
    binding_id,
    check_alternate,
)
from anymq.core.routing.records import VhostRecord
from anymq.core.routing.target import Target, Then
from anymq.core.routing.types import ExchangeTypes, new_router
from anymq.core.taps import BROKER, ListenAt, Origin, Taps, nobody
from anymq.core.tracing.tracing import Tracing
from anymq.core.vhosts.definitions import binding_key, exchange_key
from anymq.core.vhosts.interception import Interception
from anymq.core.vhosts.kinds import AnyQueue, QueueDeclaration, QueueKind
from anymq.core.vhosts.place_limits import PlaceLimits
from anymq.core.vhosts.publishing import Publishing, Returned
from anymq.core.vhosts.topology import Going, Topology

RESERVED = "amq."
GENERATED = "amq.gen-"
REPLY_TO = "amq.rabbitmq.reply-to"
DEFAULT_EXCHANGES = (
    ("amq.direct", "direct", False),
    ("amq.topic", "topic", False),
    ("amq.match", "headers", False),
    ("amq.headers", "headers", False),
    ("amq.fanout", "fanout", False),
    ("amq.rabbitmq.trace", "topic", True),
)


def ignore(error: Exception | None) -> None:
    """Do nothing when it is durable: whoever asked does not wait for it."""


class Redeclare(Enum):
    """What to do when a queue is declared again with other arguments."""

    STRICT = "strict"  # refuse, as RabbitMQ does
    KEEP = "keep"  # leave it as it is
    CHANGE = "change"  # change the living queue


class Keeper(Protocol):
    """Keeps the durable part of a virtual host; what it keeps takes effect in its topology."""

    def put_exchange(self, declaration: Declaration, then: Then) -> None:
        """Define an exchange."""

    def put_binding(self, binding: Binding, then: Then) -> None:
        """Define a binding."""

    def when_kept(self, key: str, then: Then) -> None:
        """Tell when a restart would find what is there, or why it would not."""

    def without(
        self, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> dict[str, Struct | None]:
        """Return the changes that forget these."""

    def change(self, changes: Mapping[str, Struct | None], then: Then) -> None:
        """Make all of these changes or none."""


class VirtualHost:
    """One namespace.

    `exchanges` and `queues` are read by everybody and changed by the verbs alone. Whoever declares,
    binds or deletes sees it done at once; `then` is called when a restart would find it so.
    """

    def __init__(
        self,
        name: str,
        *,
        types: ExchangeTypes,
        kinds: Mapping[str, QueueKind],
        keeper: Keeper,
        delayed: Target,
        now_ms: Callable[[], int],
        random: Callable[[int], bytes],
        rules: Rules,
        forms: Mapping[int, Form] = MappingProxyType({}),
        interceptors: Sequence[Interceptor] = (),
        node_name: str = "anymq",
        listen: ListenAt = nobody,
    ) -> None:
        self.name = name
        self.rules = rules
        self.redeclare = Redeclare.STRICT
        self.limits = PlaceLimits()
        self.record = VhostRecord()
        self.kinds = kinds
        self.topology: Topology[AnyQueue] = Topology(name, self)
        self.exchanges: Mapping[str, Exchange] = self.topology.exchanges
        self.queues: Mapping[str, AnyQueue] = self.topology.queues
        self.taps = Taps()
        interception = Interception(name, interceptors)
        self.publishing = Publishing(name, self.topology, delayed, now_ms, self.taps, interception)
        self.tracing = Tracing(
            name,
            self.taps,
            node=node_name,
            now_ms=now_ms,
            forms=forms,
            send=lambda told: self.send(self.exchanges[told.envelope.exchange], told),
            also=listen(name),
        )
        self.ended = False
        self.on_end: dict[Callable[[], None], None] = {}  # whom to tell when it is deleted
        self._types = types
        self._keeper = keeper
        self._random = random
        self._owned: dict[int, dict[str, AnyQueue]] = {}  # by the identity of the owner

    @property
    def default_queue_type(self) -> str:
        """What a queue becomes that does not say."""
        return self.record.default_queue_type or CLASSIC

    def be(self, record: VhostRecord) -> None:
        """Be as its definition says from now on."""
        self.record = record
        self.publishing.ways.join_topics(join=record.topic_addresses)

    def end(self) -> None:
        """It was deleted: who works in it is to leave."""
        self.tracing.stop()
        self.ended = True
        for listener in list(self.on_end):
            listener()

    # Looking

    def exchange(self, name: str) -> Exchange:
        """Return an exchange, or refuse."""
        found = self.exchanges.get(name)
        if found is None:
            raise NotFound(f"no exchange '{name}' in vhost '{self.name}'")
        return found

    def queue(self, name: str, owner: object | None = None) -> AnyQueue:
        """Return a queue or stream, or refuse; also one that is exclusive to another owner.

        Whoever has no owner (a tool, the broker itself) passes None and gets those of nobody.
        """
        found = self.queues.get(name)
        if found is None:
            raise NotFound(f"no queue '{name}' in vhost '{self.name}'")
        if found.owner is not None and found.owner is not owner:
            raise self._locked(name)
        return found

    def knows_type(self, type_: str) -> bool:
        """Can there be an exchange of this type?"""
        return type_ in self._types

    @property
    def version(self) -> int:
        """It grows whenever a message may have to go another way."""
        return self.topology.version

    # Messages

    def publish(
        self,
        run: Run,
        then: Then | None,
        *,
        mandatory: bool = False,
        owner: object | None = None,
        returned: Returned | None = None,
        who: Origin = BROKER,
    ) -> bool:
        """Bring a run to its queues. False: it went nowhere (`then` is still called, with None).

        Refuses when there is no such exchange or clients may not publish there. `returned` hears
        of each message that went nowhere, before `then` does: of a run, headers or hashes may send
        some somewhere and others nowhere. When a queue refuses some messages of a run and takes
        others, `then` gets PartlyRejected, which says which.
        """
        return self.publishing.publish(run, then, returned, who)

    # Exchanges

    def declare_exchange(
        self,
        name: str,
        type_: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Mapping[str, Value] | None = None,
        then: Then = ignore,
    ) -> Exchange:
        """Make an exchange, or find the same."""
        declaration = Declaration(
            name=stripped(name),
            vhost_name=self.name,
            type=type_,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
            arguments=arguments or {},
        )
        if type_ not in self._types:
            raise PreconditionFailed(f"unknown exchange type '{type_}'")
        _check_not_default(declaration.name)
        existing = self.exchanges.get(declaration.name)
        if existing is not None:
            existing.check_same(declaration)
            self._keeper.when_kept(exchange_key(self.name, existing.name), then)
            return existing
        _check_reserved(EXCHANGE, declaration.name)
        self.limits.check_exchanges(self.exchanges, declaration)
        return self._make_exchange(declaration, then)

    def _make_exchange(self, declaration: Declaration, then: Then) -> Exchange:
        check_alternate(declaration)
        router = self.new_router(declaration)
        if declaration.durable:
            at_once(partial(self._keeper.put_exchange, declaration), then)
        else:
            self.put_exchange(declaration, router)
            then(None)
        return self.exchanges[declaration.name]

    def put_exchange(self, declaration: Declaration, router: ExchangeType) -> None:
        """There is this exchange now, and policies hold for it."""
        exchange = Exchange(declaration, router)
        exchange.follow(self.rules.definition(EXCHANGES, declaration.name))
        self.topology.put_exchange(exchange)

    def delete_exchange(self, name: str, *, if_unused: bool = False, then: Then = ignore) -> None:
        """Unmake an exchange; one that is not there is as good."""
        name = stripped(name)
        _check_not_default(name)
        if name.startswith(RESERVED):
            raise NotAllowed(
                f"deletion of system exchange '{name}' in vhost '{self.name}' not allowed"
            )
        exchange = self.exchanges.get(name)
        if exchange is None:
            then(None)
            return
        if if_unused and exchange.bindings:
            raise PreconditionFailed(f"{exchange} in use")
        self._drop(*self.topology.what_goes([exchange], []), then)

    # Queues

    def declare_queue(
        self,
        name: str,
        *,
        durable: bool = False,
        owner: object | None = None,
        auto_delete: bool = False,
        arguments: Mapping[str, Value] | None = None,
        new_name: bool = False,
        then: Then = ignore,
    ) -> AnyQueue:
        """Make a queue or stream, or find the same. "": it gets a name. `owner`: exclusive.

        `new_name`: it is one that `new_queue_name` gave.
        """
        name = stripped(name)
        if name and not new_name:
            _check_reserved(QUEUE, name)
        declaration = QueueDeclaration(
            name=name or self.new_queue_name(),
            vhost_name=self.name,
            durable=durable and owner is None,
            owner=owner,
            auto_delete=auto_delete,
            arguments=self.completed(
                arguments or {},
                durable=durable,
                exclusive=owner is not None,
                auto_delete=auto_delete,
            ),
        )
        existing = self.queues.get(name)
        if existing is None:
            return self._make_queue(declaration, then)
        if existing.owner is not owner:
            raise self._locked(name)
        self._declare_again(existing, declaration, then)
        return existing

    def _make_queue(self, declaration: QueueDeclaration, then: Then) -> AnyQueue:
        self.limits.check_queues(
            self.queues, declaration.name, self.name, at_most=self.rules.queues_max
        )
        kind = kind_of(str(declaration), declaration.arguments)
        queue = self.kinds[kind].declare(self, declaration, then)
        if queue.owner is not None:
            self._owned.setdefault(id(queue.owner), {})[queue.name] = queue
        return queue

    def completed(
        self, arguments: Mapping[str, Value], *, durable: bool, exclusive: bool, auto_delete: bool
    ) -> Mapping[str, Value]:
        """Return the arguments of a declaration with the type that queues have here by default.

        As in RabbitMQ, what cannot be of that type becomes a classic queue.
        """
        default = self.default_queue_type
        lasts = durable and not exclusive and not auto_delete
        if default == CLASSIC or not lasts or arguments.get("x-queue-type") is not None:
            return arguments
        return {**arguments, "x-queue-type": default}

    def _declare_again(self, queue: AnyQueue, declaration: QueueDeclaration, then: Then) -> None:
        kind = self.kinds[queue.kind]
        try:
            kind.check_same(queue, declaration)
        except PreconditionFailed:
            if self.redeclare is Redeclare.STRICT:
                raise
            if self.redeclare is Redeclare.CHANGE:
                kind.change(self, queue, declaration.arguments, then)
                return
        self._keeper.when_kept(kind.key_of(queue), then)

    def change_queue(self, name: str, arguments: Mapping[str, Value], then: Then = ignore) -> None:
        """Let a living queue have other arguments: all of them, not only those that change."""
        queue = self.queue(name)
        self.kinds[queue.kind].change(self, queue, arguments, then)

    def delete_queue(
        self,
        name: str,
        *,
        owner: object | None = None,
        if_unused: bool = False,
        if_empty: bool = False,
        then: Then = ignore,
    ) -> int:
        """Unmake a queue and say how many messages waited; one that is not there is as good."""
        name = stripped(name)
        if name not in self.queues:
            then(None)
            return 0
        queue = self.queue(name, owner)
        if if_empty and queue.ready:
            raise PreconditionFailed(f"{self._queue(name)} not empty")
        if if_unused and queue.consumer_count:
            raise PreconditionFailed(f"{self._queue(name)} in use")
        count = 0 if queue.kind == STREAM else queue.ready  # nothing waits in a stream
        self.unmake(queue, then)
        return count

    def gone(self, queue: AnyQueue) -> None:
        """Unmake a queue that went by itself: nobody used it, or its last consumer left."""
        if self.queues.get(queue.name) is queue:
            self.unmake(queue, ignore)

    def owner_gone(self, owner: object) -> None:
        """Unmake the exclusive queues of a connection that is no more."""
        for queue in list(self._owned.get(id(owner), {}).values()):
            self.gone(queue)

    def unmake(self, queue: AnyQueue, then: Then) -> None:
        """Unmake a queue, whoever uses it."""
        if queue.owner is not None:
            owned = self._owned[id(queue.owner)]
            del owned[queue.name]
            if not owned:
                del self._owned[id(queue.owner)]
        self.kinds[queue.kind].delete(self, queue, then)

    def new_name(self, prefix: str) -> str:
        """Return a name that nobody has or guesses."""
        return prefix + urlsafe_b64encode(self._random(16)).rstrip(b"=").decode()

    def new_queue_name(self) -> str:
        """Return the name of a queue to be, as only the broker gives them."""
        return self.new_name(GENERATED)

    # Bindings

    def bind(
        self,
        source: str,
        destination: str,
        key: str = "",
        arguments: Mapping[str, Value] | None = None,
        *,
        to_exchange: bool = False,
        owner: object | None = None,
        remade: bool = False,
        then: Then = ignore,
    ) -> None:
        """Let messages of an exchange also go to a queue, a stream or another exchange.

        `remade`: whoever asks does so again after a restart.
        """
        source, destination = stripped(source), stripped(destination)
        self._check_ends(source, destination, to_exchange=to_exchange)
        place: Destination
        exchange = self.exchange(source)
        if to_exchange:
            place = self.exchange(destination)
        else:
            place = self._any_queue(destination)
        binding = Binding(exchange, place, key, arguments or {})
        binding.remade = remade
        exchange.router.check_binding(binding)
        if not to_exchange:
            self.queue(destination, owner)
        if binding.id in self.topology.bindings:
            self._keeper.when_kept(binding_key(binding), then)
            return
        self._make_binding(binding, then)

    def _make_binding(self, binding: Binding, then: Then) -> None:
        self.limits.check_bindings(self.topology.bindings, self.name)
        if is_durable(binding):
            self._keeper.put_binding(binding, then)
        else:
            self.topology.put_binding(binding)
            then(None)
        made = self.topology.bindings.get(binding.id)
        if made is not None:
            made.source.router.bound(made)

    def unbind(
        self,
        source: str,
        destination: str,
        key: str = "",
        arguments: Mapping[str, Value] | None = None,
        *,
        to_exchange: bool = False,
        owner: object | None = None,
        then: Then = ignore,
    ) -> None:
        """Take a binding away; one that is not there is as good."""
        source, destination = stripped(source), stripped(destination)
        self._check_ends(source, destination, to_exchange=to_exchange)
        kind = EXCHANGE if to_exchange else QUEUE
        found = self.topology.bindings.get(
            binding_id(source, kind, destination, key, arguments or {})
        )
        if found is None:
            then(None)
            return
        if not to_exchange:
            self.queue(destination, owner)  # somebody else's stays as it is
        self._drop(*self.topology.what_goes([], [found]), then)

    def what_goes_with(self, queue: AnyQueue) -> Going:
        """Return what goes with a queue: bindings to it, and exchanges that lose their last one."""
        return self.topology.what_goes([], self.topology.leading_to(queue))

    def without(
        self, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> dict[str, Struct | None]:
        """Return the changes of definitions that forget the durable ones of these."""
        return self._keeper.without(
            [one for one in exchanges if one.declaration.durable],
            [one for one in bindings if is_durable(one)],
        )

    def forget(self, queue: AnyQueue, then: Then = ignore) -> None:
        """A queue or stream vanished: take it out, and what leads to it."""
        going = self.what_goes_with(queue)
        self.topology.drop_queue(queue)
        self._drop(*going, then)

    # What exchanges may use

    def chance(self, below: int) -> int:
        """Return a number from 0 to `below` - 1, by chance."""
        return int.from_bytes(self._random(8), "little") % below

    def send(self, destination: Destination, message: Message) -> None:
        """Hand one message to a queue, or route it on from an exchange."""
        self.publishing.send(destination, message)

    def new_router(self, declaration: Declaration) -> ExchangeType:
        """Return what routes for an exchange declared so; refuse a type that nobody knows."""
        return new_router(self._types, declaration, self)

    # Within

    def _drop(self, exchanges: list[Exchange], bindings: list[Binding], then: Then) -> None:
        changes = self.without(exchanges, bindings)
        if changes:
            self._keeper.change(changes, then)
        else:
            then(None)
        self.topology.drop(exchanges, bindings)

    def _any_queue(self, name: str) -> AnyQueue:
        found = self.queues.get(name)
        if found is None:
            raise NotFound(f"no {self._queue(name)}")
        return found

    def _check_ends(self, source: str, destination: str, *, to_exchange: bool) -> None:
        if to_exchange:
            _check_not_default(destination)
        elif destination.startswith(REPLY_TO):
            raise NotAllowed("cannot bind or unbind to a volatile (direct reply-to) queue")
        _check_not_default(source)

    def _locked(self, name: str) -> Locked:
        return Locked(
            f"cannot obtain exclusive access to locked {self._queue(name)}. It could be "
            "originally declared on another connection or the exclusive property value does not "
            "match that of the original declaration."
        )

    def _queue(self, name: str) -> str:
        return f"queue '{name}' in vhost '{self.name}'"


def is_durable(binding: Binding) -> bool:
    """Is a binding kept? If both its ends are, unless somebody makes it again."""
    if binding.remade:
        return False
    place = binding.destination
    end = place.declaration.durable if isinstance(place, Exchange) else _durable(place)
    return binding.source.declaration.durable and end


def stripped(name: str) -> str:
    """Return a name without line ends, as RabbitMQ takes it."""
    return name.replace("\n", "").replace("\r", "")


def _durable(queue: Target) -> bool:
    return bool(getattr(queue, "durable", False))


def _check_not_default(exchange: str) -> None:
    if not exchange:
        raise NotAllowed("operation not permitted on the default exchange")


def _check_reserved(kind: str, name: str) -> None:
    if name.startswith(RESERVED):
        raise NotAllowed(f"{kind} name '{name}' contains reserved prefix 'amq.*'")
