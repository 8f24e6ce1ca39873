"""Definitions: all that is declared, as one document; RabbitMQ reads ours, and we read its."""

from collections.abc import Callable, Generator, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

import anymq
from anymq.core.errors import Refused
from anymq.core.routing.exchange import EXCHANGE
from anymq.core.vhosts.vhost import RESERVED, VirtualHost
from anymq.management.api import routes
from anymq.management.api.call import Call, Then, done, failed
from anymq.management.api.faults import Fault, bad_request
from anymq.management.api.values import from_json, to_json
from anymq.management.api.vhosts import metadata_of
from anymq.management.http import JSON, Answer, Later, Response, json
from anymq.protocols.amqp.conversation import COMPAT_VERSION

ROUTES = routes.Routes()

ITEMS_PER_PIECE = 20
KINDS = ("vhosts", "exchanges", "queues", "bindings")  # in the order they are made
NOT_KEPT = (
    *("users", "permissions", "topic_permissions", "parameters", "global_parameters", "policies"),
)

Item = Mapping[str, Any]


@ROUTES.get("/definitions", routes.ADMINISTRATOR)
def definitions(call: Call) -> Answer:
    """Everything that is declared, to be imported elsewhere."""
    said = {"rabbitmq_definition_format": "cluster", "original_cluster_name": call.site.node}
    said |= {"explanation": f"Definitions of cluster '{call.site.node}'"}
    return _exported(said, call.vhosts_to_see, whole=True)


@ROUTES.get("/definitions/:vhost", routes.ADMINISTRATOR)
def definitions_of_vhost(call: Call) -> Answer:
    """What is declared in a virtual host."""
    (vhost,) = call.vhosts_to_see
    said = {
        "rabbitmq_definition_format": "single_virtual_host",
        "original_vhost_name": vhost.name,
        "explanation": f"Definitions of virtual host '{vhost.name}'",
        "limits": {},
        **metadata_of(vhost),
    }
    return _exported(said, [vhost], whole=False)


def _exported(said: dict[str, Any], vhosts: list[VirtualHost], *, whole: bool) -> Response:
    """Gather the document, one virtual host and some of its things at a time."""

    def pieces() -> Generator[bytes, None, Response]:
        document: dict[str, Any] = {
            "rabbit_version": COMPAT_VERSION,
            "rabbitmq_version": COMPAT_VERSION,
            "product_name": "anymq",
            "product_version": anymq.__version__,
            **said,
            "parameters": [],
            "policies": [],
        }
        if whole:
            document |= {"users": [], "permissions": [], "topic_permissions": []}
            document |= {"global_parameters": []}
            document["vhosts"] = [
                {"name": one.name, "limits": {}, "metadata": metadata_of(one)["metadata"]}
                for one in vhosts
            ]
        for kind, of in _EXPORTS.items():
            rows = document[kind] = []
            for vhost in vhosts:
                place = {"vhost": vhost.name} if whole else {}
                for row in of(vhost):
                    rows.append({**row, **place})
                    if len(rows) % 500 == 0:
                        yield b""
                yield b""
        return json(document)

    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces())


def _queues(vhost: VirtualHost) -> Iterable[Item]:
    return [
        {
            "name": one.name,
            "type": one.kind,
            "durable": one.durable,
            "auto_delete": one.auto_delete,
            "arguments": {"x-queue-type": one.kind, **to_json(one.arguments)},
        }
        for one in vhost.queues.values()
        if one.owner is None
    ]


def _exchanges(vhost: VirtualHost) -> Iterable[Item]:
    return [
        {
            "name": one.name,
            "type": one.declaration.type,
            "durable": one.declaration.durable,
            "auto_delete": one.declaration.auto_delete,
            "internal": one.declaration.internal,
            "arguments": to_json(one.declaration.arguments),
        }
        for one in vhost.exchanges.values()
        if one.name and not one.name.startswith(RESERVED)
    ]


def _bindings(vhost: VirtualHost) -> Iterable[Item]:
    return [
        {
            "source": one.source.name,
            "destination": one.destination.name,
            "destination_type": one.kind,
            "routing_key": one.key,
            "arguments": to_json(one.arguments),
        }
        for one in vhost.topology.bindings.values()
        if getattr(one.destination, "owner", None) is None
    ]


_EXPORTS: Mapping[str, Callable[[VirtualHost], Iterable[Item]]] = {
    "queues": _queues,
    "exchanges": _exchanges,
    "bindings": _bindings,
}


@ROUTES.post("/definitions", routes.ADMINISTRATOR)
def import_definitions(call: Call) -> Answer:
    """Declare all that a document says. The first thing that is refused ends it."""
    return _imported(call, None)


