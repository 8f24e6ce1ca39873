"""AMQP clients for hostile tests: what they say is theirs, byte by byte."""

import contextlib
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Any

from typing_extensions import override

from tests.differential.amqp.client import HEADER, METHOD, Client, Closed, Received, frame
from tests.differential.amqp.methods import encode
from tests.hostile.room import SECONDS, Broker, Neighbour, wait_until

ABLE = {"capabilities": {"connection.blocked": True, "authentication_failure_close": True}}
PERSISTENT = b"\x10\x00\x02"
TRANSIENT = b"\x00\x00"
FRAME_MAX = 131_072

__all__ = ["HEADER", "METHOD", "Client", "Closed", "Received", "frame"]


class Guests(list[Client]):
    """Clients, to be sent away at the end."""

    def take(self, client: Client) -> Client:
        """One more."""
        self.append(client)
        return client


def stranger(broker: Broker) -> Client:
    """Somebody who has connected, and said nothing."""
    return Client(broker.server.amqp_port)


def start_ok(user: str = "guest", password: str = "guest") -> bytes:
    """The frame that logs in."""
    said = {"client_properties": ABLE, "mechanism": "PLAIN", "locale": "en_US"}
    said["response"] = f"\0{user}\0{password}"
    return frame(METHOD, 0, encode("connection.start-ok", said))


def log_in(broker: Broker, heartbeat: int = 0) -> Client:
    """An open connection without channels."""
    client = stranger(broker)
    client.send(HEADER)
    client.reply(0, {"connection.start"}, SECONDS)
    client.send(start_ok())
    offered = expect(client, "connection.tune", channel=0).arguments
    client.method(0, "connection.tune-ok", **offered | {"heartbeat": heartbeat})
    client.method(0, "connection.open", virtual_host="/")
    assert client.reply(0, {"connection.open-ok"}, SECONDS).name == "connection.open-ok"
    return client


def connect(broker: Broker, heartbeat: int = 0) -> Client:
    """An open connection with channel 1."""
    client = log_in(broker, heartbeat)
    ask(client, "channel.open")
    return client


def ask(client: Client, name: str, *, channel: int = 1, **arguments: Any) -> Received:
    """One method, answered with its `-ok`."""
    client.method(channel, name, **arguments)
    return expect(client, f"{name}-ok", channel=channel)


def expect(client: Client, *names: str, channel: int = 1) -> Received:
    """One of these, and no error."""
    heard = client.reply(channel, set(names), SECONDS)
    assert heard.name in names, heard
    return heard


def said_of_it(client: Client, channel: int = 0) -> tuple[int, str]:
    """How the connection, or this channel, was closed: code and text."""
    closed = client.reply(channel, set(), SECONDS)
    return closed.arguments["reply_code"], closed.arguments["reply_text"]


def message(queue: str, body: bytes, properties: bytes = PERSISTENT, *, channel: int = 1) -> bytes:
    """The frames of a message by the default exchange."""
    method = frame(METHOD, channel, encode("basic.publish", {"routing_key": queue}))
    header = frame(2, channel, struct.pack(">HHQ", 60, 0, len(body)) + properties)
    room = FRAME_MAX - 8
    parts = (body[at : at + room] for at in range(0, len(body), room))
    return method + header + b"".join(frame(3, channel, part) for part in parts)


def promise(size: int, *, channel: int = 1, queue: str = "q") -> bytes:
    """A message of this size, without its body."""
    method = frame(METHOD, channel, encode("basic.publish", {"routing_key": queue}))
    return method + frame(2, channel, struct.pack(">HHQ", 60, 0, size) + TRANSIENT)


