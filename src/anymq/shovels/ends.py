"""The ends of a shovel, and what they have to say."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from anymq.core.message import Message
from anymq.core.routing.target import Then
from anymq.protocols.session import Outbox, Peer, Session
from anymq.shovels.uris import Address

Soon = Callable[[Callable[[], None]], None]  # does it in a turn of the loop of its own
MakeSession = Callable[[Outbox, Peer], Session]


class Refusal(Exception):
    """The destination did not take a message; it may, another time."""


class Arrival(NamedTuple):
    """A message that came, under the name by which its source knows it."""

    token: Any
    message: Message


class Worker(Protocol):
    """Who works with both ends. Each is told of its own calls later, never within them."""

    def source_ready(self, remaining: int | None) -> None:
        """Messages may come from now on. `remaining`: what waits there now, if that is known."""

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """These came."""

    def dest_ready(self) -> None:
        """Messages may be sent."""

    def dest_changed(self) -> None:
        """It has room again, is blocked, or is not any more."""

    def failed(self, why: str) -> None:
        """An end cannot go on. (All of it: the shovel begins anew, later.)"""


class Source(Protocol):
    """Where messages come from."""

    @property
    def uri(self) -> str:
        """Which of its URIs it works with, without secrets."""

    def open(self) -> None:
        """Begin; nothing comes while it is paused."""

    def pause(self, paused: bool) -> None:
        """Take no more from there for now; or go on. What is on its way still comes."""

    def ack(self, tokens: Sequence[Any]) -> None:
        """These are done: there they may be forgotten."""

    def close(self) -> None:
        """End it. What is not done is there again, for others."""


class Dest(Protocol):
    """Where messages go."""

    @property
    def uri(self) -> str:
        """Which of its URIs it works with, without secrets."""

    @property
    def room(self) -> bool:
        """May more be sent now? Otherwise `dest_changed` comes."""

    @property
    def blocked(self) -> bool:
        """Has it asked to be left in peace?"""

    def open(self) -> None:
        """Begin."""

    def send(self, message: Message, then: Then | None) -> None:
        """Bring it there. `then` is told when it is safe, or with a Refusal; None: nobody asks."""

    def close(self) -> None:
        """End it."""


class Link(Protocol):
    """A connection under way, or there."""

    def close(self) -> None:
        """Hang up, or do not connect at all."""


class Connect(Protocol):
    """What makes connections. Which of both is called is called later, once."""

    def __call__(self, address: Address, make: MakeSession, failed: Callable[[str], None]) -> Link:
        """Connect; `make` makes the session, `failed` is told why there is none."""
