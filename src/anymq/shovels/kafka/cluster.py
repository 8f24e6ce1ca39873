"""Cluster: the connections of one end: to a broker of the URI first, then to those that matter."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from anymq.core.timers import Timer
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import metadata
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.ends import Connect, Link, Soon
from anymq.shovels.kafka.client import KafkaClient, error_name
from anymq.shovels.uris import Address, KafkaUri

# Beside the numbers of nodes. A coordinator has a connection of its own: on that of a leader, its
# answers would wait behind fetches that wait.
FIRST, COORDINATOR = -1, -2
TRIES_MAX = 20  # for a topic that is being made
TRY_AGAIN_SECONDS = 0.25
PARTITIONS_MAX = 10_000
NOT_YET = (ErrorCode.LEADER_NOT_AVAILABLE, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

Use = Callable[[KafkaClient], None]
Leaders = dict[int, int]  # node, by partition


@dataclass(frozen=True, slots=True)
class Means:
    """What connections need."""

    connect: Connect
    soon: Soon
    later: Callable[[float, Callable[[], None]], Timer]


class Cluster:
    """Connects as needed; `failed` is told once, when anything goes wrong."""

    def __init__(self, means: Means, uris: tuple[KafkaUri, ...], failed: Callable[[str], None]):
        self._means = means
        self._failed: Callable[[str], None] | None = failed
        self._to_try = [(uri, address) for uri in uris for address in uri.addresses]
        self._uri, self._address = self._to_try[0]
        self._addresses: dict[int, Address] = {}  # by node
        self._clients: dict[int, KafkaClient] = {}  # by node
        self._waiting: dict[int, list[Use]] = {}  # until their node is ready
        self._links: dict[int, Link] = {}
        self._tries = 0

    @property
    def uri(self) -> str:
        """Which URI it works with."""
        return self._uri.shown

    def open(self, use: Use) -> None:
        """Connect to one of the brokers in the URIs."""
        if not self._to_try:
            return
        self._uri, self._address = self._to_try.pop(0)
        self._waiting[FIRST] = [use]
        self._connect(FIRST, self._address)

    def with_node(self, node: int, use: Use) -> None:
        """Call `use` with a connection to this broker."""
        client = self._clients.get(node)
        if client is not None and client.is_ready:
            use(client)
            return
        waiting = self._waiting.setdefault(node, [])
        waiting.append(use)
        if len(waiting) > 1:
            return
        address = self._addresses.get(node)
        if address is None:
            self.fail(f"there is no broker {node}")
        else:
            self._connect(node, address)

    def find_leaders(self, topic: str, then: Callable[[Leaders], None]) -> None:
        """Ask who leads the partitions of a topic; the broker may make it."""
        wanted = [metadata.MetadataRequestTopic(name=topic)]

        def answered(answer: metadata.MetadataResponse) -> None:
            self._learn(answer)
            (found,) = answer.topics
            codes = {found.error_code, *(one.error_code for one in found.partitions)} - {0}
            if not codes and found.partitions and len(found.partitions) <= PARTITIONS_MAX:
                then({one.partition_index: one.leader_id for one in found.partitions})
            elif codes <= set(NOT_YET) and self._tries < TRIES_MAX:
                self._tries += 1
                self._means.later(TRY_AGAIN_SECONDS, partial(self.find_leaders, topic, then))
            else:
                names = ", ".join(map(error_name, sorted(codes))) or "too many partitions"
                self.fail(f"topic {topic}: {names}")

        client = self._clients.get(FIRST)
        if client is not None and self._failed is not None:
            client.ask(metadata, metadata.MetadataRequest(wanted), answered)

    def learn(self, node: int, host: str, port: int) -> None:
        """Remember where a broker is."""
        self._addresses[node] = Address(host, port, self._address.tls)

    def fail(self, why: str) -> None:
        """It cannot go on."""
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(f"{self.uri}: {why}")

    def close(self) -> None:
        """Hang up on all."""
        self._failed = None
        self._waiting.clear()
        clients, self._clients = self._clients, {}
        for client in clients.values():
            client.close()
        for link in self._links.values():
            link.close()

    def _learn(self, answer: metadata.MetadataResponse) -> None:
        for broker in answer.brokers:
            self.learn(broker.node_id, broker.host, broker.port)

    def _connect(self, node: int, address: Address) -> None:
        def make(outbox: Outbox, peer: Peer) -> KafkaClient:
            self._links.pop(node, None)
            client = self._clients[node] = KafkaClient(outbox, peer, uri=self._uri, user=self)
            return client

        self._links[node] = self._means.connect(address, make, partial(self._not_connected, node))

    def _not_connected(self, node: int, why: str) -> None:
        self._links.pop(node, None)
        if self._failed is None:
            return
        if node == FIRST and self._to_try:
            self.open(self._waiting[node][0])
        else:
            self.fail(why)

    # What clients say

    def ready(self, client: KafkaClient) -> None:
        """Go on with what waited."""
        for node, one in self._clients.items():
            if one is client:
                for use in self._waiting.pop(node, ()):
                    use(client)
                return

    def lost(self, client: KafkaClient, why: str) -> None:
        """A connection is gone. That of the first questions is not missed, once they are asked."""
        node = next((node for node, one in self._clients.items() if one is client), None)
        if node is None:
            return
        del self._clients[node]
        if node == FIRST and not client.is_ready:
            self._not_connected(node, why)
        else:
            self.fail(why)
