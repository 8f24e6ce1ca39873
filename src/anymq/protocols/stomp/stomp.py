"""Stomp: what all STOMP sessions share."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anymq.core.broker import Broker
from anymq.protocols.memory import Memory
from anymq.protocols.stomp.counters import Counters
from anymq.protocols.stomp.settings import StompSettings
from anymq.security.gate import Gate
from anymq.security.users import Users

if TYPE_CHECKING:
    from anymq.protocols.stomp.conversation import Conversation


@dataclass(slots=True)
class Stomp:
    """One for all listeners."""

    broker: Broker
    settings: StompSettings  # may be replaced
    users: Users
    gate: Gate
    counters: Counters
    memory: Memory
    connected: "set[Conversation]" = field(default_factory=set)

    def say_goodbye(self) -> None:
        """Tell everybody that the broker ends."""
        for conversation in list(self.connected):
            conversation.end("the broker stops")
