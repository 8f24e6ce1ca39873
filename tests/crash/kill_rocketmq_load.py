"""RocketMQ clients that go on while the server dies and returns, and note everything they see."""

import json
import socket
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from zlib import crc32

from typing_extensions import override

from tests.crash.check_log import Final, History, Outcome, Place, Polled, Read, Sent, judged
from tests.crash.worker import ANSWER_SECONDS, Load, Worker
from tests.differential.amqp.client import Closed

SEND, SEND_BATCH, PULL, MAX_OFFSET, POP, ACK = 310, 320, 11, 30, 200050, 200051
SUCCESS, SYSTEM_BUSY, SERVICE_NOT_AVAILABLE, PULL_NOT_FOUND, PULL_RETRY = 0, 2, 14, 19, 20
NOTHING_TO_POP, ANOTHERS = (209, 210), 208
NOT_WRITTEN = (SYSTEM_BUSY, SERVICE_NOT_AVAILABLE)
PULLED_MAX = 32
INVISIBLE_MS = 3000  # what is lent when the server dies comes again after that at the latest
POLL_MS = 500
TOGETHER = 3  # messages of a batch
BATCH_EVERY = 5
FIXED = struct.Struct(">iiiiiqq")  # size, magic, CRC, queue, flag, queue offset, physical offset
BODY_AT = 84  # with hosts of IPv4


@dataclass(frozen=True)
class Heard:
    """An answer."""

    opaque: int
    code: int
    fields: Mapping[str, str]
    body: bytes


