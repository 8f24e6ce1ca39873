"""One peer may do what it likes: its own connection ends at most, and never the loop."""

import gc
import socket
import struct
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from pathlib import Path

import pytest
from tests.unit.net.room import LOOPS, PEER, Loop, Talker, drain, has_ended, running

from anymq.net.connection import (
    LOOK_EVERY,
    QUIET_SECONDS,
    QUIET_SECONDS_MORE,
    SENT_PER_TURN_MAX,
    Connection,
    Patience,
)
from anymq.net.plain import PlainChannel
from anymq.net.rounds import Rounds
from anymq.protocols.session import Outbox, Peer
from anymq.storage.files import FileRange
from anymq.storage.os_files import OsFiles

PATIENCE = Patience(handshake=5, stalled=20, goodbye=10)
MIB = 1 << 20


@dataclass
class Place:
    """Where connections are made and forgotten."""

    loop: Loop
    forgotten: list[Connection] = field(default_factory=list)
    ends: list[socket.socket] = field(default_factory=list)

    def forget(self, connection: Connection) -> None:
        self.forgotten.append(connection)

    def connect(self, **talker: object) -> tuple[Connection, Talker, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self.ends.append(theirs)

        def make(outbox: Outbox, peer: Peer) -> Talker:
            return Talker(outbox, peer, **talker)  # type: ignore[arg-type]

        buffer = memoryview(bytearray(64 * 1024))
        connection = Connection(
            Rounds(self.loop.real), PlainChannel(ours), PEER, make, buffer, self, PATIENCE
        )
        assert isinstance(connection.session, Talker)
        return connection, connection.session, theirs


@pytest.fixture(params=LOOPS)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with running(request.param) as loop:
        place = Place(loop)
        yield place
        for end in place.ends:
            end.close()


def echo(session: Talker, data: bytes) -> None:
    session.outbox.write(data)


def test_it_carries_bytes_both_ways(place: Place) -> None:
    _, _, theirs = place.connect(on_receive=echo)
    theirs.sendall(b"hello")
    place.loop.until(lambda: drain(theirs) == b"hello")


def test_a_peer_that_hangs_up_is_forgotten_once(place: Place) -> None:
    connection, session, theirs = place.connect()
    theirs.close()
    place.loop.until(lambda: place.forgotten)
    connection.close()
    assert place.forgotten == [connection]
    assert session.gone == 1


def test_a_peer_that_resets_is_forgotten(place: Place) -> None:
    connection, session, theirs = place.connect(on_receive=echo)
    theirs.sendall(b"x" * 1000)
    place.loop.until(lambda: session.heard)
    theirs.close()  # with something unread: that is a reset
    place.loop.until(lambda: place.forgotten)
    assert place.forgotten == [connection]


def test_who_says_no_more_still_hears_the_answer(place: Place) -> None:
    """`printf ... | nc`: what was asked before the end is answered, also when the disk is slow."""
    connection, session, theirs = place.connect(waits_for_disk=True)
    theirs.sendall(b"ask")
    theirs.shutdown(socket.SHUT_WR)
    place.loop.until(lambda: session.heard == b"ask")
    for _ in range(5):
        place.loop.turn()
    assert not place.forgotten
    session.waits_for_disk = False
    session.outbox.write(b"answer")
    place.loop.until(lambda: place.forgotten)
    assert drain(theirs) == b"answer"
    assert place.forgotten == [connection]


def test_who_says_no_more_does_not_wait_for_ever(place: Place) -> None:
    connection, _, theirs = place.connect(waits_for_disk=True)
    theirs.shutdown(socket.SHUT_WR)
    place.loop.turn()
    place.loop.turn()
    connection.tick(100)
    connection.tick(100 + PATIENCE.goodbye + 1)
    assert place.forgotten == [connection]


def boom(session: Talker, data: bytes) -> None:
    raise ValueError("a bug")


def test_a_bug_in_a_session_ends_this_connection_only(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    connection, session, theirs = place.connect(on_receive=boom, fails_at_goodbye=True)
    _, other, their_other = place.connect()
    theirs.sendall(b"x")
    their_other.sendall(b"y")
    place.loop.until(lambda: place.forgotten and other.heard)
    assert place.forgotten == [connection]
    assert session.gone == 1
    assert has_ended(theirs)
    assert "a session failed; its connection is closed" in caplog.text


def test_a_bug_in_a_tick_ends_this_connection_only(place: Place) -> None:
    connection, session, _ = place.connect()
    session.ticks = None  # type: ignore[assignment]
    connection.tick(1)
    assert place.forgotten == [connection]


def test_something_that_cannot_be_sent_ends_this_connection_only(place: Place) -> None:
    """Not an OSError: nobody expected it, and the loop must not come back to it for ever."""
    connection, session, _ = place.connect()
    session.outbox.write("text")  # type: ignore[arg-type]
    place.loop.until(lambda: place.forgotten)
    assert place.forgotten == [connection]


def test_a_session_that_is_closed_sends_what_it_owes_first(place: Place) -> None:
    size = 8 * MIB

    def last_words(session: Talker, _: bytes) -> None:
        session.outbox.write(b"x" * size)
        session.closed = True

    connection, _, theirs = place.connect(on_receive=last_words)
    theirs.sendall(b"x")
    got = 0
    while not place.forgotten:
        place.loop.turn()
        got += len(drain(theirs))
    assert got + len(drain(theirs)) == size
    assert place.forgotten == [connection]


def test_last_words_are_not_waited_for_for_ever(place: Place) -> None:
    """A peer that never reads would hold the memory until it leaves."""
    connection, session, _ = place.connect()
    session.outbox.write(b"x" * 8 * MIB)
    session.closed = True
    place.loop.turn()
    connection.tick(100)
    connection.tick(100 + PATIENCE.goodbye - 1)
    assert not place.forgotten
    connection.tick(100 + PATIENCE.goodbye + 1)
    assert place.forgotten == [connection]


def test_who_takes_last_words_slowly_gets_them_all(place: Place) -> None:
    """A copy of all definitions, by a slow line, to a client that wants to close then."""
    connection, session, theirs = place.connect()
    session.outbox.write(b"x" * 8 * MIB)
    session.closed = True
    got, now = 0, 100.0
    while not place.forgotten:
        place.loop.turn()
        got += len(theirs.recv(MIB))
        now += PATIENCE.goodbye - 1
        connection.tick(now)
    assert got + len(drain(theirs)) == 8 * MIB


def test_a_peer_that_takes_nothing_is_cut(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    connection, session, theirs = place.connect()
    session.outbox.write(b"x" * 8 * MIB)
    place.loop.turn()
    place.loop.turn()
    connection.tick(100)  # since the last look, something left: into the socket's buffer
    connection.tick(101)
    connection.tick(101 + PATIENCE.stalled - 1)
    drain(theirs)
    place.loop.turn()
    connection.tick(200)
    assert not place.forgotten  # it does take some, if slowly
    connection.tick(201)
    connection.tick(202 + PATIENCE.stalled)
    assert place.forgotten == [connection]
    (line,) = [each for each in caplog.records if each.message == "connection closed"]
    fields = line.fields  # type: ignore[attr-defined]
    assert fields == {"peer": str(PEER), "reason": "it does not take its answers"}


def test_an_idle_peer_that_is_owed_nothing_stays(place: Place) -> None:
    connection, session, _ = place.connect()
    for now in (0, 1000, 2000):
        connection.tick(now)
    assert session.ticks == [0, 1000, 2000]
    assert not place.forgotten


def test_who_is_quiet_is_looked_at_when_it_said_or_something_happens(place: Place) -> None:
    """And at times in any case: ten thousand are looked at every second otherwise."""
    connection, session, theirs = place.connect(quiet_until=1005.0)
    for now in range(1000, 1006):
        connection.tick(now)
    assert session.ticks == [1000, 1005]
    session.quiet_until = inf
    connection.tick(1006)
    connection.tick(1007)
    theirs.sendall(b"hello")
    place.loop.until(lambda: session.heard == b"hello")
    connection.tick(1008)
    connection.tick(1009)
    assert session.ticks == [1000, 1005, 1006, 1008]
    connection.tick(1008 + QUIET_SECONDS + QUIET_SECONDS_MORE)
    assert len(session.ticks) == 5


def test_back_pressure_stops_the_reading_and_ends(place: Place) -> None:
    connection, session, theirs = place.connect(wants=False)
    connection.tick(0)
    theirs.sendall(b"more")
    for _ in range(5):
        place.loop.turn()
    assert not session.heard
    session.wants = True
    session.outbox.wake()
    place.loop.until(lambda: session.heard == b"more")


def test_a_session_with_more_to_do_gets_turns_between_the_others(place: Place) -> None:
    _, busy, theirs = place.connect(more_turns=1000)
    _, other, their_other = place.connect()
    theirs.sendall(b"x")
    their_other.sendall(b"y")
    place.loop.until(lambda: other.heard)
    assert busy.more_turns > 900
    place.loop.until(lambda: busy.more_turns == 0)


def test_one_fast_reader_does_not_starve_the_others(place: Place, tmp_path: Path) -> None:
    """A long backlog leaves in pieces: each turn of the loop everybody gets one."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(64 * MIB)
    stored = OsFiles(tmp_path).open("log")
    _, greedy, theirs = place.connect()
    greedy.outbox.write(FileRange(stored, 0, 64 * MIB))
    turns = 0
    while greedy.outbox.size:
        before = greedy.outbox.size
        place.loop.turn()
        drain(theirs)
        assert before - greedy.outbox.size <= SENT_PER_TURN_MAX + MIB
        turns += 1
    assert turns >= 16


def test_a_file_that_ends_too_early_ends_the_connection(place: Place, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"short")
    connection, session, _ = place.connect()
    stored = OsFiles(tmp_path).open("log")
    session.outbox.write(FileRange(stored, 0, 1000))
    place.loop.until(lambda: place.forgotten)
    assert place.forgotten == [connection]


def test_a_number_that_is_used_again_is_another_connection(place: Place) -> None:
    """The system gives a closed socket's number to the next: events must not be mixed up."""
    first, _, theirs = place.connect()
    theirs.sendall(b"for the first")
    first.close()
    second, session, their_second = place.connect()
    for _ in range(5):
        place.loop.turn()
    assert session.heard == b""
    their_second.sendall(b"for the second")
    place.loop.until(lambda: session.heard == b"for the second")
    assert place.forgotten == [first]
    second.close()


def test_closing_one_from_within_another_in_the_same_turn(place: Place) -> None:
    """Both are readable; the first to run closes the other, whose event is on its way."""
    pair: list[Connection] = []

    def close_the_other(session: Talker, _: bytes) -> None:
        for connection in pair:
            if connection.session is not session:
                connection.close()

    one, _, their_one = place.connect(on_receive=close_the_other)
    two, _, their_two = place.connect(on_receive=close_the_other)
    pair += [one, two]
    their_one.sendall(b"x")
    their_two.sendall(b"x")
    place.loop.until(lambda: place.forgotten)
    for _ in range(5):
        place.loop.turn()
    assert len(place.forgotten) == 1


def test_what_is_closed_leaves_nothing_to_the_garbage_collector(place: Place) -> None:
    """Half a frame may be megabytes: they are free at once, not when somebody looks for cycles."""
    gc.collect()
    gc.disable()
    try:
        connection, session, theirs = place.connect(on_receive=echo)
        theirs.sendall(b"x")
        place.loop.until(lambda: drain(theirs))
        seen = weakref.ref(session)
        connection.close()
        place.forgotten.clear()
        del connection, session
        place.loop.turn()
        assert seen() is None
    finally:
        gc.enable()


def test_the_peer_vanishes_while_it_is_answered(place: Place) -> None:
    def answer_to_nobody(session: Talker, _: bytes) -> None:
        session.outbox.write(b"too late")
        place.ends[0].close()

    connection, _, theirs = place.connect(on_receive=answer_to_nobody)
    theirs.sendall(b"x")
    place.loop.until(lambda: place.forgotten)
    assert place.forgotten == [connection]


def test_a_reset_is_noticed_though_nobody_listens(place: Place) -> None:
    """What the peer held is for others then. uvloop even forgets to tell who does listen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    ours.setblocking(False)
    talkers: list[Talker] = []

    def make(outbox: Outbox, peer: Peer) -> Talker:
        talkers.append(Talker(outbox, peer))
        return talkers[0]

    buffer = memoryview(bytearray(64 * 1024))
    channel = PlainChannel(ours)
    connection = Connection(Rounds(place.loop.real), channel, PEER, make, buffer, place, PATIENCE)
    talkers[0].wants = False
    connection.tick(1.0)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    theirs.close()
    for now in range(2, 2 + LOOK_EVERY):
        place.loop.turn()
        connection.tick(float(now))
    assert place.forgotten == [connection]
