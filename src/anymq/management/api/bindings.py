"""Bindings. The default exchange has one to every queue, which nobody made."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

from anymq.core.message import Headers
from anymq.core.routing.exchange import EXCHANGE, QUEUE, Binding
from anymq.core.vhosts.vhost import VirtualHost
from anymq.management.api import checks, routes
from anymq.management.api.call import Call, Then, created, done, exchange_name, when_safe
from anymq.management.api.exchanges import known_vhost
from anymq.management.api.faults import bad_request, no_object
from anymq.management.api.values import from_json, to_json
from anymq.management.http import Answer

ROUTES = routes.Routes()
KINDS = {"q": QUEUE, "e": EXCHANGE}
HASH_BYTES = 4
Default = tuple[str, str]  # of the default exchange: virtual host and queue


class Shown(NamedTuple):
    """A binding, as it is listed: there may be very many, and these are made quickly."""

    vhost: str
    source: str
    kind: str
    destination: str
    key: str
    arguments: Headers
    said: str = ""  # the arguments, as they tell bindings apart

    @property
    def properties_key(self) -> str:
        """What names it among those with the same ends."""
        key = quote_plus(self.key, errors="backslashreplace").replace("~", "%7E")
        if not self.said:
            return key or "~"
        said = self.said.encode("utf-8", "surrogatepass")
        digest = blake2b(said, digest_size=HASH_BYTES).digest()
        return f"{key}~{urlsafe_b64encode(digest).decode().rstrip('=')}"

    def row(self) -> dict[str, Any]:
        """Return what there is to say about it."""
        return {
            "source": self.source,
            "vhost": self.vhost,
            "destination": self.destination,
            "destination_type": self.kind,
            "routing_key": self.key,
            "arguments": to_json(self.arguments),
            "properties_key": self.properties_key,
        }


def _of(vhost_name: str, bindings: Iterable[Binding]) -> list[Shown]:
    return [
        Shown(
            vhost_name,
            one.source.name,
            one.kind,
            one.destination.name,
            one.key,
            one.arguments,
            one.id[4],
        )
        for one in bindings
    ]


def _default(vhost: VirtualHost, queues: Iterable[str]) -> list[Default]:
    return [(vhost.name, name) for name in queues]


def _listed(call: Call, bindings: Sequence[Shown | Binding | Default]) -> Answer:
    return call.listed(list(bindings), lambda one: _shown(one).row(), _words)


def _shown(one: Shown | Binding | Default) -> Shown:
    """Return how it is listed. There may be very many: only those that are seen come by here."""
    if isinstance(one, Binding):
        return _of(one.source.declaration.vhost_name, [one])[0]
    if isinstance(one, Shown):
        return one
    vhost, queue = one
    return Shown(vhost, "", QUEUE, queue, queue, {})


def _words(one: Shown | Binding | Default) -> str:
    """Return what it is found by, as it has no name: source, key and destination."""
    if isinstance(one, Binding):
        return f"{one.source.name} {one.key} {one.destination.name}"
    if isinstance(one, Shown):
        return f"{one.source} {one.key} {one.destination}"
    return f" {one[1]}"


@ROUTES.get("/bindings")
def bindings(call: Call) -> Answer:
    """All bindings."""
    every: list[Binding | Default] = []
    for vhost in call.vhosts:
        every += _default(vhost, vhost.queues)
        every += vhost.topology.bindings.values()
    return _listed(call, every)


@ROUTES.get("/bindings/:vhost")
def bindings_of_vhost(call: Call) -> Answer:
    """The bindings of a virtual host."""
    return bindings(call)


@ROUTES.get("/queues/:vhost/:queue/bindings")
def bindings_of_queue(call: Call) -> Answer:
    """The bindings to a queue."""
    vhost, queue = call.vhost, call.queue
    found = vhost.topology.leading_to(queue)
    return _listed(call, [*_default(vhost, [queue.name]), *found])


@ROUTES.get("/exchanges/:vhost/:exchange/bindings/source")
def bindings_from_exchange(call: Call) -> Answer:
    """The bindings from an exchange."""
    exchange = call.exchange
    if not exchange.name:
        return _listed(call, _default(call.vhost, call.vhost.queues))
    return _listed(call, list(exchange.bindings.values()))


@ROUTES.get("/exchanges/:vhost/:exchange/bindings/destination")
def bindings_to_exchange(call: Call) -> Answer:
    """The bindings to an exchange."""
    return _listed(call, call.vhost.topology.leading_to(call.exchange))


def _between(call: Call) -> list[Shown]:
    vhost, names = call.vhost, call.names
    source = vhost.exchanges.get(exchange_name(names["source"]))
    kind = KINDS.get(names["dtype"])
    if kind is None:
        raise no_object()
    if source is None:
        return []
    if not source.name:
        mine = names["destination"] in vhost.queues and kind == QUEUE
        return [_shown((vhost.name, names["destination"]))] if mine else []
    ends = (kind, names["destination"])
    every = source.bindings.values()
    return _of(vhost.name, [one for one in every if (one.kind, one.destination.name) == ends])


@ROUTES.get("/bindings/:vhost/e/:source/:dtype/:destination")
def bindings_between(call: Call) -> Answer:
    """The bindings between an exchange and a queue (q) or another exchange (e)."""
    return _listed(call, _between(call))


@ROUTES.post("/bindings/:vhost/e/:source/:dtype/:destination")
def bind(call: Call) -> Answer:
    """Bind; the header Location says how the binding is called."""
    vhost, names = known_vhost(call), call.names
    kind = KINDS.get(names["dtype"])
    if kind is None:
        raise no_object()
    source, destination = exchange_name(names["source"]), names["destination"]
    key, arguments = call.text("routing_key"), from_json(call.table("arguments"))
    checks.bind(call.permit, vhost, source, destination, key, kind == EXCHANGE)

    def begin(then: Then) -> None:
        vhost.bind(source, destination, key, arguments, to_exchange=kind == EXCHANGE, then=then)

    made = next(
        one for one in _of(vhost.name, [_binding(vhost, source, destination, kind, key, arguments)])
    )
    parts = (names["vhost"], "e", names["source"], names["dtype"], destination)
    location = "/".join(quote(part, safe="") for part in (*parts, made.properties_key))
    return when_safe(begin, lambda: created(f"../../../../{location}"))


def _binding(
    vhost: VirtualHost, source: str, destination: str, kind: str, key: str, arguments: Headers
) -> Binding:
    exchange = vhost.exchange(source)
    if kind == EXCHANGE:
        return Binding(exchange, vhost.exchange(destination), key, arguments)
    return Binding(exchange, vhost.queue(destination), key, arguments)


def _found(call: Call) -> Shown:
    wanted = call.names["props"]
    for one in _between(call):
        if one.properties_key == wanted:
            return one
    raise no_object()


@ROUTES.get("/bindings/:vhost/e/:source/:dtype/:destination/:props")
def binding(call: Call) -> Answer:
    """One binding, by its properties_key."""
    return call.shown(_found(call).row())


@ROUTES.delete("/bindings/:vhost/e/:source/:dtype/:destination/:props")
def unbind(call: Call) -> Answer:
    """Unbind."""
    vhost, one = call.vhost, _found(call)
    if not one.source:
        raise bad_request("the default exchange is bound to every queue")
    checks.bind(call.permit, vhost, one.source, one.destination, one.key, one.kind == EXCHANGE)

    def begin(then: Then) -> None:
        vhost.unbind(
            one.source,
            one.destination,
            one.key,
            one.arguments,
            to_exchange=one.kind == EXCHANGE,
            then=then,
        )

    return when_safe(begin, done)
