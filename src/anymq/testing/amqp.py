"""Scripted conversations with AMQP sessions: no socket, a clock and a disk that move when told.

room = AmqpRoom()
client = room.dialog().log_in().open(1)
client >> (1, methods.BasicGet("q", no_ack=True))
assert client.answers() == [(1, methods.BasicGetEmpty())]
"""

from functools import cached_property
from random import Random
from typing import Any, Self

from anymq.cluster.meta import embedded
from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.core.broker import Broker, BrokerSettings
from anymq.core.timers import Timers
from anymq.core.transactions.settings import TransactionSettings
from anymq.core.transactions.transactions import Transactions
from anymq.protocols.amqp import methods
from anymq.protocols.amqp.channel import Channel
from anymq.protocols.amqp.codec import (
    AMQP_0_9_1,
    EMPTY_FRAME_BYTES,
    END,
    FRAME,
    METHOD,
    content_frames,
    method_frame,
)
from anymq.protocols.amqp.conversation import Amqp
from anymq.protocols.amqp.counters import Counters
from anymq.protocols.amqp.methods import Method, decode
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.amqp.session import AmqpSession
from anymq.protocols.amqp.settings import AmqpSettings
from anymq.protocols.memory import Memory
from anymq.protocols.mqtt.form import MQTT_FORM
from anymq.protocols.rocketmq.form import ROCKETMQ_FORM
from anymq.protocols.session import Outbox, Peer
from anymq.protocols.stomp.form import STOMP_FORM
from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.files import FileRange, Files
from anymq.storage.store import LogStore
from anymq.testing.kafka import HandClock
from anymq.testing.simfs import SimFiles
from anymq.wiring import make_transactions

MEMORY_BYTES_MAX = 1 << 30
PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 5672)
ABLE = {
    "capabilities": {
        "authentication_failure_close": True,
        "basic.nack": True,
        "connection.blocked": True,
        "consumer_cancel_notify": True,
        "publisher_confirms": True,
    }
}
PLAIN_GUEST = b"\0guest\0guest"
GUEST = {"guest": ("guest",)}


class AmqpRoom:
    """A broker over a simulated disk, and everything that its AMQP sessions share."""

    def __init__(
        self,
        settings: AmqpSettings | None = None,
        *,
        users: Users | None = None,
        broker: BrokerSettings | None = None,
        files: Files | None = None,
        memory_bytes_max: int = MEMORY_BYTES_MAX,
        gate: Gate | None = None,
    ) -> None:
        self.clock = HandClock()
        self.timers = Timers()
        self.disk_waits = False
        self.files = files or SimFiles()
        self.store = LogStore.open(self.files, disk_free_min=0)
        log = self.store.open_log(embedded.LOG_ID, embedded.LOG_CONFIG)
        self.broker = Broker(
            store=self.store,
            definitions=EmbeddedStore(log, self.clock),
            clock=self.clock,
            timers=self.timers,
            random=Random(7).randbytes,
            settings=broker,
            forms=(AMQP_FORM, MQTT_FORM, STOMP_FORM, ROCKETMQ_FORM),
        )
        if users is None:
            self.broker.users.give([], GUEST)
            users = Users(defaults=GUEST, stored=self.broker.users)
        else:
            self.broker.users.give(list(users))
        self.amqp = Amqp(
            broker=self.broker,
            settings=settings or AmqpSettings(),
            users=users,
            counters=Counters(),
            memory=Memory(memory_bytes_max),
            make_channel=Channel,
            gate=gate or Gate(Attempts(self.clock.monotonic)),
        )
        self.write_to_disk()

    @cached_property
    def transactions(self) -> Transactions:
        """The half messages, for those who need them."""
        return make_transactions(TransactionSettings(), self.broker, self.store)

    def dialog(self, peer: Peer = PEER) -> "AmqpDialog":
        """Return a new connection."""
        return AmqpDialog(self, peer)

    def write_to_disk(self) -> None:
        """Everything appended so far becomes durable, and what follows from that."""
        self.broker.turn.run()
        while (commit := self.store.begin_commit()) is not None:
            commit.run()
            commit.done()
            self.broker.turn.run()

    def go_on(self, *dialogs: "AmqpDialog") -> None:
        """Let the disk, the queues and these connections do what there is to do."""
        moved = True
        while moved:
            if not self.disk_waits:
                self.write_to_disk()
            moved = sum(dialog.turn() for dialog in dialogs) > 0  # all of them

    def pass_time(self, seconds: float, *dialogs: "AmqpDialog") -> None:
        """Do what falls due meanwhile; the server ticks once a second."""
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            self.clock.seconds = min(until, self.clock.seconds + 1)
            self.timers.run(self.clock.seconds)
            for dialog in dialogs:
                if not dialog.session.closed:
                    dialog.session.tick(self.clock.seconds)
        self.go_on(*dialogs)