class Client:
    """A socket that speaks RocketMQ's remoting protocol."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)
        self._stream = self._socket.makefile("rb")
        self._opaque = 0

    def say(self, code: int, fields: Mapping[str, object], body: bytes = b"") -> int:
        """Ask; returns by which number the answer is known."""
        self._opaque += 1
        said = {"code": code, "language": "JAVA", "version": 475, "flag": 0, "opaque": self._opaque}
        words = {name: str(value) for name, value in fields.items()}
        header = json.dumps({**said, "extFields": words}).encode()
        head = struct.pack(">ii", 4 + len(header) + len(body), len(header))
        self._socket.sendall(head + header + body)
        return self._opaque

    def hear(self) -> Heard:
        """Wait for an answer."""
        length, header_length = struct.unpack(">ii", self._exactly(8))
        data = self._exactly(length - 4)
        said = json.loads(data[: header_length & 0xFFFFFF])
        fields = said.get("extFields") or {}
        return Heard(said["opaque"], said["code"], fields, data[header_length & 0xFFFFFF :])

    def ask(self, code: int, fields: Mapping[str, object]) -> Heard:
        """Ask, and wait."""
        self.say(code, fields)
        return self.hear()

    def close(self) -> None:
        """Hang up."""
        self._stream.close()
        self._socket.close()

    def _exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) != size:
            raise Closed
        return data


@dataclass
class Request:
    """Messages that are sent and not answered."""

    place: Place
    numbers: Sequence[int]


class Sender(Worker[Client]):
    """Sends numbers to every queue in turn, now and then a batch. Nothing is sent twice."""

    def __init__(self, name: str, port: int, topic: str, queues: int, window: int = 1) -> None:
        super().__init__(name, partial(Client, port))
        self._topic, self._queues, self._window = topic, queues, window
        self._numbers = count()
        self._turns = count()
        self.sent: list[Sent] = []
        self.batches: list[tuple[Place, frozenset[str]]] = []

    @override
    def round(self, client: Client) -> None:
        """Until the server goes."""
        waiting: dict[int, Request] = {}
        try:
            while not self.stopping.is_set() or waiting:
                while len(waiting) < self._window and not self.stopping.is_set():
                    request = self._next()
                    # Before it is said: who says half of a request does not know what was heard.
                    waiting[-1] = request
                    opaque = self._send(client, request)
                    waiting[opaque] = waiting.pop(-1)
                heard = client.hear()
                self._answered(waiting.pop(heard.opaque), heard)
        finally:
            for request in waiting.values():
                self._note(request, Outcome.UNKNOWN, None)

    def _next(self) -> Request:
        turn = next(self._turns)
        size = 1 if turn % BATCH_EVERY else TOGETHER
        place = self._topic, turn % self._queues
        return Request(place, [next(self._numbers) for _ in range(size)])

    def _send(self, client: Client, request: Request) -> int:
        values = [self._value(number).encode() for number in request.numbers]
        topic, queue = request.place
        names = {"a": "senders", "b": topic, "c": "TBW102", "d": self._queues, "e": queue}
        is_batch = len(values) > 1
        more = {"f": 0, "g": 0, "h": 0, "i": "", "j": 0, "k": "false"}
        fields = {**names, **more, "m": "true" if is_batch else "false"}
        if not is_batch:
            return client.say(SEND, fields, values[0])
        self.batches.append((request.place, frozenset(map(self._value, request.numbers))))
        return client.say(SEND_BATCH, fields, b"".join(map(batched, values)))

    def _answered(self, request: Request, heard: Heard) -> None:
        if heard.code in NOT_WRITTEN:
            self._note(request, Outcome.FAILED, None)
            return
        assert heard.code == SUCCESS, heard
        # The answer to a batch names the first one's place.
        self._note(request, Outcome.OK, int(heard.fields["queueOffset"]))
        self.progressed(len(request.numbers))

    def _note(self, request: Request, outcome: Outcome, first: int | None) -> None:
        for index, number in enumerate(request.numbers):
            offset = None if first is None else first + index
            value = self._value(number)
            self.sent.append(Sent(self.name, request.place, value, number, outcome, offset))

    def _value(self, number: int) -> str:
        return f"{self.name}:{number}"


class Puller(Worker[Client]):
    """Reads every queue from the oldest message on, and goes on where it was."""

    def __init__(self, name: str, port: int, topic: str, queues: int) -> None:
        super().__init__(name, partial(Client, port))
        self._topic = topic
        self._next = dict.fromkeys(range(queues), 0)
        self.polls: list[Polled] = []

    @override
    def round(self, client: Client) -> None:
        """Until the server goes."""
        while not self.stopping.is_set():
            for queue, offset in self._next.items():
                messages = pull(client, self._topic, queue, offset)
                if messages:
                    self.polls.append(Polled(self.name, (self._topic, queue), messages))
                    self._next[queue] = messages[-1][0] + 1
                    self.progressed(len(messages))


@dataclass(frozen=True)
class Lent:
    """A message that was popped, and the handle to ack it by."""

    queue: int
    offset: int
    value: str
    handle: str


class Popper(Worker[Client]):
    """Pops from all queues and acks; there is always something out that is not acked yet."""

    def __init__(self, name: str, port: int, topic: str) -> None:
        super().__init__(name, partial(Client, port))
        self._topic = topic
        self.sure: list[str] = []  # acked, and the server has said so
        self.perhaps: set[str] = set()  # it may know
        self.again: set[str] = set()  # came though they were acked for sure

    @override
    def round(self, client: Client) -> None:
        """Until the server goes."""
        held: list[Lent] = []
        while not self.stopping.is_set():
            lent = self._pop(client)
            self.again.update({one.value for one in lent} & set(self.sure))
            self._ack(client, held)
            held = lent

    def _pop(self, client: Client) -> list[Lent]:
        who = {"consumerGroup": "poppers", "topic": self._topic, "queueId": -1, "maxMsgNums": 16}
        how = {"invisibleTime": INVISIBLE_MS, "pollTime": POLL_MS, "bornTime": 0, "initMode": 0}
        heard = client.ask(POP, {**who, **how, "exp": "*", "expType": "TAG", "order": "false"})
        if heard.code in NOTHING_TO_POP:
            return []
        assert heard.code == SUCCESS, heard
        return list(self._lent(heard))

    def _lent(self, heard: Heard) -> Iterator[Lent]:
        said = heard.fields
        starts = dict(each.split(" ")[1:] for each in said["startOffsetInfo"].split(";"))
        loan = f"{said['popTime']} {said['invisibleTime']} {said['reviveQid']} 0 peer"
        for queue, offset, value in laid_out(heard.body):
            handle = f"{starts[str(queue)]} {loan} {queue} {offset}"
            yield Lent(queue, offset, value, handle)

    def _ack(self, client: Client, held: Sequence[Lent]) -> None:
        self.perhaps.update(one.value for one in held)
        waiting = {client.say(ACK, self._fields(one)): one.value for one in held}
        while waiting:
            heard = client.hear()
            value = waiting.pop(heard.opaque)
            assert heard.code in (SUCCESS, ANOTHERS), heard
            self.perhaps.discard(value)
            if heard.code == SUCCESS:
                self.sure.append(value)
        self.progressed(len(held))

    def _fields(self, one: Lent) -> Mapping[str, object]:
        who = {"consumerGroup": "poppers", "topic": self._topic, "queueId": one.queue}
        return {**who, "extraInfo": one.handle, "offset": one.offset}


class RocketMqLoad(Load):
    """One sender waits for each answer, the other for many at a time."""

    ration = 200

    def __init__(self, port: int, topic: str, queues: int) -> None:
        self._port, self._topic, self._queues = port, topic, queues
        first = Sender("one", port, topic, queues)
        self.publishers: Sequence[Sender] = [first, Sender("many", port, topic, queues, window=50)]
        self.consumers: Sequence[Puller] = [Puller("puller", port, topic, queues)]

    @override
    def start(self) -> None:
        first, *others = self.publishers
        first.start()
        first.wait_for(1)  # now there is a topic
        for each in (*others, *self.consumers):
            each.start()

    @override
    def judge(self, *, settled_stays: bool) -> str:
        sent = [each for sender in self.publishers for each in sender.sent]
        polls = [each for puller in self.consumers for each in puller.polls]
        history = History(sent, polls, read_all(self._port, self._topic, self._queues))
        summary = judged(history, once={self._topic})
        for place, values in (batch for sender in self.publishers for batch in sender.batches):
            there = values & history.final_values[place]
            assert len(there) in (0, len(values)), f"{summary}: half of {sorted(values)}"
        return summary


def batched(body: bytes) -> bytes:
    """A message as it is in a batch, with no properties."""
    fixed = struct.pack(">iIii", 0, crc32(body), 0, len(body))
    return struct.pack(">i", 22 + len(body)) + fixed + body + b"\0\0"


def pull(client: Client, topic: str, queue: int, offset: int) -> list[Read]:
    """What there is from there on, at most a few."""
    who = {"consumerGroup": "readers", "topic": topic, "queueId": queue, "queueOffset": offset}
    how = {"maxMsgNums": PULLED_MAX, "sysFlag": 4, "commitOffset": 0, "suspendTimeoutMillis": 0}
    what = {"subscription": "*", "subVersion": 0, "expressionType": "TAG"}
    heard = client.ask(PULL, {**who, **how, **what})
    if heard.code in (PULL_NOT_FOUND, PULL_RETRY):
        return []
    assert heard.code == SUCCESS, heard
    messages = [(at, value) for _, at, value in laid_out(heard.body)]
    # Numbers are dense: neither gaps nor anything twice.
    assert [at for at, _ in messages] == list(range(offset, offset + len(messages))), heard.fields
    return messages


def laid_out(data: bytes) -> Iterator[tuple[int, int, str]]:
    """The messages of an answer: queue, offset and body."""
    at = 0
    while at < len(data):
        size, _, _, queue, _, offset, _ = FIXED.unpack_from(data, at)
        (length,) = struct.unpack_from(">i", data, at + BODY_AT)
        body = at + BODY_AT + 4
        yield queue, offset, data[body : body + length].decode()
        at += size


def read_all(port: int, topic: str, queues: int) -> list[Final]:
    """Every queue from its start to its end."""
    client = Client(port)
    try:
        return [_read_queue(client, topic, queue) for queue in range(queues)]
    finally:
        client.close()


def _read_queue(client: Client, topic: str, queue: int) -> Final:
    end = int(client.ask(MAX_OFFSET, {"topic": topic, "queueId": queue}).fields["offset"])
    messages: list[Read] = []
    while len(messages) < end:
        messages += pull(client, topic, queue, len(messages))
    return Final((topic, queue), messages)
