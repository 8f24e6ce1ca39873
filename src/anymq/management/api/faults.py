"""What is wrong with a request, in the words of RabbitMQ's HTTP API."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from http import HTTPStatus
from math import ceil
from typing import cast

from typing_extensions import override

from anymq.core.errors import NotAllowed, NotFound, Refused, Unavailable
from anymq.management.http import JSON, Answer, Later, Response, encode
from anymq.storage.errors import StorageError

REFUSALS = (Refused, StorageError)


class Fault(Exception):
    """The answer to a request that is not done."""

    def __init__(self, status: HTTPStatus, error: str, reason: object) -> None:
        super().__init__(f"{error}: {reason}")
        self.status = status
        self.error = error
        self.reason = reason

    def response(self) -> Response:
        """Say so."""
        body = encode({"error": self.error, "reason": self.reason})
        return Response(self.status, body, JSON)


def bad_request(reason: object) -> Fault:
    """It makes no sense."""
    return Fault(HTTPStatus.BAD_REQUEST, "bad_request", reason)


def no_object() -> Fault:
    """The path names something that is not there."""
    return Fault(HTTPStatus.NOT_FOUND, "Object Not Found", "Not Found")


def not_found(reason: str) -> Fault:
    """What is asked for needs something that is not there."""
    return Fault(HTTPStatus.NOT_FOUND, "not_found", reason)


def not_authorized(reason: str = "Not_Authorized") -> Fault:
    """Not this user."""
    return Fault(HTTPStatus.UNAUTHORIZED, "not_authorized", reason)


def forbidden(reason: str) -> Fault:
    """Not from there."""
    return Fault(HTTPStatus.FORBIDDEN, "forbidden", reason)


class TooManyRequests(Fault):
    """Not now."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, "too_many_requests", reason)
        self.wait_s = wait_s

    @override
    def response(self) -> Response:
        body = encode({"error": self.error, "reason": self.reason})
        wait = (("Retry-After", str(max(1, ceil(self.wait_s)))),)
        return Response(self.status, body, JSON, wait)


def guarded(answer: Answer) -> Answer:
    """Say what is refused while a long answer is made, too."""
    if isinstance(answer, Later) or answer.pieces is None:
        return answer
    return replace(answer, pieces=_guarded(answer.pieces))


def _guarded(pieces: Iterator[bytes]) -> Generator[bytes, None, Answer | None]:
    try:
        made = yield from cast("Generator[bytes, None, Answer | None]", pieces)
    except Fault as fault:
        return fault.response()
    except REFUSALS as refused:
        return fault_of(refused).response()
    return None if made is None else guarded(made)


def fault_of(refused: Exception) -> Fault:
    """Say what the core refuses as RabbitMQ does."""
    reason = str(refused)
    if isinstance(refused, NotFound):
        return not_found(reason)
    if isinstance(refused, NotAllowed):
        return Fault(HTTPStatus.UNAUTHORIZED, "not_authorised", reason)
    if isinstance(refused, (Unavailable, StorageError)):
        return Fault(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", reason)
    return bad_request(reason)
