"""Link: a connection to a node. Bytes take their time, come in pieces, or not at all."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from anymq.protocols.session import Outbox, Peer
from tests.simulation.node import Node

AGAIN_SECONDS = 0.005  # when a session does not read
TICK_SECONDS = 1.0


class Caller(Protocol):
    """Who talks to the broker."""

    protocol: str
    peer: Peer

    def hear(self, data: bytes) -> None:
        """Something came."""

    def lost(self) -> None:
        """The connection is gone."""


class Link:
    """Bytes to the broker are late and in pieces; its answers come at once, as they leave it.

    So what a client hears is in the order in which the broker did it, and what it says may be lost.
    """

    def __init__(self, node: Node, caller: Caller) -> None:
        self._node, self._world, self._caller = node, node.world, caller
        self.up = True
        self._to_come = bytearray()
        self._said = self._heard = 0  # bytes to the broker
        self._when_heard: deque[tuple[int, Callable[[], None]]] = deque()
        self._delivers = self._flushes = self._goes_on = False
        self._lag = self._world.between(0.0001, 0.02)
        self.outbox = Outbox(self._flush_soon)
        self.session = node.sessions[caller.protocol](self.outbox, caller.peer)
        self._soon(TICK_SECONDS, self._tick)

    def say(self, data: bytes, then: Callable[[], None] | None = None) -> None:
        """Send to the broker; call back when it has taken all of that."""
        self._to_come += data
        self._said += len(data)
        if then is not None:
            self._when_heard.append((self._said, then))
        self._deliver_soon(self._lag * self._world.rng.random())

    def cut(self) -> None:
        """The network, or the client, is gone."""
        if self.up:
            self._down()
            if self._node.alive:
                self.session.peer_gone()
            self.outbox.close()
            self._caller.lost()

    def _down(self) -> None:
        self.up = False
        self._to_come.clear()
        self._when_heard.clear()

    def _soon(self, seconds: float, act: Callable[[], None]) -> None:
        self._node.soon(seconds, lambda: act() if self.up else None)

    def _tick(self) -> None:
        self.session.tick(self._world.monotonic())
        self._settle()
        self._soon(TICK_SECONDS, self._tick)

    # To the broker

    def _deliver_soon(self, seconds: float) -> None:
        if not self._delivers:
            self._delivers = True
            self._soon(seconds, self._deliver)

    def _deliver(self) -> None:
        self._delivers = False
        self._flush()  # what it has done is heard before what it is told now
        if self.up and not self._to_come:
            self._settle()
        if not self.up or not self._to_come:
            return
        if not self.session.reading:
            self._deliver_soon(AGAIN_SECONDS)
            return
        size = len(self._to_come)
        if self._world.chance(0.3):
            size = self._world.rng.randint(1, size)
        piece = bytes(self._to_come[:size])
        del self._to_come[:size]
        self._heard += size
        self.session.receive(memoryview(piece))
        self._settle()
        if self._to_come:
            self._deliver_soon(self._lag * self._world.rng.random())

    def _go_on(self) -> None:
        self._goes_on = False
        self.session.go_on()
        self._settle()

    def _settle(self) -> None:
        session = self.session
        if session.more and not session.closed:
            if not self._goes_on:
                self._goes_on = True
                self._soon(0, self._go_on)
            return
        if self._when_heard and not session.reading:
            self._deliver_soon(AGAIN_SECONDS)  # it may have kept something for later
        while session.reading and self._when_heard and self._when_heard[0][0] <= self._heard:
            self._when_heard.popleft()[1]()
        if session.closed and not (self.outbox.size or session.busy):
            self.cut()

    # From the broker

    def _flush_soon(self) -> None:
        if not self._flushes:
            self._flushes = True
            self._soon(0, self._flush)

    def _flush(self) -> None:
        self._flushes = False
        pieces = self.outbox.take()
        data = b"".join(
            bytes(p) if isinstance(p, bytes | bytearray | memoryview) else p.read() for p in pieces
        )
        self.outbox.sent(len(data))
        if data:
            self._caller.hear(data)
        if self.up:
            self._settle()
