"""A request by one protocol, answered by another: where the answer goes, and what it belongs to."""

from collections.abc import Iterator
from typing import Any

import pytest

from anymq.testing import EmbeddedBroker
from tests.conformance.across.rocketmq_speaker import RocketMq
from tests.conformance.across.speakers import Amqp, Kafka, Mqtt, Speaker, Spoken, Stomp, body_of
from tests.conformance.across.workers import STEPS_MAX

ASK, ANSWERS = "rpc.ask", "rpc.answers"
REPLY_QUEUE = "answers"  # gets what is published to the address, too

BODY: dict[type[Speaker], str] = {Kafka: "value", Amqp: "body", Mqtt: "payload", Stomp: "body"}
BODY[RocketMq] = "body"
# How each says where it wants its answer, and what it is for.
ASKING: dict[type[Speaker], Spoken] = {
    Amqp: Spoken({"reply_to": REPLY_QUEUE, "correlation_id": "7"}),
    Mqtt: Spoken({"Response Topic": "rpc/answers", "Correlation Data": b"7"}),
    Stomp: Spoken({}, [("reply-to", "/topic/rpc.answers"), ("correlation-id", "7")]),
    Kafka: Spoken({}, [("reply-to", b"rpc.answers"), ("correlation-id", b"7")]),
    RocketMq: Spoken({}, [("REPLY_TO_CLIENT", "rpc.answers"), ("CORRELATION_ID", "7")]),
}
SERVERS: tuple[type[Speaker], ...] = (Kafka, Amqp, Mqtt, Stomp, RocketMq)


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    doors = {name: {"port": 0} for name in ("mqtt", "stomp", "rocketmq")}
    with EmbeddedBroker(settings=doors) as running:
        declaring = Amqp(running, [])
        declaring.declare_stream(ASK)
        declaring.declare_stream(ANSWERS)
        declaring.channel.queue_declare(REPLY_QUEUE, durable=True, auto_delete=False)
        declaring.channel.queue_bind(REPLY_QUEUE, "amq.topic", ANSWERS)
        declaring.close()
        yield running


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("client", ASKING)
def test_a_request_and_its_answer(
    broker: EmbeddedBroker, client: type[Speaker], server: type[Speaker]
) -> None:
    """Whoever serves does with reply-to and correlation what its own protocol does with them."""
    serving, asking, answers = server(broker, [ASK]), client(broker, []), Amqp(broker, [])
    try:
        request = ASKING[client]
        request.own[BODY[client]] = f"ping of {client.__name__} to {server.__name__}".encode()
        asking.write(ASK, request)
        asking.flush()
        serving.answer(heard(serving, request.own[BODY[client]]), b"pong")
        answer = taken(answers)
    finally:
        for speaker in (serving, asking, answers):
            speaker.close()
    assert body_of(answer) == b"pong"
    assert answer.properties["correlation_id"] == "7"


def heard(server: Speaker, body: bytes) -> Spoken:
    """Return this request; those of topics read earlier ones, too."""
    requests = (said for _, said in server.read() if said.own[BODY[type(server)]] == body)
    return next(requests)


def taken(answers: Amqp) -> Any:
    """Return what came to the place of answers."""
    for _ in range(STEPS_MAX):
        if (message := answers.channel.basic_get(REPLY_QUEUE, no_ack=True)) is not None:
            return message
    raise AssertionError("no answer came")
