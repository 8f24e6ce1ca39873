"""Session: one WebSocket, and in it the session of another protocol, which does not know.

What a client sends in messages is a stream of bytes for the session within; what that owes goes
out in messages: `dress` makes frames of it when the carrier takes it, so that all of a turn of the
loop is one frame where the protocol allows it, and no byte is copied for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from typing_extensions import override

from anymq.protocols.session import Outbox, Output, Peer, Session
from anymq.protocols.websocket.codec import (
    CloseCode,
    Decoder,
    MalformedFrame,
    Opcode,
    Piece,
    close,
    close_code,
    control,
)
from anymq.protocols.websocket.framing import Framed, Pack, size_of
from anymq.protocols.websocket.handshake import Handshake, Manners

CLOSE_SECONDS = 2.0  # how long we wait for the client's Close after ours
FRAMES_PER_TURN = 1000  # then it is the turn of the others: some 3 ms
# A pong takes more memory than it has bytes: who does not read gets no more than so many.
UNSENT_FOR_PONG_MAX = 1024

Speak = Callable[[Outbox, Peer], Session]


def _uncounted() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What is spoken in a WebSocket, and how."""

    speak: Speak
    manners: Manners
    pack: Pack  # frames of what the session within owes
    takes_text: bool
    handshake_seconds_max: Callable[[], float]
    on_malformed: Callable[[], None] = _uncounted


