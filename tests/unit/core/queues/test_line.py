"""Line: order, memory, restarts, lost appends. What queues promise rests on this."""

import errno
from collections.abc import Callable

import pytest
from tests.simulation.weighing import weigh
from tests.unit.core.queues.line_room import Room, bodies, positions, run_of
from tests.unit.storage.stores import do

from anymq.storage.errors import DiskFull, LogFailed

LINE = "anymq.core.queues.line.Line"


def test_who_pushes_is_told_when_the_log_has_it() -> None:
    room = Room()
    room.push(b"a", b"b")
    assert room.told == []
    room.turn()
    assert room.told == [None]


def test_a_transient_message_waits_for_no_disk_and_never_gets_there() -> None:
    room = Room()
    for _ in range(100):
        room.push(b"a", b"b", persistent=False)
        assert bodies(room.line.take(10, 1000, settled=True)) == [b"a", b"b"]
        room.turn()
    assert room.told == [None] * 100
    assert room.line.log.end == 0
    room.push(b"c")
    room.turn()
    room.restart()
    assert bodies(room.all()) == [b"c"]


def test_what_is_settled_is_soon_forgotten() -> None:
    """Else ten thousand queues with little to do remember ten million messages together."""
    room = Room()
    before = weigh([room.line])
    for _ in range(900):
        room.push(b"a")
        room.line.settle(positions(room.line.take(1, 1000)))
        room.turn()
    assert (weigh([room.line]) - before)[LINE] < 5000


def test_a_message_is_delivered_before_it_is_written() -> None:
    room = Room()
    room.push(b"a")
    assert bodies(room.line.take(1, 1000)) == [b"a"]


def test_nothing_is_safe_after_an_error_of_a_sync() -> None:
    """Not even what somebody has taken and settled since: he may have done so for that error."""
    room = Room()
    room.push(b"a")
    room.files.fault("sync", errno.EIO, when=lambda path: "/20/" in path)
    room.turn()
    room.push(b"b")
    room.line.settle(positions(room.line.take(1, 1000)))
    room.turn()
    assert [type(error) for error in room.told] == [LogFailed, LogFailed]


def test_what_was_given_back_comes_first_and_says_so() -> None:
    room = Room()
    room.push(b"a", b"b", b"c", b"d")
    room.line.take(3, 1000)
    room.line.give_back([2, 0])
    room.line.give_back([1], count=False)
    taken = room.line.take(10, 1000)
    assert bodies(taken) == [b"a", b"b", b"c", b"d"]
    assert [one.returns for one in taken] == [1, 0, 1, 0]
    assert [one.redelivered for one in taken] == [True, True, True, False]


def test_take_stops_at_a_number_of_bytes_but_gives_at_least_one() -> None:
    room = Room()
    room.push(b"x" * 10, b"y" * 10, b"z" * 10)
    room.push(b"w" * 100)
    assert positions(room.line.take(10, 5)) == [0]
    assert positions(room.line.take(10, 25)) == [1, 2]
    assert positions(room.line.take(10, 25)) == [3]


def test_settled_messages_do_not_come_back_after_a_kill() -> None:
    room = Room()
    room.push(*(b"%d" % i for i in range(10)))
    room.line.take(6, 1000)
    room.line.settle([1, 3, 5])
    room.turn()
    room.kill()
    assert (room.line.ready, room.line.ready_bytes) == (7, 7)
    taken = room.all()
    assert bodies(taken) == [b"0", b"2", b"4", b"6", b"7", b"8", b"9"]
    assert [one.redelivered for one in taken][:3] == [True] * 3


def test_after_a_clean_end_only_what_was_delivered_is_called_so() -> None:
    room = Room()
    room.push(b"a", b"b", b"c")
    room.line.take(1, 1000)
    room.turn()
    room.restart()
    assert [one.redelivered for one in room.all()] == [True, False, False]


def test_how_often_a_message_came_back_survives() -> None:
    room = Room()
    room.push(b"a", b"b")
    for _ in range(3):
        room.line.take(1, 1000)
        room.line.give_back([0])
        room.turn()
    room.kill()
    assert [one.returns for one in room.all()] == [3, 0]


def test_positions_of_transient_messages_that_were_settled_are_not_used_again() -> None:
    room = Room()
    room.push(b"a", persistent=False)
    room.line.take(1, 1000, settled=True)
    room.push(b"b")
    room.line.take(1, 1000)
    room.turn()
    room.line.settle([1])
    room.turn()
    room.kill()
    assert (room.line.ready, room.line.end) == (0, 2)
    room.push(b"c")
    assert positions(room.all()) == [2]


