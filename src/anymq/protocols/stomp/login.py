"""Who the client is: `login` and `passcode`, a certificate, or nobody: from this machine, guest."""

from collections.abc import Container, Mapping

from anymq.core.errors import NotAllowed
from anymq.protocols.session import Peer, is_loopback
from anymq.protocols.stomp.settings import StompSettings
from anymq.security.certificates import certificate_name
from anymq.security.gate import Claim

PROTOCOL = "stomp"  # as RabbitMQ counts it
ANONYMOUS = "guest"  # with this as its password: whoever changes that lets in nobody without one


def claim_of(headers: Mapping[str, str], peer: Peer, settings: StompSettings) -> str | Claim | None:
    """Return the user, or who it claims to be, by a password; None: nobody that could come in."""
    login = headers.get("login")
    if login is not None:
        return Claim(login, headers.get("passcode", ""), peer.host, PROTOCOL)
    certificate = peer.certificate()
    if certificate:
        return certificate_name(certificate, settings.certificate_name) or None
    if settings.anonymous and is_loopback(peer.host):
        return Claim(ANONYMOUS, ANONYMOUS, peer.host, PROTOCOL)
    return None


def vhost_of(said: str | None, peer: Peer, settings: StompSettings, there: Container[str]) -> str:
    """Return the virtual host that is meant.

    Clients say the name of the host by which they found us, if nobody told them better; a virtual
    host of that name goes before.
    """
    if said is None:
        return settings.vhost
    if said not in there and (said == peer.local_host or said in settings.host_names):
        return settings.vhost
    return said


def check_place(user: str, peer: Peer, settings: StompSettings) -> None:
    """Refuse who may not come from there."""
    if user in settings.loopback_users and not is_loopback(peer.host):
        raise NotAllowed(f"user '{user}' can only connect via localhost")
