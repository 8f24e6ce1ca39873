"""A listening socket, and the connections that came by it."""

import errno
import os
import select
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from anymq.net.connection import Connection, Patience
from anymq.net.detecting import Detecting
from anymq.net.plain import PlainChannel
from anymq.net.rounds import Rounds
from anymq.net.tls import TlsChannel
from anymq.observability.log import Log
from anymq.protocols.session import Outbox, Peer, Session, Traffic

BACKLOG = 1024
ACCEPTED_PER_TURN_MAX = 64
PAUSE_SECONDS = 0.5  # when there are no file handles left
READ_BUFFER_BYTES = 256 * 1024
NO_HANDLES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
WITHOUT_LIMIT = -1

log = Log("anymq.net")

MakeSession = Callable[[Outbox, Peer], Session]
MakeTls = Callable[[], ssl.SSLContext]


class Room:
    """How many connections all listeners together may have, and one address of them."""

    def __init__(self, connections_max: int, per_address_max: int = WITHOUT_LIMIT) -> None:
        self.connections_max = connections_max
        self.per_address_max = per_address_max
        self.refused = 0
        self.connections = 0
        self.give_handles = _none  # asks others to close files; says whether they had any
        self.traffic = Traffic()  # of those that left
        self._by_address: Counter[str] = Counter()

    def full_for(self, host: str) -> str:
        """Say why nobody from there can come in; nothing when somebody can."""
        if self.connections >= self.connections_max:
            return "limits.connections_max"
        if 0 <= self.per_address_max <= self._by_address[host]:
            return "limits.connections_per_address_max"
        return ""

    def enter(self, host: str) -> None:
        """One more."""
        self.connections += 1
        self._by_address[host] += 1

    def leave(self, host: str, traffic: Traffic) -> None:
        """One less."""
        self.traffic.received += traffic.received
        self.traffic.sent += traffic.sent
        self.connections -= 1
        self._by_address[host] -= 1
        if not self._by_address[host]:
            del self._by_address[host]


class Listener:
    """Accepts peers at one address and gives each a session."""

    def __init__(
        self,
        rounds: Rounds,
        room: Room,
        make_session: MakeSession,
        *,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        detected_tls: MakeTls | None = None,
        patience: Patience | None = None,
    ) -> None:
        """With `detected_tls`, who begins with a TLS handshake gets TLS, and clear text who not."""
        self.connections: set[Connection] = set()
        self.tls = tls  # may be replaced: those who are here keep what they came with
        self._rounds = rounds
        self._loop = loop = rounds.loop
        self._room = room
        self._make_session = make_session
        self._patience = patience or Patience()
        self._detected_tls = detected_tls
        self._detecting = Detecting(loop, self._patience.handshake, self._decided, self._given_up)
        self._read_buffer = memoryview(bytearray(READ_BUFFER_BYTES))
        self._socket = _listen(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        # Kept back for the day when there are no more: with it we accept a peer just to hang up.
        self._spare: int | None = None
        self._keep_spare()
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
            self._give_spare()

    def close(self) -> None:
        """Hang up on everybody."""
        self.stop_accepting()
        self._detecting.close()
        for connection in list(self.connections):
            connection.close()

    def tick(self, now: float) -> None:
        """Let every session notice silence."""
        self._detecting.tick(now)
        for connection in list(self.connections):
            connection.tick(now)

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._room.leave(connection.peer.host, connection.peer.traffic)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_PER_TURN_MAX):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # it left while it waited
            except OSError as error:
                if error.errno not in NO_HANDLES:
                    log.warning("cannot accept a connection", reason=error)
                    return
                # Linux says so before it looks whether there is anybody.
                if not self._somebody_waits():
                    return
                if self._room.give_handles():
                    continue
                log.warning("cannot accept a connection", reason=error)
                self._turn_one_away()
                return
            self._welcome(sock, address)

    def _somebody_waits(self) -> bool:
        if not hasattr(select, "poll"):  # Windows
            return True
        waits = select.poll()
        waits.register(self._socket, select.POLLIN)
        return bool(waits.poll(0))

    def _turn_one_away(self) -> None:
        """Without a free handle a peer cannot even be told no; do it with the spare one."""
        self._give_spare()
        with suppress(OSError):
            self._socket.accept()[0].close()
        self._keep_spare()
        self._room.refused += 1
        self._loop.remove_reader(self._socket.fileno())
        self._loop.call_later(PAUSE_SECONDS, self._go_on)

    def _keep_spare(self) -> None:
        with suppress(OSError):  # another thread was quicker
            self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _give_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            os.close(spare)

    def _go_on(self) -> None:
        if self._accepting:
            if self._spare is None:
                self._keep_spare()
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _welcome(self, sock: socket.socket, address: tuple[str, int]) -> None:
        if full := self._room.full_for(address[0]):
            self._room.refused += 1
            log.warning("connection refused: there are too many", peer=address[0], limit=full)
            sock.close()
        elif self._detected_tls is not None:
            self._room.enter(address[0])
            self._detecting.wait(sock, address)
        else:
            self._serve(sock, address, self.tls)

    def _decided(self, sock: socket.socket, address: tuple[str, int], tls: bool) -> None:
        self._room.leave(address[0], Traffic())
        assert self._detected_tls is not None, "else nobody is waited for"
        try:
            context = self._detected_tls() if tls else None
        except (OSError, ValueError) as error:
            log.error("TLS was asked for, and there is no certificate for it", reason=error)
            sock.close()
        else:
            self._serve(sock, address, context)

    def _given_up(self, address: tuple[str, int]) -> None:
        self._room.leave(address[0], Traffic())

    def _serve(
        self, sock: socket.socket, address: tuple[str, int], tls: ssl.SSLContext | None
    ) -> None:
        try:
            connection = self._connect(sock, address, tls)
        except OSError as error:  # it has left already
            log.debug("connection lost", peer=address[0], reason=error)
            sock.close()
        except Exception:
            log.exception("a connection could not be set up", peer=address[0])
            sock.close()
        else:
            self._room.enter(connection.peer.host)
            self.connections.add(connection)

    def _connect(
        self, sock: socket.socket, address: tuple[str, int], tls: ssl.SSLContext | None
    ) -> Connection:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer = _describe(sock, address)
        channel: PlainChannel | TlsChannel
        if tls is None:
            channel = PlainChannel(sock)
        else:
            channel = TlsChannel(sock, tls)
            peer = replace(peer, tls=True, certificate=channel.certificate)
        return Connection(
            self._rounds,
            channel,
            peer,
            self._make_session,
            self._read_buffer,
            self,
            self._patience,
        )


def _none() -> bool:
    return False


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


def _describe(sock: socket.socket, address: tuple[str, int]) -> Peer:
    local = sock.getsockname()
    return Peer(address[0], address[1], local[0], local[1])
