"""Messages that clients send, gathered: those of one turn of the loop to one queue are one batch.

So many senders, each of which waits for its answer, cost little more than one who sends much.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from anymq.config.units import KIB
from anymq.core.broker import Broker
from anymq.core.errors import Refused
from anymq.core.streams.partition import Partition
from anymq.core.streams.topic import Topic
from anymq.core.taps import Origin
from anymq.protocols.rocketmq.convert import batch_of
from anymq.protocols.rocketmq.form import Said
from anymq.storage.batch import HEADER_BYTES, read_header
from anymq.storage.errors import StorageError

BATCH_BYTES_MAX = 512 * KIB  # about: readers unpack a batch as a whole
RECORD_BYTES = 80  # about: what a record takes besides its properties and body

# Told where the first of the messages is; or why they are nowhere.
Then = Callable[[int, Exception | None], None]


class Sent(NamedTuple):
    """Messages of one request, which stay together."""

    messages: Sequence[tuple[Said, bytes]]
    size: int
    who: Origin
    then: Then


def size_of(messages: Sequence[tuple[Said, bytes]]) -> int:
    """Return how much messages take, about. What they say is there twice: see form.py."""
    size = RECORD_BYTES * len(messages)
    for said, body in messages:
        size += len(body) + 2 * len(said[0])
    return size


class Gatherer:
    """What was sent in this turn, by queue."""

    def __init__(self, broker: Broker) -> None:
        self.scheduled = False
        self._broker = broker
        self._sent: dict[Partition, tuple[Topic, list[Sent]]] = {}

    def add(self, topic: Topic, partition: Partition, sent: Sent) -> None:
        """Append these at the end of the turn."""
        found = self._sent.get(partition)
        if found is None:
            found = self._sent[partition] = (topic, [])
            self._broker.turn.add(self)
        found[1].append(sent)

    def pump(self) -> bool:
        """Append everything."""
        gathered, self._sent = self._sent, {}
        now_ms = self._broker.clock.wall_ms()
        for partition, (topic, sent) in gathered.items():
            limit = min(BATCH_BYTES_MAX, topic.config.max_message_bytes - HEADER_BYTES)
            for part in _parts(sent, limit, together=topic.taps.tap is None):
                _append(topic, partition, part, now_ms)
        return False

    def flush(self) -> None:
        """Logs are written by the commit that follows every turn."""


def _parts(sent: list[Sent], limit: int, *, together: bool) -> list[list[Sent]]:
    """Return what becomes one batch each. Who listens wants to know of each who sent it."""
    if len(sent) == 1:
        return [sent]
    parts: list[list[Sent]] = []
    size = 0
    for one in sent:
        if not parts or not together or size + one.size > limit:
            parts.append([])
            size = 0
        parts[-1].append(one)
        size += one.size
    return parts


def _append(topic: Topic, partition: Partition, sent: list[Sent], now_ms: int) -> None:
    messages = sent[0].messages if len(sent) == 1 else [one for each in sent for one in each[0]]
    batch = batch_of(messages, now_ms)
    written = _Written(sent)
    try:
        result = partition.append(batch, read_header(batch), now_ms, written.durable)
    except (Refused, StorageError) as error:
        written.refused(error)
        return
    if topic.taps.tap is not None:
        topic.taps.tap.appended(topic.name, partition.index, result.base_offset, batch, sent[0].who)
    written.appended(result.base_offset)


class _Written:
    """Senders of one batch: told when it has its place and is durable, whichever comes last."""

    __slots__ = ("_base", "_error", "_is_durable", "_sent")

    def __init__(self, sent: list[Sent]) -> None:
        self._sent = sent
        self._base = -1
        self._is_durable = False
        self._error: Exception | None = None

    def appended(self, base: int) -> None:
        self._base = base
        if self._is_durable:
            self._tell()

    def durable(self, error: Exception | None) -> None:
        self._is_durable, self._error = True, error
        if self._base >= 0:
            self._tell()

    def refused(self, error: Exception) -> None:
        self._error = error
        self._tell()

    def _tell(self) -> None:
        offset = self._base
        for each in self._sent:
            each.then(offset, self._error)
            offset += len(each.messages)
