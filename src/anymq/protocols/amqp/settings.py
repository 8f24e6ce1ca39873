"""What the AMQP protocol is told by the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from anymq.config.units import KIB, MIB

FRAME_MIN_BYTES = 8 * KIB  # RabbitMQ's; the specification asks for 4 KiB
FRAME_MAX_BYTES = 128 * KIB


@dataclass(frozen=True, slots=True, kw_only=True)
class AmqpSettings:
    """One listener's settings."""

    node_name: str = "anymq"
    compat_product: bool = False  # say that we are RabbitMQ
    mechanisms: Sequence[str] = ("PLAIN", "AMQPLAIN")
    loopback_users: Sequence[str] = ("guest",)
    certificate_name: str = "common_name"  # where EXTERNAL finds the user
    anonymous_user: str = ""  # who is who comes by ANONYMOUS
    frame_bytes_max: int = FRAME_MAX_BYTES
    frame_bytes_max_before_login: int = FRAME_MIN_BYTES
    channels_max: int = 2047  # of a connection
    message_bytes_max: int = 16 * MIB
    heartbeat_seconds: int = 60  # what we propose; 0: none
    handshake_seconds_max: float = 10.0
    unsent_bytes_max: int = 64 * MIB  # then we read no more
    delivery_bytes_max: int = 1 * MIB  # owed to a connection: then consumers have to wait
