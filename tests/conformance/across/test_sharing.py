"""One queue, workers of all protocols: each message goes to one of them."""

from collections.abc import Iterator, Sequence

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from anymq.testing import EmbeddedBroker
from tests.conformance.across.rocketmq_speaker import RocketMq
from tests.conformance.across.speakers import Amqp, Kafka, Mqtt, Speaker, Stomp
from tests.conformance.across.workers import (
    WORKERS,
    AmqpWorker,
    Worker,
    until,
)
from tests.conformance.mqtt.client import client

ROUNDS_MAX = 500
PAIRS: list[tuple[type[Worker], type[Worker]]] = [(AmqpWorker, heir) for heir in WORKERS]
PAIRS += [(lost, AmqpWorker) for lost in WORKERS[1:] if lost.returns]


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    doors = {name: {"port": 0} for name in ("mqtt", "stomp")}
    doors["rocketmq"] = {"port": 0, "grpc_port": 0}
    with EmbeddedBroker(settings=doors) as running:
        yield running


@pytest.fixture
def channel(broker: EmbeddedBroker) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


@pytest.fixture
def queue(request: pytest.FixtureRequest, channel: BlockingChannel) -> str:
    name = "".join(char if char.isalnum() else "-" for char in request.node.name)
    channel.queue_declare(name, durable=True)
    return name


def left(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


WRITERS: tuple[type[Speaker], ...] = (Kafka, Amqp, Mqtt, Stomp, RocketMq)


def test_each_message_goes_to_one_whoever_wrote_it(
    broker: EmbeddedBroker, channel: BlockingChannel, queue: str
) -> None:
    """All write to it and all work on it, until each has had some."""
    speakers = [kind(broker, []) for kind in WRITERS]
    workers = [kind(broker, queue) for kind in WORKERS]
    sent: list[bytes] = []
    try:
        for _ in range(ROUNDS_MAX):
            for speaker in speakers:
                sent.append(b"%d" % len(sent))
                speaker.write_to(queue, sent[-1])
            turn(workers)
            if len(sent) >= 60 and all(worker.got for worker in workers):
                break
        until(lambda: sum(len(one.got) for one in workers) >= len(sent), lambda: turn(workers))
    finally:
        for worker in workers:
            worker.lose()
        for speaker in speakers:
            speaker.close()
    assert sorted(work.body for one in workers for work in one.got) == sorted(sent)
    assert [type(one).__name__ for one in workers if not one.got] == []
    assert left(channel, queue) == 0


def turn(workers: Sequence[Worker]) -> None:
    """Let each take and settle."""
    for worker in workers:
        worker.step()
        worker.settle()


@pytest.mark.parametrize(("lost", "heir"), PAIRS)
def test_what_a_lost_worker_had_another_gets(
    broker: EmbeddedBroker,
    channel: BlockingChannel,
    queue: str,
    lost: type[Worker],
    heir: type[Worker],
) -> None:
    """Marked as one that somebody had before, where there is a word for it; the next one is not."""
    first = lost(broker, queue)
    for body in (b"first", b"second"):
        channel.basic_publish("", queue, body)
    assert first.take() == (b"first", False)
    first.lose()
    second = heir(broker, queue)
    try:
        assert second.take() == (b"first", heir.marks)
        second.settle()
        assert second.take() == (b"second", False)
        second.settle()
    finally:
        second.lose()
    assert left(channel, queue) == 0


def test_an_amqp_worker_beside_a_shared_subscription(
    broker: EmbeddedBroker, channel: BlockingChannel
) -> None:
    """The subscriptions of a group are one queue, which others may work on, too."""
    sent = [b"%d" % number for number in range(100)]
    with client("member", broker.ports["mqtt"]) as member:
        member.subscribe("$share/crew/jobs/#", 1)
        worker = AmqpWorker(broker, "mqtt-share-crew/jobs.#")
        with client("boss", broker.ports["mqtt"]) as boss:
            for body in sent:
                boss.publish("jobs/1", body, 1)
        until(lambda: member.got.qsize() + len(worker.got) >= len(sent), lambda: turn([worker]))
        worker.lose()
        mine = [member.next().payload for _ in range(member.got.qsize())]
    assert sorted([*mine, *(work.body for work in worker.got)]) == sorted(sent)
    assert mine
    assert worker.got
