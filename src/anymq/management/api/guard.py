"""Guard: who asks, and may he? Names and passwords are those of AMQP's logins."""

import base64
import binascii
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from anymq.core.rights.accounts import Accounts
from anymq.core.rights.permit import Permit
from anymq.management.api import routes
from anymq.management.api.faults import Fault, TooManyRequests, forbidden, not_authorized
from anymq.management.api.sessions import LoggedIn, Sessions, cookie_of, proves
from anymq.management.http import Answer, Handler, Later, Request, Response
from anymq.observability.audit import Actor, Audit
from anymq.observability.log import Log
from anymq.protocols.session import is_loopback
from anymq.security.gate import Claim, Gate, Verdict
from anymq.security.users import Users

REALM = 'Basic realm="anymq management"'
READING = ("GET", "HEAD", "OPTIONS")
CREDENTIALS_MAX = 16 * 1024  # a token may be long
PROTOCOL = "http"  # as RabbitMQ counts it

log = Log(__name__)

# What each tag may use. `user` is everybody who is known.
TAGS: dict[str, Collection[str]] = {
    "": (routes.USER,),
    "management": (routes.USER, routes.MANAGEMENT),
    "policymaker": (routes.USER, routes.MANAGEMENT, routes.POLICYMAKER),
    "monitoring": (routes.USER, routes.MANAGEMENT, routes.MONITORING),
    "administrator": (
        routes.USER,
        routes.MANAGEMENT,
        routes.POLICYMAKER,
        routes.MONITORING,
        routes.ADMINISTRATOR,
    ),
}

LACKING = {
    routes.MANAGEMENT: "Not management user",
    routes.POLICYMAKER: "Not policymaker user",
    routes.MONITORING: "Not monitor user",
    routes.ADMINISTRATOR: "Not administrator user",
}


