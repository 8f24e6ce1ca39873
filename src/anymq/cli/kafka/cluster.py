"""What the tools talk to: it finds brokers, leaders and coordinators, and asks the right one."""

import difflib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from anymq.cli.kafka.address import Address
from anymq.cli.kafka.connection import Api, Connection
from anymq.cli.kafka.errors import (
    RETRIABLE,
    CannotConnect,
    ConnectionLost,
    RequestRefused,
    check,
    error_code,
)
from anymq.cli.kafka.security import Security
from anymq.protocols.kafka.error_codes import ErrorCode
from anymq.protocols.kafka.schema.generated import find_coordinator, metadata

Q = TypeVar("Q")
A = TypeVar("A")
T = TypeVar("T")

CLIENT_ID = "anymq-cli"
RETRY_SECONDS = 30.0
BACKOFF_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Node:
    """One broker."""

    id: int
    host: str
    port: int
    rack: str | None = None

    @property
    def address(self) -> Address:
        """Where it says that it is."""
        return Address(self.host, self.port)


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """One partition of a topic; lists hold ids of brokers."""

    index: int
    leader: int
    replicas: Sequence[int]
    isr: Sequence[int]
    offline: Sequence[int] = ()
    eligible: Sequence[int] | None = None  # None: the broker does not tell
    last_eligible: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class TopicInfo:
    """One topic."""

    name: str
    id: UUID
    internal: bool
    partitions: Sequence[PartitionInfo]


@dataclass(frozen=True, slots=True)
class ClusterInfo:
    """What Metadata says."""

    id: str | None
    controller: int
    nodes: dict[int, Node]
    topics: dict[str, TopicInfo]
    errors: dict[str, ErrorCode] = field(default_factory=dict)  # of topics asked for by name


