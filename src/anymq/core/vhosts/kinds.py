"""Kinds of queues, by `x-queue-type`: what a virtual host needs of them, whatever they are."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct
from typing_extensions import override

from anymq.core.message import Value
from anymq.core.queues.arguments import CLASSIC, QUORUM, STREAM
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Consumer, Subscription
from anymq.core.routing.target import Target, Then
from anymq.core.taps import BROKER, Origin

if TYPE_CHECKING:
    from anymq.core.vhosts.vhost import VirtualHost

__all__ = ["CLASSIC", "QUORUM", "STREAM", "AnyQueue", "QueueDeclaration", "QueueKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDeclaration:
    """What is said when a queue is declared."""

    name: str
    vhost_name: str
    durable: bool = False
    owner: object | None = None  # whose exclusive queue it is, compared by identity
    auto_delete: bool = False
    arguments: Mapping[str, Value] = field(default_factory=dict)

    @override
    def __str__(self) -> str:
        return f"queue '{self.name}' in vhost '{self.vhost_name}'"


class AnyQueue(Target, Protocol):
    """A queue or a stream, as its virtual host sees it."""

    @property
    def vhost_name(self) -> str:
        """Where it is."""

    @property
    def kind(self) -> str:
        """What it is: "classic", "quorum", "stream"."""

    @property
    def durable(self) -> bool:
        """Does it survive a restart?"""

    @property
    def owner(self) -> object | None:
        """Whose exclusive queue it is; None: everybody's."""

    @property
    def auto_delete(self) -> bool:
        """Does it go with its last consumer?"""

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What it was declared with."""

    @property
    def ready(self) -> int:
        """How many messages wait in it."""

    @property
    def unacked(self) -> int:
        """How many are out with somebody."""

    @property
    def consumer_count(self) -> int:
        """How many read it."""

    def subscribe(
        self,
        consumer: Consumer,
        *,
        tag: str,
        no_ack: bool = False,
        exclusive: bool = False,
        arguments: Mapping[str, Value] | None = None,
    ) -> Subscription:
        """Give messages to this consumer, from the end of this turn on."""

    def unsubscribe(self, subscription: Subscription) -> None:
        """Give it no more. What it has it keeps."""

    def get(
        self, take: Callable[[Delivery | None], None], *, no_ack: bool, who: Origin = BROKER
    ) -> None:
        """Hand the next message to `take`, None if there is none; later if it must be read."""

    def settle(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """These are done."""

    def reject(
        self,
        subscription: Subscription | None,
        positions: Sequence[int],
        *,
        requeue: bool,
        by_nack: bool = False,
    ) -> None:
        """These were refused."""

    def give_back(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """Who had these is gone."""

    def purge(self) -> int:
        """Drop all that waits; return how many there were."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What unmakes something durable: changes of definitions, to be made with others at once."""

    changes: Mapping[str, Struct | None]
    logs: Sequence[int]  # that go with it
    done: Then  # to be told what became of the changes


class QueueKind(Protocol):
    """What makes queues of one type, and unmakes them.

    It adds to and removes from `vhost.topology` what it makes, at once; `then` is called when a
    restart would find it so. What it restores at the start it adds by itself, before bindings are
    restored. When something vanishes for other reasons, `vhost.forget` takes it out.
    """

    def check_same(self, queue: AnyQueue, declaration: QueueDeclaration) -> None:
        """Refuse a declaration of the same name that is not the same (owner is checked)."""

    def key_of(self, queue: AnyQueue) -> str:
        """Return under which key the catalog keeps it, if it is durable."""

    def declare(self, vhost: "VirtualHost", declaration: QueueDeclaration, then: Then) -> AnyQueue:
        """Make a queue that is not there; refuse what makes no sense."""

    def delete(self, vhost: "VirtualHost", queue: AnyQueue, then: Then) -> None:
        """Unmake it, and what leads to it (`vhost.forget`)."""

    def ending(self, vhost: "VirtualHost", queue: AnyQueue) -> Ending:
        """Return what unmakes a durable one; what leads to it is for the caller."""

    def restore(self, vhost: "VirtualHost") -> None:
        """This virtual host is made, perhaps again: add what is there and not in the catalog's
        definitions of queues.
        """

    def change(
        self,
        vhost: "VirtualHost",
        queue: AnyQueue,
        arguments: Mapping[str, Value],
        then: Then,
    ) -> None:
        """Let it have other arguments, while it lives."""
