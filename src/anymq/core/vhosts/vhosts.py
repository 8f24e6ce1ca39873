"""VirtualHosts: all of them, as the catalog defines them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import msgspec
from typing_extensions import override

from anymq.core import catalog as catalogs
from anymq.core.catalog import Catalog
from anymq.core.errors import Invalid, NotFound, PreconditionFailed
from anymq.core.interceptor import Interceptor
from anymq.core.message import Form, Message, Run
from anymq.core.policies import parameters
from anymq.core.policies.policies import Policies, Rules
from anymq.core.queues.arguments import ARGUMENTS
from anymq.core.rights.records import prefixes_of_vhost
from anymq.core.routing.exchange import Binding, Declaration, Destination, Exchange
from anymq.core.routing.records import BindingRecord, ExchangeRecord, QueueRecord, VhostRecord
from anymq.core.routing.target import Then
from anymq.core.routing.types import OURS, ExchangeTypes, known_router
from anymq.core.taps import ListenAt, nobody
from anymq.core.vhosts.definitions import (
    Definitions,
    binding_key,
    exchange_key,
    names_of,
    vhost_key,
)
from anymq.core.vhosts.kinds import QueueDeclaration, QueueKind
from anymq.core.vhosts.place_limits import PlaceLimits
from anymq.core.vhosts.publishing import due_ms
from anymq.core.vhosts.vhost import DEFAULT_EXCHANGES, RESERVED, Redeclare, VirtualHost, ignore

DEFAULT = "/"
VHOSTS_MAX = 10_000  # each takes about 20 KB
DESCRIPTION_BYTES_MAX = 4096
TAGS_MAX = 100

AddDelayed = Callable[[str, Message, int, Then | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What virtual hosts are given."""

    now_ms: Callable[[], int]  # steady: it never jumps while we run
    random: Callable[[int], bytes]
    add_delayed: AddDelayed
    policies: Policies
    types: ExchangeTypes = field(default_factory=lambda: OURS)
    forms: Mapping[int, Form] = field(default_factory=dict)
    node_name: str = "anymq"
    interceptors: Sequence[Interceptor] = ()
    listen: ListenAt = nobody
    capture: Callable[[str, str], None] | None = None  # see captures.py


class DefinedKind(Protocol):
    """What makes the queues that the catalog defines."""

    def define(
        self,
        vhost: VirtualHost,
        name: str,
        declaration: QueueDeclaration | None,
        record: QueueRecord | None,
    ) -> None:
        """Make a durable queue be what its definition says; None: it is no more."""


