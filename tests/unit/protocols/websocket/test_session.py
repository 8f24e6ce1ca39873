"""A session within a WebSocket: it does not know, and nothing of it is lost."""

from typing import Any

import pytest
from tests.unit.protocols.websocket.frames import frame, request, served

from anymq.protocols.session import Outbox, Output, Peer
from anymq.protocols.websocket.codec import Opcode, close
from anymq.protocols.websocket.framing import MESSAGE_BYTES_MAX, Pack, as_stream, as_texts, size_of
from anymq.protocols.websocket.handshake import Manners
from anymq.protocols.websocket.session import (
    FRAMES_PER_TURN,
    UNSENT_FOR_PONG_MAX,
    Inside,
    WebSocketSession,
)
from anymq.storage.files import FileRange

PEER = Peer("127.0.0.1", 50_000, "127.0.0.1", 15_675)


class Echo:
    """Says again what it hears; ends when it hears `bye`."""

    def __init__(self, outbox: Outbox, _peer: Peer) -> None:
        self.closed = self.busy = self.more = False
        self.reading = True
        self.reason = ""
        self.heard: list[bytes] = []
        self.gone = 0
        self.outbox = outbox

    def receive(self, data: memoryview) -> None:
        self.heard.append(bytes(data))
        if b"bye" in self.heard[-1]:
            self.closed, self.reason = True, "it said bye"
        else:
            self.outbox.write(bytes(data))

    def go_on(self) -> None:
        pass

    def tick(self, now: float) -> None:
        pass

    def peer_gone(self) -> None:
        self.gone += 1


class Carrier:
    """What a connection is to the session, without a socket."""

    def __init__(self, pack: Pack = as_stream, *, takes_text: bool = False, **manners: Any) -> None:
        self.malformed = 0
        self.outbox = Outbox(lambda: None)
        said = {"paths": ("/mqtt",), "subprotocols": ("mqtt",), **manners}
        inside = Inside(
            speak=Echo,
            manners=Manners(**said),
            pack=pack,
            takes_text=takes_text,
            handshake_seconds_max=lambda: 10.0,
            on_malformed=self._count,
        )
        self.session = WebSocketSession(inside, self.outbox, PEER)

    def _count(self) -> None:
        self.malformed += 1

    def greet(self, more: bytes = b"") -> "Carrier":
        assert self.send(request() + more, raw=True).startswith(b"HTTP/1.1 101 ")
        return self

    @property
    def echo(self) -> Echo:
        assert isinstance(self.session.within, Echo)
        return self.session.within

    def send(self, data: bytes, *, raw: bool = False) -> Any:
        self.session.receive(memoryview(data))
        return self.taken() if raw else served(self.taken())

    def taken(self) -> bytes:
        """All that is owed, until there is nothing more; the outbox must know how much it was."""
        sent = b""
        while pieces := self.outbox.take():
            sent += b"".join(_bytes(one) for one in pieces)
            self.outbox.sent(sum(map(size_of, pieces)))
        assert self.outbox.size == self.outbox.memory == 0
        return sent


def _bytes(output: Output) -> bytes:
    return output.read() if isinstance(output, FileRange) else bytes(output)


def test_messages_both_ways() -> None:
    carrier = Carrier().greet()
    assert carrier.send(frame(Opcode.BINARY, b"one")) == [(Opcode.BINARY, b"one")]


def test_what_comes_with_the_request() -> None:
    """Clients need not wait for our answer's arrival to speak; most do."""
    carrier = Carrier()
    said = carrier.send(request() + frame(Opcode.BINARY, b"early"), raw=True)
    head, _, frames = said.partition(b"\r\n\r\n")
    assert b" 101 " in head
    assert served(frames) == [(Opcode.BINARY, b"early")]


def test_many_frames_are_one_turn_of_the_session_within() -> None:
    """And its answers are one frame: a client that writes little pieces costs little."""
    carrier = Carrier().greet()
    many = b"".join(frame(Opcode.BINARY, b"%d," % n) for n in range(100))
    expected = b"".join(b"%d," % n for n in range(100))
    assert carrier.send(many) == [(Opcode.BINARY, expected)]
    assert carrier.echo.heard == [expected]


def test_a_message_is_handed_on_before_its_end() -> None:
    """What a head announces is not waited for: limits are those of the protocol within."""
    carrier = Carrier().greet()
    data = frame(Opcode.BINARY, b"x" * 70_000)
    carrier.send(data[:1000])
    assert sum(map(len, carrier.echo.heard)) == 1000 - 14


def test_pings() -> None:
    """Answered with what they say, also within a message."""
    carrier = Carrier().greet()
    said = carrier.send(
        frame(Opcode.BINARY, b"a", fin=False)
        + frame(Opcode.PING, b"there?")
        + frame(Opcode.PONG, b"not asked for")
        + frame(Opcode.CONTINUATION, b"b")
    )
    assert (Opcode.PONG, b"there?") in said
    assert (Opcode.BINARY, b"ab") in said


def test_floods_of_pings_cost_little() -> None:
    """One answer will do; and who takes none has no more of them waiting for him."""
    carrier = Carrier().greet()
    many = b"".join(frame(Opcode.PING, b"%d" % n) for n in range(500))
    assert carrier.send(many) == [(Opcode.PONG, b"499")]
    for _ in range(2000):
        carrier.session.receive(memoryview(frame(Opcode.PING, b"x" * 100)))
    assert carrier.outbox.size <= UNSENT_FOR_PONG_MAX + 102
    carrier.taken()
    carrier.session.tick(1.0)
    assert served(carrier.taken()) == [(Opcode.PONG, b"x" * 100)]


