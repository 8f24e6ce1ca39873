"""One socket: bytes in, bytes out, back-pressure.

Sockets are non-blocking and driven by the loop's readiness events, without asyncio's transports:
what a turn of the loop owes goes out with one `sendmsg`, ranges of log files go by `sendfile`,
and all connections read into one buffer that stays warm in the cache (ADR 0005).

Whatever happens here ends this connection at most: nothing is raised into the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from anymq.net.plain import PlainChannel
from anymq.net.rounds import Rounds
from anymq.net.tls import TlsChannel, in_words
from anymq.observability.log import Log
from anymq.protocols.session import Outbox, Peer, Session

SENT_PER_TURN_MAX = 4 * 1024 * 1024  # a fast reader of a long backlog lets the others have a turn
LOOK_EVERY = 4  # ticks, whether the connection is still there
# A session that waits for nothing is looked at as seldom as this; not all of them at once.
QUIET_SECONDS, QUIET_SECONDS_MORE = 8, 8
PEER_LEFT = "the peer hung up"

log = Log("anymq.net")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a peer may take, in seconds."""

    handshake: float = 30.0  # for TLS
    stalled: float = 600.0  # without taking a byte of what it is owed
    # Without taking a byte of the last words, once it or we have ended the conversation.
    goodbye: float = 30.0


class Carried(Protocol):
    """Who carries connections."""

    def forget(self, connection: "Connection") -> None:
        """It is closed."""


