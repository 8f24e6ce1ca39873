"""What the Kafka protocol is told by the configuration."""

from collections.abc import Sequence
from dataclasses import dataclass

from anymq.config.principals import Rule
from anymq.config.units import KIB, MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSettings:
    """One listener's settings."""

    advertised_host: str = ""  # empty: the address by which the client came
    advertised_port: int = 0
    rack: str = ""
    sasl_mechanisms: Sequence[str] = ()
    login_required: bool = False
    loopback_users: Sequence[str] = ()
    certificate_user: str = "none"  # which part of a certificate names who it is
    principal_rules: Sequence[Rule] = ()  # what becomes of the distinguished name
    frame_bytes_max: int = 100 * MIB
    frame_bytes_max_without_records: int = 2 * MIB
    frame_bytes_max_unauthenticated: int = 64 * KIB
    frame_seconds_max: float = 60.0  # for a request to be whole
    in_flight_bytes_max: int = 64 * MIB
    in_flight_calls_max: int = 1000
    unsent_bytes_max: int = 64 * MIB
    idle_seconds_max: float = 600.0
    handshake_seconds_max: float = 30.0
    fetch_bytes_max: int = 55 * MIB
    lenient_replication: bool = False  # take factors above the number of nodes
