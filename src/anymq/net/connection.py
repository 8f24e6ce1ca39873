"""One socket: bytes in, bytes out, back-pressure.

Sockets are non-blocking and driven by the loop's readiness events, without asyncio's transports:
what a turn of the loop owes goes out with one `sendmsg`, ranges of log files go by `sendfile`,
and all connections read into one buffer that stays warm in the cache (ADR 0005).
"""

import logging
from asyncio import AbstractEventLoop
from collections.abc import Callable

from anymq.net.plain import PlainChannel
from anymq.net.tls import TlsChannel
from anymq.protocols.session import Outbox, Session

SENT_PER_TURN_MAX = 4 * 1024 * 1024  # a fast reader of a long backlog lets the others have a turn

log = logging.getLogger("anymq.net")


class Connection:
    """Carries bytes between a socket and a session. It understands none of them."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        channel: PlainChannel | TlsChannel,
        make_session: Callable[[Outbox], Session],
        read_buffer: memoryview,
        on_closed: Callable[["Connection"], None],
    ) -> None:
        self._loop = loop
        self._channel = channel
        self._fd = channel.fileno()
        self._read_buffer = read_buffer
        self._on_closed = on_closed
        self._flush_scheduled = False
        self._reading = False
        self._writing = False
        self._closed = False
        self._outbox = Outbox(self._flush_soon)
        self.session = make_session(self._outbox)
        self._set_reading(True)

    @property
    def owes(self) -> bool:
        """Is there an answer under way, or one that somebody waits for?"""
        return self._outbox.size > 0 or self.session.busy

    def tick(self, now: float) -> None:
        """Let the session notice silence."""
        self._guarded(lambda: self.session.tick(now))

    def close(self) -> None:
        """Hang up now, whatever is still owed."""
        if self._closed:
            return
        self._closed = True
        self._set_reading(False)
        self._set_writing(False)
        self._channel.close()
        self._on_closed(self)
        try:
            self.session.peer_gone()
        except Exception:
            log.exception("a session failed while its peer left")

    def _on_readable(self) -> None:
        try:
            size = self._channel.receive_into(self._read_buffer)
        except OSError as error:
            log.debug("connection lost: %s", error)
            self.close()
            return
        if size is None:
            return
        if size == 0:
            self.close()
            return
        self._guarded(lambda: self.session.receive(self._read_buffer[:size]))

    def _guarded(self, act: Callable[[], None]) -> None:
        # A bug in one conversation must not disturb the others: log it and hang up.
        try:
            act()
        except Exception:
            log.exception("a session failed; its connection is closed")
            self.close()
            return
        if not self._closed:
            self._after_session()

    def _after_session(self) -> None:
        if self.session.closed:
            self._flush_soon()
        elif self._reading != self.session.reading:
            self._set_reading(not self._reading)

    def _flush_soon(self) -> None:
        # One write per turn of the loop, however many frames there were.
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._closed:
            return
        self._channel.queue(self._outbox.take())
        self._send()

    def _send(self) -> None:
        try:
            sent = self._channel.send(SENT_PER_TURN_MAX)
        except OSError as error:
            log.debug("connection lost: %s", error)
            self.close()
            return
        self._outbox.sent(sent)
        self._set_writing(self._channel.owes)
        if self.session.closed:
            self._set_reading(False)
            if not self._channel.owes:
                self.close()
        elif self._reading != self.session.reading:
            self._set_reading(not self._reading)

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
