"""Session: what every protocol implements; Outbox: what it writes to."""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from typing_extensions import override

from anymq.protocols.memory import Memory
from anymq.storage.files import Buffer, FileRange

Output = Buffer | FileRange
Dress = Callable[[list[Output]], list[Output]]


class Outbox:
    """Bytes owed to one peer. Whoever carries them is told once, when there are some.

    `size` is how much is owed, whether still here or with the carrier: a session that sees it grow
    holds back. `memory` is how much of that takes memory, at most: ranges of files do not.
    """

    __slots__ = ("_on_output", "_pending", "common", "dress", "memory", "size")

    def __init__(self, on_output: Callable[[], None]) -> None:
        self._on_output = on_output
        self._pending: list[Output] = []
        self.dress: Dress | None = None  # makes of all that what travels (and counts what it adds)
        self.common: Memory | None = None  # of all connections
        self.size = 0
        self.memory = 0

    @property
    def scarce(self) -> bool:
        """Is memory scarce, so that messages go out one at a time?"""
        return self.common is not None and self.common.scarce

    def has_room(self, bytes_max: int) -> bool:
        """May messages be added to what is owed?"""
        return self.size <= bytes_max and not (self.size and self.scarce)

    def write(self, data: Output) -> None:
        """Owe `data` to the peer; it must not change any more.

        A range of a file is sent without being read where that is possible.
        """
        if isinstance(data, FileRange):
            self.size += data.size
        else:
            self.size += len(data)
            self.memory += len(data)
        self._pending.append(data)
        if len(self._pending) == 1:
            self._on_output()

    def wake(self) -> None:
        """Have the carrier look at the session again, though there is nothing to send."""
        if not self._pending:
            self._on_output()

    def take(self) -> list[Output]:
        """Hand over what is owed."""
        pending, self._pending = self._pending, []
        return pending if self.dress is None else self.dress(pending)

    def grew(self, size: int) -> None:
        """What is taken takes so many bytes more than what was written."""
        self.size += size
        self.memory += size

    def close(self) -> None:
        """Nobody carries anything any more. Without this, carrier and session hold each other."""
        self._on_output = _nobody
        self.dress = None
        self._pending.clear()

    def sent(self, size: int) -> None:
        """The carrier got rid of so many bytes."""
        self.size -= size
        self.memory = min(self.memory, self.size)


def _nobody() -> None:
    pass


def _no_certificate() -> None:
    return None


@dataclass(slots=True)
class Traffic:
    """What went over one connection so far."""

    received: int = 0  # bytes
    sent: int = 0


class Counts(Protocol):
    """What the sessions of one protocol did so far."""

    malformed: int  # connections closed for what they sent
    logins_failed: int

    def by_kind(self) -> Mapping[tuple[str, str], int]:
        """Return what came, by protocol and the protocol's own name of it."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, and at which of our addresses."""

    host: str
    port: int
    local_host: str
    local_port: int
    tls: bool = False
    web: bool = False  # by WebSocket
    # What it showed in the TLS handshake, as `ssl.SSLObject.getpeercert` describes it.
    certificate: Callable[[], Mapping[str, Any] | None] = _no_certificate
    traffic: Traffic = field(default_factory=Traffic, compare=False)  # the carrier counts

    @property
    def connection_name(self) -> str:
        """How RabbitMQ's tools call a connection; here those of every protocol are called so."""
        return f"{self.host}:{self.port} -> {self.local_host}:{self.local_port}"

    @override
    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Is it this machine?"""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


class Session(Protocol):
    """One peer's conversation, without its socket: bytes come in here, go out by the Outbox."""

    closed: bool  # nothing more will come from it: flush, then hang up
    reason: str  # why it is closed, in words for the log; empty when that is no news

    @property
    def reading(self) -> bool:
        """False: let the peer wait (back-pressure)."""

    @property
    def more(self) -> bool:
        """Did it leave something for its next turn, and could go on with that now?"""

    @property
    def busy(self) -> bool:
        """Is something under way that would be answered soon? A stop waits for it a little."""

    def receive(self, data: memoryview) -> None:
        """Act on what there is now. `data` is the carrier's: copy what you keep.

        Who gets much at once, or owes much already, keeps the rest: the others have turns, too.
        """

    def go_on(self) -> None:
        """Act on what is left. Called in a turn of the loop of its own while there is `more`."""

    def tick(self, now: float) -> float | None:
        """Send heartbeats, notice silence. Called about once a second.

        It may return until when it need not be called, unless something happens: very many are
        silent, and looking at each of them every second takes a good part of a processor.
        """

    def peer_gone(self) -> None:
        """Give back what the peer held."""


class Talker(Protocol):
    """A client that is in, as tools show it: one connection of MQTT or STOMP."""

    peer: Peer
    user: str
    vhost_name: str
    since_ms: int
    client_id: str

    @property
    def protocol(self) -> str:
        """The protocol and its version, as RabbitMQ writes them."""

    @property
    def keep_alive(self) -> int:
        """How many seconds it may be silent, about; 0: as long as it likes."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What else there is to say of it."""

    def hang_up(self, reason: str) -> None:
        """End it, because somebody wants that."""