class AmqpDialog:
    """One client, frame by frame."""

    def __init__(self, room: Any, peer: Peer) -> None:
        self.room = room
        self.outbox = Outbox(lambda: None)
        self.session = AmqpSession(room.amqp, self.outbox, peer)
        self._received = b""

    def __rshift__(self, said: "bytes | tuple[int, Method]") -> Self:
        """Say bytes, or a method on a channel."""
        data = said if isinstance(said, bytes) else method_frame(*said)
        self.feed(data)
        return self

    def feed(self, data: bytes) -> None:
        """Say bytes."""
        if self.session.closed:
            return
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

    def _take(self) -> bool:
        pieces = self.outbox.take()
        for each in pieces:
            assert not isinstance(each, FileRange)
            self._received += bytes(each)
            self.outbox.sent(len(each))
        return bool(pieces)

    def raw(self) -> bytes:
        """Return what came and was not looked at."""
        self._take()
        received, self._received = self._received, b""
        return received

    def frames(self) -> list[tuple[int, int, bytes]]:
        """Return the frames that came: type, channel, payload."""
        data, at, frames = self.raw(), 0, []
        while at < len(data):
            kind, number, size = FRAME.unpack_from(data, at)
            frames.append((kind, number, data[at + 7 : at + 7 + size]))
            assert data[at + 7 + size] == END
            at += size + EMPTY_FRAME_BYTES
        return frames

    def answers(self) -> list[tuple[int, Method]]:
        """Return the methods that came; nothing else did."""
        frames = self.frames()
        assert all(kind == METHOD for kind, _, _ in frames), frames
        return [(number, decode(payload)) for _, number, payload in frames]

    def only(self) -> Method:
        """Return the one method that came."""
        [(_, method)] = self.answers()
        return method

    def hang_up(self) -> None:
        """Lose the connection."""
        self.session.peer_gone()

    # Steps that most conversations begin with

    def greet(self) -> methods.ConnectionStart:
        """Begin; return how the broker introduces itself."""
        self >> AMQP_0_9_1
        start = self.only()
        assert isinstance(start, methods.ConnectionStart)
        return start

    def start_ok(
        self,
        mechanism: str = "PLAIN",
        response: bytes = PLAIN_GUEST,
        properties: dict[str, Any] | None = None,
    ) -> None:
        """Say who we are."""
        known = ABLE if properties is None else properties
        self >> (0, methods.ConnectionStartOk(known, mechanism, response, "en_US"))

    def log_in(
        self,
        heartbeat: int = 0,
        properties: dict[str, Any] | None = None,
        response: bytes = PLAIN_GUEST,
    ) -> Self:
        """Go the whole way to an open connection."""
        self.greet()
        self.start_ok(response=response, properties=properties)
        tune = self.only()
        assert isinstance(tune, methods.ConnectionTune)
        self >> (0, methods.ConnectionTuneOk(tune.channel_max, tune.frame_max, heartbeat))
        self >> (0, methods.ConnectionOpen("/"))
        assert isinstance(self.only(), methods.ConnectionOpenOk)
        return self

    def open(self, number: int = 1) -> Self:
        """Open a channel."""
        self >> (number, methods.ChannelOpen())
        assert self.answers() == [(number, methods.ChannelOpenOk())]
        return self


def published(
    channel: int = 1,
    body: bytes = b"hello",
    *,
    exchange: str = "",
    routing_key: str = "q",
    properties: bytes = b"\x10\0\x02",
    frame_max: int = 131_072,
) -> bytes:
    """Return a message as a client sends it."""
    publish = methods.BasicPublish(exchange, routing_key, False, False)
    content = content_frames(channel, properties, body, frame_max)
    return method_frame(channel, publish) + content
