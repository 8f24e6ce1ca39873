"""Rooms whose clients all have their turn, and what a client is whatever it speaks."""

from typing import Any

from anymq.protocols.session import Outbox, Session
from anymq.storage.files import FileRange
from anymq.testing.amqp import AmqpRoom


class ClientsRoom(AmqpRoom):
    """A room that remembers who is in it."""

    def __init__(self, **wishes: Any) -> None:
        super().__init__(**wishes)
        self.dialogs: list[Client] = []

    def settle(self, *dialogs: "Client") -> None:
        """Let the disk, the queues and all connections do what there is to do."""
        self.dialogs.extend(one for one in dialogs if one not in self.dialogs)
        moved = True
        while moved:
            if not self.disk_waits:
                self.write_to_disk()
            self.broker.turn.run()
            moved = sum(dialog.turn() for dialog in self.dialogs) > 0

    def let_pass(self, seconds: float) -> None:
        """Do what falls due meanwhile; the server ticks once a second."""
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            self.clock.seconds = min(until, self.clock.seconds + 1)
            self.timers.run(self.clock.seconds)
            for dialog in self.dialogs:
                if not dialog.session.closed:
                    dialog.session.tick(self.clock.seconds)
            self.settle()


class Client:
    """A connection, and what came by it."""

    session: Session

    def __init__(self, room: ClientsRoom) -> None:
        self.outbox = Outbox(lambda: None)
        self._settle = room.settle
        self._received = b""

    def feed(self, data: bytes) -> None:
        """Say bytes."""
        if not self.session.closed:
            self.session.receive(memoryview(data))
            self.turn()

    def turn(self) -> bool:
        """As the carrier does: send, then go on while there is more. Did anything happen?"""
        moved = self._take()
        while not self.session.closed and self.session.more:
            self.session.go_on()
            self._take()
            moved = True
        return moved

    def raw(self) -> bytes:
        """Return what came, as it came."""
        self._take()
        data, self._received = self._received, b""
        return data

    def hang_up(self) -> None:
        """Lose the connection."""
        self.session.peer_gone()
        self._settle(self)

    def _take(self) -> bool:
        pieces = self.outbox.take()
        for each in pieces:
            assert not isinstance(each, FileRange)
            self._received += bytes(each)
            self.outbox.sent(len(each))
        return bool(pieces)
