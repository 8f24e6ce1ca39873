"""Who the client is: a user and its password, or a token; nobody, from this machine, is guest."""

from anymq.core.errors import NotAllowed
from anymq.protocols.mqtt.codec import Connect
from anymq.protocols.mqtt.settings import MqttSettings
from anymq.protocols.session import Peer, is_loopback
from anymq.security.gate import Claim

PROTOCOL = "mqtt"  # as RabbitMQ counts it
ANONYMOUS = "guest"  # with this as its password: whoever changes that lets in nobody without one


def claim_of(packet: Connect, peer: Peer, settings: MqttSettings) -> tuple[Claim, str] | None:
    """Return who it claims to be, and the virtual host; None: nobody that could be let in."""
    if packet.user is None and packet.password is None:
        if not (settings.anonymous and is_loopback(peer.host)):
            return None
        return Claim(ANONYMOUS, ANONYMOUS, peer.host, PROTOCOL), settings.vhost
    try:
        password = (packet.password or b"").decode()
    except UnicodeDecodeError:
        return None
    vhost, colon, user = (packet.user or "").rpartition(":")
    if not colon:
        vhost = settings.vhost
    return Claim(user, password, peer.host, PROTOCOL), vhost


def check_place(user: str, peer: Peer, settings: MqttSettings) -> None:
    """Refuse who may not come from there."""
    if user in settings.loopback_users and not is_loopback(peer.host):
        raise NotAllowed(f"user '{user}' can only connect via localhost")
