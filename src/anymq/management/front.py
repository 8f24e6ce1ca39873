"""Front: what every request and answer goes through, whatever page it is of."""

import ipaddress
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from anymq.management.http import Request, Response, text
from anymq.protocols.session import is_loopback

HTML = "text/html"

# Nothing from elsewhere, nothing inline, nobody's frame. Our page talks to us alone.
PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# What is no page: should a browser take it for one, it can do nothing.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

SAFETY = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def _none() -> Collection[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Front:
    """What decides whether a request was meant for us."""

    names: Callable[[], Collection[str]] = _none  # by which we are called, besides addresses
    origins: Callable[[], Collection[str]] = _none  # whom our page may ask, too: for tokens

    def refuse(self, request: Request) -> Response | None:
        """Refuse who calls us by a name that is not ours.

        A page of another name, that its owner has made point to this machine, would be of our
        origin for a browser (DNS rebinding). Where others may connect, only they know our names:
        there they have to be configured to be checked.
        """
        host = request.headers.get("host", "")
        if not host or is_address(host) or _name(host) in self.names():
            return None
        if not self.names() and not is_loopback(request.local_host):
            return None
        why = f"nobody here is called {_name(host)[:255]}: see management.host_names\n"
        return text(why, HTTPStatus.MISDIRECTED_REQUEST)

    def headers(self, response: Response) -> list[tuple[str, str]]:
        """Return what every answer says to browsers; what a page says itself comes first."""
        said = {name.lower() for name, _ in response.headers}
        page = response.content_type.startswith(HTML)
        asked = " ".join(["connect-src 'self'", *self.origins()])
        policy = PAGE_POLICY.replace("connect-src 'self'", asked) if page else DATA_POLICY
        ours = (*SAFETY, ("Content-Security-Policy", policy))
        return [(name, value) for name, value in ours if name.lower() not in said]


def is_address(host: str) -> bool:
    """Is it this machine by an address, or as localhost? Nobody can make these point elsewhere."""
    name = _name(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