@ROUTES.post("/definitions/:vhost", routes.ADMINISTRATOR)
def import_into_vhost(call: Call) -> Answer:
    """Declare all that a document says in a virtual host."""
    return _imported(call, call.vhosts_to_see[0].name)


def _imported(call: Call, into: str | None) -> Answer:
    document = _document(call)
    items = [(kind, item) for kind in KINDS for item in _items(document, kind)]

    def pieces() -> Generator[bytes, None, Answer]:
        waiting = _AllOf(lambda: _left_out(document))
        try:
            for number, (kind, item) in enumerate(items):
                _put(call, kind, item, into, waiting.one_more())
                if number % ITEMS_PER_PIECE == ITEMS_PER_PIECE - 1:
                    yield b""
        except (Refused, Fault) as error:
            return failed(error)
        waiting.no_more()
        return waiting.later

    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces())


def _document(call: Call) -> Mapping[str, Any]:
    try:
        return call.body
    except Fault:
        raise bad_request("failed_to_parse_json") from None


def _items(document: Mapping[str, Any], kind: str) -> list[Item]:
    items = document.get(kind) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise bad_request(f"{kind} is no list of objects")
    return items


def _left_out(document: Mapping[str, Any]) -> Response:
    """Say what there was that we do not keep, in no silence."""
    left = {kind: len(document[kind]) for kind in NOT_KEPT if _size(document.get(kind))}
    return json({"not_imported": left}) if left else done()


def _size(items: object) -> int:
    return len(items) if isinstance(items, list) else 0


class _Vhost(msgspec.Struct):
    name: str


class _Exchange(msgspec.Struct):
    name: str
    type: str = "direct"
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: dict[str, Any] = {}


class _Queue(msgspec.Struct):
    name: str
    durable: bool = True
    auto_delete: bool = False
    arguments: dict[str, Any] = {}


class _Binding(msgspec.Struct):
    source: str
    destination: str
    destination_type: str = "queue"
    routing_key: str = ""
    arguments: dict[str, Any] = {}


_FORMS: Mapping[str, Any] = {
    "vhosts": _Vhost,
    "exchanges": _Exchange,
    "queues": _Queue,
    "bindings": _Binding,
}


def _put(call: Call, kind: str, item: Item, into: str | None, then: Then) -> None:
    if item.get("arguments") in ([], None):  # Erlang's empty object
        item = {key: value for key, value in item.items() if key != "arguments"}
    try:
        said = msgspec.convert(item, _FORMS[kind])
    except msgspec.ValidationError as error:
        raise bad_request(f"{kind}: {error}") from None
    if isinstance(said, _Vhost):
        call.broker.create_vhost(said.name, then)
        return
    name = item.get("vhost", "/") if into is None else into
    vhost = call.broker.vhosts.get(name) if isinstance(name, str) else None
    if vhost is None:
        reason = f'Please create virtual host "{name}" prior to importing definitions.'
        raise bad_request(reason)
    _PUTS[kind](vhost, said, then)


def _put_exchange(vhost: VirtualHost, said: _Exchange, then: Then) -> None:
    if not said.name or said.name.startswith(RESERVED):  # its own are there already
        then(None)
        return
    vhost.declare_exchange(
        said.name,
        said.type,
        durable=said.durable,
        auto_delete=said.auto_delete,
        internal=said.internal,
        arguments=from_json(said.arguments),
        then=then,
    )


def _put_queue(vhost: VirtualHost, said: _Queue, then: Then) -> None:
    if said.name in vhost.queues:
        then(None)  # as RabbitMQ: what is there stays as it is
        return
    vhost.declare_queue(
        said.name,
        durable=said.durable,
        auto_delete=said.auto_delete,
        arguments=from_json(said.arguments),
        then=then,
    )


def _put_binding(vhost: VirtualHost, said: _Binding, then: Then) -> None:
    vhost.bind(
        said.source,
        said.destination,
        said.routing_key,
        from_json(said.arguments),
        to_exchange=said.destination_type == EXCHANGE,
        then=then,
    )


_PUTS: Mapping[str, Callable[[VirtualHost, Any, Then], None]] = {
    "exchanges": _put_exchange,
    "queues": _put_queue,
    "bindings": _put_binding,
}


class _AllOf:
    """One answer for many things that go to the disk."""

    def __init__(self, response: Callable[[], Response]) -> None:
        self.later = Later()
        self._response = response
        self._waiting = 1
        self._error: Exception | None = None

    def one_more(self) -> Then:
        """Wait for this one, too."""
        self._waiting += 1
        return self._done

    def no_more(self) -> None:
        """That was all."""
        self._done(None)

    def _done(self, error: Exception | None) -> None:
        self._error = self._error or error
        self._waiting -= 1
        if not self._waiting:
            self.later.answer(self._response() if self._error is None else failed(self._error))