class Confirms:
    """Which of the messages of channel 1 were confirmed, by their number from 1."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._waiting: dict[int, bytes] = {}
        self._next = 1
        self.confirmed: list[bytes] = []
        self.refused: list[bytes] = []
        ask(client, "confirm.select")

    def send(self, queue: str, bodies: Iterable[bytes]) -> None:
        """Publish these in one write."""
        pieces = []
        for body in bodies:
            self._waiting[self._next] = body
            self._next += 1
            pieces.append(message(queue, body))
        self._client.send(b"".join(pieces))

    @property
    def open(self) -> int:
        """How many are not answered."""
        return len(self._waiting)

    def hear_unless_blocked(self) -> str | None:
        """The answers to all that was sent; or, if that comes first, why we shall wait."""
        while True:
            if (blocked := self._client.heard(0, "connection.blocked")) is not None:
                return str(blocked.arguments["reason"])
            for name in ("basic.ack", "basic.nack"):
                while (answer := self._client.heard(1, name)) is not None:
                    self.note(answer)
            if not self._waiting:
                return None
            self._client.read_more(SECONDS)

    def hear(self) -> None:
        """The next answer."""
        self.note(expect(self._client, "basic.ack", "basic.nack"))

    def note(self, heard: Received) -> None:
        """An answer."""
        tag = heard.arguments["delivery_tag"]
        tags = [n for n in self._waiting if n <= tag] if heard.arguments["multiple"] else [tag]
        to = self.confirmed if heard.name == "basic.ack" else self.refused
        to += [self._waiting.pop(each) for each in tags]

    def hear_all(self) -> None:
        """Until nothing is open."""
        while self._waiting:
            self.hear()


def fill(client: Client, queue: str, count: int, body: bytes) -> None:
    """So many messages, safe in the queue."""
    confirms = Confirms(client)
    step = max(1, (4 << 20) // (len(body) + 100))
    for at in range(0, count, step):
        confirms.send(queue, [body] * min(step, count - at))
        confirms.hear_all()


def received(client: Client, count: int) -> list[bytes]:
    """The bodies of the next deliveries."""
    return [expect(client, "basic.deliver").body for _ in range(count)]


def drained(broker: Broker, queue: str) -> list[bytes]:
    """All that waits there, in its order."""
    client = connect(broker)
    count = ask(client, "queue.declare", queue=queue, passive=True).arguments["message_count"]
    ask(client, "basic.consume", queue=queue, no_ack=True)
    bodies = received(client, count)
    client.abort()
    return bodies


def connections(broker: Broker) -> float:
    """How many there are, by AMQP or otherwise."""
    return broker.metric("anymq_connections")


@contextlib.contextmanager
def unharmed(broker: Broker) -> Iterator["AmqpNeighbour"]:
    """Somebody who publishes and consumes meanwhile, and must not notice."""
    neighbour = AmqpNeighbour(broker)
    with neighbour.watching():
        yield neighbour


class AmqpNeighbour(Neighbour):
    """Publishes, waits for the confirm, receives, acknowledges; new connections at times."""

    @override
    def visit(self) -> None:
        began = time.monotonic()
        client = connect(self.broker)
        self.slowest_connect = max(self.slowest_connect, time.monotonic() - began)
        ask(client, "queue.declare", queue="neighbour", auto_delete=False, exclusive=True)
        ask(client, "basic.consume", queue="neighbour")
        confirms = Confirms(client)
        try:
            self.rounds_of(lambda: self._round(client, confirms))
        finally:
            client.method(0, "connection.close", reply_code=200)
            client.reply(0, {"connection.close-ok"}, SECONDS)
            client.abort()

    def _round(self, client: Client, confirms: Confirms) -> None:
        body = b"message %d" % self.rounds
        confirms.send("neighbour", [body])
        confirms.hear_all()
        delivery = expect(client, "basic.deliver")
        assert delivery.body == body
        client.method(1, "basic.ack", delivery_tag=delivery.arguments["delivery_tag"])


def hangs_up(client: Client) -> bool:
    """Whether the broker ends the connection; what it says before that is in the inbox."""
    return client.wait_for_end(SECONDS)


def all_gone(broker: Broker) -> None:
    """Wait until nobody is connected but who asks."""
    wait_until(lambda: connections(broker) <= 1, 30)


def quiet(sock: socket.socket) -> None:
    """Keep small what the system holds for it."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
