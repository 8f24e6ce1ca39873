"""What a page is made of: a request, a response, and the table of pages."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

import msgspec

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    host: str = ""  # the address of who asks
    tls: bool = False
    local_host: str = ""  # the address of ours that was asked


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[str, str], ...] = ()
    # Instead of the body: each takes a while to make. A generator may return another answer.
    pieces: Iterator[bytes] | None = None
    # Or this: it goes on until one of us has enough.
    stream: "Stream | None" = None


class Stream(Protocol):
    """An answer without an end. It is asked for more when the peer has taken what it got."""

    ended: bool  # nothing more will come

    def begin(self, wake: Callable[[], None]) -> None:
        """Call `wake` from now on whenever there is `more`, or it has ended."""

    @property
    def more(self) -> bool:
        """Is there something to make?"""

    def take(self) -> bytes:
        """Make a piece; it takes no longer than others can wait. It may be empty."""

    def gone(self) -> None:
        """Nobody listens any more."""


class Later:
    """An answer that waits for something: the disk, a message that must be read."""

    __slots__ = ("on_answer", "response")

    def __init__(self) -> None:
        self.response: Response | None = None
        self.on_answer: Callable[[Response], None] | None = None  # set by who waits

    def answer(self, response: Response) -> None:
        """It is known now. The first answer counts."""
        if self.response is None:
            self.response = response
            if self.on_answer is not None:
                self.on_answer(response)

    def follow(self, answer: "Response | Later") -> None:
        """Answer with this, or with what becomes of it."""
        if isinstance(answer, Response):
            self.answer(answer)
        elif answer.response is not None:
            self.answer(answer.response)
        else:
            answer.on_answer = self.answer


Answer = Response | Later
Handler = Callable[[Request], Answer]
Pages = Mapping[str, Handler]  # by path; every page is for GET and HEAD


class Api(Protocol):
    """What answers below a path, with methods and bodies of its own."""

    def owns(self, path: str) -> bool:
        """Is this one of its paths?"""

    def admit(self, request: Request, then: Callable[[int], None]) -> None:
        """Say how large a body is taken from who says these headers. Nothing is done yet.

        It may be said later: until then, no more is read.
        """

    def answer(self, request: Request) -> Answer:
        """Do what is asked."""


def text(content: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with text."""
    return Response(status, content.encode())


def json(content: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Answer with JSON."""
    return Response(status, encode(content) + b"\n", JSON)


def encode(content: object) -> bytes:
    """Return JSON; what is no text in a name or header is shown as one would escape it."""
    try:
        return msgspec.json.encode(content)
    except UnicodeEncodeError:
        return msgspec.json.encode(_sound(content))


def _sound(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_sound(key): _sound(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_sound(each) for each in value]
    return value


def failed() -> Response:
    """Something is wrong with us."""
    return text("something is wrong here; the log says what\n", HTTPStatus.INTERNAL_SERVER_ERROR)


def answer(pages: Pages, request: Request) -> Answer:
    """Find the page and have it answer."""
    page = pages.get(request.path)
    if page is None:
        return text("there is no such page; / says which there are\n", HTTPStatus.NOT_FOUND)
    if request.method not in ("GET", "HEAD"):
        refused = text("this page is only read\n", HTTPStatus.METHOD_NOT_ALLOWED)
        return Response(refused.status, refused.body, headers=(("Allow", "GET, HEAD"),))
    return page(request)