def test_floods_of_little_frames_let_others_have_a_turn() -> None:
    """The rest of them waits, and is not lost; meanwhile no more is read."""
    carrier = Carrier().greet()
    count = 2 * FRAMES_PER_TURN + 1
    carrier.session.receive(memoryview(frame(Opcode.BINARY, b"x") * count))
    assert carrier.echo.heard == [b"x" * FRAMES_PER_TURN]
    assert not carrier.session.reading
    turns = 0
    while carrier.session.more:
        carrier.session.go_on()
        turns += 1
    assert (turns, b"".join(carrier.echo.heard)) == (2, b"x" * count)
    assert carrier.session.reading


def test_the_client_closes() -> None:
    """It gets its Close back; what came before counts, what comes behind does not."""
    carrier = Carrier().greet()
    said = carrier.send(
        frame(Opcode.BINARY, b"last")
        + frame(Opcode.CLOSE, (1000).to_bytes(2, "big"))
        + frame(Opcode.BINARY, b"too late")
    )
    assert said == [(Opcode.BINARY, b"last"), (Opcode.CLOSE, (1000).to_bytes(2, "big"))]
    assert carrier.session.closed
    assert carrier.echo.heard == [b"last"]
    carrier.session.peer_gone()
    assert carrier.echo.gone == 1


def test_the_session_within_closes() -> None:
    """All it owes comes first, then why; then we wait for the client's Close, not for ever."""
    carrier = Carrier().greet()
    carrier.echo.outbox.write(b"goodbye")
    said = carrier.send(frame(Opcode.BINARY, b"bye"))
    assert said == [(Opcode.BINARY, b"goodbye"), *served(close(1008, "it said bye"))]
    assert not carrier.session.closed
    assert carrier.session.reason == "it said bye"
    carrier.echo.outbox.write(b"behind the Close")
    assert carrier.taken() == b""
    carrier.session.tick(1.0)
    carrier.session.tick(2.0)
    assert not carrier.session.closed
    carrier.session.tick(10.0)
    assert carrier.session.closed


def test_it_closes_on_its_own() -> None:
    """Nothing came: it wakes the carrier, as sessions do, and that is when it is seen."""
    carrier = Carrier().greet()
    carrier.echo.outbox.write(b"last words")
    carrier.echo.closed = True
    said = served(carrier.taken())
    assert said == [(Opcode.BINARY, b"last words"), *served(close(1000))]
    carrier.send(frame(Opcode.BINARY, b"ignored") + frame(Opcode.CLOSE, (1000).to_bytes(2, "big")))
    assert carrier.session.closed
    assert carrier.echo.heard == []


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(3), 1002),
        (frame(Opcode.TEXT, b"\xff"), 1007),
        (frame(Opcode.TEXT, b"text"), 1003),
        (frame(Opcode.CLOSE, b"\x03"), 1002),
        (frame(Opcode.CLOSE, (1005).to_bytes(2, "big")), 1002),
        (b"\x82\x01x", 1002),
    ],
)
def test_malformed(data: bytes, code: int) -> None:
    """It is told why, and counted; what came before it was right."""
    carrier = Carrier().greet()
    said = carrier.send(frame(Opcode.BINARY, b"right") + data)
    assert said[0] == (Opcode.BINARY, b"right")
    opcode, payload = said[1]
    assert (opcode, int.from_bytes(payload[:2], "big")) == (Opcode.CLOSE, code)
    assert carrier.malformed == 1
    carrier.send(frame(3))
    assert carrier.session.closed


def test_refused() -> None:
    carrier = Carrier()
    said = carrier.send(request("/elsewhere"), raw=True)
    assert said.startswith(b"HTTP/1.1 404 ")
    assert carrier.session.closed
    assert carrier.session.within is None
    carrier.session.peer_gone()


def test_slow_handshake() -> None:
    """Who asks for nothing holds no connection for long."""
    carrier = Carrier()
    carrier.send(request()[:20], raw=True)
    carrier.session.tick(100.0)
    carrier.session.tick(109.0)
    assert not carrier.session.closed
    carrier.session.tick(110.5)
    assert carrier.session.closed


def test_large_answers_come_in_messages_that_clients_take() -> None:
    carrier = Carrier().greet()
    body = bytes(1000) * 1000
    carrier.echo.outbox.write(body)
    said = served(carrier.taken())
    assert b"".join(payload for _, payload in said) == body
    assert max(len(payload) for _, payload in said) == MESSAGE_BYTES_MAX


def test_texts() -> None:
    """For STOMP each frame is a message: text where it is one."""
    carrier = Carrier(as_texts, takes_text=True).greet()
    outbox = carrier.echo.outbox
    outbox.write("häé\0".encode())
    outbox.write(b"\xff\0")
    assert served(carrier.taken()) == [
        (Opcode.TEXT, "häé\0".encode()),
        (Opcode.BINARY, b"\xff\0"),
    ]
    assert carrier.send(frame(Opcode.TEXT, b"SEND")) == [(Opcode.TEXT, b"SEND")]


def test_back_pressure_is_that_of_the_session_within() -> None:
    carrier = Carrier().greet()
    carrier.echo.reading = False
    assert not carrier.session.reading
    carrier.echo.reading = True
    assert carrier.session.reading
