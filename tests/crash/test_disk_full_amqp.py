"""A full disk, by AMQP: publishers are told and wait, consumers go on, nothing is lost."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.small_disk import DISK_BYTES, settings_on, small_disk
from tests.hostile.amqp import Confirms, Guests, ask, connect, drained, expect, received
from tests.hostile.room import Broker, running

QUEUE = "filling"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root can mount a small tmpfs"
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path) as disk:
        yield disk


@pytest.fixture
def broker(disk: Path) -> Iterator[Broker]:
    with running(settings_on(disk)) as broker:
        yield broker


@pytest.fixture
def guests() -> Iterator[Guests]:
    guests = Guests()
    yield guests
    for client in guests:
        client.abort()


@pytest.mark.timeout(120)
def test_a_full_disk_blocks_and_recovers(broker: Broker, guests: Guests, disk: Path) -> None:
    publisher, consumer = (guests.take(connect(broker)) for _ in range(2))
    ask(consumer, "queue.declare", queue=QUEUE, durable=True)
    confirms, sent = Confirms(publisher), 0
    while (reason := confirms.hear_unless_blocked()) is None:
        confirms.send(QUEUE, [b"%d:" % number + bytes(10_000) for number in range(sent, sent + 10)])
        sent += 10
        assert sent * 10_000 < DISK_BYTES, "more was taken than there is space"
    assert reason == "low on disk"

    ask(consumer, "basic.qos", prefetch_count=100)
    ask(consumer, "basic.consume", queue=QUEUE)
    assert received(consumer, 100) == confirms.confirmed[:100], "consumers go on"

    confirms.send(QUEUE, [b"meanwhile %d" % number for number in range(20)])
    (disk / "ballast").unlink()
    expect(publisher, "connection.unblocked", channel=0)
    confirms.hear_all()
    confirms.send(QUEUE, [b"after"])
    confirms.hear_all()
    assert confirms.confirmed[-1] == b"after"

    broker.server.kill()
    broker.server.start()
    there = set(drained(broker, QUEUE))
    assert set(confirms.confirmed) <= there, "lost by the crash after"
    assert not set(confirms.refused) & there, "refused, and there all the same"


@pytest.mark.timeout(120)
def test_acknowledging_makes_space(broker: Broker, guests: Guests) -> None:
    """Nothing is thrown overboard: what is consumed is gone from the disk, and it goes on."""
    publisher, consumer = (guests.take(connect(broker)) for _ in range(2))
    ask(consumer, "queue.declare", queue=QUEUE, durable=True)
    confirms = Confirms(publisher)
    while confirms.hear_unless_blocked() is None:
        confirms.send(QUEUE, [bytes(10_000)] * 10)
    ask(consumer, "basic.consume", queue=QUEUE)
    left = len(confirms.confirmed)
    received(consumer, left)
    consumer.method(1, "basic.ack", delivery_tag=left, multiple=True)
    expect(publisher, "connection.unblocked", channel=0)
    confirms.hear_all()


@pytest.mark.timeout(120)
def test_a_broker_starts_on_a_full_disk_and_serves_its_queues(
    broker: Broker, guests: Guests, disk: Path
) -> None:
    publisher = guests.take(connect(broker))
    ask(publisher, "queue.declare", queue=QUEUE, durable=True)
    confirms = Confirms(publisher)
    while confirms.hear_unless_blocked() is None:
        confirms.send(QUEUE, [bytes(10_000)] * 10)
    broker.server.kill()
    broker.server.start()
    assert len(drained(broker, QUEUE)) >= len(confirms.confirmed)
