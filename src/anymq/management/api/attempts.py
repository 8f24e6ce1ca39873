"""Who tried to log in."""

from http import HTTPStatus
from typing import Any

from anymq.management.api import routes
from anymq.management.api.call import Call, done
from anymq.management.api.faults import no_object
from anymq.management.http import JSON, Answer, Response, encode
from anymq.security.attempts import Attempts, Tally

ROUTES = routes.Routes()


def _attempts(call: Call) -> Attempts:
    if call.names["node"] != call.site.node:
        raise no_object()
    return call.site.guard.gate.attempts


@ROUTES.get("/auth/attempts/:node", routes.MONITORING)
def attempts(call: Call) -> Answer:
    """How many tried to log in, by protocol."""
    found = _attempts(call).by_protocol
    return _shown([_row(protocol, tally) for protocol, tally in found.items()])


@ROUTES.get("/auth/attempts/:node/source", routes.MONITORING)
def attempts_by_source(call: Call) -> Answer:
    """How many tried to log in, by address and name; of the last 10,000 of those."""
    return _shown(
        [
            {"remote_address": host, "username": name, **_row(protocol, tally)}
            for (host, name, protocol), tally in _attempts(call).by_source.items()
        ]
    )


@ROUTES.delete("/auth/attempts/:node", routes.ADMINISTRATOR)
def reset_attempts(call: Call) -> Answer:
    """Count anew. Who guessed too often still has to wait."""
    _attempts(call).reset()
    return done()


@ROUTES.delete("/auth/attempts/:node/source", routes.ADMINISTRATOR)
def reset_attempts_by_source(call: Call) -> Answer:
    """Count anew. Who guessed too often still has to wait."""
    return reset_attempts(call)


def _row(protocol: str, tally: Tally) -> dict[str, Any]:
    return {
        "protocol": protocol,
        "auth_attempts": tally.succeeded + tally.failed,
        "auth_attempts_failed": tally.failed,
        "auth_attempts_succeeded": tally.succeeded,
    }


def _shown(rows: list[dict[str, Any]]) -> Response:
    return Response(HTTPStatus.OK, encode(rows), JSON)
