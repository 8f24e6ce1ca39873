"""Which messages have spans, and who listens when nobody wants any."""

import pytest

from anymq.core.message import Message
from anymq.core.taps import BROKER, Both
from anymq.testing.http import HttpRoom

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span

from anymq.management.spans import Spans, context_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_nobody_listens_unless_somebody_wants_it() -> None:
    """So it costs one comparison for a batch."""
    assert HttpRoom().broker.vhosts["/"].taps.tap is None


@pytest.mark.parametrize(
    ("said", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"01-{TRACE}-{SPAN}-01-of the future", True),
        (f"00-{TRACE}-{SPAN}-01".encode(), True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"ff-{TRACE}-{SPAN}-01", False),
        (f"00-{'0' * 32}-{SPAN}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{SPAN}-01", False),
        (f"00-{TRACE}-{SPAN}", False),
        ("", False),
        (17, False),
        (None, False),
        (b"\xff\xfe", False),
    ],
)
def test_only_who_says_so_is_traced(said: object, sampled: bool) -> None:
    context = context_of({"traceparent": said})
    assert (context is not None) is sampled
    if context is not None:
        found = get_current_span(context).get_span_context()
        assert (f"{found.trace_id:032x}", f"{found.span_id:016x}") == (TRACE, SPAN)


def test_spans_and_a_trace_hear_the_same() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    room = HttpRoom()
    vhost = room.broker.vhosts["/"]
    spans = Spans("/", provider.get_tracer("test"), lambda: 5)
    vhost.tracing._also = spans
    room.put("/api/traces/%2F/mine", {})
    assert type(vhost.taps.tap) is Both
    room.put("/api/queues/%2F/q", {"durable": True})
    for name in ("traceparent", "other"):
        room.post(
            "/api/exchanges/%2F/amq.default/publish",
            {
                "properties": {"headers": {name: f"00-{TRACE}-{SPAN}-01"}},
                "routing_key": "q",
                "payload": "x",
                "payload_encoding": "string",
            },
        )
    assert [span.name for span in kept.get_finished_spans()] == ["publish q"]
    assert len(vhost.tracing.traces["mine"]) == 2
    room.delete("/api/traces/%2F/mine")
    listening: object = vhost.taps.tap
    assert listening is spans


def test_a_name_that_is_no_text_loses_no_spans() -> None:
    """Protobuf refuses it when all are sent."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    room = HttpRoom()
    spans = Spans("/", provider.get_tracer("test"), lambda: 5)
    messages: list[Message] = []

    class Keep:
        def published(self, found: list[Message], *_: object) -> None:
            messages.extend(found)

    room.broker.vhosts["/"].taps.tap = Keep()  # type: ignore[assignment]
    room.post(
        "/api/exchanges/%2F/amq.default/publish",
        {
            "properties": {"headers": {"traceparent": f"00-{TRACE}-{SPAN}-01"}},
            "routing_key": "q",
            "payload": "x",
            "payload_encoding": "string",
        },
    )
    spans.died("q\udcff", messages[0], messages[0], "expired")
    spans.published(messages, [], BROKER)
    assert [span.name for span in kept.get_finished_spans()] == [
        "dead-letter q\\udcff",
        "publish q",
    ]