class NoLogin(Fault):
    """Whoever this is did not say a name and password."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.UNAUTHORIZED, "not_authorized", "Not_Authorized")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    name: str
    tags: Sequence[str] = ()
    accounts: Accounts | None = None
    session: LoggedIn | None = None  # a browser's

    def may_use(self, needs: str) -> bool:
        """May he use routes that need this?"""
        return not needs or any(needs in TAGS.get(tag, ()) for tag in ("", *self.tags))

    def permit(self, vhost: str) -> Permit:
        """Return what he may do in a virtual host."""
        if self.accounts is None:
            raise not_authorized()
        return self.accounts.permit(self.name, vhost)

    def may_enter(self, vhost: str) -> bool:
        """May he use what is in this virtual host?"""
        return self.accounts is not None and self.permit(vhost).may_enter

    def may_see(self, vhost: str) -> bool:
        """May he know that it is there, and how much is in it?"""
        return self.may_use(routes.MONITORING) or self.may_enter(vhost)


NOBODY = Caller("")
Identified = Callable[[Caller | Fault], None]


@dataclass(frozen=True, slots=True)
class Provider:
    """Where the page gets its tokens: by an authorization code, with PKCE (RFC 7636)."""

    client_id: str
    authorization_url: str
    token_url: str
    scope: str


def _no_provider() -> Provider | None:
    return None


@dataclass(slots=True)
class Guard:
    """What decides on a request. `users` and what follows may be replaced while we run."""

    accounts: Accounts
    users: Callable[[], Users]
    loopback_users: Callable[[], Collection[str]]
    sessions: Sessions
    gate: Gate
    audit: Audit
    provider: Callable[[], Provider | None] = _no_provider
    logins_failed: int = 0

    def identify(self, request: Request, then: Identified) -> None:
        """Say who asks; a fault says why he may not. At once, unless a password is new to us."""
        try:
            if "authorization" not in request.headers and cookie_of(request):
                then(self._of_session(request))
            else:
                self.check_password(*_credentials(request), request, then)
        except Fault as fault:
            then(fault)

    def check_password(self, name: str, password: str, request: Request, then: Identified) -> None:
        """Say who has this password."""
        claim = Claim(name, password, request.host, PROTOCOL)
        self.gate.log_in(self.users(), claim, partial(self._judged, claim, then))

    def _judged(self, claim: Claim, then: Identified, verdict: Verdict, user: str) -> None:
        claim = replace(claim, name=user)
        if verdict is Verdict.RIGHT and self._may_come(claim.name, claim.host):
            then(Caller(claim.name, self.accounts.tags_of(claim.name), self.accounts))
            return
        self.logins_failed += 1
        reason = f"{verdict.value} for '{claim.name}'"
        log.warning("HTTP login refused", peer=claim.host, reason=reason)
        self.note_login(Actor(claim.name, claim.host, PROTOCOL), verdict.value)
        then(self._refusal(claim, verdict))

    def _refusal(self, claim: Claim, verdict: Verdict) -> Fault:
        if verdict is Verdict.TOO_OFTEN:
            wait_s = self.gate.attempts.wait_s(claim.name, claim.host)
            return TooManyRequests(verdict.value, wait_s)
        if verdict is Verdict.BUSY:
            return TooManyRequests(verdict.value, 1)
        return not_authorized()

    def note_login(self, actor: Actor, outcome: str) -> None:
        """Somebody logs in. Who logs in with each request is noted when he may not only."""
        self.audit.note(actor, "login", "sessions", actor.user, outcome)

    def begin_session(self, caller: Caller) -> tuple[str, LoggedIn]:
        """Return the value of a cookie that stands for name and password from now on."""
        return self.sessions.begin(caller.name, self.users().mark(caller.name))

    def _of_session(self, request: Request) -> Caller:
        session = self.sessions.of(request)
        if session is None or not self._still_holds(session, request):
            self.sessions.end(request)
            raise NoLogin
        return Caller(session.name, self.accounts.tags_of(session.name), self.accounts, session)

    def _still_holds(self, session: LoggedIn, request: Request) -> bool:
        """Is it the same user, with the same password, from where he may come?"""
        mark = self.users().mark(session.name)
        return bool(mark) and mark == session.mark and self._may_come(session.name, request.host)

    def check(self, request: Request, caller: Caller, needs: str) -> None:
        """Refuse what this caller may not do, or a page in his browser does behind his back."""
        if request.method not in READING:
            _check_origin(request)
            if caller.session is not None:
                check_csrf(caller.session, request)
        if not caller.may_use(needs):
            raise Fault(HTTPStatus.UNAUTHORIZED, "not_authorised", self._lacking(caller, needs))

    @staticmethod
    def _lacking(caller: Caller, needs: str) -> str:
        """Say which tag it takes, in RabbitMQ's words."""
        return LACKING[needs if caller.may_use(routes.MANAGEMENT) else routes.MANAGEMENT]

    def _may_come(self, name: str, host: str) -> bool:
        """May he log in from there? That we are called by a name of ours is checked by Front."""
        return name not in self.loopback_users() or is_loopback(host)


def for_watchers(guard: Guard, needed: Callable[[], bool], page: Handler) -> Handler:
    """Return a page that only those see who may look at everything, while that is `needed`."""

    def answer(request: Request) -> Answer:
        if not needed():
            return page(request)
        shown = Later()
        guard.identify(request, lambda who: shown.follow(_shown_to(who, page, request)))
        return shown

    return answer


def _shown_to(who: Caller | Fault, page: Handler, request: Request) -> Answer:
    if isinstance(who, NoLogin):
        return Response(who.status, b"", "", (("WWW-Authenticate", REALM),))
    if isinstance(who, Fault):
        return who.response()
    if not who.may_use(routes.MONITORING):
        return not_authorized().response()
    return page(request)


def check_csrf(session: LoggedIn, request: Request) -> None:
    """Refuse what may come from another page, that only has the browser send its cookie."""
    if not proves(session, request):
        raise forbidden("a session changes something only with its X-CSRF-Token")


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if not said:
        raise NoLogin
    if len(said) > CREDENTIALS_MAX:
        raise not_authorized()
    if scheme.lower() == "bearer":
        return "", said.strip()
    if scheme.lower() != "basic":
        raise not_authorized()
    try:
        name, _, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise not_authorized() from None
    return name, password


def _check_origin(request: Request) -> None:
    """Only our own pages may change anything; tools have no origin."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise forbidden("a page of another origin may change nothing here")
    origin = request.headers.get("origin")
    if origin is None:
        return
    scheme, _, place = origin.partition("://")
    ours = ("https",) if request.tls else ("http", "https")  # https: a proxy may be before us
    if scheme not in ours or place.lower() != request.headers.get("host", "").lower():
        raise forbidden("a page of another origin may change nothing here")