class Connection:
    """Carries bytes between a socket and a session. It understands none of them."""

    __slots__ = (
        "_carrier",
        "_channel",
        "_closed",
        "_ending_since",
        "_fd",
        "_flush_scheduled",
        "_go_on_scheduled",
        "_loop",
        "_opened",
        "_outbox",
        "_patience",
        "_peer_ended",
        "_progressed",
        "_quiet_until",
        "_read_buffer",
        "_reading",
        "_rounds",
        "_stalled_since",
        "_ticks",
        "_traffic",
        "_writing",
        "peer",
        "session",
    )

    def __init__(
        self,
        rounds: Rounds,
        channel: PlainChannel | TlsChannel,
        peer: Peer,
        make_session: Callable[[Outbox, Peer], Session],
        read_buffer: memoryview,
        carrier: Carried,
        patience: Patience,
    ) -> None:
        self.peer = peer
        self._traffic = peer.traffic
        self._rounds = rounds
        self._loop = rounds.loop
        self._channel = channel
        self._fd = channel.fileno()
        self._read_buffer = read_buffer
        self._carrier = carrier
        self._patience = patience
        self._flush_scheduled = self._go_on_scheduled = False
        self._reading = self._writing = False
        self._closed = self._peer_ended = False
        self._progressed = False
        self._ticks = 0
        self._quiet_until = 0.0  # unless something happens, nothing is to be looked at
        self._opened: float | None = None
        self._stalled_since: float | None = None
        self._ending_since: float | None = None
        self._outbox = Outbox(self._flush_soon)
        self.session = make_session(self._outbox, peer)
        self._set_reading(True)

    @property
    def owes(self) -> bool:
        """Is there an answer under way, or one that somebody waits for?"""
        return self._outbox.size > 0 or self.session.busy

    def tick(self, now: float) -> None:
        """Notice silence, and peers that hold us up."""
        self._ticks += 1
        # A loop may be told of a reset, and not tell us (libuv: POLLERR); or we do not listen.
        if self._ticks % LOOK_EVERY == 0 and self._channel.is_reset:
            self.close()
        elif now >= self._quiet_until:
            until = self._guarded(self.session.tick, now)
            if not self._closed and (why := self._too_slow(now)):
                self.close(why)
            elif not self._closed:
                self._be_quiet(now, until)

    def _be_quiet(self, now: float, until: float | None) -> None:
        """Do not look at it before then, if neither session nor channel waits for something."""
        channel = self._channel
        ending = self.session.closed or self._peer_ended
        if until is not None and channel.ready and not (channel.owes or ending):
            most = QUIET_SECONDS + self._fd % QUIET_SECONDS_MORE
            self._quiet_until = min(until, now + most)

    def close(self, why: str = "") -> None:
        """Hang up now, whatever is still owed. `why` is for the log; empty: that is no news."""
        if self._closed:
            return
        self._closed = True
        if why:
            log.info("connection closed", peer=str(self.peer), reason=why)
        try:
            self._set_reading(False)
            self._set_writing(False)
            self._channel.close()
        except Exception:
            log.exception("a connection failed while it was closed", peer=str(self.peer))
        self._carrier.forget(self)
        try:
            self.session.reason = self.session.reason or why
            self.session.peer_gone()
        except Exception:
            log.exception("a session failed while its peer left", peer=str(self.peer))
        self._outbox.close()

    def _too_slow(self, now: float) -> str:
        """Say why this takes too long; nothing when it does not."""
        if self._opened is None:
            self._opened = now
        if not self._channel.ready and now - self._opened > self._patience.handshake:
            return "no TLS handshake in time"
        progressed, self._progressed = self._progressed, False
        if progressed or not self._channel.owes:
            self._stalled_since = None
        elif self._stalled_since is None:
            self._stalled_since = now
        elif now - self._stalled_since > self._patience.stalled:
            return "it does not take its answers"
        if not (self.session.closed or self._peer_ended):
            return ""
        if self._ending_since is None or progressed:
            self._ending_since = now  # a long answer by a slow line is no reason to cut it off
        late = now - self._ending_since > self._patience.goodbye
        return (self.session.reason or PEER_LEFT) + ", last answers not taken" if late else ""

    # Receiving

    def _on_readable(self) -> None:
        if self._closed:
            return
        try:
            size = self._channel.receive_into(self._read_buffer)
        except OSError as error:
            self._lost(error)
            return
        if size:
            self._traffic.received += size
            self._guarded(self.session.receive, self._read_buffer[:size])
        if not size or self._channel.ended:
            self._peer_ended = self._channel.ended
            self._settle()

    def _go_on(self) -> None:
        self._go_on_scheduled = False
        if not self._closed:
            self._guarded(self.session.go_on)

    def _guarded(self, act: Callable[..., T], *arguments: Any) -> T | None:
        # A bug in one conversation must not disturb the others: log it and hang up.
        try:
            said = act(*arguments)
        except Exception:
            log.exception("a session failed; its connection is closed", peer=str(self.peer))
            self.close()
            return None
        self._settle()
        return said

    # Sending

    def _flush_soon(self) -> None:
        # One write per round of the loop, however many frames there were.
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._rounds.flush(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if not self._closed:
            self._channel.queue(self._outbox.take())
            self._send()

    def _send(self) -> None:
        if self._closed:
            return
        try:
            sent = self._channel.send(SENT_PER_TURN_MAX)
        except OSError as error:
            self._lost(error)
            return
        except Exception:
            log.exception("cannot send; the connection is closed", peer=str(self.peer))
            self.close()
            return
        if sent:
            self._progressed = True
            self._traffic.sent += sent
            self._outbox.sent(sent)
        self._settle()

    # What follows

    def _lost(self, error: OSError) -> None:
        """Only what a peer does not do every day is news."""
        gone = isinstance(error, ConnectionError | TimeoutError)
        log.debug("connection lost", peer=str(self.peer), reason=error)
        self.close("" if gone else in_words(error))

    def _settle(self) -> None:
        """Listen for what the state that session and channel are in now asks for."""
        if self._closed:
            return
        self._quiet_until = 0.0
        session, channel = self.session, self._channel
        ending = session.closed or self._peer_ended
        if ending and not (self.owes or channel.owes):
            self.close(session.reason)
            return
        reading, owes = not ending and session.reading, channel.owes
        if reading is not self._reading:
            self._set_reading(reading)
        if owes is not self._writing:
            self._set_writing(owes)
        if session.more and not self._go_on_scheduled:
            self._go_on_scheduled = True
            self._loop.call_soon(self._go_on)

    def _set_reading(self, wanted: bool) -> None:
        if wanted and not self._reading:
            self._loop.add_reader(self._fd, self._on_readable)
        elif not wanted and self._reading:
            self._loop.remove_reader(self._fd)
        self._reading = wanted

    def _set_writing(self, wanted: bool) -> None:
        if wanted and not self._writing:
            self._loop.add_writer(self._fd, self._send)
        elif not wanted and self._writing:
            self._loop.remove_writer(self._fd)
        self._writing = wanted
