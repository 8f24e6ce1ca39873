"""What a message costs from the bytes that come to the bytes that go, without sockets and threads.

    python benchmarks/micro/amqp_channel.py [batch ...]

A publisher and a consumer on one broker with a disk in memory; `batch` messages come in one read.
T: 100 bytes, transient, auto-ack. P: 1 KiB, persistent, confirmed, each acknowledged.
"""

import sys
import time
from struct import pack

from tests.unit.protocols.amqp.dialog import PERSISTENT, TRANSIENT, Client, World

from anymq.protocols.amqp.codec import content_frames, method_frame
from anymq.protocols.amqp.methods import BasicAck, BasicPublish, ConfirmSelect, ConfirmSelectOk

MESSAGES = 20_000
REPEATS = 5


def published(properties: bytes, size: int, count: int) -> memoryview:
    """Return messages as a client sends them."""
    one = method_frame(1, BasicPublish("", "q", False, False))
    one += content_frames(1, properties, b"x" * size, 131_072)
    return memoryview(one * count)


def acks(first: int, count: int) -> memoryview:
    """Return an acknowledgement of each."""
    return memoryview(
        b"".join(
            pack(">BHIIQBB", 1, 1, 13, BasicAck.KEY, tag, 0, 0xCE)
            for tag in range(first, first + count)
        )
    )


def take(client: Client) -> None:
    """The client reads what it is owed, and forgets it."""
    client.outbox.take()
    client.outbox.sent(client.outbox.size)


def transient(batch: int) -> float:
    """Return the seconds for one message."""
    world = World()
    publisher, consumer = world.client(), world.client()
    consumer.declare().consume(no_ack=True)
    data, rounds = published(TRANSIENT, 100, batch), MESSAGES // batch
    begun = time.perf_counter()
    for _ in range(rounds):
        publisher.session.receive(data)
        take(consumer)
    return (time.perf_counter() - begun) / (rounds * batch)


def persistent(batch: int) -> float:
    """Return the seconds for one message, the disk's half included."""
    world = World()
    publisher, consumer = world.client(), world.client()
    publisher >> ConfirmSelect(False) << ConfirmSelectOk()
    consumer.declare(durable=True).consume()
    data, rounds = published(PERSISTENT, 1024, batch), MESSAGES // batch
    answers = [acks(1 + round_ * batch, batch) for round_ in range(rounds)]
    begun = time.perf_counter()
    for answer in answers:
        publisher.session.receive(data)
        world.write()
        world.broker.turn.run()
        take(consumer)
        take(publisher)
        consumer.session.receive(answer)
    return (time.perf_counter() - begun) / (rounds * batch)


def main() -> None:
    """Print the best of some runs, in microseconds for one message."""
    for batch in map(int, sys.argv[1:] or (1, 10, 100, 1000)):
        best_t = min(transient(batch) for _ in range(REPEATS))
        best_p = min(persistent(batch) for _ in range(REPEATS))
        print(f"batch {batch:5}: T {best_t * 1e6:6.2f}   P {best_p * 1e6:6.2f}")


if __name__ == "__main__":
    main()
