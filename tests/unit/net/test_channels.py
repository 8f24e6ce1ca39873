"""What is owed arrives whole and in order, however slowly the peer takes it."""

import contextlib
import os
import socket
import ssl
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import trustme
from typing_extensions import override

from anymq.net.plain import PlainChannel
from anymq.net.tls import TlsChannel
from anymq.protocols.session import Output
from anymq.storage.files import Buffer, File, FileRange


class PlainFile(File):
    """A real file, with as much of `File` as sending needs."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)

    @override
    def pwritev(self, buffers: Sequence[Buffer], position: int) -> int:
        raise AssertionError("nobody writes here")

    @override
    def pread(self, size: int, position: int) -> bytes:
        return os.pread(self._fd, size, position)

    @override
    def fileno(self) -> int:
        return self._fd

    @override
    def close(self) -> None:
        os.close(self._fd)


class FileWithoutDescriptor(PlainFile):
    """As SimFS has them."""

    @override
    def fileno(self) -> int:
        return -1


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.settimeout(30)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture(params=[PlainFile, FileWithoutDescriptor])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PlainFile]:
    path = tmp_path / "log"
    path.write_bytes(bytes(range(256)) * 4096)
    file = request.param(path)
    yield file
    file.close()


def outputs_of(stored: File) -> list[Output]:
    return [
        b"head",
        bytearray(b"x" * 300_000),
        FileRange(stored, 3, 700_000),
        *[b"%d," % i for i in range(200)],
        FileRange(stored, 0, 1),
        FileRange(stored, 1, 5),
        memoryview(b"tail"),
    ]


def expected_of(outputs: Sequence[Output]) -> bytes:
    return b"".join(o.read() if isinstance(o, FileRange) else bytes(o) for o in outputs)


def test_a_slow_reader_gets_every_byte(
    sockets: tuple[socket.socket, socket.socket], stored: PlainFile
) -> None:
    ours, theirs = sockets
    channel, outputs = PlainChannel(ours), outputs_of(stored)
    expected = expected_of(outputs)
    channel.queue(outputs)
    sent, got = 0, b""
    while len(got) < len(expected):
        sent += channel.send(100_000)
        got += theirs.recv(50_000)
    assert got == expected
    assert sent == len(expected)
    assert not channel.owes


def test_a_file_that_is_too_short_ends_the_connection(
    sockets: tuple[socket.socket, socket.socket], stored: PlainFile
) -> None:
    """The peer was promised more bytes than there are: whatever came next would be nonsense."""
    channel = PlainChannel(sockets[0])
    channel.queue([FileRange(stored, 1 << 30, 10)])
    with pytest.raises(OSError, match="ended before"):
        channel.send(1000)


def test_nothing_to_read_is_not_the_end(sockets: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = sockets
    channel, buffer = PlainChannel(ours), memoryview(bytearray(10))
    assert channel.receive_into(buffer) == 0
    assert not channel.ended
    theirs.sendall(b"hi")
    assert channel.receive_into(buffer) == 2
    theirs.close()
    assert channel.receive_into(buffer) == 0
    assert channel.ended


def test_tls_carries_the_same_bytes_both_ways(
    sockets: tuple[socket.socket, socket.socket], stored: PlainFile
) -> None:
    authority = trustme.CA()
    server, client = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("broker.test").configure_cert(server)
    authority.configure_trust(client)
    ours, theirs = sockets
    channel, outputs = TlsChannel(ours, server), outputs_of(stored)
    expected = expected_of(outputs)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    peer = client.wrap_bio(incoming, outgoing, server_hostname="broker.test")
    buffer = memoryview(bytearray(64 * 1024))
    heard, got = b"", b""
    wants_to_say = b"from the peer" * 10_000
    channel.queue(outputs)
    theirs.setblocking(False)
    while len(got) < len(expected) or len(heard) < len(b"from the peer" * 10_000):
        try:
            if peer.version() is None or not wants_to_say:
                peer.do_handshake()
            if wants_to_say:
                wants_to_say = wants_to_say[peer.write(wants_to_say[:9000]) :]
            got += peer.read(20_000)
        except ssl.SSLWantReadError:
            pass
        pump(theirs, incoming, outgoing)
        heard += bytes(buffer[: channel.receive_into(buffer)])
        channel.send(70_000)
    assert got == expected
    assert heard == b"from the peer" * 10_000


def pump(theirs: socket.socket, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
    """Carry ciphertext between the peer's TLS and its socket."""
    if outgoing.pending:
        theirs.setblocking(True)
        theirs.sendall(outgoing.read())
        theirs.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        incoming.write(theirs.recv(30_000))
