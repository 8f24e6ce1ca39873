"""The API: who asks is known, the route is found, its handler answers."""

from collections.abc import Iterator
from http import HTTPStatus

from anymq.core.errors import Refused
from anymq.management.api import (
    bindings,
    connections,
    definitions,
    events,
    exchanges,
    features,
    groups,
    health,
    limits,
    login,
    messages,
    overview,
    parameters,
    policies,
    queues,
    slow,
    topics,
    traces,
    users,
    vhosts,
)
from anymq.management.api.call import Call
from anymq.management.api.faults import Fault, fault_of, no_object
from anymq.management.api.guard import NOBODY, REALM, NoLogin
from anymq.management.api.routes import ANYBODY, PREFIX, Place, Route, Table
from anymq.management.api.sessions import cookie_of
from anymq.management.api.site import Site
from anymq.management.http import Answer, Request, Response

SMALL_BODY_BYTES = 64 * 1024
BODY_BYTES_MAX = 24 * 1024 * 1024  # a message of 16 MiB in base64
MODULES = (
    overview,
    login,
    users,
    vhosts,
    exchanges,
    queues,
    bindings,
    messages,
    connections,
    topics,
    groups,
    slow,
    events,
    definitions,
    policies,
    parameters,
    limits,
    features,
    health,
    traces,
)


def all_routes() -> Iterator[Route]:
    """Go through all routes there are."""
    for module in MODULES:
        yield from module.ROUTES.all


class ManagementApi:
    """Everything below /api."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._guard = site.guard
        self._table = Table(all_routes())

    def owns(self, path: str) -> bool:
        """Is it below /api?"""
        return path == PREFIX or path.startswith(PREFIX + "/")

    def body_bytes_max(self, request: Request) -> int:
        """Only who is known may send much."""
        said = request.headers.get("content-length", "0")
        chunked = "transfer-encoding" in request.headers
        if not chunked and said.isdigit() and int(said) <= SMALL_BODY_BYTES:
            return SMALL_BODY_BYTES
        try:
            self._guard.caller(request)
        except Fault:
            return SMALL_BODY_BYTES
        return BODY_BYTES_MAX

    def answer(self, request: Request) -> Answer:
        """Do what is asked, and what follows from it; say why not otherwise."""
        try:
            return self._answer(request)
        except Fault as fault:
            return _challenging(fault, request)
        except Refused as refused:
            return fault_of(refused).response()
        finally:
            self._site.broker.turn.run()

    def _answer(self, request: Request) -> Answer:
        found = self._table.find(request.path)
        if found is None:
            self._guard.caller(request)  # who is not known learns nothing about paths
            raise no_object()
        place, names = found
        method = "GET" if request.method == "HEAD" else request.method
        route = place.routes.get(method)
        if route is None:
            return _no_route(place, request)
        caller = NOBODY if route.needs == ANYBODY else self._guard.caller(request)
        self._guard.check(request, caller, route.needs)
        return route.act(Call(request, caller, names, self._site))


def _no_route(place: Place, request: Request) -> Response:
    allow = (("Allow", place.allowed),)
    ok = request.method == "OPTIONS"
    return Response(HTTPStatus.OK if ok else HTTPStatus.METHOD_NOT_ALLOWED, b"", "", allow)


def _challenging(fault: Fault, request: Request) -> Response:
    """Browsers ask for name and password only when nothing was said: never in a loop.

    Nor when a script of ours asks: our page has a form of its own.
    """
    if isinstance(fault, NoLogin) and not _by_script(request):
        return Response(fault.status, b"", "", (("WWW-Authenticate", REALM),))
    return fault.response()


def _by_script(request: Request) -> bool:
    said = request.headers
    scripted = "x-requested-with" in said or said.get("sec-fetch-dest") == "empty"
    return scripted or bool(cookie_of(request))
