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
        self._owed: deque[Output] = deque()

    @property
    def owes(self) -> bool:
        """Is there something the peer did not take yet?"""
        return bool(self._owed)

    @property
    def is_reset(self) -> bool:
        """Has the peer broken it off?"""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._owed.clear()
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
        self._owed.extend(outputs)

    def send(self, bytes_max: int) -> int:
        """Send what the peer takes now, about `bytes_max` at most; return how much it was."""
        total = 0
        try:
            if len(self._owed) == 1 and not isinstance(self._owed[0], FileRange):
                return self._send_one(self._owed[0])
            while self._owed and total < bytes_max:
                head = self._owed[0]
                if isinstance(head, FileRange):
                    total += self._send_file(head)
                else:
                    total += self._send_buffers()
        except (BlockingIOError, InterruptedError):
            pass
        return total

    def _send_one(self, output: Buffer) -> int:
        """As most turns go: one piece, which the peer takes. Measured by `./dev bench mqtt`."""
        sent = self._socket.send(output)
        if sent == len(output):
            self._owed.clear()
        else:
            self._owed[0] = memoryview(output)[sent:]
        return sent

    def _send_buffers(self) -> int:
        buffers: list[Buffer] = []
        flags = 0
        for output in islice(self._owed, BUFFERS_PER_CALL_MAX):
            if isinstance(output, FileRange):
                flags = MORE_FOLLOWS  # the file's bytes follow: share the packet with them
                break
            buffers.append(output)
        sent = self._socket.sendmsg(buffers, (), flags)
        self._forget(sent)
        return sent

    def _forget(self, sent: int) -> None:
        while self._owed:
            head = self._owed[0]
            assert not isinstance(head, FileRange) or sent == 0
            if isinstance(head, FileRange):
                return
            size = len(head)
            if sent < size:
                if sent:
                    self._owed[0] = memoryview(head)[sent:]
                return
            sent -= size
            self._owed.popleft()

    def _send_file(self, piece: FileRange) -> int:
        descriptor = piece.file.fileno()
        if descriptor < 0:
            self._owed[0] = _whole(piece)
            return 0
        sent = os.sendfile(self._socket.fileno(), descriptor, piece.position, piece.size)
        if sent == 0:
            raise FileEndedEarly
        if sent == piece.size:
            self._owed.popleft()
        else:
            self._owed[0] = FileRange(piece.file, piece.position + sent, piece.size - sent)
        return sent


def _whole(piece: FileRange) -> bytes:
    data = piece.read()
    if len(data) < piece.size:
        raise FileEndedEarly
    return data
