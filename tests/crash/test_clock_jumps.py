"""Somebody sets the clock of a broker at work: nothing expires early, and nothing is lost."""

import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from pika.adapters.blocking_connection import BlockingChannel

from tests.crash.seeds import BASE, EFFORT
from tests.crash.together import all_at_once, settings, work
from tests.peers.anymq import AnymqServer

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
JUMPS = 3 * EFFORT
MINUTE, HOUR = 60, 3600
BACK = 50 * MINUTE  # Kafka's producers are refused when they are an hour ahead
FURTHEST = 24 * HOUR  # less than topics keep their messages
SECONDS = 60
PERSISTENT = pika.BasicProperties(delivery_mode=2)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or LIBRARY is None, reason="needs libfaketime (apt install faketime)"
)

SetClock = Callable[[int], None]


@pytest.fixture
def set_clock(tmp_path: Path) -> SetClock:
    """By so many seconds it is wrong from now on."""
    file = tmp_path / "clock"
    file.write_text("+0")

    def set_clock(seconds: int) -> None:
        new = tmp_path / "clock.new"
        new.write_text(f"{seconds:+d}")
        new.rename(file)

    return set_clock


@pytest.fixture
def server(tmp_path: Path, set_clock: SetClock) -> Iterator[AnymqServer]:
    env = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    server = AnymqServer(tmp_path, settings(), env=env)
    server.start()
    yield server
    server.stop()


def wrong_by(server: AnymqServer) -> float:
    """How many seconds its clock is ahead, by the time it gives to a message."""
    heard: list[float] = []

    def told(_error: object, message: Message) -> None:
        heard.append(message.timestamp()[1] / 1000)

    producer = Producer({"bootstrap.servers": server.bootstrap})
    producer.produce("clock", b"what time is it", on_delivery=told)
    assert producer.flush(SECONDS) == 0
    return heard[0] - time.time()


def put_what_expires(channel: BlockingChannel) -> dict[str, int]:
    """Messages and a queue that stay for an hour, and one that comes in an hour."""
    hour_ms = HOUR * 1000
    channel.queue_declare("ttl", durable=True, arguments={"x-message-ttl": hour_ms})
    channel.queue_declare("expires", durable=True, arguments={"x-expires": hour_ms})
    channel.queue_declare("delayed", durable=True)
    channel.basic_publish("", "ttl", b"stays", PERSISTENT)
    expiring = pika.BasicProperties(delivery_mode=2, expiration=str(hour_ms))
    channel.basic_publish("", "expires", b"stays", expiring)
    channel.exchange_declare("later", "x-delayed-message", arguments={"x-delayed-type": "fanout"})
    channel.queue_bind("delayed", "later")
    delayed = pika.BasicProperties(delivery_mode=2, headers={"x-delay": hour_ms})
    channel.basic_publish("later", "", b"comes later", delayed)
    return {"ttl": 1, "expires": 1, "delayed": 0}


@pytest.mark.timeout(180 * EFFORT)
def test_nothing_expires_early_and_nothing_is_lost(
    server: AnymqServer, set_clock: SetClock
) -> None:
    chance = random.Random(BASE)
    configs = {"message.timestamp.type": "LogAppendTime"}
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    admin.create_topics([NewTopic("clock", 1, config=configs)])["clock"].result(SECONDS)
    connection = pika.BlockingConnection(
        pika.ConnectionParameters("127.0.0.1", server.amqp_port, heartbeat=0)
    )
    channel = connection.channel()
    counts = put_what_expires(channel)
    with all_at_once(server, chance) as loads:
        for cycle in range(JUMPS):
            seconds = chance.choice((-BACK, 2 * HOUR, FURTHEST))
            set_clock(seconds)
            work(loads, cycle, chance)
            assert wrong_by(server) == pytest.approx(seconds, abs=MINUTE), f"ANYMQ_SEED={BASE}"
    for queue, count in counts.items():
        found = channel.queue_declare(queue, passive=True).method.message_count
        assert found == count, f"{queue}, ANYMQ_SEED={BASE}"
    connection.close()
