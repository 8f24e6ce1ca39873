"""Groups of real consumers: who shares, who reads in order, and what happens when one dies."""

from contextlib import suppress
from itertools import pairwise
from time import monotonic

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from anymq.testing import EmbeddedBroker
from tests.conformance.rocketmq.client import ClientFailed, CppClient, Received
from tests.conformance.rocketmq.conftest import Connect

QUEUES = 4
SECONDS_MAX = 120.0  # C++ consumers look who is there every 10 seconds, if nobody tells them


def send(producer: CppClient, topic: str, first: int, count: int) -> None:
    """Send numbers, each to a queue of its own choice: by what is left of it."""
    for number in range(first, first + count):
        producer.send(topic, b"%d" % number, "ordered", by=number % QUEUES)


def take(clients: list[CppClient], numbers: set[int]) -> list[tuple[int, Received]]:
    """Wait until all these came, whichever of them gets what; return who got what, as it came."""
    came: list[tuple[int, Received]] = []
    missing, until = set(numbers), monotonic() + SECONDS_MAX
    while missing:
        assert monotonic() < until, f"{missing} never came"
        for index, client in enumerate(clients):
            with suppress(ClientFailed):
                message = client.message(0.1)
                came.append((index, message))
                missing.discard(int(message.body))
    return came


def in_order(came: list[tuple[int, Received]]) -> bool:
    """Did each consumer get each queue's messages in their order, and skip only what the other had?

    When a queue changes hands, messages may come again; that is seen, too, and is no harm.
    """
    offsets: dict[int, dict[int, list[int]]] = {}  # by queue, by consumer, as they came to it
    for who, message in came:
        offsets.setdefault(message.queue, {}).setdefault(who, []).append(message.offset)
    for of_queue in offsets.values():
        for who, mine in of_queue.items():
            others = {one for other, theirs in of_queue.items() if other != who for one in theirs}
            for before, after in pairwise(mine):
                if not set(range(before + 1, after)) <= others:
                    return False
    return True


def test_two_consumers_share_and_one_takes_over(connect: Connect, name: str) -> None:
    """Both get something, nobody gets what the other has; who is left gets all that comes."""
    producer, ada, bob = connect(), connect(), connect()
    producer.produce()
    send(producer, name, 0, QUEUES)
    ada.consume(f"G-{name}", name)
    bob.consume(f"G-{name}", name)
    shared_by: set[int] = set()
    first = QUEUES
    until = monotonic() + SECONDS_MAX
    take([ada, bob], set(range(QUEUES)))
    while shared_by != {0, 1}:  # until both have looked who is there
        assert monotonic() < until, "they do not share"
        send(producer, name, first, QUEUES)
        came = take([ada, bob], set(range(first, first + QUEUES)))
        shared_by = {who for who, _ in came}
        first += QUEUES
    bob.kill()
    send(producer, name, first, 2 * QUEUES)
    came = take([ada], set(range(first, first + 2 * QUEUES)))
    assert {message.queue for _, message in came} == set(range(QUEUES))


def test_consumers_in_order_and_one_dies(connect: Connect, name: str) -> None:
    """Each queue is one consumer's; when that one is killed, the other goes on where it was."""
    producer, ada, bob = connect(), connect(), connect()
    producer.produce()
    send(producer, name, 0, QUEUES)
    ada.consume(f"G-{name}", name, orderly=True)
    came = take([ada], set(range(QUEUES)))
    bob.consume(f"G-{name}", name, orderly=True)
    first, until = QUEUES, monotonic() + SECONDS_MAX
    shared_by: set[int] = set()
    while shared_by != {0, 1}:
        assert monotonic() < until, "they do not share"
        send(producer, name, first, 5 * QUEUES)
        more = take([ada, bob], set(range(first, first + 5 * QUEUES)))
        shared_by = {who for who, _ in more}
        came += more
        first += 5 * QUEUES
    send(producer, name, first, 10 * QUEUES)
    bob.kill()
    left = take([ada, bob], set(range(first, first + 10 * QUEUES)))
    assert in_order(came + left)
    send(producer, name, first + 10 * QUEUES, QUEUES)
    last = take([ada], set(range(first + 10 * QUEUES, first + 11 * QUEUES)))
    assert {message.queue for _, message in last} == set(range(QUEUES))


def test_everyone_hears_a_broadcast(connect: Connect, broker: EmbeddedBroker, name: str) -> None:
    """Each client reads all of it and remembers by itself how far it is: we keep nothing."""
    producer, ada, bob = connect(), connect(), connect()
    producer.produce()
    send(producer, name, 0, QUEUES)
    for client in (ada, bob):
        client.consume(f"G-{name}", name, broadcasting=True)
    # Each begins with what comes after it has looked where the end is, whenever that is.
    first, until = QUEUES, monotonic() + SECONDS_MAX
    for client in (ada, bob):
        queues: set[int] = set()
        while queues != set(range(QUEUES)):
            assert monotonic() < until, "it does not listen"
            send(producer, name, first, QUEUES)
            first += QUEUES
            with suppress(ClientFailed):
                while True:
                    queues.add(client.message(0.2).queue)
    send(producer, name, first, QUEUES)
    for client in (ada, bob):
        take([client], set(range(first, first + QUEUES)))
    kept = broker_offsets(broker, f"G-{name}")
    assert kept == {}


def broker_offsets(broker: EmbeddedBroker, group: str) -> dict[str, int]:
    """Return what is kept of a group's topic, as Kafka's tools see it."""
    admin = AdminClient({"bootstrap.servers": broker.kafka})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
    kept = next(iter(asked.values())).result(30).topic_partitions
    return {f"{one.topic}-{one.partition}": one.offset for one in kept}
