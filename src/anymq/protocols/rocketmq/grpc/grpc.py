"""Grpc: what all connections by gRPC share."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.rocketmq import RocketMq
from anymq.protocols.session import Outbox, Peer, Session

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.client import GrpcClient
    from anymq.protocols.rocketmq.grpc.method import Method
    from anymq.protocols.rocketmq.grpc.session import GrpcSession


@dataclass(slots=True)
class Grpc:
    """One for all listeners."""

    rocketmq: RocketMq
    methods: "Mapping[str, Method]"  # by the path of the call
    session: "Callable[[Grpc, Outbox, Peer], Session]"
    connected: "set[GrpcSession]" = field(default_factory=set)

    @classmethod
    def of(cls, rocketmq: RocketMq) -> "Grpc":
        """Make it. Only here h2 is needed: it comes with an extra."""
        from anymq.protocols.rocketmq.grpc.api import registry
        from anymq.protocols.rocketmq.grpc.session import GrpcSession

        return cls(rocketmq, registry.load(), GrpcSession)

    def speak(self, outbox: Outbox, peer: Peer) -> Session:
        """Begin a session."""
        return self.session(self, outbox, peer)

    def clients(self) -> "Iterator[GrpcClient]":
        """Yield all that are connected."""
        for session in self.connected:
            yield from session.clients.values()

    def is_ordered(self, group: str) -> bool:
        """Does a group want the messages of a queue one after the other?"""
        return self.rocketmq.group_settings.of(group).consume_message_orderly

    def say_goodbye(self) -> None:
        """Tell everybody that the broker ends."""
        for session in tuple(self.connected):
            session.hang_up("the broker stops")
