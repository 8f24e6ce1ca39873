"""Sessions: who has logged in with a browser, until he logs out, is away too long, or changes.

The browser holds a cookie that its scripts cannot read. As a browser sends cookies with whatever
another page makes it send, each session has a second secret besides: scripts of our page put it
into a header, which no other page can.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from anymq.management.http import Request

COOKIE = "anymq_session"
CSRF_HEADER = "x-csrf-token"
TOKEN_BYTES = 32
PER_USER_MAX = 50  # who logs in more often ends his own oldest session, nobody else's


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How many sessions, and for how long."""

    sessions_max: int = 1_000
    idle_s: float = 3_600.0
    session_s: float = 12 * 3_600.0


@dataclass(slots=True)
class LoggedIn:
    """Somebody's session."""

    name: str
    mark: bytes  # what proved him then: another password ends the session
    csrf_token: str
    since: float
    used: float


@dataclass(slots=True)
class Sessions:
    """Those there are, by the digest of their cookie: what is here lets nobody in."""

    now: Callable[[], float]
    limits: Callable[[], SessionLimits] = SessionLimits
    _all: dict[bytes, LoggedIn] = field(default_factory=dict)  # the one used last comes last

    def __len__(self) -> int:
        return len(self._all)

    def begin(self, name: str, mark: bytes) -> tuple[str, LoggedIn]:
        """Return the cookie's value and the session."""
        self._make_room(name)
        token, now = secrets.token_urlsafe(TOKEN_BYTES), self.now()
        session = LoggedIn(name, mark, secrets.token_urlsafe(TOKEN_BYTES), now, now)
        self._all[_digest(token)] = session
        return token, session

    def of(self, request: Request) -> LoggedIn | None:
        """Return whose request this is, by its cookie."""
        token = cookie_of(request)
        key = _digest(token)
        session = self._all.pop(key, None) if token else None
        if session is None or self._is_over(session):
            return None
        session.used = self.now()
        self._all[key] = session
        return session

    def lives(self, session: LoggedIn) -> bool:
        """Is it still one of ours?"""
        return not self._is_over(session) and any(one is session for one in self._all.values())

    def end(self, request: Request) -> None:
        """He logs out."""
        self._all.pop(_digest(cookie_of(request)), None)

    def end_all_of(self, name: str) -> int:
        """End every session of a user; return how many there were."""
        gone = [key for key, session in self._all.items() if session.name == name]
        for key in gone:
            del self._all[key]
        return len(gone)

    def _is_over(self, session: LoggedIn) -> bool:
        limits, now = self.limits(), self.now()
        return now - session.used > limits.idle_s or now - session.since > limits.session_s

    def _make_room(self, name: str) -> None:
        for key in [key for key, session in self._all.items() if self._is_over(session)]:
            del self._all[key]
        own = [key for key, session in self._all.items() if session.name == name]
        if len(own) >= PER_USER_MAX:
            del self._all[own[0]]
        elif len(self._all) >= self.limits().sessions_max:
            del self._all[next(iter(self._all))]


def proves(session: LoggedIn, request: Request) -> bool:
    """Does a script of ours send this, and no other page?"""
    said = request.headers.get(CSRF_HEADER, "")
    return hmac.compare_digest(said.encode(), session.csrf_token.encode())


def cookie_of(request: Request) -> str:
    """Return the session that a browser says it has; empty: none."""
    for pair in request.headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def set_cookie(request: Request, token: str) -> tuple[str, str]:
    """Return the header that gives a browser its session; an empty one takes it away."""
    secure = "; Secure" if request.tls else ""
    gone = "" if token else "; Max-Age=0"
    return ("Set-Cookie", f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{gone}")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
