"""What the MQTT protocol is told by the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from anymq.config.units import DAY_MS, KIB, MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """One listener's settings."""

    vhost: str = "/"  # where clients go whose user does not say (`vhost:user`)
    anonymous: bool = True  # who gives no name is guest, from this machine, if guest's is `guest`
    loopback_users: Sequence[str] = ("guest",)
    auth_methods: Sequence[str] = ("SCRAM-SHA-256", "SCRAM-SHA-512")
    certificate_name: str = "common_name"  # where in a certificate a user's name is
    packet_bytes_max: int = 16 * MIB
    packet_bytes_max_before_login: int = 128 * KIB
    handshake_seconds_max: float = 10.0
    sys_interval_s: int = 10  # between two looks at the figures below $SYS/; 0: there are none
    keep_alive_s_max: int = 0  # 0: what the client says, none among it
    session_expiry_s_max: int = 7 * DAY_MS // 1000
    sessions_max: int = 100_000  # that are kept without their clients being there
    subscriptions_max: int = 10_000  # of a session
    in_flight_max: int = 1000  # messages of QoS 1 and 2 on their way, in each direction
    topic_aliases_max: int = 100  # in each direction
    mailbox_messages_max: int = 100_000
    mailbox_bytes_max: int = 256 * MIB
    retained_max: int = 100_000
    retained_bytes_max: int = 64 * MIB
    unsent_bytes_max: int = 64 * MIB
    delivery_bytes_max: int = 1 * MIB
