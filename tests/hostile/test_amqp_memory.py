"""AMQP clients who send much, take nothing, or promise: memory stays flat, the others unharmed."""

import logging
from collections.abc import Iterator

import pytest

from tests.differential.amqp.methods import encode
from tests.hostile.amqp import (
    FRAME_MAX,
    TRANSIENT,
    Client,
    Guests,
    all_gone,
    ask,
    connect,
    connections,
    expect,
    fill,
    frame,
    message,
    promise,
    received,
    unharmed,
)
from tests.hostile.room import KIB, MIB, Broker, running, wait_until

pytestmark = pytest.mark.xdist_group("hostile-amqp-memory")

measured = logging.getLogger("measured")  # see them: pytest -o log_cli=true --log-level=INFO

LIMIT = 64 * MIB
QUEUES = 64 * MIB + 8 * MIB  # what all queues together keep in memory
LARGE = 16 * MIB
NOISE = 32 * MIB  # read buffers, arenas that Python does not give back, what the neighbour takes
BODY = frame(3, 1, bytes(FRAME_MAX - 8))


@pytest.fixture(scope="module")
def small() -> Iterator[Broker]:
    """A broker of little memory."""
    settings = {
        "limits.memory_bytes_max": LIMIT,
        "limits.unsent_bytes_max": 8 * MIB,
        "limits.unwritten_bytes_max": 8 * MIB,
        "storage.segment_bytes": 32 * MIB,
    }
    with running(settings) as broker:
        with unharmed(broker):  # so that what it takes is taken
            pass
        yield broker


@pytest.fixture
def room(small: Broker, guests: Guests) -> Iterator["Crowded"]:
    yield Crowded(small, guests)
    for client in guests:
        client.abort()
    all_gone(small)


class Crowded:
    """The broker and those who come."""

    def __init__(self, broker: Broker, guests: Guests) -> None:
        self.broker = broker
        self._guests = guests

    def enter(self) -> Client:
        return self._guests.take(connect(self.broker))


def test_a_promise_costs_nothing(room: Crowded) -> None:
    """Three hundred bodies of sixteen megabytes, which would be five gigabytes."""
    before = room.broker.rss
    with unharmed(room.broker):
        for _ in range(300):
            room.enter().send(promise(LARGE) + frame(3, 1, bytes(KIB)))
        wait_until(lambda: connections(room.broker) > 300)
    assert room.broker.rss - before < 300 * 20 * KIB + NOISE


def test_half_a_body_costs_half_a_body(room: Crowded) -> None:
    before, clients = room.broker.rss, [room.enter() for _ in range(4)]
    pieces = 10 * MIB // FRAME_MAX
    with unharmed(room.broker):
        for client in clients:
            client.send(promise(LARGE) + BODY * pieces)
    assert room.broker.rss - before < 4 * pieces * FRAME_MAX * 1.1 + NOISE
    for client in clients:
        client.abort()
    wait_until(lambda: room.broker.rss - before < NOISE)


