"""A crowd of idle AMQP clients, and many queues: a process of its own, until its input ends."""

import argparse
import socket
import sys

from anymq.protocols.amqp.codec import AMQP_0_9_1, method_frame
from anymq.protocols.amqp.methods import (
    BasicConsume,
    ChannelOpen,
    ConnectionOpen,
    ConnectionStartOk,
    ConnectionTuneOk,
    QueueBind,
    QueueDeclare,
)

CHUNK = 200  # queues declared before we look whether they are there


def main() -> None:
    """Make what is asked for, say so, and wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--queues", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    arguments = parser.parse_args()
    first = connect(arguments.port)
    declare(first, arguments.queues)
    everybody = [first, *(connect(arguments.port) for _ in range(arguments.connections - 1))]
    for number, one in enumerate(everybody):
        consume(one, f"crowd-{number:05}")
    print("ready", flush=True)
    sys.stdin.read()


def connect(port: int) -> socket.socket:
    """Log in and open a channel."""
    one = socket.create_connection(("127.0.0.1", port))
    one.sendall(
        AMQP_0_9_1
        + method_frame(0, ConnectionStartOk({}, "PLAIN", b"\0guest\0guest", "en_US"))
        + method_frame(0, ConnectionTuneOk(100, 131_072, 0))
        + method_frame(0, ConnectionOpen("/"))
        + method_frame(1, ChannelOpen())
    )
    read_until(one, method_id(20, 11))
    return one


def declare(one: socket.socket, count: int) -> None:
    """Queues, each bound to an exchange besides; the last of each chunk is answered."""
    for begin in range(0, count, CHUNK):
        names = [f"crowd-{number:05}" for number in range(begin, min(count, begin + CHUNK))]
        frames = b"".join(
            method_frame(1, QueueDeclare(name, False, False, False, False, True, {}))
            + method_frame(1, QueueBind(name, "amq.topic", f"crowd.{name}", True, {}))
            for name in names
        )
        last = method_frame(1, QueueDeclare(names[-1], False, False, False, False, False, {}))
        one.sendall(frames + last)
        read_until(one, method_id(50, 11))


def declare_own(one: socket.socket, queue: str) -> None:
    """A queue that goes with its connection."""
    one.sendall(method_frame(1, QueueDeclare(queue, False, False, True, False, False, {})))
    read_until(one, method_id(50, 11))


def consume(one: socket.socket, queue: str) -> None:
    """Wait for messages that never come."""
    one.sendall(method_frame(1, BasicConsume(queue, "", False, False, False, False, {})))
    read_until(one, method_id(60, 21))


def method_id(class_: int, method: int) -> bytes:
    """Return the bytes by which an answer is known."""
    return class_.to_bytes(2, "big") + method.to_bytes(2, "big")


def read_until(one: socket.socket, wanted: bytes) -> None:
    """Read until this was said."""
    said = b""
    while wanted not in said:
        data = one.recv(65_536)
        if not data:
            raise RuntimeError(f"the broker hung up: {said[-200:]!r}")
        said += data


if __name__ == "__main__":
    main()
