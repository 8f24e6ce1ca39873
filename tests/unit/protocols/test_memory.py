"""All peers together take a bounded amount of memory, and none of them waits for ever."""

from dataclasses import dataclass, field

from anymq.protocols.memory import SMALL_BYTES, Memory
from anymq.protocols.session import Outbox

LIMIT = 64 * SMALL_BYTES


@dataclass(eq=False)
class Holder:
    """Holds what the test says, and counts how often it was woken."""

    memory: Memory
    held_bytes: int = 0
    unfinished_bytes: int = 0
    woken: int = 0
    admitted: list[bool] = field(default_factory=list)

    def wake(self) -> None:
        self.woken += 1

    def hold(self, size: int, *, unfinished: bool = False) -> "Holder":
        self.unfinished_bytes = size if unfinished else 0
        self.memory.report(self, size)
        return self

    @property
    def may_go_on(self) -> bool:
        return self.memory.admits(self)


def test_there_is_room_until_there_is_none() -> None:
    memory = Memory(LIMIT)
    assert Holder(memory).hold(LIMIT // 2).may_go_on
    assert not Holder(memory).hold(LIMIT // 2).may_go_on
    assert memory.used == LIMIT


def test_who_holds_little_goes_on_longer_than_who_holds_much() -> None:
    memory = Memory(LIMIT)
    large = Holder(memory).hold(LIMIT * 7 // 8)
    assert not large.may_go_on
    assert Holder(memory).hold(100).may_go_on


def test_who_waits_is_woken_once_there_is_room() -> None:
    memory = Memory(LIMIT)
    large, small = Holder(memory).hold(LIMIT), Holder(memory)
    assert not large.may_go_on
    assert not small.may_go_on
    large.hold(LIMIT - 1)
    assert (large.woken, small.woken) == (0, 0)  # a little below would be too early
    large.hold(LIMIT * 13 // 16)
    assert (large.woken, small.woken) == (0, 1)
    large.hold(LIMIT // 2)
    assert (large.woken, small.woken) == (1, 1)
    large.hold(0)
    assert large.woken == 1  # only who waits


def test_frames_that_fill_it_all_do_not_wait_for_each_other() -> None:
    """Each waits for its rest, and none would get any: one may always go on."""
    memory = Memory(LIMIT)
    holders = [Holder(memory).hold(LIMIT // 4, unfinished=True) for _ in range(4)]
    assert [holder.may_go_on for holder in holders] == [True, False, False, False]
    assert [holder.may_go_on for holder in holders] == [True, False, False, False]
    holders[0].hold(LIMIT // 4 + 1)  # it is whole
    assert [holder.woken for holder in holders] == [0, 1, 1, 1]
    assert [holder.may_go_on for holder in holders] == [False, True, False, False]
    memory.leave(holders[1])
    assert [holder.woken for holder in holders[2:]] == [2, 2]


def test_who_has_nothing_unfinished_does_not_take_that_place() -> None:
    memory = Memory(LIMIT)
    assert not Holder(memory).hold(LIMIT).may_go_on
    assert Holder(memory).hold(SMALL_BYTES + 1, unfinished=True).may_go_on


def test_who_is_favoured_does_not_keep_small_requests_out() -> None:
    memory = Memory(LIMIT)
    favoured = Holder(memory).hold(LIMIT * 3 // 4, unfinished=True)
    assert favoured.may_go_on
    favoured.hold(LIMIT, unfinished=True)
    assert Holder(memory).hold(SMALL_BYTES).may_go_on


def test_who_leaves_takes_everything_along() -> None:
    memory = Memory(LIMIT)
    one, other = Holder(memory).hold(LIMIT), Holder(memory)
    assert not one.may_go_on
    assert not other.may_go_on
    memory.leave(one)
    assert memory.used == 0
    assert (one.woken, other.woken) == (0, 1)


def test_while_it_is_scarce_nobody_gets_more_messages_who_is_owed_some() -> None:
    """Consumers who do not read would take all of it, and nobody else could say a word."""
    memory, outbox = Memory(LIMIT), Outbox(lambda: None)
    outbox.common = memory
    outbox.write(b"owed")
    assert outbox.has_room(100)
    other = Holder(memory).hold(LIMIT // 2)
    assert memory.scarce
    assert not outbox.has_room(100)
    outbox.sent(4)
    assert outbox.has_room(100)
    assert outbox.scarce, "and gets one message at a time"
    outbox.write(b"owed")
    other.hold(LIMIT // 2 - 1)
    assert outbox.has_room(100)
    assert not outbox.scarce
