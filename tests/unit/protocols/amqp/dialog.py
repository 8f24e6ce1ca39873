"""Whole connections over a whole broker, whose disk and clock the test decides.

one = World().client()
one >> methods.QueueDeclare("q")                      # what a client says on channel 1
one << methods.QueueDeclareOk("q", 0, 0)              # what it has to hear next
one.publish("q", b"hello")
assert one.delivered() == [b"hello"]
"""

from dataclasses import dataclass
from typing import Any, Self

from tests.unit.core import world
from typing_extensions import override

from anymq.core.message import Properties
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.codec import BODY, HEADER, METHOD, content_frames, method_frame
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.methods import Method, decode
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.memory import Memory
from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.testing.amqp import GUEST, PEER
from anymq.testing.amqp import AmqpDialog as Dialog

TRANSIENT = AMQP_FORM.write(Properties())
PERSISTENT = AMQP_FORM.write(Properties(delivery_mode=2))


@dataclass
class Content:
    """A method that came with a message."""

    method: Any
    properties: bytes
    body: bytes

    @property
    def said(self) -> Properties:
        return AMQP_FORM.read(self.properties)


class World(world.World):
    """A broker that speaks AMQP."""

    def __init__(self, settings: AmqpSettings | None = None) -> None:
        super().__init__()
        self.clients: list[Client] = []
        self.broker.users.give([], GUEST)
        self.amqp = Amqp(
            broker=self.broker,
            settings=settings or AmqpSettings(),
            users=Users(defaults=GUEST, stored=self.broker.users),
            counters=Counters(),
            memory=Memory(1 << 30),
            make_channel=Channel,
            gate=Gate(Attempts(self.broker.clock.monotonic)),
        )

    def client(self) -> "Client":
        """Somebody who is connected and has channel 1 open."""
        client = Client(self)
        client.log_in()
        client.open(1)
        self.clients.append(client)
        return client

    def settle(self) -> None:
        """Everybody has said and heard everything; the disk has it."""
        for _ in range(5):
            self.commit()
            self.broker.turn.run()
            for client in self.clients:
                client.turn()


class Client(Dialog):
    """One connection; what is said without a channel is said on channel 1."""

    def __init__(self, world: World) -> None:
        super().__init__(world, PEER)
        self.world = world
        self._heard: list[tuple[int, int, bytes]] = []

    @override
    def __rshift__(self, said: "bytes | tuple[int, Method] | Method") -> "Client":
        if isinstance(said, Method):
            said = (1, said)
        super().__rshift__(said)
        return self

    def __lshift__(self, expected: Method) -> "Client":
        """This is what comes next."""
        assert self.hear() == expected
        return self

    def hear(self) -> Method:
        """Return the next method, which has no content; wait for the disk if it must."""
        kind, _, payload = self._next()
        assert kind == METHOD
        method = decode(payload)
        assert not method.CONTENT, method
        return method

    def hear_any(self) -> Method:
        """Return the next method, whatever message it brings."""
        while True:
            kind, _, payload = self._next()
            if kind == METHOD:
                return decode(payload)

    def content(self) -> Content:
        """Return the next method with its message."""
        kind, _, payload = self._next()
        assert kind == METHOD
        method = decode(payload)
        assert method.CONTENT, method
        kind, _, header = self._next()
        assert kind == HEADER
        size, body = int.from_bytes(header[4:12], "big"), b""
        while len(body) < size:
            kind, _, piece = self._next()
            assert kind == BODY
            body += piece
        return Content(method, header[12:], body)

    def _next(self) -> tuple[int, int, bytes]:
        for wait in (False, True):
            if wait:
                self.world.settle()
            self._heard += self.frames()
            if self._heard:
                return self._heard.pop(0)
        raise AssertionError("nothing came")

    @property
    def silent(self) -> bool:
        """Does nothing come, even after a while?"""
        self.world.settle()
        self._heard += self.frames()
        return not self._heard

    def delivered(self) -> list[bytes]:
        """Return the bodies of all that comes now: nothing but deliveries does."""
        found = []
        while not self.silent:
            content = self.content()
            assert isinstance(content.method, methods.BasicDeliver)
            found.append(content.body)
        return found

    def publish(
        self,
        key: str,
        *bodies: bytes,
        exchange: str = "",
        mandatory: bool = False,
        properties: bytes | Properties = TRANSIENT,
        channel: int = 1,
    ) -> "Client":
        """Publish these together."""
        if isinstance(properties, Properties):
            properties = AMQP_FORM.write(properties)
        method = methods.BasicPublish(exchange, key, mandatory, False)
        data = b"".join(
            method_frame(channel, method) + content_frames(channel, properties, body, 131_072)
            for body in bodies
        )
        return self >> data

    # What tests say often

    def declare(self, queue: str = "q", *, durable: bool = False, **arguments: Any) -> "Client":
        """Make a queue that is there afterwards."""
        named = {"x-" + name.replace("_", "-"): value for name, value in arguments.items()}
        self >> methods.QueueDeclare(queue, False, durable, False, False, False, named)
        assert isinstance(self.hear(), methods.QueueDeclareOk)
        return self

    def consume(self, queue: str = "q", tag: str = "c", *, no_ack: bool = False) -> "Client":
        """Begin to consume."""
        self >> methods.BasicConsume(queue, tag, False, no_ack, False, False, {})
        return self << methods.BasicConsumeOk(tag)

    def prefetch(self, count: int, *, shared: bool = False) -> "Client":
        """Limit what is out."""
        self >> methods.BasicQos(0, count, shared)
        return self << methods.BasicQosOk()

    @override
    def open(self, number: int = 1) -> Self:
        super().open(number)
        return self

    def closed(self, number: int = 1) -> methods.ChannelClose:
        """The channel is closed for an error; agree, and open it again."""
        close = self.hear()
        assert isinstance(close, methods.ChannelClose), close
        self >> (number, methods.ChannelCloseOk())
        self.open(number)
        return close


def passive(queue: str) -> methods.QueueDeclare:
    return methods.QueueDeclare(queue, True, False, False, False, False, {})


def waiting(one: Client, queue: str = "q") -> int:
    one >> passive(queue)
    answer = one.hear()
    assert isinstance(answer, methods.QueueDeclareOk)
    return answer.message_count


def out(one: Client, count: int = 5) -> Client:
    """One has so many messages it has not answered."""
    one.declare().publish("q", *(b"%d" % n for n in range(count))).consume()
    assert len(one.delivered()) == count
    return one


def after_reconnect(world: World, one: Client) -> list[bytes]:
    """What was not acknowledged comes again, to somebody else."""
    one.hang_up()
    return world.client().consume(no_ack=True).delivered()
