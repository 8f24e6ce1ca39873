"""TLS over a non-blocking socket: an SSLObject between two memory buffers, and no transport."""

import ssl
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from socket import socket

from anymq.protocols.session import Output
from anymq.storage.files import FileRange

RECORD_BYTES = 64 * 1024  # how much is encrypted per call
CIPHERTEXT_BYTES_MAX = 256 * 1024  # how much may wait encrypted


def make_context(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the context of a listener; with `client_ca`, peers must show a certificate of it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class TlsChannel:
    """Moves bytes, encrypted; keeps what the peer does not take yet."""

    def __init__(self, sock: socket, context: ssl.SSLContext) -> None:
        self._socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._owed: deque[Output] = deque()
        self._ciphertext = b""
        self._handshaken = False

    @property
    def owes(self) -> bool:
        """Is there something the peer did not take yet?"""
        return bool(self._ciphertext or self._outgoing.pending or (self._owed and self._handshaken))

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._owed.clear()
        self._socket.close()

    def receive_into(self, buffer: memoryview) -> int | None:
        """Return how many bytes came: 0 at the end, None when there are none now."""
        try:
            received = self._socket.recv_into(buffer[: len(buffer) // 2])
        except (BlockingIOError, InterruptedError):
            return None
        if received == 0:
            return 0
        self._incoming.write(buffer[:received])
        return self._decrypt_into(buffer)

    def _decrypt_into(self, buffer: memoryview) -> int | None:
        if not self._handshaken and not self._shake_hands():
            return None
        size = 0
        # Plaintext is shorter than its ciphertext, so what came fits into the buffer it came in.
        try:
            while size < len(buffer):
                read = self._tls.read(len(buffer) - size, buffer[size:])
                if not read:
                    break
                size += int(read)
        except ssl.SSLWantReadError:
            return size or None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return size
        return size

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
            self._handshaken = True
        except ssl.SSLWantReadError:
            pass
        finally:
            self.send(CIPHERTEXT_BYTES_MAX)
        return self._handshaken

    def queue(self, outputs: Iterable[Output]) -> None:
        """Owe these, too."""
        self._owed.extend(outputs)

    def send(self, bytes_max: int) -> int:
        """Send what the peer takes now; return how much of what was owed is encrypted and gone."""
        total = 0
        try:
            while True:
                self._send_ciphertext()
                if not (self._owed and self._handshaken) or total >= bytes_max:
                    return total
                total += self._encrypt_next()
        except (BlockingIOError, InterruptedError):
            return total

    def _send_ciphertext(self) -> None:
        while self._ciphertext or self._outgoing.pending:
            if not self._ciphertext:
                self._ciphertext = self._outgoing.read(CIPHERTEXT_BYTES_MAX)
            sent = self._socket.send(self._ciphertext)
            self._ciphertext = self._ciphertext[sent:]

    def _encrypt_next(self) -> int:
        head = self._owed.popleft()
        if isinstance(head, FileRange):
            size = min(head.size, RECORD_BYTES)
            data = head.file.pread(size, head.position)
            if not data:
                raise OSError("the file ended before the range that was to be sent")
            if len(data) < head.size:
                rest = FileRange(head.file, head.position + len(data), head.size - len(data))
                self._owed.appendleft(rest)
        else:
            data = bytes(memoryview(head)[:RECORD_BYTES])
            if len(head) > RECORD_BYTES:
                self._owed.appendleft(memoryview(head)[RECORD_BYTES:])
        return self._tls.write(data) if data else 0
