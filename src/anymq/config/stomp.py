"""The settings of STOMP."""

from dataclasses import dataclass
from typing import Literal

from anymq.config.declare import setting
from anymq.config.place import OFF, PORT_MAX, Place
from anymq.config.units import KIB, MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Stomp:
    """Where STOMP clients connect: scripts and browsers, mostly."""

    host: str = setting("127.0.0.1", "The address to listen at; 0.0.0.0 is every IPv4 address.")
    port: int = setting(
        61613,
        "The port without TLS; 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    tls_port: int = setting(
        OFF,
        "The port with TLS (61614 is usual); 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    websocket_port: int = setting(
        OFF,
        "The port for STOMP over WebSocket (15674 is usual), at /stomp and /ws; 0 takes a free one,"
        " -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    websocket_tls_port: int = setting(
        OFF,
        "The port for STOMP over WebSocket with TLS (15673 is usual); 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    websocket_origins: tuple[str, ...] = setting(
        (),
        "Pages from where may connect by WebSocket, as browsers say it: `https://example.com`; `*`"
        " is any. None: those of this machine, and of `management.host_names`.",
        live=True,
    )
    dialect: Literal["rabbitmq", "activemq"] = setting(
        "rabbitmq",
        "What clients mean by destinations and headers at these ports: as RabbitMQ, or as ActiveMQ"
        " and Artemis understand them.",
    )
    activemq_port: int = setting(
        OFF,
        "One more port, without TLS, where clients are understood as by ActiveMQ; 0 takes a free"
        " one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    activemq_tls_port: int = setting(
        OFF,
        "The same with TLS; 0 takes a free one, -1 none.",
        at_least=OFF,
        at_most=PORT_MAX,
    )
    vhost: str = setting(
        "/",
        "The virtual host of clients that do not say one (header `host`), or say a name of this"
        " machine.",
        live=True,
    )
    host_names: tuple[str, ...] = setting(
        ("localhost",),
        "What clients call this machine in the header `host` and mean no virtual host; the address"
        " at which they came is always such a name.",
        live=True,
    )
    anonymous: bool = setting(
        True,
        "Let in who gives no user, from this machine only: as guest, while the password of guest is"
        " `guest`.",
        live=True,
    )
    body_bytes_max: int = setting(
        16 * MIB, "The biggest message.", at_least=KIB, at_most=512 * MIB, live=True
    )
    head_bytes_max: int = setting(
        64 * KIB, "The most bytes of a frame's headers.", at_least=KIB, at_most=16 * MIB, live=True
    )
    headers_max: int = setting(100, "The most headers of a frame.", at_least=10, live=True)
    subscriptions_max: int = setting(
        1000, "How many subscriptions a connection may have.", at_least=1, live=True
    )
    receipts_max: int = setting(
        10_000,
        "How many frames may wait for their receipts; then a client is read no further.",
        at_least=1,
        live=True,
    )
    transactions_max: int = setting(
        16, "How many transactions a connection may have begun.", at_least=1, live=True
    )
    transaction_bytes_max: int = setting(
        64 * MIB,
        "How many bytes a connection may have sent in transactions that are not committed.",
        at_least=KIB,
        live=True,
    )
    prefetch: int = setting(
        0,
        "How many messages a subscription may have unacknowledged that does not say"
        " (prefetch-count); 0: as many as there are.",
        at_least=0,
        live=True,
    )

    @property
    def activemq(self) -> Place:
        """Where clients are understood as by ActiveMQ."""
        return Place(self.host, self.activemq_port, self.activemq_tls_port)
