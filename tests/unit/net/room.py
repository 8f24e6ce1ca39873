"""A real event loop and real sockets, moved on by hand: no thread, no sleep.

Everything is on one thread. `turn` lets the loop do what is ready now, and returns.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import uvloop
from typing_extensions import override

from anymq.protocols.session import Outbox, Peer, Session

PEER = Peer("192.0.2.7", 50_000, "127.0.0.1", 9092)
TURNS_MAX = 20_000

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Loop:
    """An event loop that runs a turn when told."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.real = loop
        self.unhandled: list[object] = []
        loop.set_exception_handler(lambda _, context: self.unhandled.append(context))

    def turn(self) -> None:
        """Do what is ready now."""
        self.real.run_until_complete(asyncio.sleep(0))

    def until(self, done: Callable[[], object]) -> None:
        """Run until it is so; a bounded number of turns, however fast."""
        for _ in range(TURNS_MAX):
            if done():
                return
            self.turn()
        raise AssertionError("it did not come to that")


@contextlib.contextmanager
def running(kind: str) -> Iterator[Loop]:
    loop = Loop(LOOPS[kind]())
    try:
        yield loop
        loop.turn()
        assert loop.unhandled == []
    finally:
        loop.real.close()


@dataclass(eq=False)
class Talker(Session):
    """A session that does as the test says."""

    outbox: Outbox
    peer: Peer = PEER
    heard: bytes = b""
    gone: int = 0
    ticks: list[float] = field(default_factory=list)
    on_receive: Callable[["Talker", bytes], None] = lambda _session, _data: None
    more_turns: int = 0
    closed: bool = False
    reason: str = ""
    wants: bool = True
    waits_for_disk: bool = False
    fails_at_goodbye: bool = False
    quiet_until: float | None = None

    @property
    @override
    def reading(self) -> bool:
        return self.wants

    @property
    @override
    def more(self) -> bool:
        return self.more_turns > 0

    @property
    @override
    def busy(self) -> bool:
        return self.waits_for_disk

    @override
    def receive(self, data: memoryview) -> None:
        self.heard += bytes(data)
        self.on_receive(self, bytes(data))

    @override
    def go_on(self) -> None:
        self.more_turns -= 1

    @override
    def tick(self, now: float) -> float | None:
        self.ticks.append(now)
        return self.quiet_until

    @override
    def peer_gone(self) -> None:
        self.gone += 1
        if self.fails_at_goodbye:
            raise RuntimeError("a bug")


def drain(theirs: socket.socket) -> bytes:
    """What has come so far."""
    theirs.setblocking(False)
    got = b""
    with contextlib.suppress(BlockingIOError):
        while piece := theirs.recv(1 << 20):
            got += piece
    return got


def has_ended(theirs: socket.socket) -> bool:
    """Has the other side hung up?"""
    theirs.setblocking(False)
    try:
        return theirs.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
