"""Caller: who makes requests, as handlers know it: a session by remoting, a client by gRPC."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from anymq.core.streams.clients import Channel
from anymq.core.taps import Origin
from anymq.protocols.rocketmq.codec import Frame
from anymq.protocols.session import Peer

if TYPE_CHECKING:
    from anymq.core.rights.access import Access
    from anymq.protocols.rocketmq.call import Call
    from anymq.protocols.rocketmq.rocketmq import RocketMq

Answered = Callable[[Frame | None], None]  # None: nobody answers any more


class Caller(Channel, Protocol):
    """What handlers use of it."""

    rocketmq: "RocketMq"
    peer: Peer
    access: "Access | None"  # of the last user that it showed
    user: str
    client_id: str  # as its heartbeats say
    language: str
    version: int
    born_host: bytes  # in messages that it sends
    store_host: bytes  # in the ids of messages

    @property
    def who(self) -> Origin:
        """Who this is, for whoever listens to what happens."""

    def answered(self, call: "Call", head: bytes = b"", body: bytes = b"") -> None:
        """A call of its has an answer."""

    @property
    def may_take(self) -> bool:
        """Is it given messages that it has waited for?"""

    def can_wait(self) -> bool:
        """May one more of its calls wait for messages?"""

    def tell(self, code: int, ext: Mapping[str, object], body: bytes = b"") -> None:
        """Tell the client something; it does not answer."""

    def ask(self, code: int, ext: Mapping[str, object], then: Answered, body: bytes = b"") -> None:
        """Ask the client something; `then` has its answer, or None when there never is one."""
