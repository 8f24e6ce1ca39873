"""Consuming: what a SUBSCRIBE began: MESSAGE frames, and which of them are not settled yet."""

from collections.abc import Callable, Sequence

from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Subscription
from anymq.core.taps import Origin
from anymq.core.vhosts.kinds import STREAM, AnyQueue
from anymq.protocols.stomp.ground import Ground
from anymq.protocols.stomp.messages import MessageFrames
from anymq.protocols.stomp.wire import Wire

AUTO, CLIENT, INDIVIDUAL = "auto", "client", "client-individual"
UNLIMITED = 1 << 30
UNACKED_MAX = 1_000_000  # of a connection: each takes about 250 bytes
STREAM_PREFETCH = 200  # of who does not say: streams have no end of what they could send


class Unsettled:
    """What is out with one client, by the number in the ids of messages."""

    __slots__ = ("_next", "_out", "_short", "_wire", "bytes_max", "session_id")

    def __init__(self, wire: Wire, session_id: str, bytes_max: int) -> None:
        self._wire = wire
        self._next = 1
        self._out: dict[int, Consumer] = {}
        self._short = False  # somebody was told to wait
        self.bytes_max = bytes_max
        self.session_id = session_id

    @property
    def room(self) -> int:
        """How many more may be sent now, to be settled or not."""
        wire = self._wire
        left = UNACKED_MAX - len(self._out)
        has_room = not wire.ended and wire.outbox.has_room(self.bytes_max)
        if left <= 0 or not has_room:
            self._short = True
            return 0
        return 1 if wire.outbox.scarce else left

    @property
    def has_news(self) -> bool:
        """Does somebody wait for room that there is now?"""
        wire = self._wire
        return self._short and not wire.ended and wire.outbox.has_room(self.bytes_max // 2)

    def look_again(self) -> None:
        """Consumers are about to ask anew."""
        self._short = False

    def numbers(self, count: int) -> int:
        """Return the first of so many numbers."""
        first = self._next
        self._next += count
        return first

    def add(self, number: int, consumer: "Consumer") -> None:
        """This is out with a consumer."""
        self._out[number] = consumer

    def owner(self, message_id: str) -> "tuple[Consumer, int] | None":
        """Return whose the message of this id is; None: nobody waits to hear of it."""
        _, _, text = message_id.rpartition("@@")
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            return None
        number = int(text)
        consumer = self._out.get(number)
        if consumer is None or consumer.id_of(number) != message_id:
            return None
        return consumer, number

    def forget(self, numbers: Sequence[int]) -> None:
        """These are out no more."""
        for number in numbers:
            self._out.pop(number, None)

    def put_back(self, numbers: Sequence[int], consumer: "Consumer") -> None:
        """These are out as before: a transaction was given up."""
        for number in numbers:
            self._out[number] = consumer


class Consumer:
    """One subscription of a client at one queue."""

    def __init__(
        self,
        ground: Ground,
        queue: AnyQueue,
        unsettled: Unsettled,
        *,
        tag: str,
        id_: str | None,
        ack: str,
        prefetch: int,
        on_lost: "Callable[[Consumer], None]",
        on_late: "Callable[[Consumer, int], None]",
    ) -> None:
        self.queue = queue
        self.tag = tag
        self.ack = ack
        self.subscription: Subscription | None = None
        self.is_stream = queue.kind == STREAM
        # A stream must hear of every message; a client that acknowledges nothing does not say.
        self.no_ack = ack == AUTO and not self.is_stream
        self.prefetch = prefetch or (STREAM_PREFETCH if self.is_stream else 0)
        self.out: dict[int, int] = {}  # number → position in the queue, in the order of sending
        self.together = [self]  # all that one SUBSCRIBE asked for
        self.pending = 0  # settled by transactions that are not committed: still out
        self._ground = ground
        self._unsettled = unsettled
        self._on_lost = on_lost
        self._on_late = on_late
        self._frames = MessageFrames(
            ground.wire, ground.dialect, self.id_start, id_, acked=ack != AUTO
        )

    @property
    def id_start(self) -> str:
        """How the ids of its messages begin."""
        return f"{self.tag}@@{self._unsettled.session_id}@@"

    def id_of(self, number: int) -> str:
        """Return the id of a message."""
        return f"{self.id_start}{number}"

    # What the queue asks, and tells

    @property
    def credit(self) -> int:
        """How many messages it may get now."""
        room = self._unsettled.room
        if not room:
            return 0
        if self.no_ack:
            return 1 if self._ground.wire.outbox.scarce else UNLIMITED
        return max(0, min(room, self.prefetch - len(self.out)) if self.prefetch else room)

    @property
    def shares(self) -> object | None:
        """Its limit is its own."""
        return None

    @property
    def who(self) -> Origin:
        """Whose it is."""
        return self._ground.wire.who

    def deliver(self, subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
        """Send these, and wait to hear of them if the client says anything."""
        unsettled = self._unsettled
        first = unsettled.numbers(len(deliveries))
        self._ground.wire.counters.delivered += len(deliveries)
        if self.ack != AUTO:
            for number, delivery in enumerate(deliveries, first):
                self.out[number] = delivery[0]
                unsettled.add(number, self)
        self._frames.send(first, deliveries, offsets=self.is_stream)
        if self.is_stream and self.ack == AUTO:
            self.queue.settle(subscription, [delivery[0] for delivery in deliveries])

    def cancelled(self, subscription: Subscription) -> None:
        """Its queue is gone."""
        self.subscription = None
        self._unsettled.forget(list(self.out))
        self.out.clear()
        self._on_lost(self)

    def timed_out(self, subscription: Subscription, after_ms: int) -> None:
        """It had something for longer than it may."""
        self._on_late(self, after_ms)

    # What the conversation tells

    def take(self, number: int) -> "list[tuple[Consumer, list[int]]]":
        """Take what an ACK or NACK of this message is about, out of what is out."""
        if self.ack == CLIENT:
            taken = [(one, [n for n in one.out if n <= number]) for one in self.together]
        else:
            taken = [(self, [number])]
        for _, numbers in taken:
            self._unsettled.forget(numbers)
        return taken

    def positions(self, numbers: Sequence[int]) -> list[int]:
        """Return where these are in the queue; they are settled now."""
        return [self.out.pop(number) for number in numbers if number in self.out]

    def settle(self, numbers: Sequence[int]) -> None:
        """These are done."""
        was_full = self.is_full
        self.queue.settle(self.subscription, self.positions(numbers))
        self._more(was_full)

    def reject(self, numbers: Sequence[int], *, requeue: bool) -> None:
        """These are not wanted: again later, or dead."""
        was_full = self.is_full
        positions = self.positions(numbers)
        self.queue.reject(self.subscription, positions, requeue=requeue, by_nack=True)
        self._more(was_full)

    @property
    def is_full(self) -> bool:
        """Does it wait for the client to settle something?"""
        return 0 < self.prefetch <= len(self.out)

    def more(self) -> None:
        """There may be credit again."""
        if self.subscription is not None and not self.subscription.gone:
            self.subscription.more()

    def end(self) -> None:
        """Get no more. What is out stays out."""
        if self.subscription is not None:
            self.queue.unsubscribe(self.subscription)

    def leave(self) -> None:
        """The client is gone: give back what is out."""
        self.end()
        positions, self.out = list(self.out.values()), {}
        if positions:
            self.queue.give_back(self.subscription, positions)

    def _more(self, was_full: bool) -> None:
        if was_full and not self.is_full:
            self.more()
