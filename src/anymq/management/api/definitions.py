"""Definitions: all that is declared, as one document; RabbitMQ reads ours, and we read its."""

from collections.abc import Callable, Generator, Mapping
from http import HTTPStatus
from typing import Any

from anymq.management.api import routes
from anymq.management.api.call import Call, Then, done, failed
from anymq.management.api.exporting import exported
from anymq.management.api.faults import Fault, bad_request, not_found
from anymq.management.api.importing import Import
from anymq.management.api.vhosts import metadata_of
from anymq.management.http import JSON, Answer, Later, Response, json

ROUTES = routes.Routes()
ADMIN = routes.ADMINISTRATOR


@ROUTES.get("/definitions", ADMIN)
def definitions(call: Call) -> Answer:
    """Everything that is declared, to be imported elsewhere."""
    name = call.site.cluster_name
    said = {"rabbitmq_definition_format": "cluster", "original_cluster_name": name}
    said |= {"explanation": f"Definitions of cluster '{name}'"}
    return exported(call, said, call.vhosts_to_see, whole=True)


@ROUTES.get("/all-configuration", ADMIN)
def all_configuration(call: Call) -> Answer:
    """The same as /definitions."""
    return definitions(call)


@ROUTES.get("/definitions/:vhost", ADMIN)
def definitions_of_vhost(call: Call) -> Answer:
    """What is declared in a virtual host."""
    vhost = call.broker.vhosts.get(call.names["vhost"])
    if vhost is None:
        raise bad_request("vhost_not_found")
    said = {
        "rabbitmq_definition_format": "single_virtual_host",
        "original_vhost_name": vhost.name,
        "explanation": f"Definitions of virtual host '{vhost.name}'",
        "limits": dict(call.broker.policies.limits(vhost.name)),
        **metadata_of(vhost),
    }
    return exported(call, said, [vhost], whole=False)


@ROUTES.post("/definitions", ADMIN)
def import_definitions(call: Call) -> Answer:
    """Declare all that a document says. The first thing that is refused ends it."""
    return _imported(call, None)


@ROUTES.post("/all-configuration", ADMIN)
def import_all_configuration(call: Call) -> Answer:
    """The same as /definitions."""
    return _imported(call, None)


@ROUTES.post("/definitions/:vhost", ADMIN)
def import_into_vhost(call: Call) -> Answer:
    """Declare all that a document says in a virtual host."""
    if call.names["vhost"] not in call.broker.vhosts:
        raise not_found("vhost_not_found")
    return _imported(call, call.names["vhost"])


def _imported(call: Call, into: str | None) -> Answer:
    coming = Import(call.broker, _document(call), into, call.caller.name)

    def pieces() -> Generator[bytes, None, Answer]:
        waiting = _AllOf(lambda: _left_out(coming.left_out))
        yield from coming.pieces(waiting.one_more)
        waiting.no_more()
        return waiting.later

    return Response(HTTPStatus.OK, b"", JSON, pieces=pieces())


def _document(call: Call) -> Mapping[str, Any]:
    try:
        return call.body
    except Fault:
        raise bad_request("failed_to_parse_json") from None


def _left_out(left_out: Mapping[str, int]) -> Response:
    """Say what there was that we do not keep, in no silence."""
    return json({"not_imported": dict(left_out)}) if left_out else done()


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
