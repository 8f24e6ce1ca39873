"""Ports that take both: who begins with a TLS handshake gets TLS, everybody else clear text."""

import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass

from anymq.observability.log import Log

HANDSHAKE = b"\x16"  # how a record of TLS begins; no protocol of ours does

log = Log("anymq.net")

Address = tuple[str, int]


@dataclass(slots=True)
class Silent:
    """Somebody who has not said a word yet."""

    sock: socket.socket
    address: Address
    since: float | None = None


class Detecting:
    """Those who have not said a word yet; each is handed on, or given up."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        seconds: float,
        decided: Callable[[socket.socket, Address, bool], None],
        given_up: Callable[[Address], None],
    ) -> None:
        """`decided` is told whether it is TLS."""
        self._loop = loop
        self._seconds = seconds
        self._decided = decided
        self._given_up = given_up
        self._silent: dict[int, Silent] = {}

    def wait(self, sock: socket.socket, address: Address) -> None:
        """Listen for the first byte."""
        sock.setblocking(False)
        self._silent[sock.fileno()] = Silent(sock, address)
        self._loop.add_reader(sock.fileno(), self._look, sock.fileno())

    def tick(self, now: float) -> None:
        """Give up whoever is silent for too long."""
        for descriptor, one in list(self._silent.items()):
            if one.since is None:
                one.since = now
            elif now - one.since > self._seconds:
                log.info("connection closed", peer=one.address[0], reason="it never said a word")
                self._give_up(descriptor)

    def close(self) -> None:
        """Hang up on all of them."""
        for descriptor in list(self._silent):
            self._give_up(descriptor)

    def _look(self, descriptor: int) -> None:
        try:
            first = self._silent[descriptor].sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            first = b""
        if not first:
            self._give_up(descriptor)
            return
        one = self._forget(descriptor)
        self._decided(one.sock, one.address, first == HANDSHAKE)

    def _give_up(self, descriptor: int) -> None:
        one = self._forget(descriptor)
        one.sock.close()
        self._given_up(one.address)

    def _forget(self, descriptor: int) -> Silent:
        self._loop.remove_reader(descriptor)
        return self._silent.pop(descriptor)
