"""A plain socket: what is owed leaves by `sendmsg` and `sendfile`."""

import os
import socket
from collections import deque
from collections.abc import Iterable
from itertools import islice

from anymq.protocols.session import Output
from anymq.storage.files import Buffer, FileRange

BUFFERS_PER_CALL_MAX = 64
MORE_FOLLOWS = getattr(socket, "MSG_MORE", 0)  # Linux


class FileEndedEarly(OSError):
    """Shorter than we promised the peer: only a hang-up keeps it from reading nonsense."""

    def __init__(self) -> None:
        super().__init__("the file ended before the range that was to be sent")


class PlainChannel:
    """Moves bytes; keeps what the peer does not take yet."""

    __slots__ = ("_owed", "_socket", "ended")

    ready = True  # nothing comes before the first byte

    def __init__(self, sock: socket.socket) -> None:
        self.ended = False  # the peer says no more
        self._socket = sock
        self._owed: deque[Output] | None = None  # while there is some: an empty one is large

    @property
    def owes(self) -> bool:
        """Is there something the peer did not take yet?"""
        return self._owed is not None

    @property
    def is_reset(self) -> bool:
        """Has the peer broken it off?"""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._owed = None
        self._socket.close()

    def receive_into(self, buffer: memoryview) -> int:
        """Return how many bytes came: 0 when there are none now. `ended`: there will be no more."""
        try:
            size = self._socket.recv_into(buffer)
        except (BlockingIOError, InterruptedError):
            return 0
        self.ended = size == 0
        return size

    def queue(self, outputs: Iterable[Output]) -> None:
        """Owe these, too."""
        if self._owed is None:
            self._owed = deque(outputs) or None
        else:
            self._owed.extend(outputs)

    def send(self, bytes_max: int) -> int:
        """Send what the peer takes now, about `bytes_max` at most; return how much it was."""
        owed, total = self._owed, 0
        if owed is None:
            return 0
        try:
            if len(owed) == 1 and not isinstance(owed[0], FileRange):
                total = self._send_one(owed, owed[0])
            else:
                while owed and total < bytes_max:
                    head = owed[0]
                    sent = (
                        self._send_file(owed, head)
                        if isinstance(head, FileRange)
                        else self._send_buffers(owed)
                    )
                    total += sent
        except (BlockingIOError, InterruptedError):
            pass
        if not owed:
            self._owed = None
        return total

    def _send_one(self, owed: deque[Output], output: Buffer) -> int:
        """As most turns go: one piece, which the peer takes. Measured by `./dev bench mqtt`."""
        sent = self._socket.send(output)
        if sent == len(output):
            owed.clear()
        else:
            owed[0] = memoryview(output)[sent:]
        return sent

    def _send_buffers(self, owed: deque[Output]) -> int:
        buffers: list[Buffer] = []
        flags = 0
        for output in islice(owed, BUFFERS_PER_CALL_MAX):
            if isinstance(output, FileRange):
                flags = MORE_FOLLOWS  # the file's bytes follow: share the packet with them
                break
            buffers.append(output)
        sent = self._socket.sendmsg(buffers, (), flags)
        _forget(owed, sent)
        return sent

    def _send_file(self, owed: deque[Output], piece: FileRange) -> int:
        descriptor = piece.file.fileno()
        if descriptor < 0:
            owed[0] = _whole(piece)
            return 0
        sent = os.sendfile(self._socket.fileno(), descriptor, piece.position, piece.size)
        if sent == 0:
            raise FileEndedEarly
        if sent == piece.size:
            owed.popleft()
        else:
            owed[0] = FileRange(piece.file, piece.position + sent, piece.size - sent)
        return sent


def _forget(owed: deque[Output], sent: int) -> None:
    while owed:
        head = owed[0]
        assert not isinstance(head, FileRange) or sent == 0
        if isinstance(head, FileRange):
            return
        size = len(head)
        if sent < size:
            if sent:
                owed[0] = memoryview(head)[sent:]
            return
        sent -= size
        owed.popleft()


def _whole(piece: FileRange) -> bytes:
    data = piece.read()
    if len(data) < piece.size:
        raise FileEndedEarly
    return data