class WebSocketSession(Session):
    """The broker's side of one WebSocket."""

    def __init__(self, inside: Inside, outbox: Outbox, peer: Peer) -> None:
        self.closed = False
        self.reason = ""
        self.within: Session | None = None
        self._inside = inside
        self._outbox = outbox
        self._peer = replace(peer, web=True)
        self._handshake: Handshake | None = Handshake(inside.manners)
        self._decoder = Decoder()
        self._has_more = False  # frames that wait for their turn
        self._ping: bytes | None = None  # the last one that is not answered
        self._close: Framed | None = None  # that we said
        self._since: float | None = None  # for what we wait: the request, or the client's Close

    @property
    def _said_close(self) -> bool:
        return self._close is not None

    # What carries us asks

    @property
    @override
    def reading(self) -> bool:
        if self.closed or self._has_more:
            return False
        return self.within is None or self._said_close or self.within.reading

    @property
    @override
    def more(self) -> bool:
        if self.closed or self.within is None:
            return False
        return self._has_more or self.within.more

    @property
    @override
    def busy(self) -> bool:
        return self.within is not None and self.within.busy

    @override
    def receive(self, data: memoryview) -> None:
        """Act on the request, or on what is in the frames."""
        if self.closed or not data:
            return
        if self._handshake is None:
            self._take(data)
        elif answer := self._handshake.receive(bytes(data)):
            self._outbox.write(Framed(answer))
            self._greeted(self._handshake)
        self._look()

    @override
    def go_on(self) -> None:
        """Let the session within go on."""
        if self.within is None:
            return
        if self.within.more:
            self.within.go_on()
        if self._has_more and not self.closed:
            self._take(memoryview(b""))
        self._look()

    @override
    def tick(self, now: float) -> None:
        """Notice who asks for nothing, or does not say goodbye."""
        if self._handshake is None and not self._said_close:
            assert self.within is not None
            self._since = None
            self.within.tick(now)
            self._answer_ping()
            self._look()
            return
        if self._since is None:
            self._since = now
        patience = CLOSE_SECONDS if self._said_close else self._inside.handshake_seconds_max()
        if not self.closed and now - self._since > patience:
            self._end("" if self._said_close else "no WebSocket in time")

    @override
    def peer_gone(self) -> None:
        """Give back what the peer held."""
        self.closed = True
        self._handshake = None
        if self.within is not None:
            self.within.reason = self.within.reason or self.reason
            self.within.peer_gone()
            self.reason = self.reason or self.within.reason

    # The handshake

    def _greeted(self, handshake: Handshake) -> None:
        if handshake.refused is not None:
            self._end(f"no WebSocket: {handshake.refused.why}")
            return
        self._handshake = None
        self._outbox.dress = self._dress
        self.within = self._inside.speak(self._outbox, self._peer)
        if trailing := handshake.trailing:
            self._take(memoryview(trailing))

    # Frames

    def _take(self, data: memoryview) -> None:
        """Hand on what is in these frames, as one: so it costs one turn however many they are."""
        payloads: list[bytes] = []
        last: Piece | None = None
        malformed: MalformedFrame | None = None
        self._has_more = False
        pieces = self._decoder.decode(data)
        try:
            last = self._sort(pieces, payloads)
        except MalformedFrame as error:
            malformed = error
        finally:
            pieces.close()
        self._answer_ping()
        if payloads and not self._said_close and self.within is not None:
            self.within.receive(memoryview(_joined(payloads)))
        if malformed is not None:
            self._refuse(malformed)
        elif last is not None:
            self._answer_close(last.payload)

    def _sort(self, pieces: Iterator[Piece], payloads: list[bytes]) -> Piece | None:
        """Collect the payloads of some frames, and the last ping; return the Close."""
        for count, piece in enumerate(pieces, 1):
            match piece.opcode:
                case Opcode.CLOSE:
                    return piece
                case Opcode.PING:
                    self._ping = piece.payload
                case Opcode.TEXT if not self._inside.takes_text:
                    raise MalformedFrame("we take binary messages only", CloseCode.UNSUPPORTED_DATA)
                case Opcode.TEXT | Opcode.BINARY if piece.payload:
                    payloads.append(piece.payload)
            if count == FRAMES_PER_TURN:
                self._has_more = True
                break
        return None

    def _answer_ping(self) -> None:
        """Of several, the last one will do (5.5.3); who takes nothing is answered later."""
        if self._ping is None or self._said_close or self._outbox.size > UNSENT_FOR_PONG_MAX:
            return
        self._outbox.write(Framed(control(Opcode.PONG, self._ping)))
        self._ping = None

    def _refuse(self, error: MalformedFrame) -> None:
        self._inside.on_malformed()
        if self._said_close:
            self._end(str(error))
            return
        self.reason = self.reason or str(error)
        self._say_close(error.code, str(error))

    def _answer_close(self, payload: bytes) -> None:
        try:
            code = close_code(payload)
        except MalformedFrame as error:
            self._refuse(error)
        else:
            if not self._said_close:
                self._say_close(CloseCode.NORMAL if code is None else code)
        self._end("")

    def _say_close(self, code: int, reason: str = "") -> None:
        self._close = Framed(close(code, reason))
        self._outbox.write(self._close)
        self._since = None

    def _look(self) -> None:
        """If the session within has ended, so does the WebSocket, behind all that it still owes."""
        within = self.within
        if within is None or not within.closed or self._said_close or self.closed:
            return
        self.reason = self.reason or within.reason
        code = CloseCode.POLICY_VIOLATION if within.reason else CloseCode.NORMAL
        self._say_close(code, within.reason)

    def _dress(self, outputs: list[Output]) -> list[Output]:
        """Make frames of what the carrier takes; see then whether these were the last."""
        kept = self._before_the_end(outputs)
        frames = self._inside.pack(kept)
        self._outbox.grew(_head_bytes(frames) - _head_bytes(kept))
        self._look()
        return frames

    def _before_the_end(self, outputs: list[Output]) -> list[Output]:
        """Nothing goes behind our Close: what was to be said later is not said (5.5.1)."""
        if self._close is None:
            return outputs
        at = next((at for at, one in enumerate(outputs) if one is self._close), -1)
        self._outbox.sent(sum(map(size_of, outputs[at + 1 :])))
        return outputs[: at + 1]

    def _end(self, why: str) -> None:
        """Hang up when everything is sent."""
        self.closed = True
        self.reason = self.reason or why
        self._outbox.wake()


def _joined(payloads: list[bytes]) -> bytes:
    return payloads[0] if len(payloads) == 1 else b"".join(payloads)


def _head_bytes(outputs: list[Output]) -> int:
    return sum(len(one) for one in outputs if isinstance(one, Framed))
