"""What it costs to get from bytes to channels: the session's loop over the frames, and no more.

    python benchmarks/micro/amqp_frames.py

The channel does nothing, so the figures are the session's part of a message. Frames come in reads
of 64 KiB, as from a socket.
"""

import time
from collections.abc import Callable

from tests.unit.protocols.amqp.talk import Room

from anymq.core.message import Properties
from anymq.protocols.amqp.codec import content_frames, method_frame
from anymq.protocols.amqp.methods import BasicAck, BasicGet, BasicPublish, Method
from anymq.protocols.amqp.properties import AMQP_FORM, NOTHING
from anymq.testing.amqp import AmqpDialog

READ_BYTES = 64 * 1024
MESSAGES = 20_000
REPEATS = 7


class Silent:
    """A channel that does nothing."""

    def on_publish(self, method: bytes, properties: bytes, body: bytes) -> None:
        """Take it."""

    def on_ack(self, tag: int, multiple: bool) -> None:
        """Take it."""

    def on_method(self, method: Method) -> None:
        """Take it."""

    def on_content(self, method: Method) -> None:
        """Take it."""

    def end_of_read(self) -> None:
        """Nothing was gathered."""

    def on_room(self) -> None:
        """Nobody waits."""

    def close(self, then: Callable[[], None]) -> None:
        """Nothing is held."""
        then()


def message(channel: int, body: bytes, properties: bytes, key: str = "orders") -> bytes:
    """Return a message as it is published."""
    publish = method_frame(channel, BasicPublish("", key, False, False))
    return publish + content_frames(channel, properties, body, 131_072)


def measure(name: str, frames: bytes, count: int, channels: int = 1) -> None:
    """Print the best of some runs, in microseconds for one of `count`."""
    room = Room()
    room.amqp.make_channel = lambda wire, number: Silent()
    client: AmqpDialog = room.dialog().log_in()
    for number in range(1, channels + 1):
        client.open(number)
    receive = client.session.receive
    reads = [memoryview(frames)[at : at + READ_BYTES] for at in range(0, len(frames), READ_BYTES)]
    best = 1e9
    for _ in range(REPEATS):
        began = time.perf_counter()
        for read in reads:
            receive(read)
            while client.session.more:
                client.session.go_on()
        best = min(best, time.perf_counter() - began)
    print(f"{name:50} {best / count * 1e6:6.2f} µs")


def main() -> None:
    """Measure what clients do most."""
    plain = AMQP_FORM.write(Properties(delivery_mode=2))
    measure("publish 100 B, all alike", message(1, b"x" * 100, NOTHING) * MESSAGES, MESSAGES)
    measure("publish 1 KiB, all alike", message(1, b"x" * 1024, plain) * MESSAGES, MESSAGES)
    sizes = [message(1, b"x" * (100 + n % 50), plain) for n in range(MESSAGES)]
    measure("publish 100-150 B, sizes differ", b"".join(sizes), MESSAGES)
    keys = [message(1, b"x" * 100, plain, f"key.{n % 50}") for n in range(MESSAGES)]
    measure("publish 100 B, 50 routing keys", b"".join(keys), MESSAGES)
    ids = [
        message(1, b"x" * 100, AMQP_FORM.write(Properties(delivery_mode=2, message_id=str(n))))
        for n in range(MESSAGES)
    ]
    measure("publish 100 B, each with its id", b"".join(ids), MESSAGES)
    turns = [message(1 + n % 2, b"x" * 100, plain) for n in range(MESSAGES)]
    measure("publish 100 B, two channels in turn", b"".join(turns), MESSAGES, channels=2)
    big = message(1, b"x" * 300_000, plain) * 20
    measure("publish 300 KB in frames of 128 KiB", big, 20)
    acks = b"".join(method_frame(1, BasicAck(n, False)) for n in range(MESSAGES))
    measure("ack", acks, MESSAGES)
    measure("get: a method of the slow road", method_frame(1, BasicGet("q", True)) * 5000, 5000)
    print(f"{'traits of properties never seen':50} {_traits_us():6.2f} µs")


def _traits_us() -> float:
    each = [
        AMQP_FORM.write(Properties(delivery_mode=2, content_type="text/plain", message_id=str(n)))
        for n in range(MESSAGES)
    ]
    began = time.perf_counter()
    for properties in each:
        AMQP_FORM.traits(properties)
    return (time.perf_counter() - began) / MESSAGES * 1e6


if __name__ == "__main__":
    main()
