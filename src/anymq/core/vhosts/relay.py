"""Relay: what others append to a topic goes to those who listen at its address.

Others are who write record batches: Kafka's producers. While nobody listens their batches stay
closed. Who listens is looked up when the topology has changed, by what is at the address in the
trie: that costs the same however many subscriptions there are elsewhere.

Who listens gets a batch in the turn in which it is appended, and so in the same commit. Only where
there are very many records in it, some come in later turns, and the producer's answer waits for
them. It speaks of the topic only: what a full queue does not take is its own loss.

Measured by benchmarks/micro/relay.py.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from anymq.config.units import MIB
from anymq.core.errors import Refused
from anymq.core.message import Form, Message, Run
from anymq.core.portable.record_form import RECORD_FORM
from anymq.core.portable.relayed import RelayedOpener
from anymq.core.queues.turn import Turn
from anymq.core.streams.reader import RATIO_MAX
from anymq.core.vhosts.addresses import TRIE
from anymq.core.vhosts.publishing import Publishing
from anymq.core.vhosts.stream import Stream
from anymq.observability.log import Log as News
from anymq.storage import records
from anymq.storage.batch import LOG_APPEND_TIME, BatchHeader
from anymq.storage.errors import CorruptBatch, StorageError
from anymq.storage.files import Buffer
from anymq.storage.log import Then

RECORDS_AT_ONCE = 10_000  # some 50 ms: then others have their turn

news = News(__name__)


class Both:
    """Called twice, or once with an error: then it says so."""

    __slots__ = ("_called", "_then")

    def __init__(self, then: Then) -> None:
        self._then: Then | None = then
        self._called = False

    def __call__(self, error: StorageError | None) -> None:
        """One of the two is done."""
        if (self._called or error is not None) and self._then is not None:
            then, self._then = self._then, None
            then(error)
        self._called = True


class Later:
    """Large batches, and what came behind them, handed on a part in each turn.

    Whoever sent them has no answer before, so he cannot send more and more of them.
    """

    def __init__(self, turn: Turn) -> None:
        self.scheduled = False
        self._turn = turn
        self._waiting: deque[tuple[Relay, Buffer, BatchHeader, Both | None]] = deque()
        self._messages: Iterator[Message] | None = None  # what is left of the first

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(
        self, relay: "Relay", batch: Buffer, header: BatchHeader, then: Then | None
    ) -> Then | None:
        """Hand this on when its time has come; return what calls `then` when that is done, too."""
        both = None if then is None else Both(then)
        relay.waiting += 1
        self._waiting.append((relay, batch, header, both))
        self._turn.add(self)
        return both

    def pump(self) -> bool:
        """Hand on a part; say whether there is more."""
        room = RECORDS_AT_ONCE
        while self._waiting and room > 0:
            relay, batch, header, both = self._waiting[0]
            if self._messages is None:
                self._messages = relay.messages(batch, header)
            some = list(islice(self._messages, room))
            relay.hand_on(some)
            if len(some) < room:
                self._messages = None
                relay.waiting -= 1
                self._waiting.popleft()
                if both is not None:
                    both(None)
            room -= max(1, len(some))
        return bool(self._waiting)

    def flush(self) -> None:
        """Nothing of this is on the disk."""


class Relay:
    """One for each topic: it hears of every batch that comes from outside."""

    __slots__ = (
        "_forms",
        "_heard",
        "_later",
        "_opener",
        "_publishing",
        "_stream",
        "_topology",
        "_version",
        "waiting",
    )

    def __init__(
        self, stream: Stream, publishing: Publishing, forms: Mapping[int, Form], later: Later
    ) -> None:
        self.waiting = 0  # batches that come later
        self._later = later
        self._stream = stream
        self._publishing = publishing
        self._topology = publishing.ways.topology
        self._forms = forms
        self._opener: RelayedOpener | None = None
        self._heard = False
        self._version = -1

    def appended(self, batch: Buffer, header: BatchHeader, then: Then | None) -> Then | None:
        """This batch is in the topic now. Hot: nearly always nobody wants to know."""
        version = self._topology.version
        if self._version != version:
            self._version = version
            self._heard = self._publishing.ways.is_heard(self._stream)
        if not self._heard:
            return then
        if self.waiting or header.record_count > RECORDS_AT_ONCE:
            return self._later.add(self, batch, header, then)
        self.hand_on(list(self.messages(batch, header)))
        return then

    def hand_on(self, messages: Sequence[Message]) -> None:
        """Bring messages to who listens, in runs of those that were written alike."""
        first = 0
        for index, message in enumerate(messages):
            if message.envelope is not messages[first].envelope:
                self._relay(messages[first:index])
                first = index
        if messages:
            self._relay(messages[first:])

    def _relay(self, messages: Sequence[Message]) -> None:
        persistent = messages[0].envelope.form is RECORD_FORM or any(
            one.traits.persistent for one in messages
        )
        try:
            self._publishing.relay(Run(messages, persistent=persistent), self._stream)
        except Refused as error:  # by an exchange of a type that is gone
            self._report(error)

    def messages(self, batch: Buffer, header: BatchHeader) -> Iterator[Message]:
        """Yield the records as messages; those that are none are left out."""
        opener = self._opener
        if opener is None:
            stream = self._stream
            opener = RelayedOpener(stream.topic.name, TRIE, stream.name, self._forms)
            self._opener = opener
        now_ms = self._publishing.now_ms()
        appended = header.attributes & LOG_APPEND_TIME
        try:
            body = records.body_of(batch, header, bytes_max=RATIO_MAX * max(len(batch), MIB))
            for _, time_delta, key, _, value_start, end in records.slices(body, header):
                value, written = records.split_of(body, value_start, end)
                time_ms = header.max_timestamp if appended else header.base_timestamp + time_delta
                try:
                    message = opener.relayed(key, value, written, time_ms, now_ms)
                except CorruptBatch as error:  # headers that are none
                    self._report(error)
                else:
                    yield message
        except CorruptBatch as error:  # its sender made it so: its checksum is right
            self._report(error)

    def _report(self, error: Exception) -> None:
        news.warning(
            "records do not come to those who listen at their topic's address",
            topic=self._stream.topic.name,
            error=str(error),
        )