class VirtualHosts(Mapping[str, VirtualHost]):
    """All virtual hosts. The catalog says what there is; this makes it so."""

    def __init__(
        self,
        catalog: Catalog,
        means: Means,
        definitions: Definitions,
        own: DefinedKind,
        kinds: Mapping[str, QueueKind],
    ) -> None:
        self.definitions = definitions
        self._catalog = catalog
        self._means = means
        self._own = own
        self._kinds = kinds
        self._by_name: dict[str, VirtualHost] = {}
        self._bindings: dict[str, Binding] = {}  # by their keys in the catalog
        self._redeclare = Redeclare.STRICT
        self._limits = PlaceLimits()
        self._made = 0
        self._restored = False

    def restore(self) -> None:
        """Make what is defined; what is in other logs, the kinds have to add before `bind`."""
        for key, vhost in self._catalog.records("vhosts/", catalogs.VHOST):
            self.on_vhost(key, vhost)
        self._restore_places("/")
        self._catalog.listen_to_vhosts(self)
        if not self._by_name:
            self.create(DEFAULT)

    def restore_bindings(self) -> None:
        """Make the bindings, in the order in which they were made once."""
        self._restore_bindings("/")
        self._restored = True

    def _restore_into(self, name: str) -> None:
        of = "/" + vhost_key(name).partition("/")[2] + "/"
        self._restore_places(of)
        for kind in self._kinds.values():
            kind.restore(self._by_name[name])
        self._restore_bindings(of)

    def _restore_places(self, of: str) -> None:
        for key, exchange in self._catalog.records("exchanges" + of, catalogs.EXCHANGE):
            self.on_exchange(key, exchange)
        for key, queue in self._catalog.records("queues" + of, catalogs.QUEUE):
            self.on_queue(key, queue)

    def _restore_bindings(self, of: str) -> None:
        records = self._catalog.records("bindings" + of, catalogs.BINDING)
        for key, record in sorted(records, key=lambda one: one[1].made):
            self._made = max(self._made, record.made + 1)
            self.on_binding(key, record)

    @override
    def __getitem__(self, name: str) -> VirtualHost:
        return self._by_name[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    @override
    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> VirtualHost:
        """Return a virtual host, or refuse."""
        found = self._by_name.get(name)
        if found is None:
            raise NotFound(f"vhost {name} not found")
        return found

    def create(self, name: str, then: Then = ignore) -> VirtualHost:
        """Make a virtual host, or find it."""
        if name in self._by_name:
            then(None)
        else:
            self.put(name, VhostRecord(), then)
        return self._by_name[name]

    def put(self, name: str, record: VhostRecord, then: Then = ignore) -> None:
        """Make a virtual host, or let one be as this says."""
        if name not in self._by_name and len(self._by_name) >= VHOSTS_MAX:
            raise Invalid(f"cannot create vhost '{name}': vhost limit of {VHOSTS_MAX} is reached")
        check_record(record)
        self._catalog.change({vhost_key(name): record}, then)

    def delete(self, name: str, then: Then = ignore) -> None:
        """Unmake a virtual host with all that is in it: at once, so that a crash leaves no half."""
        vhost = self.find(name)
        if vhost.record.protected:
            raise PreconditionFailed(
                f"Refusing to delete virtual host '{name}' because it is protected from deletion"
            )
        own = [one for one in vhost.exchanges.values() if not one.name.startswith(RESERVED)]
        changes = vhost.without(
            [one for one in own if one.name], list(vhost.topology.bindings.values())
        )
        durable = [one for one in vhost.queues.values() if one.durable]
        endings = [self._kinds[one.kind].ending(vhost, one) for one in durable]
        for ending in endings:
            changes.update(ending.changes)
        changes[vhost_key(name)] = None  # the last one: until then its queues find it
        # Whoever makes one of this name again gives its rights anew.
        about_it = *prefixes_of_vhost(name), parameters.prefix_of_vhost(name)
        changes.update(dict.fromkeys(self._catalog.keys(*about_it)))

        def deleted(error: Exception | None) -> None:
            for ending in endings:
                ending.done(error)
            then(error)

        doomed = [log_id for ending in endings for log_id in ending.logs]
        self._catalog.change(changes, deleted, doomed=doomed)
        for queue in list(vhost.queues.values()):  # those that were not durable
            vhost.unmake(queue, ignore)

    def redeclare(self, how: Redeclare) -> None:
        """Treat queues that are declared again with other arguments so, everywhere."""
        self._redeclare = how
        for vhost in self._by_name.values():
            vhost.redeclare = how

    def limit(self, limits: PlaceLimits) -> None:
        """Let no virtual host have more than this, from now on."""
        self._limits = limits
        for vhost in self._by_name.values():
            vhost.limits = limits

    def release(self, vhost_name: str, message: Message, then: Then) -> None:
        """The time of a delayed message has come."""
        vhost = self._by_name.get(vhost_name)
        if vhost is None:
            then(None)
        else:
            vhost.publishing.release(message, then)

    # What the catalog tells

    def on_vhost(self, key: str, record: VhostRecord | None) -> None:
        """Make a virtual host be, or not."""
        (name,) = names_of(key)
        if record is None:
            self._by_name.pop(name).end()
        elif name not in self._by_name:
            self._by_name[name] = self._new(name)
            self._by_name[name].be(record)
            if self._restored:  # where its deletion failed, all that was in it is defined again
                self._restore_into(name)
        else:
            self._by_name[name].be(record)

    def on_exchange(self, key: str, record: ExchangeRecord | None) -> None:
        """Make an exchange be, or not."""
        vhost_name, name = names_of(key)
        vhost = self._by_name.get(vhost_name)
        if vhost is None:
            return
        if record is None:
            vhost.topology.drop([vhost.exchanges[name]] if name in vhost.exchanges else [], [])
        else:
            self._put(vhost, self.definitions.exchange(key, record))

    def on_queue(self, key: str, record: QueueRecord | None) -> None:
        """Make a queue be, or not."""
        vhost_name, name = names_of(key)
        vhost = self._by_name.get(vhost_name)
        if vhost is not None:
            declaration = None if record is None else self.definitions.queue(key, record)
            self._own.define(vhost, name, declaration, record)

    def on_binding(self, key: str, record: BindingRecord | None) -> None:
        """Make a binding be, or not. One whose ends are missing waits for better times."""
        vhost = self._by_name.get(names_of(key)[0])
        if record is None or vhost is None:
            binding = self._bindings.pop(key, None)
            if binding is not None and vhost is not None:
                vhost.topology.drop_binding(binding)
            return
        source = vhost.exchanges.get(record.source)
        place: Destination | None
        if record.to_exchange:
            place = vhost.exchanges.get(record.destination)
        else:
            place = vhost.queues.get(record.destination)
        if source is not None and place is not None:
            arguments = self.definitions.arguments(record)
            binding = self._bindings[key] = Binding(source, place, record.key, arguments)
            vhost.topology.put_binding(binding)

    # What virtual hosts have kept

    def put_exchange(self, declaration: Declaration, then: Then) -> None:
        """Define an exchange."""
        key = exchange_key(declaration.vhost_name, declaration.name)
        self._catalog.change({key: self.definitions.of_exchange(declaration)}, then)

    def put_binding(self, binding: Binding, then: Then) -> None:
        """Define a binding."""
        record = self.definitions.of_binding(binding, self._made)
        self._made += 1
        self._catalog.change({binding_key(binding): record}, then)

    def when_kept(self, key: str, then: Then) -> None:
        """Tell when a restart would find what is there, or why it would not."""
        self._catalog.when_kept(key, then)

    def change(self, changes: Mapping[str, msgspec.Struct | None], then: Then) -> None:
        """Make all of these changes or none."""
        self._catalog.change(changes, then)

    def without(
        self, exchanges: Sequence[Exchange], bindings: Sequence[Binding]
    ) -> dict[str, msgspec.Struct | None]:
        """Return the changes that forget these; exchanges first, so that they are back first."""
        changes: dict[str, msgspec.Struct | None] = {
            exchange_key(one.declaration.vhost_name, one.name): None for one in exchanges
        }
        changes.update((binding_key(binding), None) for binding in bindings)
        return changes

    # Within

    def _new(self, name: str) -> VirtualHost:
        means = self._means
        vhost = VirtualHost(
            name,
            types=means.types,
            kinds=self._kinds,
            keeper=self,
            delayed=_Later(name, means),
            now_ms=means.now_ms,
            random=means.random,
            forms=means.forms,
            interceptors=means.interceptors,
            node_name=means.node_name,
            listen=means.listen,
            rules=Rules(name, means.policies),
        )
        vhost.redeclare, vhost.limits = self._redeclare, self._limits
        if means.capture is not None:
            vhost.publishing.ways.capture = partial(means.capture, name)
        vhost.topology.changes = self._catalog.changes
        for exchange, type_, internal in DEFAULT_EXCHANGES:
            self._put(
                vhost,
                Declaration(
                    name=exchange, vhost_name=name, type=type_, durable=True, internal=internal
                ),
            )
        return vhost

    def _put(self, vhost: VirtualHost, declaration: Declaration) -> None:
        vhost.put_exchange(declaration, known_router(self._means.types, declaration, vhost))


def check_record(record: VhostRecord) -> None:
    """Refuse what a virtual host cannot be."""
    kind = record.default_queue_type
    if kind and kind not in ARGUMENTS:
        raise Invalid(f"{kind} is not a valid queue type")
    if len(record.description.encode(errors="surrogatepass")) > DESCRIPTION_BYTES_MAX:
        raise Invalid(f"a description has at most {DESCRIPTION_BYTES_MAX} bytes")
    if len(record.tags) > TAGS_MAX:
        raise Invalid(f"a virtual host has at most {TAGS_MAX} tags")


class _Later:
    """Where delayed messages of a virtual host go instead of queues."""

    singles = True  # each has its own time

    def __init__(self, name: str, means: Means) -> None:
        self.name = name
        self._means = means

    def push(self, run: Run, then: Then | None) -> None:
        """Keep each of them until it is due."""
        now_ms = self._means.now_ms()
        for message in run.messages:
            self._means.add_delayed(self.name, message, due_ms(message, now_ms), then)
