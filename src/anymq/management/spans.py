"""Spans: what the broker does with a message, as OpenTelemetry tells it; the extra anymq[otel].

Only for messages with a sampled `traceparent` (W3C Trace Context) in their headers: whoever
publishes decides what is traced. The headers stay as they are, so consumers go on from the
publisher's span. They leave by a thread of OpenTelemetry's own, and are dropped if there are too
many.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from threading import Thread
from typing import TYPE_CHECKING

import anymq
from anymq.core.message import Message, Properties
from anymq.core.taps import Origin, Tap
from anymq.storage import records
from anymq.storage.batch import read_header
from anymq.storage.errors import CorruptBatch

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

    from anymq.core.queues.delivery import Delivery
    from anymq.storage.files import Buffer, FileRange

HEADER = "traceparent"
MARK = HEADER.encode()
STATE = "tracestate"
SCOPE = "anymq"
MS = 1_000_000  # in nanoseconds
STOP_SECONDS = 2.0
RECORDS_MAX = 100  # of one batch that are looked at
DECOMPRESSED_BYTES_MAX = 1024 * 1024
STATE_MAX = 512  # characters, as the standard has it

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
SAMPLED = 1

Attributes = dict[str, str | int | bool]


def is_there() -> bool:
    """Is OpenTelemetry installed?"""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None


class Telemetry:
    """Everything that is told of all virtual hosts."""

    def __init__(self, provider: "TracerProvider", now_ms: Callable[[], int]) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SCOPE, anymq.__version__)
        self._now_ms = now_ms

    def listen(self, vhost: str) -> Tap:
        """Listen at a virtual host."""
        return Spans(vhost, self._tracer, self._now_ms)

    def stop(self) -> None:
        """Send what is left, if that is quick: a stop does not wait for somebody else."""
        sending = Thread(target=self._provider.shutdown, name="anymq-spans", daemon=True)
        sending.start()
        sending.join(STOP_SECONDS)


def make_provider(node: str) -> "TracerProvider":
    """Return what sends spans where OpenTelemetry's variables say."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    said = {"service.name": "anymq", "service.instance.id": node}
    # What the variables say of the service comes before what we say.
    resource = Resource(said).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Spans:
    """Listens at one virtual host: a `core.taps.Tap`."""

    def __init__(self, vhost: str, tracer: "Tracer", now_ms: Callable[[], int]) -> None:
        self._vhost = vhost
        self._tracer = tracer
        self._now_ms = now_ms

    def published(self, messages: Sequence[Message], queues: Sequence[str], who: Origin) -> None:
        """These were published, and go to these queues."""
        for message, said, context in _traced(messages):
            to = message.envelope.exchange or message.envelope.routing_key
            more: Attributes = {"anymq.queues": len(queues), **_of(who)}
            self._span(
                f"publish {to}", to, context, _about(message, said, more), message.timestamp_ms
            )

    def delivered(
        self, queue: str, deliveries: "Sequence[Delivery]", who: Origin, *, no_ack: bool
    ) -> None:
        """These went out to a consumer: the span is how long they waited."""
        redelivered = {id(one.message): one.redelivered for one in deliveries}
        for message, said, context in _traced([one.message for one in deliveries]):
            more: Attributes = {
                "anymq.redelivered": redelivered[id(message)],
                "anymq.no_ack": no_ack,
                **_of(who),
            }
            about = _about(message, said, more)
            self._span(f"deliver {queue}", queue, context, about, message.timestamp_ms)

    def settled(self, queue: str, positions: Sequence[int], what: str) -> None:
        """Positions only: nothing says of which message."""

    def dropped(self, queue: str, deliveries: "Sequence[Delivery]", reason: str) -> None:
        """These left a queue for good."""
        self._lost(queue, [one.message for one in deliveries], "drop", reason)

    def died(self, queue: str, message: Message, letter: Message, reason: str) -> None:
        """This message goes on as another one, with the same headers."""
        self._lost(queue, [message], "dead-letter", reason)

    def appended(
        self, topic: str, partition: int, base_offset: int, batch: "Buffer", who: Origin
    ) -> None:
        """A batch of records was written to a topic from here on."""
        for offset, headers, size in _records(batch):
            context = context_of(headers)
            if context is not None:
                about: Attributes = {
                    "messaging.destination.partition.id": str(partition),
                    "messaging.kafka.offset": offset,
                    "messaging.message.body.size": size,
                    **_of(who),
                }
                self._span(f"publish {topic}", topic, context, about, self._now_ms())

    def fetched(self, topic: str, partition: int, found: "FileRange", who: Origin) -> None:
        """Files go out as they are: who reads them tells of it himself."""

    def _lost(self, queue: str, messages: Sequence[Message], what: str, reason: str) -> None:
        for message, said, context in _traced(messages):
            about = _about(message, said, {"anymq.reason": reason})
            self._span(f"{what} {queue}", queue, context, about, message.timestamp_ms)

    def _span(
        self, name: str, to: str, context: "Context", about: Attributes, since_ms: int
    ) -> None:
        from opentelemetry.trace import SpanKind

        now_ms = self._now_ms()
        attributes: Attributes = {
            "messaging.system": "anymq",
            "messaging.destination.name": to,
            "anymq.vhost": self._vhost,
            **about,
        }
        span = self._tracer.start_span(
            _sound(name),
            context,
            SpanKind.SERVER,
            {key: _sound(one) if isinstance(one, str) else one for key, one in attributes.items()},
            start_time=min(since_ms, now_ms) * MS,
        )
        span.end(now_ms * MS)


