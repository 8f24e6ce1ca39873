"""Scripted conversations with RocketMQ sessions: no socket, a clock and a disk that move when told.

room = RocketMqRoom()
client = room.client()
answer = client.ask(RequestCode.SEND_MESSAGE, {"topic": "t", "queueId": 0, ...}, b"hello")
assert answer.code == ResponseCode.SUCCESS
"""

from collections.abc import Mapping

from anymq.protocols.rocketmq.api import registry
from anymq.protocols.rocketmq.codec import ONEWAY, Decoder, Frame, Kind, Limits, encode
from anymq.protocols.rocketmq.codes import RequestCode, ResponseCode
from anymq.protocols.rocketmq.counters import Counters
from anymq.protocols.rocketmq.layout import Stored, read_messages, write_properties
from anymq.protocols.rocketmq.rocketmq import RocketMq
from anymq.protocols.rocketmq.session import RocketMqSession
from anymq.protocols.rocketmq.settings import RocketMqSettings
from anymq.protocols.session import Peer
from anymq.security.gate import Gate
from anymq.security.users import Users
from anymq.storage.files import Files
from anymq.testing.clients import Client, ClientsRoom

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 10911)
PULL_SUSPEND, PULL_SUBSCRIPTION = 2, 4
Said = Mapping[str, object]


class RocketMqRoom(ClientsRoom):
    """A broker over a simulated disk; AMQP clients may come, too."""

    def __init__(
        self,
        settings: RocketMqSettings | None = None,
        *,
        files: Files | None = None,
        users: Users | None = None,
        gate: Gate | None = None,
    ) -> None:
        super().__init__(files=files, users=users, gate=gate)
        self.rocketmq = RocketMq(
            broker=self.broker,
            settings=settings or RocketMqSettings(),
            users=self.amqp.users,
            gate=self.amqp.gate,
            counters=Counters(),
            memory=self.amqp.memory,
            handlers=registry.load(),
            transactions=self.transactions,
            detours=registry.detours(),
        )
        self.rocketmq.halves.begin()

    def client(self, peer: Peer = PEER) -> "RocketMqDialog":
        """Return a new connection."""
        dialog = RocketMqDialog(self, peer)
        self.dialogs.append(dialog)
        return dialog

    def make_topic(self, name: str, queues: int = 1) -> None:
        """Have a topic."""
        self.broker.create_topic(name, queues)
        self.settle()


class RocketMqDialog(Client):
    """One client, request by request."""

    session: RocketMqSession

    def __init__(self, room: RocketMqRoom, peer: Peer = PEER) -> None:
        super().__init__(room)
        self.room = room
        self.session = RocketMqSession(room.rocketmq, self.outbox, peer)
        self.kind = Kind.JSON
        self._opaque = 0
        self._unread: list[Frame] = []

    def say(
        self, code: int, ext: Said | None = None, body: bytes = b"", *, oneway: bool = False
    ) -> int:
        """Ask, and let everything happen that can; return how the answer will be marked."""
        self._opaque += 1
        flag = ONEWAY if oneway else 0
        self.feed(encode(code, self._opaque, flag, ext, body, kind=self.kind))
        self.room.settle(self)
        return self._opaque

    def ask(self, code: int, ext: Said | None = None, body: bytes = b"") -> Frame:
        """Ask, and return the answer."""
        opaque = self.say(code, ext, body)
        answer = self.answer(opaque)
        assert answer is not None, f"no answer to {RequestCode(code).name}"
        return answer

    def answer(self, opaque: int) -> Frame | None:
        """Return the answer to what was asked, if it came."""
        self.frames()
        for frame in self._unread:
            if frame.is_answer and frame.opaque == opaque:
                self._unread.remove(frame)
                return frame
        return None

    def told(self) -> list[Frame]:
        """Return what the broker asked or told by itself."""
        self.frames()
        told = [frame for frame in self._unread if not frame.is_answer]
        self._unread = [frame for frame in self._unread if frame.is_answer]
        return told

    def frames(self) -> list[Frame]:
        """Return all that came and nobody has taken."""
        decoder = Decoder(Limits(frame_bytes_max=1 << 30))
        decoder.feed(self.raw())
        while (frame := decoder.next()) is not None:
            self._unread.append(frame)
        assert not decoder.held_bytes
        return self._unread

    # What most clients do

    def send(self, topic: str, body: bytes = b"hello", queue: int = 0, **properties: str) -> Frame:
        """Send one message."""
        return self.ask(RequestCode.SEND_MESSAGE_V2, send_fields(topic, queue, properties), body)

    def pull(
        self, topic: str, offset: int = 0, queue: int = 0, group: str = "G", **fields: object
    ) -> Frame:
        """Pull what there is, and do not wait."""
        return self.ask(
            RequestCode.PULL_MESSAGE, pull_fields(topic, offset, queue, group, **fields)
        )

    def pulled(
        self, topic: str, offset: int = 0, queue: int = 0, group: str = "G", **fields: object
    ) -> list[Stored]:
        """Return the messages that there are."""
        answer = self.pull(topic, offset, queue, group, **fields)
        assert answer.code == ResponseCode.SUCCESS, answer
        return list(read_messages(answer.body))


def send_fields(topic: str, queue: int, properties: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of a request to send, by their short names."""
    said = write_properties(properties).decode()
    return {
        "a": "PG",
        "b": topic,
        "c": "TBW102",
        "d": 4,
        "e": queue,
        "f": 0,
        "g": 1_700_000_000_000,
        "h": 0,
        "i": said,
        "j": 0,
        "k": False,
        "m": False,
    }


def pull_fields(
    topic: str, offset: int, queue: int, group: str, **fields: object
) -> dict[str, object]:
    """Return the fields of a request to pull: everything, and without waiting."""
    return {
        "consumerGroup": group,
        "topic": topic,
        "queueId": queue,
        "queueOffset": offset,
        "maxMsgNums": 32,
        "sysFlag": PULL_SUBSCRIPTION,
        "commitOffset": 0,
        "suspendTimeoutMillis": 15_000,
        "subscription": "*",
        "subVersion": 0,
        "expressionType": "TAG",
        **fields,
    }