def test_a_backlog_beyond_the_memory_is_read_again_in_order() -> None:
    room = Room(line_bytes=5000)
    names = [b"%05d" % i + bytes(100) for i in range(300)]
    for i in range(0, 300, 3):
        room.push(*names[i : i + 3])
        room.turn()
        assert room.memory.used < 10_000
    assert room.line.ready_bytes == 300 * 105
    assert bodies(room.line.read(150, 2)) == names[150:152]
    assert bodies(room.all()) == names
    room.turn()
    assert room.memory.used < 6000  # of what is out only the places are known
    room.line.give_back(range(300))
    assert bodies(room.all()) == names


def test_transient_messages_go_to_the_disk_when_memory_asks() -> None:
    room = Room(durable=False, line_bytes=5000)
    names = [b"%05d" % i + bytes(100) for i in range(300)]
    for name in names:
        room.push(name, persistent=False)
        room.turn()
        assert room.memory.used < 10_000
    assert bodies(room.all()) == names


def test_a_full_disk_refuses_and_forgets() -> None:
    room = Room()
    room.push(b"a")
    room.turn()
    room.files.fault("pwritev", errno.ENOSPC, when=lambda path: "/20/" in path)
    room.push(b"b", b"c")
    assert bodies(room.line.take(2, 1000)) == [b"a", b"b"]
    room.turn()
    assert isinstance(room.told[1], DiskFull)
    assert room.line.ready == 0
    room.line.settle([0, 1])
    do(*room.store.maintenance(1_000_000))
    room.push(b"d")
    room.turn()
    room.kill()
    assert bodies(room.all()) == [b"d"]


def test_a_dropped_message_is_not_delivered() -> None:
    room = Room()
    room.push(b"a", b"b", b"c", b"d")
    head = room.line.peek()
    assert head is not None
    room.line.settle([head.position])
    room.line.settle([2])
    assert (room.line.ready, room.line.ready_bytes) == (2, 2)
    assert bodies(room.all()) == [b"b", b"d"]


def test_purge_leaves_what_is_out() -> None:
    room = Room()
    room.push(b"a", b"b", b"c")
    room.line.take(1, 1000)
    assert room.line.purge() == 2
    assert (room.line.ready, room.line.ready_bytes, room.line.taken) == (0, 0, 1)
    room.turn()
    assert room.told == [None]
    room.kill()
    assert bodies(room.all()) == [b"a"]


def test_settling_what_nobody_has_is_harmless() -> None:
    room = Room()
    room.push(b"a", b"b")
    room.line.take(1, 1000)
    room.line.settle([0, 0, 7])
    room.line.settle([0])
    assert (room.line.ready, room.line.taken) == (1, 0)


def test_a_stuck_message_does_not_keep_others_in_memory() -> None:
    """One unacknowledged transient message at the head, millions passing by."""
    room = Room()
    room.push(b"stuck", persistent=False)
    room.line.take(1, 1000)
    for _ in range(1000):
        room.push(b"a", persistent=False)
        room.line.take(1, 1000, settled=True)
        room.turn()
    assert len(room.line._unwritten._entries or ()) < 200
    assert room.memory.used < 1000


def test_segments_whose_messages_are_settled_go() -> None:
    room = Room()
    for i in range(50):
        room.push(b"%d" % i + bytes(100))
        room.turn()
    room.line.settle(positions(room.all()))
    room.turn()
    room.tick()
    assert len(room.line.log.segments) <= 2
    room.kill()
    assert (room.line.ready, room.line.end) == (0, 50)


def test_a_hole_is_noticed_and_settled() -> None:
    """The disk lost a file in the middle: what can be read is delivered, the count is right."""
    room = Room()
    for i in range(50):
        room.push(b"%02d" % i + bytes(100))
        room.turn()
    gone = room.line.log.segments[1]
    room.lines.close()
    room.store.close()
    room.files.unlink(gone.path)
    room._start()
    found = room.all()
    while room.line.ready:
        room.tick()
        found += room.all()
    expected = [i for i in range(50) if not gone.base <= i < gone.end]
    assert positions(found) == expected
    assert room.line.ready_bytes == 0


