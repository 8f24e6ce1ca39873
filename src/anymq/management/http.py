"""What a page is made of: a request, a response, and the table of pages."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    pieces: Iterator[bytes] | None = None  # instead of the body: each takes a while to make


Handler = Callable[[Request], Response]
Pages = Mapping[str, Handler]  # by path; every page is for GET and HEAD


def text(content: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with text."""
    return Response(status, content.encode())


def json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with JSON."""
    return Response(status, msgspec.json.encode(content) + b"\n", JSON)


def answer(pages: Pages, request: Request) -> Response:
    """Find the page and have it answer."""
    page = pages.get(request.path)
    if page is None:
        return text("there is no such page; / says which there are\n", HTTPStatus.NOT_FOUND)
    if request.method not in ("GET", "HEAD"):
        refused = text("this page is only read\n", HTTPStatus.METHOD_NOT_ALLOWED)
        return Response(refused.status, refused.body, headers=(("Allow", "GET, HEAD"),))
    return page(request)
