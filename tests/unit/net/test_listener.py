"""Many come at once, some never say a word, and the system runs out of handles: it goes on."""

import asyncio
import contextlib
import os
import resource
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme
from tests.unit.net.room import LOOPS, TURNS_MAX, Loop, Talker, drain, has_ended, running

from anymq.net.connection import Patience
from anymq.net.listener import Listener, MakeTls, Room
from anymq.net.rounds import Rounds
from anymq.net.tls import make_context
from anymq.protocols.session import Outbox, Peer

PATIENCE = Patience(handshake=5, stalled=20, goodbye=10)


def echo(session: Talker, data: bytes) -> None:
    session.outbox.write(data)


@dataclass
class House:
    """A listener and those who knock."""

    loop: Loop
    sessions: list[Talker] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)
    on_receive: Callable[[Talker, bytes], None] = echo
    broken: bool = False

    def make(self, outbox: Outbox, peer: Peer) -> Talker:
        if self.broken:
            raise RuntimeError("a bug")
        self.sessions.append(Talker(outbox, peer, on_receive=self.on_receive))
        return self.sessions[-1]

    def listen(
        self,
        room: Room,
        tls: ssl.SSLContext | None = None,
        detected_tls: MakeTls | None = None,
    ) -> Listener:
        listener = Listener(
            Rounds(self.loop.real),
            room,
            self.make,
            host="127.0.0.1",
            port=0,
            tls=tls,
            detected_tls=detected_tls,
            patience=PATIENCE,
        )
        self.listeners.append(listener)
        return listener

    def knock(self, listener: Listener) -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", listener.port))
        self.sockets.append(sock)
        return sock

    def leave(self) -> None:
        for listener in self.listeners:
            listener.close()
        for sock in self.sockets:
            sock.close()


@pytest.fixture(params=LOOPS)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with running(request.param) as loop:
        house = House(loop)
        yield house
        house.leave()


def test_everybody_gets_a_session(house: House) -> None:
    room = Room(1000)
    listener = house.listen(room)
    socks = [house.knock(listener) for _ in range(200)]
    house.loop.until(lambda: len(listener.connections) == 200)
    socks[7].sendall(b"hello")
    house.loop.until(lambda: drain(socks[7]) == b"hello")
    listener.close()
    assert room.connections == 0
    assert all(session.gone == 1 for session in house.sessions)


def test_who_is_one_too_many_is_turned_away(house: House, caplog: pytest.LogCaptureFixture) -> None:
    room = Room(2)
    listener = house.listen(room)
    first = house.knock(listener)
    house.knock(listener)
    third = house.knock(listener)
    house.loop.until(lambda: has_ended(third))
    assert room.refused == 1
    assert "connection refused: there are too many" in caplog.text
    first.close()
    house.loop.until(lambda: room.connections == 1)
    again = house.knock(listener)
    again.sendall(b"hello")
    house.loop.until(lambda: drain(again) == b"hello")


def test_one_address_does_not_take_all_places(house: House) -> None:
    room = Room(10, per_address_max=2)
    listener = house.listen(room)
    for _ in range(2):
        house.knock(listener)
    third = house.knock(listener)
    house.loop.until(lambda: has_ended(third))
    assert (room.connections, room.refused) == (2, 1)


def test_a_session_that_cannot_be_made_costs_no_place(house: House) -> None:
    room = Room(10)
    listener = house.listen(room)
    house.broken = True
    lost = house.knock(listener)
    house.loop.until(lambda: has_ended(lost))
    assert (room.connections, listener.connections) == (0, set())
    house.broken = False
    welcome = house.knock(listener)
    welcome.sendall(b"hello")
    house.loop.until(lambda: drain(welcome) == b"hello")


def test_who_has_left_before_it_is_accepted_costs_no_place(house: House) -> None:
    room = Room(10)
    listener = house.listen(room)
    for _ in range(20):
        sock = house.knock(listener)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()  # a reset
    house.loop.until(lambda: len(house.sessions) == 20 or room.connections == 0)
    house.loop.until(lambda: room.connections == 0)
    assert listener.connections == set()


