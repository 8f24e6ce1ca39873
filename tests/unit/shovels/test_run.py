"""Run: what is told to the source when, and how much may be under way."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from anymq.core.message import Envelope, Message
from anymq.core.routing.target import Then
from anymq.core.timers import Timers
from anymq.protocols.amqp.properties import AMQP_FORM
from anymq.shovels.definition import parse
from anymq.shovels.ends import Arrival, Refusal
from anymq.shovels.forwarding import Forwarding
from anymq.shovels.run import RETRY_SECONDS, Run

ENVELOPE = Envelope("", "q", AMQP_FORM)


class Ends:
    """Both ends: they write down what they are told."""

    uri = "amqp://h"

    def __init__(self) -> None:
        self.room = True
        self.blocked = False
        self.paused: bool | None = None
        self.acked: list[int] = []
        self.sent: list[tuple[bytes, Then | None]] = []
        self.closed = 0

    def open(self) -> None:
        pass

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def ack(self, tokens: Sequence[Any]) -> None:
        self.acked += tokens

    def send(self, message: Message, then: Then | None) -> None:
        self.sent.append((message.body, then))

    def close(self) -> None:
        self.closed += 1

    def confirm(self, index: int, error: Exception | None = None) -> None:
        then = self.sent[index][1]
        assert then is not None
        then(error)


class Room:
    """A run, a clock, and turns of the loop that come when told."""

    def __init__(self, **said: Any) -> None:
        value = {"src-uri": "amqp://h", "src-queue": "q", "dest-uri": "amqp://h", **said}
        definition = parse("s", value)
        self.ends = Ends()
        self.timers = Timers()
        self.soon: list[Callable[[], None]] = []
        self.ended: list[str | None] = []
        self.run = Run(
            definition,
            Forwarding(definition.source, definition.dest, {}, lambda: 0),
            bytes_max=100,
            timers=self.timers,
            now=lambda: 0.0,
            soon=self.soon.append,
            ended=self.ended.append,
        )
        self.run.open(lambda _: (self.ends, self.ends))
        self.run.dest_ready()

    def turn(self) -> None:
        while self.soon:
            self.soon.pop(0)()

    def come(self, *tokens: int, size: int = 1) -> None:
        message = Message(ENVELOPE, b"\0\0", b"x" * size, 0)
        self.run.arrived([Arrival(token, message) for token in tokens])


def test_nothing_is_done_before_it_is_confirmed() -> None:
    room = Room()
    room.run.source_ready(None)
    room.come(1, 2)
    room.turn()
    assert (len(room.ends.sent), room.ends.acked) == (2, [])
    room.ends.confirm(1)
    room.turn()
    assert room.ends.acked == [2]


def test_what_is_refused_is_offered_again_and_not_done() -> None:
    room = Room()
    room.run.source_ready(None)
    room.come(1)
    room.ends.confirm(0, Refusal("full"))
    room.turn()
    assert (room.ends.acked, room.run.refused) == ([], 1)
    room.timers.run(RETRY_SECONDS)
    room.ends.confirm(1)
    room.turn()
    assert room.ends.acked == [1]


def test_the_source_waits_while_much_is_under_way() -> None:
    room = Room()
    room.run.source_ready(None)
    assert room.ends.paused is False
    room.come(1, 2, size=60)
    assert room.ends.paused is True
    room.ends.confirm(0)
    room.turn()
    assert room.ends.paused is False


def test_the_source_waits_for_the_destination() -> None:
    room = Room()
    room.run.source_ready(None)
    room.ends.room = False
    room.come(1)
    assert (room.ends.paused, room.run.pending, room.run.state) == (True, 1, "flow")
    room.ends.room = True
    room.run.dest_changed()
    assert (room.ends.paused, room.run.pending, len(room.ends.sent)) == (False, 0, 1)


@pytest.mark.parametrize("after", [2, "queue-length"])
def test_it_ends_when_the_last_is_done_not_when_it_is_sent(after: int | str) -> None:
    room = Room(**{"src-delete-after": after})
    room.run.source_ready(2)
    room.come(1, 2, 3)
    room.turn()
    assert (len(room.ends.sent), room.ended) == (2, [])
    room.ends.confirm(0)
    room.ends.confirm(1)
    room.turn()
    assert (room.ends.acked, room.ended, room.ends.closed) == ([1, 2], [None], 2)


def test_an_empty_queue_is_done_at_once() -> None:
    room = Room(**{"src-delete-after": "queue-length"})
    room.run.source_ready(0)
    assert room.ended == [None]


def test_what_is_confirmed_is_told_before_it_closes() -> None:
    """What was confirmed in this turn does not come twice for that."""
    room = Room()
    room.run.source_ready(None)
    room.come(1)
    room.ends.confirm(0)
    room.run.failed("gone")
    assert (room.ends.acked, room.ended) == ([1], ["gone"])
    room.ends.confirm(0)
    room.turn()
    assert (room.ends.acked, room.ended) == ([1], ["gone"])
