"""What the RocketMQ protocol is told by the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from anymq.config.rocketmq import DELAY_LEVELS
from anymq.config.units import DAY_MS, KIB, MIB, parse_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class RocketMqSettings:
    """What all listeners share."""

    advertised_host: str = ""  # empty: where the client found us
    advertised_port: int = 0
    grpc_advertised_port: int = 0
    broker_name: str = "anymq"
    cluster_name: str = "DefaultCluster"
    require_login: bool = False
    loopback_users: Sequence[str] = ()  # that may come from this machine only
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
    query_bytes_max: int = 1024 * MIB  # looked through for one query by key
    silent_ms_max: int = 120_000  # of a client in a group
    groups_max: int = 10_000  # with consumers in them, and as many with producers
    members_max: int = 1_000  # of one group
    lock_ms: int = 60_000  # so long a queue is one consumer's
    rooms: tuple[tuple[str, str], ...] = ()  # of clients: a pattern of their ids, and the room
    room: str = ""  # ours
    pop_messages_max: int = 32
    pop_invisible_ms_max: int = 3 * DAY_MS
    commit_interval_ms: int = 1000  # offsets that come with pulls go to the disk so often
    delay_levels_ms: tuple[int, ...] = tuple(map(parse_ms, DELAY_LEVELS))
    delay_max_ms: int = 3 * DAY_MS  # by other means than levels
    recall: bool = True
    frame_seconds_max: float = 30.0
    idle_seconds_max: float = 600.0
    unsent_bytes_max: int = 64 * MIB
    delivery_bytes_max: int = 1 * MIB  # owed to who has waited for messages
