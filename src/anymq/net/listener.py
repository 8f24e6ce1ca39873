"""A listening socket, and the connections that came by it."""

import errno
import logging
import os
import socket
import ssl
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass

from anymq.net.connection import Connection
from anymq.net.plain import PlainChannel
from anymq.net.tls import TlsChannel
from anymq.protocols.session import Outbox, Peer, Session

BACKLOG = 1024
ACCEPTED_PER_TURN_MAX = 64
PAUSE_SECONDS = 0.5  # when there are no file handles left
READ_BUFFER_BYTES = 256 * 1024
NO_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

log = logging.getLogger("anymq.net")

MakeSession = Callable[[Outbox, Peer], Session]


@dataclass(slots=True)
class Room:
    """How many connections all listeners together may have."""

    connections_max: int
    connections: int = 0
    refused: int = 0


class Listener:
    """Accepts peers at one address and gives each a session."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        room: Room,
        make_session: MakeSession,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.connections: set[Connection] = set()
        self.tls = tls
        self._loop = loop
        self._room = room
        self._make_session = make_session
        self._read_buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        # Kept back for the day when there are no more: with it we accept a peer just to hang up.
        self._spare = os.open(os.devnull, os.O_RDONLY)
        loop.add_reader(self._socket.fileno(), self._accept)
        self._accepting = True

    @property
    def owes(self) -> bool:
        """Is there an answer under way to somebody?"""
        return any(connection.owes for connection in self.connections)

    def stop_accepting(self) -> None:
        """Let nobody in any more."""
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            os.close(self._spare)

    def close(self) -> None:
        """Hang up on everybody."""
        self.stop_accepting()
        for connection in list(self.connections):
            connection.close()

    def tick(self, now: float) -> None:
        """Let every session notice silence."""
        for connection in list(self.connections):
            connection.tick(now)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_PER_TURN_MAX):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno in NO_HANDLES:
                    self._turn_one_away()
                log.warning("cannot accept a connection: %s", error)
                return
            self._welcome(sock, address)

    def _turn_one_away(self) -> None:
        os.close(self._spare)
        try:
            self._socket.accept()[0].close()
        except OSError:
            pass
        finally:
            self._spare = os.open(os.devnull, os.O_RDONLY)
        self._room.refused += 1
        self._loop.remove_reader(self._socket.fileno())
        self._loop.call_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self._accepting:
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _welcome(self, sock: socket.socket, address: tuple[str, int]) -> None:
        if self._room.connections >= self._room.connections_max:
            self._room.refused += 1
            log.warning(
                "refused %s: %d connections are the limit", address[0], self._room.connections
            )
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer = _describe(sock, address, tls=self.tls is not None)
        channel = PlainChannel(sock) if self.tls is None else TlsChannel(sock, self.tls)
        self._room.connections += 1
        self.connections.add(
            Connection(
                self._loop,
                channel,
                lambda outbox: self._make_session(outbox, peer),
                self._read_buffer,
                self._forget,
            )
        )

    def _forget(self, connection: Connection) -> None:
        self._room.connections -= 1
        self.connections.discard(connection)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"{host}:{port}: {error.strerror}") from error
    return sock


def _describe(sock: socket.socket, address: tuple[str, int], *, tls: bool) -> Peer:
    local = sock.getsockname()
    return Peer(address[0], address[1], local[0], local[1], tls)