def test_a_stuck_message_does_not_pin_the_disk() -> None:
    """Nor is it lost when all around it goes, and the broker stops or dies."""
    room = Room()
    room.push(b"stuck")
    room.turn()
    (stuck,) = room.line.take(1, 10**6)
    for number in range(100):
        room.push(b"%d" % number + bytes(100))
        room.turn()
        room.line.settle(positions(room.line.take(1, 10**6)))
    room.turn()
    for _ in range(4):
        room.tick()
    assert room.line.log.size_bytes() < 2000
    room.kill()
    assert [one.position for one in room.all()] == [stuck.position]
    room.line.give_back([stuck.position])
    room.restart()
    assert bodies(room.all()) == [b"stuck"]
    assert room.store.reports == []


def test_who_waits_when_the_line_is_deleted_is_told() -> None:
    room = Room()
    room.push(b"a")
    do(room.lines.delete(20))
    assert room.told == [None]  # it is done with: nobody is to send it again
    room.lines.flush()
    room.line.settle([0])
    room.lines.flush()
    assert room.lines._journal.ids() == []


def test_a_run_is_encoded_once_for_all_lines() -> None:
    room = Room()
    other = room.lines.line(21)
    run = run_of(b"a", b"b")
    room.line.push(run, room.told.append)
    other.push(run, room.told.append)
    room.line.flush()
    first = run.batch
    other.flush()
    assert run.batch is first
    room.turn()
    assert room.told == [None, None]


def test_properties_and_envelope_come_back() -> None:
    room = Room()
    room.push(b"a")
    room.line.push(run_of(b"b", b"", properties=b"\xff\0q"), None)
    room.turn()
    room.restart()
    taken = room.all()
    first = taken[0].message
    assert [m.message.properties for m in taken] == [b"p", b"\xff\0q", b"\xff\0q"]
    assert (first.envelope.exchange, first.envelope.routing_key) == ("orders", "new")
    assert (first.timestamp_ms, first.body, taken[2].message.body) == (1000, b"a", b"")
    assert all(one.message.envelope is first.envelope for one in taken)


def test_when_written_waits_for_the_journal() -> None:
    room = Room()
    room.push(b"a")
    room.turn()
    room.line.settle(positions(room.all()))
    told: list[Exception | None] = []
    room.lines.when_written(told.append)
    assert told == []
    room.turn()
    assert told == [None]


def test_one_stuck_message_does_not_pin_the_disk() -> None:
    room = Room()
    for i in range(100):
        room.push(b"%02d" % i + bytes(100))
        room.turn()
    stuck = positions(room.line.take(1, 1))
    room.line.settle(positions(room.all()))
    room.turn()
    for _ in range(10):
        room.tick()
    assert room.line.log.size_bytes() < 6000
    room.kill()
    assert positions(room.all()) == stuck
    assert room.store.reports == []


@pytest.mark.parametrize("ends", [Room.kill, Room.restart])
def test_what_was_given_back_once_says_so_afterwards(ends: Callable[[Room], None]) -> None:
    """However it was taken: out of the middle, too, by who only looked."""
    room = Room()
    room.push(b"a")
    seen, _ = room.line.look(0, 500) or ([], 0)
    assert room.line.claim(seen) == [0]
    room.line.give_back([0], count=True)
    room.turn()
    ends(room)
    [again] = room.line.take(1, 1000)
    assert (again.returns, again.redelivered) == (1, True)


def test_what_was_claimed_and_given_back_is_lost_once() -> None:
    """A full disk takes transient messages that are in memory: each of them counts once."""
    room = Room()
    room.push(b"a", b"b", b"c", persistent=False)
    seen, _ = room.line.look(0, 500) or ([], 0)
    room.line.claim(seen[1:])
    room.line.give_back([2])
    room.turn()
    room.push(b"persistent")
    room.files.fault("pwritev", errno.ENOSPC, when=lambda path: "/20/" in path)
    room.turn()
    assert (room.line.ready, room.line.taken, bodies(room.all())) == (0, 1, [])


def test_bytes_are_exact_after_a_full_disk_and_a_restart() -> None:
    room = Room()
    room.push(b"a", b"bc", persistent=False)
    assert bodies(room.all()) == [b"a", b"bc"]
    room.push(b"persistent")
    room.files.fault("pwritev", errno.ENOSPC, when=lambda path: "/20/" in path)
    room.turn()
    room.tick()
    room.push(b"d")
    room.turn()
    room.line.give_back([0])
    room.restart()
    there = sum(map(len, bodies(room.line.read(0, 100))))
    assert room.line.ready_bytes == there
