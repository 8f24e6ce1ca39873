"""Stream: a topic as a queue. Everybody reads all of it, from where he likes; nothing is consumed.

It has the face of `Queue`, so that channels need not know which they have. An acknowledgement gives
credit and nothing else.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from anymq.config.units import KIB, MIB
from anymq.core.errors import Refused, Unsupported
from anymq.core.message import Form, Message, Run, Value
from anymq.core.portable.opener import Opener
from anymq.core.portable.packer import Packer, Portable
from anymq.core.queues.delivery import Delivery
from anymq.core.queues.subscription import Consumer, Subscription
from anymq.core.queues.turn import Turn
from anymq.core.queues.witness import Witness
from anymq.core.routing.answers import Answers
from anymq.core.routing.target import Then
from anymq.core.streams.partition import Partition
from anymq.core.streams.partitioner import partition_of
from anymq.core.streams.reader import Reader, Take
from anymq.core.streams.topic import Topic
from anymq.core.streams.unpacked import Unpacked
from anymq.core.streams.writer import batch_of
from anymq.core.taps import BROKER, Origin
from anymq.core.vhosts.kinds import STREAM
from anymq.core.vhosts.stream_arguments import (
    OFFSET,
    Wanted,
    check_consuming,
    of_config,
    start_of,
    wanted_of,
)
from anymq.storage.batch import HEADER_BYTES, read_header
from anymq.storage.errors import CorruptBatch, StorageError

BATCH_BYTES_MAX = 512 * KIB  # about: readers unpack a batch as a whole
RECORD_BYTES = 40  # at most: what a record takes besides its key, body and headers
DEALT_MAX = 1000  # to one consumer at once: then others have their turn
DEALT_BYTES_MAX = 1 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all streams share."""

    turn: Turn
    forms: Mapping[int, Form]
    now_ms: Callable[[], int]
    witness: Witness
    unpacked: Unpacked = field(default_factory=Unpacked)
    read: "dict[Stream, None]" = field(default_factory=dict)  # those that somebody reads


class StreamSubscription(Subscription):
    """One consumer of a stream: where it is, and what it wants to see."""

    __slots__ = ("readers", "wanted")

    def __init__(
        self, stream: "Stream", consumer: Consumer, tag: str, arguments: Mapping[str, Value]
    ) -> None:
        super().__init__(
            stream,  # type: ignore[arg-type]  # it has what a subscription needs of a queue
            consumer,
            tag=tag,
            no_ack=False,
            exclusive=False,
            priority=0,
            arguments=arguments,
        )
        self.readers: list[Reader] = []
        self.wanted: Wanted | None = wanted_of(stream.of, arguments)


