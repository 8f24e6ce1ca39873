"""Spans of OpenTelemetry: real clients, a real exporter, a collector that keeps what comes."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pika
import pytest
from confluent_kafka import Producer
from typing_extensions import override

from anymq.testing import EmbeddedBroker

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = f"00-{TRACE}-{SPAN}-01"
NOT_SAMPLED = f"00-{TRACE}-{SPAN}-00"
SETTINGS = {"tracing": {"opentelemetry": True}}


class Collector:
    """Takes spans over HTTP."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            @override
            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def take(self, request: Any) -> None:
        for resource in request.resource_spans:
            said = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(said["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "orders-broker")
    yield collector
    collector.close()


def attributes(span: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


def publish(channel: Any, body: bytes, **headers: object) -> None:
    properties = pika.BasicProperties(headers=headers, message_id="m1")
    channel.basic_publish("", "orders", body, properties)


def test_what_the_broker_does_is_part_of_the_publishers_trace(collector: Collector) -> None:
    """And the consumer goes on from the publisher's span: the headers stay as they are."""
    with EmbeddedBroker(settings=SETTINGS) as broker:
        use_amqp(broker)
        use_kafka(broker)

    assert collector.services == {"orders-broker"}
    names = sorted(span.name for span in collector.spans)
    assert names == ["deliver orders", "publish news", "publish orders"]
    for span in collector.spans:
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, SPAN)
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    check_spans_of_queue(*collector.named("publish orders"), *collector.named("deliver orders"))
    [written] = collector.named("publish news")
    assert attributes(written)["messaging.destination.partition.id"] == "0"


def use_amqp(broker: EmbeddedBroker) -> None:
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("orders")
        publish(channel, b"traced", traceparent=SAMPLED, tracestate="a=b")
        publish(channel, b"not sampled", traceparent=NOT_SAMPLED)
        publish(channel, b"no sense", traceparent="00-0-0-01")
        publish(channel, b"without")
        _, properties, body = channel.basic_get("orders", auto_ack=True)
        assert (body, properties.headers) == (
            b"traced",
            {"traceparent": SAMPLED, "tracestate": "a=b"},
        )
        for _ in range(3):
            channel.basic_get("orders", auto_ack=True)


def use_kafka(broker: EmbeddedBroker) -> None:
    producer = Producer({"bootstrap.servers": broker.kafka, "compression.type": "gzip"})
    for said in (SAMPLED, NOT_SAMPLED, ""):
        producer.produce("news", b"hello", headers=[("traceparent", said)])
    producer.flush()


def check_spans_of_queue(published: Any, delivered: Any) -> None:
    """The second begins with the first: it is as long as the message was in the queue."""
    assert published.trace_state == "a=b"
    said = attributes(published)
    assert (
        said.items()
        >= {
            "messaging.system": "anymq",
            "messaging.destination.name": "orders",
            "messaging.message.id": "m1",
            "messaging.message.body.size": 6,
            "network.protocol.name": "amqp",
            "enduser.id": "guest",
            "anymq.vhost": "/",
            "anymq.queues": 1,
        }.items()
    )
    assert attributes(delivered)["anymq.no_ack"] is True
    assert delivered.start_time_unix_nano == published.start_time_unix_nano


def test_without_a_collector_the_broker_works_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there; the stop does not wait for it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with EmbeddedBroker(settings=SETTINGS) as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
        channel = connection.channel()
        channel.queue_declare("orders")
        publish(channel, b"traced", traceparent=SAMPLED)
        assert channel.basic_get("orders", auto_ack=True)[2] == b"traced"
        connection.close()
