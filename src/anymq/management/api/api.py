"""The API: who asks is known, the route is found, its handler answers."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from http import HTTPStatus

from anymq.management.api import (
    attempts,
    audit,
    bindings,
    browse,
    connections,
    dead_letters,
    definitions,
    delayed,
    events,
    exchanges,
    features,
    formalities,
    groups,
    health,
    jobs,
    limits,
    login,
    messages,
    openapi,
    overview,
    parameters,
    policies,
    queues,
    running,
    shovels,
    slow,
    topics,
    traces,
    transactions,
    users,
    vhosts,
)
from anymq.management.api.call import Call
from anymq.management.api.faults import REFUSALS, Fault, fault_of, guarded, no_object
from anymq.management.api.guard import NOBODY, READING, REALM, Caller, NoLogin
from anymq.management.api.routes import ANYBODY, PREFIX, Place, Route, Routes, Table
from anymq.management.api.sessions import cookie_of
from anymq.management.api.site import Site
from anymq.management.http import JSON, Answer, Later, Request, Response, failed
from anymq.observability.log import Log

log = Log(__name__)

# What is done to messages, not to the broker: too much of it to write down.
UNFINISHED = "unfinished"  # it failed, or who asked hung up
MESSAGES = ("/exchanges/:vhost/:exchange/publish", "/queues/:vhost/:queue/get")
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
    formalities,
    health,
    attempts,
    audit,
    running,
    traces,
    browse,
    jobs,
    dead_letters,
    delayed,
    transactions,
    shovels,
)


def all_routes() -> Iterator[Route]:
    """Go through all routes there are."""
    for module in MODULES:
        yield from module.ROUTES.all
    yield from ROUTES.all


ROUTES = Routes()


@ROUTES.get("/openapi.json", ANYBODY)
def description(_: Call) -> Answer:
    """This API, as an OpenAPI document."""
    return Response(HTTPStatus.OK, openapi.encoded(tuple(all_routes())), JSON)


class ManagementApi:
    """Everything below /api."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._guard = site.guard
        self._table = Table(all_routes())

    def owns(self, path: str) -> bool:
        """Is it below /api?"""
        return path == PREFIX or path.startswith(PREFIX + "/")

    def admit(self, request: Request, then: Callable[[int], None]) -> None:
        """Only who is known may send much."""
        said = request.headers.get("content-length", "0")
        chunked = "transfer-encoding" in request.headers
        if not chunked and said.isdigit() and int(said) <= SMALL_BODY_BYTES:
            then(SMALL_BODY_BYTES)
            return
        self._guard.identify(
            request,
            lambda who: then(SMALL_BODY_BYTES if isinstance(who, Fault) else BODY_BYTES_MAX),
        )

    def answer(self, request: Request) -> Answer:
        """Do what is asked, and what follows from it; say why not otherwise."""
        found = self._table.find(request.path)
        if found is not None and _route(found[0], request).needs == ANYBODY:
            return self._try(request, NOBODY)
        answer = Later()
        self._guard.identify(request, lambda who: answer.follow(self._try(request, who)))
        return answer

    def _try(self, request: Request, who: Caller | Fault) -> Answer:
        try:
            return self._answer(request, who)
        except Fault as fault:
            return _challenging(fault, request)
        except REFUSALS as refused:
            return fault_of(refused).response()
        except Exception:
            log.exception("the API failed", path=request.path)
            return failed()
        finally:
            self._site.broker.turn.run()

    def _answer(self, request: Request, who: Caller | Fault) -> Answer:
        found = self._table.find(request.path)
        if found is None:
            _known(who)  # who is not known learns nothing about paths
            raise no_object()
        place, names = found
        route = _route(place, request)
        if route is NO_ROUTE:
            return _no_route(place, request)
        caller = _known(who)
        call = Call(request, caller, names, self._site)
        if request.method in READING or route.path in MESSAGES:
            return self._act(call, route)
        return self._noted(call, call.then(lambda: self._act(call, route)))

    def _act(self, call: Call, route: Route) -> Answer:
        self._guard.check(call.request, call.caller, route.needs)
        return guarded(route.act(call))

    def _noted(self, call: Call, answer: Answer) -> Answer:
        """Write down what was done, when it is known how it ended."""
        if call.caller is NOBODY:
            return answer  # logins are noted where they are decided on
        if isinstance(answer, Response) and answer.pieces is not None:
            return replace(answer, pieces=self._noted_pieces(call, answer, answer.pieces))
        noted = Later()

        def then(response: Response) -> None:
            self._note(call, str(response.status.value))
            noted.answer(response)

        made = Later()
        made.on_answer = then
        made.follow(answer)
        return noted

    def _noted_pieces(
        self, call: Call, response: Response, pieces: Iterator[bytes]
    ) -> Generator[bytes, None, Answer | None]:
        """Do it piece by piece, each in the name of who asked; only then is known how it ended."""
        finished = False
        try:
            made = yield from _in_the_name_of(call, pieces)
            finished = True
        finally:
            if not finished:
                self._note(call, UNFINISHED)
        return self._noted(call, replace(response, pieces=None) if made is None else made)

    def _note(self, call: Call, outcome: str) -> None:
        method, path = call.request.method, call.request.path
        self._guard.audit.note(call.actor, method, "request", path, outcome)


def _known(who: Caller | Fault) -> Caller:
    if isinstance(who, Fault):
        raise who
    return who


def _in_the_name_of(call: Call, pieces: Iterator[bytes]) -> Generator[bytes, None, Answer | None]:
    """Have each piece done by who asks; in between, others act."""
    while True:
        try:
            piece = call.acting(lambda: next(pieces))
        except StopIteration as end:
            made: Answer | None = end.value
            return made
        yield piece


def _nothing(call: Call) -> Answer:
    raise no_object()


NO_ROUTE = Route("", "", ANYBODY, _nothing)


def _route(place: Place, request: Request) -> Route:
    method = "GET" if request.method == "HEAD" else request.method
    return place.routes.get(method, NO_ROUTE)


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
