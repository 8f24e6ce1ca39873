"""What a message costs from the bytes that come to the bytes that go, without sockets and threads.

    python benchmarks/micro/mqtt.py [batch ...]

Publishers and subscribers on one broker with a disk in memory; `batch` messages of 100 bytes come
in one read. Out: to 200 subscribers, by delivery. In: from 200 publishers in turn. Kept: the
session of the subscriber is. Processor time, so that other work matters less.
"""

import sys
import time
from collections.abc import Callable, Sequence

from anymq.protocols.mqtt.codec import V311, Publish, Subscribe, Wish, encode
from anymq.testing.mqtt import MqttDialog, MqttRoom

MESSAGES = 20_000
REPEATS = 3
MANY = 200


def published(topic: str, qos: int, batch: int) -> memoryview:
    """Return messages as a client sends them."""
    packets = [Publish(topic, b"x" * 100, qos, qos and 1 + i) for i in range(batch)]
    return memoryview(b"".join(encode(one, V311) for one in packets))


def take(client: MqttDialog) -> list[bytes]:
    """The client reads what it is owed, and forgets it."""
    pieces = client.outbox.take()
    client.outbox.sent(client.outbox.size)
    return [bytes(one) for one in pieces]  # type: ignore[arg-type]  # no ranges of files


def acks(pieces: Sequence[bytes]) -> memoryview:
    """Return what a subscriber answers to these messages of 100 bytes to topics like `t/000`."""
    data = b"".join(pieces)
    numbers = [data[at + 9 : at + 11] for at in range(0, len(data), 2 + 7 + 2 + 100)]
    return memoryview(b"".join(b"\x40\x02" + number for number in numbers))


def load(
    batch: int, qos: int, publishers: int = 1, subscribers: int = 1, kept: bool = False
) -> float:
    """Return the seconds for one delivery."""
    room = MqttRoom()
    takers = [room.connect(f"s{i}", V311, clean=not kept) for i in range(subscribers)]
    for one in takers:
        one >> Subscribe(1, [Wish("t/+", qos)])
        one.packets()
    makers = [room.connect(f"p{i}", V311) for i in range(publishers)]
    reads = [published(f"t/{i:03}", qos, batch) for i in range(publishers)]
    rounds = max(1, MESSAGES // batch // publishers // subscribers)
    begun = time.process_time()
    for _ in range(rounds):
        for maker, read in zip(makers, reads, strict=True):
            maker.session.receive(read)
            if kept:
                room.write_to_disk()
                room.broker.turn.run()
            take(maker)
            for taker in takers:
                pieces = take(taker)
                if qos:
                    taker.session.receive(acks(pieces))
    return (time.process_time() - begun) / (rounds * batch * publishers * subscribers)


def main() -> None:
    """Print the best of some runs, in microseconds for one delivery."""
    loads: dict[str, Callable[[int], float]] = {
        "QoS 0": lambda batch: load(batch, 0),
        "QoS 1": lambda batch: load(batch, 1),
        "QoS 1 kept": lambda batch: load(batch, 1, kept=True),
        "QoS 0 out": lambda batch: load(batch, 0, subscribers=MANY),
        "QoS 1 out": lambda batch: load(batch, 1, subscribers=MANY),
        "QoS 0 in": lambda batch: load(batch, 0, publishers=MANY),
        "QoS 1 in": lambda batch: load(batch, 1, publishers=MANY),
    }
    for batch in map(int, sys.argv[1:] or (1, 20, 500)):
        told = [
            f"{name} {min(one(batch) for _ in range(REPEATS)) * 1e6:.2f}"
            for name, one in loads.items()
        ]
        print(f"batches of {batch}: {', '.join(told)} µs")


if __name__ == "__main__":
    main()
