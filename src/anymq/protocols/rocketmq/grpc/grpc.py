"""Grpc: what all connections by gRPC share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.protocols.rocketmq.rocketmq import RocketMq

if TYPE_CHECKING:
    from anymq.protocols.rocketmq.grpc.method import Method
    from anymq.protocols.rocketmq.grpc.session import GrpcSession


@dataclass(slots=True)
class Grpc:
    """One for all listeners."""

    rocketmq: RocketMq
    methods: "Mapping[str, Method]"  # by the path of the call
    connected: "set[GrpcSession]" = field(default_factory=set)
    turn: int = 0  # which queue gets the next message that may go to any

    def say_goodbye(self) -> None:
        """Tell everybody that the broker ends."""
        for session in tuple(self.connected):
            session.hang_up("the broker stops")
