"""Outgoing: connections that we make to others. The sessions on them are those of clients."""

import socket
import ssl
from asyncio import Task, timeout
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from anymq.net.connection import Connection, Patience
from anymq.net.plain import PlainChannel
from anymq.net.rounds import Rounds
from anymq.net.tls import TlsChannel, make_client_context
from anymq.observability.log import Log
from anymq.protocols.session import Outbox, Peer, Session
from anymq.shovels.uris import Address, Tls

CONNECT_SECONDS = 15.0
READ_BUFFER_BYTES = 256 * 1024

log = Log("anymq.net")

MakeSession = Callable[[Outbox, Peer], Session]
Failed = Callable[[str], None]


class Outgoing:
    """All connections that we made."""

    def __init__(self, rounds: Rounds, patience: Patience | None = None) -> None:
        self.connections: set[Connection] = set()
        self._rounds = rounds
        self._loop = rounds.loop
        self._patience = patience or Patience()
        self._read_buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        self._links: set[Link] = set()

    def connect(self, address: Address, make: MakeSession, failed: Failed) -> "Link":
        """Connect; `make` is called when that is done, or else `failed`. Never before we return."""
        link = Link(self, make, failed)
        self._links.add(link)
        link.task = self._loop.create_task(self._connect(link, address))
        link.task.add_done_callback(partial(self._tried, link))
        return link

    def tick(self, now: float) -> None:
        """Let every session notice silence."""
        for connection in list(self.connections):
            connection.tick(now)

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        self.connections.discard(connection)

    @property
    def owes(self) -> bool:
        """Is there something that is still to be sent?"""
        return any(connection.owes for connection in self.connections)

    def close(self) -> None:
        """Hang up on everybody."""
        for link in list(self._links):
            link.close()
        for connection in list(self.connections):
            connection.close()

    async def _connect(self, link: "Link", address: Address) -> None:
        try:
            sock = await self._reach(address)
        except TimeoutError:
            link.fail(f"no answer from {address.host}:{address.port}")
        except OSError as error:
            link.fail(f"cannot connect to {address.host}:{address.port}: {_reason(error)}")
        else:
            self._carry(link, sock, address)

    async def _reach(self, address: Address) -> socket.socket:
        """Try the addresses of a name, one after another."""
        async with timeout(CONNECT_SECONDS):
            found = await self._loop.getaddrinfo(
                address.host, address.port, type=socket.SOCK_STREAM
            )
            last: OSError = OSError("the name has no address")
            for family, kind, proto, _, where in found:
                sock = socket.socket(family, kind, proto)
                try:
                    sock.setblocking(False)
                    await self._loop.sock_connect(sock, where)
                except OSError as error:
                    sock.close()
                    last = error
                except BaseException:
                    sock.close()
                    raise
                else:
                    return sock
            raise last

    def _carry(self, link: "Link", sock: socket.socket, address: Address) -> None:
        make, link.make = link.make, None
        if make is None:
            sock.close()
            return
        try:
            connection = self._connection(sock, address, make)
        except (OSError, ValueError) as error:
            sock.close()
            link.fail(f"TLS with {address.host}:{address.port}: {_reason(error)}")
        else:
            self.connections.add(connection)

    def _connection(self, sock: socket.socket, address: Address, make: MakeSession) -> Connection:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        here, there = sock.getsockname(), sock.getpeername()
        peer = Peer(there[0], there[1], here[0], here[1])
        channel: PlainChannel | TlsChannel
        if address.tls is None:
            channel = PlainChannel(sock)
        else:
            name = address.tls.server_name or address.host
            channel = TlsChannel(sock, _context(address.tls), name)
            peer = replace(peer, tls=True)
        return Connection(
            self._rounds, channel, peer, make, self._read_buffer, self, self._patience
        )

    def _tried(self, link: "Link", task: "Task[None]") -> None:
        self._links.discard(link)
        if not task.cancelled() and (bug := task.exception()) is not None:
            log.error("a connection could not be set up: a bug", reason=repr(bug))
            link.fail("a bug: see the log")


class Link:
    """A connection under way."""

    def __init__(self, outgoing: Outgoing, make: MakeSession, failed: Failed) -> None:
        self.make: MakeSession | None = make
        self.task: Task[None] | None = None
        self._failed: Failed | None = failed

    def fail(self, why: str) -> None:
        """There is none."""
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(why)

    def close(self) -> None:
        """Do not connect at all. What is connected is for its session to end."""
        self.make = self._failed = None
        if self.task is not None:
            self.task.cancel()


def _context(tls: Tls) -> ssl.SSLContext:
    return make_client_context(
        Path(tls.ca) if tls.ca else None,
        Path(tls.certificate) if tls.certificate else None,
        Path(tls.key or tls.certificate) if tls.certificate else None,
        verify=tls.verify,
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
