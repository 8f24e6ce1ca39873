"""Session: what every protocol implements; Outbox: what it writes to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from anymq.storage.files import Buffer, FileRange

Output = Buffer | FileRange


class Outbox:
    """Bytes owed to one peer. Whoever carries them is told once, when there are some.

    `size` is how much is owed, whether still here or with the carrier: a session that sees it grow
    holds back.
    """

    __slots__ = ("_on_output", "_pending", "size")

    def __init__(self, on_output: Callable[[], None]) -> None:
        self._on_output = on_output
        self._pending: list[Output] = []
        self.size = 0

    def write(self, data: Buffer) -> None:
        """Owe `data` to the peer. It must not change any more."""
        self.size += len(data)
        self._pending.append(data)
        if len(self._pending) == 1:
            self._on_output()

    def write_file(self, data: FileRange) -> None:
        """Owe bytes of a file, to be sent without being read where that is possible."""
        self.size += data.size
        self._pending.append(data)
        if len(self._pending) == 1:
            self._on_output()

    def write_any(self, data: Output) -> None:
        """Owe either."""
        self.size += data.size if isinstance(data, FileRange) else len(data)
        self._pending.append(data)
        if len(self._pending) == 1:
            self._on_output()

    def take(self) -> list[Output]:
        """Hand over what is owed."""
        pending, self._pending = self._pending, []
        return pending

    def sent(self, size: int) -> None:
        """The carrier got rid of so many bytes."""
        self.size -= size


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, and at which of our addresses."""

    host: str
    port: int
    local_host: str
    local_port: int
    tls: bool = False


class Session(Protocol):
    """One peer's conversation, without its socket: bytes come in here, go out by the Outbox."""

    closed: bool  # nothing more will come from it: flush, then hang up

    @property
    def reading(self) -> bool:
        """False: let the peer wait (back-pressure). `on_resume` of the carrier ends it."""

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon? A stop waits for it a little."""

    def receive(self, data: memoryview) -> None:
        """Act on every whole frame there is now. `data` is the carrier's: copy what you keep."""

    def tick(self, now: float) -> None:
        """Send heartbeats, notice silence. Called about once a second."""

    def peer_gone(self) -> None:
        """Give back what the peer held."""
