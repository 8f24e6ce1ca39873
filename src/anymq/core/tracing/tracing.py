"""Tracing: who listens to one virtual host, and what they are told."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from anymq.core.errors import Refused
from anymq.core.message import Form, Message
from anymq.core.portable.opener import Opener
from anymq.core.queues.delivery import Delivery
from anymq.core.taps import BROKER, Both, Origin, Tap, Taps
from anymq.core.tracing import firehose
from anymq.core.tracing.events import (
    DEAD_LETTERED,
    DELIVERED,
    DROPPED,
    PUBLISHED,
    RETURNED,
    Event,
    fingerprint,
    read,
)
from anymq.core.tracing.trace import Trace, Wanted
from anymq.observability.log import Log as News
from anymq.storage import records
from anymq.storage.batch import HEADER_BYTES, read_header
from anymq.storage.errors import CorruptBatch
from anymq.storage.files import FileRange

if TYPE_CHECKING:
    from anymq.storage.files import Buffer

TRACES_MAX = 16  # of a virtual host
RECORDS_MAX = 100  # of one batch, or one answer of a topic, that are looked at one by one
READ_BYTES_MAX = 256 * 1024
DECOMPRESSED_BYTES_MAX = 4 * 1024 * 1024
OPENERS_MAX = 100  # topics whose records were read lately

news = News(__name__)


class Tracing:
    """Of one virtual host: a `core.taps.Tap`, as long as anybody wants to know anything."""

    def __init__(
        self,
        vhost_name: str,
        taps: Taps,
        *,
        node: str,
        now_ms: Callable[[], int],
        forms: Mapping[int, Form],
        send: Callable[[Message], None],
        also: Tap | None = None,
    ) -> None:
        """`send` brings a message of the firehose to its exchange; `also` always listens, too."""
        self.traces: dict[str, Trace] = {}
        self._vhost_name = vhost_name
        self._taps = taps
        self._node = node
        self._now_ms = now_ms
        self._forms = forms
        self._send = send
        self._firehose = False
        self._openers: dict[str, Opener] = {}
        self._also = also
        self._listen()

    # Who listens

    @property
    def firehose(self) -> bool:
        """Do copies of everything go to `amq.rabbitmq.trace`?"""
        return self._firehose

    @firehose.setter
    def firehose(self, on: bool) -> None:
        if on != self._firehose:
            news.info("the firehose", vhost=self._vhost_name, on=on)
        self._firehose = on
        self._listen()

    def begin(self, name: str, wanted: Wanted) -> Trace:
        """Remember what happens from now on; a trace of this name begins anew."""
        if name not in self.traces and len(self.traces) >= TRACES_MAX:
            raise Refused(f"there are {TRACES_MAX} traces already")
        trace = self.traces[name] = Trace(name, wanted)
        self._listen()
        return trace

    def end(self, name: str) -> bool:
        """Forget a trace; False: there is none of this name."""
        trace = self.traces.pop(name, None)
        self._listen()
        return trace is not None

    def stop(self) -> None:
        """Nobody listens any more."""
        self.traces.clear()
        self.firehose = False

    def _listen(self) -> None:
        also = self._also
        if self._firehose or self.traces:
            self._taps.tap = self if also is None else Both(self, also)
        else:
            self._taps.tap = also
            self._openers.clear()

    # What happens

    def published(self, messages: Sequence[Message], queues: Sequence[str], who: Origin) -> None:
        """These were published, and go to these queues; to none: they went nowhere."""
        if self._firehose and who is not BROKER:
            for message in messages:
                told = firehose.about_publish(message, queues, self._vhost_name, self._node, who)
                self._send(told)
        exchange = messages[0].envelope.exchange
        traces = self._wanting((f"publish.{exchange}",), who)
        if traces:
            said = PUBLISHED if queues else RETURNED
            for message in messages:
                self._note(traces, self._event(said, message, who, queues=tuple(queues)))

    def delivered(
        self, queue: str, deliveries: Sequence[Delivery], who: Origin, *, no_ack: bool
    ) -> None:
        """These went out to a consumer; with `no_ack` that was all."""
        if self._firehose:
            self._pour_deliveries(queue, deliveries, who)
        if traces := self._wanting((f"deliver.{queue}",), who):
            for one in deliveries:
                event = self._event(
                    DELIVERED,
                    one.message,
                    who,
                    queues=(queue,),
                    position=one.position,
                    redelivered=one.redelivered,
                    no_ack=no_ack,
                )
                self._note(traces, event)

    def _pour_deliveries(self, queue: str, deliveries: Sequence[Delivery], who: Origin) -> None:
        for one in deliveries:
            if one.message.envelope.exchange != firehose.EXCHANGE:
                told = firehose.about_delivery(
                    one.message,
                    queue,
                    self._vhost_name,
                    self._node,
                    who,
                    redelivered=one.redelivered,
                )
                self._send(told)

    def settled(self, queue: str, positions: Sequence[int], what: str) -> None:
        """These, which were delivered, are done with, or came back."""
        if traces := self._wanting((f"deliver.{queue}",), BROKER):
            now_ms = self._now_ms()
            for position in positions:
                event = Event(
                    time_ms=now_ms, event=what, who=BROKER, queues=(queue,), position=position
                )
                self._note(traces, event)

    def dropped(self, queue: str, deliveries: Sequence[Delivery], reason: str) -> None:
        """These left a queue for good."""
        if traces := self._wanting((f"deliver.{queue}",), BROKER):
            for one in deliveries:
                event = self._event(
                    DROPPED,
                    one.message,
                    BROKER,
                    queues=(queue,),
                    position=one.position,
                    reason=reason,
                )
                self._note(traces, event)

    def died(self, queue: str, message: Message, letter: Message, reason: str) -> None:
        """This message left a queue and goes on as another one."""
        if traces := self._wanting((f"deliver.{queue}",), BROKER):
            event = self._event(
                DEAD_LETTERED,
                message,
                BROKER,
                queues=(queue,),
                reason=reason,
                becomes=fingerprint(letter),
            )
            self._note(traces, event)

    def appended(
        self, topic: str, partition: int, base_offset: int, batch: "Buffer", who: Origin
    ) -> None:
        """A batch of records was written to a topic from here on."""
        if traces := self._wanting(("publish.",), who):
            for index, message in enumerate(self._opened(topic, batch)):
                event = self._event(
                    PUBLISHED,
                    message,
                    who,
                    queues=(topic,),
                    partition=partition,
                    position=base_offset + index,
                )
                self._note(traces, event)

    def fetched(self, topic: str, partition: int, found: "FileRange", who: Origin) -> None:
        """These batches of a topic went out to a reader."""
        if traces := self._wanting((f"deliver.{topic}",), who):
            some = FileRange(found.file, found.position, min(found.size, READ_BYTES_MAX))
            for offset, message in self._read(topic, some.read()):
                event = self._event(
                    DELIVERED,
                    message,
                    who,
                    queues=(topic,),
                    partition=partition,
                    position=offset,
                    no_ack=True,
                )
                self._note(traces, event)

    # Within

    def _wanting(self, keys: Sequence[str], who: Origin) -> list[Trace]:
        return [trace for trace in self.traces.values() if trace.wants(keys, who)]

    def _note(self, traces: Iterable[Trace], event: Event) -> None:
        for trace in traces:
            trace.add(_cut(event, trace.wanted.payload_bytes))

    def _event(
        self,
        what: str,
        message: Message,
        who: Origin,
        *,
        queues: tuple[str, ...],
        partition: int | None = None,
        position: int = -1,
        reason: str = "",
        becomes: bytes = b"",
        redelivered: bool = False,
        no_ack: bool = False,
    ) -> Event:
        properties, envelope = read(message), message.envelope
        return Event(
            time_ms=self._now_ms(),
            event=what,
            who=who,
            exchange=envelope.exchange,
            routing_key=envelope.routing_key,
            queues=queues,
            partition=partition,
            position=position,
            fingerprint=fingerprint(message),
            becomes=becomes,
            message_id=properties.message_id or "",
            correlation_id=properties.correlation_id or "",
            reason=reason,
            redelivered=redelivered,
            no_ack=no_ack,
            message=message,
            payload_bytes=len(message.body),
        )

    def _opened(self, topic: str, batch: "Buffer") -> list[Message]:
        return [message for _, message in self._read(topic, batch)]

    def _read(self, topic: str, data: "Buffer") -> list[tuple[int, Message]]:
        """Return the records of these batches: the first ones, if there are many."""
        opener = self._opener(topic)
        found: list[tuple[int, Message]] = []
        try:
            for batch in _split(data):
                for one in records.iterate(batch, bytes_max=DECOMPRESSED_BYTES_MAX):
                    if len(found) >= RECORDS_MAX:
                        return found
                    headers = records.encode_headers(one.headers)
                    message = opener.open(one.key, one.value, headers, one.timestamp)
                    found.append((one.offset, message))
        except CorruptBatch:
            pass  # a batch cut short, as clients expect at the end of an answer
        return found

    def _opener(self, topic: str) -> Opener:
        opener = self._openers.get(topic)
        if opener is None:
            if len(self._openers) >= OPENERS_MAX:  # some of topics that are gone
                self._openers.clear()
            opener = self._openers[topic] = Opener(topic, self._forms)
        return opener


def _split(data: "Buffer") -> Iterator["Buffer"]:
    """Yield the whole batches there are; the last one is often cut short."""
    view, at = memoryview(data), 0
    while at + HEADER_BYTES <= len(view):
        size = read_header(view, at).size
        if at + size > len(view):
            return
        yield view[at : at + size]
        at += size


def _cut(event: Event, bytes_max: int) -> Event:
    message = event.message
    if message is None or len(message.body) <= bytes_max:
        return event
    values = {name: getattr(event, name) for name in event.__struct_fields__}
    values["message"] = message._replace(body=message.body[:bytes_max])
    return Event(**values)
