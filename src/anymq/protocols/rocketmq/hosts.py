"""Hosts as messages carry them, and where clients find us."""

import ipaddress
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.layout import packed_host
from anymq.protocols.session import Peer

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.rocketmq import RocketMq

DOOR, NAMESERVER_DOOR = "rocketmq", "rocketmq_nameserver"
TLS = "_tls"


def packed(host: str, port: int) -> bytes:
    """Return an address as messages have it; one that is none is nobody's."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return bytes(8)
    mapped = getattr(address, "ipv4_mapped", None)
    return packed_host((mapped or address).packed, port)


def is_ip(host: str) -> bool:
    """Is it an address, not a name?"""
    return packed(host, 1)[:4] != bytes(4)


def advertised(rocketmq: "RocketMq", peer: Peer) -> tuple[str, int]:
    """Return where this client finds the broker: as configured, else where it found us.

    Who came to the door of name servers is sent to that of brokers, if there is one.
    """
    settings, ports = rocketmq.settings, rocketmq.ports
    host = settings.advertised_host or peer.local_host
    port = peer.local_port
    # A door without TLS may speak it, too: the other door it leads to does so as well.
    for secured in (TLS, ""):
        if port == ports.get(NAMESERVER_DOOR + secured):
            port = ports.get(DOOR + secured, port)
            break
    return host, settings.advertised_port or port


def address_of(host: str, port: int) -> str:
    """Return an address as routes name it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
