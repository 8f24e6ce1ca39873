"""One connection to the HTTP API: questions, answers, and refusals in its words."""

import http.client
import socket
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import msgspec

from anymq.cli.api.target import Target
from anymq.cli.errors import CommandFailed

TIMEOUT_SECONDS = 60.0
ANSWER_BYTES_MAX = 1 << 30
REDIRECTED = range(300, 400)
REFUSED = range(400, 600)


class ApiRefused(CommandFailed):
    """The broker said no. `status` is that of HTTP, `reason` what it said."""

    def __init__(self, status: int, reason: str, content: object = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.content = content

    @property
    def not_there(self) -> bool:
        """It does not have what was asked for."""
        return self.status == http.HTTPStatus.NOT_FOUND


class Unreachable(CommandFailed):
    """Nobody answers there."""


class Api:
    """Ask by the segments of the path: `api.get("queues", "/", "jobs")`."""

    def __init__(self, target: Target, timeout: float = TIMEOUT_SECONDS) -> None:
        self.target = target
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def get(self, *path: str, **query: object) -> Any:
        """Return what is there."""
        return self.ask("GET", path, query=query)

    def put(self, *path: str, body: object = None) -> Any:
        """Make it be."""
        return self.ask("PUT", path, body={} if body is None else body)

    def post(self, *path: str, body: object = None) -> Any:
        """Have it done."""
        return self.ask("POST", path, body={} if body is None else body)

    def delete(self, *path: str, **query: object) -> Any:
        """Unmake it."""
        return self.ask("DELETE", path, query=query)

    def find(self, *path: str, **query: object) -> Any:
        """Return what is there, or None if it is not."""
        try:
            return self.get(*path, **query)
        except ApiRefused as refused:
            if refused.not_there:
                return None
            raise

    def ask(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Ask, and return what the answer holds."""
        data = None if body is None else msgspec.json.encode(body)
        status, content = self._exchange(method, self._path(path, query or {}), data, headers or {})
        if status in REFUSED:
            raise _refusal(status, content, self.target, path)
        return _decoded(content, self.target)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _path(self, path: tuple[str, ...], query: Mapping[str, object]) -> str:
        below = "/".join(quote(segment, safe="") for segment in path)
        asked = {name: _word(value) for name, value in query.items() if value is not None}
        return f"{self.target.base}/api/{below}" + (f"?{urlencode(asked)}" if asked else "")

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        said = {**self.target.headers(), "Content-Type": "application/json", **headers}
        if self._connection is None:
            self._connection = self._connect()
        try:
            self._connection.request(method, path, data, said)
            answer = self._connection.getresponse()
            content = answer.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unreachable(f"{self.target.url}: {_what(error)}") from None
        if answer.status in REDIRECTED:
            where = answer.getheader("Location", "elsewhere")
            raise CommandFailed(f"{self.target.url} sends us to {where}: is this the broker's API?")
        return answer.status, content

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self.target.host, self.target.port
        if not self.target.tls:
            return http.client.HTTPConnection(host, port, timeout=self._timeout)
        context = self.target.tls_context()
        return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _what(error: Exception) -> str:
    """Say in words what the system says in codes."""
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there; is the broker running (anymq serve), is management.port on?"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({error.verify_message}): --tls-ca FILE, or ANYMQ_CA"
        )
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS as we do: http:// instead of https://?"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, http.client.BadStatusLine):
        return "it hung up, or speaks no HTTP: https://? Is this the port of the management?"
    return str(error) or type(error).__name__


def _decoded(content: bytes, target: Target) -> Any:
    if not content:
        return None
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CommandFailed(f"{target.url} answers with no JSON: is this the broker's?") from None


def _refusal(status: int, content: bytes, target: Target, path: tuple[str, ...]) -> ApiRefused:
    try:
        said = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        said = None
    table = said if isinstance(said, dict) else {}
    reason = table.get("reason") or table.get("error") or http.client.responses.get(status, status)
    text = reason if isinstance(reason, str) else msgspec.json.encode(reason).decode()
    if status == http.HTTPStatus.NOT_FOUND and text == "Not Found":
        text = f"there is no {' '.join(path)}"
    if status == http.HTTPStatus.UNAUTHORIZED:
        text = "wrong user name or password" if text == "Not_Authorized" else text
        text = f"{text} (asked as {target.user!r}; --user, ANYMQ_USER and ANYMQ_PASSWORD say who)"
    return ApiRefused(status, text, said)
