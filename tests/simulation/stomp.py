"""Senders and subscribers of STOMP."""

from typing_extensions import override

from anymq.protocols.stomp.codec import V12, Decoder, Frame, FrameLimits, encode
from tests.simulation.actor import Actor, Place, is_of_disk
from tests.simulation.ledger import Ledger
from tests.simulation.world import World

UNDER_WAY_MAX = 20


class StompActor(Actor):
    """A connection that works with one queue."""

    protocol = "stomp"

    def __init__(self, world: World, place: Place, name: str, ledger: Ledger) -> None:
        self.ledger = ledger
        self._decoder = Decoder(FrameLimits())
        super().__init__(world, place, name)

    @property
    def destination(self) -> str:
        return f"/queue/{self.ledger.name}"

    @override
    def greet(self) -> None:
        self._decoder = Decoder(FrameLimits())
        self._decoder.version, self._decoder.sized = V12, ("MESSAGE", "ERROR")
        login = {"login": "guest", "passcode": "guest"}
        self.say(Frame("CONNECT", {"accept-version": V12, "host": "/", **login}))

    @override
    def listen(self) -> None:
        data, self.heard = self.heard, b""
        self._decoder.feed(data)
        while self.link is not None and (frame := self._decoder.next()) is not None:
            if frame.command == "CONNECTED":
                self.begin()
            elif frame.command == "ERROR":
                # Who subscribes makes the queue, and has it until the disk refuses it.
                cancelled = frame.headers["message"] == "Server cancelled subscription"
                assert cancelled or is_of_disk(frame), frame
                self.link.cut()
            else:
                self.on_frame(frame)

    def say(self, frame: Frame) -> None:
        assert self.link is not None
        self.link.say(written(frame))

    def begin(self) -> None:
        """We are in."""

    def on_frame(self, frame: Frame) -> None:
        """One of the rest."""
        raise AssertionError(f"{self.name}: {frame}")


def written(frame: Frame) -> bytes:
    """Return it as it travels."""
    return encode(frame.command, frame.headers.items(), frame.body, V12)


class StompSender(StompActor):
    """Sends numbered messages, and wants receipts. What has none it does not repeat."""

    def __init__(self, world: World, place: Place, name: str, ledger: Ledger, count: int) -> None:
        self._left = count
        self._number = 0
        self._under_way: dict[str, bytes] = {}
        super().__init__(world, place, name, ledger)

    @property
    @override
    def done(self) -> bool:
        return not (self._left or self._under_way)

    @override
    def begin(self) -> None:
        self._send()

    @override
    def on_frame(self, frame: Frame) -> None:
        if frame.command != "RECEIPT":
            super().on_frame(frame)
        self.ledger.confirmed(self._under_way.pop(frame.headers["receipt-id"]))

    def _send(self) -> None:
        if self._left and len(self._under_way) < UNDER_WAY_MAX:
            self._left -= 1
            self._number += 1
            body = b"%s:%d:" % (self.name.encode(), self._number)
            body += b"x" * self.world.rng.choice((0, 5, 300))
            self.ledger.sent(self.name, body)
            receipt = str(self._number)
            self._under_way[receipt] = body
            said = {"destination": self.destination, "receipt": receipt, "persistent": "true"}
            self.say(Frame("SEND", said, body))
        if self._left:
            self.later(self.world.between(0.001, 0.2), self._send)

    @override
    def gone(self) -> None:
        self._under_way.clear()


class StompSubscriber(StompActor):
    """Takes messages one by one."""

    def __init__(self, world: World, place: Place, name: str, ledger: Ledger) -> None:
        self._me: object = None
        self._held: dict[str, bytes] = {}
        super().__init__(world, place, name, ledger)

    @override
    def begin(self) -> None:
        self._me, self._held = self.link, {}
        window = str(self.world.rng.choice((1, 2, 10)))
        said = {"id": "0", "destination": self.destination, "ack": "client-individual"}
        self.say(Frame("SUBSCRIBE", said | {"prefetch-count": window}))

    @override
    def on_frame(self, frame: Frame) -> None:
        if frame.command != "MESSAGE":
            super().on_frame(frame)
        name = frame.headers["ack"]
        self.ledger.delivered(bytes(frame.body), self._me)
        self._held[name] = bytes(frame.body)
        self.later(self.world.between(0.0005, 0.1), lambda: self._settle(name))

    def _settle(self, name: str) -> None:
        body, me, ledger = self._held.pop(name), self._me, self.ledger
        assert self.link is not None
        if self.world.chance(0.1) and not self.place.calm:
            ledger.given_back(body)
            said = written(Frame("NACK", {"id": name}))
            self.link.say(said, lambda: ledger.return_heard(body))
        else:
            ledger.acked(body)
            said = written(Frame("ACK", {"id": name}))
            self.link.say(said, lambda: ledger.ack_heard(body, me))

    @override
    def gone(self) -> None:
        self.ledger.holder_lost(self._me)
        self._held.clear()
