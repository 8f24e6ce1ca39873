"""QueueWriter: what Kafka's producers write to a queue: each record becomes a message there.

It goes the way of everything that is published, through the default exchange. What a producer sends
again is noticed, as long as we run: a queue keeps nothing of who has written to it.
"""

from collections.abc import Callable, Mapping
from itertools import count, groupby
from weakref import WeakKeyDictionary

from anymq.config.units import MIB
from anymq.core.joined import Joined
from anymq.core.message import Envelope, Form, Message, Run
from anymq.core.portable.opener import Opener
from anymq.core.portable.record_form import RECORD_FORM, TIME, sized_key
from anymq.core.queues.queue import Queue
from anymq.core.routing.target import Then
from anymq.core.streams import admission
from anymq.core.streams.partition import NO_TIMESTAMP, AppendResult
from anymq.core.streams.producers import Producers
from anymq.core.streams.reader import RATIO_MAX
from anymq.core.streams.topic_config import TopicConfig
from anymq.core.taps import Origin
from anymq.core.vhosts.vhost import VirtualHost
from anymq.storage import records
from anymq.storage.batch import LOG_APPEND_TIME, BatchHeader
from anymq.storage.files import Buffer

UNKNOWN_OFFSET = -1  # a message may be somebody's before anyone could ask where it was


class QueueWriter:
    """What is remembered of a queue that Kafka's producers write to."""

    def __init__(self, vhost: VirtualHost, name: str, forms: Mapping[int, Form]) -> None:
        self._vhost = vhost
        self._name = name
        self._opener = Opener(name, forms)
        self._envelopes: dict[int, Envelope] = {}
        self._producers = Producers()
        self._numbers = count()
        self._open: dict[int, list[Then]] = {}  # batches on their way, and who waits for each

    def write(
        self, batch: Buffer, header: BatchHeader, who: Origin, now_ms: int, then: Then
    ) -> None:
        """Publish what is in a batch; `then` when all of it is as safe as the queue promises."""
        if header.producer_id >= 0:
            earlier = self._producers.duplicate_of(header)
            if earlier is not None:
                self._when_kept(earlier, then)
                return
        runs = self._runs(batch, header)
        number = next(self._numbers)
        if header.producer_id >= 0:
            self._producers.add(header, number, now_ms)
        self._open[number] = [then]
        kept = Joined(lambda error: self._kept(number, error), len(runs))
        for run in runs:
            self._vhost.publish(run, kept, who=who)

    def _when_kept(self, number: int, then: Then) -> None:
        waiting = self._open.get(number)
        if waiting is None:
            then(None)
        else:
            waiting.append(then)

    def _kept(self, number: int, error: Exception | None) -> None:
        if error is not None:  # its producer may try again, and that is no repetition
            self._producers = Producers()
        for then in self._open.pop(number, ()):
            then(error)

    def _runs(self, batch: Buffer, header: BatchHeader) -> list[Run]:
        messages = self._messages(batch, header)
        return [Run(list(some), persistent=True) for _, some in groupby(messages, key=_envelope_of)]

    def _messages(self, batch: Buffer, header: BatchHeader) -> list[Message]:
        """Unpack. CorruptBatch, where it is none, or grows too much."""
        body = records.body_of(batch, header, bytes_max=RATIO_MAX * max(len(batch), MIB))
        appended = header.attributes & LOG_APPEND_TIME
        found: list[Message] = []
        for item in records.slices(body, header):
            _, time_delta, key, _, value_start, end = item
            value, headers = records.split_of(body, value_start, end)
            time = header.max_timestamp if appended else header.base_timestamp + time_delta
            found.append(self._message(key, value, headers, time))
        return found

    def _message(
        self, key: bytes | None, value: bytes | None, headers: bytes, time: int
    ) -> Message:
        """As it is in a topic, but addressed to this queue: its key is a property, no address."""
        message = self._opener.open(key, value, headers, time)
        form, properties = message.envelope.form, message.properties
        if form is RECORD_FORM:
            written = RECORD_FORM.headers(properties)
            properties = TIME.pack(time) + sized_key(key) + written
        return message._replace(envelope=self._envelope(form), properties=properties)

    def _envelope(self, form: Form) -> Envelope:
        envelope = self._envelopes.get(form.number)
        if envelope is None:
            envelope = self._envelopes[form.number] = Envelope("", self._name, form)
        return envelope


class QueueSink:
    """A queue, as it takes batches of one client: what a partition is for a topic."""

    __slots__ = ("_check", "_who", "_writer", "index", "topic_name")

    def __init__(
        self,
        writer: QueueWriter,
        topic_name: str,
        who: Origin,
        check: Callable[[BatchHeader, int, int], None],
    ) -> None:
        self._writer = writer
        self._who = who
        self._check = check
        self.topic_name = topic_name
        self.index = 0

    def append(self, batch: Buffer, header: BatchHeader, now_ms: int, then: Then) -> AppendResult:
        """Take a batch; it has no offset that anybody could rely on."""
        self._check(header, len(batch), now_ms)
        self._writer.write(batch, header, self._who, now_ms, then)
        return AppendResult(UNKNOWN_OFFSET, NO_TIMESTAMP, 0)


class QueueSinks:
    """Makes them."""

    def __init__(
        self,
        vhosts: Mapping[str, VirtualHost],
        forms: Mapping[int, Form],
        default_config: Callable[[], TopicConfig],
    ) -> None:
        self._vhosts = vhosts
        self._forms = forms
        self._config = default_config
        self._writers: WeakKeyDictionary[Queue, QueueWriter] = WeakKeyDictionary()

    def sink(self, queue: Queue, topic_name: str, who: Origin) -> QueueSink:
        """Return where this client writes to a queue."""
        writer = self._writers.get(queue)
        if writer is None:
            vhost = self._vhosts[queue.vhost_name]
            writer = self._writers[queue] = QueueWriter(vhost, queue.name, self._forms)
        return QueueSink(writer, topic_name, who, self._check)

    def _check(self, header: BatchHeader, size: int, now_ms: int) -> None:
        admission.check(header, size, self._config(), now_ms)


def _envelope_of(message: Message) -> int:
    return id(message.envelope)
