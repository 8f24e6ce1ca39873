"""Handshake: the request of HTTP that asks for WebSocket, and what we say to it."""

import base64
import binascii
import hashlib
import ipaddress
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import h11

from anymq.protocols.session import is_loopback

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # of RFC 6455, 1.3
HEADERS_BYTES_MAX = 16 * 1024
KEY_BYTES = 16
VERSION = "13"
ANY_ORIGIN = "*"


def _nothing() -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Whom we let in, and to what."""

    paths: Sequence[str]
    subprotocols: Sequence[str]  # those we like best come first
    subprotocol_required: bool = False
    origins: Callable[[], Collection[str]] = _nothing  # none: pages of this machine, and of `names`
    names: Callable[[], Collection[str]] = _nothing  # by which we are called


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is no WebSocket; the answer says why."""

    status: HTTPStatus
    why: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Welcome:
    """There is one from here on."""

    accept: str
    subprotocol: str  # empty: none was asked for


class Handshake:
    """The beginning of one connection."""

    def __init__(self, manners: Manners) -> None:
        self.refused: Refusal | None = None
        self._manners = manners
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEADERS_BYTES_MAX)
        self._said: Welcome | Refusal | None = None
        self._whole = False

    def receive(self, data: bytes) -> bytes:
        """Return the answer, once the request is all there."""
        try:
            self._http.receive_data(data)
            while not (self._whole or isinstance(self._said, Refusal)):
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    break
                self._on_event(event)
        except h11.RemoteProtocolError as error:
            self._said = Refusal(HTTPStatus(error.error_status_hint), f"not HTTP: {error}")
        return self._answer()

    @property
    def trailing(self) -> bytes:
        """What came behind the request, with it."""
        return self._http.trailing_data[0]

    def _on_event(self, event: object) -> None:
        if isinstance(event, h11.Request):
            self._said = judge(event, self._manners)
        elif isinstance(event, h11.EndOfMessage):
            self._whole = True
        else:
            self._said = Refusal(HTTPStatus.BAD_REQUEST, "a WebSocket begins without a body")

    def _answer(self) -> bytes:
        said = self._said
        if isinstance(said, Refusal):
            self.refused = said
            return _refusing(self._http, said)
        if said is None or not self._whole:
            return b""
        headers = [
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", said.accept),
        ]
        if said.subprotocol:
            headers.append(("Sec-WebSocket-Protocol", said.subprotocol))
        reason = HTTPStatus.SWITCHING_PROTOCOLS.phrase.encode()
        return (
            self._http.send(
                h11.InformationalResponse(status_code=101, headers=headers, reason=reason)
            )
            or b""
        )


def _refusing(http: h11.Connection, refusal: Refusal) -> bytes:
    if http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return b""
    body = f"{refusal.why}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("X-Content-Type-Options", "nosniff"),
        ("Connection", "close"),
        *refusal.headers,
    ]
    status = refusal.status
    head = h11.Response(status_code=status, headers=headers, reason=status.phrase.encode())
    events = (head, h11.Data(data=body), h11.EndOfMessage())
    return b"".join(http.send(event) or b"" for event in events)


def judge(request: h11.Request, manners: Manners) -> Welcome | Refusal:
    """Decide what to say to a request (RFC 6455, 4.2)."""
    headers = _joined((name.decode(), value.decode("latin-1")) for name, value in request.headers)
    path = request.target.decode("ascii").partition("?")[0]
    if path not in manners.paths:
        return Refusal(HTTPStatus.NOT_FOUND, f"WebSocket is at {' and '.join(manners.paths)}")
    if request.method != b"GET" or not _asks_for_upgrade(headers):
        upgrade = (("Upgrade", "websocket"),)
        return Refusal(HTTPStatus.UPGRADE_REQUIRED, "this port speaks WebSocket", upgrade)
    if headers.get("sec-websocket-version") != VERSION:
        version = (("Sec-WebSocket-Version", VERSION), ("Upgrade", "websocket"))
        return Refusal(HTTPStatus.UPGRADE_REQUIRED, f"we speak version {VERSION}", version)
    key = headers.get("sec-websocket-key", "")
    if not _is_key(key):
        return Refusal(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is wrong")
    if why := refused_origin(headers.get("origin"), headers.get("host", ""), manners):
        return Refusal(HTTPStatus.FORBIDDEN, why)
    return _welcome(key, _listed(headers.get("sec-websocket-protocol", "")), manners)


def _welcome(key: str, asked: Sequence[str], manners: Manners) -> Welcome | Refusal:
    common = [one for one in manners.subprotocols if one in asked]
    if not common and (asked or manners.subprotocol_required):
        known = ", ".join(manners.subprotocols)
        return Refusal(HTTPStatus.BAD_REQUEST, f"Sec-WebSocket-Protocol: we speak {known}")
    return Welcome(accept_of(key), common[0] if common else "")


def accept_of(key: str) -> str:
    """Return what proves that we understood the request."""
    # SHA-1 is what the RFC says; nothing is kept secret by it.
    digest = hashlib.sha1(key.encode() + MAGIC, usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def refused_origin(origin: str | None, host: str, manners: Manners) -> str:
    """Say why a page may not talk to us; nothing when it may.

    A browser connects wherever a page likes, and tells us only where that page is from. Were all
    welcome, any page on the web could be the anonymous guest of a broker on its reader's machine,
    or use the reader's certificate.
    """
    if origin is None:
        return ""  # no browser
    allowed = manners.origins()
    if (
        origin in allowed
        or ANY_ORIGIN in allowed
        or (not allowed and _is_ours(origin, host, manners))
    ):
        return ""
    return f"pages of {origin[:255]} may not connect: see websocket_origins"


def _is_ours(origin: str, host: str, manners: Manners) -> bool:
    """Is the page of this machine? A name that equals ours proves nothing: it may be anybody's."""
    name, called = _name(origin), _name(f"//{host}")
    if not name:
        return False
    if name == "localhost" or name.endswith(".localhost") or is_loopback(name):
        return True
    return name in manners.names() or (name == called and _is_address(name))


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _asks_for_upgrade(headers: dict[str, str]) -> bool:
    upgrade = [one.lower() for one in _listed(headers.get("upgrade", ""))]
    connection = [one.lower() for one in _listed(headers.get("connection", ""))]
    return "websocket" in upgrade and "upgrade" in connection


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _listed(said: str) -> list[str]:
    return [one for each in said.split(",") if (one := each.strip())]


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]},{value}" if name in found else value
    return found
