"""The client's side of AMQP, against our own server's side, byte by byte."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from anymq.protocols.amqp import methods
from anymq.protocols.amqp.codec import content_frames, method_frame
from anymq.protocols.amqp.method import Method
from anymq.protocols.session import Outbox, Peer
from anymq.shovels.amqp.client import AmqpClient
from anymq.shovels.uris import amqp_uri
from anymq.testing.amqp import AmqpDialog, AmqpRoom

PEER = Peer("127.0.0.1", 5672, "127.0.0.1", 50_000)


class User:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def opened(self) -> None:
        self.said.append("opened")

    def on_content(self, method: Method, properties: bytes, body: bytes) -> None:
        self.said.append((method, properties, body))

    def on_method(self, method: Method) -> None:
        self.said.append(method)

    def on_blocked(self, blocked: bool) -> None:
        self.said.append(blocked)

    def on_room(self) -> None:
        self.said.append("room")

    def lost(self, why: str) -> None:
        self.said.append(why)


class Wired(AmqpDialog):
    """A client and a server, and the bytes between them."""

    def __init__(self, uri: str = "amqp://h", step: int = 1 << 20) -> None:
        super().__init__(AmqpRoom(), PEER)
        self.user = User()
        self.out = Outbox(lambda: None)
        self.client = AmqpClient(
            self.out,
            PEER,
            uri=amqp_uri(uri),
            name="s",
            user=self.user,
            message_bytes_max=1 << 20,
        )
        self.step = step

    def talk(self) -> None:
        """Carry bytes until nobody has any more to say."""
        while True:
            said = b"".join(bytes(one) for one in self.out.take())  # type: ignore[arg-type]
            self.out.sent(len(said))
            if said:
                self.feed(said)
            self.room.go_on(self)
            answer = self.raw()
            if not said and not answer:
                return
            for at in range(0, len(answer), self.step):
                if not self.client.closed:
                    self.client.receive(memoryview(answer[at : at + self.step]))

    @override
    def raw(self) -> bytes:
        return super().raw()


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_it_logs_in_publishes_and_gets_whatever_the_pieces(step: int) -> None:
    wired = Wired(step=step)
    wired.talk()
    assert wired.user.said == ["opened"]
    declared: list[Any] = []
    declare = methods.QueueDeclare("q", False, True, False, False, False, {})
    wired.client.ask(declare, methods.QueueDeclareOk, declared.append)
    wired.client.ask(methods.ConfirmSelect(False), methods.ConfirmSelectOk, declared.append)
    consume = methods.BasicConsume("q", "t", False, False, False, False, {})
    wired.client.ask(consume, methods.BasicConsumeOk, declared.append)
    body = bytes(range(256)) * 1200
    for each in (b"", b"small", body):
        wired.client.publish(methods.BasicPublish("", "q", False, False), b"\x10\0\x02", each)
    wired.talk()
    assert [type(one).__name__ for one in declared] == [
        "QueueDeclareOk",
        "ConfirmSelectOk",
        "BasicConsumeOk",
    ]
    contents = [one for one in wired.user.said if isinstance(one, tuple)]
    assert [one[1:] for one in contents] == [
        (b"\x10\0\x02", each) for each in (b"", b"small", body)
    ]
    acks = [one for one in wired.user.said if isinstance(one, methods.BasicAck)]
    assert acks[-1].delivery_tag == 3


def test_a_wrong_password_is_told_with_the_brokers_words() -> None:
    wired = Wired("amqp://guest:wrong@h")
    wired.talk()
    assert wired.client.closed
    wired.client.peer_gone()
    (why,) = wired.user.said
    assert why.startswith("403 ACCESS_REFUSED")


def test_a_queue_that_is_not_there_opens_the_channel_anew() -> None:
    wired = Wired()
    wired.talk()
    told: list[str] = []
    wired.client.look_for("nope", lambda _: told.append("found"), lambda: told.append("absent"))
    wired.talk()
    assert told == ["absent"]
    declare = methods.QueueDeclare("nope", False, True, False, False, False, {})
    wired.client.ask(declare, methods.QueueDeclareOk, lambda _: told.append("made"))
    wired.talk()
    assert told == ["absent", "made"]


def test_silence_ends_it() -> None:
    wired = Wired("amqp://h?heartbeat=10")
    wired.client.tick(100.0)
    wired.talk()
    wired.client.tick(121.0)
    wired.client.peer_gone()
    assert "silent" in wired.user.said[-1]


def test_nobody_listens_while_it_is_paused_so_silence_is_none() -> None:
    wired = Wired("amqp://h?heartbeat=10")
    wired.client.tick(100.0)
    wired.talk()
    wired.client.pause(True)
    assert not wired.client.reading
    for second in range(101, 200):
        wired.client.tick(float(second))
    assert not wired.client.closed


@pytest.mark.parametrize(
    "data",
    [
        b"AMQP\0\0\x09\x01",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x01\0\0\xff\xff\xff\xff",
        b"\x01\0\0\0\0\0\x04\0\0\0\0\xce",
        b"\x03\0\x01\0\0\0\x01a\xce",
        method_frame(1, methods.BasicAck(1, False))[:-1] + b"\0",
        method_frame(1, methods.BasicDeliver("t", 1, False, "", "q"))
        + content_frames(1, b"\0\0", b"x" * (2 << 20), 131_072),
        method_frame(1, methods.BasicDeliver("t", 1, False, "", "q")) * 2,
    ],
)
def test_what_is_not_the_protocol_ends_it(data: bytes) -> None:
    wired = Wired()
    wired.talk()
    wired.client.receive(memoryview(data))
    assert wired.client.closed
    wired.client.peer_gone()
    assert "not AMQP" in wired.user.said[-1]


@given(st.lists(st.binary(max_size=60)))
def test_no_bytes_make_it_raise(pieces: list[bytes]) -> None:
    client = AmqpClient(
        Outbox(lambda: None),
        PEER,
        uri=amqp_uri("amqp://h"),
        name="s",
        user=User(),
        message_bytes_max=1000,
    )
    for piece in pieces:
        client.receive(memoryview(piece))
