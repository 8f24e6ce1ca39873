"""What the RocketMQ protocol is told by the configuration."""

from dataclasses import dataclass

from anymq.config.units import KIB, MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class RocketMqSettings:
    """What all listeners share."""

    advertised_host: str = ""  # empty: where the client found us
    advertised_port: int = 0
    grpc_advertised_port: int = 0
    broker_name: str = "anymq"
    cluster_name: str = "DefaultCluster"
    require_login: bool = False
    auto_create: bool = True  # topics that somebody sends to
    queues: int = 8  # of those
    message_bytes_max: int = 4 * MIB
    header_bytes_max: int = 256 * KIB
    requests_max: int = 10_000  # of one connection, that wait for the disk
    requests_bytes_max: int = 64 * MIB
    pulls_max: int = 20_000  # of one connection, that wait for messages
    pull_messages_max: int = 1024  # in one answer
    pull_bytes_max: int = 1 * MIB
    suspend_ms_max: int = 30_000
    commit_interval_ms: int = 1000  # offsets that come with pulls go to the disk so often
    frame_seconds_max: float = 30.0
    idle_seconds_max: float = 600.0
    unsent_bytes_max: int = 64 * MIB
