"""Loads over many queues or consumers: python benchmarks/amqp/raw.py spread PORT --queues 1000 …

`spread`: each message to the next queue, through the default exchange. `fanout`: each message to
all of them. `crowd`: all to one queue that has so many consumers. `fill`: persistent messages into
one durable queue, with confirms, and nobody reads.
Consumers take everything without acknowledging. Prints one JSON line.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.amqp import frames
from benchmarks.amqp.frames import Connection, in_parts

EXCHANGE = "bench-fanout"
WRITE_BYTES = 128 * 1024
WINDOW = 10_000  # messages that wait for their confirm


def main() -> None:
    """Do one load."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", choices=LOADS)
    parser.add_argument("port", type=int)
    parser.add_argument("--queues", type=int, default=1)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--size", type=int, default=100)
    arguments = parser.parse_args()
    figures = LOADS[arguments.load](arguments)
    figures["messages_per_second"] = figures["messages"] / figures["seconds"]
    print(json.dumps(figures))


def names(count: int) -> list[str]:
    """All of the same length, so that every delivery is."""
    return [f"bench-{number:06d}" for number in range(count)]


def spread(arguments: argparse.Namespace) -> dict[str, float]:
    """Round and round."""
    body = b"x" * arguments.size
    queues = names(arguments.queues)
    messages = [frames.publish("", queue, body, persistent=False) for queue in queues]
    rounds = max(1, arguments.messages // len(queues))
    some = max(1, WRITE_BYTES // (len(messages[0]) * len(queues)))
    size = frames.delivery_bytes(queues[0], "", queues[0], arguments.size)
    parts = in_parts(messages * some)
    total = max(1, rounds // some) * some * len(queues)
    set_up = partial(make_queues, queues, fanout=False)
    return over(queues, set_up, (parts, max(1, rounds // some)), total * size, total)


def fanout(arguments: argparse.Namespace) -> dict[str, float]:
    """Every message to every queue; what counts is what arrives."""
    queues = names(arguments.queues)
    message = frames.publish(EXCHANGE, "", b"x" * arguments.size, persistent=False)
    size = frames.delivery_bytes(queues[0], EXCHANGE, "", arguments.size)
    rounds = max(1, arguments.messages // len(queues))
    total = rounds * len(queues)
    set_up = partial(make_queues, queues, fanout=True)
    return over(queues, set_up, ([message], rounds), total * size, total)


def crowd(arguments: argparse.Namespace) -> dict[str, float]:
    """One queue, whose consumers have one message after another each."""
    queue, tags = "bench-crowd", names(arguments.queues)
    message = frames.publish("", queue, b"x" * arguments.size, persistent=False)
    size = frames.delivery_bytes(tags[0], "", queue, arguments.size)
    some = max(1, WRITE_BYTES // len(message))
    rounds = max(1, arguments.messages // some)
    total = some * rounds

    def set_up(consumer: Connection) -> None:
        consumer.ask(frames.declare(queue, durable=False, nowait=False), frames.QUEUE_DECLARE_OK)
        tell(consumer, queue, [[frames.consume(queue, tag, nowait=True) for tag in tags]])

    return over([queue], set_up, ([message * some], rounds), total * size, total)


def over(
    queues: list[str],
    set_up: Callable[[Connection], None],
    load: tuple[list[bytes], int],  # parts, and how often
    expected: int,
    total: int,
) -> dict[str, float]:
    """Set up, send, take, clean up."""
    publisher, consumer = (Connection(arguments_port()) for _ in range(2))
    set_up(consumer)
    begun = time.perf_counter()
    sender = Thread(target=send, args=(publisher, *load))
    sender.start()
    consumer.skip(expected)
    seconds = time.perf_counter() - begun
    sender.join()
    for part in in_parts([frames.delete(queue, nowait=True) for queue in queues]):
        publisher.socket.sendall(part)
    publisher.ask(frames.delete("none", nowait=False), frames.QUEUE_DELETE_OK)
    return {"messages": total, "seconds": seconds}


def arguments_port() -> int:
    """The port, as it was given."""
    return int(sys.argv[2])


def make_queues(queues: list[str], consumer: Connection, *, fanout: bool) -> None:
    """Queues, bindings, consumers; all there when this returns."""
    if fanout:
        consumer.ask(frames.declare_fanout(EXCHANGE), frames.EXCHANGE_DECLARE_OK)
    steps: list[Callable[[str], bytes]] = [
        lambda queue: frames.declare(queue, durable=False, nowait=True),
        lambda queue: frames.consume(queue, queue, nowait=True),
    ]
    if fanout:
        steps.insert(1, lambda queue: frames.bind(queue, EXCHANGE))
    tell(consumer, queues[0], [list(map(step, queues)) for step in steps])


def tell(consumer: Connection, queue: str, steps: list[list[bytes]]) -> None:
    """Say all of this; it is done when this returns. `queue` is there then."""
    for step in steps:
        for part in in_parts(step):
            consumer.socket.sendall(part)
    consumer.ask(frames.declare(queue, durable=False, nowait=False), frames.QUEUE_DECLARE_OK)


def send(publisher: Connection, parts: list[bytes], rounds: int) -> None:
    """As fast as the broker takes it."""
    for _ in range(rounds):
        for part in parts:
            publisher.socket.sendall(part)


def fill(arguments: argparse.Namespace) -> dict[str, float]:
    """A backlog; the queue stays."""
    publisher = Connection(arguments.port)
    publisher.ask(frames.declare("backlog", durable=True, nowait=False), frames.QUEUE_DECLARE_OK)
    publisher.ask(frames.method(1, 85, 10, b"\0"), frames.CONFIRM_OK)
    message = frames.publish("", "backlog", b"x" * arguments.size, persistent=True)
    some = max(1, WRITE_BYTES // len(message))
    part = message * some
    begun = time.perf_counter()
    sent = confirmed = 0
    while sent < arguments.messages:
        publisher.socket.sendall(part)
        sent += some
        while sent - confirmed > WINDOW:
            confirmed = next_confirm(publisher, confirmed)
    while confirmed < sent:
        confirmed = next_confirm(publisher, confirmed)
    return {"messages": sent, "seconds": time.perf_counter() - begun}


def next_confirm(publisher: Connection, confirmed: int) -> int:
    """How many are confirmed after the next answer. In order, as both brokers do in one queue."""
    payload = publisher.wait_for(frames.ACK)
    tag, multiple = int.from_bytes(payload[4:12]), payload[12] & 1
    return max(confirmed, tag) if multiple else confirmed + 1


LOADS: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "spread": spread,
    "fanout": fanout,
    "crowd": crowd,
    "fill": fill,
}

if __name__ == "__main__":
    main()
