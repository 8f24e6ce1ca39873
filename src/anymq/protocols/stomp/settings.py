"""What the STOMP protocol is told by the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from anymq.config.units import KIB, MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class StompSettings:
    """One listener's settings."""

    vhost: str = "/"  # where clients go that do not say, or say a name of this host
    host_names: Sequence[str] = ("localhost",)
    anonymous: bool = True  # who gives no name is guest, from this machine, if guest's is `guest`
    loopback_users: Sequence[str] = ("guest",)
    certificate_name: str = "common_name"
    head_bytes_max: int = 64 * KIB
    headers_max: int = 100
    body_bytes_max: int = 16 * MIB
    body_bytes_max_before_login: int = 4 * KIB
    handshake_seconds_max: float = 10.0
    subscriptions_max: int = 1000
    receipts_max: int = 10_000  # that wait for the disk
    transactions_max: int = 16
    transaction_bytes_max: int = 64 * MIB
    prefetch: int = 0  # of who does not say; 0: as many as there are
    unsent_bytes_max: int = 64 * MIB
    delivery_bytes_max: int = 1 * MIB
