"""Alarms: who publishes is told and waits, consumers go on, and when it is over so do all."""

import logging
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.amqp import (
    HEADER,
    TRANSIENT,
    Client,
    Confirms,
    Guests,
    ask,
    connect,
    drained,
    expect,
    fill,
    message,
    received,
    said_of_it,
    stranger,
)
from tests.hostile.room import MIB, Broker, running, wait_until

pytestmark = pytest.mark.xdist_group("hostile-amqp-memory")

LARGE = 64 * MIB
LARGE_BODY = bytes(LARGE)

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO


@pytest.fixture
def broker() -> Iterator[Broker]:
    settings = {"amqp.message_bytes_max": LARGE, "storage.maintenance_interval_ms": 50}
    with running(settings) as broker:
        yield broker


def test_the_memory_alarm_stops_publishers_until_it_is_over(broker: Broker, guests: Guests) -> None:
    publisher, consumer = (guests.take(connect(broker)) for _ in range(2))
    ask(consumer, "queue.declare", queue="work", durable=True)
    confirms = Confirms(publisher)
    broker.server.reload({"limits.memory_alarm_bytes": 1})
    while (reason := confirms.hear_unless_blocked()) is None:
        confirms.send("work", [b"until then"])
    assert reason == "low on memory"
    confirms.send("work", [b"meanwhile"] * 50)
    ask(consumer, "basic.consume", queue="work", no_ack=True)
    heard = [expect(consumer, "basic.deliver").body for _ in confirms.confirmed]
    assert set(heard) <= {b"until then"}
    assert confirms.open >= 50
    broker.server.reload({"limits.memory_alarm_bytes": 0})
    expect(publisher, "connection.unblocked", channel=0)
    confirms.hear_all()
    assert confirms.confirmed[-50:] == [b"meanwhile"] * 50
    assert not confirms.refused
    left = len(confirms.confirmed) - len(heard)
    heard += [expect(consumer, "basic.deliver").body for _ in range(left)]
    assert heard == confirms.confirmed, "each once, and in order"


def test_who_does_not_publish_notices_nothing(broker: Broker, guests: Guests) -> None:
    """Declares, gets, acknowledges and says goodbye as ever; also who hangs up while it waits."""
    publisher, other = (guests.take(connect(broker)) for _ in range(2))
    ask(other, "queue.declare", queue="work", durable=True)
    fill(other, "work", 5, b"before")
    asker = guests.take(connect(broker))
    broker.server.reload({"limits.memory_alarm_bytes": 1})
    confirms = Confirms(publisher)
    while confirms.hear_unless_blocked() is None:
        confirms.send("work", [b"until then"])
    confirms.send("work", [b"never read"])
    publisher.abort()
    asker.method(1, "basic.get", queue="work")
    got = expect(asker, "basic.get-ok")
    asker.method(1, "basic.ack", delivery_tag=got.arguments["delivery_tag"])
    ask(asker, "queue.declare", queue="another", exclusive=True)
    ask(asker, "channel.close", reply_code=200)
    ask(asker, "connection.close", channel=0, reply_code=200)
    broker.server.reload({"limits.memory_alarm_bytes": 0})


def test_messages_as_large_as_configured(broker: Broker, guests: Guests) -> None:
    """One after the other, in and out: never all of them in memory."""
    before, highest = broker.rss, 0
    client = guests.take(connect(broker))
    ask(client, "queue.declare", queue="large", durable=True)
    confirms = Confirms(client)
    for _ in range(2):
        confirms.send("large", [LARGE_BODY])
        confirms.hear_all()
        highest = max(highest, broker.rss)
    ask(client, "basic.qos", prefetch_count=1)
    ask(client, "basic.consume", queue="large")
    for number in range(1, 3):
        delivery = expect(client, "basic.deliver")
        highest = max(highest, broker.rss)
        assert len(delivery.body) == LARGE
        client.method(1, "basic.ack", delivery_tag=number)
    measured.info("%d MiB more at most", (highest - before) // MIB)
    assert highest - before < 2 * LARGE + LARGE // 2
    client.send(message("large", LARGE_BODY + b"x", TRANSIENT))
    text = f"message size {LARGE + 1} is larger than configured max size {LARGE}"
    assert said_of_it(client, 1) == (406, f"PRECONDITION_FAILED - {text}")


def turned_away(client: Client) -> bool:
    """Whether it hears nothing but the end."""
    client.send(HEADER)
    return not client.raw(8)


def test_without_file_handles_those_who_are_there_go_on(broker: Broker, guests: Guests) -> None:
    """New connections are turned away, publishers are refused at most; then all is well again."""
    publisher, consumer = (guests.take(connect(broker)) for _ in range(2))
    ask(consumer, "queue.declare", queue="work", durable=True)
    confirms = Confirms(publisher)
    confirms.send("work", [b"before"] * 10)
    confirms.hear_all()
    pid = broker.server.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    there = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (there, hard))
    wait_until(lambda: turned_away(guests.take(stranger(broker))))  # the last ones are taken
    ask(consumer, "queue.declare", queue="another", durable=True)
    confirms.send("work", [b"meanwhile"] * 10)
    confirms.send("another", [b"elsewhere"] * 10)
    confirms.hear_all()
    ask(consumer, "basic.consume", queue="work", no_ack=True)
    wanted = [body for body in confirms.confirmed if body != b"elsewhere"]
    assert received(consumer, len(wanted)) == wanted
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    confirms.send("another", [b"after"] * 10)
    confirms.hear_all()
    assert confirms.confirmed[-10:] == [b"after"] * 10
    bodies = drained(broker, "another")
    assert bodies == [body for body in confirms.confirmed if body in (b"elsewhere", b"after")]
