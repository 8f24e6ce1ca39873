"""TLS over a non-blocking socket: an SSLObject between two memory buffers, and no transport."""

import ssl
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from socket import SO_ERROR, SOL_SOCKET, socket
from typing import Any

from anymq.net.plain import FileEndedEarly
from anymq.protocols.session import Output
from anymq.storage.files import FileRange

# OpenSSL's memory buffers never shrink: what passes through at once is what an idle connection
# holds ever after. A record has 16 KiB at most.
PIECE_BYTES = 32 * 1024
# What TLS itself wants to say (answers to key updates) to a peer that does not listen.
UNSENT_BYTES_MAX = 256 * 1024
NOTHING = memoryview(b"")


def make_context(
    certificate: Path, key: Path, client_ca: Path | None = None, *, required: bool = True
) -> ssl.SSLContext:
    """Return the context of a listener.

    With `client_ca`, peers must show a certificate of it, or may, if it is not `required`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A renegotiation costs us much and the peer little; no client of ours needs one.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(certificate, key, password=_no_password)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


def make_client_context(
    ca: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
    *,
    verify: bool,
) -> ssl.SSLContext:
    """Return the context of a connection that we make.

    Without `ca`, what this machine trusts is trusted; without `verify`, anybody is.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    """Without this, OpenSSL would ask whoever sits at the terminal."""
    raise ValueError("the private key is encrypted: no password is known for it")


# What OpenSSL calls it, and what it is: an operator reads it in the log.
IN_WORDS = {
    "HTTP_REQUEST": "plain HTTP came where TLS is spoken",
    "WRONG_VERSION_NUMBER": "clear text came where TLS is spoken",
    "UNEXPECTED_EOF_WHILE_READING": "the peer left during the handshake",
    "TLSV1_ALERT_UNKNOWN_CA": "the peer does not trust our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the peer does not like our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the peer does not trust our certificate",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer showed no certificate",
    "CERTIFICATE_VERIFY_FAILED": "we do not trust the peer's certificate",
    "UNSUPPORTED_PROTOCOL": "the peer's version of TLS is too old",
}


def in_words(error: OSError) -> str:
    """Say why a connection ended; what OpenSSL said follows."""
    known = IN_WORDS.get(error.reason or "") if isinstance(error, ssl.SSLError) else None
    return f"{known} ({error})" if known else str(error)


class TlsChannel:
    """Moves bytes, encrypted; keeps what the peer does not take yet."""

    __slots__ = (
        "_ciphertext",
        "_incoming",
        "_outgoing",
        "_owed",
        "_socket",
        "_tls",
        "ended",
        "ready",
    )

    def __init__(
        self, sock: socket, context: ssl.SSLContext, server_name: str | None = None
    ) -> None:
        """With `server_name`, we are the client."""
        self.ended = False  # the peer says no more
        self.ready = False  # the handshake is done
        self._socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_name is None,
            server_hostname=server_name,
        )
        self._owed: deque[Output] = deque()
        self._ciphertext = NOTHING
        if server_name is not None:
            with suppress(ssl.SSLWantReadError):
                self._shake_hands()  # the client speaks first

    @property
    def owes(self) -> bool:
        """Is there something the peer did not take yet?"""
        return bool(self._ciphertext or self._outgoing.pending or (self._owed and self.ready))

    @property
    def is_reset(self) -> bool:
        """Has the peer broken it off?"""
        return self._socket.getsockopt(SOL_SOCKET, SO_ERROR) != 0

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def certificate(self) -> Mapping[str, Any] | None:
        """Return what the peer's certificate says, if it showed one that we checked."""
        return self._tls.getpeercert() if self.ready else None

    def close(self) -> None:
        """Close the socket; say that this is the end, if that can be said at once."""
        self._owed.clear()
        try:
            # Else a peer cannot tell an end from an attack that cuts off the rest.
            if self.ready and not self._ciphertext:
                with suppress(OSError):
                    self._tls.unwrap()
                with suppress(OSError):
                    self._send_ciphertext()
        finally:
            self._socket.close()

    def receive_into(self, buffer: memoryview) -> int:
        """Return how many bytes came: 0 when there are none now. `ended`: there will be no more.

        The buffer is to hold twice what is read at once.
        """
        try:
            received = self._socket.recv_into(buffer[: len(buffer) // 2])
        except (BlockingIOError, InterruptedError):
            return 0
        if received == 0:
            self.ended = True
            return 0
        ciphertext = bytes(buffer[:received])
        size = 0
        for start in range(0, received, PIECE_BYTES):
            self._incoming.write(ciphertext[start : start + PIECE_BYTES])
            size += self._decrypt_into(buffer[size:])
        if self._outgoing.pending:
            self._answer()
        return size

    def _decrypt_into(self, buffer: memoryview) -> int:
        """Decrypt what there is. It fits: plaintext is shorter than what it came as."""
        size = 0
        try:
            if not self.ready:
                self._shake_hands()
            while read := self._tls.read(len(buffer) - size, buffer[size:]):
                size += int(read)
        except ssl.SSLWantReadError:
            return size
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self.ended = True
            return size
        self.ended = True
        return size

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            raise
        except ssl.SSLError:
            with suppress(OSError):
                self._send_ciphertext()  # the alert that tells the peer why
            raise
        self.ready = True

    def _answer(self) -> None:
        """Send what TLS itself has to say."""
        with suppress(BlockingIOError, InterruptedError):
            self._send_ciphertext()
        if self._outgoing.pending > UNSENT_BYTES_MAX:
            raise OSError("TLS has much to say to a peer that does not listen")

    def queue(self, outputs: Iterable[Output]) -> None:
        """Owe these, too."""
        self._owed.extend(outputs)

    def send(self, bytes_max: int) -> int:
        """Send what the peer takes now; return how much of what was owed is encrypted and gone."""
        total = 0
        try:
            while True:
                self._send_ciphertext()
                if not (self._owed and self.ready) or total >= bytes_max:
                    return total
                total += self._encrypt_next()
        except (BlockingIOError, InterruptedError):
            return total

    def _send_ciphertext(self) -> None:
        while self._ciphertext or self._outgoing.pending:
            if not self._ciphertext:
                self._ciphertext = memoryview(self._outgoing.read())
            sent = self._socket.send(self._ciphertext)
            # An empty slice would keep all of it alive.
            self._ciphertext = self._ciphertext[sent:] or NOTHING

    def _encrypt_next(self) -> int:
        head = self._owed.popleft()
        if isinstance(head, FileRange):
            data: bytes | memoryview = head.file.pread(min(head.size, PIECE_BYTES), head.position)
            if not data:
                raise FileEndedEarly
            if len(data) < head.size:
                rest = FileRange(head.file, head.position + len(data), head.size - len(data))
                self._owed.appendleft(rest)
        else:
            data = memoryview(head)[:PIECE_BYTES]
            if len(head) > PIECE_BYTES:
                self._owed.appendleft(memoryview(head)[PIECE_BYTES:])
        return self._tls.write(data) if data else 0