def _traced(messages: Sequence[Message]) -> Iterator[tuple[Message, Properties, "Context"]]:
    """Yield those that are traced; a look at the bytes tells most of the others."""
    for message in messages:
        if MARK in message.properties:
            try:
                said = message.read()
            except ValueError:
                continue
            if (context := context_of(said.headers)) is not None:
                yield message, said, context


def _records(batch: "Buffer") -> Iterator[tuple[int, Mapping[str, object], int]]:
    """Yield offset, headers and size of records; the first ones, if there are many."""
    data = bytes(batch)
    if not read_header(data).compression and MARK not in data:
        return
    try:
        for number, one in enumerate(records.iterate(data, bytes_max=DECOMPRESSED_BYTES_MAX)):
            if number >= RECORDS_MAX:
                return
            headers = {name.decode("ascii", "replace"): value for name, value in one.headers}
            yield one.offset, headers, len(one.value or b"")
    except CorruptBatch:
        return


def context_of(headers: Mapping[str, object]) -> "Context | None":
    """Return what the headers say of the span that published it, if it is sampled."""
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        TraceFlags,
        TraceState,
        set_span_in_context,
    )

    found = _TRACEPARENT.fullmatch(_text(headers.get(HEADER)))
    if found is None or not int(found[3], 16) & SAMPLED:
        return None
    state = _text(headers.get(STATE))
    said = SpanContext(
        int(found[1], 16),
        int(found[2], 16),
        is_remote=True,
        trace_flags=TraceFlags(SAMPLED),
        trace_state=TraceState.from_header([state] if 0 < len(state) <= STATE_MAX else []),
    )
    return set_span_in_context(NonRecordingSpan(said)) if said.is_valid else None


def _sound(text: str) -> str:
    """Return it without what UTF-8 cannot say: one such name would lose all spans beside it."""
    return text.encode(errors="backslashreplace").decode()


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return value.decode("ascii", "replace") if isinstance(value, bytes) else ""


def _about(message: Message, said: Properties, more: Attributes) -> Attributes:
    about: Attributes = {
        "messaging.rabbitmq.destination.routing_key": message.envelope.routing_key,
        "messaging.message.body.size": len(message.body),
    }
    if said.message_id:
        about["messaging.message.id"] = said.message_id
    if said.correlation_id:
        about["messaging.message.conversation_id"] = said.correlation_id
    return about | more


def _of(who: Origin) -> Attributes:
    return {"network.protocol.name": who.protocol, "enduser.id": who.user} if who.protocol else {}