def test_all_together_stay_below_the_limit(room: Crowded) -> None:
    """Thirty begin bodies that are together far above it. They wait; nobody gets an error."""
    before, sent = room.broker.rss, 0
    with unharmed(room.broker):
        for _ in range(30):
            client = room.enter()
            sent += client.send_some(promise(LARGE) + BODY * (LARGE // FRAME_MAX))
        assert room.broker.rss - before < (LIMIT + LARGE) * 1.1 + NOISE
    assert sent < 30 * (LARGE - FRAME_MAX)


@pytest.mark.parametrize("properties", [TRANSIENT, b"\x10\0\2"], ids=["transient", "persistent"])
def test_a_publisher_that_never_stops(room: Crowded, properties: bytes) -> None:
    """Far more than memory holds, as fast as it goes, and nobody consumes."""
    before, client = room.broker.rss, room.enter()
    ask(client, "queue.declare", queue="flood", durable=True)
    some = message("flood", bytes(100 * KIB), properties) * 10
    highest = 0
    with unharmed(room.broker):
        for _ in range(200):
            client.send(some)
            highest = max(highest, room.broker.rss)
        count = 2000
        wait_until(lambda: waiting(room.broker, "flood") == count, 30)
    measured.info("%d MiB more at most", (highest - before) // MIB)
    assert highest - before < QUEUES + NOISE
    ask(client, "queue.delete", queue="flood")


def waiting(broker: Broker, queue: str) -> int:
    """How many messages are ready there."""
    client = connect(broker)
    declared = ask(client, "queue.declare", queue=queue, passive=True)
    client.abort()
    return int(declared.arguments["message_count"])


def test_consumers_that_never_read(room: Crowded) -> None:
    """Without a limit, in front of a gigabyte: each is owed a little, and no more is read."""
    boss = room.enter()
    ask(boss, "queue.declare", queue="backlog", durable=True)
    backlog(boss)
    before, highest = room.broker.rss, 0
    with unharmed(room.broker):
        for number in range(20):
            consumer = room.enter()
            consumer.method(1, "basic.consume", queue="backlog", no_ack=number % 2 == 0)
            ask(boss, "queue.declare", queue="backlog", passive=True)
            highest = max(highest, room.broker.rss)
    measured.info("%d MiB more at most", (highest - before) // MIB)
    assert highest - before < 20 * 8 * MIB // 2 + NOISE
    ask(boss, "queue.delete", queue="backlog")


def backlog(client: Client) -> None:
    """A gigabyte, of 10,000 messages."""
    fill(client, "backlog", 10_000, bytes(100 * KIB))


@pytest.mark.parametrize("what", ["gets", "returns"])
def test_asking_without_reading(room: Crowded, what: str) -> None:
    """A few bytes for a hundred kilobytes, or each message back: who is owed much is not read."""
    before, highest, client = room.broker.rss, 0, room.enter()
    ask(client, "queue.declare", queue="asked", durable=True)
    fill(client, "asked", 500, bytes(100 * KIB))
    get = frame(1, 1, encode("basic.get", {"queue": "asked", "no_ack": True}))
    back = {"routing_key": "nobody", "mandatory": True}
    method, *content = parted(message("nobody", bytes(20 * KIB), TRANSIENT))
    returned = frame(1, 1, encode("basic.publish", back)) + b"".join(content)
    assert method
    asks = {"gets": get * 2000, "returns": returned * 100}[what]
    with unharmed(room.broker):
        clients = [room.enter() for _ in range(5)]
        for _ in range(10):
            for each in clients:
                each.send_some(asks)
            highest = max(highest, room.broker.rss)
    measured.info("%d MiB more at most", (highest - before) // MIB)
    assert highest - before < LIMIT * 1.1 + NOISE
    boss = room.enter()
    ask(boss, "queue.delete", queue="asked")


def parted(frames: bytes) -> list[bytes]:
    """Frames one by one."""
    parts, at = [], 0
    while at < len(frames):
        end = at + 8 + int.from_bytes(frames[at + 3 : at + 7], "big")
        parts.append(frames[at:end])
        at = end
    return parts


def test_unacknowledged_without_limit(room: Crowded) -> None:
    """Who reads all and answers nothing: positions are kept, not bodies. Then all comes again."""
    boss, consumer = room.enter(), room.enter()
    ask(boss, "queue.declare", queue="kept", durable=True)
    fill(boss, "kept", 2000, bytes(100 * KIB))
    before = room.broker.rss
    with unharmed(room.broker):
        ask(consumer, "basic.consume", queue="kept")
        for _ in range(2000):
            expect(consumer, "basic.deliver")
        assert room.broker.rss - before < QUEUES + NOISE
        consumer.abort()
        ask(boss, "basic.consume", queue="kept", no_ack=True)
        for _ in range(2000):
            delivery = expect(boss, "basic.deliver")
            assert delivery.arguments["redelivered"]
            assert len(delivery.body) == 100 * KIB
    ask(boss, "queue.delete", queue="kept")


def test_a_queue_of_a_thousand_consumers(room: Crowded) -> None:
    """Each gets its turn, and when they go nothing is left."""
    boss, client = room.enter(), room.enter()
    ask(boss, "queue.declare", queue="shared")
    ask(client, "basic.qos", prefetch_count=1)
    with unharmed(room.broker):
        for number in range(1000):
            ask(client, "basic.consume", queue="shared", consumer_tag=f"c{number}")
        fill(boss, "shared", 5000, b"work")
        deliveries = [expect(client, "basic.deliver") for _ in range(1000)]
        tags = [each.arguments["consumer_tag"] for each in deliveries]
        assert sorted(tags) == sorted(f"c{number}" for number in range(1000))
        client.method(1, "basic.ack", delivery_tag=1000, multiple=True)
        received(client, 1000)
        assert ask(boss, "queue.declare", queue="shared").arguments["consumer_count"] == 1000
        client.abort()
        wait_until(lambda: waiting(room.broker, "shared") == 4000)
    ask(boss, "queue.delete", queue="shared")