class Cluster:
    """Connections are made when needed and kept. Use it in a `with` block."""

    def __init__(
        self, addresses: Sequence[Address], security: Security, client_id: str = CLIENT_ID
    ) -> None:
        self._addresses = addresses
        self._security = security
        self._client_id = client_id
        self._connections: dict[Address, Connection] = {}
        self._extra: dict[str, Connection] = {}
        self._nodes: dict[int, Node] = {}
        self._controller = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up everywhere."""
        for connection in [*self._connections.values(), *self._extra.values()]:
            connection.close()
        self._connections.clear()
        self._extra.clear()

    # --- asking ------------------------------------------------------------------------------

    def any_connection(self) -> Connection:
        """Return a connection to some broker: the first address that answers."""
        for connection in self._connections.values():
            return connection
        failure: CannotConnect | None = None
        for address in self._addresses:
            try:
                return self._connect(address)
            except CannotConnect as error:
                failure = failure or error
        assert failure is not None  # there is at least one address
        raise failure

    def connection(self, node_id: int) -> Connection:
        """Return the connection to one broker."""
        if node_id not in self._nodes:
            self.metadata([])
        node = self._nodes.get(node_id)
        if node is None:
            raise ConnectionLost(f"broker {node_id} is not there")
        try:
            return self._connect(node.address)
        except CannotConnect as error:
            if node.address in self._addresses:
                raise
            told = ", ".join(map(str, self._addresses))
            raise CannotConnect(
                f"{error}. That is where broker {node.id} says it is (its advertised address);"
                f" it was asked at {told}"
            ) from error

    def _connect(self, address: Address) -> Connection:
        found = self._connections.get(address)
        if found is None:
            found = Connection(address, self._security, self._client_id)
            self._connections[address] = found
        return found

    def own_connection(self, name: str, node_id: int) -> Connection:
        """Return a connection apart from the others, where long waits are in nobody's way."""
        found = self._extra.get(name)
        if found is None:
            address = self._nodes[node_id].address
            found = self._extra[name] = Connection(address, self._security, self._client_id)
        return found

    def drop(self, connection: Connection) -> None:
        """Hang up a connection that failed; the next use makes a new one."""
        connection.close()
        for kept in (self._connections, self._extra):
            for key in [key for key, each in kept.items() if each is connection]:
                del kept[key]  # type: ignore[arg-type]  # a key of the dictionary at hand

    def ask(self, api: Api[Q, A], request: Q, node_id: int | None = None) -> A:
        """Ask a broker, any one if no node is named; once more where the connection was lost."""
        for last in (False, True):
            connection = self.any_connection() if node_id is None else self.connection(node_id)
            try:
                return connection.call(api, request)
            except ConnectionLost:
                self.drop(connection)
                if last:
                    raise
        raise AssertionError("unreachable")

    def ask_controller(self, api: Api[Q, A], request: Q) -> A:
        """Ask the broker that changes definitions."""
        if not self._nodes:
            self.metadata([])
        known = self._controller in self._nodes
        return self.ask(api, request, self._controller if known else None)

    def coordinator(self, group: str) -> Node:
        """Return the broker that coordinates a group."""
        return retrying(lambda: self._coordinator(group))

    def _coordinator(self, group: str) -> Node:
        request = find_coordinator.FindCoordinatorRequest(group, 0, [group])
        answer = self.ask(find_coordinator, request)
        check(answer.error_code, answer.error_message)
        for each in answer.coordinators:
            check(each.error_code, each.error_message)
            node = Node(each.node_id, each.host, each.port)
            break
        else:
            node = Node(answer.node_id, answer.host, answer.port)
        self._nodes.setdefault(node.id, node)
        return node

    # --- metadata ----------------------------------------------------------------------------

    def metadata(self, topics: Sequence[str] | None = None, create: bool = False) -> ClusterInfo:
        """Ask for the brokers, and for topics: all of them if None."""
        wanted = None if topics is None else [topic_of(name) for name in topics]
        answer = self.ask(metadata, metadata.MetadataRequest(wanted, create, False, False))
        self._nodes = {
            each.node_id: Node(each.node_id, each.host, each.port, each.rack)
            for each in answer.brokers
        }
        self._controller = answer.controller_id
        found = [each for each in answer.topics if each.name is not None]
        return ClusterInfo(
            answer.cluster_id,
            answer.controller_id,
            dict(self._nodes),
            {each.name or "": _topic_info(each) for each in found if not _useless(each)},
            {each.name or "": error_code(each.error_code) for each in found if each.error_code},
        )

    def topics(self, names: Sequence[str], create: bool = False) -> dict[str, TopicInfo]:
        """Return these topics, each with its leaders; say which name was meant when one is not."""

        def attempt() -> dict[str, TopicInfo]:
            info = self.metadata(names, create)
            for name in names:
                code = info.errors.get(name, ErrorCode.NONE)
                if code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION and not create:
                    raise self.no_such_topic(name)
                check(code, about=f"topic {name!r}")
                self._check_leaders(info.topics[name])
            return info.topics

        return retrying(attempt)

    def _check_leaders(self, topic: TopicInfo) -> None:
        for partition in topic.partitions:
            if partition.leader not in self._nodes:
                about = f"partition {partition.index} of {topic.name!r}"
                check(ErrorCode.LEADER_NOT_AVAILABLE, "it has no leader", about)

    def no_such_topic(self, name: str) -> RequestRefused:
        """Say that there is none, and which was meant."""
        names = list(self.metadata().topics)
        return no_such("topic", name, names, ErrorCode.INVALID_TOPIC_EXCEPTION)


def no_such(kind: str, name: str, names: Sequence[str], code: ErrorCode) -> RequestRefused:
    """Say that there is no such thing, and which was meant."""
    close = difflib.get_close_matches(name, names, n=1)
    hint = f". Did you mean {close[0]!r}?" if close else ""
    return RequestRefused(code, f"there is no {kind} {name!r}{hint}")


def retrying(attempt: Callable[[], T], seconds: float = RETRY_SECONDS) -> T:
    """Try again while the broker says "not now"; in the end say what it said last."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except RequestRefused as error:
            if error.code not in RETRIABLE or time.monotonic() > deadline:
                raise
        time.sleep(BACKOFF_SECONDS)


def topic_of(name: str) -> metadata.MetadataRequestTopic:
    """Name a topic in a request."""
    return metadata.MetadataRequestTopic(name=name)


def _useless(topic: metadata.MetadataResponseTopic) -> bool:
    return topic.error_code not in (0, ErrorCode.LEADER_NOT_AVAILABLE)


def _topic_info(topic: metadata.MetadataResponseTopic) -> TopicInfo:
    partitions = [
        PartitionInfo(
            each.partition_index,
            each.leader_id,
            each.replica_nodes,
            each.isr_nodes,
            each.offline_replicas,
        )
        for each in sorted(topic.partitions, key=lambda each: each.partition_index)
    ]
    return TopicInfo(topic.name or "", topic.topic_id, topic.is_internal, partitions)
