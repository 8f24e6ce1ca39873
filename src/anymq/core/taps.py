"""Taps: where somebody may listen to what happens to messages. Usually nobody does.

Whoever does something to messages asks `taps.tap`, and tells it if there is one: so a broker that
nobody traces pays for one comparison per batch.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from anymq.core.message import Message

if TYPE_CHECKING:
    from anymq.core.queues.delivery import Delivery
    from anymq.storage.files import Buffer, FileRange


# What becomes of what was delivered.
ACKNOWLEDGED = "acknowledged"
REQUEUED = "requeued"
REJECTED = "rejected"


class Origin(NamedTuple):
    """Who does something."""

    protocol: str = ""  # "": the broker itself
    connection: str = ""
    channel: int = 0
    user: str = ""


BROKER = Origin()


class Tap(Protocol):
    """Who listens to one virtual host."""

    def published(self, messages: Sequence[Message], queues: Sequence[str], who: Origin) -> None:
        """These were published, and go to these queues; to none: they went nowhere."""

    def delivered(
        self, queue: str, deliveries: "Sequence[Delivery]", who: Origin, *, no_ack: bool
    ) -> None:
        """These went out to a consumer; with `no_ack` that was all."""

    def settled(self, queue: str, positions: Sequence[int], what: str) -> None:
        """These, which were delivered, are done with."""

    def dropped(self, queue: str, deliveries: "Sequence[Delivery]", reason: str) -> None:
        """These left a queue without anybody having had them, for good."""

    def died(self, queue: str, message: Message, letter: Message, reason: str) -> None:
        """This message left a queue and goes on as another one."""

    def appended(
        self, topic: str, partition: int, base_offset: int, batch: "Buffer", who: Origin
    ) -> None:
        """A batch of records was written to a topic from here on."""

    def fetched(self, topic: str, partition: int, found: "FileRange", who: Origin) -> None:
        """These batches of a topic went out to a reader."""


# What listens at a virtual host of this name as long as there is one; usually nobody does.
ListenAt = Callable[[str], Tap | None]


def nobody(_: str) -> Tap | None:
    """Listen nowhere."""
    return None


class Both:
    """Two who listen at one place."""

    __slots__ = ("_one", "_other")

    def __init__(self, one: Tap, other: Tap) -> None:
        self._one, self._other = one, other

    def published(self, messages: Sequence[Message], queues: Sequence[str], who: Origin) -> None:
        """These were published."""
        self._one.published(messages, queues, who)
        self._other.published(messages, queues, who)

    def delivered(
        self, queue: str, deliveries: "Sequence[Delivery]", who: Origin, *, no_ack: bool
    ) -> None:
        """These went out to a consumer."""
        self._one.delivered(queue, deliveries, who, no_ack=no_ack)
        self._other.delivered(queue, deliveries, who, no_ack=no_ack)

    def settled(self, queue: str, positions: Sequence[int], what: str) -> None:
        """These are done with."""
        self._one.settled(queue, positions, what)
        self._other.settled(queue, positions, what)

    def dropped(self, queue: str, deliveries: "Sequence[Delivery]", reason: str) -> None:
        """These left a queue for good."""
        self._one.dropped(queue, deliveries, reason)
        self._other.dropped(queue, deliveries, reason)

    def died(self, queue: str, message: Message, letter: Message, reason: str) -> None:
        """This message goes on as another one."""
        self._one.died(queue, message, letter, reason)
        self._other.died(queue, message, letter, reason)

    def appended(
        self, topic: str, partition: int, base_offset: int, batch: "Buffer", who: Origin
    ) -> None:
        """A batch of records was written to a topic."""
        self._one.appended(topic, partition, base_offset, batch, who)
        self._other.appended(topic, partition, base_offset, batch, who)

    def fetched(self, topic: str, partition: int, found: "FileRange", who: Origin) -> None:
        """These batches of a topic went out to a reader."""
        self._one.fetched(topic, partition, found, who)
        self._other.fetched(topic, partition, found, who)


class Taps:
    """One place to listen, shared by all that a virtual host has."""

    __slots__ = ("tap",)

    def __init__(self) -> None:
        self.tap: Tap | None = None
