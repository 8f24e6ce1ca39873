"""Guard: who asks, and may he? Names and passwords are those of AMQP's logins."""

import base64
import binascii
import ipaddress
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from anymq.core.rights.accounts import Accounts
from anymq.core.rights.permit import Permit
from anymq.management.api import routes
from anymq.management.api.faults import Fault, forbidden, not_authorized
from anymq.management.http import Request
from anymq.observability.log import Log
from anymq.protocols.session import is_loopback
from anymq.security.users import Users

REALM = 'Basic realm="anymq management"'
READING = ("GET", "HEAD", "OPTIONS")
CREDENTIALS_MAX = 4096

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


@dataclass(slots=True)
class Guard:
    """What decides on a request. `users` and what follows may be replaced while we run."""

    accounts: Accounts
    users: Callable[[], Users]
    loopback_users: Callable[[], Collection[str]]
    logins_failed: int = 0

    def caller(self, request: Request) -> Caller:
        """Return who asks, or refuse."""
        name, password = _credentials(request)
        if not self._is_known(name, password, request):
            self.logins_failed += 1
            log.warning("HTTP login refused", peer=request.host)
            raise not_authorized()
        return Caller(name, self.accounts.tags_of(name), self.accounts)

    def check(self, request: Request, caller: Caller, needs: str) -> None:
        """Refuse what this caller may not do, or a page in his browser does behind his back."""
        if request.method not in READING:
            _check_origin(request)
        if not caller.may_use(needs):
            raise not_authorized("Not_Authorized")

    def _is_known(self, name: str, password: str, request: Request) -> bool:
        if not name or not self.users().check(name, password):
            return False
        if name not in self.loopback_users():
            return True
        # A page of another name that resolves to this machine could guess such a password.
        return is_loopback(request.host) and _names_this_machine(request.headers.get("host", ""))


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    if not said:
        raise NoLogin
    if scheme.lower() != "basic" or len(said) > CREDENTIALS_MAX:
        raise not_authorized()
    try:
        name, _, password = base64.b64decode(said.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise not_authorized() from None
    return name, password


def _names_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


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
