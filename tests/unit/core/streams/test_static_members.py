"""Static members: those that have a name of their own and come back after a restart."""

import pytest
from tests.unit.core.streams.group_room import GROUP, Client, Room

from anymq.core.streams.group_calls import (
    GroupError,
    Leaver,
    State,
)


@pytest.fixture
def room() -> Room:
    return Room()


def static(room: Room, name: str, **words: object) -> Client:
    return room.member(name, instance_id=f"till-{name}", session_timeout_ms=60_000, **words)


def two_tills(room: Room, **words: object) -> tuple[Client, Client]:
    anna, bert = static(room, "anna", **words).joins(), static(room, "bert", **words).joins()
    anna.joins()
    bert.syncs()
    anna.syncs({anna: b"1", bert: b"2"})
    assert (anna.part, bert.part) == (b"1", b"2")
    return anna, bert


def test_a_static_member_that_restarts_finds_its_part(room: Room) -> None:
    """That is what they are for: a rolling restart without a single rebalance."""
    anna, bert = two_tills(room)
    old_id = bert.member_id
    again = static(room, "bert").joins()
    assert (again.error, again.generation) == (None, bert.generation)
    assert again.member_id != old_id
    assert again.syncs().part == b"2"
    assert anna.beats() is None


def test_the_one_it_replaces_is_fenced(room: Room) -> None:
    """Two processes with one instance id is a mistake, and the older one hears of it."""
    _, bert = two_tills(room)
    static(room, "bert").joins()
    assert bert.beats() is GroupError.FENCED_INSTANCE
    assert bert.syncs().part is GroupError.FENCED_INSTANCE
    assert bert.joins().error is GroupError.FENCED_INSTANCE
    assert bert.commits().error is GroupError.FENCED_INSTANCE
    assert room.groups.leave(GROUP, [Leaver(bert.member_id, "till-bert")]) == [
        GroupError.FENCED_INSTANCE
    ]


def test_the_one_it_replaces_is_fenced_while_it_waits(room: Room) -> None:
    anna, bert = two_tills(room)
    anna.joins()
    bert.joins()
    bert.syncs()
    again = static(room, "bert").joins()
    assert bert.part is GroupError.FENCED_INSTANCE
    assert again.waits  # the leader had the old id in its hands: everyone joins again
    anna.joins()
    assert anna.generation == again.generation == 4


def test_a_static_leader_that_restarts_is_told_to_leave_the_assignment(room: Room) -> None:
    two_tills(room)
    again = static(room, "anna", knows_skip_assignment=True).joins()
    assert again.joined is not None
    assert (again.leads, again.joined.skip_assignment) == (True, True)
    assert len(again.joined.members) == 2
    assert again.syncs().part == b"1"


def test_an_older_static_leader_that_restarts_does_not_learn_that_it_leads(room: Room) -> None:
    two_tills(room)
    again = static(room, "anna").joins()
    assert again.joined is not None
    assert (again.leads, again.joined.skip_assignment, again.joined.members) == (False, False, ())
    assert again.syncs().part == b"1"


def test_a_static_member_that_wants_other_topics_makes_all_join(room: Room) -> None:
    anna, _ = two_tills(room)
    again = static(room, "bert", topics=("orders", "bills")).joins()
    assert again.waits
    assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS


def test_a_static_member_stays_while_its_session_lasts(room: Room) -> None:
    """It did not join in time, but it has time to come back."""
    anna, bert = two_tills(room, rebalance_timeout_ms=10_000)
    carl = room.member("carl", rebalance_timeout_ms=10_000).joins()
    anna.joins()
    room.wait(11)
    assert (anna.generation, carl.generation) == (3, 3)
    assert bert.beats() is GroupError.ILLEGAL_GENERATION
    described = {one.instance_id for one in room.groups.describe(GROUP).members}
    assert described == {"till-anna", "till-bert", None}


def test_when_only_static_members_are_missed_the_group_waits_for_them(room: Room) -> None:
    """Nobody came back in time: no generation can begin, until one does or their sessions end."""
    anna, bert = two_tills(room, rebalance_timeout_ms=10_000)
    carl = room.member("carl", rebalance_timeout_ms=10_000).joins()
    carl.leaves()
    room.wait(11)
    assert room.state is State.PREPARING_REBALANCE
    bert.joins()
    room.wait(11)
    assert (bert.leads, bert.generation) == (True, 3)
    assert anna.beats() is GroupError.ILLEGAL_GENERATION


def test_a_static_member_that_comes_back_asks_for_its_part(room: Room) -> None:
    """It never did before its restart, and the time for that goes on."""
    anna, bert = static(room, "anna").joins(), static(room, "bert").joins()
    anna.joins()
    anna.syncs({anna: b"1", bert: b"2"})
    again = static(room, "bert").joins()
    assert again.error is None
    room.wait(40)
    assert anna.beats() is again.beats() is None
    room.wait(25)
    assert anna.beats() is GroupError.REBALANCE_IN_PROGRESS
    assert again.beats() is GroupError.UNKNOWN_MEMBER


def test_a_static_member_needs_no_second_join(room: Room) -> None:
    assert static(room, "anna").joins().asked == 1
