"""Who the client is: a user and its password, or a token; else whom its certificate names.

Nobody, from this machine, is guest.
"""

from anymq.core.errors import NotAllowed
from anymq.protocols.mqtt.codec import Connect
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.session import Peer, is_loopback
from anymq.security.certificates import certificate_name
from anymq.security.gate import Claim

PROTOCOL = "mqtt"  # as RabbitMQ counts it
ANONYMOUS = "guest"  # with this as its password: whoever changes that lets in nobody without one


def claim_of(packet: Connect, peer: Peer, settings: MqttSettings) -> tuple[str | Claim, str] | None:
    """Return the user, or who it claims to be, by a password; and the virtual host.

    None: nobody that could be let in.
    """
    certificate = None if packet.password is not None else peer.certificate()
    if certificate:
        name = certificate_name(certificate, settings.certificate_name)
        return (name, vhost_of(packet, settings)) if name else None
    if packet.user is None and packet.password is None:
        if not (settings.anonymous and is_loopback(peer.host)):
            return None
        return Claim(ANONYMOUS, ANONYMOUS, peer.host, PROTOCOL), settings.vhost
    try:
        password = (packet.password or b"").decode()
    except UnicodeDecodeError:
        return None
    user = (packet.user or "").rpartition(":")[2]
    return Claim(user, password, peer.host, PROTOCOL), vhost_of(packet, settings)


def vhost_of(packet: Connect, settings: MqttSettings) -> str:
    """Return the virtual host: what is before the colon of the user."""
    vhost, colon, _ = (packet.user or "").rpartition(":")
    return vhost if colon else settings.vhost


def check_place(user: str, peer: Peer, settings: MqttSettings) -> None:
    """Refuse who may not come from there."""
    if user in settings.loopback_users and not is_loopback(peer.host):
        raise NotAllowed(f"user '{user}' can only connect via localhost")
