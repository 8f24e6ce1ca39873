"""What a message costs from the bytes that come to the bytes that go, without sockets and threads.

    python benchmarks/micro/rocketmq.py [senders ...]

Senders of 1 KiB on one broker with a disk in memory, each with one request under way, as Java's
client writes them; then what they sent is pulled, 32 at a time. Processor time, so that other work
matters less.
"""

import sys
import time

from anymq.protocols.rocketmq.codec import Kind, encode
from anymq.protocols.rocketmq.codes import RequestCode
from anymq.testing.rocketmq import RocketMqDialog, RocketMqRoom, pull_fields, send_fields

MESSAGES = 2_000
REPEATS = 12  # short ones: the best is what the machine can do, whatever else it does
QUEUES = 8
BODY = b"x" * 1024
PULLED = 32
KEY = "C0A8000100000000000000000000%04X"


def take(client: RocketMqDialog) -> int:
    """The client reads what it is owed, and forgets it."""
    pieces = client.outbox.take()
    client.outbox.sent(client.outbox.size)
    return sum(map(len, pieces))  # type: ignore[arg-type]  # no ranges of files


def requests(sender: int, kind: Kind) -> list[memoryview]:
    """Return what a sender sends, to all queues."""
    return [memoryview(request(sender * QUEUES + queue, queue, kind)) for queue in range(QUEUES)]


def request(number: int, queue: int, kind: Kind) -> bytes:
    """Return one message as a client sends it."""
    said = {"TAGS": "a", "UNIQ_KEY": KEY % number, "WAIT": "true"}
    fields = send_fields("t", queue, said)
    return encode(RequestCode.SEND_MESSAGE_V2, number, 0, fields, BODY, kind=kind)


def sending(senders: int, kind: Kind) -> float:
    """Return the seconds for one message: every turn brings one of each sender."""
    room = RocketMqRoom()
    room.make_topic("t", QUEUES)
    clients = [room.client() for _ in range(senders)]
    lines = [requests(number, kind) for number in range(senders)]
    rounds = max(1, MESSAGES // senders)
    begun = time.process_time()
    for turn in range(rounds):
        for client, line in zip(clients, lines, strict=True):
            client.session.receive(line[turn % QUEUES])
            assert client.session.reading
        room.broker.turn.run()
        room.write_to_disk()
        room.broker.turn.run()
        for client in clients:
            assert take(client)
    return (time.process_time() - begun) / (rounds * senders)


def pulling(senders: int, kind: Kind) -> float:
    """Return the seconds for one message, of batches as large as so many senders make them."""
    room = RocketMqRoom()
    room.make_topic("t", 1)
    clients = [room.client() for _ in range(senders)]
    line = [memoryview(request(number, 0, kind)) for number in range(senders)]
    for _ in range(max(1, MESSAGES // 2 // senders)):
        for client, data in zip(clients, line, strict=True):
            client.session.receive(data)
        room.settle()
    reader, offset, end = room.client(), 0, room.broker.topic("t").partitions[0].visible_end
    asked = [
        memoryview(encode(RequestCode.PULL_MESSAGE, 1, 0, pull_fields("t", at, 0, "G"), kind=kind))
        for at in range(0, end, PULLED)
    ]
    begun = time.process_time()
    for ask in asked:
        reader.session.receive(ask)
        assert take(reader) > 1024 * min(PULLED, end - offset)
        offset += PULLED
    return (time.process_time() - begun) / end


def main() -> None:
    """Print the best of some runs, in microseconds for one message."""
    for senders in map(int, sys.argv[1:] or (1, 16, 64)):
        told = [
            f"{name} {kind.name} {min(load(senders, kind) for _ in range(REPEATS)) * 1e6:.2f}"
            for name, load in (("sent", sending), ("pulled", pulling))
            for kind in (Kind.JSON, Kind.BINARY)
        ]
        print(f"{senders} senders: {', '.join(told)} µs")


if __name__ == "__main__":
    main()
