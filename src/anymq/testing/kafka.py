"""Scripted conversations with Kafka sessions: no socket, a clock and a disk that move when told.

    room = KafkaRoom()
    client = room.dialog()
    client >> MetadataRequest(topics=None) << MetadataResponse(...)

reads as: the client says, the broker answers. Before the client looks for an answer, everything
appended so far becomes durable, unless `room.disk_waits`.
"""

import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from types import ModuleType
from typing import Any, Self

from anymq.cluster.meta import embedded
from anymq.cluster.meta.embedded import EmbeddedStore
from anymq.core.broker import Broker, BrokerSettings
from anymq.core.timers import Timers
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.protocols.kafka.api import registry
from anymq.protocols.kafka.api.fetch_sessions import FetchSessions
from anymq.protocols.kafka.codec import (
    FrameAssembler,
    RequestHeader,
    decode_response_header,
    encode_request_header,
    frame,
    response_header_is_flexible,
)
from anymq.protocols.kafka.counters import Counters
from anymq.protocols.kafka.session import Kafka, KafkaSession
from anymq.protocols.kafka.settings import KafkaSettings
from anymq.protocols.memory import Memory
from anymq.protocols.session import Outbox, Peer
from anymq.security.attempts import Attempts
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.files import Buffer, FileRange, Files
from anymq.storage.store import LogStore
from anymq.testing.simfs import SimFiles

_apis = cache(registry.load)

START_SECONDS = 1_700_000_000.0
FRAME_BYTES_MAX = MEMORY_BYTES_MAX = 1 << 30
PEER = Peer("192.0.2.7", 50_000, "127.0.0.1", 9092)


class HandClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = START_SECONDS

    def wall_ms(self) -> int:
        """Return the time of day."""
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        """Return the time to wait by."""
        return self.seconds


def kafka_of(
    broker: Broker,
    settings: KafkaSettings | None = None,
    *,
    users: Users | None = None,
    memory: Memory | None = None,
    random: Callable[[int], bytes] | None = None,
    gate: Gate | None = None,
) -> Kafka:
    """Return what the Kafka sessions of a broker share."""
    return Kafka(
        broker=broker,
        apis=_apis(),
        settings=settings or KafkaSettings(),
        users=users or Users(),
        fetch_sessions=FetchSessions(random or Random(7).randbytes),
        gate=gate or Gate(Attempts(broker.clock.monotonic)),
        counters=Counters(),
        memory=memory or Memory(MEMORY_BYTES_MAX),
    )


class KafkaRoom:
    """A broker over a simulated disk, and everything that its Kafka sessions share."""

    def __init__(
        self,
        settings: KafkaSettings | None = None,
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
        random = Random(7).randbytes
        self.store = LogStore.open(files or SimFiles(), disk_free_min=0)
        log = self.store.open_log(embedded.LOG_ID, embedded.LOG_CONFIG)
        self.broker = Broker(
            store=self.store,
            definitions=EmbeddedStore(log, self.clock),
            clock=self.clock,
            timers=self.timers,
            random=random,
            settings=broker,
            forms=(AMQP_FORM,),
        )
        self.kafka = kafka_of(
            self.broker,
            settings,
            users=users,
            memory=Memory(memory_bytes_max),
            random=random,
            gate=gate,
        )
        self.broker.users.give(list(self.kafka.users))
        self.write_to_disk()

    def dialog(self, peer: Peer = PEER) -> "KafkaDialog":
        """Return a new connection."""
        return KafkaDialog(self, peer)

    def write_to_disk(self) -> None:
        """Everything appended so far becomes durable, and what follows from that."""
        while (commit := self.store.begin_commit()) is not None:
            commit.run()
            commit.done()

    def pass_time(self, seconds: float) -> None:
        """Do what falls due meanwhile."""
        self.clock.seconds += seconds
        self.timers.run(self.clock.seconds)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose answer has not come yet."""

    correlation_id: int
    schema: ModuleType
    version: int


class KafkaDialog:
    """One client's side of a connection."""

    def __init__(self, room: KafkaRoom, peer: Peer = PEER) -> None:
        self.room = room
        self.outbox = Outbox(on_output=lambda: None)
        self.session = KafkaSession(room.kafka, self.outbox, peer)
        self.client_id: str | None = "tester"
        self.is_heard = True
        self._frames = FrameAssembler(FRAME_BYTES_MAX, 0)
        self._asked: deque[Asked] = deque()
        self._answers: deque[bytes] = deque()
        self._version: int | None = None
        self._sent = 0

    def at(self, version: int) -> Self:
        """Send the next request in this version; else it is the newest that both know."""
        self._version = version
        return self

    def __rshift__(self, request: Any) -> Self:
        self.send(self.encode(request))
        return self

    def __lshift__(self, expected: Any) -> Self:
        if expected is None:
            assert not self.answers(), "an answer nobody expected"
        else:
            actual = self.answer()
            assert actual == expected, f"\nexpected {expected}\n     got {actual}"
        return self

    def ask(self, request: Any, version: int | None = None) -> Any:
        """Send a request; return its answer."""
        self._version = version
        self.send(self.encode(request))
        return self.answer()

    def answer(self) -> Any:
        """Return the next answer."""
        assert self.answers(), "no answer"
        asked, data = self._asked.popleft(), self._answers.popleft()
        schema = asked.schema
        flexible = asked.version >= schema.FLEXIBLE
        has_tags = response_header_is_flexible(schema.KEY, flexible)
        correlation_id, position = decode_response_header(data, has_tags)
        assert correlation_id == asked.correlation_id, "answers are out of order"
        return schema.decode_response(data, position, asked.version)

    def answers(self) -> Sequence[bytes]:
        """Return the answers that have come, as bytes."""
        while True:
            if not self.room.disk_waits:
                self.room.write_to_disk()
            data = self.taken()
            self._answers.extend(bytes(one) for one, _ in self._frames.feed(memoryview(data)))
            if self.session.more:
                self.session.go_on()  # as the carrier does
            elif not data:
                break
        return self._answers

    def encode(self, request: Any, *, awaits_answer: bool = True) -> bytes:
        """Return the frame of a request, and expect its answer."""
        schema = sys.modules[type(request).__module__]
        version, self._version = self._version, None
        if version is None:
            version = self.room.kafka.apis[schema.KEY].versions[-1]
        self._sent += 1
        header = RequestHeader(schema.KEY, version, self._sent, self.client_id)
        if awaits_answer:
            self._asked.append(Asked(self._sent, schema, version))
        head = encode_request_header(header, version >= schema.FLEXIBLE)
        return frame(head, schema.encode_request(request, version))

    def send(self, data: Buffer) -> None:
        """Send bytes."""
        self.session.receive(memoryview(bytes(data)))
        self.is_heard = self.session.reading  # the carrier asks after everything that happens

    def taken(self) -> bytes:
        """Return the bytes that have come."""
        pieces = self.outbox.take()
        data = b"".join(one.read() if isinstance(one, FileRange) else one for one in pieces)
        self.outbox.sent(len(data))
        return data

    @property
    def closed(self) -> bool:
        """Does the broker hang up?"""
        return self.session.closed

    def hang_up(self) -> None:
        """Lose the connection."""
        self.session.peer_gone()
