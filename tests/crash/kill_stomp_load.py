"""STOMP clients that go on while the server dies and returns, and note everything they see."""

import socket
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from typing_extensions import override

from tests.crash.worker import ANSWER_SECONDS, Load, Worker
from tests.differential.amqp.client import Closed

TOGETHER = 5  # messages of a transaction
WAITING_MAX = 60  # receipts
PREFETCH = 30


@dataclass(frozen=True)
class Heard:
    """A frame that came."""

    command: str
    headers: Mapping[str, str]
    body: bytes


class Client:
    """A socket that speaks STOMP 1.2, with bodies that hold no NUL."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._rest = b""
        try:
            self.say("CONNECT", {"accept-version": "1.2", "host": "/"})
            if self.hear().command != "CONNECTED":
                raise Closed
        except BaseException:
            self.close()
            raise

    def say(self, command: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Send a frame."""
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        self._socket.sendall(f"{command}\n{lines}\n".encode() + body + b"\0")

    def hear(self) -> Heard:
        """Wait for a frame."""
        while b"\0" not in self._rest:
            data = self._socket.recv(65536)
            if not data:
                raise Closed
            self._rest += data
        frame, _, self._rest = self._rest.partition(b"\0")
        head, _, body = frame.lstrip(b"\n").partition(b"\n\n")
        command, *lines = head.decode().split("\n")
        headers = dict(line.split(":", 1) for line in lines)
        return Heard(command, headers, body)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Sender(Worker[Client]):
    """Sends numbers with receipts, every third handful as a transaction. Nothing is sent twice."""

    def __init__(self, port: int, queue: str) -> None:
        super().__init__(f"to-{queue}", partial(Client, port))
        self.destination = f"/queue/{queue}"
        self._next = 0
        self.confirmed: set[int] = set()
        self.together: list[frozenset[int]] = []  # numbers of a transaction

    @property
    def sent(self) -> set[int]:
        """All of these may be there."""
        return set(range(self._next))

    @override
    def round(self, client: Client) -> None:
        """Until the server goes."""
        waiting: deque[tuple[str, list[int]]] = deque()
        while not self.stopping.is_set() or waiting:
            while len(waiting) < WAITING_MAX and not self.stopping.is_set():
                waiting.extend(self._send_some(client))
            receipt, numbers = waiting.popleft()
            frame = client.hear()
            assert (frame.command, frame.headers["receipt-id"]) == ("RECEIPT", receipt), frame
            self.confirmed.update(numbers)
            self.progressed(len(numbers))

    def _send_some(self, client: Client) -> Iterable[tuple[str, list[int]]]:
        numbers = list(range(self._next, self._next + TOGETHER))
        self._next += TOGETHER
        if numbers[0] // TOGETHER % 3:
            return [self._send(client, number) for number in numbers]
        return [self._commit(client, numbers)]

    def _send(self, client: Client, number: int) -> tuple[str, list[int]]:
        said = {"destination": self.destination, "persistent": "true", "receipt": f"s{number}"}
        client.say("SEND", said, b"%d" % number)
        return f"s{number}", [number]

    def _commit(self, client: Client, numbers: list[int]) -> tuple[str, list[int]]:
        transaction = {"transaction": f"t{numbers[0]}"}
        self.together.append(frozenset(numbers))
        client.say("BEGIN", transaction)
        for number in numbers:
            said = {"destination": self.destination, "persistent": "true", **transaction}
            client.say("SEND", said, b"%d" % number)
        client.say("COMMIT", {**transaction, "receipt": f"c{numbers[0]}"})
        return f"c{numbers[0]}", numbers


class Taker(Worker[Client]):
    """Acknowledges what it gets, all up to a message at once, and waits for the receipt."""

    def __init__(self, port: int, queue: str) -> None:
        super().__init__(f"of-{queue}", partial(Client, port))
        self.destination = f"/queue/{queue}"
        self.seen: set[int] = set()
        self.sure: list[int] = []  # the server has said that it knows
        self.perhaps: set[int] = set()  # it may know

    @override
    def round(self, client: Client) -> None:
        """Until the server goes."""
        said = {"id": "1", "destination": self.destination, "ack": "client"}
        client.say("SUBSCRIBE", {**said, "prefetch-count": str(PREFETCH)})
        got: list[int] = []
        while not self.stopping.is_set():
            frame = client.hear()
            assert frame.command == "MESSAGE", frame
            got.append(int(frame.body))
            self.seen.add(got[-1])
            if len(got) == PREFETCH // 2:
                self._acknowledge(client, frame.headers["ack"], got)
                got = []

    def _acknowledge(self, client: Client, message: str, got: list[int]) -> None:
        """What comes meanwhile stays out, and comes again."""
        self.perhaps.update(got)
        client.say("ACK", {"id": message, "receipt": message})
        frame = client.hear()
        while frame.command == "MESSAGE":
            self.seen.add(int(frame.body))
            frame = client.hear()
        assert frame.command == "RECEIPT", frame
        self.perhaps.difference_update(got)
        self.sure += got
        self.progressed(len(got))
        raise Closed  # the rest of what is out goes back, and comes again


class StompLoad(Load):
    """Receipts, transactions and acknowledgements."""

    ration = 200

    def __init__(self, port: int, queue: str) -> None:
        self._port = port
        self._sender, self._taker = Sender(port, queue), Taker(port, queue)
        self.publishers, self.consumers = [self._sender], [self._taker]

    @override
    def judge(self, *, settled_stays: bool) -> str:
        sender, taker = self._sender, self._taker
        left = drain(self._port, sender.destination)
        there = set(left) | set(taker.sure) | taker.perhaps
        lost = sender.confirmed - there
        assert not lost, f"lost {sorted(lost)[:10]}"
        phantoms = (there | taker.seen) - sender.sent
        assert not phantoms, f"never sent {sorted(phantoms)[:10]}"
        back = set(taker.sure) & set(left)
        assert not back or not settled_stays, f"acknowledged, and came back {sorted(back)[:10]}"
        again = len(taker.sure) - len(set(taker.sure))
        assert not again or not settled_stays, f"acknowledged, and came again: {again}"
        assert left == sorted(set(left)), "out of order, or twice"
        # Consumers do not wait for the disk: what came and is not kept says nothing.
        kept = set(left) | set(taker.sure)
        for numbers in sender.together:
            half = numbers - there if numbers & kept else frozenset()
            assert not half, f"of {sorted(numbers)} not {sorted(half)}"
        return (
            f"confirmed {len(sender.confirmed)}, acknowledged {len(taker.sure)}, left {len(left)}"
        )


def drain(port: int, destination: str) -> list[int]:
    """Return what is left in a queue, in its order."""
    client = Client(port)
    client.say("SUBSCRIBE", {"id": "1", "destination": destination, "ack": "client"})
    # What is behind all that waits.
    client.say("SEND", {"destination": destination, "persistent": "true"}, b"-1")
    left: list[int] = []
    while not left or left[-1] != -1:
        frame = client.hear()
        assert frame.command == "MESSAGE", frame
        left.append(int(frame.body))
    client.close()
    return left[:-1]
