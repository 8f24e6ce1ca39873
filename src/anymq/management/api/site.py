"""Site: what the handlers of the API know of the broker around them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymq.config.model import Settings
from anymq.core.broker import Broker
from anymq.core.transactions.transactions import Transactions
from anymq.management.api.guard import Guard
from anymq.management.api.rates import Rates
from anymq.management.api.sampler import Sampler
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.kafka.session import Kafka
from anymq.protocols.session import Talker
from anymq.shovels.shovels import Shovels

if TYPE_CHECKING:
    from anymq.management.api.event_hub import EventHub


@dataclass(frozen=True, slots=True)
class Door:
    """A listener."""

    protocol: str  # as RabbitMQ calls it where it knows it: "amqp", "amqp/ssl", "http"
    host: str
    port: int
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """What the node uses, and of how much."""

    memory_bytes: int
    memory_bytes_max: int
    disk_free_bytes: int
    disk_free_bytes_min: int
    files: int
    files_max: int
    connections_max: int
    data_dir: str
    certificate: str = ""  # the files, where there is TLS
    client_ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything that can be asked or done."""

    broker: Broker
    amqp: Amqp
    kafka: Kafka
    rates: Rates
    guard: Guard
    sampler: Sampler
    events: "EventHub"
    shovels: Shovels
    talkers: Callable[[], Collection[Talker]]  # clients of MQTT and STOMP
    doors: Callable[[], Sequence[Door]]
    machine: Callable[[], Machine]
    connections: Callable[[], Mapping[str, int]]  # by listener
    started_ms: int
    settings: Callable[[], Settings]  # that hold now
    use: Callable[[Settings], None]  # have those hold that can change while we run
    transactions: Transactions | None = None

    @property
    def node(self) -> str:
        """Our name among nodes."""
        return self.amqp.settings.node_name

    @property
    def cluster_name(self) -> str:
        """Our name for people: what somebody set, else that of the node."""
        return cluster_name(self.broker, self.node)


def cluster_name(broker: Broker, node: str) -> str:
    """Return what somebody called this broker, else the name of the node."""
    said = broker.policies.parameters.globals.get("cluster_name")
    return said if isinstance(said, str) else node
