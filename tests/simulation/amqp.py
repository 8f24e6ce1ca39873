"""Publishers and consumers of AMQP."""

from collections.abc import Iterator

from typing_extensions import override

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import (
    AMQP_0_9_1,
    EMPTY_FRAME_BYTES,
    FRAME,
    HEADER,
    METHOD,
    method_frame,
)
from anymq.protocols.amqp.methods import Method, decode
from anymq.testing.amqp import ABLE, PLAIN_GUEST, published
from tests.simulation.actor import Actor, Place, is_of_disk
from tests.simulation.ledger import Ledger
from tests.simulation.world import World

PERSISTENT = b"\x10\0\x02"
UNDER_WAY_MAX = 20
Frame = tuple[int, int, bytes]


class AmqpActor(Actor):
    """A connection with one channel and a durable queue."""

    protocol = "amqp"

    def __init__(self, world: World, place: Place, name: str, ledger: Ledger) -> None:
        self.ledger = ledger
        super().__init__(world, place, name)

    @override
    def greet(self) -> None:
        assert self.link is not None
        self.link.say(AMQP_0_9_1)

    @override
    def listen(self) -> None:
        for kind, channel, payload in self._frames():
            if kind == METHOD:
                self._on_method(channel, decode(payload))
            else:
                self.on_content(kind, payload)
            if self.link is None:
                return

    def _frames(self) -> Iterator[Frame]:
        while len(self.heard) >= EMPTY_FRAME_BYTES:
            kind, channel, size = FRAME.unpack_from(self.heard)
            if len(self.heard) < size + EMPTY_FRAME_BYTES:
                return
            payload = self.heard[7 : 7 + size]
            self.heard = self.heard[size + EMPTY_FRAME_BYTES :]
            yield kind, channel, payload

    def say(self, method: Method, channel: int = 1) -> None:
        assert self.link is not None
        self.link.say(method_frame(channel, method))

    def _on_method(self, channel: int, method: Method) -> None:
        match method:
            case methods.ConnectionStart():
                self.say(methods.ConnectionStartOk(ABLE, "PLAIN", PLAIN_GUEST, "en_US"), 0)
            case methods.ConnectionTune():
                tune = methods.ConnectionTuneOk(method.channel_max, method.frame_max, 0)
                self.say(tune, 0)
                self.say(methods.ConnectionOpen("/"), 0)
            case methods.ConnectionOpenOk():
                self.say(methods.ChannelOpen())
            case methods.ChannelOpenOk():
                self.say(
                    methods.QueueDeclare(self.ledger.name, False, True, False, False, False, {})
                )
            case methods.QueueDeclareOk():
                self.begin()
            case methods.ChannelClose() if is_of_disk(method):
                assert self.link is not None
                self.link.cut()  # and begin anew
            case _:
                self.on_method(method)

    def begin(self) -> None:
        """The queue is there."""

    def on_method(self, method: Method) -> None:
        """One of the rest."""
        raise AssertionError(f"{self.name}: {method}")

    def on_content(self, kind: int, payload: bytes) -> None:
        """A message's header or body."""
        raise AssertionError(f"{self.name}: content")


class AmqpPublisher(AmqpActor):
    """Publishes numbered messages with confirms. What was not confirmed it does not repeat."""

    def __init__(self, world: World, place: Place, name: str, ledger: Ledger, count: int) -> None:
        self._left = count
        self._number = self._tag = 0
        self._under_way: dict[int, bytes] = {}
        super().__init__(world, place, name, ledger)

    @property
    @override
    def done(self) -> bool:
        return not (self._left or self._under_way)

    @override
    def begin(self) -> None:
        self._tag = 0
        self.say(methods.ConfirmSelect(False))

    @override
    def on_method(self, method: Method) -> None:
        match method:
            case methods.ConfirmSelectOk():
                self._publish()
            case methods.BasicAck():
                for tag in self._meant(method.delivery_tag, multiple=method.multiple):
                    self.ledger.confirmed(self._under_way.pop(tag))
            case methods.BasicNack():
                for tag in self._meant(method.delivery_tag, multiple=method.multiple):
                    del self._under_way[tag]
            case _:
                super().on_method(method)

    def _meant(self, tag: int, *, multiple: bool) -> list[int]:
        return [one for one in self._under_way if one == tag or (multiple and one <= tag)]

    def _publish(self) -> None:
        assert self.link is not None
        burst = min(self.world.rng.choice((1, 1, 2, 5, 12)), self._left)
        if len(self._under_way) < UNDER_WAY_MAX:
            self.link.say(b"".join(self._message() for _ in range(burst)))
        if self._left:
            self.later(self.world.between(0.001, 0.2), self._publish)

    def _message(self) -> bytes:
        self._left -= 1
        self._number += 1
        self._tag += 1
        size = self.world.rng.choice((0, 0, 10, 200, 1500))
        body = b"%s:%d:" % (self.name.encode(), self._number) + b"x" * size
        self.ledger.sent(self.name, body)
        self._under_way[self._tag] = body
        return published(1, body, routing_key=self.ledger.name, properties=PERSISTENT)

    @override
    def gone(self) -> None:
        self._under_way.clear()


class AmqpConsumer(AmqpActor):
    """Takes messages, thinks, acknowledges or gives back; now and then it dies with some."""

    def __init__(self, world: World, place: Place, name: str, ledger: Ledger) -> None:
        self._tag = 0
        self._size = -1
        self._body = b""
        self._held: dict[int, bytes] = {}
        self._me: object = None
        super().__init__(world, place, name, ledger)

    @override
    def begin(self) -> None:
        self._size, self._held, self._me = -1, {}, self.link
        self.say(methods.BasicQos(0, self.world.rng.choice((1, 3, 10, 0)), False))

    @override
    def on_method(self, method: Method) -> None:
        match method:
            case methods.BasicQosOk():
                self.say(methods.BasicConsume(self.ledger.name, "", False, False, False, False, {}))
            case methods.BasicConsumeOk():
                pass
            case methods.BasicDeliver():
                self._tag, self._size, self._body = method.delivery_tag, -1, b""
            case _:
                super().on_method(method)

    @override
    def on_content(self, kind: int, payload: bytes) -> None:
        if kind == HEADER:
            self._size = int.from_bytes(payload[4:12], "big")
        else:
            self._body += payload
        if self._size == len(self._body):
            self._on_message(self._tag, self._body)

    def _on_message(self, tag: int, body: bytes) -> None:
        self.ledger.delivered(body, self._me)
        self._held[tag] = body
        self.later(self.world.between(0.0005, 0.1), lambda: self._settle(tag))

    def _settle(self, tag: int) -> None:
        if tag not in self._held:
            return
        link, dice = self.link, self.world.rng.random()
        assert link is not None
        if dice < 0.15 and not self.place.calm:
            self._give_back(tag, link)
            return
        tags = [one for one in self._held if one <= tag] if dice < 0.4 else [tag]
        bodies = [self._held.pop(one) for one in tags]
        for body in bodies:
            self.ledger.acked(body)

        def heard() -> None:
            for body in bodies:
                self.ledger.ack_heard(body, link)

        link.say(method_frame(1, methods.BasicAck(tag, len(tags) > 1 or dice < 0.2)), heard)

    def _give_back(self, tag: int, link: object) -> None:
        body = self._held.pop(tag)
        assert self.link is not None
        self.ledger.given_back(body)
        said = method_frame(1, methods.BasicNack(tag, False, True))
        self.link.say(said, lambda: self.ledger.return_heard(body))

    @override
    def gone(self) -> None:
        self.ledger.holder_lost(self._me)
        self._held.clear()
