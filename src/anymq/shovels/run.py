"""Run: one attempt of a shovel, from connecting until something fails or all is done."""

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from anymq.core.message import Message
from anymq.core.timers import Timers
from anymq.shovels.definition import NEVER, NO_ACK, ON_CONFIRM, QUEUE_LENGTH, Definition
from anymq.shovels.ends import Arrival, Dest, Soon, Source, Worker
from anymq.shovels.forwarding import Forwarding

RETRY_SECONDS = 1.0  # after a message was refused

MakeEnds = Callable[[Worker], tuple[Source, Dest]]


class Run:
    """Brings messages from the source to the destination, and tells the source what is done.

    In flight is what came and is not done: how many that are at most is the prefetch; how many
    bytes, `bytes_max`, beyond which the source is paused.
    """

    def __init__(
        self,
        definition: Definition,
        forwarding: Forwarding,
        *,
        bytes_max: int,
        timers: Timers,
        now: Callable[[], float],
        soon: Soon,
        ended: Callable[[str | None], None],  # told why; None: everything is done
    ) -> None:
        self.forwarded = 0
        self.refused = 0
        self.remaining: int | None = None  # to be sent; None: without end
        self.remaining_unacked: int | None = None
        self._definition = definition
        self._forwarding = forwarding
        self._bytes_max = bytes_max
        self._timers = timers
        self._now = now
        self._soon = soon
        self._ended = ended
        self._waiting: deque[Arrival] = deque()  # to be sent
        self._bytes = 0  # in flight
        self._done: list[Any] = []  # tokens that the source is told of soon
        self._dest_ready = self._source_ready = False
        self._pumping = self._closed = False
        self._paused = True
        self.source: Source
        self.dest: Dest

    def open(self, make_ends: MakeEnds) -> None:
        """Begin: the destination first, so that what comes has somewhere to go."""
        self.source, self.dest = make_ends(self)
        self.dest.open()

    @property
    def running(self) -> bool:
        """Are both ends there?"""
        return self._dest_ready and self._source_ready

    @property
    def state(self) -> str:
        """What it is about, as RabbitMQ calls it."""
        if not self.running:
            return "starting"
        if self.dest.blocked:
            return "blocked"
        return "flow" if self._paused else "running"

    @property
    def pending(self) -> int:
        """How many wait until the destination has room."""
        return len(self._waiting)

    def close(self) -> None:
        """End it; what is not done is at the source again."""
        if not self._closed:
            self._tell_done()
            self._closed = True
            self._waiting.clear()
            self.source.close()
            self.dest.close()

    # What the ends say

    def dest_ready(self) -> None:
        """Now the source."""
        if not self._closed:
            self._dest_ready = True
            self.source.open()

    def source_ready(self, remaining: int | None) -> None:
        """Messages may come."""
        if self._closed:
            return
        self._source_ready = True
        after = self._definition.source.delete_after
        if after != NEVER:
            count = remaining if after == QUEUE_LENGTH else int(after)
            self.remaining = self.remaining_unacked = count
        self._pump()
        self._end_if_done()

    def arrived(self, arrivals: Sequence[Arrival]) -> None:
        """These came."""
        if self._closed:
            return
        self._waiting.extend(arrivals)
        self._bytes += sum(_size(arrival.message) for arrival in arrivals)
        self._pump()

    def dest_changed(self) -> None:
        """Perhaps there is room."""
        if not self._closed:
            self._pump()

    def failed(self, why: str) -> None:
        """It cannot go on."""
        self._finish(why)

    # Work

    def _pump(self) -> None:
        if self._pumping or not self.running:
            return
        self._pumping = True
        try:
            while self._waiting and self.remaining != 0 and self.dest.room:
                self._send(self._waiting.popleft())
                if self._closed:
                    return
            self._throttle()
        finally:
            self._pumping = False

    def _throttle(self) -> None:
        full = bool(self._waiting) or self._bytes >= self._bytes_max or not self.dest.room
        if full != self._paused:
            self._paused = full
            self.source.pause(full)

    def _send(self, arrival: Arrival) -> None:
        try:
            self._forward(arrival)
        except ValueError as error:  # properties that nobody can read, or write so
            self._finish(f"a message cannot be forwarded: {error}")

    def _forward(self, arrival: Arrival) -> None:
        message = arrival.message
        if self.remaining is not None:
            self.remaining -= 1
        changed = self._forwarding.changed(message, self.source.uri, self.dest.uri)
        size = _size(message)
        if self._definition.ack_mode == ON_CONFIRM:
            self._offer(arrival.token, changed, size)
        else:
            self.dest.send(changed, None)
            self._settle(arrival.token, size)

    def _offer(self, token: Any, message: Message, size: int) -> None:
        self.dest.send(message, partial(self._answered, token, message, size))

    def _answered(self, token: Any, message: Message, size: int, error: Exception | None) -> None:
        if self._closed:
            return
        if error is None:
            self._settle(token, size)
            return
        self.refused += 1
        again = partial(self._offer_again, token, message, size)
        self._timers.at(self._now() + RETRY_SECONDS, again)

    def _offer_again(self, token: Any, message: Message, size: int) -> None:
        if not self._closed:
            self._offer(token, message, size)

    def _settle(self, token: Any, size: int) -> None:
        """It is safe: the source is told at the end of this turn, of all at once."""
        self.forwarded += 1
        self._bytes -= size
        if self.remaining_unacked is not None:
            self.remaining_unacked -= 1
        if not self._done:
            self._soon(self._on_done)
        self._done.append(token)

    def _on_done(self) -> None:
        if self._closed:
            return
        self._tell_done()
        self._pump()
        self._end_if_done()

    def _tell_done(self) -> None:
        done, self._done = self._done, []
        if done and self._definition.ack_mode != NO_ACK:
            self.source.ack(done)

    def _end_if_done(self) -> None:
        if self.remaining_unacked is not None and self.remaining_unacked <= 0:
            self._finish(None)

    def _finish(self, why: str | None) -> None:
        if not self._closed:
            self.close()
            self._ended(why)


def _size(message: Message) -> int:
    return len(message.body) + len(message.properties)