class Stream:
    """A topic, as its virtual host sees it."""

    __slots__ = (
        "__weakref__",
        "_means",
        "_next",
        "_opener",
        "_packer",
        "_subscriptions",
        "delivered",
        "name",
        "scheduled",
        "topic",
        "vhost_name",
    )

    kind = STREAM
    durable = True
    owner: object | None = None
    auto_delete = False
    singles = False

    def __init__(self, name: str, vhost_name: str, topic: Topic, means: Means) -> None:
        self.name = name
        self.vhost_name = vhost_name
        self.topic = topic
        self.scheduled = False
        self.delivered = 0
        self._means = means
        self._packer: Packer | None = None
        self._opener: Opener | None = None
        self._subscriptions: list[StreamSubscription] = []
        self._next = 0  # of the partitions, for messages without a key

    @override
    def __repr__(self) -> str:
        return f"Stream({self.name!r} in {self.vhost_name!r}, {self.topic})"

    # What there is

    @property
    def of(self) -> str:
        """How errors name it."""
        return f"queue '{self.name}' in vhost '{self.vhost_name}'"

    @property
    def arguments(self) -> Mapping[str, Value]:
        """What one would have to declare to get this."""
        return of_config(self.topic.config)

    @property
    def ready(self) -> int:
        """How many messages can be read."""
        return sum(one.visible_end - one.start for one in self.topic.partitions)

    @property
    def ready_bytes(self) -> int:
        """How much disk they take."""
        return self.topic.size_bytes()

    @property
    def unacked(self) -> int:
        """How many are out with somebody."""
        return sum(one.unacked for one in self._subscriptions)

    @property
    def consumer_count(self) -> int:
        """How many read it by this virtual host."""
        return len(self._subscriptions)

    def is_active(self, subscription: Subscription) -> bool:
        """Does it get messages? All do."""
        return not subscription.gone

    # In

    def push(self, run: Run, then: Then | None) -> None:
        """Append a run; `then` is called when it is as safe as the topic promises."""
        witness = self._means.witness
        if witness.watches and witness.knows(one.log.id for one in self.topic.partitions):
            if then is not None:
                then(None)
            return
        packer = self._packer = self._packer or Packer(self.topic.name)
        packed = [packer.pack(message) for message in run.messages]
        parts = list(self._parts(run.messages, packed))
        answers = None if then is None else Answers(len(run.messages), len(parts), then)
        for partition, places in parts:
            messages = [run.messages[place] for place in places]
            told = None if answers is None else answers.of(places)
            self._append(partition, messages, [packed[place] for place in places], told)

    def _parts(
        self, messages: Sequence[Message], packed: Sequence[Portable]
    ) -> Iterable[tuple[Partition, Sequence[int]]]:
        """Yield which messages go to which partition, as batches of a sensible size."""
        limit = min(BATCH_BYTES_MAX, self.topic.config.max_message_bytes - HEADER_BYTES)
        for partition, places in self._by_partition(packed):
            size, first = 0, 0
            for index, place in enumerate(places):
                one = packed[place]
                more = len(messages[place].body) + len(one.headers) + RECORD_BYTES
                more += 0 if one.key is None else len(one.key)
                if size and size + more > limit:
                    yield partition, places[first:index]
                    size, first = 0, index
                size += more
            yield partition, places[first:]

    def _by_partition(
        self, packed: Sequence[Portable]
    ) -> Iterable[tuple[Partition, Sequence[int]]]:
        partitions = self.topic.partitions
        if len(partitions) == 1:
            return [(partitions[0], range(len(packed)))]
        # As Kafka's producers: by the key, and what has none sticks together.
        self._next = (self._next + 1) % len(partitions)
        places: dict[int, list[int]] = {}
        for place, one in enumerate(packed):
            key = one.key
            index = self._next if key is None else partition_of(key, len(partitions))
            places.setdefault(index, []).append(place)
        return [(partitions[index], where) for index, where in places.items()]

    def _append(
        self,
        partition: Partition,
        messages: Sequence[Message],
        packed: Sequence[Portable],
        then: Then | None,
    ) -> None:
        if self._means.witness.watches:
            self._means.witness.sends(partition.log.id, partition.log.end)
        batch = batch_of(messages, packed)
        try:
            now_ms = self._means.now_ms()
            # Whoever listens at its address was found together with it: see addresses.py.
            partition.append(batch, read_header(batch), now_ms, then, announce=False)
        except (Refused, StorageError) as error:
            if then is not None:
                then(error)

    # Out

    def subscribe(
        self,
        consumer: Consumer,
        *,
        tag: str,
        no_ack: bool = False,
        exclusive: bool = False,
        priority: int = 0,
        arguments: Mapping[str, Value] | None = None,
    ) -> StreamSubscription:
        """Let somebody read, from where he says on. He cannot have it for himself."""
        arguments = arguments or {}
        check_consuming(self.of, arguments)
        if no_ack:
            raise Unsupported(f"automatic acknowledgement not supported by stream {self.of}")
        subscription = StreamSubscription(self, consumer, tag, arguments)
        now_ms = self._means.now_ms()
        subscription.readers = [
            Reader(one, start_of(one, arguments.get(OFFSET), now_ms), self._means.unpacked)
            for one in self.topic.partitions
        ]
        if not self._subscriptions:
            self._watch()
        self._subscriptions.append(subscription)
        self.wake()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Give it no more. What it has it keeps."""
        if subscription.gone:
            return
        subscription.gone = True
        self._subscriptions = [one for one in self._subscriptions if one is not subscription]
        if not self._subscriptions:
            self._unwatch()

    def resume(self, subscription: Subscription) -> None:
        """It has credit again."""
        subscription.parked = False
        self.wake()

    def get(
        self, take: Callable[[Delivery | None], None], *, no_ack: bool, who: Origin = BROKER
    ) -> None:
        """Nobody can take single messages from a stream."""
        raise Unsupported(f"basic.get not supported by stream queues {self.of}")

    def purge(self) -> int:
        """What is in a stream goes by retention only."""
        raise Unsupported(f"queue.purge not supported by stream queues {self.of}")

    def settle(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """The consumer is done with these: that is credit, nothing else."""
        if subscription is not None:
            subscription.let_go(positions)
            self.resume(subscription)

    def reject(
        self,
        subscription: Subscription | None,
        positions: Sequence[int],
        *,
        requeue: bool,
        by_nack: bool = False,
    ) -> None:
        """As `settle`: who wants to see them again reads them again."""
        self.settle(subscription, positions)

    def give_back(self, subscription: Subscription | None, positions: Sequence[int]) -> None:
        """Who had these is gone."""

    def wake(self) -> None:
        """Look at it at the end of the turn."""
        self._means.turn.add(self)

    def pump(self) -> bool:
        """Give to consumers what they can take; say whether there is more to do at once."""
        more = False
        for subscription in tuple(self._subscriptions):
            if not subscription.parked and not subscription.gone:
                more = self._deal(subscription) or more
        return more

    def flush(self) -> None:
        """Its logs are written by the commit that follows every turn."""

    def on_partitions(self) -> None:
        """The topic has more of them: who reads it reads those, too, all of them."""
        for subscription in self._subscriptions:
            new = self.topic.partitions[len(subscription.readers) :]
            subscription.readers += [Reader(one, one.start, self._means.unpacked) for one in new]
        if self._subscriptions:
            self._watch()
            self.wake()

    def close(self) -> None:
        """It is deleted: tell its consumers."""
        self._unwatch()
        subscriptions, self._subscriptions = self._subscriptions, []
        for subscription in subscriptions:
            subscription.gone = True
            subscription.consumer.cancelled(subscription)

    # Within

    def _watch(self) -> None:
        self._means.read[self] = None
        for partition in self.topic.partitions:
            partition.watch(self.wake)

    def _unwatch(self) -> None:
        self._means.read.pop(self, None)
        for partition in self.topic.partitions:
            partition.unwatch(self.wake)

    def _deal(self, subscription: StreamSubscription) -> bool:
        """Give it what it can take, of each partition in turn; say whether there is more."""
        credit = subscription.consumer.credit
        if credit <= 0:
            subscription.parked = True
            return False
        before = [reader.offset for reader in subscription.readers]
        found: list[Delivery] = []
        take = self._taker(subscription.wanted, found)
        for reader in subscription.readers:
            if (left := min(credit, DEALT_MAX) - len(found)) > 0:
                reader.read(left, DEALT_BYTES_MAX, take)
        subscription.readers.append(subscription.readers.pop(0))
        if found:
            self.delivered += len(found)
            if (tap := self.topic.taps.tap) is not None:
                tap.delivered(self.name, found, subscription.consumer.who, no_ack=False)
            subscription.hand(found)
        moved = sorted(before) != sorted(reader.offset for reader in subscription.readers)
        return moved and not all(reader.at_end for reader in subscription.readers)

    def _taker(self, wanted: Wanted | None, found: list[Delivery]) -> Take:
        """Return what makes a delivery of a record, if the consumer wants it."""
        opener = self._opener = self._opener or Opener(self.topic.name, self._means.forms)

        def take(
            offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: bytes
        ) -> bool:
            try:
                message = opener.open(key, value, headers, timestamp_ms)
            except CorruptBatch:  # headers that are none; the reader goes on behind it
                return False
            if wanted is not None and not wanted.matches(message):
                return False
            found.append(Delivery(offset, message, 0, False))
            return True

        return take
