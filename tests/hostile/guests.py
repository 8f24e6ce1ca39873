"""Guests: clients whose every byte is theirs, whatever the protocol, and crowds of them."""

import socket
import time
from typing import Generic, Protocol, TypeVar

from typing_extensions import override

from tests.hostile.room import KIB, SECONDS, Broker, Neighbour, send_all_it_takes, wait_until

F = TypeVar("F")
Frames = TypeVar("Frames", covariant=True)


class Decoder(Protocol[Frames]):
    """Cuts what arrives into frames."""

    def feed(self, data: memoryview) -> None:
        """Take what came."""

    def next(self) -> Frames | None:
        """Return the next frame, if it is whole."""


class Guest(Generic[F]):
    """One connection; frames that came wait in a row."""

    def __init__(self, port: int, decoder: Decoder[F], *, small: bool = False) -> None:
        self.sock = socket.socket()
        if small:  # keep small what the system holds for it
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        self.sock.settimeout(SECONDS)
        self.sock.connect(("127.0.0.1", port))
        self._decoder = decoder

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.sock.sendall(data)

    def send_some(self, data: bytes) -> int:
        """Send what the other side takes; return how much that was."""
        return send_all_it_takes(self.sock, data, bytes_max=len(data))

    def hear(self) -> F:
        """The next frame."""
        while (frame := self._decoder.next()) is None:
            data = self.sock.recv(64 * KIB)
            assert data, "it hung up"
            self._decoder.feed(memoryview(data))
        return frame

    def abort(self) -> None:
        """Go without a word."""
        self.sock.close()


G = TypeVar("G", bound=Guest)  # type: ignore[type-arg]


class Crowd(Generic[G]):
    """The broker and those who come."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.clients: list[G] = []

    def take(self, client: G) -> G:
        """One more."""
        self.clients.append(client)
        return client

    @property
    def connections(self) -> float:
        """How many there are."""
        return self.broker.metric("anymq_connections")

    def all_go(self) -> None:
        """Send them all away."""
        for client in self.clients:
            client.abort()
        self.clients.clear()
        wait_until(lambda: self.connections <= 1, 30)


class GuestNeighbour(Neighbour, Generic[G]):
    """A neighbour by the protocol of such guests; new connections at times."""

    def __init__(self, broker: Broker, port: int) -> None:
        super().__init__(broker)
        self.port = port

    @override
    def visit(self) -> None:
        began = time.monotonic()
        client = self.enter()
        self.slowest_connect = max(self.slowest_connect, time.monotonic() - began)
        try:
            self.rounds_of(lambda: self.round(client))
        finally:
            client.abort()

    def enter(self) -> G:
        """Come in, and be ready for a round."""
        raise NotImplementedError

    def round(self, client: G) -> None:
        """One message, there and back."""
        raise NotImplementedError