@contextlib.contextmanager
def few_handles() -> Iterator[list[int]]:
    """Nothing can be opened any more; what is open stays. Some that could be closed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    highest = max(map(int, os.listdir("/dev/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 10, hard))
    try:
        with contextlib.suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        yield taken
    finally:
        for fd in taken:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_without_a_free_handle_peers_hear_no_instead_of_nothing(house: House) -> None:
    """Else each turn of the loop would try again, and nobody would ever tell them."""
    room = Room(10)
    listener = house.listen(room)
    waiting = socket.socket()  # made while there are handles
    house.sockets.append(waiting)

    async def scene() -> None:
        with few_handles():
            waiting.connect(("127.0.0.1", listener.port))
            for _ in range(TURNS_MAX):
                if has_ended(waiting):
                    return
                await asyncio.sleep(0)

    house.loop.real.run_until_complete(asyncio.wait_for(scene(), 10))
    assert room.refused == 1
    assert room.connections == 0


def test_peers_get_the_handles_of_files_that_are_only_kept_open(house: House) -> None:
    room = Room(10)
    listener = house.listen(room)
    waiting = socket.socket()
    house.sockets.append(waiting)
    asked: list[int] = []

    async def scene() -> None:
        with few_handles() as kept:

            def give() -> bool:
                asked.append(kept[-1])
                os.close(kept.pop())
                return True

            room.give_handles = give
            waiting.connect(("127.0.0.1", listener.port))
            for _ in range(TURNS_MAX):
                if house.sessions:
                    return
                await asyncio.sleep(0)

    house.loop.real.run_until_complete(asyncio.wait_for(scene(), 10))
    assert asked
    assert room.refused == 0
    assert room.connections == 1


def test_who_takes_the_last_handle_costs_nobody_else_anything(house: House) -> None:
    """Without a handle, Linux does not say that there is nobody to accept."""
    room = Room(10)
    listener = house.listen(room)
    last = socket.socket()
    house.sockets.append(last)
    asked: list[str] = []

    def give() -> bool:
        asked.append("for handles")
        return False

    async def scene() -> None:
        with few_handles() as kept:
            room.give_handles = give
            os.close(kept.pop())
            last.connect(("127.0.0.1", listener.port))
            for _ in range(TURNS_MAX):
                if house.sessions:
                    return
                await asyncio.sleep(0)

    house.loop.real.run_until_complete(asyncio.wait_for(scene(), 10))
    assert asked == []
    assert room.refused == 0
    assert room.connections == 1


def test_after_stop_nobody_comes_in_but_those_inside_go_on(house: House) -> None:
    room = Room(10)
    listener = house.listen(room)
    inside = house.knock(listener)
    house.loop.until(lambda: listener.connections)
    listener.stop_accepting()
    listener.stop_accepting()
    with pytest.raises(ConnectionError):
        house.knock(listener)
    inside.sendall(b"still here")
    house.loop.until(lambda: drain(inside) == b"still here")


# --- TLS -----------------------------------------------------------------------------------------


@dataclass
class Authority:
    """Gives certificates to brokers and clients."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    def context(self, *names: str, client_ca: bool = False) -> ssl.SSLContext:
        path = self.folder / f"{names[0]}.pem"
        self.ca.issue_cert(*names).private_key_and_cert_chain_pem.write_to_path(path)
        ca = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(ca)
        return make_context(path, path, ca if client_ca else None)

    def client(self, certificate_of: trustme.CA | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.ca.configure_trust(context)
        if certificate_of is not None:
            certificate_of.issue_cert("client.test").configure_cert(context)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class TlsPeer:
    """A client's side of TLS, moved on by hand."""

    def __init__(self, house: House, listener: Listener, context: ssl.SSLContext) -> None:
        self.socket = house.knock(listener)
        self.socket.setblocking(False)
        self.tls = context.wrap_socket(
            self.socket, server_hostname="broker.test", do_handshake_on_connect=False
        )
        house.sockets.append(self.tls)
        self._loop = house.loop
        self.error: OSError | None = None

    def shake_hands(self) -> None:
        self._loop.until(lambda: self._done(self.tls.do_handshake))

    def read(self, size: int) -> bytes:
        got = b""

        def read() -> None:
            nonlocal got
            got += self.tls.recv(size - len(got))

        self._loop.until(lambda: self._done(read) and len(got) >= size)
        return got

    def write(self, data: bytes) -> None:
        left = memoryview(data)

        def write() -> None:
            nonlocal left
            left = left[self.tls.send(left) :]

        self._loop.until(lambda: self._done(write) and not left)

    def _done(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError as error:
            self.error = error
        return True


def test_tls_peers_are_heard(house: House, authority: Authority) -> None:
    listener = house.listen(Room(10), authority.context("broker.test"))
    peer = TlsPeer(house, listener, authority.client())
    peer.shake_hands()
    data = os.urandom(500_000)
    for start in range(0, len(data), 50_000):
        peer.write(data[start : start + 50_000])
        assert peer.read(50_000) == data[start : start + 50_000]
    assert house.sessions[0].peer.tls


def test_a_handshake_that_never_ends_is_cut(
    house: House, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Whether it says nothing at all, or half of a hello."""
    caplog.set_level("INFO")
    listener = house.listen(Room(10), authority.context("broker.test"))
    house.knock(listener)
    house.knock(listener).sendall(b"\x16\x03\x01\x02\x00\x01")
    house.loop.until(lambda: len(listener.connections) == 2)
    listener.tick(100)
    listener.tick(100 + PATIENCE.handshake - 1)
    assert len(listener.connections) == 2
    listener.tick(100 + PATIENCE.handshake + 1)
    assert not listener.connections
    assert {r.fields["reason"] for r in caplog.records} == {"no TLS handshake in time"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "plain HTTP came where TLS is spoken"),
        (b"AMQP\0\0\x09\x01", "clear text came where TLS is spoken"),
    ],
)
def test_who_speaks_no_tls_is_told_of_in_words(
    house: House, authority: Authority, caplog: pytest.LogCaptureFixture, said: bytes, reason: str
) -> None:
    caplog.set_level("INFO")
    listener = house.listen(Room(10), authority.context("broker.test"))
    house.knock(listener).sendall(said)
    house.loop.until(lambda: caplog.records)
    assert caplog.records[0].fields["reason"].startswith(reason)  # type: ignore[attr-defined]


def test_who_trusts_another_authority_is_told_of_in_words(
    house: House, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    listener = house.listen(Room(10), authority.context("broker.test"))
    peer = TlsPeer(house, listener, ssl.create_default_context())
    peer.shake_hands()
    assert isinstance(peer.error, ssl.SSLCertVerificationError)
    house.loop.until(lambda: caplog.records)
    reason = caplog.records[0].fields["reason"]  # type: ignore[attr-defined]
    assert reason.startswith("the peer does not trust our certificate (")


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 500, b"\xff" * 70_000, b"\x00\x00\x00\x10\x00\x12\x00\x00"],
)
def test_what_is_not_tls_ends_that_connection(
    house: House, authority: Authority, garbage: bytes
) -> None:
    listener = house.listen(Room(10), authority.context("broker.test"))
    good = TlsPeer(house, listener, authority.client())
    good.shake_hands()
    bad = house.knock(listener)
    bad.sendall(garbage)
    house.loop.until(lambda: len(listener.connections) == 1)
    good.write(b"still here")
    assert good.read(10) == b"still here"


def test_garbage_after_the_handshake_ends_that_connection(
    house: House, authority: Authority
) -> None:
    listener = house.listen(Room(10), authority.context("broker.test"))
    peer = TlsPeer(house, listener, authority.client())
    peer.shake_hands()
    house.loop.until(lambda: listener.connections)
    raw = socket.socket(fileno=os.dup(peer.tls.fileno()))
    house.sockets.append(raw)
    raw.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
    house.loop.until(lambda: not listener.connections)


def test_a_peer_says_goodbye_in_tls_only(house: House, authority: Authority) -> None:
    """close_notify without an end of the socket, and in one piece with the last words."""
    listener = house.listen(Room(10), authority.context("broker.test"))
    peer = TlsPeer(house, listener, authority.client())
    peer.shake_hands()
    peer.tls.send(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        peer.tls.unwrap()
    house.loop.until(lambda: not listener.connections)
    assert house.sessions[0].heard == b"last words"


def test_we_say_goodbye_in_tls(house: House, authority: Authority) -> None:
    """A client must be able to tell the end from an attacker who cut the line."""

    def answer_and_close(session: Talker, _: bytes) -> None:
        session.outbox.write(b"bye")
        session.closed = True

    house.on_receive = answer_and_close
    listener = house.listen(Room(10), authority.context("broker.test"))
    peer = TlsPeer(house, listener, authority.client())
    peer.shake_hands()
    peer.write(b"x")
    assert peer.read(3) == b"bye"
    house.loop.until(lambda: not listener.connections)
    assert peer.tls.recv(10) == b""  # not an SSLEOFError


def test_a_client_without_a_certificate_stays_outside(house: House, authority: Authority) -> None:
    listener = house.listen(Room(10), authority.context("broker.test", client_ca=True))
    nobody = TlsPeer(house, listener, authority.client())
    stranger = TlsPeer(house, listener, authority.client(certificate_of=trustme.CA()))
    for peer in (nobody, stranger):
        peer.shake_hands()
        peer._done(lambda peer=peer: peer.tls.send(b"let me in"))  # type: ignore[misc]
    house.loop.until(lambda: len(house.sessions) == 2 and not listener.connections)
    assert [session.heard for session in house.sessions] == [b"", b""]


def test_a_client_with_a_certificate_comes_in(house: House, authority: Authority) -> None:
    listener = house.listen(Room(10), authority.context("broker.test", client_ca=True))
    peer = TlsPeer(house, listener, authority.client(certificate_of=authority.ca))
    peer.shake_hands()
    peer.write(b"hello")
    assert peer.read(5) == b"hello"


def test_a_new_certificate_is_for_those_who_come_after(house: House, authority: Authority) -> None:
    listener = house.listen(Room(10), authority.context("broker.test", "old.test"))
    before = TlsPeer(house, listener, authority.client())
    before.shake_hands()
    listener.tls = authority.context("broker.test", "new.test")
    after = TlsPeer(house, listener, authority.client())
    after.shake_hands()
    names = [str((peer.tls.getpeercert() or {})["subjectAltName"]) for peer in (before, after)]
    assert ["old.test" in name for name in names] == [True, False]
    assert ["new.test" in name for name in names] == [False, True]
    before.write(b"still here")
    assert before.read(10) == b"still here"


def test_an_encrypted_key_is_refused_not_asked_about(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    certificate = trustme.CA().issue_cert("broker.test")
    key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
    secret = key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    path = tmp_path / "broker.pem"
    path.write_bytes(secret + b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    with pytest.raises(ValueError, match="encrypted"):
        make_context(path, path)


# --- both at one door ----------------------------------------------------------------------------


def test_who_begins_with_tls_gets_it_and_clear_text_who_does_not(
    house: House, authority: Authority
) -> None:
    """As at RocketMQ's ports: its Java client wants TLS there, its Python client does not."""
    context = authority.context("broker.test")
    room = Room(10)
    listener = house.listen(room, detected_tls=lambda: context)
    plain = house.knock(listener)
    plain.sendall(b"hello")
    house.loop.until(lambda: drain(plain) == b"hello")
    peer = TlsPeer(house, listener, authority.client())
    peer.shake_hands()
    peer.write(b"secret")
    assert peer.read(6) == b"secret"
    assert [session.peer.tls for session in house.sessions] == [False, True]
    assert room.connections == len(listener.connections) == 2


def test_who_says_nothing_has_a_place_until_it_is_given_up(
    house: House, authority: Authority
) -> None:
    context = authority.context("broker.test")
    room = Room(2)
    listener = house.listen(room, detected_tls=lambda: context)
    silent = house.knock(listener)
    leaving = house.knock(listener)
    house.loop.until(lambda: room.connections == 2)
    leaving.close()
    house.loop.until(lambda: room.connections == 1)
    listener.tick(100)
    listener.tick(100 + PATIENCE.handshake)
    assert room.connections == 1
    listener.tick(100 + PATIENCE.handshake + 1)
    assert room.connections == 0
    assert has_ended(silent)
    assert house.sessions == []


def test_who_says_nothing_is_hung_up_on_at_the_end(house: House, authority: Authority) -> None:
    room = Room(10)
    listener = house.listen(room, detected_tls=lambda: authority.context("broker.test"))
    silent = house.knock(listener)
    house.loop.until(lambda: room.connections == 1)
    listener.close()
    assert has_ended(silent)
    assert room.connections == 0


def test_without_a_certificate_only_who_wants_tls_is_turned_away(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    def none() -> ssl.SSLContext:
        raise FileNotFoundError("no such file")

    room = Room(10)
    listener = house.listen(room, detected_tls=none)
    secret, plain = house.knock(listener), house.knock(listener)
    secret.sendall(b"\x16\x03\x01\x02\x00\x01")
    plain.sendall(b"hello")
    house.loop.until(lambda: has_ended(secret))
    house.loop.until(lambda: drain(plain) == b"hello")
    assert room.connections == 1
    assert "there is no certificate for it" in caplog.text
